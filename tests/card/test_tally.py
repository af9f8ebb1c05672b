"""Exact counts, whatever the batches."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.card import tally as module
from curate.card.tally import Tally

SHARES = ((0, 1), (1, 4), (1, 2), (99, 100), (1, 1))
words = st.lists(st.lists(st.one_of(st.none(), st.sampled_from(["", "a", "b", "ß", "c d", "e"])), max_size=20), max_size=6)
numbers = st.lists(st.lists(st.integers(0, 12), max_size=20), max_size=6)


def filled(batches, dtype):
    counts = Tally()
    for batch in batches:
        counts.add(pa.array(batch, dtype))
    return counts


@given(words, st.integers(1, 7))
def test_counts_are_those_of_a_counter(batches, limit):
    counts = filled(batches, pa.string())
    every = [value for batch in batches for value in batch]
    slow = Counter(value for value in every if value is not None)
    ordered = sorted(slow.items(), key=lambda item: (-item[1], item[0].encode()))
    assert counts.top() == ordered
    assert counts.top(limit) == ordered[:limit]
    assert (counts.distinct, counts.total, counts.missing) == (len(slow), sum(slow.values()), len(every) - sum(slow.values()))
    assert counts.largest == max(slow.values(), default=0)


@given(numbers)
def test_quantiles_are_those_of_the_sorted_list(batches):
    counts = filled(batches, pa.int64())
    ordered = sorted(value for batch in batches for value in batch)
    if not ordered:
        assert counts.quantiles(SHARES) == []
        return
    places = [max(1, -(-len(ordered) * part // whole)) - 1 for part, whole in SHARES]
    assert counts.quantiles(SHARES) == [ordered[place] for place in places]
    assert counts.sum == sum(ordered)


@settings(max_examples=20)
@given(numbers)
def test_adding_up_early_changes_nothing(batches):
    late = filled(batches, pa.int64())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MERGE_ROWS", 2)
        early = filled(batches, pa.int64())
        assert len(early._held) <= max(1, len(batches))
    assert early.top() == late.top()


def test_ids_can_be_counted():
    ids = [bytes([n % 3]) * 16 for n in range(10)]
    counts = filled([ids[:5], ids[5:]], pa.binary(16))
    assert (counts.distinct, counts.largest) == (3, 4)


@given(numbers)
def test_weights_are_added_up_by_value(batches):
    counts, slow, seen = Tally(("bytes", "tokens")), Counter(), 0
    for batch in batches:
        weights = np.arange(seen, seen + len(batch), dtype=np.int64)
        seen += len(batch)
        counts.add(pa.array([None if value == 3 else value for value in batch], pa.int64()), bytes=weights, tokens=2 * weights)
        for value, weight in zip(batch, weights.tolist(), strict=True):
            slow[value] += weight
    slow.pop(3, None)
    assert {row["value"]: row["bytes"] for row in counts.rows()} == dict(slow)
    assert [(row["value"], row["tokens"]) for row in counts.rows(2, by="bytes")] == [
        (value, 2 * weight) for value, weight in sorted(slow.items(), key=lambda item: (-item[1], item[0]))[:2]
    ]
