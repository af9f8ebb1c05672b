"""What earlier runs left in an index, read as the exchange and the sketches need it; every batch is checked against its digest.

    PATH/<run>/manifest.json        format, parameters and files of each step; the runs that this one was compared with
    PATH/<run>/<BLAKE3>.arrow       keyed rows (a sorted run of the exchange), or entries (a row a document, ENTRY_ROWS a batch)

Memory: a batch of each open file; of entries, the batches that hold what is asked for.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from curate.arrow import one_chunk
from curate.engine.exchange import CONTENT, Cursor, content
from curate.engine.steps import INDEX_PART, BarrierCall, Segment, Slot
from curate.errors import DedupIndexError
from curate.store import File, Store

ENTRY_ROWS = 256
"""Documents in a batch of entries, so that the batch of a row is known without a search."""


def slots(call: BarrierCall) -> Iterator[tuple[int, Segment, Slot]]:
    """(part number, segment, slot) of all that takes part."""
    number = INDEX_PART
    for segment in call.earlier:
        for slot in segment.slots:
            yield number, segment, slot
            number += 1


def recalled(call: BarrierCall, low: int, high: int) -> list[Cursor]:
    """The stored keyed rows of a range, as rows of the first round."""
    return [
        _Recalled(call, segment, file, number << 32, low, high) for number, segment, slot in slots(call) for file in slot.keys if file.rows
    ]


def recalled_bytes(call: BarrierCall) -> int:
    """Bytes of all stored keyed rows in memory."""
    return sum(file.text_bytes for _, _, slot in slots(call) for file in slot.keys)


class _Recalled(Cursor):
    """A sorted run of an index: its rows get their address, and what the barrier says that they have in the first round."""

    def __init__(self, call: BarrierCall, segment: Segment, file: File, first: int, low: int, high: int):
        self.call, self.segment, self.file, self.first = call, segment, file, np.uint64(first)
        store = Store(segment.root)
        check_size(segment, file)
        try:
            super().__init__(store, file, low, high)
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise damaged(segment, file, error) from error

    def batch(self, number: int) -> pa.RecordBatch:
        """A batch that is whole."""
        return whole_batch(self.segment, self.file, self.reader, number)

    def rows(self, table: pa.Table) -> pa.Table:
        """Rows of the first round."""
        assert self.call.barrier.memory is not None
        at = one_chunk(table["at"]).to_numpy() + self.first
        return self.call.barrier.memory.recall(table.set_column(table.schema.get_field_index("at"), "at", pa.array(at)), self.call.config)


def entries(segment: Segment, slot: Slot, rows: np.ndarray) -> Iterator[tuple[int, pa.RecordBatch]]:
    """(number of its first row, batch) of every batch of a slot's entries that holds one of `rows` (int64, rising)."""
    file = slot.entries
    assert file is not None
    check_size(segment, file)
    with Store(segment.root).open(file.path) as source:
        try:
            reader = pa.ipc.open_file(source)
        except (pa.ArrowException, OSError) as error:
            raise damaged(segment, file, error) from error
        for number in np.unique(rows // ENTRY_ROWS).tolist():
            yield number * ENTRY_ROWS, whole_batch(segment, file, reader, number)


def whole_batch(segment: Segment, file: File, reader: pa.ipc.RecordBatchFileReader, number: int) -> pa.RecordBatch:
    """One batch; DedupIndexError if it is not what was written."""
    try:
        batch, said = reader.get_batch_with_custom_metadata(number)
        found = content(batch)
    except (pa.ArrowException, OSError, IndexError, ValueError) as error:
        raise damaged(segment, file, error) from error
    if said is None or said.get(CONTENT) != found:
        raise damaged(segment, file, f"a batch {number} of other content")
    return batch


def check_size(segment: Segment, file: File) -> None:
    """DedupIndexError unless the file is there with as many bytes as its manifest says."""
    found = Store(segment.root).size(file.path)
    if found != file.bytes:
        raise damaged(segment, file, "no file" if found is None else f"{found} bytes")


def damaged(segment: Segment, file: File, got: object) -> DedupIndexError:
    """The error for a file that is not what its manifest says."""
    said = " ".join(str(got).split())[:200]
    return DedupIndexError(
        f"index {segment.root}/{file.path}: expected {file.rows} rows in {file.bytes} bytes as in its manifest, got {said}; "
        f"run {segment.run} again, or take its folder out of the index"
    )
