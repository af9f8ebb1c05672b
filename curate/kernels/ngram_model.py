"""Scores of texts under an n-gram model with back-off, over hashes of words. Naive twin: tests/naive_ngram.py."""

import numpy as np

from curate.kernels.compiled import njit

ROOT, UNKNOWN, START = np.uint64(0x9E3779B97F4A7C15), np.uint64(1), np.uint64(2)
"""What keys begin with; the word that stands for all that the model has not seen; what stands before the first word."""
UNIT = 1 << 20
"""Logarithms to base 10 are integers in units of 2⁻²⁰, so that their sum is the same in any order and on any machine."""


@njit(nogil=True, cache=True)
def extended(key, word):
    """The key of an n-gram from that of its first n - 1 words and its last."""
    x = (key ^ word) * np.uint64(0xBF58476D1CE4E5B9) + word
    x = (x ^ (x >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(29))


@njit(nogil=True, cache=True)
def extend_all(keys, words, out):
    """out[i] = extended(keys[i], words[i])."""
    for i in range(len(out)):
        out[i] = extended(keys[i], words[i])


@njit(nogil=True, cache=True)
def fill_slots(keys, slots):
    """Enter every key into the open table `slots` int32[2^k], -1 free."""
    for entry in range(len(keys)):
        slot = np.int64(keys[entry] & np.uint64(len(slots) - 1))
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = entry


@njit(nogil=True, cache=True)
def _entry(key, keys, slots):
    slot = np.int64(key & np.uint64(len(slots) - 1))
    while slots[slot] >= 0:
        if keys[slots[slot]] == key:
            return np.int64(slots[slot])
        slot = (slot + 1) & (len(slots) - 1)
    return np.int64(-1)


@njit(nogil=True, cache=True)
def score(words, at, order, keys, slots, logs, backs, out):
    """out[row] = sum over the words of a row of the logarithm of their probability given up to order - 1 words before, in UNIT.

    words uint64[], at int64[n + 1]: hashes of words and where each row begins; keys uint64[m] with logs and backs int32[m].
    """
    before, now = np.zeros(order, dtype=np.uint64), np.zeros(order, dtype=np.uint64)
    held, fresh = np.full(order, -1, dtype=np.int64), np.full(order, -1, dtype=np.int64)
    for row in range(len(at) - 1):
        total = np.int64(0)
        longest = 0
        for i in range(at[row], at[row + 1]):
            word = words[i]
            if _entry(extended(ROOT, word), keys, slots) < 0:
                word = UNKNOWN
            longest = min(longest + 1, order)
            best = 0
            for n in range(longest):
                now[n] = extended(ROOT if n == 0 else before[n - 1], word)
                fresh[n] = _entry(now[n], keys, slots)
                if fresh[n] >= 0:
                    best = n
            total += logs[fresh[best]]
            for n in range(best, longest - 1):
                if held[n] >= 0:
                    total += backs[held[n]]
            for n in range(longest):
                before[n], held[n] = now[n], fresh[n]
        out[row] = total
