"""What is learned of a dialogue: spans cut with their documents, and refused where they do not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import ShardError
from curate.shards.format import split_rows
from curate.shards.learned import by_row, check_learned, check_rejected


@st.composite
def documents(draw):
    """[(length, spans)]: rising spans that do not overlap and are not empty."""
    made = []
    for _ in range(draw(st.integers(0, 4))):
        length = draw(st.integers(1, 23))
        ends = sorted(draw(st.sets(st.integers(0, length), max_size=6)))
        made.append((length, list(zip(ends[0::2], ends[1::2], strict=False))))
    return made


@given(documents(), st.integers(1, 9))
def test_spans_are_cut_where_their_document_is(made, limit):
    offsets = np.cumsum([0, *(length for length, _ in made)])
    document, piece, _, row_offsets = split_rows(offsets, limit)
    spans = np.array([span for _, spans in made for span in spans], dtype=np.int64).reshape(-1, 2)
    learned = by_row(np.cumsum([0, *(len(spans) for _, spans in made)]), spans, document, piece, limit)
    check_learned(learned, np.diff(row_offsets))
    found = np.zeros(int(offsets[-1]), dtype=bool)
    for row in range(len(document)):
        for start, end in learned[1][learned[0][row] : learned[0][row + 1]].reshape(-1, 2).tolist():
            found[row_offsets[row] + start : row_offsets[row] + end] = True
    expected = np.zeros(len(found), dtype=bool)
    for (_, of), base in zip(made, offsets, strict=False):
        for start, end in of:
            expected[base + start : base + end] = True
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([1], r"shard row 1: expected start and end of each learned span, got 1 numbers; write pairs"),
        ([2, 2], r"shard row 1: expected rising spans within 9 tokens, got \[2, 2\]; count in tokens of the row"),
        ([4, 6, 5, 7], r"expected rising spans within 9 tokens, got \[4, 6, 5, 7\]"),
        ([4, 10], r"expected rising spans within 9 tokens, got \[4, 10\]"),
    ],
)
def test_spans_that_do_not_fit_are_refused(numbers, message):
    values = np.array([0, 3, *numbers], dtype=np.uint32)
    with pytest.raises(ShardError, match=message):
        check_learned((np.array([0, 2, len(values)]), values), np.array([3, 9]))


def test_spans_may_touch():
    check_learned((np.array([0, 4, 4]), np.array([0, 3, 3, 5], dtype=np.uint32)), np.array([5, 1]))


@pytest.mark.parametrize(
    ("offsets", "tokens", "message"),
    [
        ([0, 0, 0], [], "shard row 0: expected a rejected answer on first pieces only, got 0 tokens on piece 0"),
        ([0, 1, 2], [1, 1], "shard row 1: expected a rejected answer on first pieces only, got 1 tokens on piece 1"),
        ([0, 1, 1], [7], "expected rejected answers of ids below 7 without 0, got others"),
        ([0, 1, 1], [0], "expected rejected answers of ids below 7 without 0, got others"),
    ],
)
def test_rejected_answers_that_do_not_fit_are_refused(offsets, tokens, message):
    with pytest.raises(ShardError, match=message):
        check_rejected((np.array(offsets), np.array(tokens, dtype=np.uint16)), np.array([0, 1]), 7, 0)
