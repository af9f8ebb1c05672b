"""Which blocks of a page stay: the cut by probability, and what is known of text without a model.

Rows of tables and `pre` stay or go as a whole. Code and quotations stay between text that stays. The body of an article stays whole where much of it
would go. A line that points to another article (`Read more: …`) goes. By option the standfirst of an article stays. Slow twin: `chosen` in
tests/naive_html_model.py.
"""

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit
from curate.kernels.html_emit import CODE, QUOTED, ROW
from curate.kernels.html_names import SHORT_UNITS
from curate.kernels.html_openings import OPENINGS, opening
from curate.kernels.html_trees import ONE

MORE = 1 << list(OPENINGS).index("more")
POINTER_UNITS, POINTER_WORDS, POINTER_BYTES = 150, 4, 60
"""A pointer has 30 words at most, and its sign behind at most so many words and bytes."""
WHOLE_ARTICLE, WHOLE_P, WHOLE_UNITS = ONE // 2, ONE // 10, 50
"""From which probability of an article its body stays whole, and which of a paragraph and how many of its words (times five) may be part of it."""
STAND_ARTICLE, STAND_P, STAND_UNITS, STAND_BLOCKS = 3 * ONE // 10, 3 * ONE // 100, 75, 30
"""The same of a standfirst, which has 15 words or more, and how far the headline may be from the text."""
SIGNS = np.array([list(sign.encode().ljust(3, b"\x00")) for sign in ":>»→："], np.uint8)
"""What may stand between the words of a pointer and its link: UTF-8, filled up with zeros."""


@njit(nogil=True, cache=True)
def decided(page, out, p, article, threshold, sums, place, standfirst, keep):
    """Fills keep bool[blocks]. p int64[blocks], article and threshold of ONE; sums: int64[blocks + 1], units before each block; place: `places`."""
    n = page.state[ht.NUM_BLOCKS]
    mass = np.zeros(n + 1, np.int64)
    for b in range(n):
        keep[b] = p[b] >= threshold
        mass[b + 1] = mass[b] + p[b] * page.blocks[b, ht.UNITS]
    for element in range(1, page.state[ht.NUM_ELEMENTS]):
        if place[element, ROW] == element or place[element, CODE] == element:
            first, last = page.elements[element, ht.FIRST], page.elements[element, ht.LAST]
            units = sums[last] - sums[first]
            if units > 0:
                keep[first:last] = mass[last] - mass[first] >= threshold * units
            elif last > first:  # marks only
                keep[first:last] = p[first:last].sum() >= threshold * (last - first)
    if article >= WHOLE_ARTICLE:
        _whole(page, out, p, keep)
    _filled(page, place, keep)
    if standfirst and article >= STAND_ARTICLE:
        _stands(page, out, p, keep)
    for b in range(n):
        if keep[b] and _points(page, out, b):
            here = place[page.blocks[b, ht.ELEMENT]]
            keep[b] = here[ROW] != 0 or here[CODE] != 0


@njit(nogil=True, cache=True)
def _filled(page, place, keep):
    """Code and quotations stay where the nearest text before and after them does: nobody puts boilerplate into a `pre` or `blockquote`, but some
    annotators leave both out."""
    n = page.state[ht.NUM_BLOCKS]
    apart, followed, before, after = np.empty(n, np.bool_), np.empty(n, np.bool_), False, False
    for b in range(n - 1, -1, -1):
        here = place[page.blocks[b, ht.ELEMENT]]
        apart[b] = here[CODE] != 0 or here[QUOTED] != 0
        after = after if apart[b] else keep[b]
        followed[b] = after
    for b in range(n):
        if not apart[b]:
            before = keep[b]
        elif before and followed[b]:
            keep[b] = True


@njit(nogil=True, cache=True)
def _is_prose(page, out, b, least):
    """Whether a block has sentences, of `least` units or more, hardly a link, and no first words of small print."""
    block = page.blocks[b]
    units = np.int64(block[ht.UNITS])
    if units < least or 10 * block[ht.LINK_UNITS] > 3 * units or block[ht.ENDERS] == 0:
        return False
    return units > SHORT_UNITS or opening(out, np.int64(block[ht.START]), np.int64(block[ht.END])) == 0


