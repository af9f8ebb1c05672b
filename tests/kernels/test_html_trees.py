"""Trees, the logistic function and the cut against their plain definitions."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels import html_tables as ht
from curate.kernels.html_trees import BINS, ONE, UNIT, cut, judge, logistic
from curate.web import main_text


@given(st.floats(-40, 40))
def test_logistic_is_the_logistic_function(x):
    assert logistic(x) == pytest.approx(ONE / (1 + math.exp(-x)), abs=0.5 + 1e-6)


def test_trees_decide_as_a_walk_over_the_file():
    """The shipped trees on random rows, among them the thresholds themselves."""
    stage = json.loads(main_text.MODEL.read_text(encoding="utf-8"))["experts"][0]["stages"][0]
    thresholds = [threshold for tree in stage for threshold in tree["threshold"]]
    rng = np.random.default_rng(0)
    made = rng.choice(thresholds, size=(40, 400)).astype(np.float32)
    p = np.zeros(40, np.int64)
    chosen = np.ones(40, np.uint8)
    chosen[7] = 0
    judge(made, chosen, *main_text.load().articles.first, p)
    for row in range(40):
        total = 0
        for tree in stage:
            node = 0
            while node >= 0:
                left = made[row, tree["feature"][node]] <= np.float32(tree["threshold"][node])
                node = tree["left" if left else "right"][node]
            total += round(tree["value"][~node] * UNIT)
        assert p[row] == (0 if row == 7 else logistic(total / UNIT))


@given(st.lists(st.tuples(st.integers(0, ONE), st.integers(1, 500)), min_size=1, max_size=30))
def test_the_cut_has_the_best_expected_f1(blocks):
    pages = np.zeros(1, ht.SCANNED)
    page = pages[0]
    page["state"][ht.NUM_BLOCKS] = len(blocks)
    page["blocks"][: len(blocks), ht.UNITS] = [units for _, units in blocks]
    p = np.array([probability for probability, _ in blocks], np.int64)
    total = sum(probability * units for probability, units in blocks) / ONE

    def expected(level):
        kept = [(q, units) for q, units in blocks if q * BINS // ONE >= level]
        mass = sum(units for _, units in kept)
        return 2 * sum(q * units for q, units in kept) / ONE / (mass + total) if kept else 0.0

    best = max(expected(level) for level in range(BINS + 1))
    threshold, told = cut(page, p, 1.0, 0, ONE)
    assert told == pytest.approx(best * ONE, abs=0.6)
    assert threshold == pytest.approx(best / 2 * ONE, abs=0.6)
    assert cut(page, p, 1.0, ONE, ONE)[0] == ONE
