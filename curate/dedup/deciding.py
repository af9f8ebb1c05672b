"""Which vertices of an ordered graph of documents stay, by rounds of an exchange: one that no better neighbour has removed stays, and removes its
worse neighbours.

A row says one thing to one document, whose address spread over the key space is the key: the state of a better neighbour, or an edge to a worse
one (`to`). Columns: `says`, `to`, the better one's id and rank (`keeper`, `rank`), their `similarity`, and `again`. Rows that do not come again
are the outcome: at each worse end of an edge, whether the better one stays (STAYS) or not (LEAVES). `keepers` makes verdicts of it.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from curate.arrow import one_chunk
from curate.barrier import keyed, whole_keys
from curate.dedup import keep as keeping
from curate.errors import StageError
from curate.kernels import graph

UNDECIDED, STAYS, LEAVES, EDGE = 0, 1, 2, 3
"""What a row says: the state of a better neighbour, or an edge to a worse one."""


def row(
    key: np.ndarray, ids: pa.Array, says: int, to: np.ndarray, keeper: pa.Array, rank: pa.Array, similarity: np.ndarray, again: bool
) -> pa.Table:
    """Rows of the deciding rounds; states sort before edges."""
    sub = np.full(len(key), int(says == EDGE), dtype=np.uint64)
    said = pa.array(np.full(len(key), says, dtype=np.int8))
    repeats = pa.array(np.full(len(key), again))
    return keyed(key, sub, ids, says=said, to=pa.array(to), keeper=keeper, rank=rank, similarity=pa.array(similarity), again=repeats)


def decide(tables: Iterator[pa.Table], config: Any, whole: bool) -> Iterator[pa.Table]:
    """One step for every document that has worse neighbours; all steps at once where everything is in this range."""
    yield from _decide_all(tables) if whole else _decide_once(tables)


def _decide_once(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Documents learn the state of their better neighbours, take theirs, and tell the worse ones."""
    open_key, beaten, waiting = None, False, False
    for table in tables:
        if table.num_rows == 0:
            continue
        key, says = one_chunk(table["key"]).to_numpy(), one_chunk(table["says"]).to_numpy()
        first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
        loses, waits = np.logical_or.reduceat(says == STAYS, first), np.logical_or.reduceat(says == UNDECIDED, first)
        if open_key == key[0]:
            loses[0] |= beaten
            waits[0] |= waiting
        open_key, beaten, waiting = key[-1], loses[-1], waits[-1]
        state = np.where(loses, LEAVES, np.where(waits, UNDECIDED, STAYS))
        state = np.repeat(state, np.diff(np.r_[first, len(key)]))
        edge = says == EDGE
        for now in (UNDECIDED, STAYS, LEAVES):
            rows = np.flatnonzero(edge & (state == now))
            if len(rows):
                yield from _told(table.take(pa.array(rows)), now)


def _told(edges: pa.Table, state: int) -> Iterator[pa.Table]:
    """What documents in `state` send along their edges; the last word, of those that are decided, has their own key as `to`."""
    to, similarity = one_chunk(edges["to"]).to_numpy(), one_chunk(edges["similarity"]).to_numpy()
    keeper, rank = edges["keeper"], edges["rank"]
    yield row(to, keeper, state, to, keeper, rank, similarity, True)
    if state == UNDECIDED:
        yield row(one_chunk(edges["key"]).to_numpy(), edges["id"], EDGE, to, keeper, rank, similarity, True)
    else:
        yield row(to, edges["id"], state, one_chunk(edges["key"]).to_numpy(), keeper, rank, similarity, False)


def _decide_all(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The outcome of all remaining steps, in memory."""
    edges, beaten = [], []
    for table in tables:
        says = one_chunk(table["says"]).to_numpy()
        edges.append(table.take(pa.array(np.flatnonzero(says == EDGE))))
        beaten.append(one_chunk(table["key"]).to_numpy()[says == STAYS])
    rows = pa.concat_tables(edges) if edges else None
    if rows is None or rows.num_rows == 0:
        return
    key, to = one_chunk(rows["key"]).to_numpy(), one_chunk(rows["to"]).to_numpy()
    vertex, first = np.unique(key, return_index=True)
    target = np.searchsorted(vertex, to).clip(max=len(vertex) - 1)
    target = np.where(vertex[target] == to, target, -1)
    gone = np.isin(vertex, np.concatenate(beaten))
    done = graph.greedy(np.r_[first, len(key)].astype(np.int64), target.astype(np.int64), gone)
    if done != len(vertex):
        raise StageError(f"decide: expected {len(vertex)} documents decided, got {done}; this is a bug")
    left = gone[np.searchsorted(vertex, key)]
    for state in (STAYS, LEAVES):
        decided = np.flatnonzero(left == (state == LEAVES))
        if len(decided):
            *_, outcome = _told(rows.take(pa.array(decided)), state)
            yield outcome


KEEPS, NEAR, ALONE, LINK = range(4)
"""What becomes of an edge: the better one is the keeper of the worse; it stays, but another one is; the worse stays too, since the better left; both leave."""


def keepers(tables: Iterator[pa.Table], config: Any, whole: bool) -> Iterator[pa.Table]:
    """The keeper of a removed document is the best, by (rank, id), of its neighbours that stay. Edges come at the better end if it stays, else at the worse."""
    for table in whole_keys(tables):
        key, stays = one_chunk(table["key"]).to_numpy(), one_chunk(table["says"]).to_numpy() == STAYS
        rank, keeper = keeping.from_binary(table["rank"]), keeping.id_words(table["keeper"])
        to = one_chunk(table["to"]).to_numpy()  # decides between two earlier runs that hold one document
        order = np.lexsort((to, keeper[:, 1], keeper[:, 0], *rank.T[::-1], ~stays, key))
        table, key, stays, to = table.take(pa.array(order)), key[order], stays[order], to[order]
        first = np.r_[True, key[1:] != key[:-1]]
        leaves = stays[np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))]  # at each row of a document, whether it leaves
        becomes = np.select([stays & first, stays, leaves], [KEEPS, NEAR, LINK], ALONE).astype(np.int8)
        yield keyed(
            np.where(stays, to, key),
            None,
            table["id"],
            becomes=pa.array(becomes),
            of=pa.array(key),
            keeper=table["keeper"],
            similarity=table["similarity"],
        )
