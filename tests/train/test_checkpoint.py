"""Checkpoints: whole or absent, the newest whole one is used, another model's is refused, and `transformers` opens them."""

import json
import resource
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from train import answer, checkpoint
from train.__main__ import app
from train.config import Device, ModelConfig, TrainError
from train.record import write_config
from train.step import make, update


@pytest.fixture
def trained(config):
    device = Device()
    model, optimizers, loss = make(config, device)
    batch = np.random.default_rng(0).integers(0, 64, (8, 17), dtype=np.int32)
    update(model, optimizers, loss, batch, 1.0, config, device)
    return model, optimizers


def save(folder, trained, step, keep=2):
    return checkpoint.write(folder, checkpoint.snapshot(*trained, 0), {"step": step}, keep)


def test_the_newest_are_kept(trained, tmp_path):
    for step in (9, 10, 100):
        save(tmp_path, trained, step)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000010", "step-00000100"]
    found, passed = checkpoint.newest(tmp_path)
    assert (found.state["step"], passed) == (100, [])
    assert checkpoint.newest(tmp_path / "none") == (None, [])


@pytest.mark.parametrize("name", [checkpoint.WEIGHTS, checkpoint.OPTIMIZER, checkpoint.STATE])
def test_a_damaged_one_is_passed_over_with_a_message(trained, tmp_path, name):
    save(tmp_path, trained, 1)
    path = save(tmp_path, trained, 2) / name
    path.write_bytes(path.read_bytes()[:-7])
    found, passed = checkpoint.newest(tmp_path)
    assert found.state["step"] == 1
    assert len(passed) == 1
    assert passed[0].startswith("checkpoint step-00000002: expected whole files, got ")
    (path.parent / name).unlink()
    assert checkpoint.newest(tmp_path)[0].state["step"] == 1


def test_only_damaged_ones_do_not_start_a_new_run(run, config, tmp_path):
    run("broken", replace(config, steps=2))
    for path in (tmp_path / "broken" / "checkpoints").glob("*/state.json"):
        path.write_text("{")
    with pytest.raises(TrainError, match=r"expected a whole checkpoint, got 2 damaged ones; start again in a new --output"):
        run("broken", replace(config, steps=2))


def test_what_was_saved_comes_back(trained, config, tmp_path):
    save(tmp_path, trained, 1)
    model, optimizers, _ = make(replace(config, seed=5), Device())
    checkpoint.restore(checkpoint.newest(tmp_path)[0], model, optimizers)
    for a, b in zip(model.parameters(), trained[0].parameters(), strict=True):
        assert torch.equal(a, b)
        for kind in ("step", "exp_avg", "exp_avg_sq"):
            assert torch.equal(optimizers[0].state[a][kind], trained[1][0].state[b][kind])


def test_another_models_checkpoint_is_refused(trained, config, tmp_path):
    save(tmp_path, trained, 1)
    larger = replace(config, model=ModelConfig(**vars(config.model) | {"hidden": 48}))
    with pytest.raises(
        TrainError, match=r"expected model.layers.0.mlp.down_proj.weight of shape \[16, 48\], got \[16, 32\]; it is of another model"
    ):
        checkpoint.restore(checkpoint.newest(tmp_path)[0], *make(larger, Device())[:2])


def test_a_folder_that_cannot_be_written(trained, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainError, match=r"checkpoint .*step-00000001: expected to write it, got .*; free space and go on with --resume"):
        save(tmp_path / "file", trained, 1)


def test_a_part_left_by_a_crash_is_no_checkpoint(trained, tmp_path):
    part = tmp_path / ".step-00000007.part"
    part.mkdir()
    (part / checkpoint.STATE).write_text(json.dumps({"step": 7, "files": {}}))
    assert checkpoint.newest(tmp_path) == (None, [])
    save(tmp_path, trained, 7)
    assert checkpoint.newest(tmp_path)[0].state["step"] == 7
    assert not part.exists()


def test_transformers_opens_a_checkpoint(trained, tmp_path):
    transformers = pytest.importorskip("transformers")
    twin = transformers.AutoModelForCausalLM.from_pretrained(save(tmp_path, trained, 1)).eval()
    ids = torch.randint(0, 64, (2, 16))
    with torch.no_grad():
        assert torch.allclose(twin(ids).logits, trained[0](ids), atol=1e-4)


