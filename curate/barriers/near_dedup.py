"""Near duplicates: of documents whose word n-grams overlap, the best stays, and what is similar to *it* leaves. No chains.

Candidates come from MinHash bands (Broder 1997; signatures as datatrove's); then their true n-gram sets are compared, and only a
similarity of at least `min_similarity` with a document that stays at this barrier removes one. Documents are taken in the order of
`keep`, then id: each that no better similar one has removed stays. So every removed document has a keeper, named in a column, and no set
of documents depends on files or order.

    bands    documents → a row a band; rows of a bucket → pairs (better, worse)
    pairs    each pair once → who must send its n-grams to whom
    sets     n-grams of the better and of each worse → verified edges
    decide   a document without an undecided better neighbour is decided; repeats while there are undecided ones
    keepers  of the neighbours that stay, the best is the keeper → the removed, by keeper
    clusters each keeper learns for how many documents it stands → verdicts

`cluster` is the id of the keeper, with those who left and with the keeper itself; `copies` is how many documents a keeper stands for, its
own included. Bands and rows are given, or follow from `target_similarity`; `curate plan` prints the curve.

Words are cut before marks are stripped (`kernels/fold.py`); scripts without spaces give one word a character. A text of fewer than n
words is compared whole; one without words is never a duplicate. N-grams are compared by 64-bit hashes.

Misses: pairs that share no band: at Jaccard 0.8, 14 x 8 bands find 92.4 % of them (1 - (1 - s^8)^14). Of a bucket with more than 16
documents, not all pairs are tried (`kernels/graph.py`), so a second run on what stays may find a few more there. `containment` verifies
containment, but candidates are still those with similar whole sets. With several `keep` columns, hubs of large buckets are chosen by
their leading bits.

Price: 48 bytes a document and band in the first exchange; n-gram sets (8 bytes an n-gram) only of candidates, once a pair, so a batch
whose documents all have many candidates is sketched into as many sets. Deciding takes as many exchanges as the longest path of ever worse
neighbours, but what fits into one range is decided at once.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator

from curate import keep as keeping
from curate.arrow import one_chunk, utf8
from curate.barrier import Barrier, Round, keyed, whole_keys
from curate.errors import StageError
from curate.keep import GATHER, SPREAD
from curate.kernels import graph, minhash
from curate.kernels.fold import tables as fold_tables
from curate.stage import DECIMALS, DROP, THRESHOLD, VALUE
from curate.stage import Config as Base

REASON = "near_duplicate"
STRIDE = 8192
"""Rows of a bucket that are paired at once: bounds the pairs in memory."""
UNDECIDED, STAYS, LEAVES, EDGE = 0, 1, 2, 3
"""What a row of the deciding rounds says: the state of a better neighbour, or an edge to a worse one."""


class Config(Base):
    """How similar is too similar, and which copy stays."""

    ngram: int = Field(5, ge=1, le=64)
    """Words in an n-gram."""
    bands: int = Field(14, ge=1, le=1024)
    """Bands of the signature: more find more candidates, and cost more."""
    rows: int = Field(8, ge=1, le=256)
    """Hashes in a band: more find fewer candidates. Documents of Jaccard similarity s share a band with probability 1 - (1 -
    s^rows)^bands."""
    target_similarity: float | None = Field(None, gt=0.0, lt=1.0)
    """If given, `bands` and `rows` are not looked at: of all that need at most `max_hashes`, those are taken whose curve is nearest to a step
    at this similarity, pairs missed above it and pairs tried below it weighing the same."""
    max_hashes: int = Field(128, ge=1, le=4096)
    """Hashes that `target_similarity` may spend on a document."""
    min_similarity: float = Field(0.8, gt=0.0, le=1.0)
    """A document leaves if its similarity with one that stays is at least this; compared after rounding to four decimals."""
    similarity: Literal["jaccard", "containment"] = "jaccard"
    """`jaccard`: shared n-grams over all n-grams of both; `containment`: shared n-grams over those of the document that leaves."""
    keep: tuple[str, ...] = ("-bytes",)
    """Columns that say which copy stays, best first: numbers, booleans or times; `-` where more is better; `bytes` is the text's length.
    Then the id."""
    seed: int = Field(1, ge=0, lt=1 << 32)
    """Seed of the hash functions."""

    _keep = field_validator("keep")(keeping.check)

    def notes(self) -> list[str]:
        """What `curate plan` says of it."""
        bands, rows = banding(self)
        curve = ", ".join(f"{s:g}: {100 * chance(s, bands, rows):.1f} %" for s in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95))
        return [f"{bands} bands of {rows} rows, {bands * rows} hashes; pairs that become candidates, by similarity: {curve}"]


def chance(similarity: float, bands: int, rows: int) -> float:
    """The probability that two documents share a band: 1 - (1 - s^rows)^bands."""
    return float(1.0 - (1.0 - similarity**rows) ** bands)


def banding(config: Config) -> tuple[int, int]:
    """Bands and rows, as given or as the target asks."""
    return (config.bands, config.rows) if config.target_similarity is None else _nearest_step(config.target_similarity, config.max_hashes)


@lru_cache(maxsize=8)
def _nearest_step(target: float, max_hashes: int) -> tuple[int, int]:
    """(bands, rows) with the least area between their curve and a step at `target`; of equal ones, that with the fewest hashes."""
    grid = (np.arange(1000) + 0.5) / 1000
    best = (np.inf, 0, 0, 0)
    for rows in range(1, max_hashes + 1):
        for bands in range(1, max_hashes // rows + 1):
            curve = 1.0 - (1.0 - grid**rows) ** bands
            area = np.round(np.abs(curve - (grid >= target)).mean(), 6)
            best = min(best, (area, bands * rows, bands, rows))
    return best[2], best[3]


@lru_cache(maxsize=8)
def _permutations(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return minhash.permutations(count, seed)


def _bands(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """A row for every document with words and every band: the band's hash, the document's rank and address."""
    text = utf8(batch["text"])
    bands, in_band = banding(config)
    a, b = _permutations(bands * in_band, config.seed)
    signatures = np.empty((batch.num_rows, len(a)), dtype=np.uint64)
    num_shingles = np.empty(batch.num_rows, dtype=np.int64)
    minhash.signatures(text.offsets, text.data, config.ngram, a, b, *fold_tables(), signatures, num_shingles)
    rows = np.flatnonzero(text.valid & (num_shingles > 0))
    keys = np.empty((len(rows), bands), dtype=np.uint64)
    minhash.band_keys(signatures[rows], in_band, keys)
    each = np.repeat(rows, bands)
    take = pa.array(each)
    rank = keeping.as_binary(keeping.ranks(batch, config.keep)[each])
    return keyed(keys.ravel(), keeping.packed(batch, config.keep)[each], batch["id"].take(take), at=batch["at"].take(take), rank=rank)


def _pairs(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Pairs (better, worse) out of each bucket, walked: what is held of one is its first rows and its last."""
    held: pa.Table | None = None
    place = np.empty(0, dtype=np.int64)
    for table in tables:
        for start in range(0, table.num_rows, STRIDE):
            piece = table.slice(start, STRIDE)
            rows = piece if held is None else pa.concat_tables([held, piece])
            fresh = rows.num_rows - piece.num_rows
            key = one_chunk(rows["key"]).to_numpy()
            place = np.concatenate([place, np.zeros(piece.num_rows, dtype=np.int64)])
            graph.places(key, place, fresh)
            yield _oriented(rows, key, place, fresh)
            needed = (place < graph.ALL_PAIRS) | (np.arange(len(key)) >= len(key) - graph.NUM_NEIGHBOURS)
            open_rows = np.flatnonzero(needed & (key == key[-1]))
            held, place = rows.take(pa.array(open_rows)), place[open_rows]


