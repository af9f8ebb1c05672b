"""The loop: it learns, resumes exactly after a stop and after a kill, and does not care how a batch is cut."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import token_corpora
import torch

from curate.shards.reader import open_shards
from train import checkpoint
from train.config import MAX_EPOCHS, Config, Device, ModelConfig, TrainError
from train.loop import train
from train.plan import Plan, token_ledger
from train.record import Metrics, read_config, write_config
from train.step import make, update

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "train_cpu.txt"
TIMES = ("tokens_per_second", "wait_seconds", "seconds_left", "mfu", "mfu_exact", "peak_flops")


def record(folder):
    """The metrics of a run without what the clock decides."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMES} for line in lines]


def weights(folder):
    found, _ = checkpoint.newest(folder / "checkpoints")
    return (found.path / checkpoint.WEIGHTS).read_bytes(), (found.path / checkpoint.OPTIMIZER).read_bytes()


def test_thirty_losses_stay(run, config, tmp_path):
    """tests/golden/train_cpu.txt: changes only with the model, the optimizer or the order of documents."""
    run("golden", replace(config, steps=30, checkpoint_every=0, eval_every=0))
    losses = [line["loss"] for line in record(tmp_path / "golden")]
    expected = [float(line) for line in GOLDEN.read_text().split()]
    assert len(losses) == len(expected) == 30
    assert np.allclose(losses, expected, atol=1e-3, rtol=0)


def test_loss_falls_below_the_unigram_model(run, config):
    summary, watch = run("learn", replace(config, steps=150, checkpoint_every=0, eval_every=50))
    assert summary.evaluation.improvement > 0.1
    assert watch.steps[-1]["loss"] < watch.steps[0]["loss"] - 0.5
    measured = [m["bits_per_byte"] for m in watch.steps if "bits_per_byte" in m]
    assert len(measured) == 3
    assert measured == sorted(measured, reverse=True)
    assert summary.loss == watch.steps[-1]["loss"]


@pytest.mark.parametrize("changes", [{}, {"optimizer": "muon"}, {"packing": "concat"}], ids=["default", "muon", "concat"])
def test_stopped_and_resumed_is_the_uninterrupted_run(run, config, changes, tmp_path):
    config = replace(config, **changes)
    straight, _ = run("straight", config)
    half, watch = run("halves", config, stop_after=3)
    assert half.step == 3
    assert half.evaluation is None
    assert watch.notes == ["stopped at step 3 of 6; --resume goes on from there"]
    whole, watch = run("halves", config)
    assert watch.notes == ["resumed from step-00000003"]
    assert record(tmp_path / "halves") == record(tmp_path / "straight")
    assert weights(tmp_path / "halves") == weights(tmp_path / "straight")
    assert whole.evaluation == straight.evaluation
    again, _ = run("halves", config)  # a finished run has nothing left to do
    assert (again.step, again.loss, again.evaluation) == (6, straight.loss, straight.evaluation)


def test_killed_and_resumed_is_the_uninterrupted_run(shards, run, config, tmp_path):
    config = replace(config, steps=40, checkpoint_every=3, eval_every=20)
    run("straight", config)
    write_config(tmp_path / "killed", config)
    process = subprocess.Popen([sys.executable, "-m", "train", "--shards", shards, "--output", tmp_path / "killed", "--resume"], cwd=ROOT)
    metrics = tmp_path / "killed" / "metrics.jsonl"
    while process.poll() is None and not (metrics.exists() and metrics.read_text().count("\n") >= 10):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "README.md").exists()
    _, watch = run("killed", config)
    assert watch.notes[0].startswith("resumed from step-000000")
    assert record(tmp_path / "killed") == record(tmp_path / "straight")
    assert weights(tmp_path / "killed") == weights(tmp_path / "straight")


