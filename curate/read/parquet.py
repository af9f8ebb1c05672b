"""Parquet: one row a document, cut at row groups; projects to the document's columns.

Fields as in `fields.py`; nested ones by dots into structs. A row group belongs to the span in which its first column chunk
starts. A file without the text field is refused as a whole, with the fields that are there; a row whose text is null is a counted
error, as is a row group that cannot be decoded. Invalid UTF-8 in string columns (Parquet writers do not check it) is read with
U+FFFD. origin.offset: row number in the file; origin.length: null. Price: columns are read one row group at a time, in batches.
Misses: row groups larger than memory.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.errors import SourceError
from curate.read.chunk import Chunk, Limits, Source, Span
from curate.read.fields import Fields, WrongRecordError
from curate.read.rows import Rows
from curate.read.stored import Stored

SUFFIXES = (".parquet", ".pq")


def cut(uri: str, size: int, span_bytes: int) -> list[tuple[int, int]]:
    """Spans that begin at row groups, of about `span_bytes` each."""
    if size <= span_bytes:
        return [(0, size)]
    with Stored(uri, size) as stored:
        starts = [0]
        for start in _group_starts(_opened(stored))[1:]:
            if start >= starts[-1] + span_bytes:
                starts.append(start)
    return list(zip(starts, [*starts[1:], size], strict=True))


def read(span: Span, source: Source, limits: Limits) -> Iterator[Chunk]:
    """The row groups that start in the span."""
    fields = Fields(source)
    rows = Rows(source, span.container, limits, fields.columns)
    with Stored(span.uri, span.size) as stored:
        if stored.size:
            table = _opened(stored)
            columns = _columns(table.schema_arrow, fields, span.uri)
            first = 0
            for group, start in enumerate(_group_starts(table)):
                count = table.metadata.row_group(group).num_rows
                if span.start <= start < span.end:
                    rows.shapes.rows(table.schema_arrow, count)
                    for _ in _group(table, group, first, count, columns, fields, rows):
                        yield rows.take(start - span.start)
                first += count
    yield rows.take(span.end - span.start)


def _opened(stored: Stored) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(stored.file)
    except (pa.ArrowException, OSError) as error:
        head = stored.at(0, 4)
        raise SourceError(
            f"input {stored.uri}: expected a Parquet file, got one that begins with {head!r} and has no sound footer; write it anew"
        ) from error


def _group_starts(table: pq.ParquetFile) -> list[int]:
    starts = []
    for group in range(table.num_row_groups):
        row_group = table.metadata.row_group(group)
        chunks = [row_group.column(column) for column in range(row_group.num_columns)]
        at = [c.data_page_offset if not c.dictionary_page_offset else min(c.dictionary_page_offset, c.data_page_offset) for c in chunks]
        starts.append(min(at, default=0))
    return starts


def _columns(schema: pa.Schema, fields: Fields, uri: str) -> dict[str, str]:
    """Field → top-level column that holds it, for the fields that are there."""
    found = {}
    for name in sorted(fields.wanted):
        top = name if name in schema.names else name.split(".")[0]
        if top in schema.names:
            found[name] = top
    if fields.needed:
        if not any(name in found for name in fields.needed):
            raise SourceError(f"input {uri}: expected one of the columns {fields.needed}, got columns {schema.names[:20]}; rename them")
        return found
    text = fields.names["text"]
    if text not in found or (found[text] == text and not _is_text(schema.field(text).type)):
        shown = ", ".join(f"{f.name}: {f.type}" for f in list(schema)[:20])
        raise SourceError(f"input {uri}: expected a column {text!r} of strings, got columns {shown}; map it with `fields: {{text: NAME}}`")
    return found


def _is_text(dtype: pa.DataType) -> bool:
    if pa.types.is_dictionary(dtype):
        return _is_text(dtype.value_type)
    return any(
        test(dtype)
        for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary, pa.types.is_large_binary)
    )


def _group(
    table: pq.ParquetFile, group: int, first: int, count: int, columns: dict[str, str], fields: Fields, rows: Rows
) -> Iterator[None]:
    """Put the rows of one row group in place, pausing whenever a chunk is full."""
    done = 0
    wanted = sorted(set(columns.values()))
    try:
        for batch in table.iter_batches(batch_size=rows.limits.batch_rows, row_groups=[group], columns=wanted, use_threads=False):
            values = {top: _values(batch.column(batch.schema.get_field_index(top))) for top in wanted}
            for row in range(batch.num_rows):
                record = {top: column[row] for top, column in values.items()}
                try:
                    rows.add(offset=first + done, length=None, **fields.of(record))
                except WrongRecordError as wrong:
                    rows.error(first + done, str(wrong))
                done += 1
                if rows.full:
                    yield
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        rows.error(first + done, f"expected {count} rows in row group {group}, got {done} before {type(error).__name__}")


def _values(column: pa.Array) -> list[Any]:
    """Python values; strings are decoded here, since pyarrow raises where they are not UTF-8."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _is_text(column.type):
        return [None if value is None else value.decode("utf-8", "replace") for value in column.cast(pa.large_binary()).to_pylist()]
    if pa.types.is_struct(column.type):
        names = [column.type.field(i).name for i in range(column.type.num_fields)]
        parts = [_values(pc.struct_field(column, [i])) for i in range(len(names))]
        valid = column.is_valid().to_pylist()
        return [dict(zip(names, row, strict=True)) if ok else None for ok, row in zip(valid, zip(*parts, strict=True), strict=True)]
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        items, ends = iter(_values(column.flatten())), pc.list_value_length(column).to_pylist()
        return [None if count is None else list(islice(items, count)) for count in ends]
    return _moments(column) if pa.types.is_temporal(column.type) else column.to_pylist()


def _moments(column: pa.Array) -> list[Any]:
    """Times to the microsecond, which is what Python's hold; as Arrow writes them where one lies outside of Python's years 1 to 9999."""
    dtype = column.type
    try:
        if pa.types.is_timestamp(dtype):
            column = column.cast(pa.timestamp("us", dtype.tz), safe=False)
        elif pa.types.is_duration(dtype):
            column = column.cast(pa.duration("us"), safe=False)
        elif pa.types.is_time64(dtype):
            column = column.cast(pa.time64("us"), safe=False)
        return column.to_pylist()
    except (ValueError, OverflowError):  # Arrow's are ValueErrors too
        return column.cast(pa.string()).to_pylist()
