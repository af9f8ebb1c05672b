"""Repetition within a document: repeated segments and repeated token n-grams (Rae et al. 2021, table A1, as datatrove counts them).

Segments and n-grams are compared by 64-bit hashes; the longer n-grams by those of their joined characters, so that `ab c` and `a bc` joined without
a space are one, as they are there. Most n-grams of prose stand once, and one that does needs no table: every place is first counted in a small array
by a few bits of its hash, which bounds how often the n-gram stands. For the most frequent one only places with the largest bound are looked at again; longer
ones can repeat only where both of their parts may. Of five tokens and more these are the places whose next sixteen bytes stand elsewhere too (eight, where
an n-gram is shorter than that). Tables are lent by the caller, a row marks its entries with a stamp, so that nothing is cleared. Naive
twin: tests/naive_text.py.
"""

from typing import NamedTuple

import numpy as np

from curate.kernels.blocks import WIDTH, below, load8, store8, within
from curate.kernels.compiled import njit
from curate.kernels.pointers import borrowed, pointer
from curate.kernels.scan import CHARS, NEWLINES
from curate.kernels.slots import mask_of, slot_of, table
from curate.kernels.utf8 import SPACE, code_at, count_chars, width
from curate.kernels.word_hash import hash_of, head

U = np.uint64
TOP = (2, 3, 4)
DUPLICATED = (5, 6, 7, 8, 9, 10)
SEGMENT_MEASURES = 4
"""Columns of `measure_segments`: paragraphs and lines, each by number and by characters."""
K3, K4 = U(0x9FB21C651E98DF25), U(0xD6E8FEB86659FD93)
HEAD_BYTES = 16
"""By so many bytes the begin of a longer n-gram is compared; by half of them if it is shorter."""
MOST_SEEN = np.uint8(255)
STAMPS = 12
"""Stamps that a row needs: two for each of TOP, one for each of DUPLICATED."""
SEEN_PER_TOKEN, MOST_COUNTERS = 16, 1 << 24
"""Counters for each token; more of them than the second number only up to two for each, so that a long row does not need many times its own memory."""


@njit(nogil=True, cache=True, inline="always")
def newline(text, i, end, size):
    """The first newline of text[i:end], or end; `size` bytes may be read."""
    while i + WIDTH <= size and i < end:
        hits = within(text, i, 0, 10, 10)
        if hits:
            return min(i + below(hits), end)
        i += WIDTH
    while i < end and text[i] != 10:
        i += 1
    return min(i, end)


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
    """int32, int64 for rows of 512 MiB or more, as the others: where each begins there"""
    seen: np.ndarray
    seen_short: np.ndarray
    """uint8: how often the lowest bits of a hash were seen, up to a bound"""
    grams: np.ndarray
    """uint64: hash of the n-gram at a place, or of its next HEAD_BYTES"""
    prints: np.ndarray
    """uint64: of a candidate, what equal n-grams have in common and few others"""
    candidates: np.ndarray
    """places that are looked at"""
    picked: np.ndarray
    """those of them that are counted"""
    slots: np.ndarray
    """their slots in the table"""
    keys: np.ndarray
    stamps: np.ndarray
    counts: np.ndarray


def room(size: int, tokens: int) -> Room:
    """Room for rows of at most so many bytes and tokens."""
    seen = int(_counters(tokens))
    number = np.int32 if max(size, 4 * tokens) < (1 << 31) - 64 else np.int64
    places, candidates, picked, slots = (np.empty(tokens + 1, dtype=number) for _ in range(4))
    grams, prints = np.empty(tokens + 1, dtype=np.uint64), np.empty(tokens + 1, dtype=np.uint64)
    counters = np.empty(seen, dtype=np.uint8), np.empty(seen, dtype=np.uint8)
    return Room(np.empty(size + 48, dtype=np.uint8), places, *counters, grams, prints, candidates, picked, slots, *table(tokens))


