"""Records read twice."""

import numpy as np
import pyarrow as pa
from barrier_runner import Cut, kept, run

from curate.barrier import load
from curate.schema import ORIGIN

SAME_RECORD = load("same_record")


def documents(rows):
    """A table of (id number, container, offset)."""
    return pa.table(
        {
            "id": pa.array([n.to_bytes(16, "big") for n, _, _ in rows], pa.binary(16)),
            "origin": pa.array([{"container": c, "offset": o, "length": 1} for _, c, o in rows], ORIGIN),
        }
    )


def law_case():
    """Documents of which many are read two or three times, for the laws."""
    rs = np.random.RandomState(3)
    rows = {
        (int(n), f"part-{c}", int(o)) for n, c, o in zip(rs.randint(0, 60, 120), rs.randint(0, 4, 120), rs.randint(0, 50, 120), strict=True)
    }
    return SAME_RECORD.config(), documents(sorted(rows)[:110])


def test_the_first_place_stays():
    table = documents([(1, "b", 0), (1, "a", 9), (2, "z", 5), (1, "a", 80), (1, "ab", 1)])
    marked = run(SAME_RECORD, SAME_RECORD.config(), table, step="read")
    assert kept(marked, "read").tolist() == [False, True, True, False, False]
    assert marked["read__drop"].to_pylist() == ["same_record", None, None, "same_record", "same_record"]
    assert marked["read__value"].to_pylist() == ["a@9", None, None, "a@9", "a@9"]
    assert marked["read__threshold"].null_count == 5


def test_offsets_are_numbers_and_missing_places_come_last():
    marked = run(
        SAME_RECORD,
        SAME_RECORD.config(),
        documents([(1, "a", 10), (1, "a", 9), (2, "a", None), (2, "a", 3), (3, None, None), (3, None, None)]),
    )
    assert kept(marked, "same_record").tolist()[:4] == [False, True, False, True]
    assert kept(marked, "same_record")[4:].sum() == 1
    assert set(marked["same_record__value"].to_pylist()) == {None, "a@9", "a@3", "@"}


def test_one_file_given_twice_counts_once():
    table = documents([(n, "a", n) for n in range(50)] * 2)
    for cut in (Cut(), Cut(parts=3, ranges=7, table_rows=3, seed=1)):
        marked = run(SAME_RECORD, SAME_RECORD.config(), table, cut)
        stays = kept(marked, "same_record")
        assert sorted(marked["id"].take(pa.array(np.flatnonzero(stays))).to_pylist()) == sorted(table["id"].to_pylist()[:50])


def test_ids_that_differ_in_their_second_half_are_different():
    marked = run(SAME_RECORD, SAME_RECORD.config(), documents([(2, "a", 0), (2 << 64, "a", 1), ((2 << 64) + 4, "a", 2)]))
    assert kept(marked, "same_record").all()
