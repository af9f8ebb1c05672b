"""Kernels that cut UTF-8 text into pre-tokens, count them, and cut long texts where a cut changes nothing.

Two patterns, as in the tokenizers of GPT-2 and GPT-4 (the latter with digits in threes); the regular expressions stand in
`curate.tokenizer.pretokenize`. Each alternative is tried in the order of the expression, by hand, on bytes. `classes` is uint8[0x110000]:
OTHER, LETTER, NUMBER or SPACE for every code point. Text must be valid UTF-8, as Arrow strings are. Slow twin: tests/naive_bpe.py.

Distinct pre-tokens live in an open-addressing table keyed by their bytes, or by XXH64 where they are longer than 8.
"""

import numpy as np
from numba import njit

from curate.kernels.xxh64 import P2, P3, xxh64

OTHER, LETTER, NUMBER, SPACE = 0, 1, 2, 3
GPT2, GPT4 = 0, 1
APOSTROPHE, BLANK, LF, CR = 0x27, 0x20, 0x0A, 0x0D


@njit(nogil=True, cache=True, forceinline=True)
def short_key(data, p, width):
    """`width` bytes at p, little endian, as uint64."""
    x = np.uint64(0)
    for i in range(width):
        x |= np.uint64(data[p + i]) << np.uint64(8 * i)
    return x


@njit(nogil=True, cache=True, forceinline=True)
def mixed(key):
    """The bits of a key spread for a table: the end of XXH64."""
    h = (key ^ (key >> np.uint64(33))) * P2
    h = (h ^ (h >> np.uint64(29))) * P3
    return h ^ (h >> np.uint64(32))


@njit(nogil=True, cache=True)
def hash_rows(offsets, data, seed, out):
    """out[i] = XXH64 of row i under `seed`. uint64[n]."""
    for i in range(len(offsets) - 1):
        out[i] = xxh64(data, offsets[i], offsets[i + 1], seed)


@njit(nogil=True, cache=True, forceinline=True)
def _width(byte):
    """Bytes of the UTF-8 character that starts with `byte`."""
    return 1 if byte < 0x80 else (2 if byte < 0xE0 else (3 if byte < 0xF0 else 4))


@njit(nogil=True, cache=True)
def _wide_class(data, p, classes):
    byte = np.int64(data[p])
    if byte < 0xE0:
        return classes[((byte & 0x1F) << 6) | (data[p + 1] & 0x3F)]
    if byte < 0xF0:
        return classes[((byte & 0x0F) << 12) | (np.int64(data[p + 1] & 0x3F) << 6) | (data[p + 2] & 0x3F)]
    high = ((byte & 0x07) << 18) | (np.int64(data[p + 1] & 0x3F) << 12)
    return classes[high | (np.int64(data[p + 2] & 0x3F) << 6) | (data[p + 3] & 0x3F)]


@njit(nogil=True, cache=True, forceinline=True)
def _class(data, p, classes):
    return classes[data[p]] if data[p] < 0x80 else _wide_class(data, p, classes)


@njit(nogil=True, cache=True, forceinline=True)
def _run(data, p, end, classes, kind):
    """Where the run of characters of class `kind` that may start at p ends."""
    while p < end:
        byte = data[p]
        if byte < 0x80:
            if classes[byte] != kind:
                break
            p += 1
        else:
            if _wide_class(data, p, classes) != kind:
                break
            p += _width(byte)
    return p


@njit(nogil=True, cache=True, forceinline=True)
def _contraction(data, p, end, any_case):
    """Bytes of 's 't 're 've 'm 'll 'd at p, or 0. With `any_case` also capitals, and U+017F, which folds to s."""
    if p + 1 >= end:
        return 0
    a = data[p + 1]
    b = data[p + 2] if p + 2 < end else np.uint8(0)
    if any_case:
        if a == 0xC5 and b == 0xBF:
            return 3
        a = a | 0x20 if 0x41 <= a <= 0x5A else a
        b = b | 0x20 if 0x41 <= b <= 0x5A else b
    if a == ord("s") or a == ord("t") or a == ord("m") or a == ord("d"):
        return 2
    if (b == ord("e") and (a == ord("r") or a == ord("v"))) or (a == ord("l") and b == ord("l")):
        return 3
    return 0


@njit(nogil=True, cache=True)
def _blank_end(data, p, end, classes, newlines):
    r"""End of a whitespace pre-token at p: (`\s*[\r\n]+` if `newlines`), `\s+(?!\S)`, `\s+`."""
    q, last, after_newline = p, p, -1
    while q < end and _class(data, q, classes) == SPACE:
        last = q
        q += _width(data[q])
        if newlines and (data[last] == LF or data[last] == CR):
            after_newline = q
    if after_newline >= 0:
        return after_newline
    return q if q == end or last == p else last


