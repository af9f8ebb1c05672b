"""Pairs out of buckets, and the greedy choice, against their twins."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from naive_dedup import greedy, partners

from curate.kernels import graph


@given(st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_pairs_of_whole_buckets(sizes):
    key = np.repeat(np.arange(len(sizes)), sizes).astype(np.uint64)
    place = np.zeros(len(key), dtype=np.int64)
    graph.places(key, place, 0)
    assert place.tolist() == [p for size in sizes for p in range(size)]
    left, right = (np.empty(graph.ALL_PAIRS * len(key), dtype=np.int64) for _ in range(2))
    count = graph.bucket_pairs(key, place, 0, left, right)
    starts = np.cumsum([0, *sizes])
    expected = {(starts[k] + q, starts[k] + p) for k, size in enumerate(sizes) for p in range(size) for q in partners(p)}
    found = list(zip(left[:count].tolist(), right[:count].tolist(), strict=True))
    assert set(found) == expected
    assert len(found) == len(expected)


def test_the_rules_of_the_twin_are_those_of_the_kernel():
    assert partners.__defaults__ == (graph.ALL_PAIRS, graph.NUM_HUBS, graph.NUM_NEIGHBOURS)


@given(st.integers(1, 9), st.data())
def test_greedy(num, data):
    edges = data.draw(
        st.lists(st.tuples(st.integers(0, num - 1), st.integers(0, num - 1)).filter(lambda e: e[0] < e[1]), max_size=20, unique=True)
    )
    names = data.draw(st.permutations(range(num)))  # so that numbers say nothing about ranks
    edges = sorted((names[a], names[b]) for a, b in edges)
    gone = np.array(data.draw(st.lists(st.booleans(), min_size=num, max_size=num)))
    expected = greedy(num, edges, np.flatnonzero(gone).tolist())
    first = np.searchsorted([a for a, _ in edges], np.arange(num + 1)).astype(np.int64)
    assert graph.greedy(first, np.array([b for _, b in edges], dtype=np.int64), gone) == num
    assert set(np.flatnonzero(gone).tolist()) == expected
