"""What the engine costs: two workers against one, Ray against local, and one worker against calling the steps directly.

    python -m tests.bench.bench_engine [--megabytes 40 300] [--repeats 1] [--no-ray]
    python -m tests.bench.bench_engine --growth [50 200 800]         two workers: seconds per further MB, which should not grow

Pages as in crawl.py, the shipped recipe without its size limits for pages and with parts of the default size for a crawl divided by four. Whole runs by the
wall clock over two sizes: their difference is the time of further MB, to which start, tokenizer and card bring nothing, and to which a long run comes; the
seconds of a run of five minutes follow from both. What two processes can come to on this machine is measured too: the same tasks, no engine, by one process
and by two that know nothing of each other (two cores may be two threads of one). To reach: two workers >= 1.8 x one in a run of five minutes or more, Ray
>= 0.95 x local, overhead <= 5 %; growth flat within 10 %. About two minutes each; `--growth 100 1000 10000` takes 25.
"""

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.table import Table

from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.engine.run import Driver, input_parts
from curate.recipe import load
from curate.store import Store
from tests.bench import crawl

RECIPE = Path(__file__).parents[2] / "pipelines" / "web.yaml"
SETTINGS = ["steps.markup.max_html_bytes=50000000", "steps.markup.max_nesting=1000", "limits.part_bytes=2000000"]
LONG = 300.0
"""Seconds of a long run."""


class FirstTask:
    """Notes when the first task ended."""

    def __init__(self):
        self.at = None

    def phase(self, label, num_tasks, num_done):
        """Nothing."""

    def task(self, outcome):
        """The first one counts."""
        self.at = self.at or time.perf_counter()


def recipe_over(folder):
    """The recipe over the crawl in a folder."""
    return load(RECIPE, SETTINGS, [f"{folder}/*.warc.gz"])


def run(source, engine, folder):
    """(seconds of the whole run, seconds after its first task, seconds of work that tasks report)."""
    watcher, started = FirstTask(), time.perf_counter()
    make(recipe_over(source), Store(folder), engine, watcher)
    ended = time.perf_counter()
    engine.close()
    work = sum(sum(json.loads(line)["seconds"].values()) for line in (Path(folder) / "times.jsonl").read_text().splitlines())
    return ended - started, ended - watcher.at, work


def engines(with_ray):
    """Name → a function that makes the engine."""
    made = {"local, 1": lambda: LocalEngine(1), "local, 2": lambda: LocalEngine(2)}
    if with_ray:
        from curate.engine.ray import RayEngine

        made["ray, 2"] = lambda: RayEngine(2)
    return made


class Timed(LocalEngine):
    """Adds up the seconds in which a task runs."""

    spent = 0.0

    def run(self, tasks):
        """One after the other."""
        for task in tasks:
            started = time.perf_counter()
            outcome = task.run()
            self.spent += time.perf_counter() - started
            yield outcome


def first_segment(source, folder, together, told):
    """What one process of the ceiling does: the tasks of the first segment, once to warm up, once when all are ready."""
    import pyarrow as pa

    pa.set_cpu_count(1)
    recipe = recipe_over(source)
    for name in ("warm", "measured"):
        engine = Timed()
        driver = Driver(recipe=recipe, store=Store(f"{folder}/{name}"), engine=engine)
        together.wait()
        driver.segment(driver.plan.segments[0], input_parts(recipe), [])
    told.put(engine.spent)


def ceiling(source, folder):
    """How much faster two processes do twice the work than one does."""
    context, spent = multiprocessing.get_context("spawn"), []
    for count in (1, 2):
        together, told = context.Barrier(count), context.Queue()
        children = [
            context.Process(target=first_segment, args=(source, f"{folder}/ceiling-{count}-{number}", together, told))
            for number in range(count)
        ]
        for child in children:
            child.start()
        spent.append(max(told.get(timeout=600) for _ in children))
        for child in children:
            child.join()
    return 2 * spent[0] / spent[1]


def compare(sizes, repeats, with_ray):
    """The table of engines, and their ratios."""
    with tempfile.TemporaryDirectory() as folder:
        written = {
            name: crawl.write(f"{folder}/{name}", int(size * 1e6), files=16) for name, size in zip(("few", "many"), sizes, strict=True)
        }
        run(f"{folder}/few", LocalEngine(1), f"{folder}/warm")
        measured = {}
        for number in range(repeats):
            for name, make_engine in engines(with_ray).items():
                for size in written:
                    measured.setdefault((name, size), []).append(run(f"{folder}/{size}", make_engine(), f"{folder}/{name}-{size}-{number}"))
        middle = {key: [statistics.median(run[i] for run in runs) for i in range(3)] for key, runs in measured.items()}
        show(middle, {name: num_bytes / 1e6 for name, (_, num_bytes) in written.items()}, ceiling(f"{folder}/few", folder))


