"""Skipped steps: what is no number and what leaps, the same after a resume, with the documents named."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from train import loop
from train.config import TrainError
from train.plan import Plan
from train.skip import IN_A_ROW, LEAST, NO_TARGETS, PATIENCE, Guard


def steady(guard, steps):
    rng = np.random.default_rng(0)
    for step in range(steps):
        guard.note(4 + 0.1 * rng.standard_normal(), 1.0 + 0.1 * rng.standard_normal(), None, step)


def test_what_is_skipped():
    guard = Guard()
    assert guard.reason(math.nan, 1.0) == "loss nan"
    assert guard.reason(4.0, math.inf) == "gradient norm inf"
    assert guard.reason(1e9, 1e9) is None  # too early to know
    steady(guard, LEAST)
    assert guard.reason(4.2, 1.2) is None
    assert guard.reason(6.0, 1.0).startswith("loss 6 over 4.")
    assert guard.reason(4.0, 3.0).startswith("gradient norm 3 over 1.")
    assert guard.reason(0.1, 0.0) is None


def test_a_skipped_step_does_not_raise_the_bar():
    guard, other = Guard(), Guard()
    steady(guard, 50)
    steady(other, 50)
    guard.note(1e6, 1e6, "loss", 51)
    assert guard.reason(5.0, 1.0) == other.reason(5.0, 1.0) is not None


def test_a_norm_that_stays_high_is_where_training_is():
    """The parameters lie where gradients are large: whoever skips for ever never leaves; a loss that leaps, or no number, is skipped all the same."""
    guard = Guard()
    steady(guard, 50)
    seen = []
    for step in range(51, 80):
        reason = guard.reason(4.0, 2.5)
        assert guard.reason(9.0, 2.5).startswith("loss 9 over 4.")
        assert guard.reason(4.0, math.inf) == "gradient norm inf"
        guard.note(4.0, 2.5, reason, step)
        seen.append(reason is None)
    assert seen[: PATIENCE + 1] == [False] * PATIENCE + [True]
    assert all(seen[2 * (PATIENCE + 1) :]), "a norm that was taken is among those that the next are measured by"


def test_too_many_in_a_row_end_the_run():
    guard = Guard()
    for step in range(1, IN_A_ROW):
        guard.note(math.nan, 1.0, "loss nan", step)
    guard.note(4.0, 1.0, None, IN_A_ROW)
    for step in range(1, IN_A_ROW):
        guard.note(math.nan, 1.0, "loss nan", step)
    with pytest.raises(TrainError, match="step 30: expected steps that can be taken, got 10 skipped in a row, the last for loss nan"):
        guard.note(math.nan, 1.0, "loss nan", 30)


def test_the_documents_of_a_skipped_batch_are_named_and_the_model_stays(run, config, corpus, tmp_path, monkeypatch):
    """One batch is made to explode; the run goes on without it, resumed or not."""
    honest = loop.gradient
    calls = []

    def explodes(loss, rows, *rest):
        calls.append(rows)
        value = honest(loss, rows, *rest)
        return math.nan if rows.equal(bad) else value

    plan = loop.Plan.of(corpus, config)
    bad = loop.torch.from_numpy(plan.batch(3 * config.rows, config.rows))
    monkeypatch.setattr(loop, "gradient", explodes)
    _, watch = run("skips", config)
    assert any(note.startswith("step 4 is skipped: loss nan; its ") for note in watch.notes)
    lines = [json.loads(line) for line in (tmp_path / "skips" / "metrics.jsonl").read_text().splitlines()]
    assert [line.get("skipped") for line in lines] == [None, None, None, "loss nan", None, None]
    assert lines[3]["loss"] is None
    (named,) = (json.loads(line) for line in (tmp_path / "skips" / "skipped.jsonl").read_text().splitlines())
    assert named["step"] == 4
    traced = plan.trace(3 * config.rows, config.rows)
    assert [(one["row"], one["doc_id"], one["start"], one["length"]) for one in named["documents"]] == [
        (span.row, plan.doc_id(span.doc), span.start, span.length) for span in traced
    ]
    run("halves", config, stop_after=4)
    run("halves", replace(config))
    resumed = [json.loads(line) for line in (tmp_path / "halves" / "metrics.jsonl").read_text().splitlines()]
    assert [line["loss"] for line in resumed] == [line["loss"] for line in lines]


def masked(plan, which):
    """The plan's batches, in which no row of the batches `which` has a target."""
    read = plan.batch

    def batch(self, row, num_rows):
        rows = read(self, row, num_rows)
        if row // 8 in which:
            rows[:, 1:] = np.where(rows[:, 1:] < 0, rows[:, 1:], ~rows[:, 1:])
        return rows

    return batch


def test_a_batch_whose_rows_are_all_masked_is_skipped_and_a_corpus_of_them_is_told(run, config, monkeypatch, tmp_path):
    monkeypatch.setattr(Plan, "batch", masked(Plan, {2}))
    summary, watch = run("one", config)
    lines = [json.loads(line) for line in (tmp_path / "one" / "metrics.jsonl").read_text().splitlines()]
    assert [line.get("skipped") for line in lines] == [None, None, NO_TARGETS, None, None, None]
    assert math.isfinite(summary.evaluation.bits_per_byte)
    assert next(note for note in watch.notes if "is skipped" in note).startswith("step 3 is skipped: no target in the batch; its ")
    monkeypatch.undo()
    monkeypatch.setattr(Plan, "batch", masked(Plan, range(100)))
    with pytest.raises(
        TrainError, match="got 10 skipped in a row, the last for no target in the batch; give documents of two tokens and more"
    ):
        run("all", replace(config, steps=20, eval_every=0, checkpoint_every=0))
