"""Numbers that speak of a block of text: what a person would look at to tell an article from what stands around it.

Everything about a container, a window or a group of alike blocks comes from prefix sums over blocks, so that it costs the same however
large it is. No logarithms: trees only compare, and sums of integers are the same on every machine. After the experiment
behind `curate/stages/markup_model.md`; the top candidate is Readability's (Arc90, 2010), groups of alike blocks are ours.
Slow twin: tests/naive_html_features.py, which says of each name what the number means.
"""

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.blocks import load8
from curate.kernels.compiled import njit
from curate.kernels.html_attributes import FNV, PRIME
from curate.kernels.html_body import SLOTS, grams
from curate.kernels.html_elements import INHERITED, grouped, inherited, signature
from curate.kernels.html_names import (
    BODY_SHARE,
    HEADING_AT,
    INHERITED_AT,
    OPENS_AT,
    PLACE_AT,
    S_ENDERS,
    S_HEADINGS,
    S_ITEMS,
    S_LINK,
    S_LONG,
    S_LONGS,
    S_UNITS,
    SHORT_UNITS,
    is_heading,
    is_long,
    ratio,
)
from curate.kernels.html_openings import opening
from curate.kernels.html_surroundings import above_features, candidate_features, group_features, near_features
from curate.kernels.pointers import borrowed


@njit(nogil=True, cache=True)
def _summed(page, sums):
    """sums int64[7, blocks + 1]: units, link units, units of long paragraphs, enders and commas, long paragraphs, headings, items."""
    sums[:, 0] = 0
    for b in range(page.state[ht.NUM_BLOCKS]):
        block = page.blocks[b]
        long = is_long(block)
        tag = page.elements[block[ht.ELEMENT], ht.TAG]
        sums[S_UNITS, b + 1] = sums[S_UNITS, b] + block[ht.UNITS]
        sums[S_LINK, b + 1] = sums[S_LINK, b] + block[ht.LINK_UNITS]
        sums[S_LONG, b + 1] = sums[S_LONG, b] + (block[ht.UNITS] if long else 0)
        sums[S_ENDERS, b + 1] = sums[S_ENDERS, b] + block[ht.ENDERS] + block[ht.COMMAS]
        sums[S_LONGS, b + 1] = sums[S_LONGS, b] + long
        sums[S_HEADINGS, b + 1] = sums[S_HEADINGS, b] + is_heading(tag)
        sums[S_ITEMS, b + 1] = sums[S_ITEMS, b] + (tag == ht.LI)


@njit(nogil=True, cache=True)
def _words(data, i, to, marks, sets):
    """(words, words that are marked) of data[i:to], ASCII case folded; with `sets` marks them instead. marks: uint8[1024]."""
    key, size, words, hits = np.uint64(14695981039346656037), 0, 0, 0
    for j in range(i, to + 1):
        c = data[j] if j < to else np.uint8(32)
        c = c | 32 if c >= 65 and c <= 90 else c
        if (c >= 97 and c <= 122) or (c >= 48 and c <= 57) or c >= 128:
            key = (key ^ np.uint64(c)) * np.uint64(1099511628211)
            size += 1
        elif size:
            slot = (key ^ (key >> np.uint64(32))) & np.uint64(1023)
            words += 1
            hits += marks[slot]
            if sets:
                marks[slot] = 1
            key, size = np.uint64(14695981039346656037), 0
    return words, hits


@njit(nogil=True, cache=True)
def _text_key(out, start, end):
    """Hash of the first 48 bytes of a text and its length."""
    key, j, to = FNV ^ np.uint64(end - start), np.int64(start), np.int64(min(end, start + 48))
    while j + 8 <= to:
        key = (key ^ load8(out, j)) * PRIME
        key ^= key >> np.uint64(32)
        j += 8
    while j < to:
        key = (key ^ np.uint64(out[j])) * PRIME
        j += 1
    return key | np.uint64(1)


