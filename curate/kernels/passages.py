"""Repeated passages: which windows of a text stand for all of them, and what surroundings of an anchor share.

A *window* is `length` symbols in a row; a symbol is a byte, or a word: a run without white space, where a character of three or four bytes
(Han, kana, Thai, …) is a word of its own. Winnowing (Schleimer, Wilkerson and Aiken 2003, §3) takes of every window its smallest k-symbol
hash, the rightmost where several are equal: two equal windows take the same one, at the same place. So equal windows meet at their
*anchor*, and a text has about 2 / (length - k + 2) anchors a symbol. Which anchor is taken depends on a polynomial hash mod 2^64; what is
compared is XXH64 of the bytes. Slow twin: tests/naive_passages.py.
"""

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.xxh64 import xxh64

BASE = np.uint64(0x9E3779B97F4A7C15)
VALUE = np.uint64(0xD6E8FEB86659FD93)
ROW, LOW, BYTES, CENTRE, LEFT, FIRST, LAST = range(7)
"""Columns of an anchor: its text; start and length of its surroundings, which hold all its windows; the byte in them where it stands; the
symbol with which they begin; and those, counted from there, with which its first and its last window begin."""
MIN_SLOTS = 64


@njit(nogil=True, cache=True, inline="always")
def is_blank(byte):
    """White space of ASCII."""
    return byte == 32 or (9 <= byte <= 13)


@njit(nogil=True, cache=True)
def _symbols(data, start, end, words, places, ends, values):
    """Places, ends and values of the symbols of data[start:end]; their number. Bytes need no places."""
    if not words:
        for i in range(start, end):
            values[i - start] = (np.uint64(data[i]) + np.uint64(1)) * VALUE
        return end - start
    count = 0
    i = start
    while i < end:
        if is_blank(data[i]):
            i += 1
            continue
        j = i + 1
        if data[i] >= 0xE0:
            while j < end and data[j] & 0xC0 == 0x80:
                j += 1
        else:
            while j < end and not is_blank(data[j]) and data[j] < 0xE0:
                j += 1
        places[count], ends[count] = i, j
        values[count] = xxh64(data, i, j, np.uint64(0))
        count += 1
        i = j
    return count


@njit(nogil=True, cache=True)
def _rolled(values, count, k, hashes):
    """hashes[i] = polynomial hash of values[i:i + k]."""
    power = np.uint64(1)
    h = np.uint64(0)
    for i in range(k):
        power *= BASE
        h = h * BASE + values[i]
    hashes[0] = h
    for i in range(k, count):
        h = h * BASE + values[i] - values[i - k] * power
        hashes[i - k + 1] = h


@njit(nogil=True, cache=True)
def _winnow(hashes, windows, width, picks):
    """The anchor of every window, each once: picks[j] = (symbol, first window, last window); how many."""
    count = 0
    best = -1
    last = -1
    for s in range(windows):
        end = s + width
        if best < s:
            best = s
            for j in range(s + 1, end):
                if hashes[j] <= hashes[best]:
                    best = j
        elif hashes[end - 1] <= hashes[best]:
            best = end - 1
        if best != last:
            picks[count, 0], picks[count, 1] = best, s
            count += 1
            last = best
        picks[count - 1, 2] = s
    return count


@njit(nogil=True, cache=True)
def _larger(array, rows):
    out = np.empty((max(rows, 2 * len(array)), array.shape[1]), dtype=array.dtype)
    out[: len(array)] = array
    return out


@njit(nogil=True, cache=True)
def _entered(keys, table, slots, entry, key, around, pairs):
    """The entry of the first with this key (with `pairs`: with both keys) in a text's table; -1 and entered where there is none yet."""
    mask = slots - 1
    mixed = key ^ (around * BASE) if pairs else key
    slot = np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(mask))
    while table[slot] >= 0:
        other = table[slot]
        if keys[other, 0] == key and (not pairs or keys[other, 1] == around):
            return other
        slot = (slot + 1) & mask
    table[slot] = entry
    return np.int64(-1)


