"""The automaton against its slow twin, and what a word of its own is."""

import naive_lexicon
import numpy as np
import pyarrow as pa
import pytest
from awkward_texts import TEXTS
from hypothesis import given
from hypothesis import strategies as st

from curate import arrow
from curate.kernels.lexicon import find, folded, lexicon

CHARS = st.sampled_from("abAB _-'1 \n\u3000\u0301ßſKİ漢字ก่σςΣ😀")
SOME = st.text(CHARS, max_size=30)


def found(texts, words, whole=True):
    """Per text {(start, end, word)}, in characters."""
    text = arrow.utf8(pa.array(texts, pa.large_string()))
    listed = lexicon(words)
    out = [set() for _ in texts]
    for row, s, e, w in zip(*(part.tolist() for part in find(text.offsets, text.data, listed, whole)), strict=True):
        at = text.offsets[row]
        before = len(bytes(text.data[at:s]).decode())
        out[row].add((before, before + len(bytes(text.data[s:e]).decode()), listed.words[w]))
    return out


@given(st.lists(SOME, max_size=3), st.lists(st.text(CHARS, max_size=4), max_size=6), st.booleans())
def test_finds_what_the_twin_finds(texts, words, whole):
    assert found(texts, words, whole) == [naive_lexicon.occurrences(text, words, whole) for text in texts]


def test_awkward_texts():
    texts = [text[:300] for text in TEXTS if text is not None]
    words = ["the", "quick brown", "世界", "a", "x", "k", "fox doesn't", "шалом", "\x00", "…", "line"]
    assert found(texts, words) == [naive_lexicon.occurrences(text, words) for text in texts]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("An ASS, an assassin.", ["ass"], ["ass"]),
        ("bad bad bad", ["bad"], ["bad"] * 3),  # they share their blanks
        ("two  girls\n one", ["two girls one", "girls"], ["girls", "two girls one"]),
        ("snake_bad bad1 _bad", ["bad"], []),
        ("bad-tempered", ["bad"], ["bad"]),
        ("bade\u0301 bad\u0301", ["bad"], []),  # the accent makes another letter
        ("这是坏话吗", ["坏话"], ["坏话"]),
        ("กา ก่า", ["กา", "ก"], ["กา", "ก"]),
        ("STRASSE Straße", ["straße"], ["straße"]),
        ("ΟΔΟΣ οδος", ["οδος"], ["οδοσ", "οδοσ"]),
        ("", ["bad"], []),
        ("bad", [], []),
        ("bad", ["", "  "], []),
    ],
)
def test_words_of_their_own(text, words, expected):
    assert sorted(word for _, _, word in found([text], words)[0]) == sorted(expected)


def test_more_matches_than_room():
    assert len(found(["a " * 10_000], ["a"])[0]) == 10_000


def test_order_of_the_list_does_not_matter():
    words = ["b a", "a", "ab", "A "]
    first, second = lexicon(words), lexicon(words[::-1])
    assert all(np.array_equal(x, y) for x, y in zip(first, second, strict=True))


def test_folded():
    assert folded("  Two\tWORDS ") == "two words"
