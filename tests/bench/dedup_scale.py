"""What near_dedup costs at 10^6 … 10^10 documents: bytes a document in every exchange, tasks, shuffle volume; and one range, generated.

    python -m tests.bench.dedup_scale [--documents 20000] [--rows 2000000]

The first table is measured: a corpus with planted copies (bench_dedup.py) goes through all rounds and the rows of each exchange are
weighed. The second is paper: those bytes times the documents, cut as the engine cuts, with limits that a run of that size would set. The
third is one resolving task of the first round as a run over 10^10 documents has 1,600 of them (in 4 GB): rows are generated in order, the sizes of
buckets by a power law, one bucket of a million, and pairs are made of them while they stream; seconds, pairs and peak memory are measured.

What the paper says beyond sums: a range is read from as many runs as there are sketching tasks, so `part_bytes` must grow with the corpus
(a tenth of a megabyte of each run is read at least, or the disk seeks more than it reads).
"""

import argparse
import resource
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from barrier_runner import Cut, run
from bench_dedup import corpus

from curate.barrier import load

TEXT_BYTES = 2000
LIMITS = {10**6: (8 << 20, 256 << 20), 10**8: (64 << 20, 256 << 20), 10**9: (1 << 30, 1 << 30), 10**10: (16 << 30, 4 << 30)}
"""Documents → part_bytes (of text), range_bytes."""
TABLE_ROWS = 10_000


def weighed(count):
    """Round → bytes of rows that its exchange moved, over a corpus of `count` documents; and how many documents left."""
    barrier = load("near_dedup")
    config = barrier.config()
    moved = Counter()

    def counting(round_):
        def resolve(tables, config, whole):
            def passing():
                for table in tables:
                    moved[round_.name] += table.nbytes
                    yield table

            return round_.resolve(passing(), config, whole)

        return replace(round_, resolve=resolve)

    counted = replace(barrier, rounds=lambda config: tuple(map(counting, barrier.rounds(config))))
    texts = [text[:TEXT_BYTES] for text in corpus(count)]
    ids = np.random.RandomState(1).bytes(16 * count)
    table = pa.table(
        {"id": pa.array([ids[i : i + 16] for i in range(0, len(ids), 16)], pa.binary(16)), "text": pa.array(texts, pa.large_string())}
    )
    marked = run(counted, config, table, Cut(parts=4, ranges=4))
    for name in moved:
        moved[name] /= count
    return moved, count - marked["near_dedup__drop"].null_count


def paper(moved):
    """Tasks and volumes by number of documents."""
    print(
        f"\n{'documents':>15} {'part':>8} {'range':>8} {'sketches':>9} {'resolves':>9} {'shuffled':>10} {'runs a range':>13} {'of each run':>12}"
    )
    for documents, (part_bytes, range_bytes) in LIMITS.items():
        sketches = -(-documents * TEXT_BYTES // part_bytes)
        volumes = [per * documents for per in moved.values()]
        resolves = sum(max(1, -(-int(volume) // range_bytes)) for volume in volumes)
        runs = sketches * max(1, -(-int(moved["bands"] * part_bytes / TEXT_BYTES) // range_bytes))
        each = min(moved["bands"] * documents, range_bytes) / runs
        sizes = f"{part_bytes >> 20:6,}MB {range_bytes >> 20:6,}MB"
        print(f"{documents:15,} {sizes} {2 * sketches:9,} {resolves:9,} {sum(volumes) / 1e9:8,.1f}GB {runs:13,} {each / 1e3:10,.0f}kB")


def generated(rows):
    """Sorted rows of the first exchange, a table at a time; buckets of sizes by a power law, one of a million."""
    rs = np.random.RandomState(0)
    sizes = np.minimum(rs.zipf(2.2, rows), 10_000)
    sizes = np.r_[sizes[: np.searchsorted(np.cumsum(sizes), max(1, rows - 1_000_000))], min(rows, 1_000_000)]
    key = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
    for start in range(0, len(key), TABLE_ROWS):
        piece = key[start : start + TABLE_ROWS]
        number = np.arange(start, start + len(piece))
        ids = pa.Array.from_buffers(
            pa.binary(16), len(piece), [None, pa.py_buffer(np.stack([number * 40503 % 65521, number], 1).astype(">u8"))]
        )
        rank = pa.Array.from_buffers(pa.binary(8), len(piece), [None, pa.py_buffer(number.astype(">u8"))])
        at = number.astype(np.uint64)
        yield pa.table({"key": piece, "sub": at, "id": ids, "at": at, "rank": rank})


def one_range(rows):
    barrier = load("near_dedup")
    config = barrier.config()
    resolve = barrier.rounds(config)[0].resolve
    for _ in resolve(generated(50_000), config, False):  # compiles
        pass
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    pairs = sum(table.num_rows for table in resolve(generated(rows), config, False))
    seconds = time.process_time() - started
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    print(
        f"\none range of {rows:,} rows: {pairs:,} pairs, {seconds:.1f} CPU seconds, {rows / seconds:,.0f} rows/s, {more:.0f} MB more memory"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=2_000_000)
    given = parser.parse_args()
    moved, left = weighed(given.documents)
    print(f"measured on {given.documents:,} documents of {TEXT_BYTES} bytes, of which {left:,} leave\n\nexchange     bytes a document")
    for name, each in moved.items():
        print(f"{name:10} {each:18.1f}")
    print(f"{'all':10} {sum(moved.values()):18.1f}")
    paper(moved)
    one_range(given.rows)


if __name__ == "__main__":
    main()
