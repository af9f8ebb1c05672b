"""Which of several equal documents is kept: an order by declared columns, and groups of equal digests walked as a stream.

A keep list names columns, best first: `quality__score` puts small values first, `-quality__score` large ones; `bytes` is the length of
the text in UTF-8 bytes. Nulls and NaN come last either way; what still ties is decided by the id. So the keeper never depends on the
order of arrival.

`ranks` gives the exact order as uint64 columns. `packed` squeezes it into one uint64 for the exchange: exact for one column; for k
columns each keeps the leading 64 // k bits of its float64 form, so near ties may stand in the wrong order there, and whoever needs the
exact order compares `ranks`.

`winners` and `told` are the two resolves that `exact_dedup` and `same_record` share: the first finds the best row and the size of
every group of at least two, the second tells every member. Memory: one table, however large a group is.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.arrow import one_chunk, valid
from curate.errors import RecipeError
from curate.schema import id_words

BYTES = "bytes"
"""The word in a keep list for the length of the text."""
WORST = np.uint64(0xFFFFFFFFFFFFFFFF)
SIGN = np.uint64(1 << 63)
SPREAD = np.uint64(0x9E3779B97F4A7C15)
GATHER = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
"""An odd number and its inverse mod 2^64: addresses times SPREAD lie all over the key space, as keys should; times GATHER they are
addresses again."""


def check(keep: Sequence[str]) -> Sequence[str]:
    """The keep list, if every name is given once."""
    names = [name.removeprefix("-") for name in keep]
    if not all(names) or len(set(names)) < len(names) or "id" in names:
        raise ValueError(
            f"keep: expected distinct column names, `-` before those where more is better, got {list(keep)}; the id decides last anyway"
        )
    return keep


def columns(keep: Sequence[str]) -> tuple[str, ...]:
    """The columns that a keep list reads."""
    return tuple("text" if name.removeprefix("-") == BYTES else name.removeprefix("-") for name in keep)


def ranks(batch: pa.RecordBatch, keep: Sequence[str]) -> np.ndarray:
    """uint64[rows, max(1, columns)]: smaller, compared from the left, is better."""
    if not keep:
        return np.zeros((batch.num_rows, 1), dtype=np.uint64)
    return np.stack([_ordered(values, usable, name) for name, values, usable in _columns(batch, keep)], axis=1)


def packed(batch: pa.RecordBatch, keep: Sequence[str]) -> np.ndarray:
    """uint64[rows]: the order of `ranks`, exact for one column, by the leading bits of each for several."""
    if len(keep) < 2:
        return ranks(batch, keep)[:, 0]
    bits = 64 // len(keep)
    out = np.zeros(batch.num_rows, dtype=np.uint64)
    for name, values, usable in _columns(batch, keep):
        out = (out << np.uint64(bits)) | (_ordered(values.astype(np.float64), usable, name) >> np.uint64(64 - bits))
    return out


def as_binary(rank: np.ndarray) -> pa.Array:
    """Ranks as fixed_size_binary(8 * columns), big endian: comparing bytes is comparing ranks."""
    data = np.ascontiguousarray(rank.astype(">u8"))
    return pa.Array.from_buffers(pa.binary(8 * rank.shape[1]), len(rank), [None, pa.py_buffer(data)])


def behind(rank: np.ndarray) -> np.ndarray:
    """The ranks of this run's documents where earlier runs take part: behind those that `ahead` gives."""
    return np.concatenate([np.ones((len(rank), 1), dtype=np.uint64), rank], axis=1)


def packed_behind(packed: np.ndarray) -> np.ndarray:
    """The same for `packed`; those ahead have 0."""
    return SIGN | (packed >> np.uint64(1))


def ahead(num_rows: int, keep: Sequence[str]) -> np.ndarray:
    """The ranks of documents of earlier runs: better than any that `behind` gives, and all the same."""
    return np.zeros((num_rows, 1 + max(1, len(keep))), dtype=np.uint64)


