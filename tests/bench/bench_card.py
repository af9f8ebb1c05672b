"""The card's seconds and memory at a number of documents: facts and all files of the card over a generated run.

    python -m tests.bench.bench_card --documents 1000000 4000000 10000000

Each size is measured in a process of its own; `slope` is seconds for a million documents more between the first and the last. Texts of the
generated run are a few bytes, which the card does not read where there are shards (tests/generated_run.py). No peer counts such a card.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import generated_run

MEASURE = """
import json, resource, sys, time
from curate.card import publish
from curate.store import Store
wall, cpu = time.monotonic(), time.process_time()
store = Store(sys.argv[1])
publish.publish(store)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"wall": time.monotonic() - wall, "cpu": time.process_time() - cpu, "peak": peak}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--documents", type=int, nargs="+", default=[250_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="Keep the generated runs here, and use those that are there.")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = []
        for count in said.documents:
            run = (said.folder or Path(temporary)) / f"run-{count}"
            began = time.monotonic()
            if not (run / "recipe.yaml").exists():
                generated_run.write(run, count)
            made = time.monotonic() - began
            one = json.loads(subprocess.run([sys.executable, "-c", MEASURE, run], capture_output=True, text=True, check=True).stdout)
            found.append((count, one))
            print(
                f"{count:>12,} documents: {one['wall']:6.1f} s ({one['cpu']:.1f} s of CPU), {one['peak'] / 1e6:,.0f} MB at its peak"
                f" (generated in {made:.0f} s)",
                flush=True,
            )
        (first, low), (last, high) = found[0], found[-1]
        if last > first:
            print(f"slope: {(high['cpu'] - low['cpu']) / (last - first) * 1e6:.2f} s of CPU for a million more")


if __name__ == "__main__":
    main()