@njit(nogil=True, cache=True, forceinline=True)
def _next_gpt2(data, p, end, classes):
    if data[p] == APOSTROPHE:
        n = _contraction(data, p, end, False)
        if n > 0:
            return p + n
    q = p
    if data[p] == BLANK and p + 1 < end:
        q = p + 1
    kind = _class(data, q, classes)
    if kind == SPACE:
        return _blank_end(data, p, end, classes, False)
    return _run(data, q, end, classes, kind)


@njit(nogil=True, cache=True, forceinline=True)
def _next_gpt4(data, p, end, classes):
    if data[p] == APOSTROPHE:
        n = _contraction(data, p, end, True)
        if n > 0:
            return p + n
    kind = _class(data, p, classes)
    q = p + _width(data[p])
    if kind == LETTER:
        return _run(data, q, end, classes, LETTER)
    if kind == NUMBER:
        for _ in range(2):
            if q < end and _class(data, q, classes) == NUMBER:
                q += _width(data[q])
        return q
    if q < end and data[p] != LF and data[p] != CR and _class(data, q, classes) == LETTER:
        return _run(data, q, end, classes, LETTER)
    if kind == OTHER or (data[p] == BLANK and q < end and _class(data, q, classes) == OTHER):
        q = _run(data, q, end, classes, OTHER)
        while q < end and (data[q] == LF or data[q] == CR):
            q += 1
        return q
    return _blank_end(data, p, end, classes, True)


@njit(nogil=True, cache=True, forceinline=True)
def next_end(data, p, end, classes, pattern):
    """Where the pre-token that starts at p ends; p < end."""
    return _next_gpt2(data, p, end, classes) if pattern == GPT2 else _next_gpt4(data, p, end, classes)


@njit(nogil=True, cache=True)
def split_ends(data, start, end, classes, pattern, out):
    """Ends of all pre-tokens of data[start:end] into `out` (int64, one a byte is enough); returns how many."""
    n, p = 0, start
    while p < end:
        p = next_end(data, p, end, classes, pattern)
        out[n] = p
        n += 1
    return n


@njit(nogil=True, cache=True)
def _after_space(data, start, p, classes):
    """Whether the character before p, if there is one from start on, is SPACE."""
    if p == start:
        return False
    p -= 1
    while data[p] & 0xC0 == 0x80:
        p -= 1
    return _class(data, p, classes) == SPACE


@njit(nogil=True, cache=True)
def cut_ends(data, start, end, classes, pattern, max_bytes, out):
    """Ends of pieces of at most `max_bytes` bytes into `out`; returns how many.

    Cuts stand between pre-tokens, where cutting changes no pre-token: not behind the second pre-token of a run of blanks, which would
    become one at the end of a text. A pre-token longer than `max_bytes` is cut between characters, and what is left of it is a piece.
    """
    n, p, piece, safe = 0, start, start, start
    while p < end:
        q = next_end(data, p, end, classes, pattern)
        if q - piece <= max_bytes:
            if not _after_space(data, piece, q, classes) or not _after_space(data, piece, p, classes):
                safe = q
            p = q
            continue
        if safe == piece:
            while safe < q:
                safe = min(safe + max_bytes, q)
                while safe < q and data[safe] & 0xC0 == 0x80:
                    safe -= 1
                out[n] = safe
                n += 1
        else:
            out[n] = safe
            n += 1
        p, piece = safe, safe
    if piece < end:
        out[n] = end
        n += 1
    return n


@njit(nogil=True, cache=True)
def cap_ends(offsets, data, max_chars, out):
    """out[i] = end of the first `max_chars` characters of row i."""
    for row in range(len(offsets) - 1):
        p, end = offsets[row], offsets[row + 1]
        if end - p > max_chars:
            for _ in range(max_chars):
                if p >= end:
                    break
                p += _width(data[p])
            end = p
        out[row] = end


@njit(nogil=True, cache=True, forceinline=True)
def same_bytes(data, a, b, n):
    """Whether data[a:a + n] equals data[b:b + n]."""
    i = 0
    while i < n and data[a + i] == data[b + i]:
        i += 1
    return i == n


@njit(nogil=True, cache=True)
def _rehash(hashes, num):
    """A table of at least four slots an entry: slot → entry index + 1, 0 where free."""
    size = 1024
    while size < 4 * num:
        size *= 2
    slots = np.zeros(size, dtype=np.int64)
    mask = np.uint64(size - 1)
    for i in range(num):
        at = hashes[i] & mask
        while slots[at] != 0:
            at = (at + np.uint64(1)) & mask
        slots[at] = i + 1
    return slots


