"""trace, exposure, remove: from steps to documents and back, on a run as it lies on disk."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from train.__main__ import app
from train.config import TrainError
from train.plan import Plan
from train.record import write_config
from train.trace import exposure, open_run, remove, trace


@pytest.fixture
def output(run, config, corpus, tmp_path):
    run("traced", replace(config, checkpoint_every=2))
    write_config(tmp_path / "traced", replace(config, checkpoint_every=2), corpus)
    return tmp_path / "traced"


def test_trace_and_exposure_are_inverse(output, corpus, config):
    opened = open_run(output)
    seen = [row for step in range(1, 7) for row in trace(opened, step)]
    assert sum(row["length"] for row in seen) == Plan.of(corpus, config).num_trained(6 * config.rows)
    assert {row["source"] for row in seen} <= set(corpus.meta.sources)
    doc_id = seen[5]["doc_id"]
    assert exposure(opened, doc_id) == sorted(
        (row for row in seen if row["doc_id"] == doc_id), key=lambda row: (row["step"], row["row"], row["start"])
    )
    held = opened.plan.doc_id(int(opened.plan.held_out_docs[0]))
    assert exposure(opened, held) == []


def test_a_removed_document_is_not_read_again(output, run, corpus, tmp_path):
    opened = open_run(output)
    later = {row["doc_id"] for step in (5, 6) for row in trace(opened, step)}
    at, count = remove(opened, sorted(later), tmp_path / "less", 4)
    assert (at, count) == (4, len(later))
    other = open_run(tmp_path / "less")
    summary, watch = run("less", other.config)
    assert watch.notes[0] == "resumed from step-00000004"
    assert summary.ledger.removed > 0
    lines = [json.loads(line) for line in (tmp_path / "less" / "metrics.jsonl").read_text().splitlines()]
    before = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    assert [line["batch_digest"] for line in lines[:4]] == [line["batch_digest"] for line in before[:4]]
    assert lines[4]["batch_digest"] != before[4]["batch_digest"]
    other = open_run(tmp_path / "less")
    assert not later & {row["doc_id"] for step in (5, 6) for row in trace(other, step)}
    assert [trace(other, step) for step in range(1, 5)] == [trace(opened, step) for step in range(1, 5)]


def test_what_cannot_be_done(output, tmp_path, corpus):
    opened = open_run(output)
    with pytest.raises(TrainError, match=r"--step: expected 1 to 6, the steps of .*, got 7; choose one of them"):
        trace(opened, 7)
    with pytest.raises(TrainError, match="document id: expected 32 hex digits, got xyz; `curate why` prints them"):
        exposure(opened, "xyz")
    with pytest.raises(TrainError, match=r"exposure: expected a document of corpus \S+, got f{32};"):
        exposure(opened, "f" * 32)
    with pytest.raises(TrainError, match=r"remove: expected documents of corpus .*, got 1 ids that it does not have"):
        remove(opened, ["f" * 32], tmp_path / "x", None)
    with pytest.raises(TrainError, match="expected a whole checkpoint of step 3, got none; choose another --step"):
        remove(opened, [opened.plan.doc_id(0)], tmp_path / "x", 3)
    with pytest.raises(TrainError, match="expected no run in the output folder, got one"):
        remove(opened, [opened.plan.doc_id(0)], output, None)
    with pytest.raises(TrainError, match=r"expected a run of `train`, got no run\.json"):
        open_run(tmp_path / "none")


def test_the_commands(output, tmp_path):
    command = CliRunner()
    result = command.invoke(app, ["trace", str(output), "--step", "2", "--json"])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert rows == trace(open_run(output), 2)
    doc_id = rows[0]["doc_id"]
    table = command.invoke(app, ["exposure", str(output), doc_id]).stdout.splitlines()
    assert table[0].split()[:3] == ["step", "row", "doc_id"]
    assert all(doc_id in line for line in table[1:])
    (tmp_path / "ids").write_text(doc_id + "\n")
    result = command.invoke(app, ["remove", str(output), "--file", str(tmp_path / "ids"), "--output", str(tmp_path / "new"), "--step", "4"])
    assert result.exit_code == 0
    assert "1 documents leave the plan from step 5 on" in result.stdout
    result = command.invoke(app, ["remove", str(output), "--output", str(tmp_path / "newer")])
    assert result.exit_code == 2
    assert "remove: expected documents, got none; give --id or --file" in result.output
    assert np.array_equal(open_run(tmp_path / "new").plan.batch(0, 16), open_run(output).plan.batch(0, 16))
