"""Promise 2, shown: the same corpus from every engine, number of workers, interruption and cut of the input. Prints a table of digests.

    python tests/bench/same_bytes.py [--recipe pipelines/web.yaml] [--input URI]

Every line must show the same rows, tokenizer and shards; lines with the recipe's own part size also the same files, byte for byte. Exit code 1 otherwise.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from blake3 import blake3
from rich.console import Console
from rich.table import Table

import curate
from curate.shards.digest import row_digest, tree_digest
from curate.store import Store

WAYS: dict[str, list[str]] = {
    "local, 1 worker": ["--workers", "1"],
    "local, 2 workers": ["--workers", "2"],
    "ray, 2 workers": ["--workers", "2", "--engine", "ray"],
    "killed 5 times, resumed": ["--workers", "2"],
    "parts half as large": ["--workers", "2", "--set", "limits.part_bytes=1_000_000"],
    "parts of any size": ["--workers", "2", "--set", "limits.part_bytes=900_000_000"],
}


def run(recipe: str, output: Path, arguments: list[str], kills: int) -> float:
    """Seconds of one run, killed `kills` times on the way."""
    command = [sys.executable, "-m", "curate", "run", recipe, "--output", str(output), *arguments]
    started = time.monotonic()
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            process.wait(timeout=random.uniform(3, 12))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


def short(digests: dict[str, str]) -> str:
    """One digest of many."""
    return blake3(repr(sorted(digests.items())).encode()).hexdigest()[:12]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="pipelines/web.yaml")
    parser.add_argument("--input", action="append", default=[])
    options = parser.parse_args()
    inputs = [word for uri in options.input for word in ("--input", uri)]
    table = Table("way", "seconds", "documents, rows", "removed, rows", "tokenizer", "shards", "files, bytes")
    seen: list[tuple[str, ...]] = []
    files: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (way, arguments) in enumerate(WAYS.items()):
            output = Path(folder) / str(number)
            seconds = run(options.recipe, output, [*arguments, *inputs], 5 if "killed" in way else 0)
            corpus, store = curate.open(output), Store(str(output))
            rows = [row_digest(corpus.documents().to_batches()), row_digest(corpus.removed().to_batches())]
            made = [short(tree_digest(store, [name])) for name in ("tokenizer", "shards")]
            whole = short(tree_digest(store, ["documents", "removed", "tokenizer", "shards", "card"]))
            seen.append((*rows, *made))
            if "parts" not in way:
                files.append(whole)
            table.add_row(way, f"{seconds:.0f}", *(digest[:12] for digest in rows), *made, whole)
    Console(width=120).print(table)
    same = len(set(seen)) == 1 and len(set(files)) == 1
    print("the same" if same else "NOT the same")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
