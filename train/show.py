"""What a person sees while a run goes on: a progress bar on a terminal, a log line every few seconds elsewhere, a table at the end."""

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from train.loop import Summary

LOG_SECONDS = 5.0


class Watch:
    """Shows a run; use as a context manager."""

    def __init__(self, console: Console | None = None, quiet: bool = False) -> None:
        """quiet: one of several processes that does not talk."""
        self.console = console or Console(soft_wrap=True, quiet=quiet)
        self._progress: Progress | None = None
        self._task: Any = None
        self._shown = 0.0
        self._bits = ""

    def __enter__(self) -> "Watch":
        if self.console.is_terminal:
            columns = (TextColumn("train"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
            self._progress = Progress(*columns, console=self.console)
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def note(self, line: str) -> None:
        """A line that stays."""
        self.console.print(line, markup=False, highlight=False)

    def step(self, metrics: dict[str, Any], steps: int) -> None:
        """After each step; `metrics` as in metrics.jsonl."""
        if "bits_per_byte" in metrics:
            self._bits = f"  {metrics['bits_per_byte']:.3f} bits/byte (unigram {metrics['unigram_bits_per_byte']:.3f})"
        line = f"loss {metrics['loss']:.3f}  {metrics['tokens_per_second']:,.0f} tokens/s{_use(metrics)}{self._bits}"
        if self._progress is not None:
            if self._task is None:
                self._task = self._progress.add_task(line, total=steps)
            self._progress.update(self._task, completed=metrics["step"], description=line)
        elif time.monotonic() - self._shown >= LOG_SECONDS or metrics["step"] == steps or "bits_per_byte" in metrics:
            self._shown = time.monotonic()
            left = f"  {_minutes(metrics['seconds_left'])} left" if "seconds_left" in metrics else ""
            self.note(f"step {metrics['step']}/{steps}  {line}{left}")

    def summary(self, summary: Summary) -> None:
        """The table at the end."""
        table = Table("", "", show_header=False, title=f"{summary.step} of {summary.config.steps} steps")
        ledger, evaluation = summary.ledger, summary.evaluation
        table.add_row("parameters", f"{summary.num_parameters:,}")
        table.add_row("tokens", f"{ledger.trained:,} trained, {ledger.padding:,} padding, {ledger.not_reached:,} not reached")
        if len(summary.by_source) > 1:
            parts = [f"{name} {tokens:,} ({passes:.2f} passes)" for name, (tokens, passes) in summary.by_source.items()]
            table.add_row("trained by source", "\n".join(parts))
        if ledger.removed:
            table.add_row("removed", f"{ledger.removed:,} tokens of removed documents")
        table.add_row("held out", f"{ledger.held_out:,} of {ledger.corpus:,} tokens")
        table.add_row("loss", f"{summary.loss:.4f} nats a token")
        if evaluation is not None:
            table.add_row("held-out bits per byte", f"{evaluation.bits_per_byte:.4f} ({evaluation.low:.4f} to {evaluation.high:.4f})")
            table.add_row("unigram bits per byte", f"{evaluation.unigram_bits_per_byte:.4f}")
            table.add_row("improvement", f"{100 * evaluation.improvement:.1f} %")
        if summary.tokens_per_second:
            table.add_row("tokens per second", f"{summary.tokens_per_second:,.0f}")
            table.add_row("waited for data", f"{100 * summary.wait_share:.2f} % of the steps' time")
        if summary.mfu is not None:
            table.add_row(
                "MFU", f"{100 * summary.mfu:.1f} % by PaLM's count, {100 * (summary.mfu_exact or 0):.1f} % exactly; of {summary.peak}"
            )
        self.console.print(table)


def _use(metrics: dict[str, Any]) -> str:
    """MFU by both counts and what it is relative to; nothing where it is not known."""
    if "mfu" not in metrics:
        return ""
    return f"  MFU {100 * metrics['mfu']:.1f} % (exact {100 * metrics['mfu_exact']:.1f} %) of {metrics['peak_flops'] / 1e12:,.3g} TFLOP/s"


def _minutes(seconds: float) -> str:
    """As 0:07, 12:34 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
