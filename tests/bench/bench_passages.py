"""Speed of passage_dedup on one core: all rounds through the runner of the tests, against a suffix array of the same text.

    python -m tests.bench.bench_passages [--megabytes 20]

Text: words of random letters drawn by a Zipf law, in documents of about 2 kB; a fifth of the text are passages of 200–1,000 bytes copied
from other documents. The peer is pydivsufsort (Mori's libdivsufsort, compiled C) with Kasai's common prefixes over the whole corpus in
memory, which is the method of Lee et al. 2022; both must find the same bytes. CPU time of the process, one thread.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))

from barrier_runner import Cut, run

from curate.barrier import load

LENGTH = 100


def corpus(size, seed=0):
    """Documents of about 2 kB, `size` bytes in all, a fifth of it copied."""
    rs = np.random.RandomState(seed)
    vocabulary = np.array(["".join(chr(97 + c) for c in rs.randint(0, 26, rs.randint(2, 10))) for _ in range(50_000)], dtype=object)
    texts, held = [], 0
    while held < size:
        pieces = []
        for _ in range(rs.randint(2, 7)):
            if texts and rs.rand() < 0.28:
                other = texts[rs.randint(len(texts))]
                start = rs.randint(0, max(1, len(other) - 1000))
                pieces.append(other[start : start + rs.randint(200, 1000)])
            else:
                pieces.append(" ".join(vocabulary[rs.zipf(1.2, rs.randint(40, 120)) % len(vocabulary)]))
        texts.append("\n".join(pieces))
        held += len(texts[-1])
    return texts


def ours(texts):
    """CPU seconds, and for each text the bytes that repeat (all copies, so that the suffix array can be compared)."""
    barrier = load("passage_dedup")
    config = barrier.config(min_length=LENGTH, copies="none", action="mark")
    ids = np.random.RandomState(1).bytes(16 * len(texts))
    table = pa.table({
        "id": pa.Array.from_buffers(pa.binary(16), len(texts), [None, pa.py_buffer(ids)]), "text": pa.array(texts, pa.large_string())
    })  # fmt: skip
    run(barrier, config, table.slice(0, 50))  # compile
    started = time.process_time()
    marked = run(barrier, config, table, Cut(batch_rows=1024))
    return time.process_time() - started, sum(marked["passage_dedup__num_bytes"].to_pylist())


def peer(texts):
    """CPU seconds of a suffix array over all texts, and the bytes that repeat by it."""
    from pydivsufsort import divsufsort, kasai

    data = b"\xff".join(text.encode() for text in texts)  # the separator is no UTF-8, but does repeat: its neighbours tell it apart
    started = time.process_time()
    array = divsufsort(data)
    common = kasai(data, array)
    separators = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 0xFF)
    room = np.r_[separators, len(data)][np.searchsorted(separators, np.arange(len(data)))] - np.arange(len(data))
    alike = np.maximum(common, np.r_[0, common[:-1]])
    starts = np.zeros(len(data), dtype=np.int64)
    starts[array] = alike
    long = np.flatnonzero((starts >= LENGTH) & (room >= LENGTH))
    covered = np.zeros(len(data) + 1, dtype=np.int64)
    np.add.at(covered, long, 1)
    np.add.at(covered, long + LENGTH, -1)
    return time.process_time() - started, int((np.cumsum(covered) > 0).sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=20)
    texts = corpus(int(parser.parse_args().megabytes * 1e6))
    size = sum(map(len, texts)) / 1e6
    print(f"{len(texts):,} documents, {size:.1f} MB, passages of at least {LENGTH} bytes\n")
    seconds, found = ours(texts)
    print(f"{'passage_dedup':32} {size / seconds:8.1f} MB/s, {found:,} bytes repeat")
    try:
        seconds, found = peer(texts)
    except ImportError:
        print("pydivsufsort is not installed: pip install pydivsufsort")
    else:
        print(f"{'suffix array (pydivsufsort)':32} {size / seconds:8.1f} MB/s, {found:,} bytes repeat")


if __name__ == "__main__":
    main()
