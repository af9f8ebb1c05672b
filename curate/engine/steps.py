"""Running the steps of a segment over one batch: rows stay at their index, verdicts are columns, a failing row is found and set aside."""

import re
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.arrow import missing, scatter
from curate.barrier import Barrier, Earlier, Round
from curate.engine.guard import Guard
from curate.errors import StageError
from curate.ledger import Balance
from curate.scans import Shared
from curate.schema import column, nameless
from curate.shards.settle import text_lengths
from curate.stage import DROP, VERDICT, Config, Stage, versions
from curate.steward import OVERRIDDEN, cleared
from curate.steward import STEP as STEWARD
from curate.store import File
from curate.suppress import STEP as SUPPRESS
from curate.thresholds import Thresholds

READ = "read"
"""Step name of reading, and of the barrier that removes records read twice."""
MESSAGE_CHARS = 500
ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")


@dataclass(frozen=True, kw_only=True)
class StageCall:
    """A stage as a recipe uses it. Crosses process boundaries as names and a config."""

    step: str
    stage: Stage
    config: Config
    only: tuple[str, ...] | None = None
    thresholds: Thresholds | None = None
    """Settings of the config by language; None: `config` is for all."""
    last_of_raw: bool = False
    """Whether no later step reads `raw`, which then ends here."""

    def identity(self) -> dict[str, Any]:
        """What the result depends on, as plain data; part of a task's name."""
        models = dict(self.stage.models(self.config)) if self.stage.models else {}
        return {
            "step": self.step,
            "stage": self.stage.name,
            "version": self.stage.version,
            "config": self.config.model_dump(mode="json"),
            "only": self.only,
            "last_of_raw": self.last_of_raw,
            "distributions": versions(self.stage.distributions),
            "models": models,
            **({"thresholds": self.thresholds.identity(self.stage)} if self.thresholds else {}),
        }

    def added(self) -> dict[str, pa.DataType]:
        """The columns that the step adds, by full name, verdict columns included."""
        adds = {column(self.step, name): dtype for name, dtype in self.stage.added(self.config).items()}
        if self.stage.rules:
            adds |= {column(self.step, name): dtype for name, dtype in VERDICT.items()}
        return adds

    def columns(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Measure and judge; where thresholds differ by language, the rows of each setting for themselves."""
        if self.thresholds is None:
            return self._columns(batch, self.config)
        groups = self.thresholds.groups(batch, self.config, self.step) or [(np.arange(0), self.config)]
        if len(groups) == 1:
            return self._columns(batch, groups[0][1])
        pieces = [self._columns(batch.take(pa.array(rows)), config) for rows, config in groups]
        back = pa.array(np.argsort(np.concatenate([rows for rows, _ in groups]), kind="stable"))
        return {name: pa.concat_arrays([piece[name] for piece in pieces]).take(back) for name in pieces[0]}

    def _columns(self, batch: pa.RecordBatch, config: Config) -> dict[str, pa.Array]:
        measured = self.stage.measure(batch, config, self.step)
        return measured | self.stage.judge(measured, config, self.step)


@dataclass(frozen=True, kw_only=True)
class Slot:
    """What one task left in an index: sorted keyed rows, and a row a document."""

    keys: tuple[File, ...]
    entries: File | None


@dataclass(frozen=True, kw_only=True)
class Segment:
    """What one earlier run left in an index at one barrier."""

    root: str
    """The index's folder."""
    run: str
    digest: str
    slots: tuple[Slot, ...]


INDEX_PART = 1 << 31
"""Parts from here on are slots of an index, those of all segments counted through."""


@dataclass(frozen=True, kw_only=True)
class BarrierCall:
    """A barrier as a recipe uses it."""

    step: str
    barrier: Barrier
    config: Config
    earlier: tuple[Segment, ...] = ()
    """What takes part of earlier runs."""
    found: tuple[tuple[str, bytes], ...] = ()
    """The files of its finding, once it is made, where it judges by them."""

    @property
    def rounds(self) -> tuple[Round, ...]:
        """The rounds, with what the earlier runs change in them."""
        if not self.earlier or self.barrier.memory is None:
            return self.barrier.rounds(self.config)
        sizes = [len(segment.slots) for segment in self.earlier]
        firsts = [(INDEX_PART + sum(sizes[:number])) << 32 for number in range(len(sizes))]
        earlier = Earlier(runs=tuple(segment.run for segment in self.earlier), firsts=tuple(firsts))
        return self.barrier.memory.rounds(self.config, earlier)

    @property
    def label(self) -> str:
        """How progress calls it: by its step, or by its own name where the engine put it in."""
        return self.step if self.step != READ else self.barrier.name

    def identity(self, first_sketch: bool = False) -> dict[str, Any]:
        """What the result depends on, as plain data. To the first sketch, earlier runs are there or not, whatever is in their indexes."""
        digests: Any = bool(self.earlier) if first_sketch else [[segment.run, segment.digest] for segment in self.earlier]
        return {
            "step": self.step,
            "barrier": self.barrier.name,
            "version": self.barrier.version,
            "config": self.config.model_dump(mode="json"),
            "distributions": versions(self.barrier.distributions),
            **({"models": dict(self.barrier.models(self.config))} if self.barrier.models else {}),
            **({"earlier": digests} if self.earlier else {}),
        }

    def added(self) -> dict[str, pa.DataType]:
        """The columns that its verdicts add, by full name."""
        return {column(self.step, name): dtype for name, dtype in self.barrier.adds.items()}


@dataclass
class Walk:
    """One batch on its way through the steps of a segment."""

    batch: pa.RecordBatch
    balance: Balance
    measure_all: bool = False
    """`after_verdict: measure`: rows with a verdict are measured further."""
    steps: list[str] = field(default_factory=list)
    """Steps that may have marked a row, in order."""
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    guard: Guard | None = None

    def __post_init__(self) -> None:
        self.alive = np.ones(self.batch.num_rows, dtype=bool)
        self.failed: np.ndarray = np.full(self.batch.num_rows, None, dtype=object)
        self._shared = Shared()

    def run(self, call: StageCall) -> None:
        """One stage over the rows that are still measured."""
        started = time.perf_counter()
        rows = self._rows(call.only)
        self.balance.entered[call.step] += len(rows)
        before = text_lengths(self.batch) if "text" in call.stage.replaces else None
        columns = self._guarded(call, rows)
        self._set(call.added(), call.stage.replaces, rows, columns)
        if before is not None:
            self._shared.replaced(columns["text"], rows, self.batch["text"])
            self._count_bytes(call.step, before)
        if call.stage.judges:
            self._close(call.step, call.stage.name)
        if call.last_of_raw:
            self.drop_raw()
        self.seconds[call.step] += time.perf_counter() - started

    def drop_raw(self) -> None:
        """Payload bytes are not carried further than the last step that reads them."""
        if "raw" in self.batch.schema.names:
            self.batch = self.batch.select([name for name in self.batch.schema.names if name != "raw"])

    def mark(self, call: BarrierCall, verdicts: pa.Table) -> None:
        """The verdicts of a barrier; `verdicts` has the column `row`, the index in the batch."""
        started = time.perf_counter()
        self.balance.entered[call.step] += int(self.alive.sum())
        before = text_lengths(self.batch) if "text" in call.barrier.replaces else None
        columns = call.barrier.apply(self.batch, verdicts, call.config, call.step, dict(call.found))
        self._set(call.added(), call.barrier.replaces, np.arange(self.batch.num_rows), columns)
        if before is not None:
            self._count_bytes(call.step, before)
        if call.barrier.judges:
            self._close(call.step, call.barrier.name)
        self.seconds[call.step] += time.perf_counter() - started

    def _rows(self, only: tuple[str, ...] | None) -> np.ndarray:
        """Indices of the rows that a step measures."""
        mask = missing(self.failed) if self.measure_all else self.alive.copy()
        if only is not None:
            mask &= np.asarray(pc.is_in(self.batch["source"], value_set=pa.array(list(only), pa.string())))
        return np.flatnonzero(mask)

    def _guarded(self, call: StageCall, rows: np.ndarray) -> dict[str, pa.Array]:
        """The stage's columns for `rows`; row by row, with a note before each, where an earlier worker died over this batch."""
        guard = self.guard
        if guard is None or not guard.is_careful(call.step):
            if guard is not None:
                guard.note(call.step)
            return self._isolated(call, rows)
        pieces, aside = [self._isolated(call, rows[:0])], guard.suspicion.aside
        for row in rows:
            identity = self.batch["id"][int(row)].as_py().hex()
            view = np.array([row])
            if why := aside.get((call.step, identity)):
                guard.set_aside.append([call.step, identity])
                pieces.append(self._failed(call, view, why))
            else:
                guard.note(call.step, identity)
                pieces.append(self._isolated(call, view))
        return {name: pa.concat_arrays([piece[name] for piece in pieces]) for name in pieces[0]}

    def _failed(self, call: StageCall, rows: np.ndarray, why: str) -> dict[str, pa.Array]:
        """One row leaves as an error of the step."""
        self.failed[rows[0]] = (call.step, why)
        self.alive[rows[0]] = False
        return self._nothing(call, self.batch.take(pa.array(rows)))

    def _isolated(self, call: StageCall, rows: np.ndarray) -> dict[str, pa.Array]:
        """The stage's columns for `rows`. Where it raises, the rows are halved until the guilty ones are found; those get nulls and leave as errors."""
        view = self.batch if len(rows) == self.batch.num_rows else self.batch.take(pa.array(rows))
        try:
            with self._shared.over(self.batch["text"], view["text"], rows):
                return call.columns(view)
        except (MemoryError, StageError):
            raise
        except Exception as error:
            if len(rows) == 1:
                return self._failed(call, rows, message(error))
            if len(rows) == 0:
                raise
        half = len(rows) // 2
        left, right = self._isolated(call, rows[:half]), self._isolated(call, rows[half:])
        return {name: pa.concat_arrays([left[name], right[name]]) for name in left}

    @staticmethod
    def _nothing(call: StageCall, view: pa.RecordBatch) -> dict[str, pa.Array]:
        """What a failing row gets: nulls, and its replaced columns as they were."""
        return {name: pa.nulls(view.num_rows, dtype) for name, dtype in call.added().items()} | {
            name: view[name] for name in call.stage.replaces
        }

    def _set(self, adds: Mapping[str, pa.DataType], replaces: Sequence[str], rows: np.ndarray, columns: Mapping[str, pa.Array]) -> None:
        """Put columns of `rows` at their place; other rows keep what is replaced and get null for what is added."""
        whole = len(rows) == self.batch.num_rows
        for name in (*replaces, *adds):
            array = columns[name]
            if name in replaces and not whole:
                mask = np.zeros(self.batch.num_rows, dtype=bool)
                mask[rows] = True
                array = pc.if_else(pa.array(mask), scatter(array, rows, self.batch.num_rows), self.batch[name])
            elif not whole:
                array = scatter(array, rows, self.batch.num_rows)
            if name in self.batch.schema.names:
                at = self.batch.schema.get_field_index(name)
                self.batch = self.batch.set_column(at, self.batch.schema.field(at), array)
            else:
                self.batch = self.batch.append_column(name, array)

    def _count_bytes(self, step: str, before: np.ndarray) -> None:
        """Bytes of text that the step added and cut, row by row."""
        change = text_lengths(self.batch) - before
        self.balance.added[step] += int(change[change > 0].sum())
        self.balance.cut[step] += int(-change[change < 0].sum())

    def _close(self, step: str, uses: str) -> None:
        """Rows that the step marked are no longer alive, but for those that a steward keeps."""
        self.steps.append(step)
        if uses == SUPPRESS:
            self.batch = emptied(self.batch, step)
        elif uses == STEWARD:
            self.batch = self.batch.append_column(OVERRIDDEN, pa.nulls(self.batch.num_rows, pa.string()))
        elif step != READ and OVERRIDDEN in self.batch.schema.names:
            self.batch = overridden(self.batch, step, uses)
        self.alive &= np.asarray(self.batch[column(step, DROP)].is_null())


def emptied(batch: pa.RecordBatch, step: str) -> pa.RecordBatch:
    """The batch with nothing left of the rows that `suppress` marked but id, source, place in the input and the verdict."""
    hit = batch[column(step, DROP)].is_valid()
    if not pc.any(hit).as_py():
        return batch
    stay = {"id", "source", "origin", *(column(step, word) for word in VERDICT)}
    arrays = [
        nameless(array, hit)
        if field.name == "origin"
        else array
        if field.name in stay
        else pc.if_else(hit, pa.scalar(None, field.type), array)
        for field, array in zip(batch.schema, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def overridden(batch: pa.RecordBatch, step: str, uses: str) -> pa.RecordBatch:
    """The batch with a step's verdicts on rows that a steward keeps moved to `overridden`, as `step:reason`; a row without a text cannot be kept."""
    decision, drop = batch[column(STEWARD, "decision")], batch[column(step, DROP)]
    stays = pc.equal(decision, "keep")
    for scope, reason in cleared(uses).items():
        approved = pc.equal(batch[column(STEWARD, "scope")], scope)
        stays = pc.or_kleene(stays, approved if reason is None else pc.and_(approved, pc.equal(drop, reason)))
    stays = pc.and_(pc.and_(pc.fill_null(stays, False), drop.is_valid()), batch["text"].is_valid())
    if not pc.any(stays).as_py():
        return batch
    told = batch[OVERRIDDEN].to_pylist()
    for row in np.flatnonzero(np.asarray(stays)):
        said = f"{step}:{drop[int(row)].as_py()}"
        told[row] = f"{told[row]}, {said}" if told[row] else said
    changed = {OVERRIDDEN: pa.array(told, pa.string())}
    changed |= {name: pc.if_else(stays, None, batch[name]) for name in (column(step, word) for word in VERDICT)}
    for name, array in changed.items():
        at = batch.schema.get_field_index(name)
        batch = batch.set_column(at, batch.schema.field(at), array)
    return batch


def message(error: BaseException) -> str:
    """An exception as one line that is the same in every process: memory addresses go, length is bounded."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return ADDRESS.sub("0x…", text)[:MESSAGE_CHARS]
