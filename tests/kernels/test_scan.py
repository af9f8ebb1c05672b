"""The scan against its twins: tokens, classes and counts, whatever stands behind the last byte."""

import unicodedata
from string import ascii_letters

import naive_text
import numpy as np
import pytest
from awkward_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st
from test_words import ALPHABET, ANY_TEXT, column

from curate.kernels import scan as at
from curate.kernels.word_hash import hash_word

RUNS = [
    "".join(ascii_letters[(7 * i + k * k) % 52] for k in range(1 + i % 20))
    + ("", *",.;:?!)")[i % 8]
    + " \n\r"[i % 3]
    + ALPHABET[i] * (i % 5 == 0)
    for i in range(240)
]
SHAPES = st.tuples(st.binary(max_size=24), ANY_TEXT).map(
    lambda drawn: "".join(RUNS[byte] if byte < len(RUNS) else drawn[1] for byte in drawn[0])
)


def expected(text):
    """(tokens, their flags) of a text."""
    flags = []
    found = []
    for line_number, line in enumerate(text.split("\n")):
        fresh = at.FRESH if line_number or not found else 0
        for run in line.split():
            for number, token in enumerate(naive_text.spacy(run)):
                flag = at.HAS_ALPHA * any(c.isalpha() for c in token) | at.SOLID * any(c not in naive_text.PUNCTUATION for c in token)
                flag |= at.ALL_PUNCT * all(unicodedata.category(c)[0] == "P" for c in token) | at.ENDS * (token in naive_text.TERMINAL)
                found.append(token)
                flags.append(int(flag | fresh | at.FIRST * (number == 0)))
                fresh = 0
    return found, flags


def check(texts):
    offsets, data = column(texts)
    made = at.scan(offsets, data)
    for row, text in enumerate(texts):
        raw, found = text.encode(), range(made.bounds[row], made.bounds[row + 1])
        tokens = [raw[made.starts[t] : made.ends[t]].decode() for t in found]
        names, flags = expected(text)
        assert tokens == names
        assert [int(made.flags[t]) for t in found] == flags
        assert [int(made.hashes[t]) for t in found] == [hash_word(token) for token in tokens]
        counts = made.counts[row]
        assert counts[at.CHARS] == len(text)
        assert counts[at.NEWLINES] == text.count("\n")
        assert counts[at.LINES] == len(text.splitlines())
        assert counts[at.WORDS] == sum(any(c not in naive_text.PUNCTUATION for c in name) for name in names)


@settings(max_examples=300, deadline=None)
@given(st.lists(SHAPES, max_size=4))
def test_tokens_classes_and_counts(texts):
    check(texts)


def test_awkward_texts():
    check([text for text in TEXTS if text is not None])


def test_only_marks_need_more_room():
    check(["a b", "," * 3_000, ", " * 20_000, "c", "\u0301\u0301 \u0300" * 50])


def test_a_row_that_is_too_large_is_named():
    with pytest.raises(ValueError, match=r"scan: expected rows of less than 4 GiB, got one of 4294967296 bytes; set limits"):
        at.scan(np.array([0, 1 << 32]), np.zeros(0, dtype=np.uint8))