def show(middle, sizes, most):
    """The table."""
    table = Table(
        "engine, workers",
        *(f"{sizes['few']:,.0f} MB: seconds", f"{sizes['many']:,.0f} MB: seconds", "after the first task", "work in tasks"),
        *("ms a further MB", "work in it", "MB of HTML in five minutes"),
    )
    names = list(dict.fromkeys(name for name, _ in middle))
    each = {}
    for name in names:
        few, many = middle[name, "few"], middle[name, "many"]
        each[name] = [(b - a) / (sizes["many"] - sizes["few"]) for a, b in zip(few, many, strict=True)]
        start = many[0] - each[name][0] * sizes["many"]
        long = f"{(LONG - start) / each[name][0]:,.0f}"
        cells = [f"{few[0]:.1f}", *(f"{value:.1f}" for value in many), f"{1000 * each[name][0]:.1f}", f"{1000 * each[name][2]:.1f}", long]
        table.add_row(name, *cells)
    console = Console(width=140)
    console.print(table)
    one, two = (middle[name, "many"] for name in names[:2])
    further = each["local, 1"][0] / each["local, 2"][0]
    console.print(
        f"two workers against one: {one[0] / two[0]:.2f} x in this run, {further:.2f} x for further MB (to reach 1.8 in a long run)"
    )
    starts = [whole[0] - slope[0] * sizes["many"] for whole, slope in ((one, each["local, 1"]), (two, each["local, 2"]))]
    megabytes = (LONG - starts[1]) / each["local, 2"][0]
    long = (starts[0] + each["local, 1"][0] * megabytes) / LONG
    console.print(f"in a run of {LONG:.0f} s with two workers, their start and what one does alone included: {long:.2f} x")
    console.print(
        f"two processes that know nothing of each other against one: {most:.2f} x; two workers come to {further / most:.0%} of it"
    )
    marginal = (each["local, 1"][0] - each["local, 1"][2]) / each["local, 1"][2]
    console.print(
        f"engine's overhead in one process: {(one[0] - one[2]) / one[2]:.1%} in this run, {marginal:.1%} for further MB (to reach 5 %)"
    )
    if "ray, 2" in names:
        after = middle["local, 2", "many"][1] / middle["ray, 2", "many"][1]
        console.print(f"Ray against local, after start: {after:.2f} x (to reach 0.95)")


def grow(sizes):
    """Runs of rising size, and the marginal seconds per MB from each to the next."""
    table, measured = Table("MB of HTML", "pages", "seconds", "ms a further MB", "largest worker, MB"), []
    with tempfile.TemporaryDirectory() as folder:  # loads what is loaded once
        crawl.write(f"{folder}/crawl", 3_000_000)
        run(f"{folder}/crawl", LocalEngine(1), f"{folder}/run")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            pages, num_bytes = crawl.write(f"{folder}/crawl", int(size * 1e6), files=16)
            engine, peak = LocalEngine(2), Peak()
            started = time.perf_counter()
            make(recipe_over(f"{folder}/crawl"), Store(f"{folder}/run"), engine, peak)
            measured.append((num_bytes / 1e6, time.perf_counter() - started))
            engine.close()
        marginal = f"{1000 * slopes(measured)[-1]:.1f}" if len(measured) > 1 else ""
        table.add_row(f"{measured[-1][0]:,.0f}", f"{pages:,}", f"{measured[-1][1]:.1f}", marginal, f"{peak.bytes / 1e6:,.0f}")
        print(f"{measured[-1][0]:,.0f} MB: {measured[-1][1]:.1f} s", flush=True)
    console, found = Console(width=120), slopes(measured)
    console.print(table)
    if len(found) > 1:
        console.print(f"a further MB at the end costs {found[-1] / found[0] - 1:+.1%} against the begin (to reach: within 10 %)")


def slopes(measured):
    """Seconds per MB from each size to the next."""
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(measured)]


class Peak:
    """The most memory that a worker held between tasks."""

    bytes = 0

    def phase(self, label, num_tasks, num_done):
        """Nothing."""

    def task(self, outcome):
        """Look at each."""
        self.bytes = max(self.bytes, outcome.memory)


def main():
    """One of the two comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, nargs=2, default=[40, 300])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--no-ray", action="store_true")
    parser.add_argument("--growth", type=float, nargs="*", metavar="MEGABYTES")
    options = parser.parse_args()
    if options.growth is not None:
        grow(options.growth or [50, 200, 800])
    else:
        compare(options.megabytes, options.repeats, not options.no_ray)


if __name__ == "__main__":
    main()
