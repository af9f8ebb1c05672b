"""Claims: rows in which documents tell one another where passages stand, and the walk that finds of equal ones the first.

A row's payload is packed into one column, since one column is moved faster than eight.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from curate.arrow import one_chunk
from curate.barrier import keyed
from curate.kernels import spans

ANCHOR, WINDOW, CLAIM = 0, 1, 2
"""What a row says: surroundings of an anchor; a window; this span of the document `at` stands in the document `to` at `to_start` as well."""
SAYS = np.dtype(
    [
        ("kind", "i1"),
        ("at", "<u8"),
        ("to", "<u8"),
        ("start", "<i4"),
        ("bytes", "<i4"),
        ("first", "<i4"),
        ("last", "<i4"),
        ("to_start", "<i4"),
    ]
)
"""The payload. Of surroundings: `first` and `last` window, `to_start` the place of the anchor in them, `to` its hash. Of a claim: `first`
bytes at its beginning stay."""


def say(count: int, kind: int, **values: np.ndarray) -> np.ndarray:
    """Payload of so many rows; what is not given is 0."""
    says = np.zeros(count, dtype=SAYS)
    says["kind"] = kind
    for name, value in values.items():
        says[name] = value
    return says


def keyed_rows(key: np.ndarray, sub: np.ndarray | None, ids: pa.Array, says: np.ndarray, **more: pa.Array) -> pa.Table:
    """Keyed rows with a packed payload."""
    packed = pa.Array.from_buffers(pa.binary(SAYS.itemsize), len(says), [None, pa.py_buffer(np.ascontiguousarray(says))])
    return keyed(key, sub, ids, says=packed, **more)


def payload(table: pa.Table) -> np.ndarray:
    """The payload of keyed rows."""
    packed = one_chunk(table["says"])
    if len(packed) == 0:
        return np.empty(0, dtype=SAYS)
    return np.frombuffer(packed.buffers()[1], dtype=SAYS, count=len(packed), offset=packed.offset * SAYS.itemsize)


def no_ids(count: int) -> pa.Array:
    """Ids of rows whose order does not matter."""
    return pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(bytes(16 * count))])


def placed(ids: pa.Array | pa.ChunkedArray, row: np.ndarray, start: np.ndarray) -> pa.Array:
    """16 bytes whose order is that of (id, start), but for the last four bytes of the id."""
    data = np.empty((len(row), 16), dtype=np.uint8)
    whole = one_chunk(ids)
    if len(row):
        bare = np.frombuffer(whole.buffers()[1], dtype=np.uint8, count=16 * len(whole), offset=16 * whole.offset)
        data[:, :12] = bare.reshape(-1, 16)[row, :12]
    data[:, 12:] = start.astype(">u4").view(np.uint8).reshape(-1, 4)
    return pa.Array.from_buffers(pa.binary(16), len(row), [None, pa.py_buffer(data)])


def sent(says: np.ndarray, **more: pa.Array) -> pa.Table:
    """Rows on their way to the document that they speak of."""
    return keyed_rows(says["at"], None, no_ids(len(says)), says, **more)


def joined(says: np.ndarray) -> np.ndarray:
    """Claims of documents that overlap or touch along one other document as one."""
    start, to, at = says["start"].astype(np.int64), says["to"], says["at"]
    end, shift = start + says["bytes"], says["to_start"].astype(np.int64) - start
    order = np.lexsort((end, start, shift, to, at))
    says, start, end, shift, to, at = (values[order] for values in (says, start, end, shift, to, at))
    diagonal = np.cumsum(np.r_[False, (at[1:] != at[:-1]) | (to[1:] != to[:-1]) | (shift[1:] != shift[:-1])][: len(at)])
    leads = np.empty(len(at), dtype=np.int64)
    spans.join(diagonal, start, end, leads)
    one = np.flatnonzero(leads == np.arange(len(leads)))
    claims: np.ndarray = says[one]
    claims["bytes"] = end[one] - start[one]
    return claims


class Walk:
    """Sorted rows walked by group: equal `key`, and of anchors within it equal `sub`. Held is the first row of the open group and subgroup."""

    def __init__(self, copies: str):
        self.copies = copies
        self.held: pa.Table | None = None
        self.doubled = False
        """Whether a second row of the open subgroup has been seen."""

    def step(self, table: pa.Table) -> Iterator[pa.Table]:
        """What follows from some more rows: claims, and anchors of groups with several subgroups."""
        rows = table if self.held is None else pa.concat_tables([self.held, table])
        fresh, says = rows.num_rows - table.num_rows, payload(rows)
        key, sub = one_chunk(rows["key"]).to_numpy(), one_chunk(rows["sub"]).to_numpy()
        index = np.arange(len(key))
        new = np.r_[True, key[1:] != key[:-1]]
        opens = new | (np.r_[True, sub[1:] != sub[:-1]] & (says["kind"] == ANCHOR))
        group, first = (np.maximum.accumulate(np.where(mask, index, 0)) for mask in (new, opens))
        later = np.flatnonzero(opens & ~new & (index >= fresh))
        told = group[later]
        if fresh == 2:  # the group's first row has been told already
            told = told[told > 0]
        yield sent(says[np.unique(np.r_[later, told])])
        again = np.flatnonzero(~opens & (index >= fresh))
        yield claimed(says, again, first[again])
        if self.copies == "none":
            second = again[first[again] == again - 1]
            second = second[second != fresh] if self.doubled else second
            yield claimed(says, second - 1, second)
        self.doubled = not opens[-1]
        self.held = rows.take(pa.array(np.unique([group[-1], first[-1]])))


def claimed(says: np.ndarray, mine: np.ndarray, its: np.ndarray) -> pa.Table:
    """Claims of rows `mine` against rows `its` of other documents."""
    real = (says["bytes"][mine] == says["bytes"][its]) & (says["at"][mine] != says["at"][its])
    mine, its = mine[real], its[real]
    claims = say(len(mine), CLAIM, to_start=says["start"][its], to=says["at"][its])
    for name in ("at", "start", "bytes"):
        claims[name] = says[name][mine]
    return sent(claims)
