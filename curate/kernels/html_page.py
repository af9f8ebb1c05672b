"""How probably each block of a scanned page is main text.

A page is judged first: is it an article, or a list, a shop, a forum? Two models of two stages each were trained, on all pages and on
articles; they are weighted by the probability that the page is an article. Trees judge the blocks of many pages at once (`html_batch.py`). Parts:
`html_features.py`, `html_bytes.py`, `html_forest.py`, `html_trees.py`. Slow twin, from the features to the blocks that are kept: tests/naive_html_model.py.
"""

from typing import NamedTuple

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit
from curate.kernels.html_batch import ARTICLE, GROUPS, ROW, moved
from curate.kernels.html_bytes import OF_BLOCKS, WIDTH, packed, scales
from curate.kernels.html_elements import INHERITED, LANDMARK, NAMES_OF_INHERITED
from curate.kernels.html_features import features
from curate.kernels.html_forest import judge
from curate.kernels.html_names import INHERITED_AT, NAMES, NUM_FEATURES, NUM_SUMS, PAGE_AT, S_UNITS
from curate.kernels.html_trees import ONE, context

NAMES_OF_KIND = [*NAMES[PAGE_AT:], *(f"mean_{name}" for name in NAMES_OF_INHERITED[LANDMARK:])]
"""What tells the kind of a page: its features as a page, and means by words of what its blocks inherit."""
NUM_KINDS = len(NAMES_OF_KIND)
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


@njit(nogil=True, cache=True, inline="always")
def described(page, data, out, scores, k, held):
    """Notes page k of a batch, which has at least one block, as rows of bytes. scores: float32[65536] by token."""
    first = held.places[k, ROW]
    last = first + page.state[ht.NUM_BLOCKS]
    made, sums = np.empty((last - first, WIDTH), np.float32), np.empty((NUM_SUMS, last - first + 1), np.int64)
    above, groups, sections = held.above[first:last], held.groups[first:last], held.sections[first:last]
    held.places[k, GROUPS] = features(page, data, out, scores, made, sums, above, groups, sections)
    held.units[first + k : last + k + 1] = sums[S_UNITS]
    packed(made, last - first, 0, NUM_FEATURES, *OF_BLOCKS, held.cells[first:last])
    packed(kind_of(page, made), 1, 0, held.kinds.shape[1], *OF_KIND, held.kinds[k : k + 1])


@njit(nogil=True, cache=True, inline="always")
def _surrounded(page, held, space, pages, least, gate, p, rows):
    """After the first stage: fills the context of the blocks of pages that are articles with a probability of `least`, and rows with those of their blocks
    from `gate` on; returns how many."""
    size, places = 0, held.places
    for k in range(pages):
        first, last = places[k, ROW], places[k + 1, ROW]
        if first == last or places[k, ARTICLE] < least:
            continue
        if pages > 1:
            moved(page, k, held, space, True)
        made, sums = np.empty((last - first, WIDTH), np.float32), held.units[first + k : last + k + 1].reshape(1, -1)
        above, groups, sections = held.above[first:last], held.groups[first:last], held.sections[first:last]
        context(page, p[first:last], sums, above, groups, places[k, GROUPS], sections, made)
        packed(made, last - first, NUM_FEATURES, WIDTH, *OF_BLOCKS, held.cells[first:last])
        for b in range(first, last):
            if p[b] >= gate:
                rows[size] = b
                size += 1
    return size


@njit(nogil=True, cache=True, inline="always")
def probabilities(page, held, space, pages, model):
    """p int64[blocks], of ONE, of a batch of so many pages, and in held.places of each how probably it is an article.

    From `prose` on the articles' model is asked as well, and what it says has the weight of that probability times `share`. Blocks under `gate` after the first
    stage keep what it said; of those that the model of all pages puts under half of it the other is not asked. model: `main_text.Model`.
    """
    places, size = held.places, held.places[pages, ROW]
    rows, kinds = np.empty(max(size, pages), np.int32), np.zeros(pages, np.int64)
    p, said, least = np.zeros(size, np.int64), np.zeros(size, np.int64), np.int64(0)
    for b in range(len(rows)):
        rows[b] = b
    judge(held.kinds, rows[:pages], model.kind.offset, model.kind.bound, model.kind.value, kinds)
    for k in range(pages):
        places[k, ARTICLE] = kinds[k]
    for turn in range(2):
        expert = model.articles if turn else model.others
        judge(held.cells, rows[:size], expert.first.offset, expert.first.bound, expert.first.value, said)
        size = _surrounded(page, held, space, pages, least, model.gate, said, rows)
        judge(held.cells, rows[:size], expert.second.offset, expert.second.bound, expert.second.value, said)
        size, least = np.int64(0), np.int64(model.prose)
        for k in range(pages):
            article = places[k, ARTICLE]
            for b in range(places[k, ROW], places[k + 1, ROW]):
                if turn and article >= least:
                    p[b] += (said[b] - p[b]) * article * model.share // (ONE * ONE)
                elif turn == 0:
                    p[b] = said[b]
                    if article >= least and 2 * p[b] >= model.gate:
                        rows[size] = b
                        size += 1
    return p
