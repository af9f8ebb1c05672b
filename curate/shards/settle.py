"""The only place where a row leaves: read the verdict columns in step order, send each row to `kept` or `removed`, write both.

A removed row carries all its columns and

column       type     meaning
removed_by   string   `step:reason`; `step:error` for a document that a step could not treat
value        string   the measured value, or the message of the error
threshold    string   operator and limit, or null

What is written depends on the rows and their order only, never on how they came in batches: row groups and files are cut by row.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.arrow import missing, text_bytes
from curate.schema import ID_MODULUS, column, id_sum
from curate.stage import DROP, THRESHOLD, VALUE
from curate.store import File, Store

ERROR = "error"
"""The reason word of a document that a step could not treat."""
REMOVED_COLUMNS = {"removed_by": pa.string(), "value": pa.string(), "threshold": pa.string()}
GROUP_TEXT_BYTES = 64 << 20
"""A row group is closed when its text passes this, whatever its rows."""
LONG = ("text", "raw")
"""Columns whose values hardly come twice: a dictionary of them would be a copy of the largest ones in memory, twice."""


@dataclass(frozen=True)
class Settled:
    """A batch cut in two. kept.num_rows + removed.num_rows is the batch's."""

    kept: pa.RecordBatch
    removed: pa.RecordBatch


def settle(batch: pa.RecordBatch, steps: Sequence[str], failed: np.ndarray | None = None) -> Settled:
    """Apply the verdict columns of `steps`, first step first. `failed`: object[n], `(step, message)` for rows that a step could not treat.

    Verdict columns leave the kept rows (they are all null there); removed rows keep `<step>__drop`.
    """
    reason, value, threshold = _verdicts(batch, steps)
    if failed is not None:
        for row in np.flatnonzero(~missing(failed)):
            step, message = failed[row]
            reason[row], value[row], threshold[row] = f"{step}:{ERROR}", message, None
    leaves = ~missing(reason)
    kept = batch.take(pa.array(np.flatnonzero(~leaves))) if leaves.any() else batch  # which may be one document of hundreds of megabytes
    removed = batch.take(pa.array(np.flatnonzero(leaves)))
    spent = {column(step, word) for step in steps for word in (DROP, VALUE, THRESHOLD)}
    kept = kept.select([name for name in kept.schema.names if name not in spent])
    only_drop = {column(step, word) for step in steps for word in (VALUE, THRESHOLD)}
    removed = removed.select([name for name in removed.schema.names if name not in only_drop])
    for name, array in (("removed_by", reason), ("value", value), ("threshold", threshold)):
        removed = removed.append_column(name, pa.array(array[leaves], pa.string()))
    return Settled(kept, removed)


