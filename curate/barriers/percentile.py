"""Percentiles: limits computed from the corpus itself, for each language its own, instead of numbers tuned for English. After FineWeb-2.

Penedo et al. 2025 (FineWeb-2) found that Gopher's limits cut other languages blindly, and took them from each language's own
distribution instead; `10` for a least and `90` for a greatest value is their 10-tail. A stage measures with its limits set to null, this
barrier counts its measures under each value of `by`, puts each limit at the wanted percentile, and removes what lies beyond.

    - gopher_quality: {min_alpha_words: null}
    - percentile: {limits: {gopher_quality: {min_alpha_words: 10}}}

    - percentile: {limits: {gopher_quality: {min_alpha_words: {way: mean_std, limit: 0.8, like: en}}}}

The second form carries a limit that is right for one language over to the others (`curate/limits.py`): the same `quantile`, as many standard
deviations from the mean (`mean_std`) or the same multiple of the median (`median_ratio`); `{way: median_std, least: 0.3, greatest: 0.9}` for `min_score`
of `language` is how FineWeb-2 takes its limits of language scores.

The run keeps the limits in `findings/percentile-thresholds.yaml`. A later run takes them with `gopher_quality: {thresholds: FILE}` and
decides alike, document by document.

Values with fewer than `min_documents` documents have no limits of their own: those of all documents are theirs (`default` in the file).
A percentile is exact to the rounding of measures (0.0001) up to 1.6, and to 1 in 8192 of the value above: measures are counted in fixed
buckets, whose counts add up in any order. At most the share that was asked leaves; equal values stay together.
Misses: documents that a step before has removed are not counted. Limits tell the tails of a language, not that they are bad: a corpus of
good documents loses as many as one of bad ones.
Price: a row for each different bucket of a measure and part.

column                  type    meaning
drop, value, threshold  string  `<step>_<reason of its rule>`, what was measured, and the limit
"""

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate import stage as stages
from curate.arrow import missing, one_chunk
from curate.barrier import Barrier, Round, keyed, whole_keys
from curate.limits import Summary, Wanted, Way, carried, summary, within
from curate.schema import column
from curate.stage import DECIMALS, DROP, THRESHOLD, VALUE, VERDICT, Rule, written
from curate.stage import Config as Base
from curate.thresholds import DEFAULT, dumped, loaded

FILE = "thresholds.yaml"
SCALE = 10**DECIMALS
EXACT_BITS = 14
"""Scaled values below 2^14 have a bucket each; greater ones share it with those of the same 14 leading bits."""
MIDDLE = 1 << 63
OPERATORS = ("<", "<=", ">", ">=")


class Config(Base):
    """Which limits are computed, from which documents."""

    limits: dict[str, dict[str, Wanted]] = Field(default_factory=dict)
    """Step → its field with a limit → percentile, 0 to 100: about so many in a hundred documents measure less than the limit; or another way to it."""
    by: str | None = "language__label"
    """Column whose values have limits of their own; null: one limit for all documents."""
    min_documents: int = Field(default=1000, ge=1)
    """Values with fewer documents take the limits of all documents."""
    uses: dict[str, str] = Field(default_factory=dict)
    """For steps under another name (`as`): their name → their stage."""

    @model_validator(mode="after")
    def _known(self) -> "Config":
        for step, fields in self.limits.items():
            name = self.uses.get(step, step)
            if name not in stages.names():
                raise ValueError(
                    f"limits: expected the names of stages, got {step}; for one under another name add `uses: {{{step}: STAGE}}`"
                )
            known = [rule.limit for rule in stages.load(name).rules if rule.operator in OPERATORS]
            for field, percent in fields.items():
                if isinstance(percent, Way) and percent.way != "median_std" and self.by is None:
                    raise ValueError(f"limits.{step}.{field}: expected `by` beside a limit that is carried over, got null; name a column")
                if field not in known:
                    raise ValueError(f"limits.{step}: expected limits of its rules {known}, got {field}")
                if not isinstance(percent, Way) and not 0 <= percent <= 100:
                    raise ValueError(f"limits.{step}.{field}: expected a percentile from 0 to 100, got {percent}")
        return self

    def lacks(self) -> list[str]:
        """What a recipe must add."""
        return (
            []
            if self.limits
            else ["limits: expected limits to compute, got none; write for example {gopher_quality: {min_alpha_words: 10}}"]
        )


class Limit(NamedTuple):
    """One limit that is computed."""

    step: str
    field: str
    wanted: float | Way
    rule: Rule
    whole: bool
    """Whether it is measured in whole numbers."""
    taken_by: Any
    """The config's field."""

    @property
    def lower(self) -> bool:
        """Whether it is a least value."""
        return self.rule.operator in ("<", "<=")

    @property
    def column(self) -> str:
        """The measure, by full name."""
        return column(self.step, self.rule.measure)


def limits_of(config: Config) -> list[Limit]:
    """The limits, in the order of the recipe."""
    found = []
    for step, fields in config.limits.items():
        declared = stages.load(config.uses.get(step, step))
        for field, percent in fields.items():
            rule = next(rule for rule in declared.rules if rule.limit == field)
            found.append(
                Limit(step, field, percent, rule, pa.types.is_integer(declared.adds[rule.measure]), declared.config.model_fields[field])
            )
    return found


