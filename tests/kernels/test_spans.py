"""Spans joined, laid out and cut, against masks of bytes."""

import itertools

import naive_passages as naive
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels import spans

places = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(1, 8)), max_size=12)


def arrays(found):
    rows = sorted((row, start, start + size) for row, start, size in found)
    return [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)] if rows else [np.empty(0, dtype=np.int64)] * 3


def covered(row, start, end):
    return {(r, i) for r, s, e in zip(row.tolist(), start.tolist(), end.tolist(), strict=True) for i in range(s, e)}


@given(places)
def test_cover_is_disjoint_and_covers_the_same(found):
    row, start, end = arrays(found)
    out = np.empty((len(row), 3), dtype=np.int64)
    out = out[: spans.cover(row, start, end, out)]
    which, low, high = out.T
    assert covered(row[which], low, high) == covered(row, start, end)
    assert (high - low).sum() == len(covered(row, start, end))
    assert (start[which] <= low).all()
    assert (high <= end[which]).all()


@given(places)
def test_join(found):
    row, start, end = arrays(found)
    before = covered(row, start, end)
    leads, joined = np.empty(len(row), dtype=np.int64), end.copy()
    spans.join(row, start, joined, leads)
    one = np.flatnonzero(leads == np.arange(len(leads)))
    assert covered(row[one], start[one], joined[one]) == before
    for a, b in itertools.pairwise(one):
        assert row[a] != row[b] or joined[a] < start[b], "what touches is one"


def cuts_of(found, rows):
    """Disjoint spans within the texts."""
    row, start, end = arrays([(r, s, n) for r, s, n in found if r < len(rows) and s + n <= len(rows[r])])
    masks = [bytearray(len(text)) for text in rows]
    for r, i in covered(row, start, end):
        masks[r][i] = 1
    return [(r, *span) for r, mask in enumerate(masks) for span in naive.spans(mask)]


@given(st.lists(st.text(alphabet="aé漢😀 \n", max_size=10).map(str.encode), max_size=3), places)
def test_cuts_between_characters(rows, found):
    offsets = np.cumsum([0] + [len(text) for text in rows])
    data = np.frombuffer(b"".join(rows), dtype=np.uint8)
    cuts = cuts_of(found, rows)
    row, start, end = (np.array([cut[i] for cut in cuts], dtype=np.int64) for i in range(3))
    spans.to_characters(offsets, data, row, start, end)
    expected = [naive.between_characters(text, [cut[1:] for cut in cuts if cut[0] == r]) for r, text in enumerate(rows)]
    assert [(r, s, e) for r, s, e in zip(row.tolist(), start.tolist(), end.tolist(), strict=True) if e > s] == [
        (r, *span) for r, spans_ in enumerate(expected) for span in spans_
    ]
    ends, out = np.zeros(len(rows) + 1, dtype=np.int64), np.empty(len(data), dtype=np.uint8)
    size = spans.cut(offsets, data, row, start, end, ends, out)
    left = [bytes(out[ends[i] : ends[i + 1]]) for i in range(len(rows))]
    assert left == [naive.without(text, cut) for text, cut in zip(rows, expected, strict=True)]
    assert size == sum(map(len, left))
    for text in left:
        text.decode()  # no character is cut in two
    solid = np.empty(len(rows), dtype=np.int64)
    spans.solid_bytes(offsets, data, solid)
    assert solid.tolist() == [len(text.translate(None, naive.BLANKS)) for text in rows]


@given(st.text(alphabet="ab \n\t", max_size=20).map(str.encode), st.data())
def test_following(text, draw):
    end = draw.draw(st.integers(0, len(text)))
    ends = np.array([end])
    spans.following(np.array([0, len(text)]), np.frombuffer(text, dtype=np.uint8), np.array([0]), ends)
    assert [(0, ends[0])] == naive.with_what_follows(text, [(0, end)])
