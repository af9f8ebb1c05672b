"""Classifier: scores and thresholds by a model of the user's."""

import pyarrow as pa
import pytest
from naive_fasttext import HS, SOFTMAX, make, probabilities

from curate.errors import SourceError
from curate.stages.classifier import Config, classifier, models

LABELS = [b"cc", b"hq"]


def run(texts, config=None):
    config = config or Config()
    measured = classifier.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "classifier")
    return {n.removeprefix("classifier__"): c.to_pylist() for n, c in (measured | classifier.judge(measured, config, "classifier")).items()}


@pytest.fixture(params=[SOFTMAX, HS])
def model(request, tmp_path):
    made = make(1, [b"good", b"bad"], LABELS, request.param, 8, 0, 0, 2, 64, "dense")
    (tmp_path / "m.bin").write_bytes(made.file)
    return made, str(tmp_path / "m.bin")


def test_the_score_is_the_probability_of_the_label(model):
    made, path = model
    texts = ["good good text", "a bad\none", "", None, "x"]
    out = run(texts, Config(model=path))
    for row in (0, 1, 4):
        expected = probabilities(made, texts[row].replace("\n", " ").encode())
        assert out["score"][row] == pytest.approx(min(1, expected[1]), abs=1e-4)
        assert out["label"][row] == ("hq" if expected[1] > expected[0] else "cc")
    assert (out["score"][2:4], out["label"][2:4]) == ([0.0, None], [None, None])


def test_thresholds(model):
    score = run(["good good text"], Config(model=model[1]))["score"][0]
    assert run(["good good text"], Config(model=model[1], min_score=score))["drop"] == [None]
    low = run(["good good text", ""], Config(model=model[1], min_score=score + 1e-4))
    assert low["drop"] == ["low_quality", "low_quality"]


def test_without_a_model_nothing_is_measured():
    assert run(["a"])["score"] == [None]
    assert Config().lacks() == ["model: expected the path of a fastText model, got none; `curate classifier train` makes one"]
    assert models(Config()) == {}


def test_bad_config(model, tmp_path):
    with pytest.raises(ValueError, match="min_score: expected a `model` beside it"):
        Config(min_score=0.5)
    with pytest.raises(SourceError, match=r"classifier: label: expected a label of .*m.bin, got 'high'; it has"):
        models(Config(model=model[1], label="high"))
    with pytest.raises(SourceError, match=r"classifier: expected a fastText model, got no file"):
        run(["a"], Config(model=str(tmp_path / "none.bin")))


def test_a_changed_model_is_a_changed_step(model, tmp_path):
    before = models(Config(model=model[1]))
    (tmp_path / "m.bin").write_bytes(make(2, [b"good", b"bad"], LABELS, SOFTMAX, 8, 0, 0, 2, 64, "dense").file)
    assert models(Config(model=model[1])) != before
