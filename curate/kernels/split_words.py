"""Words between white space, and marks at the edges of lines, as Dolma and DCLM count them (curation S15, S17). Naive twin: tests/naive_rules.py."""

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.utf8 import ALPHA, DIGIT, SPACE, code_at, width

WORDS = ("words", "alnum_words", "chars", "median", "alpha_words", "symbol_words", "stop_words")
"""Columns of `measure_words`."""
LONGEST = 1024
"""Lengths from here on are one to the median."""
HASH, ELLIPSIS = 35, 0x2026
ANY_BULLET = np.array([0x25CF, 0x2022, 42, 45], dtype=np.int64)
"""DCLM's bullets: ● • * -"""
PLAIN_BULLET = np.array([42, 45], dtype=np.int64)
"""Dolma's: * -"""


def words_of(offsets, data, classes):
    """(bounds int64[rows + 1], starts, ends): which words a row has, and where each begins and ends in data."""
    bounds = np.zeros(len(offsets), dtype=np.int64)
    count_split_words(offsets, data, classes, bounds)
    starts, ends = np.empty(bounds[-1], dtype=np.int64), np.empty(bounds[-1], dtype=np.int64)
    split_words(offsets, data, classes, starts, ends)
    return bounds, starts, ends


def joined(words):
    """A list of words as `measure_words` takes it: UTF-8, joined, and where each ends, from 0."""
    encoded = [word.encode() for word in words]
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), np.cumsum([0, *map(len, encoded)])


@njit(nogil=True, cache=True)
def count_split_words(offsets, data, classes, bounds):
    """bounds[row + 1] = words of rows 0 … row; int64[rows + 1]."""
    for row in range(len(offsets) - 1):
        words, inside = 0, False
        i = offsets[row]
        while i < offsets[row + 1]:
            space = (classes[code_at(data, i)] & SPACE) != 0
            words += inside and space
            inside = not space
            i += width(data[i])
        bounds[row + 1] = bounds[row] + words + inside


@njit(nogil=True, cache=True)
def split_words(offsets, data, classes, starts, ends):
    """Bounds of all words of all rows in bytes of data, in order; as many places as `count_split_words` found."""
    n = 0
    for row in range(len(offsets) - 1):
        inside = False
        i = offsets[row]
        while i < offsets[row + 1]:
            space = (classes[code_at(data, i)] & SPACE) != 0
            if space and inside:
                ends[n] = i
                n += 1
            elif not space and not inside:
                starts[n] = i
            inside = not space
            i += width(data[i])
        if inside:
            ends[n] = i
            n += 1


@njit(nogil=True, cache=True)
def _is_stop(data, s, e, stops, stop_ends, lower):
    for k in range(len(stop_ends) - 1):
        if e - s != stop_ends[k + 1] - stop_ends[k]:
            continue
        same = True
        for i in range(e - s):
            b = data[s + i]
            if lower and b >= 65 and b <= 90:
                b += np.uint8(32)
            same = same and b == stops[stop_ends[k] + i]
        if same:
            return True
    return False


@njit(nogil=True, cache=True)
def measure_words(data, bounds, starts, ends, classes, stops, stop_ends, lower, out):
    """out[row] = WORDS as float64: words, those that begin with a letter or digit, their characters, median of these, those with a letter,
    those with `#` or `…`, and occurrences of stop words (UTF-8, joined, with their ends); `lower`: ASCII capitals in the text are small."""
    lengths = np.zeros(LONGEST + 1, dtype=np.int64)
    for row in range(len(bounds) - 1):
        n = bounds[row + 1] - bounds[row]
        lengths[:] = 0
        for t in range(bounds[row], bounds[row + 1]):
            first = classes[code_at(data, starts[t])]
            length, letters, symbols = 0, False, False
            i = starts[t]
            while i < ends[t]:
                code = code_at(data, i)
                letters |= (classes[code] & ALPHA) != 0
                symbols |= code in (HASH, ELLIPSIS)
                length += 1
                i += width(data[i])
            lengths[min(length, LONGEST)] += 1
            out[row, 1] += (first & (ALPHA | DIGIT)) != 0
            out[row, 2] += length
            out[row, 4] += letters
            out[row, 5] += symbols
            out[row, 6] += _is_stop(data, starts[t], ends[t], stops, stop_ends, lower)
        out[row, 0] = n
        out[row, 3] = (_ranked(lengths, (n - 1) // 2) + _ranked(lengths, n // 2)) / 2 if n else 0.0


@njit(nogil=True, cache=True)
def _ranked(lengths, rank):
    """The length of the word of a rank, from their numbers by length."""
    seen = 0
    for length in range(len(lengths)):
        seen += lengths[length]
        if seen > rank:
            return length
    return 0


@njit(nogil=True, cache=True)
def _spaced_dots(data, i):
    return data[i] == 32 and data[i + 1] == 46 and data[i + 2] == 32 and data[i + 3] == 46


@njit(nogil=True, cache=True)
def count_symbols(offsets, data, out):
    """out[row] = occurrences of `#`, `...`, `. . .` and `…`, each counted without overlaps (str.count)."""
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        dots, spaced = start, start
        for i in range(start, end):
            b = data[i]
            out[row] += b == 35
            if b == 46 and i >= dots and i + 2 < end and data[i + 1] == 46 and data[i + 2] == 46:
                out[row] += 1
                dots = i + 3
            if b == 46 and i >= spaced and i + 4 < end and _spaced_dots(data, i + 1):
                out[row] += 1
                spaced = i + 5
            if b == 0xE2 and i + 2 < end and data[i + 1] == 0x80 and data[i + 2] == 0xA6:
                out[row] += 1


@njit(nogil=True, cache=True)
def measure_edges(offsets, data, classes, bullets, stripped, out):
    """out[row] = lines, those that begin with a bullet, those that end in an ellipsis; lines are split at newlines.

    stripped: white space around lines and lines of nothing else do not count, and `...` and `. . .` are ellipses like `…`."""
    for row in range(len(offsets) - 1):
        s, end = offsets[row], offsets[row + 1]
        while s <= end:
            e = s
            while e < end and data[e] != 10:
                e += 1
            a, b = s, e
            if stripped:
                while a < b and classes[code_at(data, a)] & SPACE:
                    a += width(data[a])
                b = _solid_end(data, a, b, classes)
            if a < b or not stripped:
                out[row, 0] += 1
                code = code_at(data, a) if a < b else 0
                for bullet in bullets:
                    out[row, 1] += code == bullet
                out[row, 2] += _trails(data, a, b, stripped)
            s = e + 1


@njit(nogil=True, cache=True)
def _solid_end(data, a, b, classes):
    """The end of what is no white space in data[a:b]."""
    end = a
    while a < b:
        after = a + width(data[a])
        if not classes[code_at(data, a)] & SPACE:
            end = after
        a = after
    return end


@njit(nogil=True, cache=True)
def _trails(data, a, b, any_form):
    if b - a >= 3 and data[b - 3] == 0xE2 and data[b - 2] == 0x80 and data[b - 1] == 0xA6:
        return True
    if not any_form:
        return False
    if b - a >= 3 and data[b - 3] == 46 and data[b - 2] == 46 and data[b - 1] == 46:
        return True
    return b - a >= 5 and data[b - 5] == 46 and data[b - 4] == 32 and data[b - 3] == 46 and data[b - 2] == 32 and data[b - 1] == 46
