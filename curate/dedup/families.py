"""Families: which ids are connected, however far apart; each family goes by its least id. In rounds of an exchange.

The vertices are ids, and a row stands at one: its id is key and sub. An edge is two rows, one at each end, with the other end as `id`; a document that
waits at its vertex for the family's name is a row with its address (`at`) and whatever the verdict says beside.

What lies in one range is connected at once. Else by stars (Kiveris et al. 2014, Connected Components in MapReduce and Beyond): by turns, each vertex
ties its greater neighbours to its least (the large star), and its lesser ones, itself included, to the least of them (the small star). There
are never more edges than at first, and after some log² n exchanges those of a family all lead to its least id. A vertex is walked, not collected.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from curate.arrow import one_chunk
from curate.barrier import KEYED, Round, keyed
from curate.kernels.components import roots
from curate.schema import id_words

HOME, EDGE, MOVED, STILL = range(4)
"""What a row is: a document; an edge with a row at either end; one with a row at its greater end only, which the large star has moved or left."""
NAMES = ("says", "at", "again")
"""Columns beside those of the verdicts."""


def homes(ids: pa.Array, at: np.ndarray, payload: dict[str, pa.Array]) -> pa.Table:
    """Documents at the vertices `ids`, with their addresses (uint64) and what their verdicts say."""
    return _rows(ids, ids, HOME, payload, pa.array(at, pa.uint64()))


def edges(left: pa.Array, right: pa.Array, payload: dict[str, pa.DataType]) -> pa.Table:
    """Edges between ids, both ends; `payload`: the columns of documents, empty here."""
    ends = pa.concat_arrays([left, right]), pa.concat_arrays([right, left])
    return _rows(*ends, EDGE, {name: pa.nulls(len(ends[0]), dtype) for name, dtype in payload.items()})


def _rows(vertex: pa.Array, other: pa.Array, says: int | np.ndarray, payload: dict[str, pa.Array], at: pa.Array | None = None) -> pa.Table:
    words = id_words(vertex)
    said = pa.array(np.broadcast_to(np.asarray(says, dtype=np.int8), len(vertex)))
    at = pa.nulls(len(vertex), pa.uint64()) if at is None else at
    return keyed(np.ascontiguousarray(words[:, 0]), np.ascontiguousarray(words[:, 1]), other, says=said, at=at, **payload)


def rounds() -> tuple[Round, ...]:
    """The last rounds of a barrier whose rows so far are `homes` and `edges`: verdict rows with the column `family`, the least id of each one's family."""
    return (Round(name="families", resolve=connect, repeat=True), Round(name="kin", resolve=tell))


def connect(tables: Iterator[pa.Table], config: Any, whole: bool) -> Iterator[pa.Table]:
    """Documents pass on at once; edges come again until all of them lead to the least ids."""
    yield from _at_once(tables) if whole else _stars(tables)


def _at_once(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """An edge for every vertex that is not the least of its family."""
    ends, payload = [], {}
    for table in tables:
        there = _says(table)
        payload = _payload(table)
        yield from _passed(table, there == HOME)
        rows = table.select(KEYED.names).take(pa.array(np.flatnonzero(there != HOME)))
        vertex, other = _vertices(rows), id_words(rows["id"])
        greater = _less(other, vertex)  # each edge stands at its greater end, whether at the other too or not
        ends.append(np.concatenate([vertex[greater], other[greater]], axis=1))
    if not ends or not sum(map(len, ends)):
        return
    left, right = np.split(np.concatenate(ends), 2, axis=1)
    words = np.concatenate([left, right])
    order = np.lexsort((words[:, 1], words[:, 0]))
    first = _first(words[order])
    number = np.empty(len(words), dtype=np.int64)
    number[order] = np.cumsum(first) - 1
    vertices = words[order][first]
    root = np.empty(len(vertices), dtype=np.int64)
    roots(number[: len(left)], number[len(left) :], root)
    leads = np.flatnonzero(root != np.arange(len(root)))
    yield _edges(vertices[leads], vertices[root[leads]], EDGE, False, payload)


def _stars(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """One star, the large or the small one, of every vertex."""
    held: pa.Table | None = None  # the first row of the vertex whose rows may go on, which has its least neighbour
    for table in tables:
        there = _says(table)
        payload = _payload(table)
        yield from _passed(table, there == HOME)
        rows = table.select([*KEYED.names, "says"]).take(pa.array(np.flatnonzero(there != HOME)))
        if rows.num_rows == 0:
            continue
        fresh = 0 if held is None else 1
        rows = rows if held is None else pa.concat_tables([held, rows])
        vertex, other, there = _vertices(rows), id_words(rows["id"]), _says(rows)
        first = _first(vertex)
        of = np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))
        here = np.arange(len(first)) >= fresh
        large = here & (there == EDGE)
        yield from _large(vertex[large], other[large], other[of[large]], payload)
        small = np.flatnonzero(here & (there != EDGE))
        yield from _small(vertex[small], other[small], other[of[small]], first[small], there[small] == MOVED, payload)
        held = rows.slice(int(of[-1]), 1)


