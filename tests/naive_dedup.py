"""Slow twins of the dedup kernels and of `near_dedup`: words by a regular expression, sets, all pairs, one document at a time."""

import re
from functools import cache
from itertools import combinations

import numpy as np
import xxhash

from curate.kernels import fold

PRIME = (1 << 61) - 1
LETTERS = {
    fold.SPACE: " ",
    fold.DECIMAL: ",",
    fold.WORD: "w",
    fold.DIGIT: "9",
    fold.MARK: "m",
    fold.DROPPED: "x",
    fold.ALONE: "A",
}
NUMBER = re.compile(r"9+(?:,9+)?")
WORD = re.compile(r"A[mx]*|(?:9+(?:,9+)?|[wm])(?:9+(?:,9+)?|[wmx])*")


def words(text):
    """The words of a text: cut by classes first, folded afterwards."""
    classes = "".join(map(_letter, text))
    return [_folded(text[m.start() : m.end()], m.group()) for m in WORD.finditer(classes)]


@cache
def _letter(char):
    return LETTERS[fold.kind(ord(char))]


@cache
def _written(char):
    return fold.folded(ord(char)) or char


def _folded(word, classes):
    zeros = NUMBER.sub(lambda m: "9" + "-" * (len(m.group()) - 1), classes)
    parts = ["0" if kind == "9" else "" if kind in "-x" else _written(c) for c, kind in zip(word, zeros, strict=True)]
    return "".join(parts)


def shingles(text, n):
    """Hashes of the n-grams of a text's words, in order; of the whole text where it is shorter."""
    found = words(text or "")
    if not found:
        return []
    return [xxhash.xxh64_intdigest(" ".join(found[i : i + n]).encode()) for i in range(max(1, len(found) - n + 1))]


def functions(count, seed):
    a, b = np.random.RandomState(seed).randint(0, 2**32, dtype=np.uint32, size=(2, count))
    return a.astype(np.uint64) | np.uint64(1), b.astype(np.uint64)


def signature(hashes, a, b):
    """The least of (upper half * a + b) mod 2^32, for each function."""
    upper = np.array(hashes, dtype=np.uint64)[:, None] >> np.uint64(32)
    return ((upper * a + b) % np.uint64(1 << 32)).min(axis=0).tolist()


def datatrove_functions(count, seed):
    state = np.random.RandomState(seed)
    a = state.randint(1, PRIME, dtype=np.uint64, size=count)
    return a, state.randint(0, PRIME, dtype=np.uint64, size=count)


def datatrove_signature(hashes, a, b):
    """Datatrove's MinHash, as its formula says it: products and sums wrap at 2^64."""
    return ((np.array(hashes, dtype=np.uint64)[:, None] * a + b) % np.uint64(PRIME)).min(axis=0).tolist()


def similarity(better, worse, kind="jaccard"):
    shared = len(better & worse)
    return round(shared / (len(worse) if kind == "containment" else len(better | worse)), 4)


def partners(place, all_pairs=16, num_hubs=4, num_neighbours=2):
    """Places in its bucket that a row is paired with."""
    if place < all_pairs:
        return set(range(place))
    return set(range(num_hubs)) | set(range(place - num_neighbours, place))


def candidates(documents, ngram, bands, rows, seed=1, all_pairs=16):
    """Pairs of indexes that some bucket pairs up; documents are (id, text, rank), and come in order of (rank, id) in a bucket."""
    a, b = functions(bands * rows, seed)
    order = sorted(range(len(documents)), key=lambda i: (documents[i][2], documents[i][0]))
    pairs = set()
    signatures = {i: signature(s, a, b) for i in order if (s := shingles(documents[i][1], ngram))}
    for band in range(bands):
        buckets = {}
        for i in signatures:
            buckets.setdefault(tuple(signatures[i][band * rows : (band + 1) * rows]), []).append(i)
        for members in buckets.values():
            for place, i in enumerate(members):
                pairs |= {(members[p], i) for p in partners(place, all_pairs)}
    return pairs


def near(documents, ngram=5, bands=14, rows=8, min_similarity=0.8, kind="jaccard", pairs=None):
    """{id: (keeper's id, similarity)} of the documents that leave; all pairs are candidates unless `pairs` says which."""
    order = sorted(range(len(documents)), key=lambda i: (documents[i][2], documents[i][0]))
    sets = [set(shingles(text, ngram)) for _, text, _ in documents]
    pairs = set(combinations(order, 2)) if pairs is None else pairs
    stays, leaves = [], {}
    for i in order:
        for keeper in stays:  # in order of rank: the first that is similar enough is the keeper
            if (keeper, i) in pairs and sets[i] and sets[keeper]:
                found = similarity(sets[keeper], sets[i], kind)
                if found >= min_similarity:
                    leaves[documents[i][0]] = (documents[keeper][0], found)
                    break
        if documents[i][0] not in leaves:
            stays.append(i)
    return leaves


def greedy(num_vertices, edges, gone):
    """Which vertices are removed; edges lead from better to worse, in any order of vertices without cycles."""
    gone, left = set(gone), set(range(num_vertices))
    while left:
        v = min(v for v in left if not any(b == v and a in left for a, b in edges))
        left.remove(v)
        if v not in gone:
            gone |= {b for a, b in edges if a == v}
    return gone