@njit(nogil=True, cache=True)
def anchors(offsets, data, scope, words, length, k):
    """The anchors of all texts: (int64[m, 7] as ROW … LAST, uint64[m, 2] keys, bool[m] fresh, bool[m] again), texts and places in order.

    keys: XXH64 of the k symbols, and of the surroundings, both under scope[row] (uint64), so that texts of
    different scopes do not meet. fresh: the text has no anchor with both keys before; again: the text has its first key more than once.
    """
    longest = 1
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    values, hashes = np.empty(longest, dtype=np.uint64), np.empty(longest, dtype=np.uint64)
    picks = np.empty((longest, 3), dtype=np.int64)
    places, ends = np.empty(longest if words else 1, dtype=np.int64), np.empty(longest if words else 1, dtype=np.int64)
    room = 1024
    out, keys, flags = np.empty((room, 7), dtype=np.int64), np.empty((room, 2), dtype=np.uint64), np.zeros((room, 2), dtype=np.bool_)
    table = np.empty((2, MIN_SLOTS), dtype=np.int64)
    total = 0
    for row in range(len(offsets) - 1):
        start = offsets[row]
        count = _symbols(data, start, offsets[row + 1], words, places, ends, values)
        if count < length:
            continue
        _rolled(values, count, k, hashes)
        found = _winnow(hashes, count - length + 1, length - k + 1, picks)
        if total + found > len(out):
            out, keys, flags = _larger(out, total + found), _larger(keys, total + found), _larger(flags, total + found)
        slots = MIN_SLOTS
        while slots < 2 * found:
            slots *= 2
        if slots > table.shape[1]:
            table = np.empty((2, slots), dtype=np.int64)
        table[:, :slots] = -1
        for j in range(found):
            a = picks[j, 0]
            left, right = max(0, a - (length - k)), min(count, a + length)
            low, high, at, to = start + left, start + right, start + a, start + a + k
            if words:
                low, high, at, to = places[left], ends[right - 1], places[a], ends[a + k - 1]
            out[total, ROW], out[total, LOW], out[total, BYTES] = row, low - start, high - low
            out[total, CENTRE], out[total, LEFT] = at - low, left
            out[total, FIRST], out[total, LAST] = picks[j, 1] - left, picks[j, 2] - left
            keys[total, 0] = xxh64(data, at, to, scope[row])
            keys[total, 1] = xxh64(data, low, high, scope[row] ^ np.uint64(at - low + 1))
            other = _entered(keys, table[0], slots, total, keys[total, 0], keys[total, 1], False)
            flags[total, 0] = _entered(keys, table[1], slots, total, keys[total, 0], keys[total, 1], True) < 0
            flags[total, 1] = other >= 0
            if other >= 0:
                flags[other, 1] = True
            total += 1
    return out[:total], keys[:total], flags[:total, 0], flags[:total, 1]


@njit(nogil=True, cache=True)
def windows(offsets, data, scope, words, length, anchor, out, keys):
    """All windows of given anchors (int64[m, 3]: text, first and last symbol; texts in order), one after the other.

    out: int64[n, 3] (text, start, bytes); keys: uint64[n], XXH64 under the scope of the text; n = the sum of last - first + 1.
    """
    longest = 1
    if words:
        for i in range(len(anchor)):
            longest = max(longest, offsets[anchor[i, 0] + 1] - offsets[anchor[i, 0]])
    places, ends = np.empty(longest, dtype=np.int64), np.empty(longest, dtype=np.int64)
    values = np.empty(longest, dtype=np.uint64)
    held = -1
    n = 0
    for i in range(len(anchor)):
        row = anchor[i, 0]
        start = offsets[row]
        if words and row != held:
            _symbols(data, start, offsets[row + 1], words, places, ends, values)
            held = row
        for s in range(anchor[i, 1], anchor[i, 2] + 1):
            low, high = start + s, start + s + length
            if words:
                low, high = places[s], ends[s + length - 1]
            out[n, 0], out[n, 1], out[n, 2] = row, low - start, high - low
            keys[n] = xxh64(data, low, high, scope[row])
            n += 1


