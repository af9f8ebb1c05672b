"""Which blocks of a page are its main text: the page aligned with the text that a person took from it.

Global alignment of words by dynamic programming with two states: a match that goes on counts 1, one that begins a run .1, so that
common words do not scatter. A block's label is the share of its words that are matched. A block of five words or more that is still
unmatched is content if 70 % of its 4-grams stand in the unused part of the truth: truth in another order than the page.
"""

from collections import Counter
from itertools import pairwise

import numpy as np
from numba import njit

from tests.bench.markup_sets import words

MAX_CELLS = 600_000_000
"""Words of the page times words of the truth; a page beyond is not used."""


@njit(cache=True)
def aligned(page, truth):
    """bool[len(page)]: the words of the page that a best alignment matches."""
    n, m = len(page), len(truth)
    back = np.zeros((n + 1, m + 1), np.uint8)  # bits 1-2: above, left, match; bit 3: the match goes on
    best, run = np.zeros(m + 1, np.float32), np.full(m + 1, -1e9, np.float32)
    for i in range(1, n + 1):
        corner, corner_run = best[0], run[0]
        for j in range(1, m + 1):
            above, above_run = best[j], run[j]
            here, code = np.float32(-1e9), 0
            if page[i - 1] == truth[j - 1]:
                goes_on, begins = corner_run + np.float32(1), corner + np.float32(0.1)
                here = max(goes_on, begins)
                code = 4 if goes_on >= begins else 0
            top = above
            if best[j - 1] > top:
                top = best[j - 1]
                code |= 1
            if here > top:
                top = here
                code = (code & 4) | 2
            best[j], run[j], back[i, j] = top, here, code
            corner, corner_run = above, above_run
    matched = np.zeros(n, np.bool_)
    i, j, forced = n, m, False
    while i > 0 and j > 0:
        code = back[i, j]
        if forced or (code & 3) == 2:
            matched[i - 1] = True
            forced = (code & 4) != 0
            i, j = i - 1, j - 1
        elif (code & 3) == 1:
            j -= 1
        else:
            i -= 1
    return matched


def fours(row):
    return list(zip(row, row[1:], row[2:], row[3:], strict=False))


def shares(texts, truth):
    """float64[blocks]: the share of each block's words that belong to the truth; None where the page is too large or has no words."""
    ids: dict[str, int] = {}
    each = [[ids.setdefault(word, len(ids)) for word in words(text)] for text in texts]
    counts = np.array([len(row) for row in each])
    page = [word for row in each for word in row]
    target = [ids.get(word, -1) for word in words(truth)]
    if not page or not target or len(page) * len(target) > MAX_CELLS:
        return None
    matched = aligned(np.asarray(page, np.int32), np.asarray(target, np.int32))
    ends = np.cumsum([0, *counts])
    found = np.array([matched[a:b].sum() for a, b in pairwise(ends)]) / np.maximum(counts, 1)
    unused = Counter(fours(target))
    unused.subtract(gram for gram in fours([w if m else None for w, m in zip(page, matched, strict=True)]) if None not in gram)
    for block in np.flatnonzero((counts >= 5) & (found < 0.3)):
        own = fours(each[block])
        hits = [gram for gram in own if unused[gram] > 0]
        if len(hits) >= 0.7 * len(own):
            found[block] = 1.0
            unused.subtract(hits)
    return found
