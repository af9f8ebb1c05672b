"""What a person sees: a bar on a terminal, lines elsewhere, a table at the end."""

import io
import re
from dataclasses import replace

from rich.console import Console

from train.show import Watch

METRICS = {"step": 3, "loss": 4.25, "tokens_per_second": 1234.5}


def test_a_log_line_every_few_seconds_and_at_evaluations():
    out = io.StringIO()
    with Watch(Console(file=out, width=200)) as watch:
        for step in range(1, 6):
            watch.step(METRICS | {"step": step}, 5)
        watch.step(METRICS | {"bits_per_byte": 2.0, "unigram_bits_per_byte": 2.5}, 5)
    lines = out.getvalue().splitlines()
    assert lines[0] == "step 1/5  loss 4.250  1,234 tokens/s"
    assert lines[1] == "step 5/5  loss 4.250  1,234 tokens/s"
    assert lines[2] == "step 3/5  loss 4.250  1,234 tokens/s  2.000 bits/byte (unigram 2.500)"
    assert len(lines) == 3


def test_use_of_the_peak_and_the_time_left():
    out = io.StringIO()
    with Watch(Console(file=out, width=200)) as watch:
        watch.step(METRICS | {"mfu": 0.4123, "mfu_exact": 0.3987, "peak_flops": 989e12, "seconds_left": 3723.4}, 5)
        watch.step(METRICS | {"step": 5, "seconds_left": 7.0}, 5)
    assert "1,234 tokens/s  MFU 41.2 % (exact 39.9 %) of 989 TFLOP/s  1:02:03 left" in out.getvalue()
    assert "tokens/s  0:07 left" in out.getvalue()


def test_a_bar_on_a_terminal():
    out = io.StringIO()
    with Watch(Console(file=out, width=150, force_terminal=True)) as watch:
        watch.step(METRICS, 5)
        watch.note("resumed from step-00000002")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert "3/5 loss 4.250  1,234 tokens/s" in plain
    assert "resumed from step-00000002" in plain


def test_the_table_at_the_end(run, config):
    summary, _ = run("table", replace(config, steps=2))
    out = io.StringIO()
    Watch(Console(file=out, width=120)).summary(summary)
    text = out.getvalue()
    assert f"{summary.evaluation.bits_per_byte:.4f}" in text
    assert f"{100 * summary.evaluation.improvement:.1f} %" in text
    assert f"{summary.ledger.trained:,} trained, {summary.ledger.padding:,} padding, {summary.ledger.not_reached:,} not reached" in text
