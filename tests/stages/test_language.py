"""Language: labels, scores, thresholds, and a model that is there."""

import pyarrow as pa
import pytest

from curate.errors import SourceError
from curate.stages.language import LABELS, Config, language, model_path, models

TEXTS = {
    "en": "This is a sentence in English, and here is another one to be quite sure about it.",
    "de": "Das ist ein Satz auf Deutsch,\nund hier kommt noch einer, damit es sicher ist.",
    "fr": "Ceci est une phrase en français, et en voici une autre pour en être certain.",
    "zh": "这是一个中文句子，这里还有另一个句子。",
}


def run(texts, config=None):
    config = config or Config()
    measured = language.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "language")
    return {n.removeprefix("language__"): c.to_pylist() for n, c in (measured | language.judge(measured, config, "language")).items()}


def test_labels():
    out = run(list(TEXTS.values()))
    assert out["label"] == list(TEXTS)
    assert all(0.65 < score <= 1.0 for score in out["score"])


def test_a_text_twice_as_long_is_in_the_same_language():
    texts = list(TEXTS.values())
    assert run([f"{t}\n{t}" for t in texts])["label"] == run(texts)["label"]


def test_wrong_language_and_low_score():
    out = run([TEXTS["en"], TEXTS["de"], "a"], Config(keep=["en"]))
    assert out["drop"][:2] == [None, "wrong_language"]
    assert (out["value"][1], out["threshold"][1]) == ("de", "not in [en]")
    low = run(["ok"], Config(keep=None, min_score=0.9999))
    assert low["drop"] == ["low_score"]
    assert low["threshold"] == ["<= 0.9999"]


def test_a_score_equal_to_the_limit_is_too_low():
    score = run([TEXTS["en"]])["score"][0]
    assert run([TEXTS["en"]], Config(min_score=score))["drop"] == ["low_score"]
    assert run([TEXTS["en"]], Config(min_score=score - 0.0001))["drop"] == [None]


def test_no_text_is_no_language():
    out = run(["", " \n\t ", None], Config(keep=["en"]))
    assert out["label"] == ["und", "und", None]
    assert out["score"] == [0.0, 0.0, None]
    assert out["drop"] == ["wrong_language", "wrong_language", None]


def test_only_the_head_if_asked():
    text = TEXTS["de"] + TEXTS["en"] * 20
    assert run([text])["label"] == ["en"]
    assert run([text], Config(head_chars=70))["label"] == ["de"]


def test_labels_are_those_of_the_model():
    import fasttext

    inner = fasttext.load_model(str(model_path(Config()))).f
    labels = {label for _, label in inner.predict(TEXTS["en"] + "\n", -1, -1.0, "strict")}
    assert {label.removeprefix("__label__") for label in labels} <= LABELS
    assert len(LABELS) == 176


def test_the_model_has_a_digest():
    assert list(models(Config())) == ["lid.176.ftz"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": ["EN", "deu"]}, r"keep: expected codes that lid.176 knows, such as en, de or zh, got \['EN', 'deu'\]"),
        ({"keep": []}, r"expected at least one language code, got \[\]; write null to keep all languages"),
        ({"min_score": 1.5}, "less than or equal to 1"),
    ],
)
def test_bad_config(options, message):
    with pytest.raises(ValueError, match=message):
        Config(**options)


def test_a_missing_or_false_model(tmp_path):
    with pytest.raises(SourceError, match="language: expected a fastText model, got no file"):
        run(["a"], Config(model=str(tmp_path / "none.bin")))
    (tmp_path / "false.bin").write_bytes(b"not a model at all" * 10)
    with pytest.raises(SourceError, match=r"language: expected a fastText model, got .*false.bin"):
        run(["a text"], Config(model=str(tmp_path / "false.bin")))
