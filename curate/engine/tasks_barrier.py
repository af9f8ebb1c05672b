"""Tasks of a barrier's rounds: sketch one part, resolve one range, and the finding at the end."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.barrier import Round
from curate.engine.exchange import Cursor, RunWriter, merged, read_range, run_bytes
from curate.engine.recall import recalled
from curate.engine.steps import BarrierCall, Walk
from curate.engine.tasks import DocumentsPart, Mark, addresses, batches_with_marks, rows_at
from curate.errors import StageError
from curate.ledger import Balance, Outcome
from curate.store import File, Store, failpoint

AGAIN, WAITS = "again", "waits"


@dataclass(frozen=True, kw_only=True)
class SketchTask:
    """The sketch of one round over one part, its rows sorted into runs."""

    store: Store
    name: str
    part: DocumentsPart
    marks: tuple[Mark, ...]
    """Barriers before this one over the same parts; rows that they marked are not sketched."""
    call: BarrierCall
    round: int
    previous: tuple[File, ...] | None
    """Runs that the round before resolved, keyed by address; None in the first round."""
    spill_bytes: int
    phase: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Sketch every batch; rows are combined before they are written where the round says how."""
        started = time.perf_counter()
        this = self.call.rounds[self.round]
        writer = RunWriter(self.store, f"work/{self.name}/rows", self.spill_bytes)
        held = _Combined(writer, this, self.spill_bytes)
        num_documents = 0
        for batch, previous in self._batches():
            num_documents += batch.num_rows
            assert this.sketch is not None
            try:
                rows = this.sketch(batch, previous, self.call.config)
            except Exception as error:
                raise StageError(
                    f"barrier {self.call.step}, round {this.name}: expected to sketch part {self.part.index}, "
                    f"got {type(error).__name__}: {error}; first document {batch['id'][0].as_py().hex()}"
                ) from error
            held.write(check_keyed(rows, f"{self.call.step}, round {this.name}, sketch"))
        files = held.close()
        seconds = {self.call.step: time.perf_counter() - started}
        facts = {"rows": sum(file.rows for file in files), "documents": num_documents}
        return Outcome(task=self.name, kind="sketch", files={"rows": files}, facts=facts, seconds=seconds)

    def _batches(self) -> Iterator[tuple[pa.RecordBatch, pa.Table | None]]:
        """Batches of the rows that are still in, with their address, and what the round before resolved for them."""
        low, high = addresses(self.part)
        before: pa.Table | None = None
        if self.previous is not None:
            tables = list(read_range(self.store, self.previous, low, high))
            before = pa.concat_tables(tables).combine_chunks() if tables else None
            if before is None:
                return  # nothing was asked of this part
        for live, kept, first, num_rows in live_batches(self.store, self.part, self.marks, self.call.barrier.reads(self.call.config)):
            if before is None:
                yield live, None
                continue
            asked = rows_at(before, low + first, num_rows)
            if asked.num_rows:
                yield live, _renumbered(asked, kept, num_rows)


def live_batches(
    store: Store, part: DocumentsPart, marks: Sequence[Mark], reads: Sequence[str]
) -> Iterator[tuple[pa.RecordBatch, np.ndarray, int, int]]:
    """(the rows that no mark removed, with `at`; their index in the batch; the batch's first row in the part; its rows) of every batch."""
    wanted = ["id", "text", *reads]
    columns = list(dict.fromkeys([*wanted, *(c for mark in marks for c in mark.call.barrier.replaces)]))
    low, _ = addresses(part)
    for batch, first, verdicts in batches_with_marks(store, part, marks, columns):
        if batch.num_rows == 0:
            continue
        walk = Walk(batch, Balance())
        for mark, rows in zip(marks, verdicts, strict=True):
            walk.mark(mark.call, rows)
        at = pa.array(np.arange(low + first, low + first + batch.num_rows, dtype=np.uint64))
        live = walk.batch.append_column("at", at)
        kept = np.flatnonzero(walk.alive)
        yield live if len(kept) == batch.num_rows else live.take(pa.array(kept)), kept, first, batch.num_rows


def _renumbered(rows: pa.Table, kept: np.ndarray, num_rows: int) -> pa.Table:
    """`row` as an index into the rows that are still in."""
    if len(kept) == num_rows:
        return rows
    index = np.full(num_rows, -1, dtype=np.int64)
    index[kept] = np.arange(len(kept))
    at = rows.schema.get_field_index("row")
    return rows.set_column(at, "row", pa.array(index[rows["row"].to_numpy()]))


