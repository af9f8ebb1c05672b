"""Shingles: hashes of every n neighbouring words of a text, as they are after case, digits, punctuation and diacritics are gone
(`fold.py`).

The hash is XXH64 (seed 0) of the words joined by one blank, as in datatrove's MinHash. Words are cut first and their marks removed then.
A text of fewer than n words is one shingle, all of it; a text without a word has none. Slow twin: tests/naive_dedup.py.

Two passes over what fits into the first cache: words are folded into a buffer, ASCII without a branch a byte; then the n-grams of the
buffer are hashed side by side (`xxh64.py`). Price: about 25 ns a word, half of it hashing.
"""

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.fold import ALONE, DECIMAL, DIGIT, DROPPED, FOLDED, MARK, SLOW
from curate.kernels.utf8 import code_at, width
from curate.kernels.xxh64 import LANES, NUM_LANES, SHORT, xxh64, xxh64_between

POS, WRITE, OPEN, WORDS, BEGUN, DONE = range(6)
"""Fields of a state: next byte of the text, end of what is written, kind of the open word, words in the buffer, whether a shingle was
made, whether the text is through."""
NONE, PLAIN, SINGLE = 0, 1, 2
ROOM = 2 * SHORT
"""Behind what is written: more than one code point can add, and what the hash may look at."""
BLANK = np.uint8(32)
ZERO = np.uint8(48)
FIRST_BUFFER = 1 << 14
MAX_WORDS = 1024
"""Words in the buffer at once."""


@njit(nogil=True, cache=True)
def scratch(n):
    """(buffer, starts, state, lanes): what `fill` works in, for n-grams of n words."""
    words = max(MAX_WORDS, 4 * n)
    return (
        np.empty(FIRST_BUFFER, dtype=np.uint8),
        np.empty(words + 1, dtype=np.int64),
        np.empty(6, dtype=np.int64),
        np.empty((NUM_LANES, LANES), dtype=np.uint64),
    )


@njit(nogil=True, cache=True)
def _digits(data, p, end, classes):
    """Where the run of digits at p ends."""
    while p < end and classes[code_at(data, p)] == DIGIT:
        p += width(data[p])
    return p


@njit(nogil=True, cache=True)
def _number(data, p, end, classes):
    """Where the number at p ends: digits, and once a point or comma with digits behind it."""
    p = _digits(data, p, end, classes)
    if p < end and classes[code_at(data, p)] == DECIMAL:
        q = p + width(data[p])
        after = _digits(data, q, end, classes)
        if after > q:
            return after
    return p


@njit(nogil=True, cache=True)
def _write(data, p, step, code, buffer, write, fold_at, fold_data):
    """Write the folded form of the code point at p; the new end."""
    if code < FOLDED and fold_at[code + 1] > fold_at[code]:
        for i in range(fold_at[code], fold_at[code + 1]):
            buffer[write] = fold_data[i]
            write += 1
        return write
    for i in range(step):
        buffer[write + i] = data[p + i]
    return write + step


@njit(nogil=True, cache=True)
def _plainly(data, p, stop, plain, buffer, write, starts, words, is_open):
    """Letters of ASCII and what stands between words, until something else comes: the new (p, write, words, is_open).

    Every byte is written and every place noted as the start of a word; what counts is whether the ends move on. Unsigned, since a signed
    index costs a question (`xxh64.py`).
    """
    one = np.uint64(1)
    at, end, w, k, o = np.uint64(p), np.uint64(stop), np.uint64(write), np.uint64(words), np.uint64(is_open)
    while at < end:
        byte = plain[data[at]]
        if byte == SLOW:
            break
        letter = np.uint64(byte != BLANK)
        buffer[w] = byte
        starts[k] = w
        k += letter & (o ^ one)
        w += letter | o
        o = letter
        at += one
    return np.int64(at), np.int64(w), np.int64(k), np.int64(o)


