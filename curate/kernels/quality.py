"""The Gopher quality rules' measures (Rae et al. 2021, §A1.1, as datatrove counts them) in one pass over tokens and one over lines.

Naive twin: tests/naive_text.py.
"""

import numpy as np
from numba import njit

from curate.kernels.marks import SYMBOL
from curate.kernels.specials import fnv
from curate.kernels.utf8 import ALPHA, BREAK, SPACE, code_at, width

MEASURES = ("words", "mean_word_length", "hashes", "ellipses", "bullet_lines", "ellipsis_lines", "alpha_words", "stop_words")
"""Columns of `measure_quality`'s output."""


@njit(nogil=True, cache=True)
def _is_bullet(data, s, e, classes):
    while s < e and classes[code_at(data, s)] & SPACE:
        s += width(data[s])
    return s < e and (data[s] == 45 or (e - s > 2 and data[s] == 0xE2 and data[s + 1] == 0x80 and data[s + 2] == 0xA2))


@njit(nogil=True, cache=True)
def _trails_off(data, s, e, classes):
    while e > s:
        last = e - 1
        while last > s and (data[last] & 0xC0) == 0x80:
            last -= 1
        if not classes[code_at(data, last)] & SPACE:
            break
        e = last
    if e - s < 3:
        return False
    return (data[e - 1] == 46 and data[e - 2] == 46 and data[e - 3] == 46) or (
        data[e - 3] == 0xE2 and data[e - 2] == 0x80 and data[e - 1] == 0xA6
    )


@njit(nogil=True, cache=True)
def _lines(data, start, end, classes):
    """(lines, those that begin with a bullet, those that end in an ellipsis) of data[start:end], lines as str.splitlines makes them."""
    lines, bullets, trailing = 0, 0, 0
    s = start
    i = start
    while i < end:
        code = code_at(data, i)
        after = i + width(data[i])
        if classes[code] & BREAK:
            if code == 13 and after < end and data[after] == 10:
                after += 1
            lines += 1
            bullets += _is_bullet(data, s, i, classes)
            trailing += _trails_off(data, s, i, classes)
            s = after
        i = after
    if s < end:
        lines += 1
        bullets += _is_bullet(data, s, end, classes)
        trailing += _trails_off(data, s, end, classes)
    return lines, bullets, trailing


@njit(nogil=True, cache=True)
def _marks(data, start, end):
    """(number signs, ellipses: `…` and non-overlapping `...`) in data[start:end]."""
    hashes, ellipses, dots = 0, 0, 0
    for i in range(start, end):
        b = data[i]
        if b == 35:
            hashes += 1
        if b == 46:
            dots += 1
            if dots == 3:
                ellipses += 1
                dots = 0
        else:
            dots = 0
            if b == 0xA6 and i - 2 >= start and data[i - 1] == 0x80 and data[i - 2] == 0xE2:
                ellipses += 1
    return hashes, ellipses


@njit(nogil=True, cache=True)
def measure_quality(offsets, data, first, bounds, starts, ends, classes, symbols, stop_keys, out):
    """out[row] = MEASURES as float64: words with more than symbols, their mean characters, then ratios to all tokens or to all lines, and
    the number of different stop words. Ratios of nothing are 0. Rows first … first + len(bounds) − 2, tokens as in `words.Tokens`;
    stop_keys: uint64, fnv of each, at most 64."""
    for k in range(len(bounds) - 1):
        row = first + k
        start, end = offsets[row], offsets[row + 1]
        n = bounds[k + 1] - bounds[k]
        words, chars, alpha, seen = 0, 0, 0, np.uint64(0)
        for t in range(bounds[k], bounds[k + 1]):
            length, solid, letters = 0, False, False
            i = starts[t]
            while i < ends[t]:
                code = code_at(data, i)
                length += 1
                solid |= not symbols[code] & SYMBOL
                letters |= (classes[code] & ALPHA) != 0
                i += width(data[i])
            alpha += letters
            if solid:
                words += 1
                chars += length
            key = fnv(data, starts[t], ends[t])
            for place in range(len(stop_keys)):
                if stop_keys[place] == key:
                    seen |= np.uint64(1) << np.uint64(place)
        hashes, ellipses = _marks(data, start, end)
        lines, bullets, trailing = _lines(data, start, end, classes)
        distinct = 0
        while seen:
            seen &= seen - np.uint64(1)
            distinct += 1
        out[row, 0] = words
        out[row, 1] = chars / words if words else 0.0
        out[row, 2] = hashes / n if n else 0.0
        out[row, 3] = ellipses / n if n else 0.0
        out[row, 4] = bullets / lines if lines else 0.0
        out[row, 5] = trailing / lines if lines else 0.0
        out[row, 6] = alpha / n if n else 0.0
        out[row, 7] = distinct
