"""What a stage is: a pure function from a record batch and a config to new columns. Stages measure; declared rules judge.

A stage is one file in `curate/stages/` with a docstring, a `Config` and one function decorated with `@stage`. The function gets a
record batch with the columns that it `reads` (perhaps more) and returns arrays by short name; the machine prefixes them with the step's name.
Rules say which measure removes a document; `judge` applies them, in order, the first that fires wins.
"""

import importlib
import importlib.metadata
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from curate.errors import StageError
from curate.schema import column

Columns = Mapping[str, pa.Array]

DROP, VALUE, THRESHOLD = "drop", "value", "threshold"
VERDICT = {DROP: pa.string(), VALUE: pa.string(), THRESHOLD: pa.string()}
"""What a step that judges itself adds: the reason, the measured value and the threshold, as text; null where the row stays."""
HELD = "held_"
"""A reason that starts so is quarantine: the row waits for a steward."""
DECIMALS = 4
"""Float measures are rounded to this many decimals before they are judged or stored, so that verdicts do not depend on the CPU."""

Operator = Literal["<", "<=", ">", ">=", "==", "!=", "in", "not in"]


class Config(BaseModel):
    """Base of step configs: frozen, no unknown fields, the sentence under each field is its documentation."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    def lacks(self) -> list[str]:
        """What a recipe must say for the step to do anything, one `field: expected …, got …; advice` each; a stage alone works without."""
        return []

    def also_reads(self) -> tuple[str, ...]:
        """Columns of other steps that a stage reads with this config, beside those that it always reads."""
        return ()

    def removes(self) -> bool:
        """Whether a stage that gives its own verdicts can remove anything with this config."""
        return True


@dataclass(frozen=True)
class Rule:
    """A document leaves with `reason` where `measure operator config.<limit>` holds. A limit of None switches the rule off; a null measure never fires."""

    reason: str
    measure: str
    operator: Operator
    limit: str

    def holds(self, measured: pa.Array, limit: Any) -> np.ndarray:
        """bool[n]: the rows on which the rule fires. `in` and `not in` take a list as limit."""
        if self.operator in ("in", "not in"):
            listed = pc.is_in(measured, value_set=pa.array(list(limit), measured.type))
            hit = listed if self.operator == "in" else pc.invert(listed)
            hit = pc.and_(hit, measured.is_valid())
        else:
            hit = _COMPARE[self.operator](measured, pa.scalar(limit))
        return np.asarray(pc.fill_null(hit, False) if hit.null_count else hit)


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
    "==": pc.equal,
    "!=": pc.not_equal,
}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage's declaration, and the function that it declares."""

    name: str
    version: int
    reads: tuple[str, ...]
    """Columns that the function reads, by full name; columns of other steps as `<step>__<measure>`."""
    adds: Mapping[str, pa.DataType]
    """Measures that it returns, by short name. Floats are float64. With `drop`, `value`, `threshold` it judges itself."""
    rules: tuple[Rule, ...]
    replaces: tuple[str, ...]
    """Document columns that it returns anew, such as `text`; it must then also add an `edits` count."""
    distributions: tuple[str, ...]
    """Installed packages whose version can change the result; they enter the task's name."""
    models: Callable[[Any], Mapping[str, str]] | None
    """Config → digests of the model files that it uses; they enter the task's name."""
    brings: Callable[[Any], Mapping[str, pa.DataType]] | None
    """Config → further columns that it adds, for a stage that takes them from a file."""
    resources: Mapping[str, float]
    """What a worker must have beyond a core: {"gpu": 1}."""
    config: type[Config]
    fn: Callable[[pa.RecordBatch, Any], Columns] = field(repr=False)
    module: str
    splits: str | None = None
    """The measure (list<int64>: starts and ends, by turns) that says into which bytes of its text a document is cut; see `curate/shards/splitting.py`."""

    def __reduce__(self) -> tuple[Callable, tuple[str]]:
        """A stage crosses a process boundary as the name of its module, never as code."""
        return _by_module, (self.module,)

    def added(self, config: Config) -> dict[str, pa.DataType]:
        """All measures that it returns with this config, by short name."""
        return dict(self.adds) | dict(self.brings(config) if self.brings else {})

    def measure(self, batch: pa.RecordBatch, config: Config, step: str) -> dict[str, pa.Array]:
        """Call the function and check what it returns: {full column name: array}; floats rounded, columns prefixed by the step's name."""
        wanted = (*self.reads, *config.also_reads())
        missing = [c for c in wanted if c not in batch.schema.names]
        if missing:
            raise StageError(
                f"step {step}: expected columns {list(wanted)}, got {batch.schema.names}; put the step that adds {missing} before it"
            )
        returned = dict(self.fn(batch, config))
        expected = {name: batch.schema.field(name).type for name in self.replaces} | self.added(config)
        if set(returned) != set(expected):
            raise StageError(f"step {step}: expected to return {sorted(expected)}, got {sorted(returned)}; match `adds` and `replaces`")
        named = {}
        for name, dtype in expected.items():
            array = returned[name]
            if array.type != dtype or len(array) != batch.num_rows:
                raise StageError(
                    f"step {step}: expected {name} as {batch.num_rows} x {dtype}, got {len(array)} x {array.type}; match the declaration"
                )
            named[name if name in self.replaces else column(step, name)] = rounded(array)
        return named

    def judge(self, columns: Columns, config: Config, step: str) -> dict[str, pa.Array]:
        """The verdict columns `<step>__drop`, `<step>__value`, `<step>__threshold`; empty for a stage that removes nothing."""
        if not self.rules:
            return {}
        length = len(next(iter(columns.values())))
        reason, value, threshold = (np.full(length, None, dtype=object) for _ in range(3))
        stays = np.ones(length, dtype=np.bool_)
        for rule in self.rules:
            limit = getattr(config, rule.limit)
            if limit is None:
                continue
            measured = columns[column(step, rule.measure)]
            rows = np.flatnonzero(rule.holds(measured, limit) & stays)
            if len(rows) == 0:
                continue
            stays[rows] = False
            reason[rows] = rule.reason
            threshold[rows] = f"{rule.operator} {written(limit)}"
            for row, found in zip(rows, measured.take(pa.array(rows)).to_pylist(), strict=True):
                value[row] = written(found)
        verdict = {DROP: reason, VALUE: value, THRESHOLD: threshold}
        return {column(step, name): pa.array(array, pa.string()) for name, array in verdict.items()}

    @property
    def judges(self) -> bool:
        """Whether the stage can remove documents."""
        return bool(self.rules) or DROP in self.adds


