"""Kernels that count pre-tokens, add counts, and cut long texts where a cut changes no pre-token.

Distinct pre-tokens live in an open-addressing table of one cache line a row: of up to 16 bytes the row holds the bytes themselves (first
eight, the next eight, length), of longer ones XXH64 and a place in the text where they stand. Slow twin: tests/naive_bpe.py.
"""

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.growing import grown
from curate.kernels.pretoken_flags import make_room, split_chunk
from curate.kernels.pretoken_states import CHUNK, SPACE, width
from curate.kernels.xxh64 import P2, P3, xxh64

BLANK = 0x20
SHORT = 16
"""Bytes of a pre-token that is its own key."""
_FIRST = np.array([(1 << (8 * min(length, 8))) - 1 for length in range(SHORT + 1)], dtype=np.uint64)
_SECOND = np.array([(1 << (8 * max(length - 8, 0))) - 1 for length in range(SHORT + 1)], dtype=np.uint64)
"""What of two words is of a pre-token, by its length: no branch, since lengths are what no processor foresees."""


@njit(nogil=True, cache=True)
def _slow_word(data, p, width):
    x = np.uint64(0)
    for i in range(width):
        x |= np.uint64(data[p + i]) << np.uint64(8 * i)
    return x


@njit(nogil=True, cache=True, forceinline=True)
def _word(data, p):
    """Eight bytes at p, little endian; written out, so that LLVM sees one load."""
    p = np.uint64(p)
    x = np.uint64(data[p])
    x |= np.uint64(data[p + np.uint64(1)]) << np.uint64(8)
    x |= np.uint64(data[p + np.uint64(2)]) << np.uint64(16)
    x |= np.uint64(data[p + np.uint64(3)]) << np.uint64(24)
    x |= np.uint64(data[p + np.uint64(4)]) << np.uint64(32)
    x |= np.uint64(data[p + np.uint64(5)]) << np.uint64(40)
    x |= np.uint64(data[p + np.uint64(6)]) << np.uint64(48)
    x |= np.uint64(data[p + np.uint64(7)]) << np.uint64(56)
    return x


@njit(nogil=True, cache=True, forceinline=True)
def keys_of(data, p, length):
    """(first, second) uint64 of the pre-token data[p:p + length]: its first eight bytes and the next eight, zeros where it has none; XXH64
    and 0 where it is longer than SHORT."""
    if length > SHORT:
        return xxh64(data, p, p + length, np.uint64(0)), np.uint64(0)
    if p + SHORT <= len(data):
        return _word(data, p) & _FIRST[length], _word(data, p + 8) & _SECOND[length]
    return _slow_word(data, p, min(length, 8)), _slow_word(data, p + 8, max(length - 8, 0))


@njit(nogil=True, cache=True, forceinline=True)
def mixed(first, second, length):
    """Keys and length spread over 64 bits for a table: the end of XXH64."""
    h = first ^ (second * P3) ^ np.uint64(length)
    h = (h ^ (h >> np.uint64(33))) * P2
    h = (h ^ (h >> np.uint64(29))) * P3
    return h ^ (h >> np.uint64(32))


@njit(nogil=True, cache=True)
def hash_rows(offsets, data, seed, out):
    """out[i] = XXH64 of row i under `seed`. uint64[n]."""
    for i in range(len(offsets) - 1):
        out[i] = xxh64(data, offsets[i], offsets[i + 1], seed)


@njit(nogil=True, cache=True)
def _ends_in_space(data, start, p, classes):
    """Whether the character before p, if there is one from start on, is SPACE."""
    if p == start:
        return False
    p -= 1
    while data[p] & 0xC0 == 0x80:
        p -= 1
    byte = np.int64(data[p])
    n = width(byte)
    code = byte if n == 1 else byte & (0x7F >> n)
    for i in range(1, n):
        code = (code << 6) | np.int64(data[p + i] & 0x3F)
    return classes[code] == SPACE


