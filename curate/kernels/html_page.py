"""How probably each block of a scanned page is main text.

A page is judged first: is it an article, or a list, a shop, a forum? Two models of two stages each were trained, on all pages and on
articles; they are weighted by the probability that the page is an article. Parts: `html_features.py`, `html_bytes.py`, `html_forest.py`, `html_trees.py`.
Slow twin, from the features to the blocks that are kept: tests/naive_html_model.py.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from curate.kernels import html_tables as ht
from curate.kernels.html_bytes import LANES, OF_BLOCKS, packed, scales
from curate.kernels.html_elements import INHERITED, LANDMARK, NAMES_OF_INHERITED
from curate.kernels.html_features import features
from curate.kernels.html_forest import judge
from curate.kernels.html_names import INHERITED_AT, NAMES, NUM_ANCESTORS, NUM_FEATURES, PAGE_AT
from curate.kernels.html_trees import NUM_CONTEXT, ONE, context

NAMES_OF_KIND = [*NAMES[PAGE_AT:], *(f"mean_{name}" for name in NAMES_OF_INHERITED[LANDMARK:])]
"""What tells the kind of a page: its features as a page, and means by words of what its blocks inherit."""
OF_KIND = scales(NAMES_OF_KIND)


class Trees(NamedTuple):
    """Boosted trees, each a full one of DEPTH levels (`html_forest.judge`): offset int32, bound and value uint32 by tree and node."""

    offset: np.ndarray
    bound: np.ndarray
    value: np.ndarray


class Expert(NamedTuple):
    """A model of the blocks: two stages of Trees, and its factor of the cut."""

    first: Trees
    second: Trees
    factor: float


@njit(nogil=True, cache=True)
def kind_of(page, made):
    """float32[1, NAMES_OF_KIND]: the numbers that tell the kind of a page; made: its features."""
    own = NUM_FEATURES - PAGE_AT
    first = INHERITED_AT + LANDMARK
    told = np.zeros((1, own + INHERITED - LANDMARK), np.float32)
    told[0, :own] = made[0, PAGE_AT:NUM_FEATURES]
    totals, weight = np.zeros(INHERITED - LANDMARK, np.float64), 0.0
    for b in range(page.state[ht.NUM_BLOCKS]):
        units = np.float64(page.blocks[b, ht.UNITS])
        weight += units
        for at in range(INHERITED - LANDMARK):
            totals[at] += np.float64(made[b, first + at]) * units
    for at in range(INHERITED - LANDMARK):
        told[0, own + at] = np.float32(totals[at] / max(weight, 1.0))
    return told


@njit(nogil=True, cache=True)
def _lanes(made):
    """uint8[groups, features, LANES] of the same size."""
    return np.empty((-(-len(made) // LANES), made.shape[1], LANES), np.uint8)


@njit(nogil=True, cache=True)
def _judged(trees, lanes, chosen, p):
    judge(lanes, chosen, trees.offset, trees.bound, trees.value, p)


@njit(nogil=True, cache=True)
def _staged(page, expert, gate, sums, above, groups, count, sections, made, lanes, chosen, p):
    """p of an expert's two stages; blocks that are not chosen keep theirs, those under `gate` after the first stage what it said."""
    _judged(expert.first, lanes, chosen, p)
    context(page, p, sums, above, groups, count, sections, made)
    packed(made, len(p), NUM_FEATURES, NUM_FEATURES + NUM_CONTEXT, *OF_BLOCKS, lanes)
    for b in range(len(p)):
        chosen[b] = p[b] >= gate
    _judged(expert.second, lanes, chosen, p)


@njit(nogil=True, cache=True)
def article_of(page, kind, made):
    """Probability (of ONE) that the page is an article."""
    told, p = kind_of(page, made), np.zeros(1, np.int64)
    lanes = _lanes(told)
    packed(told, 1, 0, told.shape[1], *OF_KIND, lanes)
    _judged(kind, lanes, np.ones(1, np.uint8), p)
    return p[0]


@njit(nogil=True, cache=True, inline="always")
def probabilities(page, data, out, kind, scores, articles, others, prose, gate, sums):
    """(p int64[blocks], of ONE; probability of an article, of ONE).

    From `prose` on the articles' model is asked as well, and what it says has the weight of that probability. Blocks under `gate` after the first
    stage keep what it said; of those that the model of all pages puts under half of it the other is not asked. scores: float32[65536] by
    token. Fills sums int64[7, blocks + 1].
    """
    n = page.state[ht.NUM_BLOCKS]
    made = np.empty((n, NUM_FEATURES + NUM_CONTEXT), np.float32)
    above = np.empty((n, NUM_ANCESTORS), np.int32)
    groups, sections = np.empty(n, np.int32), np.empty(n, np.int32)
    count = features(page, data, out, scores, made, sums, above, groups, sections)
    p, chosen, lanes = np.zeros(n, np.int64), np.ones(n, np.uint8), _lanes(made)
    packed(made, n, 0, NUM_FEATURES, *OF_BLOCKS, lanes)
    article = article_of(page, kind, made)
    _staged(page, others, gate, sums, above, groups, count, sections, made, lanes, chosen, p)
    if article >= prose:
        both = p.copy()
        for b in range(n):
            chosen[b] = 2 * p[b] >= gate
        _staged(page, articles, gate, sums, above, groups, count, sections, made, lanes, chosen, both)
        for b in range(n):
            p[b] += (both[b] - p[b]) * article // ONE
    return p, article