@njit(nogil=True, cache=True)
def _longer(array, num):
    out = np.empty(2 * len(array), dtype=array.dtype)
    out[:num] = array[:num]
    return out


@njit(nogil=True, cache=True)
def _count_some(starts, ends, data, classes, pattern, max_bytes, slots, table, state):
    """Count until the texts end or the table is full. state: row, position (-1: the row's start), entries, long ones, their bytes."""
    mask = np.uint64(len(slots) - 1)
    room = min(len(table), len(slots) // 2)
    num = state[2]
    for row in range(state[0], len(starts)):
        p = starts[row] if state[1] < 0 else state[1]
        end = ends[row]
        while p < end:
            if num == room:
                state[0], state[1], state[2] = row, p, num
                return False
            q = next_end(data, p, end, classes, pattern)
            n = q - p
            if n > max_bytes:
                state[3] += 1
                state[4] += n
                p = q
                continue
            short = n <= 8  # the bytes themselves are the key, so that equal keys need no look at the text
            key = short_key(data, p, n) if short else xxh64(data, p, q, np.uint64(0))
            at = mixed(key + np.uint64(n)) & mask
            while True:
                i = slots[at] - 1
                if i < 0:
                    table[num, 0], table[num, 1], table[num, 2], table[num, 3] = np.int64(key), p, n, 1
                    num += 1
                    slots[at] = num
                    break
                if table[i, 0] == np.int64(key) and table[i, 2] == n and (short or same_bytes(data, table[i, 1], p, n)):
                    table[i, 3] += 1
                    break
                at = (at + np.uint64(1)) & mask
            p = q
        state[1] = -1
    state[2] = num
    return True


@njit(nogil=True, cache=True)
def count_pretokens(starts, ends, data, classes, pattern, max_bytes):
    """Distinct pre-tokens of rows data[starts[i]:ends[i]], in order of first sight.

    Returns (table int64[m, 4]: key, first start, length, count; number and bytes of pre-tokens longer than `max_bytes`, which are not
    counted).
    """
    table = np.empty((4096, 4), dtype=np.int64)
    slots = np.zeros(4 * len(table), dtype=np.int32)
    state = np.zeros(5, dtype=np.int64)
    state[1] = -1
    while not _count_some(starts, ends, data, classes, pattern, max_bytes, slots, table, state):
        wider = np.empty((2 * len(table), 4), dtype=np.int64)
        wider[: len(table)] = table
        table = wider
        slots = np.zeros(4 * len(table), dtype=np.int32)
        mask = np.uint64(len(slots) - 1)
        for i in range(state[2]):
            at = mixed(np.uint64(table[i, 0]) + np.uint64(table[i, 2])) & mask
            while slots[at] != 0:
                at = (at + np.uint64(1)) & mask
            slots[at] = i + 1
    return table[: state[2]].copy(), state[3], state[4]


@njit(nogil=True, cache=True)
def sum_counts(offsets, data, subs, counts):
    """Rows with equal bytes and equal sub become one. Returns (row of first sight int64[m], sum of counts int64[m])."""
    first, total = np.empty(1024, dtype=np.int64), np.empty(1024, dtype=np.int64)
    hashes = np.empty(1024, dtype=np.uint64)
    num = 0
    slots = _rehash(hashes, 0)
    for row in range(len(offsets) - 1):
        p, n = offsets[row], offsets[row + 1] - offsets[row]
        h = xxh64(data, p, p + n, subs[row])
        at = h & np.uint64(len(slots) - 1)
        while True:
            i = slots[at] - 1
            if i < 0:
                if num == len(first):
                    first, total, hashes = _longer(first, num), _longer(total, num), _longer(hashes, num)
                first[num], total[num], hashes[num] = row, counts[row], h
                num += 1
                slots[at] = num
                if 2 * num > len(slots):
                    slots = _rehash(hashes, num)
                break
            other = offsets[first[i]]
            if hashes[i] == h and subs[first[i]] == subs[row] and offsets[first[i] + 1] - other == n and same_bytes(data, other, p, n):
                total[i] += counts[row]
                break
            at = (at + np.uint64(1)) & np.uint64(len(slots) - 1)
    return first[:num].copy(), total[:num].copy()


@njit(nogil=True, cache=True)
def gather(data, starts, offsets, out):
    """out[offsets[i]:offsets[i + 1]] = the bytes of data from starts[i]."""
    for i in range(len(starts)):
        for k in range(offsets[i + 1] - offsets[i]):
            out[offsets[i] + k] = data[starts[i] + k]
