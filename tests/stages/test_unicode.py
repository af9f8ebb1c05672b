"""Unicode: what is repaired, what is left alone, and that the outcome is ftfy's to the byte."""

import re

import ftfy
import pyarrow as pa
import pytest
from awkward_texts import TEXTS
from ftfy.badness import MOJIBAKE_CATEGORIES
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.stages.unicode import Config, repaired, unicode

MOJIBAKE = "".join(MOJIBAKE_CATEGORIES.values())
PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["Ã©", "â€œ", "&amp;", "&lt;", "&amp;lt;", "<", "\n", "\r\n", "\r", "ﬁ", "Ａ", "\x1b[31m", "e\u0301", "Â ", "’", "\u2028", "\x85"]
    ),
    st.text(st.sampled_from(sorted(set(re.sub("[^\x80-\uffff]", "", MOJIBAKE)))), max_size=4),
)
ANY_TEXT = st.lists(PIECES, max_size=12).map("".join)


def walked(text, rounds=1):
    """ftfy itself, so often repeated."""
    for _ in range(rounds):
        text = ftfy.fix_text(text, uncurl_quotes=False)
    return text


@settings(max_examples=400, deadline=None)
@given(ANY_TEXT)
@example("&amp; \r <")
@example("&lt;p&gt;\n&amp;\n<b>\n&amp;")
@example("\ufffc&#8208;\u2028Ã©")
def test_it_is_ftfy(text):
    assert repaired(text, Config())[0] == walked(text)
    assert repaired(text, Config(rounds=3))[0] == walked(text, 3)


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT)
def test_at_rest_twice_is_once(text):
    config = Config(rounds=16)
    once, edits = repaired(text, config)
    assert repaired(once, config) == (once, 0)
    assert (edits == 0) == (once == text)


def test_a_second_round_sees_the_lines_that_the_first_made():
    text = "&amp; \r <"
    assert repaired(text, Config())[0] == "&amp; \n <"
    assert repaired(text, Config(rounds=2))[0] == "& \n <"


@pytest.mark.parametrize(
    ("broken", "right"),
    [
        ("schÃ¶n", "schön"),
        ("voilÃ  le travail", "voilà le travail"),
        ("&eacute;t&eacute;", "été"),
        ("ﬁne", "fine"),
        ("ＬＯＵＤ", "LOUD"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("e\u0301", "é"),
        ("a\x00b\x08c\ufeff", "abc"),
        ("\x1b[36;44mblue\x1b[0m", "blue"),
    ],
)
def test_repairs(broken, right):
    assert repaired(broken, Config())[0] == right


@pytest.mark.parametrize("text", ["“curly” quotes ‘stay’", "naïve café", "日本語。", "a < b &amp; c", "AT&T", "Ünïcödé"])
def test_leaves_alone(text):
    assert repaired(text, Config()) == (text, 0)


def test_an_angle_bracket_stops_entities_from_there_on():
    assert repaired("&amp;\n<b>\n&amp;", Config())[0] == "&\n<b>\n&amp;"


def test_counts_lines():
    assert repaired("schÃ¶n\nplain\nschÃ¶n", Config())[1] == 2


def test_only_a_normal_form_if_asked():
    config = Config(repair=False, form="NFD")
    assert repaired("é Ã¶ &amp;", config) == ("e\u0301 A\u0303¶ &amp;", 1)
    assert repaired("\ufb01", Config(repair=False, form="none")) == ("\ufb01", 0)


def test_straight_quotes_if_asked():
    assert repaired("“a”", Config(uncurl_quotes=True))[0] == '"a"'


def test_columns():
    texts = pa.array(TEXTS, pa.large_string())
    out = unicode.measure(pa.record_batch({"text": texts}), Config(), "unicode")
    assert out["text"].to_pylist() == [None if t is None else walked(t) for t in TEXTS]
    assert out["unicode__edits"][-1].as_py() is None


def test_mojibake_of_the_wild(shared):
    import json

    folder = shared("encoding-ftfy")
    cases = json.loads((folder / "in-the-wild.json").read_text()) + json.loads((folder / "negative.json").read_text())
    wrong = [c["label"] for c in cases if repaired(c["original"], Config(uncurl_quotes=True))[0] != ftfy.fix_text(c["original"])]
    assert not wrong


def test_bad_config():
    with pytest.raises(ValueError, match="'NFC', 'NFKC', 'NFD', 'NFKD' or 'none'"):
        Config(form="nfc")
