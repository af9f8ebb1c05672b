"""Asking a trained model: probabilities against a slow count, continuations, task files, the table of losses."""

import json
import math
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from token_corpora import LETTERS
from typer.testing import CliRunner

from train.__main__ import app
from train.answer import load
from train.config import TrainError
from train.tasks import read, score
from train.trace import open_run


@pytest.fixture(scope="module")
def output(learned):
    return learned


@pytest.fixture(scope="module")
def model(output):
    return load(output)


def test_probabilities_are_those_of_the_logits(model):
    pairs = [("abc", "def"), ("", "a"), ("abcdefghij", "klmno"), ("xyz", "b")]
    for (context, continuation), (log, greedy) in zip(pairs, model.log_probabilities(pairs), strict=True):
        ids = [0, *(LETTERS.index(c) + 1 for c in context + continuation)]
        with torch.no_grad():
            logs = model.model(torch.tensor([ids[:-1]])).log_softmax(dim=-1)[0]
        expected = [float(logs[t, ids[t + 1]]) for t in range(len(context), len(ids) - 1)]
        assert log == pytest.approx(sum(expected), abs=1e-4)
        assert greedy == all(int(logs[t].argmax()) == ids[t + 1] for t in range(len(context), len(ids) - 1))


def test_what_does_not_fit_is_cut_on_the_left(model):
    (long, _), (short, _) = model.log_probabilities([("z" * 50 + LETTERS[:12], "mnop"), ("z" + LETTERS[:12], "mnop")])
    assert math.isfinite(long)
    assert long == pytest.approx(short, abs=1e-4)


def test_it_continues_as_the_chain_does(model):
    """The next letter of the corpus is mostly the one behind."""
    text = model.continue_text("abcdef", 8, temperature=0)
    assert text.startswith("g")
    assert model.continue_text("abcdef", 8, seed=3) == model.continue_text("abcdef", 8, seed=3)
    assert model.continue_text("abcdef", 30, temperature=2.0, seed=1) != model.continue_text("abcdef", 30, temperature=2.0, seed=2)


def test_special_text_is_plain_text(model):
    assert 0 not in model.encode("a<|endoftext|>b")


def test_tasks(model, tmp_path):
    choices = [{"query": "abcdef"[:n], "choices": ["Q", "abcdefg"[n]], "gold": 1} for n in range(2, 6)]
    result = score(model, "next", choices)
    assert (result.kind, result.items, result.acc, result.acc_norm, result.centred) == ("choice", 4, 1.0, 1.0, 1.0)
    assert (result.low, result.high) == pytest.approx((1.0, 1.0))
    wrong = score(model, "wrong", [item | {"gold": 0} for item in choices])
    assert (wrong.acc_norm, wrong.centred) == (0.0, -1.0)
    cloze = score(model, "cloze", [{"context": "abc", "continuation": "d"}, {"context": "abc", "continuation": "Q"}])
    logs = [log for log, _ in model.log_probabilities([("abc", "d"), ("abc", "Q")])]
    assert (cloze.acc, cloze.bits_per_byte) == (0.5, pytest.approx(-sum(logs) / math.log(2) / 2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected items, got an empty file; give one JSON object a line"),
        ("{", r":1: expected a JSON object, got .*; mend the line"),
        ('{"query": "a"}', r":1: expected `query`, `choices` and `gold`, or `context` and `continuation`, got \['query'\]"),
        ('{"query": "a", "choices": ["b"], "gold": 1}', r":1: expected texts as choices and `gold` a number of one of 1, got 1"),
        (
            '{"context": "a", "continuation": "b"}\n{"query": "a", "choices": ["b"], "gold": 0}',
            "expected items of one kind, got choices and",
        ),
    ],
)
def test_task_files_that_are_wrong(tmp_path, text, message):
    (tmp_path / "task.jsonl").write_text(text)
    with pytest.raises(TrainError, match=message):
        read(tmp_path / "task.jsonl")


def test_losses_of_documents_add_up(model, output, tmp_path):
    command = CliRunner()
    result = command.invoke(app, ["losses", str(output), "--output", str(tmp_path / "losses.parquet")])
    assert result.exit_code == 0, result.output
    table = pq.read_table(tmp_path / "losses.parquet").to_pydict()
    plan = open_run(output).plan
    assert [one.hex() for one in table["id"]] == [plan.doc_id(doc) for doc in range(len(plan.docs.tokens))]
    assert all(table["times_read"][doc] == 0 for doc in plan.held_out_docs)
    rows = 80 * plan.batch(0, 8).shape[0]
    counted = np.zeros(len(plan.docs.tokens), dtype=int)
    for doc in plan.train_docs[:20]:
        counted[doc] = len({plan.streams["*"].locate(span.row)[0] for span in plan.exposure(int(doc), rows)})
        assert table["times_read"][doc] == counted[doc]
    doc = int(plan.train_docs[3])
    ids = np.concatenate([model.corpus.row_tokens(row) for row in range(plan.docs.first[doc], plan.docs.first[doc + 1])]).astype(int)
    nats = 0.0
    for start in range(0, len(ids) - 1, 16):
        part = torch.tensor([ids[start : start + 17].tolist()])
        with torch.no_grad():
            nats += float(torch.nn.functional.cross_entropy(model.model(part[:, :-1])[0], part[0, 1:], reduction="sum"))
    assert table["nats"][doc] == pytest.approx(nats, abs=1e-3)
    assert table["bits_per_byte"][doc] == pytest.approx(nats / math.log(2) / plan.docs.num_bytes[doc], abs=1e-3)
    assert [doc for doc, held in enumerate(table["held_out"]) if held] == sorted(plan.held_out_docs.tolist())