@njit(nogil=True, cache=True)
def gather(data, starts, ends, out):
    """out[ends[i]:ends[i + 1]] = the bytes of data from starts[i] on."""
    for i in range(len(starts)):
        out[ends[i] : ends[i + 1]] = data[starts[i] : starts[i] + ends[i + 1] - ends[i]]


@njit(nogil=True, cache=True)
def meetings(offsets, data, centre, document, bounds, length, both):
    """What surroundings of anchors share with earlier ones of their group, where that is at least `length` bytes.

    bounds: int64[g + 1], groups of surroundings; centre: where their anchor stands; document: uint64, those of one document are not
    compared. Returns int64[m, 4]: (surroundings, other, start in them, bytes); `both` gives the earlier ones' view as well. Of one
    surroundings, what lies within what an earlier one has given is left out.
    """
    out = np.empty((1024, 4), dtype=np.int64)
    n = 0
    for g in range(len(bounds) - 1):
        for j in range(bounds[g] + 1, bounds[g + 1]):
            q = offsets[j] + centre[j]
            left, right = centre[j], offsets[j + 1] - q
            best_left, best_right = np.int64(-1), np.int64(-1)
            for i in range(bounds[g], j):
                if document[i] == document[j]:
                    continue
                p = offsets[i] + centre[i]
                room = min(right, offsets[i + 1] - p)
                ahead = 0
                while ahead < room and data[p + ahead] == data[q + ahead]:
                    ahead += 1
                room = min(left, centre[i])
                behind = 0
                while behind < room and data[p - behind - 1] == data[q - behind - 1]:
                    behind += 1
                if ahead + behind < length or (behind <= best_left and ahead <= best_right and not both):
                    continue
                best_left, best_right = behind, ahead
                if n + 2 > len(out):
                    out = _larger(out, n + 2)
                out[n, 0], out[n, 1], out[n, 2], out[n, 3] = j, i, left - behind, ahead + behind
                n += 1
                if both:
                    out[n, 0], out[n, 1], out[n, 2], out[n, 3] = i, j, centre[i] - behind, ahead + behind
                    n += 1
    return out[:n]


@njit(nogil=True, cache=True)
def _unit_end(data, p, end, paragraphs):
    """Where the line or paragraph that holds p ends: at its newline; for a paragraph, at the newline before a blank line."""
    while True:
        while p < end and data[p] != 10:
            p += 1
        if not paragraphs or p >= end:
            return p
        q = p + 1
        while q < end and data[q] != 10 and is_blank(data[q]):
            q += 1
        if q >= end or data[q] == 10:
            return p
        p = q


@njit(nogil=True, cache=True)
def units(offsets, data, scope, paragraphs, min_bytes):
    """Lines or paragraphs of at least min_bytes, white space around them left out: (int64[n, 3]: text, start, bytes; uint64[n] keys)."""
    room = 1024
    out, keys = np.empty((room, 3), dtype=np.int64), np.empty((room, 1), dtype=np.uint64)
    n = 0
    for row in range(len(offsets) - 1):
        p, end = offsets[row], offsets[row + 1]
        while p < end:
            while p < end and is_blank(data[p]):
                p += 1
            stop = _unit_end(data, p, end, paragraphs)
            last = stop
            while last > p and is_blank(data[last - 1]):
                last -= 1
            if last - p >= max(1, min_bytes):
                if n == len(out):
                    out, keys = _larger(out, n), _larger(keys, n)
                out[n, 0], out[n, 1], out[n, 2] = row, p - offsets[row], last - p
                keys[n, 0] = xxh64(data, p, last, scope[row])
                n += 1
            p = stop
    return out[:n], keys[:n, 0]
