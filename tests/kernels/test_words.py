"""Tokens and words against their twins, and against what spaCy makes of the same runs."""

import naive_text
import numpy as np
import pytest
from awkward_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels import words
from curate.kernels.scan import scan
from curate.kernels.utf8 import classes

PIECES = [
    *"aZé日5 .,;:!?-–—~'\"’“”()[]{}<>/=*+^#$€%&@_|\\…·\n\t",
    *[
        "...",
        "..",
        "--",
        "http://",
        "www.",
        ".com",
        "n't",
        "'s",
        "’s",
        "'ll",
        "km",
        "am",
        "p.m.",
        "US$",
        "Mr",
        "don",
        "I",
        "can",
        "not",
        "²",
        "😀",
        "°C",
        "ß",
        "x@y.de",
    ],
]
ODD_CODES = """0 9 B D 1C 1F 7F 85 A0 AA B7 301 430 5D0 661 939 93F E01 1100 2007 200B 200D 2028 202F 2126 2153 20E3 3000 3042 4E00 AC00 D7A3
    FE0F FF01 FFFD 1D400 1F1E6 E0020"""
ODD = [chr(int(code, 16)) for code in ODD_CODES.split()]
ALPHABET = (PIECES * 4 + ODD * 2)[:255]
"""What a byte stands for: one draw for a whole text, where a draw for each piece cost twenty times the test."""
ANY_TEXT = st.tuples(st.binary(max_size=60), st.text(max_size=4)).map(
    lambda drawn: "".join(drawn[1] if byte == 255 else ALPHABET[byte % len(ALPHABET)] for byte in drawn[0])
)


def column(texts):
    raw = [t.encode() for t in texts]
    return np.cumsum([0, *map(len, raw)]).astype(np.int64), np.frombuffer(b"".join(raw), dtype=np.uint8)


def tokens(texts):
    offsets, data = column(texts)
    found = scan(offsets, data)
    spans = [range(found.bounds[row], found.bounds[row + 1]) for row in range(len(texts))]
    return [[text.encode()[found.starts[t] : found.ends[t]].decode() for t in span] for text, span in zip(texts, spans, strict=True)]


@settings(max_examples=500, deadline=None)
@given(st.lists(ANY_TEXT, max_size=4))
def test_tokens_are_those_of_the_twin(texts):
    assert tokens(texts) == [naive_text.spacy(t) for t in texts]


def test_awkward_texts():
    texts = [t for t in TEXTS if t is not None]
    assert tokens(texts) == [naive_text.spacy(t) for t in texts]


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT)
def test_tokens_are_the_text_without_white_space(text):
    assert "".join(tokens([text])[0]) == "".join(text.split())


# What spacy.blank("en") 3.8 makes of these runs; written down from a run of it.
SPACY = {
    "Hello (world)! don't do-that.": "Hello|(|world|)|!|do|n't|do|-|that|.",
    "e.g. U.S. U.S.A. i.e. N.Y.": "e.g.|U.S.|U.S.A.|i.e.|N.Y.",
    "5km 10% $5 5$ 3.5kg 1,000 1.2.3.4 10:30": "5|km|10|%|$|5|5|$|3.5|kg|1,000|1.2.3.4|10:30",
    "a-b a--b 1-2 3x4 x=y a/b": "a|-|b|a|--|b|1|-|2|3x4|x|=|y|a|/|b",
    "...hello... wait.. ok… (…)": "...|hello|...|wait|..|ok|…|(|…|)",
    "it's John's dogs' 'quoted' \"q\"": "it|'s|John|'s|dogs|'|'|quoted|'|\"|q|\"",
    "I'm we've they'll there's who'd let's ain't can't cannot gonna": "I|'m|we|'ve|they|'ll|there|'s|who|'d|let|'s|ai|n't|ca|n't|can|not|gon|na",
    "C++ C# .NET @user #tag": "C++|C|#|.NET|@user|#|tag",
    "http://a.b/c?d=e x@y.com www.foo.com foo.com/a end.Start": "http://a.b|/|c?d|=|e|x@y.com|www.foo.com|foo.com/a|end|.|Start",
    "US$5 €5 5€ 5pm 5p.m. 12am": "US$|5|€|5|5|€|5|pm|5|p.m.|12|am",
    "A. B. AB. Ab. aB.": "A.|B.|AB|.|Ab|.|aB.",
    "O'Brien rock'n'roll DON'T": "O'Brien|rock'n'roll|DON'T",
    "under_score _x_ *x* `x` x~y": "under_score|_|x|_|*|x|*|`|x|`|x|~|y",
    "¿Qué? café. 你好。世界": "¿|Qué|?|café|.|你好。世界",
    "--- -- - — –": "---|--|-|—|–",
    "[1] x[1]. x,y 1,y": "[|1|]|x[1|]|.|x|,|y|1,y",
}


@pytest.mark.parametrize("text", SPACY)
def test_what_spacy_makes_of_it(text):
    assert "|".join(tokens([text])[0]) == SPACY[text]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(), max_size=4))
def test_split_words(texts):
    out = np.zeros(len(texts), dtype=np.int64)
    words.count_split(*column(texts), classes(), out)
    assert out.tolist() == [len(t.split()) for t in texts]


def test_a_row_of_only_marks_gets_more_room():
    texts = ["a b", "," * 3_000, ", " * 100_000, "c"]
    assert [len(t) for t in tokens(texts)] == [2, 3_000, 100_000, 1]