def _large(vertex: np.ndarray, other: np.ndarray, least: np.ndarray, payload: dict[str, pa.DataType]) -> Iterator[pa.Table]:
    """Greater neighbours, tied to the least of all."""
    greater = _less(vertex, other)
    vertex, other, least = vertex[greater], other[greater], least[greater]
    moves = _less(least, vertex)
    yield _edges(other, np.where(moves[:, None], least, vertex), np.where(moves, MOVED, STILL), True, payload)


def _small(
    vertex: np.ndarray, other: np.ndarray, least: np.ndarray, first: np.ndarray, moved: np.ndarray, payload: dict[str, pa.DataType]
) -> Iterator[pa.Table]:
    """Lesser neighbours and the vertex, tied to the least of them. Again is null where nothing changes: it is enough if that comes again with others."""
    ties = (other != least).any(axis=1)
    changed, own = np.flatnonzero(ties), np.flatnonzero(~ties & (first | moved))
    for end, to, again in ((other[changed], least[changed], True), (vertex[own], least[own], moved[own])):
        for one, two in ((end, to), (to, end)):
            yield _edges(one, two, EDGE, again, payload)


def _edges(
    vertex: np.ndarray, other: np.ndarray, says: int | np.ndarray, again: bool | np.ndarray, payload: dict[str, pa.DataType]
) -> pa.Table:
    """Rows of edges at `vertex` that lead to `other` (uint64[n, 2]); an array of `again` has null for false."""
    table = _rows(_ids(vertex), _ids(other), says, {name: pa.nulls(len(vertex), dtype) for name, dtype in payload.items()})
    flags = np.broadcast_to(np.asarray(again), len(vertex))
    return table.append_column("again", pa.array(flags, mask=~flags if isinstance(again, np.ndarray) else None))


def _passed(table: pa.Table, rows: np.ndarray) -> Iterator[pa.Table]:
    """Documents, which come not again."""
    if rows.any():
        home = table.take(pa.array(np.flatnonzero(rows)))
        yield home.append_column("again", pa.array(np.zeros(home.num_rows, dtype=bool)))


def tell(tables: Iterator[pa.Table], config: Any, whole: bool) -> Iterator[pa.Table]:
    """The least id that stands at a vertex, its own included, is that of its family: told to the documents there, at their addresses."""
    held: pa.Table | None = None
    for table in tables:
        if table.num_rows == 0:
            continue
        fresh = 0 if held is None else 1
        rows = table if held is None else pa.concat_tables([held, table])
        first = _first(_vertices(rows))
        of = np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))
        home = np.flatnonzero((_says(rows) == HOME) & (np.arange(rows.num_rows) >= fresh))
        if len(home):
            told = rows.take(pa.array(home))
            payload = {name: one_chunk(told[name]) for name in _payload(rows)}
            family = one_chunk(rows["id"]).take(pa.array(of[home]))
            yield keyed(one_chunk(told["at"]).to_numpy(), None, one_chunk(told["id"]), **payload, family=family)
        held = rows.slice(int(of[-1]), 1)


def _says(table: pa.Table) -> np.ndarray:
    return one_chunk(table["says"]).to_numpy()


def _payload(table: pa.Table) -> dict[str, pa.DataType]:
    """The columns of verdicts."""
    return {field.name: field.type for field in table.schema if field.name not in (*KEYED.names, *NAMES)}


def _vertices(table: pa.Table) -> np.ndarray:
    """uint64[n, 2]: the ids at which rows stand."""
    return np.stack([one_chunk(table[name]).to_numpy() for name in ("key", "sub")], axis=1)


def _ids(words: np.ndarray) -> pa.Array:
    """Ids of their words, the inverse of `id_words`."""
    data = np.ascontiguousarray(words, dtype=">u8")
    return pa.Array.from_buffers(pa.binary(16), len(words), [None, pa.py_buffer(data)])


def _first(words: np.ndarray) -> np.ndarray:
    """bool[n]: whether a row of sorted words is not the one before."""
    return np.concatenate([np.ones(min(1, len(words)), dtype=bool), (words[1:] != words[:-1]).any(axis=1)])


def _less(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """bool[n]: a < b, as ids."""
    return (a[:, 0] < b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] < b[:, 1]))
