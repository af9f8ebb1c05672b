"""What a crawl costs: cores, hours, shuffle and storage for 1 TB, 100 TB and 1 PB of WARC, from rates measured here.

    python -m tests.bench.cost_model [RUN] [--cores 1000] [--read-mb-s 90]

RUN is the folder of a finished run of your recipe on a sample of your crawl (default: the shipped recipe on pages of crawl.py, 60 MB, run now). Seconds by
step and bytes by kind come from its times.jsonl, ledger and work folder; they grow in proportion to the input, since each step's cost is per byte; the
exchange merges once more beyond FAN_IN runs, which is counted as a second pass. Parts are so large that there are no more than MAX_PARTS. The driver's share
of a task and of memory comes from engine_scale; the card is counted by the driver alone when all is done, and how long that takes is measured on the same
run. Not in it: prices, and what a network slower than --read-mb-s a core costs. About a minute.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from curate.engine.fan_in import FAN_IN
from curate.ledger import Ledger
from curate.store import Store
from tests.bench import crawl

SIZES = {"1 TB": 1e12, "100 TB": 1e14, "1 PB": 1e15}
SHUFFLES = ("sketch", "resolve", "merge", "encode")
DRIVER_SECONDS = 0.0005
"""A task, by engine_scale."""
DRIVER_BYTES = 8_500
"""A part, by engine_scale: 850 MB for 10^5."""
MAX_PARTS = 200_000
PART_BYTES = 8 << 20
"""The default of `limits.part_bytes`."""


@dataclass
class Rates:
    """What a run says per stored byte of input."""

    stored: int
    core_seconds: float
    by_step: Counter
    documents: int
    kept_bytes: int
    tokens: int
    shuffled: int
    held: int
    card_seconds: float

    @classmethod
    def of(cls, folder):
        """Of a finished run whose work folder is still there."""
        root = Path(folder)
        seconds, shuffled = Counter(), 0
        for line in (root / "times.jsonl").read_text().splitlines():
            seconds.update(json.loads(line)["seconds"])
        ledger = Ledger(Store(folder))
        outcomes = [ledger.outcome(name) for name in ledger.lines]
        for outcome in outcomes:
            if outcome.kind in SHUFFLES:
                shuffled += sum(file.bytes for files in outcome.files.values() for file in files)
        first = [outcome for outcome in outcomes if outcome.task.startswith("segment0")]
        from curate.api import open as open_run
        from curate.recipe import load

        recipe = load(root / "recipe.yaml")
        shards = root / "shards" / "manifest.json"
        return cls(
            stored=sum(file.stat().st_size for given in recipe.inputs for file in Path(given.uri).parent.glob(Path(given.uri).name)),
            core_seconds=sum(seconds.values()),
            by_step=seconds,
            documents=sum(outcome.balance.documents for outcome in first),
            kept_bytes=open_run(folder).manifest("documents")["text_bytes"],
            tokens=json.loads(shards.read_text())["totals"]["tokens"] if shards.exists() else 0,
            shuffled=shuffled,
            held=sum(file.stat().st_size for file in root.rglob("*") if file.is_file() and "work" not in file.relative_to(root).parts[:1]),
            card_seconds=counted(folder),
        )


def counted(folder):
    """Seconds in which the card's facts are gathered."""
    from curate.card.facts import gather

    gather(Store(folder))  # loads what is loaded once
    started = time.perf_counter()
    gather(Store(folder))
    return time.perf_counter() - started


def sampled(folder):
    """A run of the shipped recipe on 60 MB of pages."""
    crawl.write(f"{folder}/crawl", 60_000_000, files=4)
    recipe = Path(__file__).parents[2] / "pipelines" / "web.yaml"
    settings = ["--set", "steps.markup.max_html_bytes=50000000", "--set", "steps.markup.max_nesting=1000"]
    command = [
        sys.executable,
        "-m",
        "curate",
        "run",
        str(recipe),
        "--input",
        f"{folder}/crawl/*.warc.gz",
        "--output",
        f"{folder}/run",
        "--workers",
        "1",
    ]
    subprocess.run([*command, *settings], check=True, capture_output=True)
    return f"{folder}/run"


def row(rates, stored, cores, read_mb_s):
    """Cells of one size."""
    scale = stored / rates.stored
    part = max(PART_BYTES, stored / MAX_PARTS)
    parts = stored / part
    passes = 2 if parts > FAN_IN else 1
    seconds = rates.core_seconds * scale + stored / (read_mb_s * 1e6)
    tasks = parts * 8
    driver = tasks * DRIVER_SECONDS
    card = rates.card_seconds * scale
    hours = (max(seconds / cores, driver) + card) / 3600
    return (
        f"{rates.documents * scale:.2g}",
        f"{parts:,.0f} of {part / 1e6:,.0f} MB",
        f"{seconds / 3600:,.0f}",
        f"{hours:,.1f}",
        f"{driver / 3600:,.2f}; {parts * DRIVER_BYTES / 1e9:,.1f}",
        f"{card / 3600:,.1f}",
        f"{passes * rates.shuffled * scale / 1e12:,.1f}",
        f"{rates.held * scale / 1e12:,.1f}",
        f"{rates.tokens * scale / 1e9:,.0f}",
    )


def main():
    """The table, and where the core seconds go."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?")
    parser.add_argument("--cores", type=int, default=1000)
    parser.add_argument("--read-mb-s", type=float, default=90.0, help="what a core gets from the object store")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rates = Rates.of(options.run or sampled(folder))
    console = Console(width=150)
    table = Table(
        "WARC, stored",
        "documents",
        "parts",
        "core hours",
        f"hours on {options.cores:,} cores",
        "driver h; GB",
        "card h",
        "shuffle TB",
        "output TB",
        "tokens 10^9",
    )
    for name, stored in SIZES.items():
        table.add_row(name, *row(rates, stored, options.cores, options.read_mb_s))
    console.print(table)
    shares = ", ".join(f"{step} {seconds / rates.core_seconds:.0%}" for step, seconds in rates.by_step.most_common(8))
    console.print(f"measured on {rates.stored / 1e6:,.0f} MB stored: {rates.stored / 1e6 / rates.core_seconds:.1f} MB/s a core; {shares}")


if __name__ == "__main__":
    main()
