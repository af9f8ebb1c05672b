"""Packing: every token once, rows that fit, little padding, the same rows on every call; against a twin that looks at every row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.kernels import best_fit_decreasing
from train.packing import KINDS, joined, pack, pieces

LENGTHS = st.lists(st.integers(1, 70), max_size=60)


def best_fit(lengths, context):
    """The fullest row with room, the newest of equals, longest pieces first."""
    row_of, free, touched = [0] * len(lengths), [], []
    for tick, i in enumerate(sorted(range(len(lengths)), key=lambda i: -lengths[i])):
        fitting = [row for row in range(len(free)) if free[row] >= lengths[i]]
        if not fitting:
            free.append(context)
            touched.append(0)
            fitting = [len(free) - 1]
        row = min(fitting, key=lambda row: (free[row], -touched[row]))
        row_of[i] = row
        free[row] -= lengths[i]
        touched[row] = tick + 1
    return row_of, len(free)


@settings(max_examples=200, deadline=None)
@given(context=st.integers(1, 140), lengths=LENGTHS)
def test_kernel_is_its_twin(context, lengths):
    lengths = [min(length, context) for length in lengths]
    row_of = np.empty(len(lengths), dtype=np.int64)
    rows = best_fit_decreasing(np.array(lengths, dtype=np.int64), context, row_of)
    assert (row_of.tolist(), rows) == best_fit(lengths, context)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=80, deadline=None)
@given(context=st.integers(1, 90), lengths=LENGTHS, seed=st.integers(0, 2))
def test_every_token_stands_in_one_row(kind, context, lengths, seed):
    order = np.random.default_rng(seed).permutation(len(lengths))
    lengths = np.array(lengths, dtype=np.int64)
    rows = pack(order, lengths[order], context, kind, seed)
    sums = np.diff(rows.tokens())
    assert (sums > 0).all()
    assert (sums <= context).all()
    assert sums.sum() == lengths.sum()
    seen = {(d, s + k) for d, s, n in zip(rows.doc, rows.start, rows.length, strict=True) for k in range(n)}
    assert seen == {(d, k) for d, n in enumerate(lengths) for k in range(n)}
    if kind == "concat":
        assert (sums < context).sum() <= 1
    again = pack(order, lengths[order], context, kind, seed)
    assert all(np.array_equal(getattr(rows, name), getattr(again, name)) for name in ("first", "doc", "start", "length"))


def test_little_padding_and_rows_in_another_order():
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(6, 1, 20_000).astype(np.int64), 1, None)
    rows = pack(np.arange(len(lengths)), lengths, 2048, "best_fit", 0)
    padding = 1 - lengths.sum() / (len(rows) * 2048)
    assert padding <= 0.005
    other = pack(np.arange(len(lengths)), lengths, 2048, "best_fit", 1)
    assert not np.array_equal(rows.doc, other.doc)
    assert abs(np.corrcoef(np.arange(len(rows)), np.diff(rows.first))[0, 1]) < 0.05


def test_windows_and_pieces():
    doc, start, length = pieces(np.array([7, 3]), np.array([5, 2]), 2)
    assert (doc.tolist(), start.tolist(), length.tolist()) == ([7, 7, 7, 3], [0, 2, 4, 0], [2, 2, 1, 2])
    one = pack(np.array([7]), np.array([5]), 2, "best_fit", 0)
    two = joined([one, one])
    assert len(two) == 2 * len(one)
    assert two.tokens()[-1] == 10
    assert two.taken(np.arange(len(one))).doc.tolist() == one.doc.tolist()
    assert len(joined([])) == 0
