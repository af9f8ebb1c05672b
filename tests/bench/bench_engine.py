"""What the engine costs: two workers against one, Ray against local, and one worker against calling the steps directly.

    python -m tests.bench.bench_engine [--megabytes 600] [--repeats 1] [--no-ray]
    python -m tests.bench.bench_engine --growth 100 1000 10000         two workers: seconds per further MB, which should not grow

Pages as in crawl.py, the shipped recipe without its size limits for pages. Whole processes by the wall clock; for the comparison of engines the seconds until
the first task ends (start of processes and of Ray) are taken off both. To reach: two workers >= 1.8 x one on two cores in a run of five minutes or more,
Ray >= 0.95 x local, overhead <= 5 %.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.recipe import load
from curate.store import Store
from tests.bench import crawl

RECIPE = Path(__file__).parents[2] / "pipelines" / "web.yaml"
LIMITS = ["steps.markup.max_html_bytes=50000000", "steps.markup.max_nesting=1000"]


class FirstTask:
    """Notes when the first task ended."""

    def __init__(self):
        self.at = None

    def phase(self, label, num_tasks, num_done):
        """Nothing."""

    def task(self, outcome):
        """The first one counts."""
        self.at = self.at or time.perf_counter()


def run(recipe, engine, folder):
    """(seconds of the whole run, seconds after its first task, seconds of work that tasks report)."""
    watcher, started = FirstTask(), time.perf_counter()
    make(recipe, Store(folder), engine, watcher)
    ended = time.perf_counter()
    work = sum(sum(json.loads(line)["seconds"].values()) for line in (Path(folder) / "times.jsonl").read_text().splitlines())
    return ended - started, ended - watcher.at, work


def engines(with_ray):
    """Name → a function that makes the engine."""
    made = {"local, 1": lambda: LocalEngine(1), "local, 2": lambda: LocalEngine(2)}
    if with_ray:
        from curate.engine.ray import RayEngine

        made["ray, 2"] = lambda: RayEngine(2)
    return made


def main():
    """Medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=600)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--no-ray", action="store_true")
    parser.add_argument("--growth", type=float, nargs="+", metavar="MEGABYTES")
    options = parser.parse_args()
    if options.growth:
        grow(options.growth)
        return
    with tempfile.TemporaryDirectory() as folder:
        pages, num_bytes = crawl.write(f"{folder}/crawl", int(options.megabytes * 1e6), files=16)
        recipe = load(RECIPE, LIMITS, [f"{folder}/crawl/*.warc.gz"])
        measured = {name: [] for name in engines(not options.no_ray)}
        for number in range(options.repeats):
            for name, make_engine in engines(not options.no_ray).items():
                engine = make_engine()
                measured[name].append(run(recipe, engine, f"{folder}/{name}-{number}"))
                engine.close()
        show(measured, pages, num_bytes)


def grow(sizes):
    """Runs of rising size, and the marginal seconds per MB from each to the next."""
    table, before = Table("MB of HTML", "pages", "seconds", "marginal s / MB", "largest worker, MB"), None
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            pages, num_bytes = crawl.write(f"{folder}/crawl", int(size * 1e6), files=16)
            engine, peak = LocalEngine(2), Peak()
            started = time.perf_counter()
            make(load(RECIPE, LIMITS, [f"{folder}/crawl/*.warc.gz"]), Store(f"{folder}/run"), engine, peak)
            seconds = time.perf_counter() - started
            engine.close()
        megabytes = num_bytes / 1e6
        marginal = f"{(seconds - before[1]) / (megabytes - before[0]):.4f}" if before else ""
        table.add_row(f"{megabytes:,.0f}", f"{pages:,}", f"{seconds:.1f}", marginal, f"{peak.bytes / 1e6:,.0f}")
        before = megabytes, seconds
    Console(width=120).print(table)


class Peak:
    """The most memory that a worker held between tasks."""

    bytes = 0

    def phase(self, label, num_tasks, num_done):
        """Nothing."""

    def task(self, outcome):
        """Look at each."""
        self.bytes = max(self.bytes, outcome.memory)


def show(measured, pages, num_bytes):
    """The table."""
    middle = {name: [statistics.median(run[i] for run in runs) for i in range(3)] for name, runs in measured.items()}
    table = Table(
        "engine, workers",
        "seconds",
        "after the first task",
        "work in tasks",
        "MB/s of HTML",
        title=f"{pages:,} pages, {num_bytes / 1e6:,.0f} MB",
    )
    for name, (whole, after, work) in middle.items():
        table.add_row(name, f"{whole:.1f}", f"{after:.1f}", f"{work:.1f}", f"{num_bytes / 1e6 / whole:.1f}")
    console = Console(width=120)
    console.print(table)
    one, two = middle["local, 1"], middle["local, 2"]
    console.print(f"two workers against one: {one[0] / two[0]:.2f} x (to reach 1.8)")
    console.print(f"engine's overhead in one process: {(one[0] - one[2]) / one[2]:.1%} (to reach 5 %)")
    if "ray, 2" in middle:
        console.print(f"Ray against local, after start: {two[1] / middle['ray, 2'][1]:.2f} x (to reach 0.95)")


if __name__ == "__main__":
    main()
