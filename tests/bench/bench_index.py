"""What an index saves: a month's documents compared with those of earlier months, against reading everything again.

    python -m tests.bench.bench_index [--earlier 40000] [--documents 5000]

Texts of 2 kB as in dedup_memory. Prints CPU seconds of near_dedup (its share of the runs' clocks) for the earlier documents without and with
writing an index, for the later ones alone, with the index, and for all in one run, which is the only way without an index; whether the same
documents stay; and the bytes of the index.
"""

import argparse
import tempfile
import time
from pathlib import Path

import curate
from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.recipe import from_dict
from curate.store import Store
from tests.bench.dedup_memory import GROUP, write

STEPS = [{"near_dedup": {"keep": ["fetched_at", "-bytes"]}}]


def run(root, name, files, index=None):
    """(CPU seconds of near_dedup, ids that stay) of a run over some files."""
    inputs = [{"uri": str(root / "in" / file), "source": "bench"} for file in files]
    started = time.process_time()
    given = {"name": "bench", "input": inputs, "steps": STEPS, "index": index, "limits": {"part_bytes": 64 << 20}}
    summary = make(from_dict(given), Store(str(root / name)), LocalEngine(1))
    share = summary.seconds["near_dedup"] / sum(summary.seconds.values())
    stays = set(curate.open(root / name).documents().to_table(columns=["id"])["id"].to_pylist())
    return (time.process_time() - started) * share, stays


def dated(folder, earlier):
    """Gives the documents their month, so that earlier ones rank first where all are read at once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for number, path in enumerate(sorted(folder.iterdir())):
        table = pq.read_table(path)
        month = "2026-01-01" if number < earlier else "2026-02-01"
        pq.write_table(table.append_column("fetched_at", pa.array([month] * table.num_rows)), path, compression="lz4")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--earlier", type=int, default=40_000)
    parser.add_argument("--documents", type=int, default=5_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "in").mkdir()
        write(root / "in", given.earlier + given.documents, None)
        num_earlier = -(-given.earlier // GROUP)
        dated(root / "in", num_earlier)
        files = sorted(path.name for path in (root / "in").iterdir())
        before, after = files[:num_earlier], files[num_earlier:]
        run(root, "warm", files[:1], str(root / "other"))  # what is compiled and loaded is not measured
        plain, _ = run(root, "plain", before)
        first, stayed = run(root, "first", before, str(root / "index"))
        alone, _ = run(root, "alone", after)
        later, stays = run(root, "later", after, str(root / "index"))
        every, both = run(root, "every", files)
        held = sum(path.stat().st_size for path in (root / "index/first").iterdir())
    print(
        f"{given.earlier:,} earlier documents: {plain:.2f} s of CPU; with an index written {first:.2f} s, {held / given.earlier:,.0f} bytes each"
    )
    print(f"{given.documents:,} later ones: {later:.2f} s with the index, {alone:.2f} s alone; all in one run {every:.2f} s")
    print(f"the same documents stay: {stayed | stays == both}")


if __name__ == "__main__":
    main()
