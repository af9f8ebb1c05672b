"""Trees, the logistic function and the cut against their plain definitions."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels import html_tables as ht
from curate.kernels.html_bytes import LANES, OF_BLOCKS, SCALES, WIDTH, packed
from curate.kernels.html_forest import UNIT, judge
from curate.kernels.html_names import NUM_FEATURES
from curate.kernels.html_trees import BINS, ONE, cut, logistic
from curate.web import main_text


@given(st.floats(-40, 40))
def test_logistic_is_the_logistic_function(x):
    assert logistic(x) == pytest.approx(ONE / (1 + math.exp(-x)), abs=0.5 + 1e-6)


def test_trees_decide_as_a_walk_over_the_file():
    """The shipped trees on random rows of bytes, among them many that equal a bound."""
    stage = json.loads(main_text.MODEL.read_text(encoding="utf-8"))["experts"][0]["stages"][0]
    rng, rows = np.random.default_rng(0), LANES + 8
    made = rng.choice([bound for tree in stage for bound in tree["bound"]], size=(rows, WIDTH)).astype(np.uint8)
    p, chosen = np.zeros(rows, np.int64), np.delete(np.arange(rows, dtype=np.int32), 7)
    judge(made, chosen, *main_text.load().articles.first, p)
    for row in range(rows):
        total = 0
        for tree in stage:
            node = 0
            while node >= 0:
                left = made[row, tree["feature"][node]] <= tree["bound"][node]
                node = tree["left" if left else "right"][node]
            total += tree["value"][~node]
        assert p[row] == (0 if row == 7 else logistic(total / UNIT))


@pytest.mark.parametrize("rows", [1, LANES - 1, LANES, 2 * LANES + 1])
def test_features_as_bytes(rows):
    """Each part of the features, against the definition on whole arrays."""
    rng, width = np.random.default_rng(rows), len(OF_BLOCKS[0])
    made = (10.0 ** rng.uniform(-6, 6, (rows, width)) * rng.choice([1, 1, -1, 0], (rows, width))).astype(np.float32)
    cells = np.zeros((rows, width), np.uint8)
    packed(made, rows, 0, NUM_FEATURES, *OF_BLOCKS, cells)
    made[:, :NUM_FEATURES], told = -1, made[:, :NUM_FEATURES].copy()  # what stands before is left alone
    packed(made, rows, NUM_FEATURES, width, *OF_BLOCKS, cells)
    made[:, :NUM_FEATURES] = told
    factor, summand, dropped, least, zero = OF_BLOCKS
    bits = (made * factor + summand).view(np.int32)
    size = np.maximum(((bits & 0x7FFFFFFF) >> dropped) - least, 0)
    assert np.array_equal(cells, np.clip(zero + np.where(bits < 0, -size, size), 0, 255))


def test_bytes_keep_the_order_of_what_they_stand_for():
    counts = np.unique(np.r_[np.arange(2000), np.geomspace(2000, 1e6, 500)]).astype(np.float32)
    for kind, values, exact in (("count", counts, 32), ("signed", np.r_[-counts[::-1], counts], 16), ("tag", counts[:256], 256)):
        row = [np.array([number], np.float32 if at < 2 else np.int32).repeat(LANES) for at, number in enumerate(SCALES[kind])]
        cells = np.zeros((len(values), LANES), np.uint8)
        packed(np.repeat(values[:, None], LANES, 1), len(values), 0, LANES, *row, cells)
        found = cells[:, 0].astype(int)
        assert (np.diff(found) >= 0).all()
        assert len(set(found[np.abs(values) < exact])) == np.sum(np.abs(values) < exact) - (kind == "signed")


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
