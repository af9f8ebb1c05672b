"""Rows of a run by id or URL, through the Bloom filters of its Parquet files.

A split-block Bloom filter (Parquet format specification, BloomFilter.md) says of a row group that a value is not in it, or that it may be.
One block of 32 bytes is read for each row group; only where it says maybe is the column itself read, and only where the value is found are
the other columns. A file without filters is searched by reading that column.

Price: one footer a file, and 32 bytes a row group; about one row group in a hundred is read in vain.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from curate.card.folder import Rows
from curate.store import File

SALT = (0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31)
"""The eight odd numbers of the specification: one chooses the bit in each word of a block."""
BLOCK_BYTES = 32
HEADER_START = 16
"""More than the first field of a filter's header can take."""
I32_FIELD_1 = 0x15
"""Thrift compact protocol: field 1, type i32; the header's first field is the size of the bits in bytes."""


@dataclass(frozen=True)
class Found:
    """One row."""

    file: File
    row: int
    """Number of the row in its file."""
    columns: dict[str, Any]


def find(rows: Rows, column: str, value: bytes | str, without: Sequence[str] = ("raw",)) -> Iterator[Found]:
    """All rows whose `column` is `value`, in order; all columns but `without`."""
    for file in rows.files:
        with rows.parquet(file) as opened, rows.store.open(file.path) as raw:
            first = 0
            for number in range(opened.num_row_groups):
                group = opened.metadata.row_group(number)
                if column in opened.schema_arrow.names and may_hold(raw, group, column, value):
                    yield from _in_group(rows, file, opened, number, first, column, value, without)
                first += group.num_rows


def _in_group(
    rows: Rows, file: File, opened: pq.ParquetFile, number: int, first: int, column: str, value: bytes | str, without: Sequence[str]
) -> Iterator[Found]:
    keys = rows.group(file, opened, number, [column])[column].combine_chunks()
    hits = np.flatnonzero(np.asarray(pc.fill_null(pc.equal(keys, pa.scalar(value, keys.type)), False)))
    if len(hits) == 0:
        return
    table = rows.group(file, opened, number, [name for name in opened.schema_arrow.names if name not in without])
    for hit in hits.tolist():
        yield Found(file, first + hit, table.slice(hit, 1).to_pylist()[0])


def may_hold(raw: Any, group: pq.RowGroupMetaData, column: str, value: bytes | str) -> bool:
    """Whether a row group may hold the value: no only where its Bloom filter says so. `raw` is the open file."""
    chunk = next(group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema == column)
    if chunk.bloom_filter_offset is None or chunk.bloom_filter_length is None:
        return True
    raw.seek(chunk.bloom_filter_offset)
    num_bytes = bits_bytes(bytes(raw.read(HEADER_START)))
    if num_bytes is None:
        return True
    digest = xxhash.xxh64_intdigest(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value, seed=0)
    block = ((digest >> 32) * (num_bytes // BLOCK_BYTES)) >> 32
    header = chunk.bloom_filter_length - num_bytes
    raw.seek(chunk.bloom_filter_offset + header + block * BLOCK_BYTES)
    words = np.frombuffer(raw.read(BLOCK_BYTES), dtype="<u4").tolist()
    return all(word >> bit & 1 for word, bit in zip(words, bits(digest), strict=True))


def bits(digest: int) -> list[int]:
    """Which bit of each of a block's eight words stands for a value with this xxh64."""
    low = digest & 0xFFFFFFFF
    return [((low * salt) & 0xFFFFFFFF) >> 27 for salt in SALT]


def bits_bytes(header: bytes) -> int | None:
    """Size of a filter's bits from the start of its header; None where the header is not what the specification says."""
    if not header or header[0] != I32_FIELD_1:
        return None
    number = shift = 0
    for byte in header[1:]:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            size = number >> 1  # zigzag; sizes are not negative
            return size if number & 1 == 0 and size > 0 and size % BLOCK_BYTES == 0 else None
    return None
