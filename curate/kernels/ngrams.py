"""Repetition within a document: repeated segments and repeated token n-grams (Rae et al. 2021, table A1, as datatrove counts them).

Segments and n-grams are compared by 64-bit hashes; the longer n-grams by those of their joined characters, so that `ab c` and `a bc` joined without
a space are one, as they are there. Most n-grams of prose stand once, and one that does needs no table: first every place is noted in a small array of
counts by a few bits of its hash, then only places that share theirs with another are looked at again. Of the longer n-grams these are the
places whose next sixteen bytes stand elsewhere too (n-grams shorter than that are all looked at); of three and four tokens those of which both shorter
n-grams repeat. Tables are lent by the caller, a row marks its entries with a stamp, so that nothing is cleared. Naive twin: tests/naive_text.py.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from curate.kernels.pointers import borrowed, pointer
from curate.kernels.scan import CHARS, NEWLINES
from curate.kernels.utf8 import SPACE, code_at, count_chars, width
from curate.kernels.word_hash import eight, hash_of, head

U = np.uint64
TOP = (2, 3, 4)
DUPLICATED = (5, 6, 7, 8, 9, 10)
SEGMENT_MEASURES = 4
"""Columns of `measure_segments`: paragraphs and lines, each by number and by characters."""
K3, K4 = U(0x9FB21C651E98DF25), U(0xD6E8FEB86659FD93)
HEAD_BYTES = 16
"""By so many bytes the begin of a longer n-gram is compared."""
SEEN_PER_TOKEN = 16


class Table(NamedTuple):
    """A lent hash table: key, stamp and count by slot. A slot is in use where its stamp is the current one."""

    keys: np.ndarray
    stamps: np.ndarray
    counts: np.ndarray


def table(entries: int) -> Table:
    """A table for sets of at most so many entries."""
    slots = slots_of(entries)
    return Table(np.zeros(slots, dtype=np.uint64), np.zeros(slots, dtype=np.int64), np.zeros(slots, dtype=np.int64))


def slots_of(entries: int) -> int:
    """Slots of a table for so many entries: `mask_of` never asks for more."""
    return 1 << max(4, (2 * entries).bit_length())


@njit(nogil=True, cache=True, inline="always")
def _mixed(h):
    h ^= h >> U(31)
    h *= U(0x7FB5D329728EA185)
    h ^= h >> U(27)
    return h


@njit(nogil=True, cache=True, inline="always")
def slot_of(keys, stamps, stamp, mask, key):
    """The slot of a key in the part of the table below `mask`: its own, or the free one where it belongs."""
    slot = np.int64(_mixed(key) & U(mask))
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@njit(nogil=True, cache=True)
def mask_of(n):
    """Slots − 1 for n entries: a power of two, at most half full."""
    size = 16
    while size < 2 * n:
        size *= 2
    return size - 1


@njit(nogil=True, cache=True, inline="always")
def newline(text, i, end, size):
    """The first newline of text[i:end], or end; `size` bytes may be read."""
    while i < end:
        x = eight(text, i, size) ^ U(0x0A0A0A0A0A0A0A0A)
        hits = (x - U(0x0101010101010101)) & ~x & U(0x8080808080808080)
        if hits:
            i += np.int64((((hits & (~hits + U(1))) >> U(7)) * U(0x0001020304050607)) >> U(56))
            return min(i, end)
        i += 8
    return end


@njit(nogil=True, cache=True)
def _repeats(text, size, starts, ends, n, keys, stamps, stamp):
    """(segments that repeat an earlier one, their characters) among n segments."""
    mask = mask_of(n)
    number, chars = 0, 0
    for k in range(n):
        key = hash_of(text, starts[k], ends[k], size)
        slot = slot_of(keys, stamps, stamp, mask, key)
        if stamps[slot] == stamp:
            number += 1
            chars += count_chars(text, starts[k], ends[k])
        else:
            keys[slot], stamps[slot] = key, stamp
    return number, chars


@njit(nogil=True, cache=True)
def _segments(text, size, start, end, newlines, starts, ends):
    """Bounds of text[start:end] split at runs of at least `newlines` newlines (re.split); returns their number, at most the newlines +
    1."""
    n = 0
    s = start
    i = newline(text, start, end, size)
    while i < end:
        stop = i
        while stop < end and text[stop] == 10:
            stop += 1
        if stop - i >= newlines:
            starts[n], ends[n] = s, i
            n += 1
            s = stop
        i = newline(text, stop, end, size)
    starts[n], ends[n] = s, end
    return n + 1


@njit(nogil=True, cache=True)
def _stripped(text, start, end, classes):
    """text[start:end] without white space around it, as bounds."""
    while start < end and classes[code_at(text, start)] & SPACE:
        start += width(text[start])
    while end > start:
        last = end - 1
        while last > start and (text[last] & 0xC0) == 0x80:
            last -= 1
        if not classes[code_at(text, last)] & SPACE:
            break
        end = last
    return start, end


@njit(nogil=True, cache=True)
def measure_segments(offsets, data, counts, classes, starts, ends, lent, stamp, out):
    """out[row] = share of paragraphs that repeat an earlier one, their characters / characters of the text, and the same for lines
    (float64).

    counts: as a scan leaves them. `stamp`: a number larger than any used on this table before; the next free one is stamp + 2 · rows. starts and ends
    (int64) hold newlines of a row + 1 segments, the table as many."""
    data, classes = borrowed(data), pointer(classes)
    starts, ends, keys, stamps = pointer(starts), pointer(ends), pointer(lent.keys), pointer(lent.stamps)
    for row in range(len(offsets) - 1):
        out[row, :] = 0.0
        chars = counts[row, CHARS]
        if counts[row, NEWLINES] == 0:
            continue
        text, size, end = pointer(data[offsets[row] :]), len(data) - offsets[row], offsets[row + 1] - offsets[row]
        inner, outer = _stripped(text, 0, end, classes)
        for kind in range(2):
            if kind == 0:
                n = _segments(text, size, inner, outer, 2, starts, ends)
            else:
                n = _segments(text, size, 0, end, 1, starts, ends)
            number, repeated = _repeats(text, size, starts, ends, n, keys, stamps, stamp + 2 * row + kind)
            out[row, 2 * kind] = number / n
            out[row, 2 * kind + 1] = repeated / chars


class Room(NamedTuple):
    """What `measure_ngrams` works in, lent by the caller: for rows of so many bytes and tokens."""

    joined: np.ndarray
    """uint8: the tokens of a row without what stands between them"""
    places: np.ndarray
    """int64: where each begins there"""
    seen: np.ndarray
    """uint8: how often a hash was seen, up to two"""
    grams: np.ndarray
    """uint64: hash of the n-gram at a place, or of its next HEAD_BYTES"""
    prints: np.ndarray
    """uint64: of a candidate, what equal n-grams have in common and few others"""
    candidates: np.ndarray
    """int64: places that are looked at"""
    slots: np.ndarray
    """int64: their slots in the table"""
    keys: np.ndarray
    stamps: np.ndarray
    counts: np.ndarray


def room(size: int, tokens: int) -> Room:
    """Room for rows of at most so many bytes and tokens."""
    seen = 1 << max(6, (SEEN_PER_TOKEN * tokens).bit_length())
    places, candidates, slots = (np.empty(tokens + 1, dtype=np.int64) for _ in range(3))
    grams, prints = np.empty(tokens + 1, dtype=np.uint64), np.empty(tokens + 1, dtype=np.uint64)
    return Room(
        np.empty(size + 32, dtype=np.uint8), places, np.empty(seen, dtype=np.uint8), grams, prints, candidates, slots, *table(tokens)
    )


@njit(nogil=True, cache=True)
def _join(text, size, starts, ends, first, n, joined, places):
    """Write the n tokens from place `first` on one behind the other, and zeros behind them."""
    q = 0
    for t in range(n):
        s, e = np.int64(starts[first + t]), np.int64(ends[first + t])
        places[t] = q
        while s < e:
            w = eight(text, s, size)
            for k in range(8):
                joined[q + k] = np.uint8(w >> U(8 * k))
            step = min(8, e - s)
            s += step
            q += step
    places[n] = q
    for k in range(16):
        joined[q + k] = 0


@njit(nogil=True, cache=True)
def _shared(n, grams, seen, mask, candidates):
    """List the places k < n whose hash shares its lowest bits with another place's; returns their number."""
    for i in range(mask + 1):
        seen[i] = 0
    for k in range(n):
        slot = grams[k] & U(mask)
        seen[slot] += np.uint8(seen[slot] < 2)
    found = 0
    for k in range(n):
        candidates[found] = k
        found += seen[grams[k] & U(mask)] > 1
    return found