@njit(nogil=True, cache=True)
def _join(text, size, starts, ends, first, n, joined, places):
    """Write the n tokens from place `first` on one behind the other, and zeros behind them."""
    q = 0
    for t in range(n):
        s, e = np.int64(starts[first + t]), np.int64(ends[first + t])
        places[t] = q
        if s + 16 <= size:
            store8(joined, q, load8(text, s))
            store8(joined, q + 8, load8(text, s + 8))
            for k in range(16, e - s):
                joined[q + k] = text[s + k]
        else:
            for k in range(e - s):
                joined[q + k] = text[s + k]
        q += e - s
    places[n] = q
    for k in range(16):
        joined[q + k] = 0


@njit(nogil=True, cache=True)
def _counters(n):
    """Counters for n hashes, a power of two."""
    size = 64
    while size < 2 * n or (size < SEEN_PER_TOKEN * n and size < MOST_COUNTERS):
        size *= 2
    return size


@njit(nogil=True, cache=True)
def _cleared(seen, n):
    """Clear counters for n hashes; returns which bits of a hash say where it is counted."""
    size = _counters(n)
    for i in range(size):
        seen[i] = 0
    return U(size - 1)


@njit(nogil=True, cache=True)
def _counted(picked, there, stamp):
    """(how often the most frequent n-gram of the picked places stands, the first place of it)."""
    keys, stamps, counts, slots = there.keys, there.stamps, there.counts, there.slots
    mask = mask_of(picked)
    most = 0
    for c in range(picked):
        key = there.grams[there.picked[c]]
        slot = slot_of(keys, stamps, stamp, mask, key)
        if stamps[slot] != stamp:
            keys[slot], stamps[slot], counts[slot] = key, stamp, 0
        counts[slot] += 1
        most = max(most, counts[slot])
        slots[c] = slot
    c = 0
    while c < picked and counts[slots[c]] != most:
        c += 1
    return most, there.picked[c] if picked else 0


@njit(nogil=True, cache=True)
def _most_frequent(found, there, stamp):
    """(candidates that may repeat, how often the most frequent n-gram stands, its first place) of the candidates; (…, 1, 0) where none repeats."""
    candidates, grams, seen = there.candidates, there.grams, there.seen
    low = _cleared(seen, found)
    level = np.uint8(0)
    for c in range(found):
        slot = grams[candidates[c]] & low
        count = seen[slot] + np.uint8(seen[slot] < MOST_SEEN)
        seen[slot] = count
        level = max(level, count)
    kept = 0
    for c in range(found):
        k = candidates[c]
        candidates[kept] = k
        kept += seen[grams[k] & low] > 1
    most, at = 1, np.int64(0)
    for again in range(2):  # hashes that share their counter may have hidden what is more frequent
        picked = 0
        for c in range(kept):
            there.picked[picked] = candidates[c]
            picked += seen[grams[candidates[c]] & low] >= level
        most, at = _counted(picked, there, stamp + again)
        if most >= level:
            break
        level = max(np.uint8(2), np.uint8(most))
    return kept, max(most, 1), at if most > 1 else 0


@njit(nogil=True, cache=True)
def _top(n, hashes, first, there, stamp, tops):
    """tops[i] = characters of the most frequent n-gram of TOP[i] tokens joined by spaces, times its count; the first seen wins a tie."""
    candidates, grams, places = there.candidates, there.grams, there.places
    for k in range(n - 1):
        gram = (hashes[first + k] ^ (hashes[first + k] >> U(29))) * K3 + hashes[first + k + 1] * K4
        grams[k] = gram ^ (gram >> U(32))
        candidates[k] = k
    found = max(n - 1, 0)
    for i in range(3):
        size = i + 2
        if n < size:
            tops[i] = 0
            continue
        if i > 0:
            kept = 0
            for c in range(found - 1):
                k = candidates[c]
                gram = (grams[k] ^ (grams[k] >> U(29))) * K3 + hashes[first + min(k + size, n) - 1] * K4
                follows = candidates[c + 1] == k + 1
                if follows:
                    grams[k] = gram
                    candidates[kept] = k
                    kept += 1
            found = kept
        found, most, at = _most_frequent(found, there, stamp + 2 * i)
        tops[i] = (count_chars(there.joined, np.int64(places[at]), np.int64(places[at + size])) + size - 1) * most


