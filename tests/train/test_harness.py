"""lm-eval's three questions, answered by the model in memory: against slow counts; the package itself where it is installed."""

import json
import sys
import types

import pytest
import torch
from typer.testing import CliRunner

from train.__main__ import app
from train.config import TrainError
from train.harness import adapter, evaluate


@pytest.fixture(scope="module")
def output(learned):
    return learned


@pytest.fixture(scope="module")
def model(output):
    from train.answer import load

    return load(output)


@pytest.fixture
def asked(model, monkeypatch):
    """The adapter on the package, or on a base class that asks as it does."""
    try:
        import lm_eval.api.model  # noqa: F401
    except ImportError:
        for name in ("lm_eval", "lm_eval.api", "lm_eval.api.model"):
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        sys.modules["lm_eval.api.model"].LM = type("LM", (), {})
    return adapter(model)


def instances(*arguments):
    return [types.SimpleNamespace(args=one) for one in arguments]


def slow(model, ids, begin):
    """Sum of log-probabilities of ids[begin:], and whether each is the likeliest."""
    with torch.no_grad():
        logs = torch.log_softmax(model.model(torch.tensor([ids[:-1]]))[0].double(), dim=-1)
    return (
        sum(float(logs[i - 1, ids[i]]) for i in range(begin, len(ids))),
        all(int(logs[i - 1].argmax()) == ids[i] for i in range(begin, len(ids))),
    )


def test_loglikelihood(asked, model):
    pairs = [("abc", "d"), ("", "abc"), ("xy", "zA"), ("b", "q")]
    found = asked.loglikelihood(instances(*pairs))
    for (context, continuation), (log, greedy) in zip(pairs, found, strict=True):
        expected = slow(model, [0, *model.encode(context + continuation)], 1 + len(model.encode(context)))
        assert log == pytest.approx(expected[0], abs=1e-4)
        assert greedy == expected[1]


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 40])
def test_loglikelihood_of_a_whole_text(asked, model, size):
    from token_corpora import LETTERS

    text = (LETTERS * 3)[5 : 5 + size]
    ids, total = [0, *model.encode(text)], 0.0
    for begin in range(1, len(ids), 16):  # sixteen predictions a window, the last with as much context as fits
        end = min(begin + 16, len(ids))
        low = max(0, end - 17)
        total += slow(model, ids[low:end], begin - low)[0]
    assert asked.loglikelihood_rolling(instances((text,)))[0] == pytest.approx(total, abs=1e-3)


def test_generation_ends_where_it_is_told(asked, model):
    whole, cut, none = asked.generate_until(
        instances(
            ("abc", {"max_gen_toks": 8}), ("abc", {"max_gen_toks": 8, "until": ["g", "h"]}), ("abc", {"max_gen_toks": 3, "until": "d"})
        )
    )
    assert whole.startswith("def")
    assert cut == whole[: whole.index("g")]
    assert none == ""


def test_without_the_package(model, monkeypatch):
    for name in ("lm_eval", "lm_eval.api", "lm_eval.api.model"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(TrainError, match="--harness: expected the package lm-eval, got none; install it, or score JSONL files with --task"):
        adapter(model)


TASK = """task: next_letter
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{query}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: "{{{{gold}}}}"
target_delimiter: ""
metric_list: [{{metric: acc}}]
"""


@pytest.mark.slow
def test_the_package_scores_a_task_of_ours(output, model, tmp_path):
    pytest.importorskip("lm_eval")
    items = [{"query": "abc", "choices": ["d", "x"], "gold": 0}, {"query": "klm", "choices": ["a", "n"], "gold": 1}]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    (tmp_path / "next.yaml").write_text(TASK.format(file=tmp_path / "items.jsonl"))
    rows = evaluate(model, ["next_letter"], tmp_path, None, None)
    assert [(row["task"], row["metric"], row["value"]) for row in rows] == [("next_letter", "acc", 1.0)]
    with pytest.raises(TrainError, match=r"--harness: expected tasks that lm-eval knows, got \['no_such'\]"):
        evaluate(model, ["no_such"], None, None, None)
    result = CliRunner().invoke(app, ["eval", str(output), "--harness", "next_letter", "--include", str(tmp_path), "--json"])
    assert json.loads(result.stdout.splitlines()[-1])["boundary"] == "once, before the text"
