"""Near duplicates: of documents whose word n-grams overlap, the best stays, and what is similar to *it* leaves. No chains.

Candidates come from MinHash bands (Broder 1997); then their true n-gram sets are compared, and only a
similarity of at least `min_similarity` with a document that stays at this barrier removes one. Documents are taken in the order of
`keep`, then id: each that no better similar one has removed stays. So every removed document has a keeper, named in a column, and no set
of documents depends on files or order.

    bands    documents → a row a band; rows of a bucket → pairs (better, worse)
    pairs    each pair once → who must send its n-grams to whom
    sets     n-grams of the better and of each worse → verified edges
    decide   a document without an undecided better neighbour is decided; repeats while there are undecided ones
    keepers  of the neighbours that stay, the best is the keeper → edges, by keeper
    clusters each keeper learns for how many documents it stands → verdicts, and edges by id
    families edges → the least id that each document is connected with; repeats while there are stars to be joined
    kin      documents learn it

`cluster` is the id of the keeper, with those who left and with the keeper itself; `copies` is how many documents a keeper stands for, its
own included. `family` is the least id of all that are similar through others, removed ones and those of earlier runs included: of two that
stay, both may be similar to one that left. By it the split holds documents out. Bands and rows are given, or follow from
`target_similarity`; `curate plan` prints the curve.

Words are cut before marks are stripped (`kernels/fold.py`); scripts without spaces give one word a character. A text of fewer than n
words is compared whole; one without words is never a duplicate. N-grams are compared by 64-bit hashes.

Misses: pairs that share no band: at Jaccard 0.8, 14 x 8 bands find 92.4 % of them (1 - (1 - s^8)^14). Of a bucket with more than 16
documents, not all pairs are tried (`kernels/graph.py`), so a second run on what stays may find a few more there. `containment` verifies
containment, but candidates are still those with similar whole sets. With several `keep` columns, hubs of large buckets are chosen by
their leading bits.

Price: 48 bytes a document and band in the first exchange; n-gram sets (8 bytes an n-gram) only of candidates, once a pair, so a batch
whose documents all have many candidates is sketched into as many sets. Deciding takes as many exchanges as the longest path of ever worse
neighbours, but what fits into one range is decided at once; families take log² of their number at most.

Where the recipe names an index, the documents that stayed in earlier runs take part, rank before all others and cannot leave, so the same
documents of this run stay as if it had read those of the earlier runs too (but for buckets of more than 16 documents, which are paired in
another order); `run` names the keeper's run. No old text is read: an index holds 40 bytes a band and 8 an n-gram; of the n-grams only those
of candidates are read.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from curate.arrow import one_chunk, utf8
from curate.barrier import INDEXED, Barrier, Earlier, Memory, Round, keyed
from curate.dedup import deciding, families, laundering
from curate.dedup import keep as keeping
from curate.dedup.keep import GATHER, SPREAD
from curate.errors import StageError
from curate.kernels import graph, minhash
from curate.kernels.fold import tables as fold_tables
from curate.stage import DECIMALS, DROP, THRESHOLD, VALUE
from curate.stage import Config as Base

REASON = "near_duplicate"
STRIDE = 8192
"""Rows of a bucket that are paired at once: bounds the pairs in memory."""
VERDICTS = {
    DROP: pa.string(),
    VALUE: pa.string(),
    THRESHOLD: pa.string(),
    "keeper": pa.binary(16),
    "run": pa.string(),
    "similarity": pa.float64(),
    "cluster": pa.binary(16),
    "copies": pa.int32(),
}


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
    functions: Literal["32-bit", "datatrove"] = "32-bit"
    """Hash functions of the signatures: of 32 bits, or datatrove's of 61, whose signatures are datatrove's bit for bit where the words are, at
    about half the speed. The curve is the same."""
    seed: int = Field(1, ge=0, lt=1 << 32)
    """Seed of the hash functions; datatrove's is 1."""

    rights: str | None = None
    """Column in which copies must not contradict each other, such as `license__class`: where two members claim different things, all wait
    for a steward, as `held_laundering`. A copy that left before this step is not asked: let `license` remove after it."""

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
def _functions(family: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return minhash.datatrove_functions(count, seed) if family == "datatrove" else minhash.functions(count, seed)


def signatures(batch: pa.RecordBatch, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """(signatures uint32 or uint64[rows, bands * rows of a band], number of n-grams int64[rows]) of the texts of a batch."""
    text = utf8(batch["text"])
    bands, in_band = banding(config)
    a, b = _functions(config.functions, bands * in_band, config.seed)
    found, num_shingles = np.empty((batch.num_rows, len(a)), dtype=a.dtype), np.empty(batch.num_rows, dtype=np.int64)
    minhash.signatures(text.offsets, text.data, config.ngram, a, b, *fold_tables(), found, num_shingles)
    return found, np.where(text.valid, num_shingles, 0)


def _bands(batch: pa.RecordBatch, previous: pa.Table | None, config: Config, behind: bool = False) -> pa.Table:
    """A row for every document with words and every band: the band's hash, the document's rank (behind those of earlier runs) and address."""
    bands, in_band = banding(config)
    found, num_shingles = signatures(batch, config)
    rows = np.flatnonzero(num_shingles)
    keys = np.empty((len(rows), bands), dtype=np.uint64)
    minhash.band_keys(found[rows], in_band, keys)
    each = np.repeat(rows, bands)
    take = pa.array(each)
    packed = keeping.packed(batch, config.keep)[each]
    packed = keeping.packed_behind(packed) if behind else packed
    return keyed(keys.ravel(), packed, batch["id"].take(take), at=batch["at"].take(take), rank=_ranks(batch, each, config, behind))


def _ranks(batch: pa.RecordBatch, rows: np.ndarray, config: Config, behind: bool) -> pa.Array:
    """The ranks of rows, as the exchange carries them."""
    rank = keeping.ranks(batch, config.keep)[rows]
    return keeping.as_binary(keeping.behind(rank) if behind else rank)


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
    mine = at[worst] < INDEXED  # else both are of earlier runs, which have decided
    best, worst = best[mine], worst[mine]
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


def _sets(batch: pa.RecordBatch, previous: pa.Table | None, config: Config, behind: bool = False) -> pa.Table:
    """The n-gram set of each document that was asked for it, once for everyone who asked; one's own comes first (sub 0)."""
    rows, to = _asked(previous)
    asked, which = np.unique(rows, return_inverse=True)
    sets = _ngrams(batch, asked, config).take(pa.array(which))
    return _sent(batch, rows, to, sets, _ranks(batch, rows, config, behind))


def _asked(previous: pa.Table | None) -> tuple[np.ndarray, np.ndarray]:
    """(row in the batch, address of who asked) of every question."""
    if previous is None or previous.num_rows == 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint64)
    return one_chunk(previous["row"]).to_numpy(), one_chunk(previous["sub"]).to_numpy()


def _ngrams(batch: pa.RecordBatch, rows: np.ndarray, config: Config) -> pa.LargeListArray:
    """The n-gram sets of rows of a batch."""
    text = utf8(batch["text"])
    values, ends = minhash.shingle_sets(text.offsets, text.data, rows, config.ngram, *fold_tables())
    return pa.LargeListArray.from_arrays(pa.array(ends), pa.array(values))


def _sent(batch: pa.RecordBatch, rows: np.ndarray, to: np.ndarray, sets: pa.Array, rank: pa.Array) -> pa.Table:
    """Answers, at those who asked."""
    take = pa.array(rows)
    at = one_chunk(batch["at"].take(take)).to_numpy()
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
    yield deciding.row(key[edges], worse["id"], deciding.EDGE, to, better["id"], better["rank"], similarity, True)
    yield deciding.row(to, better["id"], deciding.UNDECIDED, to, better["id"], better["rank"], similarity, True)


def _clusters(tables: Iterator[pa.Table], config: Config, whole: bool, earlier: Earlier) -> Iterator[pa.Table]:
    """Verdicts, a row a document that has a similar one: of every removed document; of every other one of this run, with the number of
    documents that it stands for. And all edges, from which families follow."""
    held, size = None, 0
    for table in tables:
        if table.num_rows == 0:
            continue
        becomes = one_chunk(table["becomes"]).to_numpy()
        yield families.edges(one_chunk(table["id"]), one_chunk(table["keeper"]), VERDICTS)
        yield _gone(table.take(pa.array(np.flatnonzero(becomes == deciding.KEEPS))), config, earlier)
        rows = table.take(pa.array(np.flatnonzero(becomes != deciding.LINK)))
        if rows.num_rows == 0:
            continue
        key, stands = one_chunk(rows["key"]).to_numpy(), one_chunk(rows["becomes"]).to_numpy() == deciding.KEEPS
        first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
        sizes = np.add.reduceat(stands.astype(np.int64), first)
        if held is not None and held["key"][0].as_py() == int(key[0]):
            sizes[0] += size
        elif held is not None:
            yield _stays(held, np.array([size]))
        yield _stays(rows.take(pa.array(first[:-1])), sizes[:-1])
        held, size = rows.slice(int(first[-1]), 1), int(sizes[-1])
    if held is not None:
        yield _stays(held, np.array([size]))


def _gone(rows: pa.Table, config: Config, earlier: Earlier) -> pa.Table:
    """The verdicts of removed documents, from the edges to their keepers."""
    similarity, keeper = one_chunk(rows["similarity"]), one_chunk(rows["keeper"])
    threshold = f">= {round(config.min_similarity, DECIMALS)!r}"
    verdict = {
        DROP: pa.array([REASON] * rows.num_rows, pa.string()),
        VALUE: pa.array([repr(value) for value in similarity.to_pylist()], pa.string()),
        THRESHOLD: pa.array([threshold] * rows.num_rows, pa.string()),
        "keeper": keeper,
        "run": earlier.run_of(one_chunk(rows["key"]).to_numpy() * GATHER),
        "similarity": similarity,
        "cluster": keeper,
        "copies": pa.nulls(rows.num_rows, pa.int32()),
    }
    return families.homes(one_chunk(rows["id"]), one_chunk(rows["of"]).to_numpy() * GATHER, verdict)


def _stays(firsts: pa.Table, sizes: np.ndarray) -> pa.Table:
    """The rows of documents that stay, from the first row of each and the number of those for which it stands."""
    mine = one_chunk(firsts["key"]).to_numpy() * GATHER < INDEXED
    firsts, sizes = firsts.take(pa.array(np.flatnonzero(mine))), sizes[mine]
    alone = pc.equal(one_chunk(firsts["becomes"]), deciding.ALONE)
    ids, none = pc.if_else(alone, one_chunk(firsts["id"]), one_chunk(firsts["keeper"])), sizes == 0
    verdict = {name: pa.nulls(len(sizes), dtype) for name, dtype in VERDICTS.items()}
    cluster = pc.if_else(pa.array(none), pa.scalar(None, pa.binary(16)), ids)
    verdict |= {"cluster": cluster, "copies": pa.array(sizes + 1, pa.int32(), mask=none)}
    return families.homes(ids, one_chunk(firsts["key"]).to_numpy() * GATHER, verdict)


def _rounds(config: Config, earlier: Earlier = Earlier()) -> tuple[Round, ...]:
    behind = bool(earlier.runs)
    return (
        Round(name="bands", sketch=partial(_bands, behind=behind), resolve=_pairs),
        Round(name="pairs", resolve=_needs),
        Round(name="sets", sketch=partial(_sets, behind=behind), resolve=_verify),
        Round(name="decide", resolve=deciding.decide, repeat=True),
        Round(name="keepers", resolve=deciding.keepers),
        Round(name="clusters", resolve=partial(_clusters, earlier=earlier)),
        *families.rounds(),
        *laundering.rounds(config.rights, "cluster"),
    )


def _parameters(config: Config) -> Mapping[str, Any]:
    bands, rows = banding(config)
    return {"ngram": config.ngram, "bands": bands, "rows": rows, "functions": config.functions, "seed": config.seed}


def _keys(batch: pa.RecordBatch, config: Config) -> pa.Table:
    rows = _bands(batch, None, config.model_copy(update={"keep": ()}))
    return rows.drop_columns(["rank"]).set_column(1, "sub", pa.array(np.zeros(rows.num_rows, dtype=np.uint64)))


def _recall(rows: pa.Table, config: Config) -> pa.Table:
    return rows.append_column("rank", keeping.as_binary(keeping.ahead(rows.num_rows, config.keep)))


def _holds(batch: pa.RecordBatch, config: Config) -> Mapping[str, pa.Array]:
    return {"ngrams": _ngrams(batch, np.arange(batch.num_rows), config)}


def _recall_sets(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """What `_sets` gives, for documents of earlier runs."""
    rows, to = _asked(previous)
    sets = batch["ngrams"].take(pa.array(rows))
    return _sent(batch, rows, to, sets, keeping.as_binary(keeping.ahead(len(rows), config.keep)))


def _reads(config: Config) -> tuple[str, ...]:
    return tuple(dict.fromkeys(["text", *keeping.columns(config.keep), *([config.rights] if config.rights else [])]))


near_dedup = Barrier(
    name="near_dedup",
    version=6,
    config=Config,
    reads=_reads,
    rounds=_rounds,
    adds=VERDICTS | {"family": pa.binary(16)},
    memory=Memory(version=2, parameters=_parameters, keys=_keys, rounds=_rounds, recall=_recall, holds=_holds, sketch=_recall_sets),
    module=__name__,
)
