"""The whole run on the sample, by step: pages/s and MB/s of HTML on one core, medians of several runs with compiled kernels cached.

    python tests/bench/bench_run.py [--recipe pipelines/web.yaml] [--input URI] [--repeats 3]

MB are 10^6 bytes of HTML as read for every step, so that lines compare; a step that comes later sees fewer documents. Steps run one after the
other in one process; the last line is the wall clock of the whole command, start of Python included.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from curate.ledger import Ledger, Segment
from curate.store import Store


def once(recipe: str, inputs: list[str], folder: str) -> tuple[float, Counter[str], dict[str, int]]:
    """(wall seconds, seconds by step, facts) of one run."""
    command = [sys.executable, "-m", "curate", "run", recipe, "--output", folder, "--workers", "1", *inputs]
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.monotonic() - started
    seconds: Counter[str] = Counter()
    for line in (Path(folder) / "times.jsonl").read_text().splitlines():
        seconds.update(json.loads(line)["seconds"])
    ledger, first = Ledger(Store(folder)), Segment()
    for name in ledger.lines:
        if name.startswith("segment0") and (outcome := ledger.outcome(name)):
            first.taken(outcome)
    facts = {"pages": first.balance.documents, "bytes": first.raw_bytes}
    return wall, seconds, facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="pipelines/web.yaml")
    parser.add_argument("--input", action="append", default=[])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    inputs = [word for uri in options.input for word in ("--input", uri)]
    walls, steps = [], defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        once(options.recipe, inputs, f"{folder}/warm")
        for number in range(options.repeats):
            wall, seconds, facts = once(options.recipe, inputs, f"{folder}/{number}")
            walls.append(wall)
            for step, spent in seconds.items():
                steps[step].append(spent)
    print(f"{facts['pages']:,} pages, {facts['bytes'] / 1e6:.1f} MB of HTML, one core, median of {options.repeats}\n")
    print("| step | seconds | pages/s | MB/s of HTML |\n|---|---:|---:|---:|")
    for step, spent in [*steps.items(), ("all steps", [sum(spent) for spent in zip(*steps.values(), strict=True)]), ("the command", walls)]:
        median = max(1e-9, statistics.median(spent))
        print(f"| {step} | {median:.2f} | {facts['pages'] / median:,.0f} | {facts['bytes'] / 1e6 / median:,.1f} |")


if __name__ == "__main__":
    main()
