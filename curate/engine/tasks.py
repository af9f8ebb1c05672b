"""Tasks over documents: a segment over one part.

A task is plain data with a name, a `run()` and nothing hidden: any engine can run it in any process, twice if need be, with the same files as result.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.arrow import text_bytes
from curate.engine.exchange import Runs, plain, read_range
from curate.engine.guard import Guard, Suspicion, suspect
from curate.engine.steps import BarrierCall, StageCall, Walk
from curate.ledger import Balance, Outcome
from curate.read import open_span
from curate.read.chunk import Chunk, Limits, ReadError, Source, Span
from curate.read.shapes import Described
from curate.schema import DOCUMENT, ID_MODULUS, column, document_id, id_sum
from curate.shards.settle import PartWriter, read_documents, settle
from curate.shards.splitting import split
from curate.store import File, Store
from curate.turns import TEXT

BATCH_ROWS = 1024
PART_SHIFT = 32
"""An address is part << 32 | row."""


def name_of(kind: str, identity: Any) -> str:
    """The name of a task: kind and 32 hex digits of the SHA-256 of what its result depends on, as canonical JSON."""
    plain = json.dumps(identity, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f"{kind}-{hashlib.sha256(plain.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The limits of the recipe that shape files."""

    file_rows: int
    file_bytes: int
    row_group_rows: int
    range_bytes: int
    document_bytes: int


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A barrier whose verdicts are there: runs keyed by address."""

    call: BarrierCall
    runs: Runs
    digest: str
    """Of the barrier as a whole: one parent, however many tasks it had."""


@dataclass(frozen=True, kw_only=True)
class DocumentsPart:
    """A part after the first segment: some files of the segment before."""

    index: int
    files: tuple[File, ...]

    def identity(self) -> Any:
        """Digests of the files. The index is part of addresses, but not of any result."""
        return {"index": self.index, "files": [file.digest for file in self.files]}


@dataclass(frozen=True, kw_only=True)
class InputPart:
    """A part of the first segment: spans of input files of one source."""

    index: int
    source: Source
    spans: tuple[Span, ...]

    def identity(self) -> Any:
        """How the source is read; container, version and cut of each span. The place of the files does not enter, only their versions."""
        spans = [[span.container, span.etag, span.start, span.end, span.kind] for span in self.spans]
        made: list[Any] = [self.source.template, self.source.query] if self.source.template or self.source.query else []
        if self.source.kind != TEXT:
            made += [self.source.kind, self.source.turns, sorted(self.source.markers.items()), sorted(self.source.roles)]
        return [self.source.name, sorted(self.source.fields.items()), spans, *made]


def addresses(part: "InputPart | DocumentsPart") -> tuple[int, int]:
    """The first address of a part, and the first after it."""
    return part.index << PART_SHIFT, (part.index + 1) << PART_SHIFT


def within(marks: Sequence[Mark], part: "InputPart | DocumentsPart") -> tuple[Mark, ...]:
    """The marks, with the runs that can speak of a part."""
    return tuple(replace(mark, runs=plain(mark.runs.within(*addresses(part)))) for mark in marks)


def batches_with_marks(
    store: Store, part: DocumentsPart, marks: Sequence[Mark], columns: Sequence[str] | None
) -> Iterator[tuple[pa.RecordBatch, int, list[pa.Table]]]:
    """The part's batches, each with its first row number in the part and the verdict rows of every mark (with `row`, the index in the batch)."""
    low, high = addresses(part)
    verdicts = [_slice(store, mark.runs.within(low, high), low, high) for mark in marks]
    first = 0
    for batch in read_documents(store, part.files, columns, BATCH_ROWS):
        yield batch, first, [_rows_of(table, mark, low + first, batch.num_rows) for table, mark in zip(verdicts, marks, strict=True)]
        first += batch.num_rows