@njit(nogil=True, cache=True)
def _counted(found, there, stamp):
    """Count the hashes of the candidates in the table; only those that stand twice stay. Returns (how many, the largest count, the first place of it)."""
    candidates, slots, keys, stamps, counts = there.candidates, there.slots, there.keys, there.stamps, there.counts
    mask = mask_of(found)
    most = 1
    for c in range(found):
        key = there.grams[candidates[c]]
        slot = slot_of(keys, stamps, stamp, mask, key)
        if stamps[slot] != stamp:
            keys[slot], stamps[slot], counts[slot] = key, stamp, 0
        counts[slot] += 1
        most = max(most, counts[slot])
        slots[c] = slot
    kept, at = 0, -1
    for c in range(found):
        count = counts[slots[c]]
        if at < 0 and count == most:
            at = candidates[c]
        candidates[kept] = candidates[c]
        kept += count > 1
    return kept, most, at if most > 1 else 0


@njit(nogil=True, cache=True)
def _top(n, hashes, first, there, stamp, mask, tops):
    """tops[i] = characters of the most frequent n-gram of TOP[i] tokens joined by spaces, times its count; the first seen wins a tie."""
    candidates, grams, places = there.candidates, there.grams, there.places
    for k in range(n - 1):
        grams[k] = (hashes[first + k] ^ (hashes[first + k] >> U(29))) * K3 + hashes[first + k + 1] * K4
        grams[k] ^= grams[k] >> U(32)
    found = _shared(n - 1, grams, there.seen, mask, candidates) if n > 1 else 0
    for i in range(3):
        size = i + 2
        if n < size:
            tops[i] = 0
            continue
        if i > 0:  # a longer one repeats only where both of its parts do
            kept = 0
            for c in range(found - 1):
                k = candidates[c]
                if candidates[c + 1] == k + 1:
                    grams[k] = (grams[k] ^ (grams[k] >> U(29))) * K3 + hashes[first + k + size - 1] * K4
                    candidates[kept] = k
                    kept += 1
            found = kept
        found, most, at = _counted(found, there, stamp + i)
        tops[i] = (count_chars(there.joined, places[at], places[at + size]) + size - 1) * most


