"""Gopher quality, Gopher repetition, C4 and FineWeb, each alone and together: python -m tests.bench.bench_filters [--data FOLDER] [--datatrove PYTHON].

The texts are chapters and articles of FOLDER's prose and the main text of its pages, in documents of about 4 kB. CPU seconds of one thread, least of the
rounds. Alone, a filter makes its scan itself; together they go through the engine's walk with all rows measured further, so that two scans serve four filters:
one of the text as it came, one by C4 of what it leaves. PYTHON belongs to an environment with datatrove 0.10 and spaCy, whose filters then judge
some of the same documents one after the other, their words split once for each state of the text as they do it; without it no peer's figure is printed.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from curate import schema
from curate import stage as stages
from curate.engine.steps import StageCall, Walk
from curate.ledger import Balance
from tests.bench import parity

FILTERS = ("gopher_repetition", "gopher_quality", "c4", "fineweb")
DOCUMENT_CHARS = 4000
TARGET = 8_000_000
BATCH = 1024
HOW = (
    'no datatrove: python -m venv DT && DT/bin/pip install datatrove "xxhash<4" fasttext-numpy2-wheel spacy, then --datatrove DT/bin/python'
)


def documents(data):
    """{kind: texts of about DOCUMENT_CHARS, together about TARGET bytes}."""
    prose = [text for whole in parity.prose(data).values() for text in pieces(whole)]
    web = [text for name, whole in parity.pages(data, 300).items() if name.endswith("(main)") for text in pieces(whole)]
    return {kind: texts * max(1, TARGET // sum(len(t.encode()) for t in texts)) for kind, texts in (("prose", prose), ("web", web))}


def pieces(text):
    """The text in pieces cut at newlines, of DOCUMENT_CHARS or a little more."""
    found, held, size = [], [], 0
    for line in text.split("\n"):
        held.append(line)
        size += len(line) + 1
        if size >= DOCUMENT_CHARS:
            found.append("\n".join(held))
            held, size = [], 0
    return found or ["\n".join(held)]


def batches(texts):
    for first in range(0, len(texts), BATCH):
        some = texts[first : first + BATCH]
        columns = {field.name: pa.nulls(len(some), field.type) for field in schema.DOCUMENT}
        columns["text"] = pa.array(some, pa.large_string())
        columns["id"] = pa.array([i.to_bytes(16, "big") for i in range(first, first + len(some))], pa.binary(16))
        yield pa.record_batch(columns)


def least(work, rounds):
    work()
    times = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def together(given, measure_all=True):
    """The four in the engine's walk; seconds of each step are its own."""
    for batch in given:
        walk = Walk(batch, Balance(), measure_all=measure_all)
        for name in FILTERS:
            stage = stages.load(name)
            walk.run(StageCall(step=name, stage=stage, config=stage.config()))


def alone(name, given):
    stage = stages.load(name)
    for batch in given:
        stage.judge(stage.measure(batch, stage.config(), name), stage.config(), name)


def peer(python, texts, seconds=20):
    """Bytes and documents a second of datatrove's four filters."""
    told = "\n".join(json.dumps(line) for line in [seconds, *texts])
    done = subprocess.run(
        [python, str(Path(__file__).with_name("filters_peer.py"))], input=told, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    ask.add_argument("--datatrove", metavar="PYTHON")
    ask.add_argument("--rounds", type=int, default=7)
    said = ask.parse_args()
    for kind, texts in documents(said.data).items():
        given, size = list(batches(texts)), sum(len(t.encode()) for t in texts)
        print(f"{kind}: {len(texts)} documents, mean {size / len(texts) / 1e3:.1f} kB, {size / 1e6:.0f} MB")
        works = {name: lambda name=name, given=given: alone(name, given) for name in FILTERS}
        works["all four, every row"] = lambda given=given: together(given)
        works["all four, as a recipe"] = lambda given=given: together(given, measure_all=False)
        for name, work in works.items():
            seconds = least(work, said.rounds)
            print(f"  {name:24} {size / seconds / 1e6:8.1f} MB/s {len(texts) / seconds:10,.0f} documents/s", flush=True)
        if said.datatrove:
            some = [texts[i] for i in np.random.default_rng(0).permutation(len(texts))]
            theirs = peer(said.datatrove, some)
            print(f"  {'datatrove, all four':24} {theirs['bytes_s'] / 1e6:8.3f} MB/s {theirs['documents_s']:10,.1f} documents/s")
    if not said.datatrove:
        print(HOW)


if __name__ == "__main__":
    main()