def beside_the_shards(plan, folder):
    """Documents as `curate run` writes them: every third without a language, every fifth without a URL."""
    ids = [plan.doc_id(doc) for doc in range(len(plan.docs.tokens))]
    languages = [("en", "de", None)[i % 3] for i in range(len(ids))]
    urls = [f"https://H{i % 2}.example:8/{i}" if i % 5 else None for i in range(len(ids))]
    folder.mkdir()
    for number, part in enumerate((slice(0, 50), slice(50, None))):
        made = [pa.array([bytes.fromhex(one) for one in ids[part]], pa.binary(16)), pa.array(languages[part]), pa.array(urls[part])]
        pq.write_table(pa.table(made, names=["id", "language__label", "url"]), folder / f"part-{number:05d}.parquet")
    return languages, urls


def test_figures_by_language_source_and_host(output, corpus, tmp_path):
    own, shards = tmp_path / "train", tmp_path / "run" / "shards"
    shutil.copytree(output, own)
    shutil.copytree(corpus.folder.parent, tmp_path / "run")
    plan = open_run(own, shards).plan
    command = CliRunner()
    refused = command.invoke(
        app, ["losses", str(own), "--shards", str(shards), "--output", str(tmp_path / "x.parquet"), "--by", "language"]
    )
    assert refused.exit_code == 2
    assert "--by language: expected documents with that column in" in refused.output
    languages, urls = beside_the_shards(plan, shards.parent / "documents")

    def table(by):
        file = tmp_path / f"{by}.parquet"
        result = command.invoke(app, ["losses", str(own), "--shards", str(shards), "--output", str(file), "--by", by])
        assert result.exit_code == 0, result.output
        return pq.read_table(file).to_pydict()

    each = table("document")
    by_host = {"h0.example", "h1.example", "(none)"}
    for by, labels in (
        ("source", each["source"]),
        ("language", [one or "(none)" for one in languages]),
        ("host", ["(none)" if url is None else url[8:].split(":")[0].lower() for url in urls]),
    ):
        found = table(by)
        assert by != "host" or set(found[by]) == by_host
        for row, name in enumerate(found[by]):
            mine = [i for i, label in enumerate(labels) if label == name]
            assert found["documents"][row] == len(mine)
            assert found["nats"][row] == pytest.approx(sum(each["nats"][i] for i in mine), abs=1e-3)
            size = sum(each["bytes"][i] for i in mine)
            assert found["bits_per_byte"][row] == pytest.approx(found["nats"][row] / math.log(2) / size, abs=1e-4)
            assert found["low"][row] <= found["bits_per_byte"][row] <= found["high"][row]
            assert found["documents_read"][row] == sum(each["times_read"][i] > 0 for i in mine)
    result = command.invoke(app, ["eval", str(own), "--shards", str(shards), "--json"])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    whole = rows[0]["documents"]
    for kind in ("source", "license", "language", "source, language"):
        assert sum(row["documents"] for row in rows if row["kind"] == kind) == whole
    assert {row["name"] for row in rows if row["kind"] == "language"} == {"en", "de", "(none)"}
    assert {"left, de", "right, (none)"} <= {row["name"] for row in rows if row["kind"] == "source, language"}


def test_the_commands(output, tmp_path):
    command = CliRunner()
    result = command.invoke(app, ["eval", str(output), "--json"])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert rows[0]["kind"] == "all"
    assert {row["kind"] for row in rows} == {"all", "source", "license"}
    (tmp_path / "next.jsonl").write_text('{"context": "abc", "continuation": "d"}\n')
    table = command.invoke(app, ["eval", str(output), "--task", str(tmp_path / "next.jsonl")]).stdout.splitlines()
    assert table[0].split()[:3] == ["task", "kind", "items"]
    assert table[1].split()[:3] == ["next", "cloze", "1"]
    said = command.invoke(app, ["sample", str(output), "--prompt", "abc", "--tokens", "4", "--temperature", "0"]).stdout
    assert said.startswith("abcd")
    result = command.invoke(app, ["eval", str(output), "--step", "7"])
    assert result.exit_code == 2
    assert "expected a whole checkpoint of step 7, got none; choose another --step" in result.output
