"""Sentences, and which of them look like no prose: MADLAD-400's rules of one sentence. Naive twin: tests/naive_sentences.py.

A sentence ends where marks of `.!?` are followed by white space; neither belongs to it. Words are about those of UAX #29: runs of letters, digits, marks
and `_`, over one of `.:'’·` between letters and one of `.,'` between digits; in scripts without spaces each character is one.
"""

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.pointers import pointer
from curate.kernels.utf8 import ALPHA, DIGIT, MARK, SPACE, UPPER, code_at, width

CASE, LENGTH, TECHNICAL = np.uint8(1), np.uint8(2), np.uint8(4)
"""Bits of a sentence: a list by its capitals, too short or too long, too many technical characters."""
OFF = 2.0
"""A share that none exceeds."""


@njit(nogil=True, cache=True, inline="always")
def _ends(byte):
    """Whether a byte is one of `.!?`."""
    return byte == 46 or byte == 33 or byte == 63


@njit(nogil=True, cache=True)
def _blank(data, s, e, classes):
    """Whether data[s:e] is white space."""
    while s < e and classes[code_at(data, s)] & SPACE:
        s += width(data[s])
    return s >= e


@njit(nogil=True, cache=True)
def _next_end(data, i, high, classes):
    """(where the next marks begin that end a sentence, where the white space behind them ends); (high, high) where there are none."""
    while i < high:
        if not _ends(data[i]):
            i += 1
            continue
        stop = i
        while i < high and _ends(data[i]):
            i += 1
        after = i
        while after < high and classes[code_at(data, after)] & SPACE:
            after += width(data[after])
        if after > i:
            return stop, after
    return high, high


@njit(nogil=True, cache=True)
def sentences(offsets, data, classes):
    """int64[n, 3]: row, first byte and end of each sentence that holds more than white space; bytes count from the row's begin."""
    text, classes = pointer(data), pointer(classes)
    out = np.empty((1024, 3), dtype=np.int64)
    n = 0
    for row in range(len(offsets) - 1):
        low, high = offsets[row], offsets[row + 1]
        first = low
        while first < high:
            stop, after = _next_end(text, first, high, classes)
            if not _blank(text, first, stop, classes):
                if n == len(out):
                    more = np.empty((2 * n, 3), dtype=np.int64)
                    more[:n] = out
                    out = more
                out[n, 0], out[n, 1], out[n, 2] = row, first - low, stop - low
                n += 1
            first = after
    return out[:n]


@njit(nogil=True, cache=True)
def _joins(data, i, end, classes, before):
    """Whether the character at i stands between two letters, or two digits, of one word; `before`: class of the one before it."""
    code, after = code_at(data, i), i + width(data[i])
    if after >= end:
        return False
    behind = classes[code_at(data, after)]
    quote = code == 39 or code == 46 or code == 0x2019
    letters = (quote or code == 58 or code == 0xB7) and (before & ALPHA) and (behind & ALPHA)
    return bool(letters) or bool((quote or code == 44) and (before & DIGIT) and (behind & DIGIT))


@njit(nogil=True, cache=True)
def _capitals(data, s, e, classes, alone):
    """(words, those that begin with an upper case letter) of data[s:e]."""
    words, capitals, inside, before = 0, 0, False, np.uint8(0)
    while s < e:
        code = code_at(data, s)
        kind = classes[code]
        if kind & (ALPHA | DIGIT) or code == 95:
            single = alone[code] != 0
            if single or not inside:
                words += 1
                capitals += (kind & UPPER) != 0
            inside = not single
        elif not kind & MARK:  # a mark belongs to what is before it
            inside = inside and _joins(data, s, e, classes, before)
        before = kind
        s += width(data[s])
    return words, capitals


@njit(nogil=True, cache=True)
def _lengths(data, s, e):
    """(characters, those among 0-9 { } + / ( ) >) of data[s:e]."""
    chars, technical = 0, 0
    for i in range(s, e):
        byte = data[i]
        chars += (byte & 0xC0) != 0x80
        technical += 47 <= byte <= 57 or byte == 123 or byte == 125 or byte == 43 or byte == 40 or byte == 41 or byte == 62
    return chars, technical


@njit(nogil=True, cache=True)
def judge_sentences(offsets, data, classes, alone, found, min_words, max_capitals, min_chars, max_chars, max_technical, out):
    """out[n] (uint8): the bits of each sentence of `found` (int64[n, 3], as of `sentences`).

    alone: uint8[0x110000], not 0 for characters of scripts without spaces. max_capitals and max_technical are shares (float64), OFF for no limit; a
    sentence of fewer than min_words words is no list."""
    data, classes, alone = pointer(data), pointer(classes), pointer(alone)
    for n in range(len(found)):
        low = offsets[found[n, 0]]
        s, e = low + found[n, 1], low + found[n, 2]
        bits = np.uint8(0)
        chars, technical = _lengths(data, s, e)
        if chars < min_chars or chars > max_chars:
            bits |= LENGTH
        if technical > max_technical * chars:
            bits |= TECHNICAL
        if max_capitals < OFF:
            words, capitals = _capitals(data, s, e, classes, alone)
            if words >= min_words and capitals > max_capitals * words:
                bits |= CASE
        out[n] = bits
