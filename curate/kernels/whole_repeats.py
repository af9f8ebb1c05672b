"""Repetition with the first copy counted, as Dolma and DCLM have it (curation S15, S17): lines, paragraphs, n-grams of words.

n-grams and lines are compared by 64-bit hashes in an open-addressing table that is lent by the caller; an entry is in use where its stamp
is the current one. Naive twin: tests/naive_rules.py.
"""

from typing import NamedTuple

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.slots import mask_of, slots_of
from curate.kernels.utf8 import ALPHA, DIGIT, SPACE, code_at, count_chars, width

SIZES = 9
"""n-grams of 2 to 10 words."""
_BASE = np.uint64(0x9E3779B97F4A7C15)


class Lent(NamedTuple):
    """A table: key, stamp and count by slot; for each word or line its hash and that of the n-gram that begins with it, the characters
    before it, and the slot of that n-gram."""

    keys: np.ndarray
    stamps: np.ndarray
    counts: np.ndarray
    hashes: np.ndarray
    grams: np.ndarray
    before: np.ndarray
    slots: np.ndarray


def lent(entries: int) -> Lent:
    """Room for rows of at most so many words or lines."""
    size = slots_of(entries)
    hashes, grams = np.zeros(entries + 1, dtype=np.uint64), np.zeros(entries + 1, dtype=np.uint64)
    before, slots = np.zeros(entries + 1, dtype=np.int64), np.zeros(entries + 1, dtype=np.int64)
    stamps, counts = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    return Lent(np.zeros(size, dtype=np.uint64), stamps, counts, hashes, grams, before, slots)


@njit(nogil=True, cache=True)
def _hash(data, start, end):
    h = np.uint64(end - start)
    for i in range(start, end):
        h = (h ^ np.uint64(data[i])) * _BASE
        h ^= h >> np.uint64(29)
    return h


@njit(nogil=True, cache=True)
def _counted(keys, stamps, counts, mask, stamp, key):
    """The slot of a key, in the part of the table below `mask`, after counting it once more."""
    slot = np.int64((key ^ (key >> np.uint64(32))) & np.uint64(mask))
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + 1) & mask
    if stamps[slot] != stamp:
        keys[slot], stamps[slot], counts[slot] = key, stamp, 0
    counts[slot] += 1
    return slot


@njit(nogil=True, cache=True)
def measure_ngrams(data, bounds, starts, ends, covered, room, stamp, out):
    """out[row, n − 2] = share of characters of words in the n-grams of 2 to 10 words; the next free stamp is stamp + 9 rows.

    2 to 4: characters of the most frequent one times its count; of equally frequent ones the first, with `covered` the longest, if it repeats.
    5 to 10: characters of all that occur more than once / characters of all; with `covered` characters of words in any of them / of words."""
    keys, stamps, counts, hashes, grams, before, slots = room
    for row in range(len(bounds) - 1):
        first, n = bounds[row], bounds[row + 1] - bounds[row]
        before[0] = 0
        mask = mask_of(n)
        for t in range(n):
            grams[t] = hashes[t] = _hash(data, starts[first + t], ends[first + t])
            before[t + 1] = before[t] + count_chars(data, starts[first + t], ends[first + t])
        for place in range(SIZES):
            size = place + 2
            m = n - size + 1
            if m < 1:
                continue
            top = 0
            for t in range(m):
                key = (grams[t] * _BASE ^ hashes[t + size - 1]) * _BASE
                key ^= key >> np.uint64(31)
                grams[t] = key
                slots[t] = _counted(keys, stamps, counts, mask, stamp + SIZES * row + place, key)
                top = max(top, counts[slots[t]])
            if size <= 4:
                out[row, place] = _top(counts, slots, before, m, size, top, covered) / before[n]
            else:
                out[row, place] = _repeated(counts, slots, before, m, size, n, covered)


@njit(nogil=True, cache=True)
def _top(counts, slots, before, m, size, top, longest):
    best = 0
    for t in range(m):
        if counts[slots[t]] == top:
            best = max(best, before[t + size] - before[t])
            if not longest:
                break
    return 0 if longest and top < 2 else best * top


@njit(nogil=True, cache=True)
def _repeated(counts, slots, before, m, size, n, covered):
    chars, total, reached = 0, 0, 0
    for t in range(m):
        total += before[t + size] - before[t]
        if counts[slots[t]] > 1:
            since = max(t, reached) if covered else t
            chars += before[t + size] - before[since]
            reached = t + size
    return chars / (before[n] if covered else total)


@njit(nogil=True, cache=True)
def begin_solid(data, starts, classes, out):
    """out[word] = whether it begins with a letter or digit."""
    for t in range(len(starts)):
        out[t] = (classes[code_at(data, starts[t])] & (ALPHA | DIGIT)) != 0


@njit(nogil=True, cache=True)
def measure_segments(offsets, data, classes, newlines, blank, room, stamp, out):
    """out[row] = segments, those that occur more than once (all copies), their characters, characters of all; split at each run of exactly
    so many newlines as str.split has it; `blank`: those of white space only count too. The next free stamp is stamp + rows."""
    keys, stamps, counts, _, _, chars, slots = room
    for row in range(len(offsets) - 1):
        n = 0
        s, end = offsets[row], offsets[row + 1]
        newline = 0
        for i in range(s, end):
            newline += data[i] == 10
        mask = mask_of(newline + 1)
        while s <= end:
            e = s
            while e < end and not (data[e] == 10 and (newlines == 1 or (e + 1 < end and data[e + 1] == 10))):
                e += 1
            if blank or _solid(data, s, e, classes):
                slots[n] = _counted(keys, stamps, counts, mask, stamp + row, _hash(data, s, e))
                chars[n] = count_chars(data, s, e)
                n += 1
            s = e + newlines if e < end else end + 1
        out[row, 0] = n
        for k in range(n):
            repeats = counts[slots[k]] > 1
            out[row, 1] += repeats
            out[row, 2] += chars[k] * repeats
            out[row, 3] += chars[k]


@njit(nogil=True, cache=True)
def _solid(data, s, e, classes):
    while s < e and classes[code_at(data, s)] & SPACE:
        s += width(data[s])
    return s < e