@njit(nogil=True, cache=True)
def _whole(page, out, p, keep):
    """The body of an article is the element that holds, as its own paragraphs, at least half of what stays. Where a fifth or more of its paragraphs would
    go that are prose, though from three tenths to four fifths stay, the model has lost its way: they stay. Less is mostly calls to act."""
    kept, held = np.zeros(page.state[ht.NUM_ELEMENTS], np.int64), np.zeros(page.state[ht.NUM_ELEMENTS], np.int64)
    total = np.int64(0)
    for b in range(page.state[ht.NUM_BLOCKS]):
        units, element = np.int64(page.blocks[b, ht.UNITS]), page.elements[page.blocks[b, ht.ELEMENT]]
        total += units if keep[b] else 0
        if element[ht.TAG] == ht.P:
            held[element[ht.PARENT]] += units
            kept[element[ht.PARENT]] += units if keep[b] else 0
    body = np.argmax(kept)
    if 2 * kept[body] < total or 10 * kept[body] < 3 * held[body] or 5 * kept[body] > 4 * held[body]:
        return
    lost = np.zeros(len(keep), np.bool_)
    units = np.int64(0)
    for b in range(len(keep)):
        element = page.elements[page.blocks[b, ht.ELEMENT]]
        if not keep[b] and element[ht.TAG] == ht.P and element[ht.PARENT] == body and p[b] >= WHOLE_P:
            lost[b] = _is_prose(page, out, b, WHOLE_UNITS)
            units += page.blocks[b, ht.UNITS] if lost[b] else 0
    if 5 * units >= held[body]:
        keep |= lost


@njit(nogil=True, cache=True)
def _stands(page, out, p, keep):
    """Keeps the standfirst: prose between the last `h1` before the first paragraph that stays, and that."""
    first = np.int64(0)
    while first < len(keep) and not (keep[first] and page.blocks[first, ht.UNITS] >= STAND_UNITS):
        first += 1
    if first == len(keep):
        return
    b = first - 1
    while b >= max(0, first - STAND_BLOCKS) and page.elements[page.blocks[b, ht.ELEMENT], ht.TAG] != ht.H1:
        b -= 1
    if b < max(0, first - STAND_BLOCKS):
        return
    for at in range(b + 1, first):
        tag = page.elements[page.blocks[at, ht.ELEMENT], ht.TAG]
        if p[at] >= STAND_P and tag != ht.FIGCAPTION and tag != ht.LI and tag != ht.TD and _is_prose(page, out, at, STAND_UNITS):
            keep[at] = True


@njit(nogil=True, cache=True)
def _points(page, out, b):
    """Whether a block is a few words that lead on, a sign, and a link: `Read more: …`."""
    block = page.blocks[b]
    units, start, end = np.int64(block[ht.UNITS]), np.int64(block[ht.START]), np.int64(block[ht.END])
    if units == 0 or units > POINTER_UNITS or 2 * block[ht.LINK_UNITS] < units or not opening(out, start, end) & MORE:
        return False
    words, inside, end = 0, False, min(end, start + POINTER_BYTES)
    for i in range(start, end):
        c = out[i]
        if c >= 128 and c < 0xC0:
            continue  # inside of a character
        if _is_sign(out, i, end):
            if words:
                return words <= POINTER_WORDS
            inside = False
            continue
        letter = c >= 128 or (c | 32 >= 97 and c | 32 <= 122) or (c >= 48 and c <= 57)
        words += letter and not inside
        inside = letter
    return False


@njit(nogil=True, cache=True)
def _is_sign(out, i, end):
    """Whether one of SIGNS begins at out[i], before `end`."""
    for sign in range(len(SIGNS)):
        at = 0
        while at < 3 and SIGNS[sign, at] and i + at < end and out[i + at] == SIGNS[sign, at]:
            at += 1
        if at == 3 or SIGNS[sign, at] == 0:
            return True
    return False
