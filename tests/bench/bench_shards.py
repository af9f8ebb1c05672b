"""Figures of the shards: writing with shuffle, opening 1,000 of them, one document by id, forgetting 10,000 of 10 million.

    python tests/bench/bench_shards.py [--small]

CPU seconds of this process, so that a busy machine does not show; medians of single calls where a call is short. The peer of the first figure
is numpy: shuffling the same documents and writing their tokens as one bare file.
"""

import shutil
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import token_corpora  # noqa: E402

from curate.barrier import keyed  # noqa: E402
from curate.engine.exchange import RunWriter  # noqa: E402
from curate.engine.tasks_tokens import BUCKET_BITS, CutTask, ShardTask, cuts, shard_ranges  # noqa: E402
from curate.shards.forget import forget  # noqa: E402
from curate.shards.format import TRAIN, shard_name, shard_schema, write_shard  # noqa: E402
from curate.shards.index import INDEX, write_doc_index  # noqa: E402
from curate.shards.manifest import MANIFEST, build_manifest, write_manifest  # noqa: E402
from curate.shards.order import shuffle_keys  # noqa: E402
from curate.shards.reader import bytes_id, open_shards  # noqa: E402
from curate.store import Store  # noqa: E402
from train.data import documents  # noqa: E402

SMALL = "--small" in sys.argv


def timed(call):
    """(CPU seconds, result)."""
    started = time.process_time()
    result = call()
    return time.process_time() - started, result


