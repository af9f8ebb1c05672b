"""What columns tie together has one id, however the work is cut, and stands on one side of the split."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from barrier_runner import Cut, run
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.barrier import load

HOLD = load("hold_out")
CUTS = [Cut(), Cut(parts=3, batch_rows=4, ranges=16, table_rows=20, seed=1), Cut(ranges=3, table_rows=7), Cut(ranges=7, table_rows=1000)]


def some_id(number):
    return hashlib.sha256(number.to_bytes(4, "big")).digest()[:16]


def documents(rows):
    """A document a row, whose columns a, b, c are ids by number or nothing."""
    columns = {
        name: pa.array([None if v is None else some_id(v) for v in values], pa.binary(16))
        for name, values in zip("abc", zip(*rows, strict=True), strict=True)
    }
    return pa.table({"id": pa.array([some_id(10_000 + n) for n in range(len(rows))], pa.binary(16)), **columns})


def law_case():
    rs = np.random.RandomState(0)
    rows = [[int(v) if v < 70 else None for v in rs.randint(0, 140, 3)] for _ in range(120)]
    return HOLD.config(columns=("a", "b", "c")), documents(rows)


def tied(rows):
    """The least id of what each row is connected with, by going over all rows until nothing changes."""
    least = {v: some_id(v) for row in rows for v in row if v is not None}
    while True:
        before = dict(least)
        for row in rows:
            values = [v for v in row if v is not None]
            if values:
                least |= dict.fromkeys(values, min(least[v] for v in values))
        if least == before:
            return [next((least[v] for v in row if v is not None), None) for row in rows]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(*[st.none() | st.integers(0, 25)] * 3), min_size=1, max_size=40), st.sampled_from(CUTS))
def test_equals_going_over_all_rows(rows, cut):
    marked = run(HOLD, HOLD.config(columns=("a", "b", "c")), documents(rows), cut)
    assert marked["hold_out__family"].to_pylist() == tied(rows)


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_a_long_chain_and_a_large_star(cut):
    """100 documents, each tied to the next; and one value that 100 share with another each."""
    rows = [(n, n + 1, None) for n in range(100)] + [(1000, None, 2000 + n) for n in range(100)] + [(None, 9000, None)]
    marked = run(HOLD, HOLD.config(columns=("a", "b", "c")), documents(rows), cut)["hold_out__family"].to_pylist()
    assert marked == tied(rows)
    assert len(set(marked)) == 3
