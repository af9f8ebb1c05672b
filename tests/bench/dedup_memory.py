"""near_dedup through the engine: documents a CPU second, and how peak memory grows with the number of documents.

    python -m tests.bench.dedup_memory [--documents 1000000 4000000] [--prose FOLDER] [--workers 2] [--folder SCRATCH]

Each size runs in processes of its own: texts of 2 kB are written as Parquet, group by group (words by a Zipf law; of every ten documents one is
a near copy and one an exact copy of an earlier one; with --prose, every fourth is cut out of the .txt and .md files of a folder), then a recipe
whose only step is near_dedup takes them through the workers. Prints CPU seconds of all rounds (by near_dedup's share of the workers' clocks),
the largest resident memory of any process of the run, and the slope between the sizes in bytes a document. Memory grows until the rows of the
first exchange (672 bytes a document) fill one range, 400,000 documents with the default of 256 MB, and stays there; smaller sizes show it with a
smaller range: --documents 50000 200000 --range-bytes 16000000. Needs 15 kB of disk a document; two cores take 4,000,000 in under ten minutes.
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
DRAWS = 1 << 20
NEAR = 80
"""A near copy has one word in NEAR replaced."""


def prose_of(folder):
    """All text of a folder as one string; None without a folder."""
    if folder is None:
        return None
    paths = sorted(path for suffix in ("txt", "md") for path in Path(folder).rglob(f"*.{suffix}"))
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)[:200_000_000]


def zipf(num_words, exponent=1.2):
    """int32[DRAWS]: numbers of words, each as often as its rank says; a draw is one look into it."""
    cdf = np.cumsum(1.0 / np.arange(1, num_words + 1) ** exponent)
    return np.searchsorted(cdf / cdf[-1], (np.arange(DRAWS) + 0.5) / DRAWS).astype(np.int32)


def write(folder, count, prose, share=(0, 1)):
    """`count` documents as Parquet files of GROUP rows; `share` (i, n): every n-th file from the i-th on."""
    rs = np.random.RandomState(0)
    words = np.array(["".join(chr(97 + c) for c in rs.randint(0, 26, rs.randint(2, 10))) for _ in range(50_000)], dtype=object)
    table = zipf(len(words))
    for number, start in enumerate(range(0, count, GROUP)):
        if number % share[1] != share[0]:
            continue
        rs = np.random.RandomState(number + 1)
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
                texts.append(" ".join(words[table[rs.randint(0, DRAWS, 330, dtype=np.int32)]])[:NUM_BYTES])
        names = [f"{start + row}" for row in range(len(texts))]
        pq.write_table(pa.table({"id": names, "text": texts}), folder / f"part-{number:05}.parquet", compression="lz4")


def one(made, count, workers, range_bytes):
    """Runs in a process of its own: the recipe over what was made; prints what was measured as JSON."""
    from curate.engine.corpus import make
    from curate.engine.local import LocalEngine
    from curate.recipe import from_dict
    from curate.store import Store

    recipe = {"name": "memory", "input": [{"uri": f"{made}/in/*.parquet", "source": "bench"}], "steps": [{"near_dedup": {}}]}
    recipe["limits"] = {"part_bytes": 64 << 20} | ({"range_bytes": range_bytes} if range_bytes else {})
    began = time.monotonic()
    engine = LocalEngine(workers)
    make(from_dict(recipe), Store(f"{made}/out"), engine)
    engine.close()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    lines = [json.loads(line) for line in (made / "out" / "times.jsonl").read_text().splitlines()]
    near, every = (
        sum(seconds for line in lines for step, seconds in line["seconds"].items() if step in (which or {step})) for which in (STEP, None)
    )
    spent = sum(one.ru_utime + one.ru_stime for one in used)
    manifest = json.loads((made / "out" / "removed" / "manifest.json").read_text())
    told = {"documents": count, "seconds": spent * near / every, "wall": time.monotonic() - began, "removed": manifest["rows"]}
    print(json.dumps(told | {"peak": max(one.ru_maxrss for one in used) * 1024}))


def measured(count, given):
    """One size: made, run and measured, each in processes of their own."""
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        (Path(folder) / "in").mkdir()
        command = [sys.executable, "-m", "tests.bench.dedup_memory", "--documents", str(count), "--workers", str(given.workers)]
        command += ["--folder", folder] + (["--prose", given.prose] if given.prose else [])
        command += ["--range-bytes", str(given.range_bytes)] if given.range_bytes else []
        writers = [subprocess.Popen([*command, "--write", str(number)]) for number in range(given.workers)]
        if any(writer.wait() for writer in writers):
            raise SystemExit("the texts could not be written")
        done = subprocess.run([*command, "--one"], check=True, capture_output=True, text=True)
        return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, nargs="+", default=[1_000_000, 4_000_000])
    parser.add_argument("--prose", metavar="FOLDER")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", help="where texts and runs lie for a while; default: the system's folder for such")
    parser.add_argument("--range-bytes", type=int, help="limits.range_bytes of the recipe; default: the recipe's own")
    parser.add_argument("--write", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write is not None:
        return write(Path(given.folder) / "in", given.documents[0], prose_of(given.prose), (given.write, given.workers))
    if given.one:
        return one(Path(given.folder), given.documents[0], given.workers, given.range_bytes)
    print(f"{'documents':>12} {'CPU s':>9} {'documents/s':>12} {'removed':>10} {'peak MB':>9} {'run, s':>8}")
    found = []
    for count in given.documents:
        got = measured(count, given)
        found.append(got)
        speed = got["documents"] / got["seconds"]
        figures = (
            f"{got['documents']:12,} {got['seconds']:9.1f} {speed:12,.0f} {got['removed']:10,} {got['peak'] / 1e6:9.0f} {got['wall']:8.0f}"
        )
        print(figures, flush=True)
    if len(found) > 1:
        slope = (found[-1]["peak"] - found[0]["peak"]) / (found[-1]["documents"] - found[0]["documents"])
        print(f"slope of peak memory: {slope:.0f} bytes a document (wanted: at most 200)")
    return None


if __name__ == "__main__":
    main()