@njit(nogil=True, cache=True)
def _last_mark(out, start, end):
    """1 where the text ends in a full stop or the like (before closing quotes), 2 where it ends in a colon, else 0."""
    while end > start and (out[end - 1] == 34 or out[end - 1] == 39 or out[end - 1] == 41 or out[end - 1] == 93):
        end -= 1
    if end - start >= 3 and out[end - 3] == 0xE2 and out[end - 2] == 0x80 and (out[end - 1] == 0x9D or out[end - 1] == 0x99):
        end -= 3
    if end == start:
        return 0
    last = out[end - 1]
    if last == 46 or last == 33 or last == 63:
        return 1
    if last == 58:
        return 2
    if end - start >= 3:
        a, b = out[end - 3], out[end - 2]
        if (a == 0xE3 and b == 0x80 and last == 0x82) or (a == 0xEF and b == 0xBC and (last == 0x81 or last == 0x9F)):
            return 1
        if a == 0xE2 and b == 0x80 and last == 0xA6:
            return 1
    return 0


@njit(nogil=True, cache=True, inline="always")
def _own_features(page, data, out, marks, title_words, made):
    """The shape of each block's own text."""
    n = page.state[ht.NUM_BLOCKS]
    keys, same = np.empty(n, np.uint64), np.empty(n, np.int32)
    for b in range(n):
        keys[b] = _text_key(out, page.blocks[b, ht.START], page.blocks[b, ht.END])
    count = grouped(keys, same)
    times, seen = np.zeros(count, np.int32), np.zeros(count, np.int32)
    for b in range(n):
        times[same[b]] += 1
    for b in range(n):
        block, x = page.blocks[b], made[b]
        units, size = block[ht.UNITS], block[ht.END] - block[ht.START]
        tag = page.elements[block[ht.ELEMENT], ht.TAG]
        mark = _last_mark(out, block[ht.START], block[ht.END])
        first = out[block[ht.START]] if size else np.uint8(0)
        x[0] = units
        x[1] = ratio(block[ht.LETTERS], units)
        x[2] = ratio(block[ht.LINK_UNITS], units)
        x[3] = block[ht.LINKS]
        x[4] = ratio(block[ht.COMMAS], units)
        x[5] = ratio(block[ht.ENDERS], units)
        x[6] = mark == 1
        x[7] = mark == 2
        x[8] = ratio(block[ht.DIGITS], size)
        x[9] = ratio(block[ht.CAPITALS], block[ht.LETTERS])
        x[10] = ratio(block[ht.LETTERS], size)
        x[11] = first >= 97 and first <= 122
        x[12] = not (first >= 65 and first <= 90) and not (first >= 97 and first <= 122) and first < 128
        x[13] = block[ht.BREAKS]
        x[14] = tag
        x[15] = tag - ht.H1 + 1 if is_heading(tag) else 0
        x[16] = tag == ht.P
        x[17] = tag == ht.LI or tag == ht.DT or tag == ht.DD
        x[18] = tag == ht.TD or tag == ht.TH
        x[19] = block[ht.IN_PRE]
        x[20] = times[same[b]]
        x[21] = seen[same[b]]
        seen[same[b]] += 1
        x[22] = x[23] = 0
        if units <= SHORT_UNITS and title_words:
            words, hits = _words(out, block[ht.START], block[ht.END], marks, False)
            x[22] = ratio(hits, words)
            x[23] = ratio(hits, title_words)
        x[24] = ratio(size, units)
        found = opening(out, np.int64(block[ht.START]), np.int64(block[ht.END])) if units <= SHORT_UNITS else 0
        for at in range(HEADING_AT, INHERITED_AT):
            x[OPENS_AT + at - HEADING_AT] = (found >> (at - HEADING_AT)) & 1


@njit(nogil=True, cache=True)
def _body_features(page, data, out, made):
    """The share of each block that stands in the page's articleBody, -1 where there is nothing to compare; returns the runs of
    three words of that body, and the share of them that blocks hold."""
    n = page.state[ht.NUM_BLOCKS]
    at, to = page.state[ht.BODY_AT], page.state[ht.BODY_TO]
    marks = np.zeros(SLOTS if to > at else 1, np.uint8)
    runs, _ = grams(data, at, to, True, marks, True) if to > at else (0, 0)
    found = 0
    for b in range(n):
        made[b, BODY_SHARE] = -1
        if runs:
            count, hits = grams(out, page.blocks[b, ht.START], page.blocks[b, ht.END], False, marks, False)
            found += hits
            if count:
                made[b, BODY_SHARE] = ratio(hits, count)
    return np.float32(runs), ratio(found, runs)


