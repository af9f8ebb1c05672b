"""Spreads of measures against sorted lists, samples that no cut of the rows moves, intervals that hold what they say."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.card import measures
from curate.card.folder import open_folder

some = st.lists(st.integers(-50, 50) | st.sampled_from([0, 1, 10**6]), min_size=1, max_size=300)


@pytest.fixture(scope="module")
def folder(finished):
    return open_folder(finished)


def rows_of(folder, rows):
    return [row for file in rows.files for row in pq.read_table(folder.store.full(file.path)).to_pylist()]


def test_every_measure_is_spread_as_its_rows(folder):
    made = measures.distributions(folder)
    kept, left = rows_of(folder, folder.documents), rows_of(folder, folder.removed)
    assert (made["documents"], made["sampled"]) == (len(kept) + len(left), None)
    score = next(one for one in made["measures"] if (one["step"], one["measure"]) == ("tongue", "score"))
    assert score["rules"] == [{"reason": "low_score", "rule": "score <= 0.5", "limit": 0.5}]
    for side, rows in (("kept", kept), ("removed", left)):
        values = sorted(row["tongue__score"] for row in rows if row["tongue__score"] is not None)
        assert score[side]["count"] == len(values) == sum(score["bins"][side])
        assert (score[side]["min"], score[side]["max"]) == (values[0], values[-1])
        assert score[side]["quantiles"]["p50"] == values[-(-len(values) // 2) - 1]
        assert "intervals" not in score[side]
        inner = [sum(low <= value < high for value in values) for low, high in zip(score["edges"], score["edges"][1:], strict=False)]
        assert score["bins"][side][1:-1] == inner[1:-1]
    assert {one["measure"] for one in made["measures"] if one["step"] == "license"} == {"confidence"}


def test_a_sample_is_the_same_for_every_cut_and_says_how_sure_it_is(folder):
    total = folder.documents.num_rows + folder.removed.num_rows
    made = measures.distributions(folder, sample=total // 2)
    ids = [row["id"] for row in rows_of(folder, folder.documents)]
    bound = measures.bound_of(total, total // 2)
    score = next(one for one in made["measures"] if one["measure"] == "score")
    assert score["kept"]["count"] == sum(int.from_bytes(one[:8], "big") < bound for one in ids)
    assert 0 < score["kept"]["count"] < len(ids)
    for name, (low, high) in score["kept"]["intervals"].items():
        assert low <= score["kept"]["quantiles"][name] <= high


@given(some)
def test_quantiles_are_those_of_the_sorted_list(values):
    ordered = np.sort(np.array(values))
    for share in measures.MARKS.values():
        at = measures.rank(len(ordered), share)
        assert (ordered <= ordered[at]).sum() >= share * len(ordered) - 1e-9
        assert (ordered[:at]).size < share * len(ordered) or at == 0


@given(some)
def test_bins_hold_every_value_once(values):
    ordered = np.sort(np.array(values))
    edges = measures.bin_edges(ordered)
    assert edges == sorted(set(edges))
    counts = measures.counts(ordered, edges)
    assert len(counts) == len(edges) - 1
    assert sum(counts) == len(values)


def test_a_long_tail_has_bins_that_grow():
    tail = np.sort(np.concatenate([np.zeros(3, int), np.arange(100), np.full(5, 30_000)]))
    assert measures.bin_edges(tail) == [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000]
    small = np.sort(np.concatenate([np.full(90, 0.0003), np.full(10, 0.9)]))
    assert measures.bin_edges(small) == [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]
    assert sum(measures.counts(tail, measures.bin_edges(tail))) == len(tail)


def test_intervals_hold_the_quantile_as_often_as_they_say():
    rng = np.random.default_rng(1)
    truth = np.quantile(np.arange(10_000), 0.9)
    held = 0
    for _ in range(400):
        low, high = measures.interval(np.sort(rng.choice(10_000, 500)), 0.9)
        held += low <= truth <= high
    assert 0.92 <= held / 400 <= 0.99


def test_all_documents_are_looked_at_where_they_are_few():
    assert measures.bound_of(10, 10) is None
    assert measures.bound_of(40, 10) == 1 << 62