def test_a_run_with_a_deadline_ends_elsewhere_and_writes_it_down(run, config, corpus, tmp_path):
    config = replace(config, steps=60, checkpoint_every=1, eval_every=0)
    slow, watch = run("slow", config, seconds=0.0)
    assert slow.step == 4
    assert re.fullmatch(r"a step takes [0-9.]+ s by now: 4 steps in place of 60", watch.notes[0])
    written = read_config(tmp_path / "slow", corpus)
    assert (written.steps, written.warmup_steps, written.decay_start) == (4, 3, 3)
    fast, _ = run("fast", config, seconds=1e6)
    assert fast.step == MAX_EPOCHS * Plan(corpus, context=16, seed=0, share=0.05).num_tokens // 128
    run("plain", config)
    assert record(tmp_path / "slow")[:3] == record(tmp_path / "plain")[:3]
    assert record(tmp_path / "fast")[:30] == record(tmp_path / "plain")[:30]
    # killed after the change, with its last checkpoint from before: the resumed run is the changed one
    shutil.copytree(tmp_path / "slow", tmp_path / "again")
    for path in (tmp_path / "again" / "checkpoints").glob("step-*4"):
        shutil.rmtree(path)
    _, watch = run("again", written)
    assert watch.notes == ["resumed from step-00000003"]
    assert record(tmp_path / "again") == record(tmp_path / "slow")


def test_asked_to_stop_it_finishes_the_step(run, config):
    def ask():
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    timer = threading.Timer(0.5, ask)
    timer.start()
    summary, watch = run("asked", replace(config, steps=100_000, checkpoint_every=0, eval_every=0))
    assert 0 < summary.step < 100_000
    assert watch.notes == [f"stopped at step {summary.step} of 100000; --resume goes on from there"]
    assert signal.getsignal(signal.SIGTERM) is before
    resumed, _ = run("asked", replace(config, steps=100_000, checkpoint_every=0, eval_every=0), stop_after=summary.step + 1)
    assert resumed.step == summary.step + 1


@pytest.mark.parametrize("padded", [False, True])
def test_parts_of_a_batch_are_the_batch(corpus, config, padded):
    batch = Plan(corpus, context=16, seed=0, share=0.05, packing="concat").batch(3, 8)
    if padded:
        batch[5, 4:] = -1  # rows with fewer targets: a mean of means would differ
    assert (batch < 0).any() == padded
    results = []
    for micro_rows in (8, 2, 3, 1):
        device = Device(micro_rows=micro_rows)
        model, optimizers, loss_of = make(config, device)
        loss, norm = update(model, optimizers, loss_of, batch, 1.0, config, device)
        results.append((loss, norm, [p.detach().numpy().copy() for p in model.parameters()]))
    for loss, norm, parameters in results[1:]:
        assert abs(loss - results[0][0]) < 1e-5
        assert abs(norm - results[0][1]) < 1e-4
        assert all(np.allclose(a, b, atol=1e-4) for a, b in zip(parameters, results[0][2], strict=True))


def test_metrics_name_what_was_read(run, config, corpus, tmp_path):
    summary, _ = run("named", config)
    plan = Plan(corpus, context=16, seed=0, share=0.05)
    for line in record(tmp_path / "named"):
        ledger = token_ledger(plan, line["row"])
        assert line["row"] == 8 * line["step"]
        assert line["tokens"] == ledger.trained
        assert ("bits_per_byte" in line) == (line["step"] % 2 == 0)
        assert ("source: left" in line.get("bits_per_byte_by", {})) == (line["step"] % 2 == 0)
    whole = [json.loads(line) for line in (tmp_path / "named" / "metrics.jsonl").read_text().splitlines()]
    assert all(0 < line["mfu_exact"] < line["mfu"] and line["peak_flops"] > 1e8 for line in whole)
    assert whole[-1]["seconds_left"] == 0
    assert whole[0]["seconds_left"] > 0
    assert (summary.mfu, summary.mfu_exact) == tuple(np.median([line[name] for line in whole]) for name in ("mfu", "mfu_exact"))
    assert summary.ledger == token_ledger(plan, 48)
    assert summary.plan_id == plan.plan_id


