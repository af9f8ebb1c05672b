"""Perplexity: the model is Kneser-Ney's, probabilities add up to one, the file is the same each time, buckets and thresholds."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_ngram import Naive

from curate.arrow import utf8
from curate.errors import SourceError
from curate.models import ngram
from curate.stages.perplexity import Config, models, perplexity

TEXTS = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=30), min_size=1, max_size=12).filter(lambda ts: any(ts))


def made(texts, order=3, min_count=1):
    view = utf8(pa.array([" ".join(t) for t in texts], pa.large_string()))
    return ngram.train(*ngram.words_of(view.offsets, view.data), order, min_count)


def scored(model, texts):
    view = utf8(pa.array([" ".join(t) for t in texts], pa.large_string()))
    return model.perplexities(view.offsets, view.data)


@settings(max_examples=100)
@given(TEXTS, TEXTS, st.integers(1, 4), st.integers(1, 2))
def test_it_is_what_was_written_down(texts, others, order, min_count):
    model, naive = made(texts, order, min_count), Naive(texts, order, min_count)
    for text, value in zip(others, scored(model, others), strict=True):
        probabilities = naive.text(text)
        if not text:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(10 ** (-sum(map(math.log10, probabilities)) / len(text)), rel=1e-5)


@settings(max_examples=30)
@given(TEXTS, st.integers(1, 3))
def test_probabilities_add_up_to_one(texts, order):
    naive = Naive(texts, order, 1)
    for before in [(), *[g for g in naive.grams[0] if order > 1]]:
        assert sum(naive.probability(w, before) for (w,) in naive.grams[0]) == pytest.approx(1)


def test_same_texts_same_bytes(tmp_path):
    texts = [list("abcabcabd"), list("xyzab")] * 4
    for name in "12":
        ngram.save(made(texts), tmp_path / name)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert (scored(ngram.load(tmp_path / "1", "t"), texts) == scored(made(texts), texts)).all()


def run(texts, config):
    measured = perplexity.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "perplexity")
    return {n.removeprefix("perplexity__"): c.to_pylist() for n, c in (measured | perplexity.judge(measured, config, "perplexity")).items()}


@pytest.fixture
def model(tmp_path):
    ngram.save(made([list("abcabcabcabc"), list("abcabcabd")] * 5), tmp_path / "m.arrow")
    return str(tmp_path / "m.arrow")


def test_buckets_and_thresholds(model):
    texts = ["a b c a b c", "c b a q", "", None, "!!"]
    out = run(texts, Config(model=model, head=3, tail=8, keep=["head", "middle"]))
    assert out["perplexity"][0] < 3 < 8 < out["perplexity"][1]
    assert out["perplexity"][2:] == [None] * 3
    assert out["bucket"] == ["head", "tail", None, None, None]
    assert out["drop"] == [None, "other_bucket", None, None, None]
    assert run(texts, Config(model=model))["bucket"] == [None] * 5
    assert run(texts, Config(model=model, max_perplexity=8))["drop"][1] == "too_unlikely"
    assert run(texts, Config(model=model, min_perplexity=8))["drop"][0] == "too_predictable"


def test_without_a_model_nothing_is_measured():
    assert run(["a"], Config())["perplexity"] == [None]
    assert Config().lacks() == ["model: expected the path of an n-gram model, got none; `curate perplexity train` makes one"]


def test_bad_models_and_configs(model, tmp_path):
    assert list(models(Config(model=model))) == ["m.arrow"]
    (tmp_path / "bad").write_bytes(b"nothing")
    for name in ("bad", "none"):
        with pytest.raises(SourceError, match="perplexity: expected a model of `curate perplexity train`, got"):
            run(["a"], Config(model=str(tmp_path / name)))
    for options, message in (
        ({"head": 3}, "head: expected a `model` beside it"),
        ({"model": model, "head": 3, "tail": 2}, "head: expected at most tail = 2.0, got 3.0"),
        ({"model": model, "keep": ["top"]}, r"keep: expected some of head, middle and tail, got \['top'\]"),
    ):
        with pytest.raises(ValueError, match=message):
            Config(**options)
    with pytest.raises(SourceError, match="perplexity train: expected texts with words, got none"):
        made([[]])


def test_the_command(tmp_path):
    import json

    from typer.testing import CliRunner

    from curate.__main__ import app

    rng = np.random.default_rng(0)
    rows = [json.dumps({"text": " ".join(rng.choice(list("abcdef"), 20)), "id": str(i)}) for i in range(300)]
    (tmp_path / "good.jsonl").write_text("\n".join(rows))
    (tmp_path / "pool.jsonl").write_text(
        "\n".join(rows) + "\n" + "\n".join(json.dumps({"text": f"x{i} y{i}", "id": f"p{i}"}) for i in range(60))
    )
    asked = [
        "perplexity",
        "train",
        "--text",
        f"{tmp_path}/good.jsonl",
        "--pool",
        f"{tmp_path}/pool.jsonl",
        "--order",
        "2",
        "--min-count",
        "1",
    ]
    for name in ("a", "b"):
        done = CliRunner().invoke(app, [*asked, "--output", f"{tmp_path}/{name}.arrow"])
        assert done.exit_code == 0, done.output
    assert (tmp_path / "a.arrow").read_bytes() == (tmp_path / "b.arrow").read_bytes()
    out = run(["a b c d", "zz z1 z2"], Config(model=str(tmp_path / "a.arrow")))
    assert out["bucket"] == ["head", "tail"]
