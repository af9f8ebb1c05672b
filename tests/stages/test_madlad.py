"""Madlad: sentences and their rules beside slow twins, what removes a document, and the modes."""

import naive_sentences
import numpy as np
import pyarrow as pa
import pytest
from awkward_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import arrow
from curate.kernels import sentence_rules
from curate.kernels.utf8 import classes
from curate.stages.madlad import Config, _alone, madlad

PLAIN = "This is a sentence of a plain kind, number one. "
LIST = "Home News Sports Weather Travel Shop Login Contact About Terms Careers Press Help. "


def run(texts, config=None):
    config = config or Config()
    measured = madlad.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "m")
    return {n.removeprefix("m__"): c.to_pylist() for n, c in (measured | madlad.judge(measured, config, "m")).items()}


def twin(text, limits):
    return [
        (len(text[:a].encode()), len(text[:b].encode()), naive_sentences.bits(text[a:b], *limits))
        for a, b in naive_sentences.sentences(text)
    ]


def kernel(texts, limits):
    view = arrow.utf8(pa.array(texts, pa.large_string()))
    found = sentence_rules.sentences(view.offsets, view.data, classes())
    bits = np.zeros(len(found), dtype=np.uint8)
    words, capitals, low, high, technical = limits
    sizes = (np.int64(words), float(capitals), np.int64(low), np.int64(high), float(technical))
    sentence_rules.judge_sentences(view.offsets, view.data, classes(), _alone(), found, *sizes, bits)
    return [[(a, b, bit) for (row, a, b), bit in zip(found.tolist(), bits.tolist(), strict=True) if row == n] for n in range(len(texts))]


@pytest.mark.parametrize("limits", [(12, 0.5, 20, 500, 0.2), (2, 0.4, 3, 12, 0.1)])
def test_the_twin_agrees_on_awkward_texts(limits):
    texts = [text for text in TEXTS if text is not None and len(text) < 5000]
    assert kernel(texts, limits) == [twin(text, limits) for text in texts]


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("aÄb1٣9.!? \n\t’':,·_中ก\u0301({>+ßǅ"), max_size=40))
def test_the_twin_agrees(text):
    limits = (2, 0.5, 2, 6, 0.25)
    assert kernel([text, "X" + text], limits) == [twin(text, limits), twin("X" + text, limits)]


def test_rules_and_reasons():
    out = run([PLAIN * 5, PLAIN * 4, PLAIN * 4 + LIST, PLAIN * 3 + LIST * 2, "", None])
    assert out["num_sentences"] == [5, 4, 5, 5, 0, None]
    assert out["list_case"] == [0, 0, 1, 2, 0, None]
    assert out["questionable"] == [0, 0, 0.2, 0.4, 0, None]
    assert out["drop"] == [None, "too_few_sentences", None, "questionable", "too_few_sentences", None]
    assert out["value"][3] == "0.4"


def test_lengths_and_technical_characters():
    out = run([PLAIN * 3 + "Too short. " + "Call 0123 (456) 789 or +12 {3}. " + "x" * 501])
    assert (out["odd_length"], out["technical"], out["questionable"]) == ([2], [1], [0.5])


def test_cursed_strings_count_within_a_sentence(tmp_path):
    path = tmp_path / "cursed.txt"
    path.write_text("# from an audit\nkind, Number\none. This\n")
    out = run([PLAIN * 2 + "Nothing of that kind stands in here. "], Config(cursed_files=[str(path)], cursed=["stands  in"]))
    assert out["cursed"] == [3]
    assert madlad.models(Config(cursed_files=[str(path)]))[str(path)].startswith("sha256:")
    with pytest.raises(ValueError, match="expected a file with one entry a line"):
        Config(cursed_files=["nowhere.txt"])


def test_dolma3_asks_for_lists_and_cursed_strings_and_removes_at_the_limit():
    out = run([PLAIN * 4 + LIST, PLAIN * 5 + LIST, PLAIN * 5 + "Short. " * 5], Config(mode="dolma3"))
    assert out["drop"] == ["questionable_enough", None, None]
    assert out["threshold"][0] == ">= 0.2"
    assert run([PLAIN * 4 + LIST], Config(mode="dolma3", least_questionable=0.3))["drop"] == [None]