def _oriented(rows: pa.Table, key: np.ndarray, place: np.ndarray, fresh: int) -> pa.Table:
    """The pairs of the rows from `fresh` on: key and id of the better one, the address of the worse as sub."""
    left, right = (np.empty(graph.ALL_PAIRS * (len(key) - fresh), dtype=np.int64) for _ in range(2))
    count = graph.bucket_pairs(key, place, fresh, left, right)
    left, right = left[:count], right[:count]
    rank, ids, at = keeping.from_binary(rows["rank"]), one_chunk(rows["id"]), one_chunk(rows["at"]).to_numpy()
    in_order = keeping.better(rank[left], ids.take(pa.array(left)), rank[right], ids.take(pa.array(right)))
    best, worst = np.where(in_order, left, right), np.where(in_order, right, left)
    return keyed(at[best] * SPREAD, at[worst], ids.take(pa.array(best)))


def _needs(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Each pair once: the worse document sends its n-grams to the better (named by its address as sub), and the better sends its own to
    itself."""
    last = (None, None)
    for table in tables:
        if table.num_rows == 0:
            continue
        key, worse = one_chunk(table["key"]).to_numpy(), one_chunk(table["sub"]).to_numpy()
        new_key = np.r_[last[0] != key[0], key[1:] != key[:-1]]
        new_pair = new_key | np.r_[last[1] != worse[0], worse[1:] != worse[:-1]]
        better = key * GATHER
        ids = one_chunk(table["id"])
        own, pair = np.flatnonzero(new_key), np.flatnonzero(new_pair)
        both = np.concatenate([own, pair])
        yield keyed(np.concatenate([better[own], worse[pair]]), better[both], ids.take(pa.array(both)))
        last = (key[-1], worse[-1])


def _sets(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """The n-gram set of each document that was asked for it, once for everyone who asked; one's own comes first (sub 0)."""
    if previous is None or previous.num_rows == 0:
        rows, to = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint64)
    else:
        rows, to = one_chunk(previous["row"]).to_numpy(), one_chunk(previous["sub"]).to_numpy()
    text = utf8(batch["text"])
    asked, which = np.unique(rows, return_inverse=True)
    values, ends = minhash.shingle_sets(text.offsets, text.data, asked, config.ngram, *fold_tables())
    sets = pa.LargeListArray.from_arrays(pa.array(ends), pa.array(values)).take(pa.array(which))
    take = pa.array(rows)
    at = one_chunk(batch["at"].take(take)).to_numpy()
    rank = keeping.as_binary(keeping.ranks(batch, config.keep)[rows])
    return keyed(to * SPREAD, (to != at).astype(np.uint64), batch["id"].take(take), at=pa.array(at), rank=rank, ngrams=sets)