def written(value: Any) -> str:
    """A measured value or a limit as the text that a removed row carries: shortest form, lists in brackets."""
    if isinstance(value, float):
        return repr(round(value, DECIMALS))
    if isinstance(value, list | tuple):
        return "[" + ", ".join(str(v) for v in value) + "]"
    return str(value)


def rounded(array: pa.Array) -> pa.Array:
    """Float64 measures to DECIMALS places; minus zero becomes zero; other types as they are."""
    if not pa.types.is_floating(array.type):
        return array
    return pc.add(pc.round(array, ndigits=DECIMALS), 0.0)


def stage(
    *,
    version: int,
    reads: tuple[str, ...],
    adds: Mapping[str, pa.DataType],
    rules: tuple[Rule, ...] = (),
    replaces: tuple[str, ...] = (),
    distributions: tuple[str, ...] = (),
    models: Callable[[Any], Mapping[str, str]] | None = None,
    brings: Callable[[Any], Mapping[str, pa.DataType]] | None = None,
    resources: Mapping[str, float] = MappingProxyType({}),
    splits: str | None = None,
) -> Callable[[Callable[[pa.RecordBatch, Any], Columns]], Stage]:
    """Declare the decorated function as the one stage of its module; the step's name is the function's. Fields: see `Stage`."""

    def declare(fn: Callable[[pa.RecordBatch, Any], Columns]) -> Stage:
        config = fn.__annotations__["config"]
        bad = [name for name, dtype in adds.items() if pa.types.is_floating(dtype) and dtype != pa.float64()]
        if bad:
            raise StageError(
                f"stage {fn.__name__}: expected float measures as float64, got {bad}; a float32 threshold is not the number written"
            )
        if replaces and "edits" not in adds:
            raise StageError(f"stage {fn.__name__}: expected an `edits` count beside replaces={replaces}, got {sorted(adds)}; add it")
        for rule in rules:
            if rule.measure not in adds or rule.limit not in config.model_fields:
                raise StageError(
                    f"stage {fn.__name__}: expected rule {rule.reason} over a measure and a config field, got {rule}; declare both"
                )
        return Stage(
            name=fn.__name__,
            version=version,
            reads=reads,
            adds=MappingProxyType(dict(adds)),
            rules=rules,
            replaces=replaces,
            distributions=distributions,
            models=models,
            brings=brings,
            resources=resources,
            config=config,
            fn=fn,
            module=fn.__module__,
            splits=splits,
        )

    return declare


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Names of all stages, from the file names in `curate/stages/`; nothing is imported."""
    package = importlib.import_module("curate.stages")
    return tuple(sorted(info.name for info in pkgutil.iter_modules(package.__path__)))


def load(name: str) -> Stage:
    """The stage of that name."""
    return _by_module(f"curate.stages.{name}")


@cache
def _by_module(module: str) -> Stage:
    declared = [v for v in vars(importlib.import_module(module)).values() if isinstance(v, Stage) and v.module == module]
    if len(declared) != 1:
        raise StageError(f"{module}: expected exactly one stage, got {len(declared)}; one file declares one stage")
    return declared[0]


def versions(distributions: tuple[str, ...]) -> dict[str, str]:
    """Installed versions of distributions; a missing one is `absent`."""
    return {name: _version(name) for name in distributions}


@cache
def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
