"""What a mixture asks of each group, and which documents give it."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import RecipeError
from curate.shards.mixture import Mixture, Rule, Wanted, groups_of, targets


def asked(**other):
    return Wanted(by="source", **other)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (asked(), {"a": 100, "b": 300}),
        (asked(weights={"a": 1, "b": 1}), {"a": 200, "b": 200}),
        (asked(weights={"a": 3, "*": 1}), {"a": 300, "b": 100}),
        (asked(weights={"a": 1, "*": 0}), {"a": 400, "b": 0}),
        (asked(weights={"a": 9, "b": 1}, max_repeats=2), {"a": 200, "b": 200}),  # what a cannot give, b does
        (asked(weights={"a": 1, "b": 1}, caps={"a": 50}), {"a": 50, "b": 350}),
        (asked(weights={"a": 1, "b": 1}, tokens=40), {"a": 20, "b": 20}),
        (asked(repeats={"a": 2.5}), {"a": 250, "b": 150}),
        (asked(repeats={"a": 0}, tokens=300), {"a": 0, "b": 300}),
        (asked(temperature=1), {"a": 100, "b": 300}),
        (asked(temperature=1e9, tokens=200), {"a": 100, "b": 100}),
        (asked(weights={"a": 1, "b": 1}, max_repeats=1, tokens=10_000), {"a": 100, "b": 300}),
    ],
)
def test_targets(wanted, expected):
    assert targets(wanted, {"a": 100, "b": 300}) == expected


def test_a_group_that_nobody_weighed_is_named():
    with pytest.raises(RecipeError, match=r"mix.weights: expected a weight for each group of source, got none for 'b'; add it, or"):
        targets(asked(weights={"a": 1}), {"a": 1, "b": 2})
    assert targets(asked(weights={"a": 1}), {}) == {}


@given(
    available=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10_000)),
    weights=st.lists(st.integers(0, 9), min_size=6, max_size=6),
    max_repeats=st.integers(1, 5),
    tokens=st.integers(1, 50_000),
)
def test_targets_never_pass_what_there_is(available, weights, max_repeats, tokens):
    by_name = dict(zip("abcdef", weights, strict=True))
    found = targets(asked(weights=by_name, max_repeats=max_repeats, tokens=tokens), available)
    assert set(found) == set(available)
    assert all(0 <= count <= max_repeats * available[name] for name, count in found.items())
    assert sum(found.values()) <= tokens
    able = sum(max_repeats * count for name, count in available.items() if by_name[name])
    assert sum(found.values()) >= min(tokens, able) - len(available)  # nothing is left on the table but fractions


def test_groups_of_words_and_of_numbers():
    assert groups_of(pa.array(["x", None]), ()).to_pylist() == ["x", "none"]
    assert groups_of(pa.array([0.1, 0.2, 0.5, 9.0, None]), (0.2, 0.5)).to_pylist() == ["<0.2", "0.2..0.5", ">=0.5", ">=0.5", "none"]
    with pytest.raises(RecipeError, match=r"mix.edges: expected a column of numbers, got string; leave out `edges`"):
        groups_of(pa.array(["x"]), (0.5,))


def test_held_out_documents_come_once_and_rules_are_by_group():
    rng = np.random.default_rng(0)
    n = 2000
    ids = pa.array([rng.bytes(16) for _ in range(n)], pa.binary(16))
    groups = np.where(np.arange(n) % 2, "half", "twice")
    split = (np.arange(n) % 10 == 0).astype(np.uint8)
    rows = pa.table({"id": ids, "group": pa.array(groups), "split": pa.array(split)})
    repeats = Mixture(0, {"half": Rule(0, 1 << 63), "twice": Rule(2, 0)}).repeats(rows)
    assert (repeats[split == 1] == 1).all()
    assert (repeats[(groups == "twice") & (split == 0)] == 2).all()
    half = repeats[(groups == "half") & (split == 0)]
    assert set(half) == {0, 1}
    assert 0.4 < half.mean() < 0.6
    assert (Mixture(0, {"half": Rule(0, 1 << 64), "twice": Rule(0, 0)}).repeats(rows)[(groups == "half") & (split == 0)] == 1).all()