@contextmanager
def files_of_at_most(size):
    """The kernel refuses to make a file larger than so many bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("parts", [False, True])
def test_a_disk_that_is_full_ends_the_run_with_the_checkpoint_before_it(run, config, parts, tmp_path):
    config = replace(config, checkpoint_every=2, eval_every=0)
    straight, _ = run("straight", config)
    run("full", config, stop_after=2, parts=parts)
    with (
        files_of_at_most(8000),
        pytest.raises(
            TrainError, match=r"checkpoint .*step-\d+: expected to write it, got .*; free space and go on with --resume, from the"
        ),
    ):
        run("full", config, parts=parts)
    assert [path.name for path in (tmp_path / "full" / "checkpoints").iterdir()] == ["step-00000002"]
    whole, watch = run("full", config, parts=parts)
    assert watch.notes == ["resumed from step-00000002"]
    assert whole.evaluation == straight.evaluation


def test_a_failure_of_the_writing_thread_is_told_at_the_next_step(run, config, monkeypatch, tmp_path):
    written = checkpoint.write

    def fails(folder, taken, state, keep):
        if state["step"] > 1:
            raise TrainError("checkpoint: expected to write it, got no space")
        return written(folder, taken, state, keep)

    monkeypatch.setattr(checkpoint, "write", fails)
    told = checkpoint.Saver.failure

    def when_done(saver):
        if saver._thread is not None:
            saver._thread.join()  # the step after may come before the thread is done
        return told(saver)

    monkeypatch.setattr(checkpoint.Saver, "failure", when_done)
    with pytest.raises(TrainError, match="expected to write it, got no space"):
        run("fails", replace(config, steps=50, checkpoint_every=1, eval_every=0))
    assert len((tmp_path / "fails" / "metrics.jsonl").read_text().splitlines()) == 2
    assert checkpoint.newest(tmp_path / "fails" / "checkpoints")[0].state["step"] == 1


def test_parts_are_a_checkpoint_like_whole_files(run, config, tmp_path):
    straight, _ = run("straight", config)
    run("parts", config, stop_after=3, parts=True)
    folder = tmp_path / "parts" / "checkpoints" / "step-00000003"
    assert {path.name for path in folder.iterdir()} == {".metadata", "__0_0.distcp", "config.json", "state.json"}
    assert set(json.loads((folder / "state.json").read_text())["files"]) == {".metadata", "__0_0.distcp"}
    larger = replace(config, model=ModelConfig(**vars(config.model) | {"hidden": 48}))
    with pytest.raises(TrainError, match=r"expected model.layers.0.mlp.down_proj.weight of shape \[16, 48\], got \[16, 32\]; it is of"):
        checkpoint.restore(checkpoint.newest(folder.parent)[0], *make(larger, Device())[:2])
    mixed, watch = run("parts", config)  # goes on with whole files
    assert watch.notes == ["resumed from step-00000003"]
    assert mixed.evaluation == straight.evaluation
    last = [checkpoint.newest(tmp_path / name / "checkpoints")[0].path for name in ("straight", "parts")]
    for name in (checkpoint.WEIGHTS, checkpoint.OPTIMIZER):
        assert (last[0] / name).read_bytes() == (last[1] / name).read_bytes()


def test_a_damaged_part_is_passed_over(run, config, tmp_path):
    run("damaged", replace(config, eval_every=0), parts=True)
    folder = tmp_path / "damaged" / "checkpoints"
    part = folder / "step-00000006" / "__0_0.distcp"
    part.write_bytes(part.read_bytes()[:-9])
    found, passed = checkpoint.newest(folder)
    assert found.state["step"] == 5
    assert len(passed) == 1
    assert passed[0].startswith("checkpoint step-00000006: expected whole files, got ")


def test_export_opens_in_transformers_whatever_was_written(run, config, corpus, tmp_path):
    transformers = pytest.importorskip("transformers")
    run("made", replace(config, steps=4, eval_every=0), parts=True)
    write_config(tmp_path / "made", replace(config, steps=4, eval_every=0), corpus)
    result = CliRunner().invoke(app, ["export", str(tmp_path / "made"), "--output", str(tmp_path / "model"), "--step", "3"])
    assert result.exit_code == 0, result.output
    assert "the model of step 3 in" in result.output
    twin = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    own = answer.load(tmp_path / "made", 3)
    ids = torch.tensor([own.encode("abcde")])
    with torch.no_grad():
        assert torch.allclose(twin(ids).logits, own.model(ids), atol=1e-4)
    assert (
        transformers.PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "model" / "tokenizer.json"))("abcde")["input_ids"]
        == ids[0].tolist()
    )
    again = CliRunner().invoke(app, ["export", str(tmp_path / "made"), "--output", str(tmp_path / "model")])
    assert again.exit_code == 2
    assert "expected an empty folder, got one with files; choose another --output" in again.stderr
