"""Figures for TensorBoard and Weights & Biases are those of metrics.jsonl; a package that is not there is told at once."""

import json
import sys
import types
from dataclasses import replace

import pytest

from train.config import TrainError
from train.report import figures

LINE = {"step": 2, "loss": 3.5, "row": 16, "batch_digest": "ab", "peak_flops": 1e12, "bits_per_byte_by": {"source: web": 1.25}}


def test_figures_are_numbers_that_can_be_drawn():
    assert figures(LINE) == {"loss": 3.5, "bits_per_byte/source: web": 1.25}


def test_tensorboard_reads_what_the_run_wrote(run, config, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run("board", config, tensorboard=True)
    lines = [json.loads(line) for line in (tmp_path / "board" / "metrics.jsonl").read_text().splitlines()]
    found = EventAccumulator(str(tmp_path / "board" / "tensorboard")).Reload()
    for name in ("loss", "mfu", "mfu_exact", "seconds_left", "tokens_per_second"):
        assert [(one.step, one.value) for one in found.Scalars(name)] == [(line["step"], pytest.approx(line[name])) for line in lines]
    measured = [line for line in lines if "bits_per_byte" in line]
    assert [one.value for one in found.Scalars("bits_per_byte")] == pytest.approx([line["bits_per_byte"] for line in measured])
    assert len(found.Scalars("bits_per_byte/source: left")) == len(measured) == 3


class FakeWandb(types.ModuleType):
    """What `wandb` does as far as it is used: init with id and resume, log with step, finish."""

    def __init__(self, fails=None):
        super().__init__("wandb")
        self.util = types.SimpleNamespace(generate_id=lambda: "made1234")
        self.inits, self.lines, self.finished, self.fails = [], [], 0, fails

    def init(self, **options):
        if self.fails:
            raise self.fails
        self.inits.append(options)
        return types.SimpleNamespace(log=lambda metrics, step: self.lines.append((step, metrics)), finish=self._finish)

    def _finish(self):
        self.finished += 1


def test_weights_and_biases_gets_every_step_and_a_resumed_run_goes_on_there(run, config, tmp_path, monkeypatch):
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    config = replace(config, eval_every=0, checkpoint_every=0)
    run("logged", config, stop_after=4, wandb="corpora")
    run("logged", config, wandb="corpora")
    assert [step for step, _ in fake.lines] == [1, 2, 3, 4, 5, 6]
    lines = [json.loads(line) for line in (tmp_path / "logged" / "metrics.jsonl").read_text().splitlines()]
    assert [metrics["loss"] for _, metrics in fake.lines] == [line["loss"] for line in lines]
    assert [(one["project"], one["name"], one["id"], one["resume"]) for one in fake.inits] == [
        ("corpora", "logged", "made1234", "allow")
    ] * 2
    assert fake.inits[0]["config"]["steps"] == 6
    assert fake.finished == 2


def test_packages_that_are_not_there_and_no_account(run, config, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(TrainError, match="--wandb: expected the package wandb, got none; install it, or leave the option off"):
        run("none", config, wandb="corpora")
    monkeypatch.setitem(sys.modules, "wandb", FakeWandb(RuntimeError("api_key not configured")))
    with pytest.raises(
        TrainError, match="--wandb: expected a run in corpora, got api_key not configured; log in, or set WANDB_MODE=offline"
    ):
        run("login", config, wandb="corpora")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(TrainError, match="--tensorboard: expected the package tensorboard, got none"):
        run("board", config, tensorboard=True)
