"""How far near_dedup can be trusted: planted pairs by similarity, and pairs that people labelled, against datasketch and rensa.

    python -m tests.bench.dedup_accuracy [--pairs 10000]

Planted: pairs of texts whose words are drawn from 4,096, so a 5-gram of words is a whole number of 60 bits and its Jaccard similarity is
counted without any hash. Recall of candidates is compared with the curve 1 - (1 - s^rows)^bands, averaged over the pairs of a bin; then
the whole barrier runs and every removal is compared with the count. Labelled: the sets that lie beside the checkout. Peers get words as
`near_dedup` cuts them, 128 hashes, the estimate of every pair (no band can miss one), and the threshold that suits them best; where pairs are few,
with several seeds, since an estimate of 128 hashes is off by four in a hundred, and one draw in some beats the true similarity by chance.
"""

import argparse
import hashlib
import json
import sys
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import zstandard

sys.path.insert(0, str(Path(__file__).parents[1]))

from barrier_runner import Cut, run
from naive_dedup import words

from curate.arrow import utf8
from curate.barrier import load
from curate.barriers.near_dedup import banding, chance, signatures
from curate.kernels import minhash
from curate.kernels.fold import tables

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"
NEAR = load("near_dedup")
NUM_WORDS, VOCABULARY, NGRAM = 100, 4096, 5
EDGES = np.round(np.arange(0.3, 1.0001, 0.05), 2)
STEP = 4000


def vocabulary():
    letters = np.array(list("abcdefghijklmnop"))
    return np.array(["w" + letters[i >> 8] + letters[(i >> 4) & 15] + letters[i & 15] for i in range(VOCABULARY)], dtype=object)


def edited(rs, base):
    """Copies of texts in which up to nine runs of words are others."""
    copy = base.copy()
    for row, num_runs in enumerate(rs.randint(0, 10, len(base))):
        for _ in range(num_runs):
            start, length = rs.randint(0, NUM_WORDS), rs.randint(1, 5)
            copy[row, start : start + length] = rs.randint(0, VOCABULARY, len(copy[row, start : start + length]))
    return copy


def grams(texts):
    """Each 5-gram as a number, sorted by row."""
    wide = texts.astype(np.uint64)
    codes = sum(wide[:, k : NUM_WORDS - NGRAM + 1 + k] << np.uint64(12 * k) for k in range(NGRAM))
    return np.sort(codes, axis=1)


def jaccard(left, right):
    """The similarity of each pair of texts, counted."""
    a, b = grams(left), grams(right)
    distinct = [1 + (x[:, 1:] != x[:, :-1]).sum(axis=1) for x in (a, b, np.sort(np.concatenate([a, b], axis=1), axis=1))]
    return (distinct[0] + distinct[1] - distinct[2]) / distinct[2]


def keys_of(texts, config):
    """Band keys as the barrier makes them."""
    bands, rows = banding(config)
    found, _ = signatures(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config)
    keys = np.empty((len(texts), bands), dtype=np.uint64)
    minhash.band_keys(found, rows, keys)
    return keys


def planted(config, pairs):
    """Until every bin has `pairs` pairs: similarity and whether a band is shared; and some texts with their words."""
    rs, names = np.random.RandomState(1), vocabulary()
    truth, shared, texts = [], [], []
    while True:
        base = rs.randint(0, VOCABULARY, (STEP, NUM_WORDS))
        copy = edited(rs, base)
        written = [[" ".join(names[row]) for row in side] for side in (base, copy)]
        truth.append(jaccard(base, copy))
        shared.append((keys_of(written[0], config) == keys_of(written[1], config)).any(axis=1))
        if len(texts) < 5:
            texts.append((base, copy, written))
        counts = np.histogram(np.concatenate(truth), np.r_[EDGES[:-1], 1.01])[0]
        if counts.min() >= pairs:
            return np.concatenate(truth), np.concatenate(shared), texts


def recall(config, pairs):
    """Prints the curve; the largest difference and the texts."""
    bands, rows = banding(config)
    truth, shared, texts = planted(config, pairs)
    print(f"planted pairs, {bands} x {rows} bands\n\n{'similarity':>12} {'pairs':>8} {'found %':>9} {'curve %':>9} {'difference':>11}")
    worst = 0.0
    for low, high in pairwise(np.r_[EDGES[:-1], 1.01]):
        inside = (truth >= low) & (truth < high)
        found, curve = shared[inside].mean(), np.mean([chance(s, bands, rows) for s in truth[inside]])
        worst = max(worst, abs(found - curve))
        print(f"{low:6.2f}–{min(high, 1):.2f} {inside.sum():8,} {100 * found:9.2f} {100 * curve:9.2f} {100 * (found - curve):+11.2f}")
    print(f"\nlargest difference {100 * worst:.2f} % (wanted: at most 1)")
    return texts


