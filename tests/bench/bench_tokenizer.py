"""Tokenizer training and encoding in MB/s, ours and the peers', on the same text in the same run, one process.

    python -m tests.bench.bench_tokenizer [MEGABYTES] [VOCAB_SIZE]

The text is source code and docstrings of what is installed here. Our training is the barrier itself (sketch, combine, resolve, finding);
`tokenizers` and `gigatoken` train in one call and may use all cores (RAYON_NUM_THREADS=1 holds them to one). Encoding is timed warm,
after one pass; so is training, after compilation. Times are of the process's CPU as well as of the clock, since the machine may be shared.
"""

import os
import resource
import sys
import sysconfig
import time
from pathlib import Path

os.environ.setdefault("RAYON_NUM_THREADS", "1")

import pyarrow as pa

from curate.barriers.train_tokenizer import train_tokenizer
from curate.tokenizer.encode import Encoder
from tests.barrier_runner import Cut, last_rows, parts_of
from tests.tokenizer import reference

MAX_TOKENIZERS_MEGABYTES = 30
"""`tokenizers` is left out of the training of more, for its time."""


def corpus(num_bytes):
    """Python files until there are so many bytes."""
    texts, size = [], 0
    for key in ("stdlib", "purelib"):
        for path in sorted(Path(sysconfig.get_path(key)).rglob("*.py")):
            if size < num_bytes:
                texts.append(path.read_text(encoding="utf-8", errors="replace"))
                size += path.stat().st_size
    return texts


def timed(name, megabytes, work):
    """Run and print; returns what the work returns. Page faults say whether memory was asked for anew."""
    faults, clock, cpu = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter(), time.process_time()
    result = work()
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    speeds = f"{megabytes / clock:>10.1f} MB/s {megabytes / cpu:>10.1f} MB/s of CPU"
    print(f"{name:<28}{speeds} {clock:>8.2f} s {faults:>9,} page faults", flush=True)
    return result


def ours(texts, vocab_size, megabytes=None, **settings):
    """The files of the barrier. With `megabytes`, the times of both halves: counting runs on all cores, merging on one."""
    ids = pa.array([i.to_bytes(16, "big") for i in range(len(texts))], pa.binary(16))
    sources = pa.array([f"source-{i % 4}" for i in range(len(texts))])
    documents = pa.table({"id": ids, "text": pa.array(texts, pa.large_string()), "source": sources})
    config, cut = train_tokenizer.config(vocab_size=vocab_size, **settings), Cut(batch_rows=1024)
    began = time.process_time()
    rows = last_rows(train_tokenizer, config, parts_of(documents, cut), cut)
    counted = time.process_time()
    files = train_tokenizer.finding(iter([rows]), config)
    merged = time.process_time()
    if megabytes:
        both = (counted - began) / 2 + merged - counted
        print(f"    counting {counted - began:.2f} s, merging {merged - counted:.2f} s of CPU; on two cores {megabytes / both:.1f} MB/s")
    return files


def train(texts, megabytes, vocab_size):
    """All trainers; returns our tokenizer.json."""
    weights = {"values": {"source-0": 2, "source-1": 0.5, "source-2": 3}}
    ours(texts[:20], 1000, weights=weights)
    made = timed("train, ours", megabytes, lambda: ours(texts, vocab_size, megabytes))
    timed("train, ours, with weights", megabytes, lambda: ours(texts, vocab_size, megabytes, weights=weights))
    if megabytes <= MAX_TOKENIZERS_MEGABYTES:
        timed("train, tokenizers", megabytes, lambda: reference.trained(texts, vocab_size=vocab_size))
    try:
        from gigatoken import train_bpe
    except ImportError:
        print("train, gigatoken: not installed")
    else:
        joined = "\x00".join(texts).encode()
        timed("train, gigatoken", megabytes, lambda: train_bpe(joined, vocab_size, ["<|endoftext|>"], separator=b"\x00"))
    return made["tokenizer.json"]


def encode(texts, megabytes, tokenizer_json):
    """All backends on the same Arrow array; `tokenizers` on a twentieth of it."""
    array = pa.array(texts, pa.large_string())
    for name in ("kernel", "gigatoken", "tokenizers"):
        share = 20 if name == "tokenizers" else 1
        part = array.slice(0, len(array) // share)
        size = sum(len(text.encode()) for text in texts[: len(part)]) / 1e6
        try:
            encoder = Encoder(tokenizer_json, backend=name)
        except Exception as error:
            print(f"encode, {name}: {error}")
            continue
        encoder.encode(part)
        for _ in range(1 if name == "tokenizers" else 3):
            timed(f"encode, {name}", size, lambda: encoder.encode(part))  # noqa: B023


def main():
    """Print the table."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    vocab_size = int(sys.argv[2]) if len(sys.argv) > 2 else 32_768
    texts = corpus(megabytes * 1e6)
    size = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{size:.1f} MB in {len(texts)} documents, vocabulary {vocab_size}, encoders {os.environ['RAYON_NUM_THREADS']} thread")
    encode(texts, size, train(texts, size, vocab_size))


if __name__ == "__main__":
    main()
