"""Does the driver hold at scale? The shipped recipe's plan over many parts, run by simulated workers: every task is planned, named, committed to the ledger
and decided on again after a kill; only the work in it is left out.

    python -m tests.bench.engine_scale [--parts 100000] [--workers 10000]

Prints, phase by phase, tasks, the simulated hours, the driver's seconds per 1,000 tasks and its memory; then how long a new driver takes to decide
what is done. To reach at 10^5 parts: plan <= 10 s, decision <= 10 s, driver <= 1 GB.
"""

import argparse
import heapq
import random
import resource
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from curate.engine.run import Driver
from curate.engine.tasks import InputPart, SegmentTask
from curate.ledger import Balance, Ledger, Outcome
from curate.read.chunk import Source, Span
from curate.recipe import load
from curate.store import File, Store

ROOT = Path(__file__).parents[2]
PART = 8 << 20
DOCUMENTS = 1_500
TEXT = 6 << 20
STORED = 2 << 20
REASONS = [
    f"{step}:reason_{number}" for step in ("markup", "gopher_quality", "gopher_repetition", "fineweb", "language") for number in range(5)
]


class Folder(Store):
    """A store whose data files are there by name and size only; the ledger is real."""

    def size(self, path):
        """As all were said to be written."""
        return STORED


def megabytes():
    """Peak resident set of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Simulated:
    """An engine of `workers` that takes a second or so a task and does nothing in it."""

    def __init__(self, workers, stop_after=None):
        self.workers, self.stop_after = workers, stop_after
        self.rng = random.Random(3)
        self.hours = 0.0
        self.seen = []

    def run(self, tasks):
        """Outcomes in the order in which workers would end."""
        free = [0.0] * min(self.workers, max(1, len(tasks)))
        ends = []
        for number in range(len(tasks)):
            start = heapq.heappop(free)
            end = start + self.rng.lognormvariate(1.0, 0.5)
            heapq.heappush(free, end)
            ends.append((end, number))
        self.hours += max(free) / 3600
        for _, number in sorted(ends):
            if self.stop_after is not None:
                self.stop_after -= 1
                if self.stop_after < 0:
                    raise KeyboardInterrupt
            yield self.outcome(tasks[number])

    def outcome(self, task):
        """What the task would leave."""
        roles = {"SegmentTask": ("documents", "removed"), "ResolveTask": ("rows", "again")}.get(type(task).__name__, ("rows",))
        files = {role: [self.file(f"work/{task.name}/{role}-000", role)] if role != "again" else [] for role in roles}
        balance = None
        if isinstance(task, SegmentTask):
            gone = Counter(dict.fromkeys(self.rng.sample(REASONS, 12), 20))
            kept = DOCUMENTS - gone.total()
            balance = Balance(
                records=DOCUMENTS if isinstance(task.part, InputPart) else 0,
                documents=DOCUMENTS,
                kept=kept,
                removed=gone,
                removed_bytes=Counter(dict.fromkeys(gone, 80000)),
                entered=Counter(dict.fromkeys(("markup", "unicode", "language", "gopher_quality"), DOCUMENTS)),
            )
        return Outcome(task=task.name, kind="simulated", files=files, balance=balance, facts={"rows": DOCUMENTS})

    def file(self, path, role):
        """A file of ordinary size."""
        held = TEXT if role == "documents" else 4 << 20
        return File(path=path, bytes=STORED, digest=f"blake3:{self.rng.getrandbits(256):064x}", rows=DOCUMENTS, text_bytes=held)

    def close(self):
        """Nothing to close."""


class Phases:
    """A row a phase."""

    def __init__(self, engine, table):
        self.engine, self.table = engine, table
        self.label, self.tasks, self.started, self.hours = "", 0, time.perf_counter(), 0.0

    def phase(self, label, num_tasks, num_done):
        """The phase before has ended."""
        self.end()
        self.label, self.tasks = label, num_tasks
        self.started, self.hours = time.perf_counter(), self.engine.hours

    def end(self):
        """Its row."""
        if self.tasks:
            seconds = time.perf_counter() - self.started
            cells = (f"{self.engine.hours - self.hours:.2f}", f"{seconds:.1f}", f"{1000 * seconds / self.tasks:.3f}", f"{megabytes():,.0f}")
            self.table.add_row(self.label[:60], f"{self.tasks:,}", *cells)

    def task(self, outcome):
        """Nothing."""


def parts_of(count):
    """Parts of a crawl of files of a gigabyte."""
    source = Source(name="crawl", fields={})
    per_file = (1 << 30) // PART
    spans = (
        Span(
            uri=f"s3://crawl/segment/{n // per_file:06}.warc.gz",
            container=f"{n // per_file:06}.warc.gz",
            start=n % per_file * PART,
            end=(n % per_file + 1) * PART,
            size=1 << 30,
            etag=f"{n // per_file:032x}",
            kind="warc",
        )
        for n in range(count)
    )
    return [InputPart(index=number, source=source, spans=(span,)) for number, span in enumerate(spans)]


def main():
    """Run, be killed, decide."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=10_000)
    parser.add_argument("--recipe", default=str(ROOT / "pipelines" / "web.yaml"))
    options = parser.parse_args()
    recipe = load(options.recipe)
    console, table = Console(width=150), Table("phase", "tasks", "hours, simulated", "driver s", "driver s / 1,000 tasks", "driver MB")
    folder = tempfile.mkdtemp()
    try:
        engine = Simulated(options.workers)
        watcher = Phases(engine, table)
        started = time.perf_counter()
        parts = parts_of(options.parts)
        driver = Driver(recipe=recipe, store=Folder(folder), engine=engine, watcher=watcher)
        planned = time.perf_counter() - started
        driver.documents(parts)
        watcher.end()
        console.print(table)
        tasks, peak = len(driver.tasks), megabytes()
        del driver
        started = time.perf_counter()
        ledger = Ledger(Folder(folder))
        loaded = time.perf_counter() - started
        again = Driver(recipe=recipe, store=Folder(folder), engine=Simulated(1, stop_after=0))
        again.ledger = ledger
        started = time.perf_counter()
        again.segment(again.plan.segments[0], parts, [])
        decided = time.perf_counter() - started
        console.print(f"{options.parts:,} parts, {options.workers:,} workers: {tasks:,} tasks; driver's peak {peak:,.0f} MB")
        console.print(
            f"plan {planned:.1f} s; ledger of {len(ledger.lines):,} lines read in {loaded:.1f} s; first phase's decision {decided:.1f} s"
        )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
