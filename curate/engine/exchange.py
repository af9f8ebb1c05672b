"""The exchange: keyed rows sorted into runs on disk, and read back by key range in (key, sub, id) order.

A task sorts what it has and writes **runs**: Arrow IPC files of record batches whose first keys stand in the schema's metadata. A reader of the
range [low, high) opens every run, jumps to the batches that overlap, and merges. The number of ranges is chosen when all runs are there, so it
fits the data and no result depends on it. Memory: a writer holds `spill_bytes`; a reader holds, of each run, what one batch has of the
range, so never more than the range, however many runs there are, and keeps files open only where more than one batch of a run is in it.
"""

import base64
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from blake3 import blake3

from curate.arrow import one_chunk
from curate.kernels.gather import gather
from curate.schema import id_words
from curate.store import File, Store

KEY_SPACE = 1 << 64
BATCH_BYTES = 1 << 20
BATCH_ROWS = 16_384
FIRST_KEYS = b"curate.first_keys"
CONTENT = b"curate.content"
"""A sealed batch names the BLAKE3 of its rows, so that whoever reads one batch of a file can tell that it is whole."""


def order(table: pa.Table | pa.RecordBatch) -> np.ndarray:
    """Row numbers in (key, sub, id) order; equal rows stay in their order. Only rows that share their key are compared further."""
    keys = _column(table, "key")
    rows = np.argsort(keys, kind="stable")
    same = keys[rows[1:]] == keys[rows[:-1]]
    if not same.any():
        return rows
    places = np.flatnonzero(np.r_[False, same] | np.r_[same, False])
    tied = rows[places]
    ids = id_words(one_chunk(table["id"]).take(pa.array(tied)))
    rows[places] = tied[np.lexsort((ids[:, 1], ids[:, 0], _column(table, "sub")[tied], keys[tied]))]
    return rows


def _column(table: pa.Table | pa.RecordBatch, name: str) -> np.ndarray:
    return one_chunk(table[name]).to_numpy()


def sort(table: pa.Table) -> pa.Table:
    """The rows in (key, sub, id) order."""
    if table.num_rows < 2:
        return table
    rows = order(table)
    if (rows[1:] > rows[:-1]).all():
        return table
    return take_rows(table, rows)


def take_rows(table: pa.Table, rows: np.ndarray) -> pa.Table:
    """Rows int64[n] of a table. pyarrow moves lists of numbers value by value; here they are moved as the bytes they are, from whatever chunk."""
    index = pa.array(rows)
    columns = {
        name: _Lists(table[name]).take(rows) if _is_plain(table[name]) else one_chunk(table[name]).take(index)
        for name in table.column_names
    }
    return pa.table(columns, schema=table.schema)


def _is_plain(column: pa.ChunkedArray) -> bool:
    """Whether a column is of lists of numbers, without nulls."""
    if not pa.types.is_large_list(column.type) or not _is_whole(column.type.value_type):
        return False
    return all(chunk.null_count == 0 and chunk.values.null_count == 0 for chunk in column.chunks)


