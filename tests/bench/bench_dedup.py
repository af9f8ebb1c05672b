"""Speed of dedup: signatures against datasketch and rensa on the same text, and whole barriers through the runner of the tests, on one core.

    python -m tests.bench.bench_dedup [--documents 50000]

Text: 2 kB of words of random letters drawn by a Zipf law, families of near copies planted. Every figure of a table is from one run on one
machine, in CPU seconds; peers get a tenth of the documents, their words already cut, and datasketch the hash function that suits it.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import xxhash

sys.path.insert(0, str(Path(__file__).parents[1]))

from barrier_runner import Cut, kept, run

from curate.arrow import utf8
from curate.barrier import load
from curate.kernels import minhash
from curate.kernels.fold import tables

NUM_WORDS = 340
FAMILY = 4


def corpus(count, seed=0):
    """`count` documents of about 2 kB; each family of FAMILY shares a text but for up to 5 % of its words; a tenth has exact copies."""
    rs = np.random.RandomState(seed)
    vocabulary = np.array(["".join(chr(97 + c) for c in rs.randint(0, 26, rs.randint(2, 10))) for _ in range(50_000)], dtype=object)
    texts = []
    while len(texts) < count:
        base = rs.zipf(1.2, NUM_WORDS) % len(vocabulary)
        for _ in range(FAMILY if rs.rand() < 0.1 else 1):
            words = base.copy()
            words[rs.randint(0, NUM_WORDS, rs.randint(0, NUM_WORDS // 20))] = rs.randint(0, len(vocabulary))
            texts.append(" ".join(vocabulary[words]))
    texts[-(count // 10) :] = texts[: count // 10]
    return texts[:count]


def ours(texts, functions, repeats=3):
    """Best seconds of `repeats`."""
    view = utf8(pa.array(texts, pa.large_string()))
    a, b = functions(112, 1)
    out, num = np.empty((len(texts), 112), dtype=a.dtype), np.empty(len(texts), dtype=np.int64)
    seconds = []
    minhash.signatures(view.offsets[:2], view.data, 5, a, b, *tables(), out, num)  # compile
    for _ in range(repeats):
        started = time.process_time()
        minhash.signatures(view.offsets, view.data, 5, a, b, *tables(), out, num)
        seconds.append(time.process_time() - started)
    return min(seconds)


def datasketch(texts):
    """Seconds of datasketch's MinHash over the same shingles."""
    from datasketch import MinHash

    started = time.process_time()
    for text in texts:
        words = text.split()
        signature = MinHash(num_perm=112, hashfunc=lambda data: xxhash.xxh32_intdigest(data))
        signature.update_batch([" ".join(words[i : i + 5]).encode() for i in range(len(words) - 4)])
    return time.process_time() - started


def rensa(texts):
    """Seconds of rensa's MinHash over the same shingles; None where it is not installed."""
    try:
        from rensa import RMinHash
    except ImportError:
        return None
    started = time.process_time()
    for text in texts:
        words = text.split()
        signature = RMinHash(num_perm=112, seed=1)
        signature.update([" ".join(words[i : i + 5]) for i in range(len(words) - 4)])
    return time.process_time() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=50_000)
    count = parser.parse_args().documents
    texts = corpus(count)
    size = sum(map(len, texts)) / 1e6
    print(f"{count:,} documents, {size:.1f} MB\n\n{'':34} {'documents/s':>12} {'MB/s':>8}")

    def told(name, seconds, share=1.0):
        print(f"{name:34} {count * share / seconds:12,.0f} {size * share / seconds:8.1f}", flush=True)

    told("signatures (112 hashes, 5-grams)", ours(texts, minhash.functions))
    told("the same, datatrove's functions", ours(texts, minhash.datatrove_functions))
    told("datasketch, words already cut", datasketch(texts[: count // 10]), 0.1)
    if (spent := rensa(texts[: count // 10])) is not None:
        told("rensa, words already cut", spent, 0.1)
    ids = np.random.RandomState(1).bytes(16 * count)
    table = pa.table(
        {"id": pa.array([ids[i : i + 16] for i in range(0, len(ids), 16)], pa.binary(16)), "text": pa.array(texts, pa.large_string())}
    )
    for name in ("exact_dedup", "near_dedup"):
        barrier = load(name)
        run(barrier, barrier.config(), table.slice(0, 2000))  # compile
        started = time.process_time()
        marked = run(barrier, barrier.config(), table, Cut(parts=4, ranges=4, table_rows=16_384))
        told(f"{name}, all rounds", time.process_time() - started)
        stays = kept(marked, name)
        print(f"{'':34} {int((~stays).sum()):,} of {len(stays):,} leave")
        table = table.take(pa.array(np.flatnonzero(stays)))
        count, size = table.num_rows, size * stays.mean()


if __name__ == "__main__":
    main()
