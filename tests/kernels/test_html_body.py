"""Runs of three words of a page's own articleBody."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels.html_body import SLOTS, grams

WORDS = st.lists(
    st.sampled_from(["One", "two", "three", "Füße", "été", "42", "don't", "x", "漢字", "かな", "—", "“quoted”,", "ok."]),
    min_size=3,
    max_size=40,
)


def compared(body, block):
    """(runs of the body, runs of the block, those of them in the body)."""
    marks = np.zeros(SLOTS, np.uint8)
    data, out = (np.frombuffer(text.encode(), np.uint8) for text in (body, block))
    runs, _ = grams(data, 0, len(data), True, marks, True)
    return runs, *grams(out, 0, len(out), False, marks, False)


@given(WORDS, st.booleans())
def test_a_text_stands_in_itself_however_it_is_escaped(words, ascii_only):
    text = " ".join(words)
    runs, count, hits = compared(json.dumps(text, ensure_ascii=ascii_only)[1:-1], text)
    assert runs == count == hits


def test_tags_and_references_part_words():
    assert compared("<p>One&nbsp;two<br/>three</p>\\nfour", "one two three four") == (2, 2, 2)


def test_other_words_do_not():
    assert compared("one two three four five six", "six five four three two one") == (4, 4, 0)


@pytest.mark.parametrize("cut", [b"a b c \\", b"a b c \\u00", b"a b c &", b"a b c <", b"a b c \xe6\xbc", b"", b"\\"])
def test_a_body_may_end_anywhere(cut):
    data = np.frombuffer(cut, np.uint8)
    assert grams(data, 0, len(data), True, np.zeros(SLOTS, np.uint8), True)[0] <= 2
