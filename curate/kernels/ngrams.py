"""Repetition within a document: repeated segments and repeated token n-grams (Rae et al. 2021, table A1, as datatrove counts them).

Segments and n-grams are compared by 64-bit polynomial hashes, which for n-grams are those of the joined characters, so that `ab c` and
`a bc` joined without a space are one, as they are there. Sets are open-addressing tables that the caller lends; a row uses as much of
them as it needs and marks its entries with a stamp, so that nothing is cleared. Naive twin: tests/naive_text.py.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from curate.kernels.utf8 import SPACE, code_at, count_chars, width

BASE = np.uint64(0x9E3779B97F4A7C15 | 1)
TOP = (2, 3, 4)
DUPLICATED = (5, 6, 7, 8, 9, 10)
SEGMENT_MEASURES = 4
"""Columns of `measure_segments`: paragraphs and lines, each by number and by characters."""


class Table(NamedTuple):
    """A lent hash table: key, stamp and count by slot. A slot is in use where its stamp is the current one."""

    keys: np.ndarray
    stamps: np.ndarray
    counts: np.ndarray


def table(entries: int) -> Table:
    """A table for sets of at most so many entries."""
    slots = 1 << max(4, (2 * entries).bit_length())
    return Table(np.zeros(slots, dtype=np.uint64), np.zeros(slots, dtype=np.int64), np.zeros(slots, dtype=np.int64))


@njit(nogil=True, cache=True, inline="always")
def _mixed(h):
    h ^= h >> np.uint64(31)
    h *= np.uint64(0x7FB5D329728EA185)
    h ^= h >> np.uint64(27)
    return h


@njit(nogil=True, cache=True)
def _hash(data, start, end):
    """Polynomial hash of data[start:end] and BASE to the power of its length."""
    h, power = np.uint64(0), np.uint64(1)
    for i in range(start, end):
        h = h * BASE + np.uint64(data[i]) + np.uint64(1)
        power *= BASE
    return h, power


@njit(nogil=True, cache=True, inline="always")
def _slot(keys, stamps, stamp, mask, key):
    """The slot of a key in the part of the table below `mask`: its own, or the free one where it belongs."""
    slot = np.int64(_mixed(key) & np.uint64(mask))
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@njit(nogil=True, cache=True, inline="always")
def _mask(n):
    """Slots − 1 for n entries: a power of two, at most half full."""
    size = 16
    while size < 2 * n:
        size *= 2
    return size - 1


@njit(nogil=True, cache=True)
def _repeats(data, starts, ends, n, keys, stamps, stamp):
    """(segments that repeat an earlier one, their characters) among n segments."""
    mask = _mask(n)
    number, chars = 0, 0
    for k in range(n):
        h, power = _hash(data, starts[k], ends[k])
        key = h ^ power
        slot = _slot(keys, stamps, stamp, mask, key)
        if stamps[slot] == stamp:
            number += 1
            chars += count_chars(data, starts[k], ends[k])
        else:
            keys[slot], stamps[slot] = key, stamp
    return number, chars


@njit(nogil=True, cache=True)
def _segments(data, start, end, newlines, starts, ends):
    """Bounds of data[start:end] split at runs of at least `newlines` newlines (re.split); returns their number, at most the newlines +
    1."""
    n = 0
    s = start
    i = start
    while i < end:
        if data[i] != 10:
            i += 1
            continue
        stop = i
        while stop < end and data[stop] == 10:
            stop += 1
        if stop - i >= newlines:
            starts[n], ends[n] = s, i
            n += 1
            s = stop
        i = stop
    starts[n], ends[n] = s, end
    return n + 1


@njit(nogil=True, cache=True)
def _stripped(data, start, end, classes):
    """data[start:end] without white space around it, as bounds."""
    while start < end and classes[code_at(data, start)] & SPACE:
        start += width(data[start])
    while end > start:
        last = end - 1
        while last > start and (data[last] & 0xC0) == 0x80:
            last -= 1
        if not classes[code_at(data, last)] & SPACE:
            break
        end = last
    return start, end


@njit(nogil=True, cache=True)
def measure_segments(offsets, data, classes, starts, ends, keys, stamps, stamp, out):
    """out[row] = share of paragraphs that repeat an earlier one, their characters / characters of the text, and the same for lines
    (float64).

    `stamp`: a number larger than any used on this table before; the next free one is stamp + 2 · rows. starts and ends hold
    newlines of a row + 1 segments, the table twice as many."""
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        chars = count_chars(data, start, end)
        inner, outer = _stripped(data, start, end, classes)
        for kind in range(2):
            if kind == 0:
                n = _segments(data, inner, outer, 2, starts, ends)
            else:
                n = _segments(data, start, end, 1, starts, ends)
            number, repeated = _repeats(data, starts, ends, n, keys, stamps, stamp + 2 * row + kind)
            out[row, 2 * kind] = number / n
            out[row, 2 * kind + 1] = repeated / chars if chars else 0.0


@njit(nogil=True, cache=True)
def _top(n, size, hashes, powers, chars, keys, stamps, counts, stamp):
    """Characters of the most frequent n-gram of `size` tokens joined by spaces, times its count; the first seen wins a tie."""
    grams = n - size + 1
    if grams < 1:
        return 0
    mask = _mask(grams)
    most = 0
    for k in range(grams):
        key = np.uint64(0)
        for t in range(k, k + size):
            key = _mixed(key * BASE + (hashes[t] ^ powers[t]) + np.uint64(1))
        slot = _slot(keys, stamps, stamp, mask, key)
        if stamps[slot] != stamp:
            keys[slot], stamps[slot], counts[slot] = key, stamp, 0
        counts[slot] += 1
        most = max(most, counts[slot])
    for k in range(grams):
        key = np.uint64(0)
        for t in range(k, k + size):
            key = _mixed(key * BASE + (hashes[t] ^ powers[t]) + np.uint64(1))
        if counts[_slot(keys, stamps, stamp, mask, key)] == most:
            length = size - 1
            for t in range(k, k + size):
                length += chars[t]
            return length * most
    return 0


@njit(nogil=True, cache=True)
def _duplicated(n, size, hashes, powers, chars, keys, stamps, stamp):
    """Characters in n-grams of `size` tokens that repeat an earlier one; after a repeat the scan goes on behind it."""
    mask = _mask(max(1, n))
    total = 0
    k = 0
    while k < n - size + 1:
        h, power, length = np.uint64(0), np.uint64(1), 0
        for t in range(k, k + size):
            h = h * powers[t] + hashes[t]
            power *= powers[t]
            length += chars[t]
        key = h ^ power
        slot = _slot(keys, stamps, stamp, mask, key)
        if stamps[slot] == stamp:
            total += length
            k += size
        else:
            keys[slot], stamps[slot] = key, stamp
            k += 1
    return total


@njit(nogil=True, cache=True)
def measure_ngrams(offsets, data, first, bounds, starts, ends, hashes, powers, chars, keys, stamps, counts, stamp, out):
    """out[row] = for n in TOP the characters of the most frequent n-gram times its count, for n in DUPLICATED the characters in repeated
    n-grams, each / characters of the text (float64; 0 for an empty text). Rows and tokens as in `words.Tokens`; `stamp` as in
    measure_segments, the next free one is stamp + 9 · rows. hashes, powers, chars hold the tokens of one row, the table twice as many."""
    for k in range(len(bounds) - 1):
        row = first + k
        length = count_chars(data, offsets[row], offsets[row + 1])
        n = bounds[k + 1] - bounds[k]
        for t in range(n):
            begin, end = starts[bounds[k] + t], ends[bounds[k] + t]
            hashes[t], powers[t] = _hash(data, begin, end)
            chars[t] = count_chars(data, begin, end)
        for column in range(9):
            if column < 3:
                found = _top(n, column + 2, hashes, powers, chars, keys, stamps, counts, stamp + 9 * k + column)
            else:
                found = _duplicated(n, column + 2, hashes, powers, chars, keys, stamps, stamp + 9 * k + column)
            out[row, column] = found / length if length else 0.0
