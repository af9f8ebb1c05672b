"""Gopher quality: one text per reason, and the measures against their slow twin."""

import naive_text
import numpy as np
import pyarrow as pa
import pytest
from awkward_texts import TEXTS
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.stages.gopher_quality import Config, gopher_quality

PROSE = "The quick brown fox and the slow dog have to be with that old cat of mine. " * 5
NAMES = [name for name in gopher_quality.adds if name != "words_by"]
WORDS = [
    "the",
    "of",
    "word",
    "don't",
    "#",
    "...",
    "…",
    ".",
    "x-y",
    "•",
    "-",
    "\n",
    "\r\n",
    " ",
    "\u2028",
    "日本",
    "Mr.",
    "(a)",
    "5km",
    "e.g.",
    "'s",
]


def run(texts, config=None):
    config = config or Config()
    measured = gopher_quality.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "q")
    return {n.removeprefix("q__"): c.to_pylist() for n, c in (measured | gopher_quality.judge(measured, config, "q")).items()}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE, None),
        ("", "short_doc"),
        ("too short", "short_doc"),
        ("the of " * 50_001, "long_doc"),
        ("a b of to " * 20, "short_words"),
        ("characteristically unconstitutional the and " * 20 + "internationalization " * 20, "long_words"),
        (PROSE + "# " * 20, "too_many_hashes"),
        (PROSE + "word… " * 20, "too_many_ellipses"),
        ("- the word of prose\n• another one to be\n" * 20, "too_many_bullets"),
        (
            "the words of this line trail off\u2026\nthis one and that do not trail off but go on for a good while longer than that\n" * 8,
            "too_many_end_ellipses",
        ),
        ("the and , , " * 30, "too_few_letters"),
        ("The THE Of word another thing " * 20, "too_few_stop_words"),
        ("of of of word another thing " * 20, "too_few_stop_words"),
    ],
)
def test_reasons(text, reason):
    assert run([text])["drop"] == [reason]


def test_limits_can_be_switched_off():
    assert run(["short"], Config(min_words=None, min_stop_words=None))["drop"] == [None]


def test_other_stop_words():
    text = "der Hund und die Katze sind auf dem Dach " * 10
    assert run([text])["drop"] == ["too_few_stop_words"]
    assert run([text], Config(stop_words=["der", "und", "die"]))["num_stop_words"] == [3]


def expected(text):
    if text is None:
        return [None] * len(NAMES)
    return [round(v, 4) if isinstance(v, float) else v for v in naive_text.quality(text, Config().stop_words)]


@settings(max_examples=150, deadline=None)
@example(["0\x00"])
@given(
    st.lists(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)), max_size=30).map(lambda parts: " ".join(parts)), max_size=3)
)
def test_measures_are_those_of_the_twin(texts):
    out = run(texts)
    rows = [[out[name][i] for name in NAMES] for i in range(len(texts))]
    assert (
        np.allclose(np.array(rows, dtype=float), np.array([expected(t) for t in texts], dtype=float), atol=1.01e-4) if texts else rows == []
    )


def test_awkward_texts():
    out = run(TEXTS)
    for i, text in enumerate(TEXTS):
        assert [out[name][i] for name in NAMES] == pytest.approx(expected(text), abs=1.01e-4) if text is not None else True


def test_bad_config():
    with pytest.raises(ValueError, match="less than or equal to 1"):
        Config(min_alpha_words=80)
    with pytest.raises(ValueError, match="at most 64"):
        Config(stop_words=["a"] * 65)
