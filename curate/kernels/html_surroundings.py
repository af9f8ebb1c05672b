"""Features of what stands around a block: neighbours, windows, ancestors, the best container, blocks alike, the page. Part of
`html_features.py`."""

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit
from curate.kernels.html_names import (
    ABOVE_AT,
    CANDIDATE_AT,
    GROUP_AT,
    NEAR_AT,
    NUM_ANCESTORS,
    NUM_FEATURES,
    PAGE_AT,
    PLACE_AT,
    S_ENDERS,
    S_HEADINGS,
    S_ITEMS,
    S_LINK,
    S_LONG,
    S_LONGS,
    S_UNITS,
    is_heading,
    is_long,
    ratio,
)


@njit(nogil=True, cache=True)
def near_features(page, sums, groups, made):
    """Two neighbours on each side, and windows of 4 and 12 on each side."""
    n = page.state[ht.NUM_BLOCKS]
    for b in range(n):
        at = NEAR_AT
        for step in (-2, -1, 1, 2):
            other = b + step
            x = made[b, at : at + 6]
            at += 6
            if other < 0 or other >= n:
                x[:] = -1
                continue
            block = page.blocks[other]
            element = page.elements[block[ht.ELEMENT]]
            x[0] = block[ht.UNITS]
            x[1] = ratio(block[ht.LINK_UNITS], block[ht.UNITS])
            x[2] = is_long(block)
            x[3] = groups[other] == groups[b]
            x[4] = element[ht.PARENT] == page.elements[page.blocks[b, ht.ELEMENT], ht.PARENT]
            x[5] = is_heading(element[ht.TAG])
        for width in (4, 12):
            first, last = max(0, b - width), min(n, b + width + 1)
            units = sums[S_UNITS, last] - sums[S_UNITS, first]
            x = made[b, at : at + 4]
            at += 4
            x[0] = ratio(units, last - first)
            x[1] = ratio(sums[S_LINK, last] - sums[S_LINK, first], units)
            x[2] = ratio(sums[S_LONG, last] - sums[S_LONG, first], units)
            x[3] = ratio(sums[S_ENDERS, last] - sums[S_ENDERS, first], units)


@njit(nogil=True, cache=True)
def above_features(page, sums, handed, above, made):
    """Three ancestors, each larger by a third than the last; fills above int32[blocks, 3]."""
    n = page.state[ht.NUM_BLOCKS]
    total = sums[S_UNITS, n]
    for b in range(n):
        element = page.blocks[b, ht.ELEMENT]
        least = np.int64(page.blocks[b, ht.UNITS])
        at = ABOVE_AT
        for step in range(NUM_ANCESTORS):
            least = least + least // 3 + 1
            while element > 0:
                row = page.elements[element]
                if sums[S_UNITS, row[ht.LAST]] - sums[S_UNITS, row[ht.FIRST]] >= least:
                    break
                element = row[ht.PARENT]
            above[b, step] = element
            row = page.elements[element]
            first, last = row[ht.FIRST], row[ht.LAST]
            units = sums[S_UNITS, last] - sums[S_UNITS, first]
            x = made[b, at : at + 8]
            at += 8
            x[0] = units
            x[1] = ratio(sums[S_LINK, last] - sums[S_LINK, first], units)
            x[2] = last - first
            x[3] = ratio(units, total)
            x[4] = ratio(sums[S_LONG, last] - sums[S_LONG, first], units)
            x[5] = ratio(sums[S_ENDERS, last] - sums[S_ENDERS, first], units)
            x[6] = handed[element, 3]
            x[7] = row[ht.TAG]
            least = max(least, units)


@njit(nogil=True, cache=True)
def candidate_features(page, sums, made):
    """Readability's vote: long paragraphs give points to their parent and half of them to the parent of it, less where there are links."""
    n = page.state[ht.NUM_BLOCKS]
    votes = np.zeros(page.state[ht.NUM_ELEMENTS], np.float64)
    for b in range(n):
        block = page.blocks[b]
        if not is_long(block):
            continue
        score = (1.0 + block[ht.COMMAS] + min(block[ht.UNITS] / 100.0, 3.0)) * (1.0 - block[ht.LINK_UNITS] / block[ht.UNITS])
        parent = page.elements[block[ht.ELEMENT], ht.PARENT]
        votes[parent] += score
        if parent > 0:
            votes[page.elements[parent, ht.PARENT]] += score * 0.5
    best = np.argmax(votes)
    top = page.elements[best]
    for b in range(n):
        x = made[b, CANDIDATE_AT:]
        parent = page.elements[page.blocks[b, ht.ELEMENT], ht.PARENT]
        inside = b >= top[ht.FIRST] and b < top[ht.LAST] and votes[best] > 0
        x[0] = inside
        x[1] = ratio(sums[S_UNITS, top[ht.LAST]] - sums[S_UNITS, top[ht.FIRST]], sums[S_UNITS, n])
        x[2] = ratio(votes[parent], votes[best])
        x[3] = 0 if inside else (top[ht.FIRST] - b if b < top[ht.FIRST] else b - top[ht.LAST] + 1)


@njit(nogil=True, cache=True)
def group_features(page, sums, groups, count, body, made):
    """Blocks whose element and parent have the same tags and classes, and the page as a whole."""
    n = page.state[ht.NUM_BLOCKS]
    total = np.zeros((count, 6), np.int64)
    for b in range(n):
        block, row = page.blocks[b], total[groups[b]]
        row[0] += 1
        row[1] += block[ht.UNITS]
        row[2] += block[ht.LINK_UNITS]
        row[3] += block[ht.UNITS] if is_long(block) else 0
        if row[0] == 1:
            row[4] = b
        row[5] = b
    seen = np.zeros(count, np.int64)
    articles = made[n - 1, PLACE_AT + 15]
    h1s = made[n - 1, PLACE_AT + 14]
    units = sums[S_UNITS, n]
    for b in range(n):
        row, x = total[groups[b]], made[b, GROUP_AT:]
        x[0] = row[0]
        x[1] = ratio(row[1], row[0])
        x[2] = ratio(row[2], row[1])
        x[3] = ratio(row[3], row[1])
        x[4] = ratio(row[1], units)
        x[5] = seen[groups[b]]
        seen[groups[b]] += 1
        x[6] = b - row[4]
        x[7] = row[5] - row[4] + 1
        x[8] = ratio(row[0], row[5] - row[4] + 1)
    page_features(page, sums, articles, h1s, body, made)


@njit(nogil=True, cache=True)
def page_features(page, sums, articles, h1s, body, made):
    """The page as a whole, and what it says of its kind; the same for all its blocks."""
    n = page.state[ht.NUM_BLOCKS]
    units = sums[S_UNITS, n]
    x = made[0, PAGE_AT:]
    x[0] = units
    x[1] = n
    x[2] = ratio(sums[S_LINK, n], units)
    x[3] = sums[S_LONG, n]
    x[4] = sums[S_LONGS, n]
    x[5] = ratio(sums[S_LONG, n], units)
    x[6] = page.state[ht.NUM_IMAGES]
    x[7] = ratio(page.blocks[n - 1, ht.AT], units)
    x[8] = ratio(sums[S_HEADINGS, n], n)
    x[9] = ratio(sums[S_ITEMS, n], n)
    x[10] = articles
    x[11] = h1s
    x[12], x[13] = body
    for at in range(NUM_FEATURES - PAGE_AT - 14):
        x[14 + at] = (page.state[ht.SIGNS] >> at) & 1
    for b in range(1, n):
        made[b, PAGE_AT:NUM_FEATURES] = made[0, PAGE_AT:NUM_FEATURES]
