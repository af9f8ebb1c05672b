"""Pieces become documents; words and used tokens are counted as Python counts them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels import token_rows


@pytest.mark.parametrize(("given", "made"), [(np.uint16, np.uint16), (np.uint32, np.uint16), (np.uint32, np.uint32)])
def test_pieces_are_joined_behind_the_boundary(given, made):
    """Two pieces of one document, one without tokens, one of three; what stood in front stays."""
    out, ends = np.full(10, 77, made), np.empty(4, np.int64)
    begins = np.array([True, False, True, True])
    tokens = np.array([5, 6, 7, 8, 9], given)
    assert token_rows.join_pieces(tokens, np.array([1, 2, 2, 5]), begins, 0, out, 1, ends) == 9
    assert out.tolist() == [77, 0, 5, 6, 0, 0, 7, 8, 9, 77]
    assert ends.tolist() == [3, 4, 5, 9]


@given(st.lists(st.text("ab \n\u00e9\t", max_size=12), max_size=6))
def test_words_are_runs_above_the_blank(texts):
    rows = [text.encode() for text in texts]
    data, offsets = np.frombuffer(b"".join(rows), np.uint8), np.cumsum([0, *map(len, rows)])
    out = np.empty(len(rows), np.int64)
    token_rows.count_words(offsets, data, out)
    assert out.tolist() == [len(row.split()) for row in rows]


def test_used_tokens_are_noted():
    used = np.zeros(5, np.bool_)
    token_rows.note_used(np.array([3, 1, 3], np.uint16), used)
    assert used.tolist() == [False, True, False, True, False]