class _Combined:
    """A writer that merges rows before they spill."""

    def __init__(self, writer: RunWriter, this: Round, spill_bytes: int):
        self.writer, self.combine, self.spill_bytes = writer, this.combine, spill_bytes
        self.held: list[pa.Table] = []
        self.bytes = 0

    def write(self, rows: pa.Table) -> None:
        if self.combine is None:
            self.writer.write(rows)
            return
        self.held.append(rows)
        self.bytes += rows.nbytes
        if self.bytes >= self.spill_bytes:
            self._merge()
            if self.bytes >= self.spill_bytes // 2:  # merging no longer helps: these rows are what they are
                self._pass_on()

    def _merge(self) -> None:
        if self.held and self.combine is not None:
            merged = self.combine(pa.concat_tables(self.held))
            self.held, self.bytes = [merged], merged.nbytes

    def _pass_on(self) -> None:
        for table in self.held:
            self.writer.write(table)
        self.held, self.bytes = [], 0

    def close(self) -> list[File]:
        self._merge()
        self._pass_on()
        return self.writer.close()


def check_keyed(rows: pa.Table, where: str) -> pa.Table:
    """The table, if it begins with key, sub and id of the declared types."""
    types = [(field.name, field.type) for field in rows.schema][:3]
    expected = [("key", pa.uint64()), ("sub", pa.uint64()), ("id", pa.binary(16))]
    if types != expected:
        raise StageError(f"barrier {where}: expected rows that begin with {expected}, got {types}; use curate.barrier.keyed")
    return rows


@dataclass(frozen=True, kw_only=True)
class ResolveTask:
    """The resolve of one round over one key range."""

    store: Store
    name: str
    call: BarrierCall
    round: int
    runs: tuple[File, ...]
    low: int
    high: int
    whole: bool
    spill_bytes: int
    phase: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Walk the range; rows that are to come again, or do so with others, are kept apart from those that pass on."""
        started = time.perf_counter()
        this = self.call.rounds[self.round]
        where = f"{self.call.step}, round {this.name}, resolve"
        writers = {role: RunWriter(self.store, f"work/{self.name}/{role}", self.spill_bytes) for role in ("rows", AGAIN, WAITS)}
        cursors = [Cursor(self.store, file, self.low, self.high) for file in self.runs if file.rows]
        if self.round == 0:
            cursors += recalled(self.call, self.low, self.high)
        for table in this.resolve(merged(cursors), self.call.config, self.whole):
            check_keyed(table, where)
            if this.repeat:
                again, bare = np.asarray(pc.fill_null(table[AGAIN].cast(pa.int8()), 2)), table.drop_columns([AGAIN])
                for code, role in enumerate(("rows", AGAIN, WAITS)):
                    writers[role].write(bare.take(pa.array(np.flatnonzero(again == code))))
            else:
                writers["rows"].write(table)
        failpoint(f"resolving_{self.call.step}_{this.name}")
        files = {role: writer.close() for role, writer in writers.items()}
        seconds = {self.call.step: time.perf_counter() - started}
        facts = {role: sum(file.rows for file in written) for role, written in files.items()}
        return Outcome(task=self.name, kind="resolve", files=files, facts=facts, seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class FindingTask:
    """The finding of a barrier: all rows of its last round, whose number the recipe bounds, to a few files."""

    store: Store
    name: str
    call: BarrierCall
    runs: tuple[File, ...]
    phase: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Call the barrier's finding and write its files under their own names."""
        started = time.perf_counter()
        find: Callable[[Iterator[pa.Table], Any], Mapping[str, bytes]] | None = self.call.barrier.finding
        assert find is not None
        found = find(read_range(self.store, self.runs), self.call.config)
        files = {name: [self.store.write(f"work/{self.name}/{name}", data)] for name, data in sorted(found.items())}
        return Outcome(
            task=self.name,
            kind="finding",
            files=files,
            facts={"rows": sum(file.rows for file in self.runs), "bytes": run_bytes(self.runs)},
            seconds={self.call.step: time.perf_counter() - started},
        )


def digest_of(runs: Sequence[File]) -> list[str]:
    """Digests of runs, for the names of the tasks that read them."""
    return [file.digest for file in runs]
