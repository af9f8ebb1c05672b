"""Arrow columns as plain numpy views, so that kernels never see Arrow; and the small row operations that pyarrow lacks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Utf8(NamedTuple):
    """One string or binary column: row i is data[offsets[i]:offsets[i + 1]]; valid[i] says whether it is not null."""

    offsets: np.ndarray
    data: np.ndarray
    valid: np.ndarray


def utf8(array: pa.Array) -> Utf8:
    """Views over the buffers of a (large_)string or (large_)binary array, its slice offset honoured.

    offsets: int64[n + 1] (copied where Arrow has 32 bits, so that kernels compile once); data: uint8, a view; valid: bool[n].
    """
    width: type[np.signedinteger]
    if pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type):
        width = np.int64
    elif pa.types.is_string(array.type) or pa.types.is_binary(array.type):
        width = np.int32
    else:
        raise TypeError(f"arrow.utf8: expected a string or binary array, got {array.type}; cast it first")
    _, offsets, data = array.buffers()
    n = len(array)
    if offsets is None or n == 0:
        ends = np.zeros(n + 1, dtype=np.int64)
    else:
        ends = np.frombuffer(offsets, dtype=width)[array.offset : array.offset + n + 1].astype(np.int64, copy=False)
    text = np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, dtype=np.uint8)
    return Utf8(ends, text, valid(array))


def valid(array: pa.Array) -> np.ndarray:
    """bool[n]: which rows are not null."""
    if array.null_count == 0:
        return np.ones(len(array), dtype=np.bool_)
    return np.asarray(array.is_valid())


def missing(values: np.ndarray) -> np.ndarray:
    """bool[n]: which entries of an object array are None."""
    return np.equal(values, None)  # type: ignore[call-overload, no-any-return]


def text_bytes(array: pa.Array | pa.ChunkedArray) -> int:
    """UTF-8 bytes of a string column; null counts as 0."""
    return int(pc.sum(pc.binary_length(array)).as_py() or 0)


def large_string(texts: list[str | None]) -> pa.Array:
    """A large_string array; lone surrogates, which UTF-8 cannot hold, become U+FFFD."""
    try:
        return pa.array(texts, pa.large_string())
    except (UnicodeEncodeError, pa.ArrowInvalid):
        return pa.array(
            [None if t is None else t.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for t in texts], pa.large_string()
        )


def scatter(values: pa.Array, at: np.ndarray, length: int) -> pa.Array:
    """An array of `length` rows with values[i] at row at[i] and null elsewhere."""
    index = np.full(length, -1, dtype=np.int64)
    index[at] = np.arange(len(at))
    return values.take(pa.array(index, mask=index < 0))


def lists(rows: Sequence[Sequence[tuple]], at: np.ndarray, length: int, dtype: pa.DataType) -> pa.Array:
    """An array of `length` rows of list<struct> with the tuples rows[i] at row at[i] (rising) and empty lists elsewhere."""
    sizes = np.zeros(length + 1, np.int32)
    sizes[at + 1] = [len(row) for row in rows]
    fields = list(dtype.value_type)
    columns = list(zip(*(each for row in rows for each in row), strict=True)) or [()] * len(fields)
    struct = pa.StructArray.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, fields, strict=True)], fields=fields
    )
    return pa.ListArray.from_arrays(pa.array(np.cumsum(sizes, dtype=np.int32)), struct, type=dtype)


def one_chunk(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The column as one array."""
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