@njit(nogil=True, cache=True, forceinline=True)
def _plain(byte):
    return (byte | 0x20) >= 0x61 and (byte | 0x20) <= 0x7A


@njit(nogil=True, cache=True)
def _blank_between_letters(data, low, high):
    """The last place in (low, high] that is a blank between two ASCII letters, where either pattern always cuts; -1 if there is none."""
    for p in range(high, low, -1):
        if data[p] == BLANK and _plain(data[p - 1]) and _plain(data[p + 1]):
            return p
    return -1


@njit(nogil=True, cache=True)
def _cut_after(data, piece, end, classes, splitter, max_bytes, starts):
    """(last place within `max_bytes` of `piece` where a cut changes no pre-token, or `piece`; end of the pre-token that goes too far)."""
    room = make_room()
    p, n, safe, before = piece, 0, piece, piece
    while True:
        p, n = split_chunk(data, piece, p, end, splitter, room, starts, n)
        for k in range(1, n):
            q = starts[k]
            if q - piece > max_bytes:
                return safe, q
            if not _ends_in_space(data, piece, q, classes) or not _ends_in_space(data, piece, before, classes):
                safe = q
            before = q
        if p == end:
            return end, end
        starts[0] = starts[n - 1]
        n = 1


@njit(nogil=True, cache=True)
def cut_ends(data, start, end, classes, splitter, max_bytes, out):
    """Ends of pieces of at most `max_bytes` bytes into `out`; returns how many.

    Cuts stand between pre-tokens, where cutting changes no pre-token: before a blank between letters in the second half of a piece, else
    not behind the second pre-token of a run of blanks, which would become one at the end of a text. A pre-token longer than `max_bytes` is
    cut between characters, and what is left of it is a piece.
    """
    n, piece = 0, start
    starts = np.empty(CHUNK + 16, dtype=np.int64)
    while end - piece > max_bytes:
        safe = _blank_between_letters(data, piece + max_bytes // 2, min(piece + max_bytes, end - 2))
        q = safe
        if safe < 0:
            safe, q = _cut_after(data, piece, end, classes, splitter, max_bytes, starts)
        if safe > piece:
            out[n] = safe
            n += 1
        else:
            while safe < q:
                safe = min(safe + max_bytes, q)
                while safe < q and data[safe] & 0xC0 == 0x80:
                    safe -= 1
                out[n] = safe
                n += 1
        piece = safe
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
                p += width(data[p])
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
def _wider(table):
    """The same rows in a table of twice the size."""
    out = np.zeros((2 * len(table), 4), dtype=np.uint64)
    mask = np.uint64(len(out) - 1)
    for i in range(len(table)):
        if table[i, 3] != 0:
            length = table[i, 3] & np.uint64(0xFFFFFF)
            at = mixed(table[i, 0], table[i, 1] if length <= SHORT else np.uint64(0), length) & mask
            while out[at, 3] != 0:
                at = (at + np.uint64(1)) & mask
            out[at, 0], out[at, 1], out[at, 2], out[at, 3] = table[i, 0], table[i, 1], table[i, 2], table[i, 3]
    return out


@njit(nogil=True, cache=True)
def _count_slow(data, p, length, first, second, at, table):
    """As the loop below, where the row `at` is not this short pre-token. Returns 1 if it is new."""
    mask = np.uint64(len(table) - 1)
    while table[at, 3] != 0:
        same = table[at, 3] == np.uint64(length) and table[at, 0] == first
        if same and (table[at, 1] == second if length <= SHORT else same_bytes(data, np.int64(table[at, 1]), p, length)):
            table[at, 2] += np.uint64(1)
            return 0
        at = (at + np.uint64(1)) & mask
    table[at, 0], table[at, 2], table[at, 3] = first, np.uint64(1), np.uint64(length)
    table[at, 1] = second if length <= SHORT else np.uint64(p)
    return 1


@njit(nogil=True, cache=True)
def _count_words(data, starts, n, max_bytes, table, longs):
    """Count the pre-tokens between the starts; returns how many are new. The table has room."""
    mask = np.uint64(len(table) - 1)
    new = 0
    for k in range(n - 1):
        p = starts[k]
        length = starts[k + 1] - p
        first, second = keys_of(data, p, length)
        at = mixed(first, second, length) & mask
        same = (table[at, 0] ^ first) | (table[at, 1] ^ second) | (table[at, 3] ^ np.uint64(length))
        if same == 0 and length <= SHORT:
            table[at, 2] += np.uint64(1)
        elif length <= max_bytes:
            new += _count_slow(data, p, length, first, second, at, table)
        else:
            longs[0] += 1
            longs[1] += length
    return new


@njit(nogil=True, cache=True)
def count_pretokens(starts, ends, data, splitter, max_bytes):
    """Distinct pre-tokens of rows data[starts[i]:ends[i]], in no order of meaning.

    Returns (rows uint64[m, 4]: see the module, place in the text if it is longer than SHORT, count, length; number and bytes of pre-tokens
    longer than `max_bytes`, which are not counted).
    """
    table = np.zeros((1 << 14, 4), dtype=np.uint64)
    found = np.empty(CHUNK + 16, dtype=np.int64)
    room, longs = make_room(), np.zeros(2, dtype=np.int64)
    num = 0
    for row in range(len(starts)):
        p, n, end = starts[row], 0, ends[row]
        while p < end:
            p, n = split_chunk(data, starts[row], p, end, splitter, room, found, n)
            while 2 * (num + n) > len(table):
                table = _wider(table)
            num += _count_words(data, found, n, max_bytes, table, longs)
            found[0] = found[n - 1]
            n = 1
    out = np.empty((num, 4), dtype=np.uint64)
    n = 0
    for i in range(len(table)):
        if table[i, 3] != 0:
            out[n] = table[i]
            n += 1
    return out, longs[0], longs[1]


@njit(nogil=True, cache=True)
def gather(data, rows, offsets, out):
    """out[offsets[i]:offsets[i + 1]] = the bytes of the pre-token in row i of `count_pretokens`, counted in `data`."""
    for i in range(len(rows)):
        length = offsets[i + 1] - offsets[i]
        if length > SHORT:
            start = np.int64(rows[i, 1])
            for k in range(length):
                out[offsets[i] + k] = data[start + k]
        else:
            for k in range(min(length, 8)):
                out[offsets[i] + k] = np.uint8((rows[i, 0] >> np.uint64(8 * k)) & np.uint64(0xFF))
            for k in range(8, length):
                out[offsets[i] + k] = np.uint8((rows[i, 1] >> np.uint64(8 * (k - 8))) & np.uint64(0xFF))


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
def sum_counts(hashes, offsets, data, subs, counts):
    """Rows with equal bytes and equal sub become one. hashes uint64[n]: any function of the bytes that spreads well.

    Returns (row of first sight int64[m], sum of counts int64[m]).
    """
    first, total = np.empty(1024, dtype=np.int64), np.empty(1024, dtype=np.int64)
    seen = np.empty(1024, dtype=np.uint64)
    num = 0
    slots = _rehash(seen, 0)
    for row in range(len(offsets) - 1):
        p, n = offsets[row], offsets[row + 1] - offsets[row]
        h = hashes[row] ^ (subs[row] * P2)
        at = h & np.uint64(len(slots) - 1)
        while True:
            i = slots[at] - 1
            if i < 0:
                if num == len(first):
                    first, total, seen = grown(first, num), grown(total, num), grown(seen, num)
                first[num], total[num], seen[num] = row, counts[row], h
                num += 1
                slots[at] = num
                if 2 * num > len(slots):
                    slots = _rehash(seen, num)
                break
            other = offsets[first[i]]
            if seen[i] == h and subs[first[i]] == subs[row] and offsets[first[i] + 1] - other == n and same_bytes(data, other, p, n):
                total[i] += counts[row]
                break
            at = (at + np.uint64(1)) & np.uint64(len(slots) - 1)
    return first[:num].copy(), total[:num].copy()