def _slice(store: Store, runs: Sequence[File], low: int, high: int) -> pa.Table | None:
    tables = list(read_range(store, runs, low, high))
    return pa.concat_tables(tables).combine_chunks() if tables else None


def _rows_of(verdicts: pa.Table | None, mark: Mark, start: int, num_rows: int) -> pa.Table:
    """The verdict rows for addresses start … start + num_rows, with `row`."""
    if verdicts is None:
        empty = {name: pa.array([], dtype) for name, dtype in mark.call.barrier.adds.items()}
        return pa.table({"key": pa.array([], pa.uint64()), "row": pa.array([], pa.int64()), **empty})
    return rows_at(verdicts, start, num_rows)


def rows_at(table: pa.Table, start: int, num_rows: int) -> pa.Table:
    """Rows keyed by address start … start + num_rows, with `row`, the index in the batch."""
    keys = table["key"].to_numpy()
    low, high = np.searchsorted(keys, np.array([start, start + num_rows], dtype=np.uint64))
    return table.slice(low, high - low).append_column("row", pa.array((keys[low:high] - np.uint64(start)).astype(np.int64)))


@dataclass(frozen=True, kw_only=True)
class SegmentTask:
    """One part through the steps of a segment: read, mark, measure, judge, settle, write."""

    store: Store
    name: str
    part: InputPart | DocumentsPart
    marks: tuple[Mark, ...]
    steps: tuple[StageCall, ...]
    bounds: Bounds
    carry_raw: bool
    """Whether `raw` is still needed, or wanted, after the first step."""
    measure_all: bool
    carried: tuple[str, ...] = ()
    """Columns beyond the document's own that the inputs of the recipe carry along; every part has them all."""
    phase: str = ""
    suspicion: Suspicion = field(default_factory=Suspicion)
    """What earlier attempts died of; not part of the name, since the result is the same for all rows that do not kill."""

    @staticmethod
    def identity(
        marks: Sequence[Mark],
        steps: Sequence[StageCall],
        bounds: Bounds,
        carry_raw: bool,
        measure_all: bool,
        carried: Sequence[str],
    ) -> Any:
        """What the result depends on, beside the part."""
        return {
            "carried": list(carried),
            "marks": [[mark.call.identity(), mark.digest] for mark in marks],
            "steps": [step.identity() for step in steps],
            "bounds": [bounds.file_rows, bounds.file_bytes, bounds.row_group_rows, bounds.document_bytes],
            "carry_raw": carry_raw,
            "measure_all": measure_all,
            "schema": str(DOCUMENT),
        }

    @property
    def resources(self) -> Mapping[str, float]:
        """What the worker must have: the most that any step asks for."""
        needs: dict[str, float] = {}
        for step in self.steps:
            for resource, amount in step.stage.resources.items():
                needs[resource] = max(needs.get(resource, 0), amount)
        return needs

    @property
    def splitting(self) -> StageCall | None:
        """The last step, if it splits documents."""
        return self.steps[-1] if self.steps and self.steps[-1].stage.splits else None

    def suspecting(self, *, died: bool = False) -> "SegmentTask":
        """This task, careful where a dead attempt left a note; `died`: it was an attempt of this task as it is."""
        return replace(self, suspicion=suspect(self.store, self.name, self.suspicion if died else None))

    def run(self) -> Outcome:
        """Stream the part's batches through the steps and write both files."""
        run = _SegmentRun(self)
        finished = False
        try:
            if isinstance(self.part, InputPart):
                run.read(self.part)
            else:
                run.documents(self.part)
            outcome = run.finish()
            finished = True
            return outcome
        except BaseException:
            for writer in (run.kept, run.removed, run.hosts):
                writer.abandon()
            raise
        finally:
            run.guard.close(finished=finished)