def test_a_line_cut_by_a_crash_is_dropped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 2.5}\n{"step": 2, "loss": 2.25}\n{"step": 3, "lo')
    metrics = Metrics(path, 2)
    assert metrics.last == {"step": 2, "loss": 2.25}
    metrics.write({"step": 3})
    assert path.read_text() == '{"step": 1, "loss": 2.5}\n{"step": 2, "loss": 2.25}\n{"step": 3}\n'


def test_other_shards_are_refused(run, config, tmp_path):
    run("mine", replace(config, steps=2))
    other = open_shards(token_corpora.small(tmp_path / "other", seed=9))
    with pytest.raises(TrainError, match=r"run.json: expected shards sha256:\w+, got sha256:\w+; give the shards of that run"):
        read_config(tmp_path / "mine", other)
    with pytest.raises(TrainError, match=r"step-00000002: expected plan sha256:\w+, got sha256:\w+; the shards are not those"):
        run("mine", replace(config, steps=4), on=other)
    with pytest.raises(TrainError, match=r"expected a run to resume, got no run.json; leave --resume off"):
        read_config(tmp_path, other)


def test_a_loss_that_is_no_number_stops_the_run(run, config):
    with pytest.raises(
        TrainError,
        match=r"step \d+: expected steps that can be taken, got 10 skipped in a row, the last for loss nan; start a new --output",
    ):
        run("wild", replace(config, lr=1e30, clip=1e30, steps=50))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"batch_tokens": 100}, "expected batch tokens as a multiple of the context 16, got 100; change --batch-tokens"),
        ({"steps": 0}, "expected at least 1 step, got 0; raise --steps or --minutes"),
        ({"schedule": "step"}, "expected schedule wsd or cosine, got step; change --schedule"),
        ({"held_out": 1.0}, "expected a held-out share between 0 and 1, got 1.0; change --held-out"),
    ],
)
def test_configs_that_do_not_fit(config, fields, message):
    with pytest.raises(TrainError, match=message):
        replace(config, **fields)


def test_config_goes_through_json(config):
    assert Config.from_json(json.loads(json.dumps(config.to_json()))) == config
    with pytest.raises(TrainError, match=r"config: expected the fields .*, got .*depht"):
        Config.from_json(config.to_json() | {"depht": 3})


def test_the_seed_decides_the_first_weights(config):
    first, again = (make(config, Device())[0] for _ in range(2))
    assert all(np.array_equal(a.detach(), b.detach()) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    other, _, _ = make(replace(config, seed=1), Device())
    assert not np.array_equal(first.lm_head.weight.detach(), other.lm_head.weight.detach())


def test_tied_models_train_and_resume(run, config, tmp_path):
    tied = replace(config, model=ModelConfig(**vars(config.model) | {"tied": True}), steps=4)
    run("tied", tied)
    run("tied halves", tied, stop_after=2)
    run("tied halves", tied)
    assert weights(tmp_path / "tied") == weights(tmp_path / "tied halves")


def test_compiled_layers_keep_their_shapes(run, config, corpus, monkeypatch, tmp_path):
    """Under torch.compile nothing is compiled anew after the first step and the first evaluation, and the numbers stay."""
    compiled, counts = torch.nn.Module.compile, []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module, **options: compiled(module, backend=counted, **options))

    def counted(graph, inputs):
        counts.append(graph)
        return graph.forward

    config = replace(config, steps=8, eval_every=2, checkpoint_every=0)
    seen = []
    watch = type("Watch", (), {"note": lambda self, line: None, "step": lambda self, metrics, steps: seen.append(len(counts))})()
    write_config(tmp_path / "compiled", config)
    train(tmp_path / "compiled", corpus, config, Device(compile=True), watch)
    run("plain", config)
    assert seen[0] > 0
    assert len(set(seen[1:])) == 1
    losses = [[line["loss"] for line in record(tmp_path / name)] for name in ("compiled", "plain")]
    assert np.allclose(*losses, atol=1e-5)