def rows(num, tokens_each, rng):
    """Token rows as an encoder leaves them, in the order of reading."""
    lengths = rng.integers(tokens_each // 2, tokens_each * 3 // 2, num)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    flat = rng.integers(1, 60_000, int(offsets[-1]), dtype=np.uint16)
    flat[offsets[:-1]] = 0
    ids = pa.Array.from_buffers(pa.binary(16), num, [None, pa.py_buffer(rng.bytes(16 * num))])
    return offsets, flat, ids


def columns_of(offsets, flat, a, b):
    n = b - a
    return {
        "tokens": pa.LargeListArray.from_arrays(pa.array(offsets[a : b + 1] - offsets[a]), pa.array(flat[offsets[a] : offsets[b]])),
        "n_bytes": pa.array(np.diff(offsets[a : b + 1]) * 4, pa.uint32()),
        "source": pa.array(["left"] * n),
        "license": pa.array(["CC0-1.0"] * n),
        "src_container": pa.array(["a.jsonl"] * n),
        "src_offset": pa.array(np.arange(n), pa.uint64()),
        "piece": pa.array(np.zeros(n), pa.uint32()),
        "pieces": pa.array(np.ones(n), pa.uint32()),
        "split": pa.array(np.full(n, TRAIN), pa.uint8()),
    }


def writing(folder):
    """Shuffle and write: ours from encoded batches to shards; numpy from the same arrays to one file."""
    num = 10_000 if SMALL else 80_000
    offsets, flat, ids = rows(num, 600, np.random.default_rng(0))
    meta = token_corpora.meta(vocab_size=65_536)
    store = Store(str(folder))
    edges = np.linspace(0, num, 21).astype(int).tolist()
    batches = [(a, b, columns_of(offsets, flat, a, b)) for a, b in pairwise(edges)]

    def ours():
        runs, buckets = [], np.zeros(1 << BUCKET_BITS, dtype=np.int64)
        for part in range(4):
            writer = RunWriter(store, f"work/{part}", 256 << 20)
            for a, b, columns in batches[5 * part : 5 * part + 5]:
                key, sub = shuffle_keys(ids.slice(a, b - a), 0)
                np.add.at(buckets, (key >> np.uint64(64 - BUCKET_BITS)).astype(np.int64), np.diff(offsets[a : b + 1]))
                writer.write(keyed(key, sub, ids.slice(a, b - a), **columns))
            runs += writer.close()
        cut = CutTask(store=store, name="cut", runs=tuple(runs), wanted=tuple(cuts(buckets, 12_500_000))).run()
        for low, high in shard_ranges(cut.facts["edges"], int(buckets.sum())):
            ShardTask(store=store, name=f"shard-{low}", runs=tuple(runs), low=low, high=high, meta=meta).run()

    def numpy_alone():
        order = np.random.default_rng(1).permutation(num)
        with (folder / "bare.bin").open("wb") as sink:
            for document in order:
                sink.write(flat[offsets[document] : offsets[document + 1]].tobytes())

    ours()  # what is compiled and cached is not measured
    pairs = [(timed(ours)[0], timed(numpy_alone)[0]) for _ in range(3)]
    mb = flat.nbytes / 1e6
    print(
        f"shard writing with shuffle: {mb / median(a for a, _ in pairs):.0f} MB/s of tokens; bare file by numpy {mb / median(b for _, b in pairs):.0f} MB/s"
    )


def corpus_of(folder, num_shards, rows_each, tokens_each):
    """A folder of shards with random ids."""
    rng, meta = np.random.default_rng(0), token_corpora.meta(vocab_size=65_536)
    shards = folder / "shards"
    shards.mkdir(parents=True)
    stats, ids = [], []
    for number in range(num_shards):
        n = rows_each
        flat = rng.integers(1, 60_000, n * tokens_each, dtype=np.uint16)
        flat[::tokens_each] = 0
        ids.append(pa.Array.from_buffers(pa.binary(16), n, [None, pa.py_buffer(rng.bytes(16 * n))]))
        constant = {"n_bytes": 4 * tokens_each, "source": 0, "license": 0, "src_container": 0, "src_offset": 0}
        constant |= {"piece": 0, "pieces": 1, "repeats": 1, "split": 0}
        offsets = pa.array(np.arange(n + 1, dtype=np.int64) * tokens_each)
        columns = {"tokens": pa.LargeListArray.from_arrays(offsets, pa.array(flat)), "doc_id": ids[-1]}
        schema = shard_schema(meta)
        columns |= {name: pa.array(np.full(n, value), schema.field(name).type) for name, value in constant.items()}
        with (shards / shard_name(number)).open("wb") as sink:
            stats.append(write_shard(sink, pa.table(columns), meta))
    with (shards / INDEX).open("wb") as sink:
        index = write_doc_index(sink, ids)
    with (shards / MANIFEST).open("wb") as sink:
        write_manifest(sink, build_manifest(meta, stats, index))
    return shards


def opening(folder):
    """1,000 shards opened, and the first 32 documents in training order read."""
    shards = corpus_of(folder / "many", 1000, 200, 50)

    def first_batch():
        corpus = open_shards(shards)
        docs = documents(corpus)
        return [corpus.row_tokens(int(row)).sum() for row in docs.first[:32]]

    first_batch()
    print(f"open 1,000 shards and read the first batch: {median(timed(first_batch)[0] for _ in range(5)):.3f} s")


def forgetting(folder):
    """Ten million documents: one by id, and ten thousand forgotten."""
    num = 100_000 if SMALL else 10_000_000
    shards = corpus_of(folder / "large", 100, num // 100, 4)
    corpus = open_shards(shards)
    rng = np.random.default_rng(2)
    ids = corpus.ids()
    wanted = [bytes_id(ids, int(row)) for row in rng.choice(num, 10_000, replace=False)]
    for one in wanted[:2000]:
        corpus.document_tokens(one)
    spent = [timed(lambda one=one: corpus.document_tokens(one))[0] for one in wanted[:2000]]
    started = time.process_time()
    for one in wanted[:2000]:
        corpus.document_tokens(one)
    print(f"one document by id of {num:,}: {(time.process_time() - started) / 2000 * 1e6:.1f} µs warm (slowest {max(spent) * 1e6:.0f} µs)")
    seconds, receipt = timed(lambda: forget(Store(str(shards.parent)), wanted, {"ids": ["10,000 ids"]}))
    print(f"forget {receipt['now']['documents']:,} of {num:,} documents: {seconds:.2f} s")
    seconds, corpus = timed(lambda: open_shards(shards))
    assert corpus.find(wanted[0]) == []
    print(f"a reader that honours it is open after {seconds:.3f} s")


if __name__ == "__main__":
    place = Path(tempfile.mkdtemp())
    try:
        for figure in (writing, opening, forgetting):
            figure(place)
    finally:
        shutil.rmtree(place)
