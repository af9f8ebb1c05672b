"""The loops of training data that numpy cannot do fast: best-fit packing, and sources that take turns."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def best_fit_decreasing(lengths, context, row_of):
    """Put pieces, longest first, each into the fullest row that still has room for it; a new row where none has.

    lengths int64[n], each 1..context; row_of int64[n] is filled with row numbers. Returns the number of rows. Equal lengths are placed in
    the order given. Best-fit decreasing needs at most 11/9 of the rows that any packing needs, plus 4 (Johnson 1973). O(n + n * context / 64).
    """
    n = len(lengths)
    order = _longest_first(lengths, context)
    newest = np.full(context + 1, -1, dtype=np.int64)  # by free tokens: the row that was left so last; the others hang on it
    below = np.empty(n, dtype=np.int64)
    words = np.zeros((context >> 6) + 1, dtype=np.uint64)  # bit f: some row has f tokens free
    rows = 0
    for i in order:
        length = lengths[i]
        free = _first_set(words, length)
        if free < 0:
            row, free = rows, context
            rows += 1
        else:
            row = newest[free]
            newest[free] = below[row]
            if newest[free] < 0:
                words[free >> 6] &= ~(np.uint64(1) << np.uint64(free & 63))
        row_of[i] = row
        free -= length
        if free > 0:
            below[row] = newest[free]
            newest[free] = row
            words[free >> 6] |= np.uint64(1) << np.uint64(free & 63)
    return rows


@njit(nogil=True, cache=True)
def _longest_first(lengths, context):
    """Positions by falling length, equal ones in order: a counting sort."""
    starts = np.zeros(context + 2, dtype=np.int64)
    for length in lengths:
        starts[context - length + 1] += 1
    for i in range(1, len(starts)):
        starts[i] += starts[i - 1]
    order = np.empty(len(lengths), dtype=np.int64)
    for i in range(len(lengths)):
        bucket = context - lengths[i]
        order[starts[bucket]] = i
        starts[bucket] += 1
    return order


@njit(nogil=True, cache=True)
def _first_set(words, low):
    """The lowest set bit from `low` on; -1 where there is none."""
    at = low >> 6
    word = words[at] & ~((np.uint64(1) << np.uint64(low & 63)) - np.uint64(1))
    while word == 0:
        at += 1
        if at == len(words):
            return -1
        word = words[at]
    bit = at << 6
    while not word & np.uint64(1):
        word >>= np.uint64(1)
        bit += 1
    return bit


@njit(nogil=True, cache=True)
def take_turns(weights, lengths, at, ends, debts, owner):
    """Deal rows to streams, each time to the one that lags furthest behind its weight; returns how many were dealt.

    weights int64[s], those of 0 get none; stream k has rows of lengths[at[k]:ends[k]] tokens; debts int64[s], in and out: tokens that a stream
    should have by its weight less those that it has, times the sum of weights; owner int16[n] is filled. Ends before n where a stream that
    has its turn has no row left. Debts sum to 0 and stay above minus the sum of weights times a row.
    """
    total = weights.sum()
    for i in range(len(owner)):
        best = -1
        for k in range(len(weights)):
            if weights[k] > 0 and (best < 0 or debts[k] > debts[best]):
                best = k
        if at[best] == ends[best]:
            return i
        tokens = lengths[at[best]]
        at[best] += 1
        owner[i] = best
        for k in range(len(weights)):
            debts[k] += weights[k] * tokens
        debts[best] -= total * tokens
    return len(owner)