def _verify(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Edges between documents that are similar enough: one row for the better one, and word of it for the worse."""
    own: pa.Table | None = None
    for table in tables:
        if table.num_rows == 0:
            continue
        rows = table if own is None else pa.concat_tables([own, table])
        mine = one_chunk(rows["sub"]).to_numpy() == 0
        key = one_chunk(rows["key"]).to_numpy()
        of = np.maximum.accumulate(np.where(mine, np.arange(len(mine)), 0))
        if (key != key[of]).any():
            stray = rows["id"][int(np.flatnonzero(key != key[of])[0])].as_py().hex()
            raise StageError(f"near_dedup, round sets: expected a document's own n-grams first, got those of {stray}; this is a bug")
        similarity = _similarity(one_chunk(rows["ngrams"]), of, config)
        edges = np.flatnonzero(~mine & (similarity >= round(config.min_similarity, DECIMALS)))
        if len(edges):
            yield from _edges(rows, key, of, edges, similarity[edges])
        own = rows.slice(int(of[-1]), 1)


def _similarity(sets: pa.LargeListArray, of: np.ndarray, config: Config) -> np.ndarray:
    """Similarity of set i, of the document that may leave, with set of[i]; rounded as it is judged."""
    offsets = sets.offsets.to_numpy()
    size = np.diff(offsets)
    shared = np.empty(len(of), dtype=np.int64)
    minhash.overlaps(sets.values.to_numpy(), offsets[:-1], offsets[1:], of, shared)
    total = size if config.similarity == "containment" else size + size[of] - shared
    return np.round(shared / np.maximum(total, 1), DECIMALS)


def _edges(rows: pa.Table, key: np.ndarray, of: np.ndarray, edges: np.ndarray, similarity: np.ndarray) -> Iterator[pa.Table]:
    """Rows of the deciding rounds: the edge, at the better one; and that the better one is undecided, at the worse one."""
    better = rows.select(["id", "rank"]).take(pa.array(of[edges]))
    worse = rows.select(["id", "at"]).take(pa.array(edges))
    to = one_chunk(worse["at"]).to_numpy() * SPREAD
    yield _row(key[edges], worse["id"], EDGE, to, better["id"], better["rank"], similarity, True)
    yield _row(to, better["id"], UNDECIDED, to, better["id"], better["rank"], similarity, True)


def _row(
    key: np.ndarray, ids: pa.Array, says: int, to: np.ndarray, keeper: pa.Array, rank: pa.Array, similarity: np.ndarray, again: bool
) -> pa.Table:
    """Rows of the deciding rounds; states sort before edges."""
    sub = np.full(len(key), int(says == EDGE), dtype=np.uint64)
    said = pa.array(np.full(len(key), says, dtype=np.int8))
    repeats = pa.array(np.full(len(key), again))
    return keyed(key, sub, ids, says=said, to=pa.array(to), keeper=keeper, rank=rank, similarity=pa.array(similarity), again=repeats)


def _decide(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
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
    """What documents in `state` send along their edges; the last word, of those that stay, has their own key as `to`."""
    to, similarity = one_chunk(edges["to"]).to_numpy(), one_chunk(edges["similarity"]).to_numpy()
    keeper, rank = edges["keeper"], edges["rank"]
    yield _row(to, keeper, state, to, keeper, rank, similarity, True)
    if state == UNDECIDED:
        yield _row(one_chunk(edges["key"]).to_numpy(), edges["id"], EDGE, to, keeper, rank, similarity, True)
    elif state == STAYS:
        yield _row(to, edges["id"], EDGE, one_chunk(edges["key"]).to_numpy(), keeper, rank, similarity, False)


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
        raise StageError(f"near_dedup, round decide: expected {len(vertex)} documents decided, got {done}; this is a bug")
    stays = np.flatnonzero(~gone[np.searchsorted(vertex, key)])
    if len(stays):
        *_, removed = _told(rows.take(pa.array(stays)), STAYS)
        yield removed


def _keepers(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Of the neighbours of a removed document that stay, the best by (rank, id) is the keeper: a row for each removed one, at its keeper."""
    for table in whole_keys(tables):
        key = one_chunk(table["key"]).to_numpy()
        rank, keeper = keeping.from_binary(table["rank"]), keeping.id_words(table["keeper"])
        order = np.lexsort((keeper[:, 1], keeper[:, 0], *rank.T[::-1], key))
        best = table.take(pa.array(order[np.r_[True, key[order][1:] != key[order][:-1]]]))
        of, to = one_chunk(best["key"]).to_numpy(), one_chunk(best["to"]).to_numpy()
        yield keyed(to, None, best["id"], of=pa.array(of), keeper=best["keeper"], similarity=best["similarity"])


def _clusters(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Verdicts: of every removed document, and of its keeper, which is told how many documents it stands for."""
    threshold = f">= {round(config.min_similarity, DECIMALS)!r}"
    held, size = None, 0
    for table in tables:
        if table.num_rows == 0:
            continue
        similarity = one_chunk(table["similarity"])
        yield keyed(
            one_chunk(table["of"]).to_numpy() * GATHER,
            None,
            table["id"],
            drop=pa.array([REASON] * table.num_rows, pa.string()),
            value=pa.array([repr(value) for value in similarity.to_pylist()], pa.string()),
            threshold=pa.array([threshold] * table.num_rows, pa.string()),
            keeper=table["keeper"],
            similarity=similarity,
            cluster=table["keeper"],
            copies=pa.nulls(table.num_rows, pa.int32()),
        )
        key = one_chunk(table["key"]).to_numpy()
        first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
        sizes = np.diff(np.r_[first, len(key)])
        if held is not None and held["key"][0].as_py() == int(key[0]):
            sizes[0] += size
        elif held is not None:
            yield _stand(held, np.array([size]))
        yield _stand(table.take(pa.array(first[:-1])), sizes[:-1])
        held, size = table.slice(int(first[-1]), 1), int(sizes[-1])
    if held is not None:
        yield _stand(held, np.array([size]))


def _stand(firsts: pa.Table, sizes: np.ndarray) -> pa.Table:
    """The rows of keepers, from the first row of each of their clusters."""
    nothing = {name: pa.nulls(len(sizes), near_dedup.adds[name]) for name in (DROP, VALUE, THRESHOLD, "keeper", "similarity")}
    copies = pa.array(sizes + 1, pa.int32())
    return keyed(one_chunk(firsts["key"]).to_numpy() * GATHER, None, firsts["keeper"], **nothing, cluster=firsts["keeper"], copies=copies)


def _rounds(config: Config) -> tuple[Round, ...]:
    return (
        Round(name="bands", sketch=_bands, resolve=_pairs),
        Round(name="pairs", resolve=_needs),
        Round(name="sets", sketch=_sets, resolve=_verify),
        Round(name="decide", resolve=_decide, repeat=True),
        Round(name="keepers", resolve=_keepers),
        Round(name="clusters", resolve=_clusters),
    )


def _reads(config: Config) -> tuple[str, ...]:
    return tuple(dict.fromkeys(["text", *keeping.columns(config.keep)]))


near_dedup = Barrier(
    name="near_dedup",
    version=2,
    config=Config,
    reads=_reads,
    rounds=_rounds,
    adds={
        DROP: pa.string(),
        VALUE: pa.string(),
        THRESHOLD: pa.string(),
        "keeper": pa.binary(16),
        "similarity": pa.float64(),
        "cluster": pa.binary(16),
        "copies": pa.int32(),
    },
    module=__name__,
)