def precision(config, texts):
    """Runs the barrier over the texts and counts the similarity of every removal anew."""
    every = np.concatenate([side for base, copy, _ in texts for side in (base, copy)])
    written = [text for _, _, sides in texts for side in sides for text in side]
    ids = [hashlib.sha256(n.to_bytes(4, "big")).digest()[:16] for n in range(len(written))]
    row_of = {identity: n for n, identity in enumerate(ids)}
    table = pa.table({"id": pa.array(ids, pa.binary(16)), "text": pa.array(written, pa.large_string())})
    marked = run(NEAR, config, table, Cut(parts=3, ranges=3)).select(["id", "near_dedup__keeper", "near_dedup__similarity"]).to_pylist()
    gone = [(row_of[r["id"]], row_of[r["near_dedup__keeper"]], r["near_dedup__similarity"]) for r in marked if r["near_dedup__keeper"]]
    left, right, said = (np.array(column) for column in zip(*gone, strict=True))
    counted = np.round(jaccard(every[left], every[right]), 4)
    right_ones = (counted >= config.min_similarity) & (counted == said) & ~np.isin(right, left)
    print(f"removals of {len(written):,} documents: {len(gone):,}; similar as declared, value exact, keeper kept: {right_ones.mean():.6f}")
    twins = [(n, n + STEP) for n in range(len(every)) if n % (2 * STEP) < STEP]
    pairs = np.array(twins)
    alike = jaccard(every[pairs[:, 0]], every[pairs[:, 1]]) >= config.min_similarity
    expected = sum(chance(s, *banding(config)) for s in jaccard(every[pairs[:, 0]], every[pairs[:, 1]])[alike])
    print(f"planted pairs at or above {config.min_similarity}: {alike.sum():,}; removed {len(gone):,}; the curve expects {expected:,.0f}\n")


def best_f1(scores, positive):
    """(F1, threshold) at the threshold that suits the scores best."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    f1 = 2 * hits / (np.arange(1, len(scores) + 1) + positive.sum())
    last = np.r_[scores[order][1:] != scores[order][:-1], True]  # pairs with one score fall on one side
    at = np.flatnonzero(last)[f1[last].argmax()]
    return f1[at], scores[order][at]


def peers():
    """Name → function from the n-grams of texts to a function that scores two of them."""
    found = {}
    try:
        from datasketch import MinHash

        def datasketch(sets, seed):
            made = []
            for grams_of in sets:
                made.append(MinHash(num_perm=128, seed=seed))
                made[-1].update_batch([gram.encode() for gram in grams_of])
            return lambda i, j: made[i].jaccard(made[j])

        found["datasketch"] = datasketch
    except ImportError:
        print("datasketch is not installed: pip install datasketch")
    try:
        from rensa import RMinHash

        def rensa(sets, seed):
            made = []
            for grams_of in sets:
                made.append(RMinHash(num_perm=128, seed=seed))
                made[-1].update(sorted(grams_of))
            return lambda i, j: made[i].jaccard(made[j])

        found["rensa"] = rensa
    except ImportError:
        print("rensa is not installed: pip install rensa")
    return found


def true_scores(texts, pairs, n):
    """What the barrier verifies: similarity of the n-gram sets, by its own kernels."""
    view = utf8(pa.array(texts, pa.large_string()))
    values, ends = minhash.shingle_sets(view.offsets, view.data, np.arange(len(texts)), n, *tables())
    shared = np.array([minhash.overlap(values[ends[i] : ends[i + 1]], values[ends[j] : ends[j + 1]]) for i, j in pairs])
    size = np.diff(ends)
    total = np.array([size[i] + size[j] for i, j in pairs]) - shared
    return np.round(shared / np.maximum(total, 1), 4)


def compare(name, texts, pairs, positive, n, num_seeds=1):
    """Prints best F1 of everybody on the same pairs; of peers, the mean over seeds and its range."""
    cut = [words(text) for text in texts]
    sets = [{" ".join(w[i : i + n]) for i in range(max(1, len(w) - n + 1))} for w in cut]
    line = [f"{name}, {n}-grams, {positive.sum()} of {len(pairs):,} pairs"]
    f1, threshold = best_f1(true_scores(texts, pairs, n), positive)
    line.append(f"curate {f1:.3f} (at {threshold:.2f})")
    for peer, make in peers().items():
        scores = [make(sets, seed) for seed in range(1, num_seeds + 1)]
        each, thresholds = zip(*(best_f1(np.array([score(i, j) for i, j in pairs]), positive) for score in scores), strict=True)
        spread = f", {num_seeds} seeds {min(each):.3f}–{max(each):.3f}" if num_seeds > 1 else ""
        line.append(f"{peer} {np.mean(each):.3f} (at {np.mean(thresholds):.2f}{spread})")
    print("; ".join(line), flush=True)


def stored(path):
    return zstandard.ZstdDecompressor().stream_reader(path.open("rb")).read().decode()


def labelled():
    for count in (100, 1000):
        folder = SHARED / "dedup-minhash"
        names, texts = zip(*(x.split(" ", 1) for x in stored(folder / f"articles_{count}.txt.zst").splitlines() if x), strict=True)
        truth = {frozenset(line.split()) for line in (folder / f"articles_{count}.truth.txt").read_text().splitlines() if line}
        pairs = list(combinations(range(len(texts)), 2))
        positive = np.array([frozenset((names[i], names[j])) in truth for i, j in pairs])
        for n in (3, 5):
            compare(f"edited news, {count} articles", list(texts), pairs, positive, n)
    rows = [json.loads(line) for line in stored(SHARED / "dedup-copycat-a" / "pairs.jsonl.zst").splitlines()]
    rows = [row for row in rows if str(row["label"]) in ("0.5", "2", "3")]
    positive = np.array([str(row["label"]) != "0.5" for row in rows])
    texts = [row[side] for row in rows for side in ("src", "target")]
    for n in (1, 3, 5, 8):
        compare(
            "web pages, same content against same template",
            texts,
            [(2 * i, 2 * i + 1) for i in range(len(rows))],
            positive,
            n,
            num_seeds=16,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=10_000, help="planted pairs a bin, at least")
    config = NEAR.config()
    texts = recall(config, parser.parse_args().pairs)
    precision(config, texts)
    if SHARED.is_dir():
        labelled()
    else:
        print("labelled pairs: the data sets are not beside this checkout")


if __name__ == "__main__":
    main()
