"""Shingles: hashes of every n neighbouring words of a text, as they are after case, digits, punctuation and diacritics are gone
(`fold.py`).

The hash is XXH64 (seed 0) of the words joined by one blank, as in datatrove's MinHash. Words are cut first and their marks removed then.
A text of fewer than n words is one shingle, all of it; a text without a word has none. `fill` can stop and go on, so its caller decides
how much is held. Slow twin: tests/naive_dedup.py.
"""

import numpy as np
from numba import njit

from curate.kernels.fold import ALONE, DECIMAL, DIGIT, DROPPED, FOLDED, MARK
from curate.kernels.utf8 import code_at, width
from curate.kernels.xxh64 import xxh64

POS, WRITE, TOKEN, OPEN, WORDS, DONE = range(6)
"""Fields of a state: next byte of the text, end of what is written, start of the open word, its kind, closed words, whether the text is
through."""
NONE, PLAIN, SINGLE = 0, 1, 2
ROOM = 64
"""More than one code point can add to the written text."""
BLANK = np.uint8(32)
ZERO = np.uint8(48)
CASE = np.uint8(32)
"""The bit that makes an ASCII letter small."""
FIRST_BUFFER = 1 << 14


@njit(nogil=True, cache=True, inline="always")
def _ascii_letter(byte):
    return 97 <= (byte | CASE) <= 122


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
def _walk(data, end, n, classes, fold_at, fold_data, buffer, starts, state, out, count):
    """Walk the text until it ends, `out` is full or the buffer is; the new count. Everything hot is a local."""
    p, write, token, kind_open, words = state[POS], state[WRITE], state[TOKEN], state[OPEN], state[WORDS]
    limit, room = len(buffer) - ROOM, len(out)
    slot = words % n
    while p < end and count < room and write < limit:
        byte = data[p]
        code = np.int64(byte) if byte < 0x80 else code_at(data, p)
        kind = classes[code]
        if kind == DROPPED:
            p += width(byte)
            continue
        between = kind <= DECIMAL
        if kind_open != NONE and (between or kind == ALONE or (kind_open == SINGLE and kind != MARK)):
            starts[slot] = token
            words += 1
            slot = slot + 1 if slot + 1 < n else 0
            if words >= n:  # the oldest word that is held stands where the next will be put
                out[count] = xxh64(buffer, starts[slot], write, np.uint64(0))
                count += 1
            buffer[write] = BLANK
            write += 1
            token = write
            kind_open = NONE
        if between:
            p += width(byte)
            continue
        if kind_open == NONE:
            kind_open = SINGLE if kind == ALONE else PLAIN
        if kind == DIGIT:
            buffer[write] = ZERO
            write += 1
            p = _number(data, p, end, classes)
        elif byte < 0x80:  # a letter: no other ASCII is part of a word
            while _ascii_letter(byte) and write < limit:
                buffer[write] = byte | CASE
                write += 1
                p += 1
                byte = data[p] if p < end else BLANK
        else:
            step = width(byte)
            write = _write(data, p, step, code, buffer, write, fold_at, fold_data)
            p += step
    state[POS], state[WRITE], state[TOKEN], state[OPEN], state[WORDS] = p, write, token, kind_open, words
    return count


@njit(nogil=True, cache=True)
def _make_room(buffer, state, starts, n):
    """Forget words that no shingle needs any more; a longer buffer where that frees less than half."""
    live = state[TOKEN]
    for back in range(1, min(state[WORDS], n - 1) + 1):
        live = min(live, starts[(state[WORDS] - back) % n])
    used = state[WRITE] - live
    target = buffer if used * 2 < len(buffer) - ROOM else np.empty(2 * len(buffer), dtype=np.uint8)
    for i in range(used):
        target[i] = buffer[live + i]
    for i in range(n):
        starts[i] -= live
    state[WRITE] -= live
    state[TOKEN] -= live
    return target


@njit(nogil=True, cache=True)
def fill(data, end, n, classes, fold_at, fold_data, buffer, starts, state, out):
    """Write shingle hashes (uint64) until `out` is full or data[…:end] is through; (number written, buffer).

    buffer: uint8, at least 2 * ROOM; starts: int64[n]; state: int64[6], zeros before a text but for POS. Valid UTF-8 is taken for
    granted, as in Arrow strings. Fewer than len(out) written: the text is through.
    """
    count = 0
    while True:
        count = _walk(data, end, n, classes, fold_at, fold_data, buffer, starts, state, out, count)
        if count == len(out):
            return count, buffer
        if state[POS] >= end:
            break
        buffer = _make_room(buffer, state, starts, n)
    if state[DONE] == 0:
        state[DONE] = 1
        count += _last(buffer, state, starts, n, out, count)
    return count, buffer


@njit(nogil=True, cache=True)
def _last(buffer, state, starts, n, out, count):
    """The shingle that ends with the text, or the whole of a short text; how many were written."""
    words, write = state[WORDS], state[WRITE]
    if state[OPEN] != NONE:
        starts[words % n] = state[TOKEN]
        words += 1
    elif 0 < words < n:
        write -= 1  # the blank after the last word
    else:
        return 0
    first = starts[words % n] if words >= n else starts[0]
    out[count] = xxh64(buffer, first, write, np.uint64(0))
    return 1
