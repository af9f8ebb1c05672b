"""The command: a run from end to end, what it leaves behind, and what it says about options and shards that do not fit."""

import json
import re
import shutil

import pytest
import token_corpora
from typer.testing import CliRunner

from curate.shards.reader import open_shards
from train.__main__ import app
from train.choose import Wanted, choose
from train.config import MAX_EPOCHS, Device

TINY = ["--depth", "1", "--context", "16", "--batch-tokens", "64", "--threads", "1", "--device", "cpu"]


def call(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})


@pytest.fixture
def own(tmp_path):
    return token_corpora.small(tmp_path / "run")


def test_a_run_leaves_record_checkpoints_card_and_plot(own):
    result = call("--shards", own, "--steps", 12, *TINY)
    assert result.exit_code == 0, result.output
    output = own.parent / "train"
    assert len((output / "metrics.jsonl").read_text().splitlines()) == 12
    assert sorted(p.name for p in (output / "checkpoints").iterdir()) == ["step-00000010", "step-00000012"]
    for word in ("held-out bits per byte", "unigram bits per byte", "improvement", "tokens per second", "step 12/12"):
        assert word in result.output
    corpus = open_shards(own)
    card = (output / "README.md").read_text()
    totals = corpus.manifest["totals"]
    assert corpus.corpus_id in card
    assert corpus.meta.tokenizer_fingerprint in card
    assert f"| CC0-1.0 | {totals['tokens']:,} | 100.0 % |" in card
    assert f"| left | {totals['source_tokens']['left']:,} |" in card
    pytest.importorskip("matplotlib")
    assert (output / "loss.svg").read_text().lstrip().startswith("<?xml")


def test_resume_takes_the_runs_own_config(own):
    assert call("--shards", own, "--steps", 6, "--stop-after", 2, "--seed", 3, *TINY).exit_code == 0
    again = call("--shards", own, "--steps", 6, *TINY)
    assert again.exit_code == 2
    assert "expected no run in the output folder, got one; add --resume to go on with it, or choose another --output" in again.stderr
    other = call("--shards", own, "--resume", "--depth", 2)
    assert other.exit_code == 2
    assert "--depth: expected 1 as in the run in" in other.stderr
    done = call("--shards", own, "--resume", "--device", "cpu")
    assert done.exit_code == 0, done.output
    assert "resumed from step-00000002" in done.output
    record = [json.loads(line) for line in (own.parent / "train" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in record] == [1, 2, 3, 4, 5, 6]


def refused(message, *arguments):
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr


def test_what_does_not_fit_is_refused_before_anything_is_written(own, tmp_path):
    refused("expected a local folder, got nowhere; give the shards folder of a finished run", "--shards", "nowhere")
    refused("give --shards runs/web/shards")
    refused("--device: expected cpu or cuda, got tpu; choose one", "--shards", own, "--device", "tpu")
    refused("--micro-rows: expected at least 1, got 0; raise it", "--shards", own, "--micro-rows", 0, "--device", "cpu")
    refused("expected at least 1 step, got 0", "--shards", own, "--steps", 0, *TINY)
    refused("--minutes: expected more than 0, got 0.0; raise it", "--shards", own, "--minutes", 0, *TINY)
    refused("expected a run to resume, got no run.json; leave --resume off", "--shards", own, "--resume", "--device", "cpu")
    refused("expected at least one batch of 65536 tokens", "--shards", own, "--batch-tokens", 65536, "--device", "cpu", "--context", 16)
    empty = token_corpora.write(tmp_path / "empty", [])
    refused("expected documents, got 0; run `curate run` with a recipe that keeps some", "--shards", empty, "--device", "cpu")
    assert not (own.parent / "train").exists()


def test_a_tokenizer_that_does_not_fit_is_refused(own, tmp_path):
    other = tmp_path / "tokenizer.json"
    other.write_bytes(token_corpora.tokenizer_json("b"))
    refused("as in the shards, got sha256:", "--shards", own, "--tokenizer", other)
    shutil.copy(other, own.parent / "tokenizer" / "tokenizer.json")
    refused("give the tokenizer that encoded them", "--shards", own)
    other.write_bytes(token_corpora.tokenizer_json())
    assert call("--shards", own, "--tokenizer", other, "--steps", 1, *TINY).exit_code == 0


def test_no_gpu_is_said_so(own):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    refused("--device: expected a GPU that torch can see, got none; use --device cpu", "--shards", own, "--device", "cuda")


def test_help_has_an_example():
    result = call("--help")
    assert result.exit_code == 0
    assert "train --shards runs/web/shards --output runs/d12 --resume" in result.output


def test_minutes_become_steps(corpus):
    notes = []
    wanted = Wanted(depth=1, context=16, batch_tokens=64, threads=1)
    short = choose(corpus, Wanted(**vars(wanted) | {"minutes": 1e-5}), Device(), notes.append)
    assert short.steps == 1
    assert "a step takes" in notes[0]
    long = choose(corpus, Wanted(**vars(wanted) | {"minutes": 1e5}), Device(), notes.append)
    train_tokens = corpus.num_tokens * 0.8
    assert MAX_EPOCHS * train_tokens / 64 < long.steps < MAX_EPOCHS * corpus.num_tokens / 64
    assert (long.eval_every, long.checkpoint_every) == (-(-long.steps // 2), -(-long.steps // 10))


def test_shards_of_two_tokenizers_and_a_plan_that_no_longer_fits(own, tmp_path):
    strange = token_corpora.meta(tokenizer_fingerprint="sha256:" + "0" * 64)
    table = token_corpora.table(token_corpora.documents(120)[60:], strange, 10)
    mixed = shutil.copytree(own.parent, tmp_path / "mixed") / "shards"
    shutil.copy(token_corpora.write(tmp_path / "other", [table], strange) / "shard-00000.arrow", mixed / "shard-00001.arrow")
    result = call("--shards", mixed, "--steps", 2, *TINY)
    assert result.exit_code == 2
    assert "shard-00001.arrow: expected tokenizer_fingerprint" in result.stderr
    assert "do not mix the shards of two runs" in result.stderr
    assert call("--shards", own, "--steps", 6, "--stop-after", 2, "--mix", "left=1,right=1", *TINY).exit_code == 0
    record = own.parent / "train" / "run.json"
    config = json.loads(record.read_text())
    record.write_text(json.dumps(config | {"mix": [{"row": 0, "weights": [["left", 2], ["right", 1]]}]}))
    result = call("--shards", own, "--resume", "--device", "cpu")
    assert result.exit_code == 2
    assert re.search(r"step-00000002: expected plan sha256:\w+, got sha256:\w+; the shards are not those it was trained on", result.stderr)
    record.write_text(json.dumps(config | {"mix": [{"row": 0, "weights": [["gone", 2], ["right", 1]]}]}))
    result = call("--shards", own, "--resume", "--device", "cpu")
    assert result.exit_code == 2
    assert "expected sources with documents to train on, one of ['left', 'right'], got ['gone']" in result.stderr


def test_fewer_tokens_than_a_batch(own):
    result = call("--shards", own, "--steps", 2, *TINY[:4], "--batch-tokens", 1 << 20, "--device", "cpu")
    assert result.exit_code == 2
    assert "expected at least one batch of 1048576 tokens, got" in result.stderr
    assert "lower --batch-tokens and --context" in result.stderr