@njit(nogil=True, cache=True)
def _walk(data, end, classes, fold_at, fold_data, plain, buffer, starts, state):
    """Fold words into the buffer until the text ends, or the buffer or `starts` is full."""
    p, write, kind_open, words = state[POS], state[WRITE], state[OPEN], state[WORDS]
    limit, room = len(buffer) - ROOM, len(starts) - 1
    while p < end and write < limit and words < room:
        if kind_open == SINGLE and data[p] < 0x80:  # nothing in ASCII continues a word of one letter
            buffer[write] = BLANK
            write += 1
            kind_open = NONE
        elif kind_open != SINGLE:
            stop = p + min(end - p, limit - write, 2 * (room - words) - 1)  # so many bytes begin no more words than there is room for
            p, write, words, kind_open = _plainly(data, p, stop, plain, buffer, write, starts, words, kind_open)
            if p == stop or words == room:
                continue
        byte = data[p]
        code = np.int64(byte) if byte < 0x80 else code_at(data, p)
        kind = classes[code]
        if kind == DROPPED:
            p += width(byte)
            continue
        between = kind <= DECIMAL
        if kind_open != NONE and (between or kind == ALONE or (kind_open == SINGLE and kind != MARK)):
            buffer[write] = BLANK
            write += 1
            kind_open = NONE
        if between:
            p += width(byte)
            continue
        if kind_open == NONE:
            kind_open = SINGLE if kind == ALONE else PLAIN
            starts[words] = write
            words += 1
        if kind == DIGIT:
            buffer[write] = ZERO
            write += 1
            p = _number(data, p, end, classes)
        else:
            step = width(byte)
            write = _write(data, p, step, code, buffer, write, fold_at, fold_data)
            p += step
    state[POS], state[WRITE], state[OPEN], state[WORDS] = p, write, kind_open, words


@njit(nogil=True, cache=True)
def _carry(buffer, starts, state, count):
    """Forget the first `count` words; a longer buffer where what is left fills half of it."""
    live = starts[count] if count < state[WORDS] else state[WRITE]
    used = state[WRITE] - live
    target = buffer if used * 2 < len(buffer) - ROOM else np.empty(2 * len(buffer), dtype=np.uint8)
    for i in range(used):
        target[i] = buffer[live + i]
    for i in range(count, state[WORDS]):
        starts[i - count] = starts[i] - live
    state[WORDS] -= count
    state[WRITE] = used
    return target


@njit(nogil=True, cache=True)
def fill(data, end, n, classes, fold_at, fold_data, plain, buffer, starts, state, lanes, out):
    """Write the next shingle hashes (uint64) of data[…:end], at most len(starts) - 1; (number written, buffer).

    buffer, starts, state, lanes: as `scratch` makes them, or smaller ones: buffer more than 2 * ROOM, starts more than n + 1; state is
    zeros before a text but for POS, and state[DONE] is 1 when the text is through. out: room for len(starts) - 1. Valid UTF-8 is taken
    for granted, as in Arrow strings.
    """
    _walk(data, end, classes, fold_at, fold_data, plain, buffer, starts, state)
    words = state[WORDS]
    if state[POS] < end:
        count = max(words - n, 0)  # the last word may go on
        xxh64_between(buffer, starts, n, count, lanes, out)
        state[BEGUN] |= count > 0
        return count, _carry(buffer, starts, state, count)
    state[DONE] = 1
    starts[words] = state[WRITE] + (state[OPEN] != NONE)
    if 0 < words < n and state[BEGUN] == 0:
        out[0] = xxh64(buffer, starts[0], starts[words] - 1, np.uint64(0))
        return 1, buffer
    count = max(words - n + 1, 0)
    xxh64_between(buffer, starts, n, count, lanes, out)
    return count, buffer


@njit(nogil=True, cache=True)
def folded(offsets, data, classes, fold_at, fold_data, plain):
    """(offsets int64, data uint8): each text as it is compared, its folded words joined by one blank."""
    buffer, starts, state, _ = scratch(1)
    ends = np.zeros(len(offsets), dtype=np.int64)
    out = np.empty(max(offsets[-1] - offsets[0], 1) + ROOM, dtype=np.uint8)
    total = 0
    for row in range(len(offsets) - 1):
        state[:] = 0
        state[POS] = offsets[row]
        while True:
            _walk(data, offsets[row + 1], classes, fold_at, fold_data, plain, buffer, starts, state)
            written = state[WRITE]
            if total + written > len(out):
                larger = np.empty(2 * len(out) + written, dtype=np.uint8)
                larger[:total] = out[:total]
                out = larger
            out[total : total + written] = buffer[:written]
            total += written
            if state[POS] >= offsets[row + 1]:
                break
            state[WRITE], state[WORDS] = 0, 0
        if state[OPEN] == NONE and total > ends[row]:
            total -= 1  # the blank after the last word
        ends[row + 1] = total
    return ends, out[:total]