@njit(nogil=True, cache=True)
def _heads(n, there):
    """List the places where an n-gram of five or more tokens may repeat another one; returns their number."""
    joined, places, grams, prints = there.joined, there.places, there.grams, there.prints
    candidates, seen, seen_short = there.candidates, there.seen, there.seen_short
    low = _cleared(seen, n)
    _cleared(seen_short, n)
    last = n - DUPLICATED[0]
    for k in range(n):
        head = load8(joined, np.int64(places[k])) * K3
        both = (head ^ load8(joined, np.int64(places[k]) + 8)) * K4
        grams[k], prints[k] = both ^ (both >> U(32)), head >> U(32)
        slot, slot_short = grams[k] & low, prints[k] & low
        short = k <= last and places[min(k + DUPLICATED[0], n)] - places[k] < HEAD_BYTES
        seen[slot] += np.uint8(seen[slot] < 2)
        seen_short[slot_short] += np.uint8(seen_short[slot_short] < 2) & np.uint8(short)
    found = 0
    for k in range(last + 1):
        length = places[k + DUPLICATED[0]] - places[k]
        candidates[found] = k
        short = (length < HEAD_BYTES) & (seen_short[prints[k] & low] > 1) | (length < HEAD_BYTES // 2)
        found += (seen[grams[k] & low] > 1) | short
    return found


@njit(nogil=True, cache=True, inline="always")
def _print(joined, begin, end):
    """What n-grams of the same bytes have in common: their length, their first, middle and last eight bytes."""
    length = end - begin
    first = load8(joined, begin)
    if length < 8:
        first, middle, last = head(first, length), U(0), U(0)
    else:
        middle, last = load8(joined, begin + ((length - 8) >> 1)), load8(joined, end - 8)
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
    low = _cleared(seen, found)
    size = np.int64(places[n]) + 16
    for c in range(found):
        k = candidates[c]
        key = _print(joined, np.int64(places[k]), np.int64(places[k + gram]))
        prints[c] = key
        seen[key & low] += np.uint8(seen[key & low] < 2)
    twice = 0
    for c in range(found):
        twice += seen[prints[c] & low] > 1
    mask = mask_of(twice)
    total, free = 0, 0
    for c in range(found):
        k = candidates[c]
        if seen[prints[c] & low] < 2 or k < free:
            continue
        key = hash_of(joined, np.int64(places[k]), np.int64(places[k + gram]), size)
        slot = slot_of(keys, stamps, stamp, mask, key)
        if stamps[slot] == stamp:
            total += count_chars(joined, np.int64(places[k]), np.int64(places[k + gram]))
            free = k + gram
        else:
            keys[slot], stamps[slot] = key, stamp
    return total


@njit(nogil=True, cache=True)
def measure_ngrams(offsets, data, firsts, lasts, starts, ends, hashes, counts, lent, stamp, out):
    """out[row] = for n in TOP the characters of the most frequent n-gram times its count, for n in DUPLICATED the characters in repeated
    n-grams, each / characters of the text (float64; 0 for an empty text). firsts, lasts: the tokens of a row, and starts, ends, hashes, counts as a scan
    leaves them; `stamp` as in measure_segments, the next free one is stamp + STAMPS · rows."""
    data = borrowed(data)
    there = Room(
        pointer(lent.joined), pointer(lent.places), pointer(lent.seen), pointer(lent.seen_short), pointer(lent.grams), pointer(lent.prints),
        pointer(lent.candidates), pointer(lent.picked), pointer(lent.slots), pointer(lent.keys), pointer(lent.stamps), pointer(lent.counts),
    )  # fmt: skip
    starts, ends, hashes = pointer(starts), pointer(ends), pointer(hashes)
    tops = np.zeros(3, dtype=np.int64)
    tops_at = pointer(tops)
    for row in range(len(offsets) - 1):
        out[row, :] = 0.0
        n, first, chars = lasts[row] - firsts[row], firsts[row], counts[row, CHARS]
        if n == 0:
            continue
        _join(pointer(data[offsets[row] :]), len(data) - offsets[row], starts, ends, first, n, there.joined, there.places)
        _top(n, hashes, first, there, stamp + STAMPS * row, tops_at)
        for i in range(3):
            out[row, i] = tops[i] / chars
        found = _heads(n, there)
        if found > 1:
            for size in range(5, 11):
                out[row, size - 2] = _duplicated(n, size, found, there, stamp + STAMPS * row + size + 1) / chars