def _verdicts(batch: pa.RecordBatch, steps: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`step:reason`, value and threshold of the first step that marked each row; object arrays with None where none did."""
    reason, value, threshold = (np.full(batch.num_rows, None, dtype=object) for _ in range(3))
    for step in steps:
        name = column(step, DROP)
        if name not in batch.schema.names or batch[name].null_count == batch.num_rows:
            continue
        drop = batch[name].to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(~missing(drop) & missing(reason))
        reason[rows] = [f"{step}:{drop[row]}" for row in rows]
        value[rows] = batch[column(step, VALUE)].to_numpy(zero_copy_only=False)[rows]
        threshold[rows] = batch[column(step, THRESHOLD)].to_numpy(zero_copy_only=False)[rows]
    return reason, value, threshold


def text_lengths(batch: pa.RecordBatch) -> np.ndarray:
    """int64[n]: UTF-8 bytes of each text; 0 where it is null."""
    if "text" not in batch.schema.names:
        return np.zeros(batch.num_rows, dtype=np.int64)
    return pc.fill_null(pc.binary_length(batch["text"]), 0).to_numpy(zero_copy_only=False).astype(np.int64)


class PartWriter:
    """Parquet files of bounded size from rows in order: `<stem>-000.parquet`, … All rows of one writer have one schema.

    `published` files get Bloom filters on id and url, so that looking up one document is fast.
    """

    def __init__(self, store: Store, stem: str, *, file_rows: int, file_bytes: int, group_rows: int, published: bool = True):
        self.store, self.stem = store, stem
        self.file_rows, self.file_bytes, self.group_rows, self.published = file_rows, file_bytes, group_rows, published
        self.files: list[File] = []
        self.rows = self.bytes = self.ids = 0
        """What was really written: rows, UTF-8 bytes of text, sum of ids mod 2^128."""
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = self._pending_bytes = 0
        self._rows = self._bytes = 0
        self._open: Any = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        lengths = text_lengths(batch)
        start = 0
        for row, length in enumerate(lengths):
            self._pending_rows += 1
            self._pending_bytes += int(length)
            if self._pending_rows >= self.group_rows or self._pending_bytes >= GROUP_TEXT_BYTES:
                self._pending.append(batch.slice(start, row + 1 - start))
                self._flush()
                start = row + 1
        if start < batch.num_rows:
            self._pending.append(batch.slice(start))

    def close(self, schema: pa.Schema | None = None) -> list[File]:
        """Write what is left and name the files; without a row, one empty file of `schema` (none if that is None)."""
        self._flush()
        if not self.files and self._open is None and schema is not None:
            self._start(schema)
        self._finish()
        return self.files

    def _flush(self) -> None:
        if not self._pending:
            return
        table = pa.Table.from_batches(self._pending).combine_chunks()
        if self._open is None:
            self._start(table.schema)
        self._open[2].write_table(table, row_group_size=max(1, table.num_rows))
        self.ids = (self.ids + id_sum(table["id"])) % ID_MODULUS
        self.rows += table.num_rows
        self.bytes += text_bytes(table["text"]) if "text" in table.schema.names else 0
        self._rows += self._pending_rows
        self._bytes += self._pending_bytes
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0
        if self._rows >= self.file_rows or self._bytes >= self.file_bytes:
            self._finish()

    def _start(self, schema: pa.Schema) -> None:
        path = f"{self.stem}-{len(self.files):03}.parquet"
        context = self.store.put(path)
        sink = context.__enter__()
        bloom = {name: {"ndv": self.group_rows, "fpp": 0.01} for name in ("id", "url") if name in schema.names} if self.published else None
        writer = pq.ParquetWriter(
            pa.PythonFile(sink, mode="w"),
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[path for field in schema if field.name not in LONG for path in _leaves(field.name, field.type)],
            bloom_filter_options=bloom,
            write_page_index=True,
        )
        self._open = (path, context, writer, sink)

    def _finish(self) -> None:
        if self._open is None:
            return
        path, context, writer, sink = self._open
        writer.close()
        context.__exit__(None, None, None)
        self.files.append(File(path=path, bytes=sink.bytes, digest=sink.file(path, 0).digest, rows=self._rows, text_bytes=self._bytes))
        self._open, self._rows, self._bytes = None, 0, 0

    def abandon(self) -> None:
        """Leave nothing half-written behind after an error."""
        if self._open is not None:
            _, context, writer, _ = self._open
            writer.is_open = False  # its footer has nowhere to go
            _discard(context)
            self._open = None


def _leaves(path: str, dtype: pa.DataType) -> list[str]:
    """The paths of a column's leaves, as Parquet names them."""
    if pa.types.is_struct(dtype):
        return [leaf for field in dtype for leaf in _leaves(f"{path}.{field.name}", field.type)]
    if pa.types.is_list(dtype) or pa.types.is_large_list(dtype):
        return _leaves(f"{path}.list.element", dtype.value_type)
    return [path]


def _discard(context: Any) -> None:
    """End a put with an error, so that its temporary file is removed."""
    with suppress(InterruptedError):
        context.__exit__(InterruptedError, InterruptedError("abandoned"), None)


def read_documents(store: Store, files: Sequence[File], columns: Sequence[str] | None, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of written files, in order; only `columns` (those that are there) if given. A file without rows gives one empty batch."""
    for file in files:
        with store.open(file.path) as source:
            parquet = pq.ParquetFile(source)
            names = parquet.schema_arrow.names
            wanted = None if columns is None else [name for name in columns if name in names]
            if parquet.metadata.num_rows == 0:  # so that the columns are known where no row is
                schema = parquet.schema_arrow
                yield pa.RecordBatch.from_pylist([], schema=schema if wanted is None else pa.schema([schema.field(n) for n in wanted]))
            yield from parquet.iter_batches(batch_size=batch_rows, columns=wanted)