@njit(nogil=True, cache=True)
def _heads(n, there, mask):
    """List the places where an n-gram of five or more tokens may repeat another one; returns their number."""
    joined, places, grams, candidates, seen = there.joined, there.places, there.grams, there.candidates, there.seen
    for k in range(n):
        p = U(places[k])
        h = (eight(joined, np.int64(p), places[n] + 16) * K3) ^ eight(joined, np.int64(p) + 8, places[n] + 16)
        h *= K4
        grams[k] = h ^ (h >> U(32))
    _shared(n, grams, seen, mask, candidates)
    found = 0
    for k in range(n - DUPLICATED[0] + 1):
        candidates[found] = k
        found += seen[grams[k] & U(mask)] > 1 or places[k + DUPLICATED[0]] - places[k] < HEAD_BYTES
    return found


@njit(nogil=True, cache=True, inline="always")
def _print(joined, begin, end, size):
    """What n-grams of the same bytes have in common: their length, their first, middle and last eight bytes."""
    length = end - begin
    first = eight(joined, begin, size)
    if length < 8:
        first, middle, last = head(first, length), U(0), U(0)
    else:
        middle, last = eight(joined, begin + ((length - 8) >> 1), size), eight(joined, end - 8, size)
    h = ((first + U(length)) * K3) ^ ((middle ^ (last >> U(23))) * K4) ^ (last * K3)
    h = (h ^ (h >> U(29))) * K4
    return h ^ (h >> U(32))


