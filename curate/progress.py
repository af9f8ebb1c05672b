"""What a person sees while a run goes on, and the table at its end.

On a terminal: one bar a phase with documents/s, MB/s, kept share and time left. Elsewhere: a plain log line every few seconds. Both go to
stderr; the table goes to stdout.
"""

import time
from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from curate.engine.corpus import Summary
from curate.ledger import Outcome

LOG_SECONDS = 5.0
TOLD_REASONS = 6


def size(num_bytes: float) -> str:
    """Bytes with a decimal unit: 1.2 MB."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(num_bytes) < 1000 or unit == "TB":
            return f"{num_bytes:.0f} {unit}" if unit == "B" else f"{num_bytes:,.1f} {unit}"
        num_bytes /= 1000
    raise AssertionError


@dataclass
class Phase:
    """What a phase has done since it began."""

    label: str
    num_tasks: int
    num_done: int
    started: float = field(default_factory=time.monotonic)
    documents: int = 0
    kept: int = 0
    bytes: int = 0
    rows: int = 0
    removed: Counter[str] = field(default_factory=Counter)
    """By `step:reason`."""

    def add(self, outcome: Outcome) -> None:
        """Count a finished task."""
        self.num_done += 1
        if outcome.balance:
            self.documents += outcome.balance.documents
            self.kept += outcome.balance.kept
            self.bytes += max(outcome.balance.bytes_in, outcome.facts.get("raw_bytes", 0))
            self.removed.update(outcome.balance.removed)
        self.rows += outcome.facts.get("rows", 0)

    def rates(self) -> str:
        """`1,234 docs/s · 12.3 MB/s · 45 % kept · 3 errors`, as far as they are known."""
        seconds = max(1e-6, time.monotonic() - self.started)
        if self.documents:
            errors = sum(count for reason, count in self.removed.items() if reason.endswith(":error"))
            told = f" · {errors:,} errors" if errors else ""
            return f"{self.documents / seconds:,.0f} docs/s · {size(self.bytes / seconds)}/s · {self.kept / self.documents:.0%} kept{told}"
        return f"{self.rows:,} rows" if self.rows else ""


class Bars:
    """A bar a phase, for terminals."""

    def __init__(self, console: Console):
        self.console = console
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rates]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self.current: Phase | None = None
        self.bar: TaskID | None = None

    def __enter__(self) -> "Bars":
        self.progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.stop()

    def phase(self, label: str, num_tasks: int, num_done: int) -> None:
        """A new bar."""
        if self.bar is not None:
            self.progress.stop_task(self.bar)
        self.current = Phase(label, num_tasks, num_done)
        rates = "already done" if num_tasks and num_tasks == num_done else ""
        self.bar = self.progress.add_task(_short(label), total=num_tasks, completed=num_done, rates=rates)

    def task(self, outcome: Outcome) -> None:
        """One task on."""
        assert self.current is not None
        assert self.bar is not None
        self.current.add(outcome)
        self.progress.update(self.bar, completed=self.current.num_done, rates=self.current.rates())


class Lines:
    """Log lines, for files and pipes."""

    def __init__(self, console: Console):
        self.console = console
        self.current: Phase | None = None
        self.last = 0.0

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def phase(self, label: str, num_tasks: int, num_done: int) -> None:
        """Say that a phase begins."""
        self.current = Phase(label, num_tasks, num_done)
        done = f", {num_done} already done" if num_done else ""
        self._say(f"{label}: {num_tasks} tasks{done}")

    def task(self, outcome: Outcome) -> None:
        """Say how far it is, every few seconds and at the end of the phase; then also what left, and why."""
        assert self.current is not None
        self.current.add(outcome)
        if self.current.num_done == self.current.num_tasks or time.monotonic() - self.last > LOG_SECONDS:
            rates = self.current.rates()
            self._say(f"{self.current.label}: {self.current.num_done}/{self.current.num_tasks} tasks{' · ' + rates if rates else ''}")
            if self.current.num_done == self.current.num_tasks and self.current.removed:
                most = self.current.removed.most_common(TOLD_REASONS)
                more = ", …" if len(self.current.removed) > TOLD_REASONS else ""
                self._say("  removed: " + ", ".join(f"{reason} {count:,}" for reason, count in most) + more)

    def _say(self, text: str) -> None:
        self.last = time.monotonic()
        self.console.print(f"{time.strftime('%H:%M:%S')} {text}", markup=False, highlight=False, soft_wrap=True)


def _short(label: str, width: int = 44) -> str:
    return label if len(label) <= width else label[: width - 1] + "…"


def watcher(console: Console | None = None) -> Bars | Lines:
    """Bars on a terminal, lines elsewhere."""
    console = console or Console(stderr=True)
    return Bars(console) if console.is_terminal else Lines(console)


def table(summary: Summary) -> Table:
    """Documents in, removed by reason, kept, and seconds, by step."""
    rows = Table(title=f"{summary.name}: what happened to every record", title_justify="left")
    for name, justify in (("step", "left"), ("documents in", "right"), ("removed", "right"), ("reasons", "left"), ("seconds", "right")):
        rows.add_column(name, justify=justify)  # type: ignore[arg-type]
    entered: Counter[str] = Counter()
    for segment in summary.segments:
        entered.update(segment.balance.entered)
    removed = summary.removed()
    for step in summary.steps:
        reasons = {key.split(":", 1)[1]: count for key, count in removed.items() if key.split(":", 1)[0] == step}
        text = ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
        seen = summary.first.documents if step == "read" else entered[step]
        rows.add_row(step, f"{seen:,}", f"{sum(reasons.values()):,}" if reasons else "", text, f"{summary.seconds[step]:.1f}")
    other = sum(seconds for step, seconds in summary.seconds.items() if step not in summary.steps)
    rows.add_row("tokenizer, shards, files", "", "", "", f"{other:.1f}")
    return rows


def report(summary: Summary, console: Console, wall_seconds: float) -> None:
    """The end of a run: the books, the table, where things lie."""
    first, last = summary.first, summary.last
    skipped = ", ".join(f"{name} {count:,}" for name, count in sorted(first.skipped.items())) or "none"
    console.print(table(summary))
    console.print(
        f"{first.records:,} records = {first.documents:,} documents + {sum(first.skipped.values()):,} skipped ({skipped}) "
        f"+ {first.read_errors:,} read errors",
        highlight=False,
    )
    for segment in summary.segments:
        for step, born in segment.balance.born.items():
            console.print(f"{step} cut {segment.balance.split[step]:,} documents into {born:,} segments", highlight=False)
    kept = f"{last.kept:,} of {first.documents:,} documents ({last.kept / first.documents if first.documents else 0.0:.1%})"
    if any(segment.balance.born.total() for segment in summary.segments):
        kept = f"{last.kept:,} documents and segments of {first.documents:,} documents"
    source = f"{size(summary.raw_bytes)} of markup" if summary.raw_bytes else f"{size(first.bytes_in)} of text"
    console.print(f"kept {kept}, {size(last.bytes_kept)} of text from {source}", highlight=False)
    if summary.num_tokens is not None:
        console.print(f"{summary.num_tokens:,} tokens in {summary.num_shards} shards", highlight=False)
    rate = summary.raw_bytes or first.bytes_in
    console.print(
        f"{wall_seconds:.1f} s here: {first.documents / wall_seconds:,.0f} documents/s, {size(rate / wall_seconds)}/s", highlight=False
    )
    console.print(f"in {summary.root}: documents/ removed/ tokenizer/ shards/ card/", highlight=False, soft_wrap=True)
