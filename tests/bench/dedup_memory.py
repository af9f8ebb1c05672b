"""near_dedup through the engine, on one core: documents a CPU second, and how peak memory grows with the number of documents.

    python -m tests.bench.dedup_memory [--documents 1000000 4000000] [--prose FOLDER]

Each size runs in a process of its own: texts of 2 kB are written as Parquet (words by a Zipf law; of every ten documents one is a near
copy and one an exact copy of an earlier one; with --prose, every fourth is cut out of the .txt and .md files of a folder), then a recipe
whose only step is near_dedup takes them through one worker. Prints CPU seconds of all rounds, peak resident memory, and the slope between
the sizes in bytes a document. Memory grows until the rows of the first exchange (672 bytes a document) fill one range, 400,000 documents
with the default of 256 MB, and stays there; smaller sizes show it with a smaller range: --documents 50000 200000 --range-bytes 16000000.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

NUM_BYTES = 2000
GROUP = 5000
STEP = {"near_dedup"}
NEAR = 80
"""A near copy has one word in NEAR replaced."""


def prose_of(folder):
    """All text of a folder as one string; None without a folder."""
    if folder is None:
        return None
    paths = sorted(path for suffix in ("txt", "md") for path in Path(folder).rglob(f"*.{suffix}"))
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)[:200_000_000]


def write(folder, count, prose, seed=0):
    """`count` documents as Parquet files of GROUP rows."""
    rs = np.random.RandomState(seed)
    words = np.array(["".join(chr(97 + c) for c in rs.randint(0, 26, rs.randint(2, 10))) for _ in range(50_000)], dtype=object)
    for number, start in enumerate(range(0, count, GROUP)):
        texts = []
        for row in range(min(GROUP, count - start)):
            if row % 10 == 9:
                texts.append(texts[row - 5])
            elif row % 10 == 8:
                copy = texts[row - 5].split(" ")
                copy[::NEAR] = ["other"] * len(copy[::NEAR])
                texts.append(" ".join(copy))
            elif prose and row % 4 == 0:
                at = rs.randint(0, max(1, len(prose) - NUM_BYTES))
                texts.append(prose[at : at + NUM_BYTES])
            else:
                texts.append(" ".join(words[rs.zipf(1.2, 310) % len(words)])[:NUM_BYTES])
        names = [f"{start + row}" for row in range(len(texts))]
        pq.write_table(pa.table({"id": names, "text": texts}), folder / f"part-{number:05}.parquet", compression="zstd")


def one(count, prose, range_bytes):
    """Runs in the child: makes the corpus in a process of its own, runs the recipe, prints what was measured as JSON."""
    from curate.engine.corpus import make
    from curate.engine.local import LocalEngine
    from curate.recipe import from_dict
    from curate.store import Store

    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "in"
        made.mkdir()
        arguments = [sys.executable, "-m", "tests.bench.dedup_memory", "--write", str(made), "--documents", str(count)]
        subprocess.run(arguments + (["--prose", prose] if prose else []), check=True)
        recipe = {"name": "memory", "input": [{"uri": f"{made}/*.parquet", "source": "bench"}], "steps": [{"near_dedup": {}}]}
        if range_bytes:
            recipe["limits"] = {"range_bytes": range_bytes}
        started = time.process_time()
        make(from_dict(recipe), Store(f"{folder}/out"), LocalEngine(1))
        spent = time.process_time() - started
        lines = [json.loads(line) for line in (Path(folder) / "out" / "times.jsonl").read_text().splitlines()]
        near, every = (
            sum(seconds for line in lines for step, seconds in line["seconds"].items() if step in (which or {step}))
            for which in (STEP, None)
        )
        seconds = spent * near / every  # CPU seconds, by the share of the clock's: other processes may be busy
        manifest = json.loads((Path(folder) / "out" / "removed" / "manifest.json").read_text())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"documents": count, "seconds": seconds, "peak": peak, "removed": manifest["rows"]}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, nargs="+", default=[1_000_000, 4_000_000])
    parser.add_argument("--prose", metavar="FOLDER")
    parser.add_argument("--range-bytes", type=int, help="limits.range_bytes of the recipe; default: the recipe's own")
    parser.add_argument("--write", help=argparse.SUPPRESS)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        return write(Path(given.write), given.documents[0], prose_of(given.prose))
    if given.one:
        return one(given.documents[0], given.prose, given.range_bytes)
    measured = []
    print(f"{'documents':>12} {'seconds':>9} {'documents/s':>12} {'removed':>10} {'peak MB':>9}")
    for count in given.documents:
        arguments = [sys.executable, "-m", "tests.bench.dedup_memory", "--one", "--documents", str(count)]
        arguments += ["--range-bytes", str(given.range_bytes)] if given.range_bytes else []
        done = subprocess.run(arguments + (["--prose", given.prose] if given.prose else []), check=True, capture_output=True, text=True)
        got = json.loads(done.stdout.splitlines()[-1])
        measured.append(got)
        speed = got["documents"] / got["seconds"]
        print(f"{got['documents']:12,} {got['seconds']:9.1f} {speed:12,.0f} {got['removed']:10,} {got['peak'] / 1e6:9.0f}", flush=True)
    if len(measured) > 1:
        first, last = measured[0], measured[-1]
        slope = (last["peak"] - first["peak"]) / (last["documents"] - first["documents"])
        print(f"slope of peak memory: {slope:.0f} bytes a document (wanted: at most 200)")
    return None


if __name__ == "__main__":
    main()
