"""Keep lists: order of documents by declared columns, exact and packed; and groups walked in tables of any size."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup import keep
from curate.errors import RecipeError

NUMBERS = st.none() | st.floats(-1e6, 1e6).map(lambda x: round(x, 2)) | st.just(float("nan"))


def batch(**columns):
    return pa.record_batch(columns)


def naive_key(value, descending):
    """Sort key of one value: what is missing comes last."""
    missing = value is None or value != value
    return (missing, 0 if missing else -value if descending else value)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12), st.booleans(), st.booleans())
def test_ranks_sort_as_the_values_do(rows, down_a, down_b):
    table = batch(a=pa.array([r[0] for r in rows], pa.float64()), b=pa.array([r[1] for r in rows], pa.float64()))
    ranks = keep.ranks(table, ["-a" if down_a else "a", "-b" if down_b else "b"])
    expected = sorted(range(len(rows)), key=lambda i: (naive_key(rows[i][0], down_a), naive_key(rows[i][1], down_b)))
    assert np.lexsort(ranks.T[::-1]).tolist() == expected
    data = keep.as_binary(ranks)
    assert (keep.from_binary(data) == ranks).all()
    assert sorted(range(len(rows)), key=lambda i: data[i].as_py()) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([3, -1, None, 2]), [1, 3, 0, 2]),
        (pa.array([1.5, -0.0, 0.0, float("nan"), -2.0]), [4, 1, 2, 0, 3]),
        (pa.array([True, False, None]), [1, 0, 2]),
        (pa.array([2**64 - 2, 0, None], pa.uint64()), [1, 0, 2]),
        (pa.array([datetime(2024, 1, 2, tzinfo=UTC), datetime(1960, 1, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC")), [1, 0, 2]),
    ],
)
def test_every_kind_of_number(values, expected):
    table = batch(x=values)
    assert np.argsort(keep.ranks(table, ["x"])[:, 0], kind="stable").tolist() == expected
    assert np.argsort(keep.packed(table, ["x"]), kind="stable").tolist() == expected


def test_packed_keeps_the_order_of_several_columns():
    table = batch(a=pa.array([2, 1, 1, None]), b=pa.array([0.25, 0.5, 0.75, 1.0]), text=pa.array(["", "ab", "é", None]))
    assert np.argsort(keep.packed(table, ["a", "-b"])).tolist() == [2, 1, 0, 3]
    assert np.argsort(keep.packed(table, ["-bytes", "b", "a"])).tolist() == [1, 2, 0, 3]
    assert keep.packed(table, []).tolist() == [0, 0, 0, 0]


def test_columns_that_are_read():
    assert keep.columns(["-bytes", "-quality__score", "fetched_at"]) == ("text", "quality__score", "fetched_at")


def test_a_column_of_text_is_refused():
    with pytest.raises(
        RecipeError, match="keep: expected a column of numbers, booleans or times, got url of type string; name another column"
    ):
        keep.ranks(batch(url=pa.array(["x"])), ["url"])


@pytest.mark.parametrize("names", [["a", "-a"], ["-"], [""], ["id"]])
def test_bad_keep_lists(names):
    with pytest.raises(ValueError, match="keep: expected distinct column names, `-` before those where more is better, got"):
        keep.check(names)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=30), st.integers(1, 7))
def test_groups_in_tables_of_any_size(rows, table_rows):
    """Winners and sizes of groups, by hand; rows are (group, rank)."""
    rows = sorted((group, rank, i) for i, (group, rank) in enumerate(rows))
    order = np.random.RandomState(len(rows)).permutation(len(rows))  # within a group, ids say nothing about ranks
    rows = sorted((group, int(order[i]), rank) for group, rank, i in rows)
    table = pa.table(
        {
            "key": pa.array([r[0] for r in rows], pa.uint64()),
            "sub": pa.array([0] * len(rows), pa.uint64()),
            "id": pa.array([r[1].to_bytes(16, "big") for r in rows], pa.binary(16)),
            "at": pa.array([r[1] for r in rows], pa.uint64()),
            "rank": pa.array([r[2] for r in rows], pa.int64()),
        }
    )
    pieces = [table.slice(start, table_rows) for start in range(0, len(rows), table_rows)]
    found = list(keep.winners(pieces, ["rank"]))
    out = pa.concat_tables(found).sort_by([("key", "ascending"), ("sub", "ascending")]) if found else table.slice(0, 0)
    groups = {g: [r for r in rows if r[0] == g] for g, _, _ in rows}
    expected = {
        r[1]: (min((x[2], x[1]) for x in members)[1], len(members)) for members in groups.values() if len(members) > 1 for r in members
    }
    told = {}
    for members, winner, stays in keep.told(out.slice(start, table_rows) for start in range(0, out.num_rows, table_rows)):
        for at, best, num, stay in zip(members["at"].to_pylist(), winner["at"].to_pylist(), winner["num"].to_pylist(), stays, strict=True):
            assert at not in told
            assert stay == (at == best)
            told[at] = (best, num)
    assert told == expected