@dataclass
class _SegmentRun:
    """The state of a running segment task."""

    task: SegmentTask
    balance: Balance = field(default_factory=Balance)
    seconds: dict[str, float] = field(default_factory=dict)
    raw_bytes: int = 0
    described: Described = field(default_factory=Described)

    def __post_init__(self) -> None:
        bounds = self.task.bounds
        self.kept, self.removed, self.hosts = (
            PartWriter(
                self.task.store,
                f"work/{self.task.name}/{role}",
                file_rows=bounds.file_rows,
                file_bytes=bounds.file_bytes,
                group_rows=bounds.row_group_rows,
            )
            for role in ("documents", "removed", "hosts")
        )
        self.schemas: tuple[pa.Schema, pa.Schema] | None = None
        self.guard = Guard(self.task.store, self.task.name, self.task.suspicion)

    def read(self, part: InputPart) -> None:
        """First segment: from spans."""
        limits = Limits(document_bytes=self.task.bounds.document_bytes, batch_rows=BATCH_ROWS)
        extra = self.task.carried
        for span in part.spans:
            started = time.perf_counter()
            for chunk in open_span(span, part.source, limits):
                self._spend("read", started)
                self._count(chunk, span.container)
                self._errors(chunk.errors, part.source, extra)
                if chunk.hosts is not None:
                    self.hosts.write(chunk.hosts)
                self._walk(with_columns(chunk.documents, extra), [])
                started = time.perf_counter()
            self._spend("read", started)
        if self.schemas is None:
            self._walk(with_columns(_empty(DOCUMENT), extra), [])

    def documents(self, part: DocumentsPart) -> None:
        """Later segments: from the files of the segment before."""
        started = time.perf_counter()
        for batch, _, verdicts in batches_with_marks(self.task.store, part, self.task.marks, None):
            self._spend("read", started)
            self._walk(batch, verdicts)
            started = time.perf_counter()

    def _count(self, chunk: Chunk, container: str) -> None:
        self.balance.records += chunk.documents.num_rows + sum(chunk.skipped.values()) + len(chunk.errors)
        self.balance.skipped.update(chunk.skipped)
        self.balance.read_errors += len(chunk.errors)
        self.described.add(container, chunk.described, chunk.fields)
        self.raw_bytes += int(pc.sum(pc.binary_length(chunk.documents["raw"])).as_py() or 0)

    def _errors(self, errors: Sequence[ReadError], source: Source, extra: Sequence[str]) -> None:
        """Records that could not be read become removed rows that name their origin."""
        if not errors:
            return
        rows = [error_row(error, source.name) for error in errors]
        batch = with_columns(pa.RecordBatch.from_pylist(rows, schema=DOCUMENT), extra)
        failed = np.empty(len(errors), dtype=object)
        failed[:] = [("read", error.message) for error in errors]
        # they pass through the same columns as documents do, so that all removed rows have one schema
        walk = Walk(batch.slice(0, 0), Balance(), self.task.measure_all)
        self._steps(walk)
        wide = with_types(batch, walk.batch.schema)
        settled = settle(wide, walk.steps, failed)
        self.removed.write(self._removed(settled.removed))
        self.balance.removed["read:error"] += len(errors)
        ids = id_sum(batch["id"])
        self.balance.ids_in += ids

    def _walk(self, batch: pa.RecordBatch, verdicts: Sequence[pa.Table]) -> None:
        self.guard.batch += 1
        walk = Walk(batch, self.balance, self.task.measure_all, guard=self.guard)
        self.balance.documents += batch.num_rows
        self.balance.ids_in += id_sum(batch["id"])
        self.balance.bytes_in += text_bytes(batch["text"])
        for mark, rows in zip(self.task.marks, verdicts, strict=True):
            walk.mark(mark.call, rows)
        self._steps(walk)
        started = time.perf_counter()
        settled = settle(walk.batch, walk.steps, walk.failed)
        kept = self._split(settled.kept)
        self.schemas = (kept.schema, self._removed(settled.removed).schema)
        self.kept.write(kept)
        self.removed.write(self._removed(settled.removed))
        self._tally(settled.removed)
        for step, seconds in walk.seconds.items():
            self.seconds[step] = self.seconds.get(step, 0.0) + seconds
        self._spend("write", started)

    def _steps(self, walk: Walk) -> None:
        if not self.task.carry_raw:
            walk.drop_raw()
        for call in self.task.steps:
            walk.run(call)

    def _split(self, kept: pa.RecordBatch) -> pa.RecordBatch:
        """The rows that go on, with segments in place of the documents that the last step cut."""
        last = self.task.splitting
        if last is None or last.stage.splits is None:
            return kept
        made, balance = split(kept, last.step, last.stage.splits), self.balance
        balance.born[last.step] += made.born
        balance.split[last.step] += made.split
        balance.cut[last.step] += made.cut
        balance.ids_born = (balance.ids_born + made.ids_born) % ID_MODULUS
        balance.ids_split = (balance.ids_split + made.ids_split) % ID_MODULUS
        return made.kept

    def _removed(self, removed: pa.RecordBatch) -> pa.RecordBatch:
        """The rows that leave, without the column that says where to cut."""
        last = self.task.splitting
        return removed if last is None else removed.drop_columns([column(last.step, str(last.stage.splits))])

    def _tally(self, removed: pa.RecordBatch) -> None:
        lengths = np.asarray(pc.fill_null(pc.binary_length(removed["text"]), 0))
        for reason, length in zip(removed["removed_by"].to_pylist(), lengths, strict=True):
            self.balance.removed[reason] += 1
            self.balance.removed_bytes[reason] += int(length)

    def _spend(self, step: str, since: float) -> None:
        self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - since

    def finish(self) -> Outcome:
        """Close the files; what was written is what is balanced."""
        started = time.perf_counter()
        kept_schema, removed_schema = self.schemas or (None, None)
        files = {"documents": self.kept.close(kept_schema), "removed": self.removed.close(removed_schema)}
        if found := self.hosts.close():
            files["hosts"] = found
        self._spend("write", started)
        balance = self.balance
        balance.kept, balance.ids_kept, balance.bytes_kept = self.kept.rows, self.kept.ids, self.kept.bytes
        balance.ids_removed, balance.bytes_removed = self.removed.ids, self.removed.bytes
        return Outcome(
            task=self.task.name,
            kind="segment",
            files=files,
            balance=balance,
            facts=self._facts(),
            seconds=self.seconds,
        )

    def _facts(self) -> dict[str, Any]:
        """Payload bytes; documents that were set aside; fields of the records of each container."""
        facts: dict[str, Any] = {"raw_bytes": self.raw_bytes}
        if self.guard.set_aside:
            facts["set_aside"] = self.guard.set_aside
        if isinstance(self.task.part, InputPart):
            facts |= self.described.facts(self.task.part.source.name)
        return facts


def error_row(error: ReadError, source: str) -> dict[str, Any]:
    """The document row of a record that could not be read: an id from its place, its origin, and nothing else."""
    place = f"{error.container}@{error.offset}"
    return {
        "id": document_id(source, error.url or place, None, place.encode() + error.message.encode()),
        "source": source,
        "url": error.url,
        "origin": {"container": error.container, "offset": error.offset, "length": None, "record_id": error.record_id},
    }


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=schema)


def with_columns(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    """The document columns, then the named carried columns as strings, null where the reader gave none."""
    arrays = [batch[name] for name in DOCUMENT.names]
    fields = list(DOCUMENT)
    for name in names:
        fields.append(pa.field(name, pa.string()))
        arrays.append(batch[name] if name in batch.schema.names else pa.nulls(batch.num_rows, pa.string()))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def with_types(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The rows with exactly the fields of a schema; columns that the batch lacks are null."""
    arrays = [
        batch[field.name].cast(field.type) if field.name in batch.schema.names else pa.nulls(batch.num_rows, field.type) for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