def from_binary(array: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """The inverse of `as_binary`: uint64[rows, columns]."""
    whole = one_chunk(array)
    width = whole.type.byte_width
    data = np.frombuffer(whole.buffers()[1] or b"", dtype=np.uint8)[whole.offset * width : (whole.offset + len(whole)) * width]
    return data.view(">u8").astype(np.uint64).reshape(-1, width // 8)


def _columns(batch: pa.RecordBatch, keep: Sequence[str]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(name as in the keep list, values, usable) of every column."""
    for name, source in zip(keep, columns(keep), strict=True):
        array = pc.binary_length(batch[source]) if name.removeprefix("-") == BYTES else batch[source]
        if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
            array = array.cast(pa.timestamp("us", getattr(array.type, "tz", None))).cast(pa.int64())
        if not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_boolean(array.type)):
            raise RecipeError(
                f"keep: expected a column of numbers, booleans or times, got {source} of type {array.type}; name another column"
            )
        values = np.asarray(pc.fill_null(array, False if pa.types.is_boolean(array.type) else 0))
        yield name, values, valid(array) & ~np.isnan(values.astype(np.float64))


def _ordered(values: np.ndarray, usable: np.ndarray, name: str) -> np.ndarray:
    """Numbers as uint64 in the same order, reversed where the name begins with `-`; what is not usable comes last."""
    if values.dtype.kind == "f":
        bits = (values.astype(np.float64) + 0.0).view(np.uint64)  # minus zero becomes zero
        code = np.where(bits & SIGN != 0, ~bits, bits | SIGN)
    elif values.dtype.kind == "i":
        code = values.astype(np.int64).view(np.uint64) ^ SIGN
    else:
        code = values.astype(np.uint64)
    return np.where(usable, ~code if name.startswith("-") else code, WORST)


def digest_keys(digests: bytes, num_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Key and sub of 16-byte digests."""
    words = np.frombuffer(digests, dtype=">u8").astype(np.uint64).reshape(num_rows, 2)
    return words[:, 0], words[:, 1]


def winners(tables: Iterable[pa.Table], by: Sequence[str]) -> Iterator[pa.Table]:
    """Rows of equal (key, sub) are a group; of groups of at least two, all members and a copy of the best come out, keyed by the group.

    Rows have `at` (uint64) and the columns `by`, which order a group: smallest first, nulls last, then id, then `at` (which only decides
    between rows that agree in all else). The copy has sub 0, num = size of the group and `least`, the least id in it; members have sub 1 and num 0.
    """
    held: pa.Table | None = None
    for table in tables:
        if table.num_rows == 0:
            continue
        table = table.append_column("num", pa.array(np.ones(table.num_rows, dtype=np.int64))).append_column("group", table["at"])
        table = table.append_column("least", table["id"])
        groups = _Groups(table if held is None else pa.concat_tables([held, table]), by)
        yield from groups.members()
        best = groups.best()
        held = best.slice(best.num_rows - 1)
        yield from _copies(best.slice(0, best.num_rows - 1))
    if held is not None:
        yield from _copies(held)


class _Groups:
    """Groups of one table; each goes by the address of its first row.

    The first row may stand for a group that began in an earlier table: then its num says how many rows that group had, and all of them
    have been given out if there was more than one.
    """

    def __init__(self, table: pa.Table, by: Sequence[str]):
        self.table, self.by = table, by
        key, sub, self.num = (one_chunk(table[name]).to_numpy() for name in ("key", "sub", "num"))
        self.first = np.flatnonzero(np.r_[True, (key[1:] != key[:-1]) | (sub[1:] != sub[:-1])])
        self.size = np.add.reduceat(self.num, self.first)
        self.of = np.repeat(np.arange(len(self.first)), np.diff(np.r_[self.first, len(key)]))
        self.name = one_chunk(table["group"]).to_numpy()[self.first]

    def members(self) -> Iterator[pa.Table]:
        """Rows of groups of at least two that have not been given out."""
        rows = np.flatnonzero((self.size[self.of] > 1) & (self.num == 1))
        if len(rows):
            yield _keyed(self.table.take(pa.array(rows)), self.name[self.of[rows]] * SPREAD, 1, 0)

    def best(self) -> pa.Table:
        """The best row of every group, with the group's size and name; key and sub still those of the digest."""
        best = self.table.take(pa.array(self._leading((*self.by, "id", "at"))))
        least = one_chunk(self.table["least"]).take(pa.array(self._leading(("least",))))
        return _put(_put(_put(best, "num", self.size), "group", self.name), "least", least)

    def _leading(self, by: Sequence[str]) -> np.ndarray:
        """int64[groups]: the row of each that comes first by some columns."""
        rows = self.first.copy()
        several = np.flatnonzero(self.size[self.of] > 1)
        if len(several):
            ordered = pa.table({"of": self.of[several], **{name: self.table[name].take(pa.array(several)) for name in by}})
            ranked = several[pc.sort_indices(ordered, sort_keys=[(name, "ascending") for name in ordered.column_names]).to_numpy()]
            group = self.of[ranked]
            leads = np.r_[True, group[1:] != group[:-1]]
            rows[group[leads]] = ranked[leads]
        return rows


def _copies(best: pa.Table) -> Iterator[pa.Table]:
    """The best rows of groups of at least two, keyed by the group."""
    rows = np.flatnonzero(one_chunk(best["num"]).to_numpy() > 1)
    if len(rows):
        best = best.take(pa.array(rows))
        yield _keyed(best, one_chunk(best["group"]).to_numpy() * SPREAD, 0, one_chunk(best["num"]).to_numpy())


def _keyed(table: pa.Table, key: np.ndarray, sub: int, num: np.ndarray | int) -> pa.Table:
    """The rows under another key."""
    table = _put(_put(table, "key", key), "sub", np.full(len(key), sub, dtype=np.uint64))
    return _put(table, "num", np.broadcast_to(np.asarray(num, dtype=np.int64), len(key))).drop_columns(["group"])


def _put(table: pa.Table, name: str, values: np.ndarray | pa.Array) -> pa.Table:
    """The table with other values in a column."""
    return table.set_column(table.schema.get_field_index(name), name, values if isinstance(values, pa.Array) else pa.array(values))


def told(tables: Iterable[pa.Table]) -> Iterator[tuple[pa.Table, pa.Table, np.ndarray]]:
    """What `winners` gave, sorted: (members, the winner's row for each of them, bool: whether the member is the winner)."""
    winner: pa.Table | None = None
    for table in tables:
        if table.num_rows == 0:
            continue
        rows = table if winner is None else pa.concat_tables([winner, table])
        leads = one_chunk(rows["num"]).to_numpy() > 0
        of = np.maximum.accumulate(np.where(leads, np.arange(len(leads)), 0))
        members = np.flatnonzero(~leads)
        winner = rows.slice(int(of[-1]), 1)
        if len(members):
            mine, its = rows.take(pa.array(members)), rows.take(pa.array(of[members]))
            yield mine, its, one_chunk(mine["at"]).to_numpy() == one_chunk(its["at"]).to_numpy()


def better(rank_a: np.ndarray, ids_a: pa.Array, rank_b: np.ndarray, ids_b: pa.Array) -> np.ndarray:
    """bool[n]: whether row i of a comes before row i of b by (rank, id)."""
    a, b = np.concatenate([rank_a, id_words(ids_a)], axis=1), np.concatenate([rank_b, id_words(ids_b)], axis=1)
    differs = a != b
    first = differs.argmax(axis=1)
    rows = np.arange(len(a))
    return a[rows, first] < b[rows, first]