def bucket(scaled: np.ndarray) -> np.ndarray:
    """int64[n]: the lower edge of the bucket of each scaled value (int64): the value with all but its EXACT_BITS leading bits cleared."""
    length = np.zeros(len(scaled), dtype=np.int64)
    rest = np.abs(scaled) >> EXACT_BITS
    while rest.any():
        length += rest > 0
        rest >>= 1
    return (scaled >> length) << length


def _width(edge: int) -> int:
    """Scaled values in the bucket of an edge."""
    return 1 << max(0, abs(edge).bit_length() - EXACT_BITS)


def _reads(config: Config) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*([config.by] if config.by else []), *(limit.column for limit in limits_of(config))]))


def _rounds(config: Config) -> tuple[Round, ...]:
    return (Round(name="count", sketch=sketch, combine=combine, resolve=resolve),)


def sketch(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """A row for each bucket of each limit, under each value of `by` and under DEFAULT."""
    names, code = _coded(batch, config)
    tables = [_rows([], np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for number, limit in enumerate(limits_of(config)):
        there = np.flatnonzero(np.asarray(batch[limit.column].is_valid()))
        edges = bucket(_scaled(batch[limit.column].take(pa.array(there)), limit))
        groups = code[there]
        grouped = np.r_[groups[groups >= 0], np.full(len(there), len(names))]
        pairs, counts = np.unique(np.stack([grouped, np.r_[edges[groups >= 0], edges]]), axis=1, return_counts=True)
        tables.append(_rows([*names, DEFAULT], pairs[0], np.full(len(counts), number), pairs[1], counts))
    return pa.concat_tables(tables)


def _coded(batch: pa.RecordBatch, config: Config) -> tuple[list[str], np.ndarray]:
    """The values of `by` in the batch, and int64[n]: each row's place among them, -1 for none."""
    if config.by is None:
        return [], np.full(batch.num_rows, -1, dtype=np.int64)
    coded = batch[config.by].cast(pa.string()).dictionary_encode()
    return coded.dictionary.to_pylist(), np.asarray(pc.fill_null(coded.indices, -1)).astype(np.int64)


def _scaled(measured: pa.Array, limit: Limit) -> np.ndarray:
    values = np.asarray(measured)
    return values.astype(np.int64) if limit.whole else np.rint(values * SCALE).astype(np.int64)


def _rows(names: list[str], group: np.ndarray, limit: np.ndarray, edge: np.ndarray, count: np.ndarray) -> pa.Table:
    """Keyed rows: key and id = BLAKE2b of limit and value of `by`, sub = the bucket's edge, so that a key's buckets come in order."""
    digests = [blake2b(f"{number}\0{names[one]}".encode(), digest_size=16).digest() for number, one in zip(limit, group, strict=True)]
    words = np.frombuffer(b"".join(digests), dtype="<u8").reshape(-1, 2)
    sub = (edge + np.int64(-MIDDLE)).view(np.uint64) if len(edge) else np.zeros(0, np.uint64)
    payload = {"by": pa.array([names[one] for one in group], pa.string()), "limit": pa.array(limit, pa.int64())}
    return keyed(
        words[:, 0], sub, pa.array(digests, pa.binary(16)), **payload, edge=pa.array(edge, pa.int64()), count=pa.array(count, pa.int64())
    )


def combine(table: pa.Table) -> pa.Table:
    """Rows of one bucket become one."""
    if table.num_rows == 0:
        return table
    names = [name for name in table.column_names if name != "count"]
    summed = table.group_by(names, use_threads=False).aggregate([("count", "sum")]).rename_columns([*names, "count"])
    return summed.select(table.column_names).cast(table.schema)


def resolve(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """One row for each limit and value of `by`: where the percentile lies, or a summary. Memory: the buckets of one limit."""
    limits = limits_of(config)
    for table in whole_keys(tables):
        keys = one_chunk(table["key"]).to_numpy()
        starts = np.r_[0, np.flatnonzero(np.diff(keys)) + 1, len(keys)]
        for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            rows = table.slice(start, end - start)
            limit = limits[rows["limit"][0].as_py()]
            edges, counts = one_chunk(rows["edge"]).to_numpy(), one_chunk(rows["count"]).to_numpy()
            yield _found(rows.slice(0, 1), edges, counts, limit)


FOUND = {"mean": pa.string(), "deviation": pa.float64(), "median": pa.int64(), "points": pa.list_(pa.int64())}
"""A summary in a row; the mean is a fraction as text."""


def _found(row: pa.Table, edges: np.ndarray, counts: np.ndarray, limit: Limit) -> pa.Table:
    """The row of one limit and value of `by`."""
    if isinstance(limit.wanted, Way):
        at, made = 0, summary(edges, counts, np.array([_width(edge) for edge in edges.tolist()], dtype=np.int64))
        told: list[Any] = [str(made.mean), made.deviation, made.median, list(made.points)]
    else:
        at, told = _cut(edges, counts, limit, limit.wanted), [None] * len(FOUND)
    values = {"edge": pa.array([at], pa.int64()), "count": pa.array([int(counts.sum())], pa.int64())}
    for name, array in values.items():
        row = row.set_column(row.schema.get_field_index(name), name, array)
    for (name, dtype), value in zip(FOUND.items(), told, strict=True):
        row = row.append_column(name, pa.array([value], dtype))
    return row


def _cut(edges: np.ndarray, counts: np.ndarray, limit: Limit, percent: float) -> int:
    """The scaled limit that leaves at most the wanted share beyond it. edges rise, and may repeat."""
    total = int(counts.sum())
    millionths = round(percent * 10_000)
    if limit.lower:
        may_leave = total * millionths // 1_000_000
        edge = int(edges[min(int(np.searchsorted(np.cumsum(counts), may_leave, side="right")), len(edges) - 1)])
        return edge if limit.rule.operator == "<" else max(edge - 1, min(edge, 0))
    may_leave = total * (1_000_000 - millionths) // 1_000_000
    beyond = np.cumsum(counts[::-1])
    edge = int(edges[::-1][min(int(np.searchsorted(beyond, may_leave, side="right")), len(edges) - 1)])
    return edge + _width(edge) - (1 if limit.rule.operator == ">" else 0)


def finding(tables: Iterator[pa.Table], config: Config) -> Mapping[str, bytes]:
    """thresholds.yaml: for each step the limits under each value of `by` that has documents enough, and those of all."""
    limits = limits_of(config)
    steps: dict[str, dict[str, dict[str, Any]]] = {}
    documents: dict[str, int] = {}
    found = sorted((row for table in tables for row in table.to_pylist()), key=lambda row: (row["by"], row["limit"]))
    known = {(row["by"], row["limit"]): row for row in found if row["by"] == DEFAULT or row["count"] >= config.min_documents}
    for row in found:
        value, number, limit = row["by"], row["limit"], limits[row["limit"]]
        documents[value] = max(row["count"], documents.get(value, 0))
        if (value, number) in known:
            steps.setdefault(limit.step, {}).setdefault(value, {})[limit.field] = _limit(row, limit, known)
    for settings in steps.values():
        for value, fields in settings.items():
            settings[value] = settings[DEFAULT] | fields
    return {FILE: dumped(config.by, steps, documents)}


def _limit(row: dict[str, Any], limit: Limit, known: Mapping[tuple[str, int], dict[str, Any]]) -> int | float:
    """The limit as the step's config takes it."""
    scale = 1 if limit.whole else SCALE
    if not isinstance(limit.wanted, Way):
        return row["edge"] if limit.whole else round(row["edge"] / SCALE, DECIMALS)
    like = known.get((limit.wanted.like, row["limit"]))
    own = _summary(row)
    reference = own if like is row else _summary(like) if like else None
    value = round(within(carried(limit.wanted, limit.lower, own, reference, scale), limit.taken_by), DECIMALS)
    if not limit.whole:
        return value + 0.0
    return math.ceil(value) if limit.rule.operator in ("<", ">=") else math.floor(value)


def _summary(row: dict[str, Any]) -> Summary:
    return Summary(row["count"], Fraction(row["mean"]), row["deviation"], row["median"], tuple(row["points"]))


def judge(batch: pa.RecordBatch, found: Mapping[str, bytes], config: Config) -> Mapping[str, pa.Array]:
    """The first limit in the order of the recipe that a document is beyond."""
    steps = _steps(found[FILE])
    names, code = _coded(batch, config)
    reason, value, threshold = (np.full(batch.num_rows, None, dtype=object) for _ in range(3))
    for limit in limits_of(config):
        settings = steps.get(limit.step, {})
        bounds = [_bound(settings, name, limit) for name in (*names, None)]
        measured = batch[limit.column]
        for place, bound in enumerate(bounds):
            if bound is None:
                continue
            mine = code == (place if place < len(names) else -1)
            hit = np.flatnonzero(mine & missing(reason) & limit.rule.holds(measured, bound))
            reason[hit] = f"{limit.step}_{limit.rule.reason}"
            threshold[hit] = f"{limit.rule.operator} {written(bound)}"
            for row in hit:
                value[row] = written(measured[int(row)].as_py())
    return {DROP: pa.array(reason, pa.string()), VALUE: pa.array(value, pa.string()), THRESHOLD: pa.array(threshold, pa.string())}


def _bound(settings: Mapping[str, Mapping[str, Any]], name: str | None, limit: Limit) -> Any:
    """The limit for a value of `by`; what its own setting does not say, it has not: a later run reads the file in the same way."""
    return settings.get(DEFAULT if name is None or name not in settings else name, {}).get(limit.field)


@lru_cache(maxsize=4)
def _steps(data: bytes) -> dict[str, dict[str, dict[str, Any]]]:
    return loaded(data)


percentile = Barrier(
    name="percentile",
    version=2,
    config=Config,
    reads=_reads,
    rounds=_rounds,
    adds=VERDICT,
    finding=finding,
    judge=judge,
    idempotent=False,
    module=__name__,
)
