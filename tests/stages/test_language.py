"""Language: labels, scores, thresholds, and a model that is there."""

import pyarrow as pa
import pytest
from naive_fasttext import SOFTMAX, make

from curate.errors import SourceError
from curate.kernels.scripts import CODES, scripts
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


def test_scripts():
    out = run(
        [
            TEXTS["en"],
            TEXTS["zh"],
            "これは日本語の文です",
            "한국어 문장",
            "Это русский",
            "1234 !?",
            "",
            None,
            "שלום abc",
            "漢字" * 30 + "の",
        ]
    )
    assert out["script"] == ["Latn", "Hani", "Jpan", "Hang", "Cyrl", "Zyyy", "Zyyy", None, "Hebr", "Hani"]


def test_the_script_of_a_letter_is_unicodes():
    import unicodedata

    regex = pytest.importorskip("regex")
    patterns = {code: regex.compile(rf"\p{{Script={code}}}") for code in CODES[1:]}
    for code in range(0x32000):
        letter = chr(code)
        if unicodedata.category(letter) in ("Lu", "Ll", "Lt", "Lo") and scripts()[code]:
            assert patterns[CODES[scripts()[code]]].match(letter), hex(code)
    uncounted = [c for c in map(chr, range(0x3000)) if not scripts()[ord(c)] and unicodedata.category(c) in ("Lu", "Ll", "Lt", "Lo")]
    assert (
        "".join(c for c in uncounted if any(p.match(c) for p in patterns.values())) == "ªº\u2126\u212a\u212bℲⅎↃ"
    )  # letters named as signs


def test_paragraphs_tell_of_mixed_pages():
    long = TEXTS["de"].replace("\n", " ")
    out = run([f"{TEXTS['en']}\n\n  \n{long}\nok", TEXTS["en"], "", None, " \n"], Config(paragraphs=True, max_other_share=0.3))
    first, second, empty, null, blank = out["paragraphs"]
    assert [(p["label"], p["bytes"]) for p in first][:2] == [("en", len(TEXTS["en"])), ("de", len(long))]
    assert [p["label"] for p in second] == ["en"]
    assert (empty, null, blank) == ([], None, [])
    share = round(len(TEXTS["en"]) / (len(long) + len(TEXTS["en"])), 4)
    assert out["other_share"] == [share, 0.0, 0.0, None, 0.0]
    assert out["drop"][:2] == ["mixed_languages", None]
    assert run([TEXTS["en"]])["paragraphs"] == [None]


def test_a_share_without_paragraphs_is_refused():
    with pytest.raises(ValueError, match="max_other_share: expected `paragraphs: true` beside it"):
        Config(max_other_share=0.5)


def test_a_model_by_path_with_labels_of_its_own(tmp_path):
    labels = [b"eng_Latn", b"deu_Latn", b"zho_Hans"]
    (tmp_path / "glot.bin").write_bytes(make(3, [b"a"], labels, SOFTMAX, 8, 2, 3, 1, 64, "dense").file)
    config = Config(model=str(tmp_path / "glot.bin"), keep=["deu_Latn"], min_score=None)
    out = run(["a text", ""], config)
    assert out["label"][0] in {label.decode() for label in labels}
    assert out["label"][1] == "und"
    assert list(models(config)) == ["glot.bin"]
    with pytest.raises(SourceError, match=r"keep: expected labels of glot.bin, got 'deu'; it has 3, such as deu_Latn"):
        models(Config(model=str(tmp_path / "glot.bin"), keep=["deu"]))