class _Lists:
    """The lists of a column as pieces of memory."""

    def __init__(self, column: pa.ChunkedArray):
        self.column, self.dtype = column, column.type
        self.width = self.dtype.value_type.bit_width // 8
        starts, sizes = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.int64)]
        for chunk in column.chunks:
            data = chunk.values.buffers()[1]
            ends = np.frombuffer(chunk.buffers()[1], dtype=np.int64)[chunk.offset : chunk.offset + len(chunk) + 1] if len(chunk) else [0]
            ends = (np.asarray(ends) + chunk.values.offset) * self.width
            starts.append(ends[:-1].astype(np.uint64) + np.uint64(data.address if data else 0))
            sizes.append(np.diff(ends))
        self.starts, self.sizes = np.concatenate(starts), np.concatenate(sizes)

    def take(self, rows: np.ndarray) -> pa.Array:
        """Some rows, in memory of their own."""
        sizes = self.sizes[rows]
        ends = np.concatenate(([0], np.cumsum(sizes)))
        moved = np.empty(int(ends[-1]), dtype=np.uint8)
        gather(self.starts[rows], sizes, moved)
        values = pa.Array.from_buffers(self.dtype.value_type, len(moved) // self.width, [None, pa.py_buffer(moved)])
        return pa.LargeListArray.from_arrays(pa.array(ends // self.width), values, type=self.dtype)


def _is_whole(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_integer(dtype) or pa.types.is_floating(dtype))


@dataclass(frozen=True)
class Runs:
    """Sorted runs by the range of keys that they can hold."""

    edges: tuple[int, ...]
    """Where ranges begin, rising from 0."""
    files: tuple[tuple[File, ...], ...]
    """The runs of each range."""

    def within(self, low: int, high: int) -> tuple[File, ...]:
        """The runs that can hold a key of [low, high)."""
        if high <= low:
            return ()
        first, last = bisect_right(self.edges, low) - 1, bisect_right(self.edges, high - 1) - 1
        return tuple(file for files in self.files[first : last + 1] for file in files)


def plain(runs: Sequence[File]) -> Runs:
    """Runs that may each hold any key."""
    return Runs((0,), (tuple(runs),))


class RunWriter:
    """Collects keyed rows and writes sorted runs `<stem>-000.arrow`, …, one whenever `spill_bytes` are held."""

    def __init__(self, store: Store, stem: str, spill_bytes: int, sealed: bool = False):
        self.store, self.stem, self.spill_bytes, self.sealed = store, stem, spill_bytes, sealed
        self.files: list[File] = []
        self._held: list[pa.Table] = []
        self._bytes = 0

    def write(self, table: pa.Table) -> None:
        """Add rows, in any order."""
        if table.num_rows == 0:
            return
        self._held.append(table)
        self._bytes += table.nbytes
        if self._bytes >= self.spill_bytes:
            self._spill()

    def close(self) -> list[File]:
        """Write what is left and name the runs."""
        self._spill()
        return self.files

    def _spill(self) -> None:
        if self._held:
            table = pa.concat_tables(self._held)
            self._held, self._bytes = [], 0
            self.files.append(write_run(self.store, f"{self.stem}-{len(self.files):03}.arrow", table, self.sealed, order(table)))


def content(batch: pa.RecordBatch) -> bytes:
    """BLAKE3 of the rows of a batch of fixed-width columns and lists of numbers, whatever the layout of its buffers; 64 hex digits."""
    hasher = blake3(str(batch.num_rows).encode())
    for column in batch.columns:
        if pa.types.is_large_list(column.type):
            hasher.update(np.diff(column.offsets.to_numpy()).tobytes())
            column = column.flatten()
        width = column.type.bit_width // 8
        data = column.buffers()[1]
        if len(column):
            hasher.update(memoryview(data)[column.offset * width : (column.offset + len(column)) * width])
    return hasher.hexdigest().encode()


def write_run(store: Store, path: str, table: pa.Table, sealed: bool = False, rows_in_order: np.ndarray | None = None) -> File:
    """Write a table as one run: sorted, or to be written with its rows (int64[n]) in the order given, which are moved a batch at a time."""
    if rows_in_order is None or (rows_in_order[1:] > rows_in_order[:-1]).all():
        rows_in_order = np.arange(table.num_rows)
    rows = max(1, min(BATCH_ROWS, int(BATCH_BYTES / max(1.0, table.nbytes / max(1, table.num_rows)))))
    lists = {name: _Lists(table[name]) for name in table.column_names if _is_plain(table[name])}
    index = pa.array(rows_in_order)
    rest = {
        field.name: one_chunk(table[field.name]) if pa.types.is_nested(field.type) else one_chunk(table[field.name]).take(index)
        for field in table.schema
        if field.name not in lists
    }
    keys = rest["key"].to_numpy()
    firsts = base64.b64encode(np.ascontiguousarray(keys[::rows], dtype="<u8").tobytes())
    schema = table.schema.with_metadata({FIRST_KEYS: firsts})
    with store.put(path) as sink, pa.ipc.new_file(pa.PythonFile(sink, mode="w"), schema) as writer:
        for start in range(0, table.num_rows, rows):
            batch = _batch(table.schema, lists, rest, rows_in_order, start, rows)
            writer.write_batch(batch, custom_metadata={CONTENT: content(batch)} if sealed else None)
    file = sink.file(path, table.num_rows)
    return File(path=file.path, bytes=file.bytes, digest=file.digest, rows=table.num_rows, text_bytes=table.nbytes)


def _batch(
    schema: pa.Schema, lists: dict[str, _Lists], rest: dict[str, pa.Array], order: np.ndarray, start: int, rows: int
) -> pa.RecordBatch:
    """Some rows of a run. Taking copies just these: a slice of nested columns would write its whole parent. The other columns are in order already."""
    some = order[start : start + rows]
    arrays = []
    for field in schema:
        if field.name in lists:
            arrays.append(lists[field.name].take(some))
        else:
            array = rest[field.name]
            arrays.append(array.take(pa.array(some)) if pa.types.is_nested(field.type) else array.slice(start, rows))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


class Cursor:
    """One run, from the first row of a range on: the current table and whether more follow."""

    def __init__(self, store: Store, file: File, low: int, high: int):
        self.high = high
        self.source = store.open(file.path, BATCH_BYTES)
        self.reader = pa.ipc.open_file(self.source)
        firsts = np.frombuffer(base64.b64decode(self.reader.schema.metadata[FIRST_KEYS]), dtype="<u8")
        # the batch before the first key >= low may still hold rows of the range
        self.next = max(0, int(np.searchsorted(firsts, np.uint64(low), side="left")) - 1) if len(firsts) else 0
        self.stop = int(np.searchsorted(firsts, np.uint64(high - 1), side="right")) if high > low else 0
        self.low = low
        self.table: pa.Table | None = None
        self.advance()

    def advance(self) -> None:
        """Move to the next batch with rows of the range; table is None at the end."""
        self.table = None
        while self.next < self.stop:
            batch = self.batch(self.next)
            self.next += 1
            keys = batch["key"].to_numpy()
            start = int(np.searchsorted(keys, np.uint64(self.low), side="left"))
            end = int(np.searchsorted(keys, np.uint64(self.high - 1), side="right"))
            if end > start:
                table = pa.Table.from_batches([batch.slice(start, end - start)])
                if end - start < batch.num_rows:
                    table = take_rows(table, np.arange(end - start))  # a slice would hold the whole batch
                self.table = self.rows(table.replace_schema_metadata(None))
                break
        if self.next >= self.stop:
            self.close()

    def batch(self, number: int) -> pa.RecordBatch:
        """A batch of the run as it is stored."""
        return self.reader.get_batch(number)

    def rows(self, table: pa.Table) -> pa.Table:
        """Rows of the range as they take part: here, as they are stored."""
        return table

    @property
    def more(self) -> bool:
        """Whether batches may follow the current one."""
        return self.next < self.stop

    def last(self) -> tuple[int, ...]:
        """(key, sub, id halves) of the current table's last row."""
        assert self.table is not None
        return _row(self.table, self.table.num_rows - 1)

    def split(self, bound: tuple[int, ...]) -> pa.Table | None:
        """Take the rows up to and including `bound` off the current table."""
        table = self.table
        assert table is not None
        low, high = 0, table.num_rows
        while low < high:
            middle = (low + high) // 2
            if _row(table, middle) <= bound:
                low = middle + 1
            else:
                high = middle
        if low == table.num_rows:
            self.advance()
            return table
        if low == 0:
            return None
        self.table = table.slice(low)
        return table.slice(0, low)

    def close(self) -> None:
        self.source.close()


def _row(table: pa.Table, row: int) -> tuple[int, ...]:
    identity = table["id"][row].as_py()
    return (
        table["key"][row].as_py(),
        table["sub"][row].as_py(),
        int.from_bytes(identity[:8], "big"),
        int.from_bytes(identity[8:], "big"),
    )


def read_range(store: Store, runs: Sequence[File], low: int = 0, high: int = KEY_SPACE) -> Iterator[pa.Table]:
    """All rows with low <= key < high, as sorted tables in order. Empty runs and empty ranges give nothing."""
    return merged(Cursor(store, file, low, high) for file in runs if file.rows)


def merged(of: Iterable[Cursor]) -> Iterator[pa.Table]:
    """The rows of sorted runs as sorted tables in order."""
    cursors = [cursor for cursor in of if cursor.table is not None]
    while cursors:
        unread = [cursor.last() for cursor in cursors if cursor.more]
        if unread:
            bound = min(unread)
            taken = [piece for cursor in cursors for piece in [cursor.split(bound)] if piece is not None]
        else:
            taken = [cursor.table for cursor in cursors if cursor.table is not None]
            for cursor in cursors:
                cursor.close()
            cursors = []
        cursors = [cursor for cursor in cursors if cursor.table is not None]
        if taken:
            yield sort(pa.concat_tables(taken)) if len(taken) > 1 else taken[0]


def read_pieces(store: Store, runs: Sequence[File], low: int = 0, high: int = KEY_SPACE) -> Iterator[pa.Table]:
    """The same rows as `read_range` gives, run after run and each in order, but not merged: for who sorts them all."""
    for file in runs:
        cursor = Cursor(store, file, low, high) if file.rows else None
        while cursor is not None and cursor.table is not None:
            yield cursor.table
            cursor.advance()


def ranges(num_bytes: int, range_bytes: int, at_least: int = 1) -> list[tuple[int, int]]:
    """Cut the key space into equal ranges, so many that one holds about `range_bytes`."""
    count = max(at_least, -(-num_bytes // range_bytes), 1)
    edges = [(KEY_SPACE * number) // count for number in range(count + 1)]
    return list(pairwise(edges))


def run_bytes(runs: Iterable[File]) -> int:
    """Bytes of the rows of runs in memory."""
    return sum(file.text_bytes for file in runs)


def collect(tables: Iterator[pa.Table], schema: Any = None) -> pa.Table | None:
    """All tables as one; None if there is none."""
    held = [table for table in tables if table.num_rows]
    return pa.concat_tables(held) if held else None
