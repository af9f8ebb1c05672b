"""Tasks of a barrier's index: what one part leaves in it, and what documents of earlier runs answer in later rounds."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from curate.arrow import one_chunk
from curate.engine.exchange import CONTENT, RunWriter, content, read_range
from curate.engine.recall import ENTRY_ROWS, entries
from curate.engine.steps import BarrierCall, Segment, Slot
from curate.engine.tasks import PART_SHIFT, DocumentsPart, Mark, rows_at
from curate.engine.tasks_barrier import check_keyed, live_batches
from curate.ledger import Outcome
from curate.store import File, Hashing, Store


@dataclass(frozen=True, kw_only=True)
class RememberTask:
    """What the documents of one part that stay at a barrier leave in the index."""

    store: Store
    name: str
    part: DocumentsPart
    marks: tuple[Mark, ...]
    """Of the barriers before this one and of this one."""
    call: BarrierCall
    spill_bytes: int
    phase: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Sorted keyed rows, and entries where the barrier has some; they become files of the index when the run is published."""
        started = time.perf_counter()
        memory, config = self.call.barrier.memory, self.call.config
        assert memory is not None
        keys = RunWriter(self.store, f"work/{self.name}/keys", self.spill_bytes, sealed=True)
        held: list[File] = []
        num_rows = 0
        with ExitStack() as stack:
            writer = EntriesWriter(self.store, f"work/{self.name}/entries.arrow", stack) if memory.holds else None
            for live, *_ in live_batches(self.store, self.part, self.marks, self.call.barrier.reads(config)):
                at = pa.array(np.arange(num_rows, num_rows + live.num_rows, dtype=np.uint64))
                numbered = live.set_column(live.schema.get_field_index("at"), "at", at)
                keys.write(check_keyed(memory.keys(numbered, config), f"{self.call.step}, index"))
                if writer is not None and memory.holds is not None:
                    writer.write(pa.table({"id": live["id"], **memory.holds(numbered, config)}))
                num_rows += live.num_rows
            if writer is not None:
                held = writer.close()
        files = {"keys": keys.close(), "entries": held}
        seconds = {self.call.step: time.perf_counter() - started}
        return Outcome(task=self.name, kind="remember", files=files, facts={"documents": num_rows}, seconds=seconds)


class EntriesWriter:
    """Writes entries as batches of exactly ENTRY_ROWS rows, but for the last, each with its digest. Memory: one batch and what is added."""

    def __init__(self, store: Store, path: str, stack: ExitStack):
        self.store, self.path, self.stack = store, path, stack
        self.sink: Hashing | None = None
        self.rows = 0
        self.held: pa.Table | None = None

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        self.held = table if self.held is None else pa.concat_tables([self.held, table])
        whole = self.held.num_rows // ENTRY_ROWS * ENTRY_ROWS
        for start in range(0, whole, ENTRY_ROWS):
            self._put(self.held.slice(start, ENTRY_ROWS))
        self.held = self.held.slice(whole)

    def _put(self, table: pa.Table) -> None:
        batch = pa.RecordBatch.from_arrays(
            [one_chunk(table[name]).take(pa.array(np.arange(table.num_rows))) for name in table.column_names], table.column_names
        )
        if self.sink is None:
            self.sink = self.stack.enter_context(self.store.put(self.path))
            self.out = self.stack.enter_context(pa.ipc.new_file(pa.PythonFile(self.sink, mode="w"), batch.schema))
        self.out.write_batch(batch, custom_metadata={CONTENT: content(batch)})
        self.rows += batch.num_rows

    def close(self) -> list[File]:
        """Write what is left; the file, or none if there were no rows."""
        if self.held is not None and self.held.num_rows:
            self._put(self.held)
        if self.sink is None:
            return []
        self.stack.close()
        return [self.sink.file(self.path, self.rows)]


@dataclass(frozen=True, kw_only=True)
class RecallTask:
    """What the documents of one slot of an index answer to those who asked them."""

    store: Store
    name: str
    call: BarrierCall
    segment: Segment
    slot: Slot
    number: int
    """The slot's part number."""
    previous: tuple[File, ...]
    spill_bytes: int
    phase: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Read the batches that hold rows which were asked, and no others."""
        started = time.perf_counter()
        assert self.call.barrier.memory is not None
        assert self.call.barrier.memory.sketch is not None
        low, high = self.number << PART_SHIFT, (self.number + 1) << PART_SHIFT
        writer = RunWriter(self.store, f"work/{self.name}/rows", self.spill_bytes)
        tables = list(read_range(self.store, self.previous, low, high))
        if tables:
            asked = pa.concat_tables(tables).combine_chunks()
            rows = np.unique(one_chunk(asked["key"]).to_numpy() - np.uint64(low)).astype(np.int64)
            for first, batch in entries(self.segment, self.slot, rows):
                at = np.arange(low + first, low + first + batch.num_rows, dtype=np.uint64)
                questions = rows_at(asked, low + first, batch.num_rows)
                answers = self.call.barrier.memory.sketch(batch.append_column("at", pa.array(at)), questions, self.call.config)
                writer.write(check_keyed(answers, f"{self.call.step}, index"))
        files = writer.close()
        seconds = {self.call.step: time.perf_counter() - started}
        facts = {"rows": sum(file.rows for file in files)}
        return Outcome(task=self.name, kind="recall", files={"rows": files}, facts=facts, seconds=seconds)
