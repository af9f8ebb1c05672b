"""A page of bytes to its main text: scanner, features, trees, the cut, the text; one call a page.

A page is judged first: is it an article, or a list, a shop, a forum? Two models of two stages each were trained, on all pages and on
articles; they are weighted by the probability that the page is an article. Parts: `html_scan.py`, `html_features.py`, `html_trees.py`, `html_emit.py`.
Price: see tests/bench/bench_markup.py.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from curate.kernels import html_tables as ht
from curate.kernels.html_elements import INHERITED, LANDMARK, NAMES_OF_INHERITED
from curate.kernels.html_emit import PLACE_COLUMNS, decided, emit, places
from curate.kernels.html_features import features
from curate.kernels.html_names import INHERITED_AT, NAMES, NUM_ANCESTORS, NUM_FEATURES, NUM_SUMS, PAGE_AT, S_UNITS
from curate.kernels.html_scan import scan
from curate.kernels.html_trees import NUM_CONTEXT, ONE, context, cut, judge

NAMES_OF_KIND = [*NAMES[PAGE_AT:], *(f"mean_{name}" for name in NAMES_OF_INHERITED[LANDMARK:])]
"""What tells the kind of a page: its features as a page, and means by words of what its blocks inherit."""


class Trees(NamedTuple):
    """Boosted trees, each a full one of DEPTH levels (`html_trees.judge`): feature int16, threshold float32, value int32 by tree and node."""

    feature: np.ndarray
    threshold: np.ndarray
    value: np.ndarray


class Expert(NamedTuple):
    """A model of the blocks: two stages of Trees, and its factor of the cut."""

    first: Trees
    second: Trees
    factor: float


class Found(NamedTuple):
    """text uint8; starts int64[blocks]: where each block begins in it, -1 where it was left out; expected F1, threshold and probability
    of an article, of ONE; units of all blocks and of those kept."""

    text: np.ndarray
    starts: np.ndarray
    expected: int
    threshold: int
    article: int
    units: int
    kept: int


@njit(nogil=True, cache=True)
def kind_of(page, made):
    """float32[1, NAMES_OF_KIND]: the numbers that tell the kind of a page; made: its features."""
    own = NUM_FEATURES - PAGE_AT
    first = INHERITED_AT + LANDMARK
    told = np.zeros((1, own + INHERITED - LANDMARK), np.float32)
    told[0, :own] = made[0, PAGE_AT:NUM_FEATURES]
    for at in range(INHERITED - LANDMARK):
        total, weight = 0.0, 0.0
        for b in range(page.state[ht.NUM_BLOCKS]):
            units = np.float64(page.blocks[b, ht.UNITS])
            total += np.float64(made[b, first + at]) * units
            weight += units
        told[0, own + at] = np.float32(total / max(weight, 1.0))
    return told


@njit(nogil=True, cache=True)
def _judged(trees, made, chosen, p):
    judge(made, chosen, trees.feature, trees.threshold, trees.value, p)


@njit(nogil=True, cache=True)
def _staged(page, expert, gate, sums, above, groups, count, sections, made, chosen, p):
    """p of an expert's two stages; blocks that are not chosen keep theirs, those under `gate` after the first stage what it said."""
    _judged(expert.first, made, chosen, p)
    context(page, p, sums, above, groups, count, sections, made)
    for b in range(len(p)):
        chosen[b] = p[b] >= gate
    _judged(expert.second, made, chosen, p)


@njit(nogil=True, cache=True)
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
    p, chosen, article = np.zeros(n, np.int64), np.ones(n, np.uint8), np.zeros(1, np.int64)
    _judged(kind, kind_of(page, made), chosen, article)
    _staged(page, others, gate, sums, above, groups, count, sections, made, chosen, p)
    if article[0] >= prose:
        both = p.copy()
        for b in range(n):
            chosen[b] = 2 * p[b] >= gate
        _staged(page, articles, gate, sums, above, groups, count, sections, made, chosen, both)
        for b in range(n):
            p[b] += (both[b] - p[b]) * article[0] // ONE
    return p, article[0]


@njit(nogil=True, cache=True)
def read(pages, data, out, kind, scores, articles, others, prose, gate, least, most, strictness, main_only, markdown, open_noscript):
    """The text of one page. pages: SCANNED[1], used anew; data uint8[n], valid UTF-8; out uint8[≥ 2n + 64]; kind: Trees; scores: of tokens; articles,
    others: Expert; prose, gate: see `probabilities`; least, most: see `html_trees.cut`; strictness multiplies the experts'
    factors; main_only off keeps every block."""
    page = pages[0]
    scan(page, data, out, open_noscript)
    n = page.state[ht.NUM_BLOCKS]
    starts = np.full(n, -1, np.int64)
    if n == 0:
        return Found(np.empty(0, np.uint8), starts, 0, 0, 0, 0, 0)
    sums = np.zeros((NUM_SUMS, n + 1), np.int64)
    keep = np.ones(n, np.bool_)
    place = np.empty((page.state[ht.NUM_ELEMENTS], PLACE_COLUMNS), np.int32)
    threshold = expected = article = np.int64(0)
    if main_only:
        p, article = probabilities(page, data, out, kind, scores, articles, others, prose, gate, sums)
        factor = articles.factor if article >= prose else others.factor
        threshold, expected = cut(page, p, factor * strictness, least, most)
        places(page, sums[S_UNITS], place)
        decided(page, p, threshold, sums[S_UNITS], place, keep)
    else:
        for b in range(n):
            sums[S_UNITS, b + 1] = sums[S_UNITS, b] + page.blocks[b, ht.UNITS]
        places(page, sums[S_UNITS], place)
    made = np.empty(3 * page.state[ht.OUT] + 64 * n + 8 * page.state[ht.NUM_ELEMENTS] + 64, np.uint8)
    size = emit(page, out, keep, place, markdown, made, starts)
    kept = np.int64(0)
    for b in range(n):
        kept += page.blocks[b, ht.UNITS] if keep[b] else 0
    return Found(made[:size].copy(), starts, expected, threshold, article, sums[S_UNITS, n], kept)