@njit(nogil=True, cache=True)
def _place_features(page, data, sums, sections, made):
    """Where each block stands; fills sections int32[blocks]: the number of its heading."""
    n = page.state[ht.NUM_BLOCKS]
    h1, far = -1, 100_000
    heading, level, long, section = -far, 0, -far, 0
    h1s, articles, element = 0, 0, 1
    starts = np.zeros(n + 2, np.int64)
    for b in range(n):
        tag = page.elements[page.blocks[b, ht.ELEMENT], ht.TAG]
        if tag == ht.H1 and h1 < 0:
            h1 = b
        if is_heading(tag):
            heading, level = b, tag - ht.H1 + 1
            section += 1
            starts[section] = b
        sections[b] = section
        x = made[b, PLACE_AT:]
        x[4], x[5], x[6] = min(b - heading, 1000), level, min(b - long, 1000)
        for at in range(HEADING_AT, INHERITED_AT):
            made[b, at] = made[heading, OPENS_AT + at - HEADING_AT] if heading >= 0 else 0
        if is_long(page.blocks[b]):
            long = b
        h1s += tag == ht.H1
        while element < page.state[ht.NUM_ELEMENTS] and page.elements[element, ht.FIRST] <= b:
            articles += page.elements[element, ht.TAG] == ht.ARTICLE
            element += 1
        x[14], x[15] = h1s, articles
    starts[section + 1] = n
    long = n + far
    for b in range(n - 1, -1, -1):
        x = made[b, PLACE_AT:]
        x[0] = b
        x[1] = ratio(b, n)
        x[2] = ratio(sums[S_UNITS, b], sums[S_UNITS, n])
        x[3] = b - h1 if h1 >= 0 else -1000
        x[7] = min(long - b, 1000)
        x[8] = page.elements[page.blocks[b, ht.ELEMENT], ht.DEPTH]
        x[9] = sums[S_UNITS, b] - sums[S_UNITS, h1] if h1 >= 0 else -1000
        first, last = starts[sections[b]], starts[sections[b] + 1]
        units = sums[S_UNITS, last] - sums[S_UNITS, first]
        x[10] = units
        x[11] = ratio(sums[S_LINK, last] - sums[S_LINK, first], units)
        x[12] = ratio(sums[S_LONG, last] - sums[S_LONG, first], units)
        x[13] = ratio(page.blocks[b, ht.AT], len(data))
        if is_long(page.blocks[b]):
            long = b


@njit(nogil=True, cache=True)
def features(page, data, out, scores, made, sums, above, groups, sections):
    """Fills made float32[blocks, NUM_FEATURES], sums int64[7, blocks + 1], above int32[blocks, 3] (ancestors), groups and sections
    int32[blocks]; returns the number of groups. page: a scanned page with at least one block; scores: float32[65536] by token."""
    n = page.state[ht.NUM_BLOCKS]
    made, sums, above, groups, data, out = borrowed(made), borrowed(sums), borrowed(above), borrowed(groups), borrowed(data), borrowed(out)
    _summed(page, sums)
    handed = np.empty((page.state[ht.NUM_ELEMENTS], INHERITED), np.float32)
    inherited(page, scores, sums[S_UNITS], handed)
    marks = np.zeros(1024, np.uint8)
    title_words, _ = _words(data, page.state[ht.TITLE_AT], page.state[ht.TITLE_TO], marks, True)
    keys = np.empty(n, np.uint64)
    for b in range(n):
        keys[b] = signature(page, page.blocks[b, ht.ELEMENT])
        made[b, INHERITED_AT : INHERITED_AT + INHERITED] = handed[page.blocks[b, ht.ELEMENT]]
    count = grouped(keys, groups)
    _own_features(page, data, out, marks, title_words, made)
    _place_features(page, data, sums, sections, made)
    near_features(page, sums, groups, made)
    above_features(page, sums, handed, above, made)
    candidate_features(page, sums, made)
    group_features(page, sums, groups, count, _body_features(page, data, out, made), made)
    return count