@njit(nogil=True, cache=True)
def _duplicated(n, gram, found, there, stamp):
    """Characters in n-grams of `gram` tokens that repeat an earlier one; after a repeat the scan goes on behind it."""
    joined, places, keys, stamps = there.joined, there.places, there.keys, there.stamps
    candidates, prints, seen = there.candidates, there.prints, there.seen
    while found > 0 and candidates[found - 1] + gram > n:
        found -= 1
    wide = np.int64(64)
    while wide < SEEN_PER_TOKEN * found:
        wide *= 2
    low = U(wide - 1)
    for i in range(wide):
        seen[i] = 0
    size = places[n] + 16
    for c in range(found):
        k = candidates[c]
        key = _print(joined, places[k], places[k + gram], size)
        prints[c] = key
        seen[key & low] += np.uint8(seen[key & low] < 2)
    mask = mask_of(found)
    total, free = 0, 0
    for c in range(found):
        k = candidates[c]
        if seen[prints[c] & low] < 2 or k < free:
            continue
        key = hash_of(joined, places[k], places[k + gram], size)
        slot = slot_of(keys, stamps, stamp, mask, key)
        if stamps[slot] == stamp:
            total += count_chars(joined, places[k], places[k + gram])
            free = k + gram
        else:
            keys[slot], stamps[slot] = key, stamp
    return total


@njit(nogil=True, cache=True)
def measure_ngrams(offsets, data, firsts, lasts, starts, ends, hashes, counts, lent, stamp, out):
    """out[row] = for n in TOP the characters of the most frequent n-gram times its count, for n in DUPLICATED the characters in repeated
    n-grams, each / characters of the text (float64; 0 for an empty text). firsts, lasts: the tokens of a row, and starts, ends, hashes, counts as a scan
    leaves them; `stamp` as in measure_segments, the next free one is stamp + 9 · rows."""
    data = borrowed(data)
    there = Room(
        pointer(lent.joined), pointer(lent.places), pointer(lent.seen), pointer(lent.grams), pointer(lent.prints), pointer(lent.candidates),
        pointer(lent.slots), pointer(lent.keys), pointer(lent.stamps), pointer(lent.counts),
    )  # fmt: skip
    starts, ends, hashes = pointer(starts), pointer(ends), pointer(hashes)
    tops = np.zeros(3, dtype=np.int64)
    tops_at = pointer(tops)
    for row in range(len(offsets) - 1):
        out[row, :] = 0.0
        n, first, chars = lasts[row] - firsts[row], firsts[row], counts[row, CHARS]
        if n == 0:
            continue
        mask = 64
        while mask < SEEN_PER_TOKEN * n:
            mask *= 2
        mask -= 1
        _join(pointer(data[offsets[row] :]), len(data) - offsets[row], starts, ends, first, n, there.joined, there.places)
        _top(n, hashes, first, there, stamp + 9 * row, mask, tops_at)
        for i in range(3):
            out[row, i] = tops[i] / chars
        found = _heads(n, there, mask)
        if found > 1:
            for size in range(5, 11):
                out[row, size - 2] = _duplicated(n, size, found, there, stamp + 9 * row + size - 2) / chars
