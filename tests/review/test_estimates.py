"""Estimates against published numbers, brute force and simulation."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.review.estimates import alpha, bradley_terry, stratified, wilson


@pytest.mark.parametrize(
    ("right", "labelled", "low", "high"),
    [
        (8, 10, 0.490, 0.943),
        (0, 10, 0.0, 0.278),
        (59, 59, 0.939, 1.0),
        (50, 100, 0.404, 0.596),
    ],  # R: prop.test(correct=FALSE), binom.wilson
)
def test_wilson_as_published(right, labelled, low, high):
    assert wilson(right, labelled) == pytest.approx((low, high), abs=5e-4)


@given(st.integers(0, 50), st.integers(1, 50))
def test_wilson_holds_the_share_and_mirrors(right, more):
    labelled = right + more
    low, high = wilson(right, labelled)
    assert 0 <= low <= right / labelled <= high <= 1
    assert wilson(labelled - right, labelled) == pytest.approx((1 - high, 1 - low))


def test_nothing_labelled_says_nothing():
    assert wilson(0, 0) == (0.0, 1.0)
    assert stratified([(100, 0, 0)]) is None
    assert alpha([]) is None
    assert bradley_terry([]) == []


def test_strata_weigh_by_their_documents():
    share, low, high = stratified([(900, 9, 10), (100, 0, 10)])
    assert share == pytest.approx(0.81)
    assert low < 0.81 < high
    assert stratified([(10, 10, 10)])[1:] == pytest.approx((1.0, 1.0))


def test_strata_hold_the_truth_about_as_often_as_they_say():
    rng = random.Random(1)
    strata = [(5000, 0.9), (2000, 0.6), (500, 0.3)]
    truth = sum(size * share for size, share in strata) / 7500
    held = 0
    for _ in range(400):
        drawn = [(size, sum(rng.random() < share for _ in range(40)), 40) for size, share in strata]
        _, low, high = stratified(drawn)
        held += low <= truth <= high
    assert held >= 0.92 * 400


# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C: four observers, twelve units, missing values; nominal 0.743
PUBLISHED = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""


def test_alpha_as_published():
    rows = [line.split() for line in PUBLISHED.strip().splitlines()]
    ratings = [(str(unit), value) for row in rows for unit, value in enumerate(row) if value != "."]
    found = alpha(ratings)
    assert found["alpha"] == pytest.approx(0.743, abs=5e-4)
    assert found["units"] == 11
    assert found["interval"][0] < 0.743 < found["interval"][1]


def test_alpha_of_one_voice_of_chance_and_of_one_category():
    assert alpha([(str(n), "ab"[n % 2]) for n in range(20) for _ in range(2)])["alpha"] == 1
    rng = random.Random(2)
    assert abs(alpha([(str(n), rng.choice("ab")) for n in range(4000) for _ in range(2)])["alpha"]) < 0.05
    assert alpha([("u", "a"), ("u", "a")])["alpha"] is None


def likelihood(strengths, games):
    total = sum(math.log(1 / (1 + math.exp(-s))) * 0.5 + math.log(1 / (1 + math.exp(s))) * 0.5 for s in strengths.values())
    for a, b, share in games:
        apart = strengths[a] - strengths[b]
        total += share * -math.log1p(math.exp(-apart)) + (1 - share) * -math.log1p(math.exp(apart))
    return total


def test_scores_are_where_the_likelihood_is_highest():
    games = [("x", "y", 1.0)] * 7 + [("x", "y", 0.0)] * 3 + [("y", "z", 1.0)] * 4 + [("y", "z", 0.5)] * 2 + [("x", "z", 1.0)] * 5
    found = {one["model"]: one["score"] / (400 / math.log(10)) for one in bradley_terry(games)}
    best = max(likelihood({k: v + shift for k, v in found.items()}, games) for shift in [n / 100 for n in range(-100, 101)])
    for name, step in itertools.product(found, (-0.05, 0.05)):
        for shift in [n / 100 for n in range(-100, 101)]:
            moved = {k: v + shift + (step if k == name else 0) for k, v in found.items()}
            assert likelihood(moved, games) <= best + 1e-4


def test_scores_find_the_strengths_that_games_were_drawn_with():
    rng = random.Random(3)
    true = {"a": 1.0, "b": 0.3, "c": -0.4, "d": -0.9}
    games = []
    for _ in range(6000):
        x, y = sorted(rng.sample(sorted(true), 2))
        games.append((x, y, float(rng.random() < 1 / (1 + math.exp(true[y] - true[x])))))
    found = bradley_terry(games)
    assert [one["model"] for one in found] == ["a", "b", "c", "d"]
    for one in found:
        assert one["interval"][0] - 15 < true[one["model"]] * 400 / math.log(10) < one["interval"][1] + 15


def test_who_wins_all_has_a_score_too():
    found = bradley_terry([("a", "b", 1.0)] * 5)
    assert found[0]["model"] == "a"
    assert all(math.isfinite(one["score"]) for one in found)
    assert found[0]["wins"] == 5
