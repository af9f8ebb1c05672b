"""Benchmark items in texts: words as hashes, n-grams looked up (kernels/item_index.py), and the places where enough of an item stands together.

A word is a run of letters and digits, by `fold.py` without case and diacritics, digits as they are; in scripts without spaces each
character with its marks. A backslash with n, r or t behind it is white space, since texts of benchmarks go round as JSON. An n-gram is n
words in a row, as a polynomial hash mod 2^64 of their hashes. Slow twin: tests/naive_contamination.py.
"""

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.fold import ALONE, DECIMAL, DROPPED, FOLDED, MARK
from curate.kernels.utf8 import code_at, width

BASE = np.uint64(0x9E3779B97F4A7C15)
FNV, PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)
BACKSLASH = 92
ROW, ITEM, START, END, FOUND, ANSWER = range(6)
"""Columns of a hit: the text, the item, the span in bytes, how many of the item's n-grams stand there, and whether its answer does (UNKNOWN
where none is known)."""
NO, YES, UNKNOWN = 0, 1, 2


@njit(nogil=True, cache=True)
def _mixed(h):
    h ^= h >> np.uint64(32)
    h *= np.uint64(0xD6E8FEB86659FD93)
    return h ^ (h >> np.uint64(32))


@njit(nogil=True, cache=True)
def hash_words(data, start, end, classes, fold_at, fold_data, hashes, starts, ends):
    """Hash, start and end (bytes from `start`) of each word of data[start:end]; how many. Lent arrays hold end - start entries."""
    count = 0
    h = FNV
    began = -1
    p = start
    while p < end:
        byte = data[p]
        if byte < 0x80:
            low = byte | 0x20
            if 97 <= low <= 122 or 48 <= byte <= 57:
                if began < 0:
                    began = p
                h = (h ^ np.uint64(low)) * PRIME
                p += 1
                continue
            if began >= 0:
                hashes[count], starts[count], ends[count] = _mixed(h), began - start, p - start
                count += 1
                began, h = -1, FNV
            p += 1
            if byte == BACKSLASH and p < end and (data[p] == 110 or data[p] == 114 or data[p] == 116):
                p += 1
            continue
        code = code_at(data, p)
        step = width(byte)
        kind = classes[code]
        if kind == DROPPED:
            p += step
            continue
        if began >= 0 and (kind <= DECIMAL or kind == ALONE):
            hashes[count], starts[count], ends[count] = _mixed(h), began - start, p - start
            count += 1
            began, h = -1, FNV
        if kind > DECIMAL:
            if began < 0:
                began = p
            if code < FOLDED and fold_at[code + 1] > fold_at[code]:
                for i in range(fold_at[code], fold_at[code + 1]):
                    h = (h ^ np.uint64(fold_data[i])) * PRIME
            else:
                for i in range(p, p + step):
                    h = (h ^ np.uint64(data[i])) * PRIME
        p += step
        if kind == ALONE:
            while p < end and data[p] >= 0x80:
                kind = classes[code_at(data, p)]
                if kind != MARK and kind != DROPPED:
                    break
                if kind == MARK:
                    for i in range(p, p + width(data[p])):
                        h = (h ^ np.uint64(data[i])) * PRIME
                p += width(data[p])
            hashes[count], starts[count], ends[count] = _mixed(h), began - start, p - start
            count += 1
            began, h = -1, FNV
    if began >= 0:
        hashes[count], starts[count], ends[count] = _mixed(h), began - start, p - start
        count += 1
    return count


@njit(nogil=True, cache=True)
def all_words(offsets, data, classes, fold_at, fold_data):
    """The hashes of all words of all texts, and where those of each text begin (int64[n + 1])."""
    room = int(offsets[-1] - offsets[0]) + 1
    out, at = np.empty(room, dtype=np.uint64), np.zeros(len(offsets), dtype=np.int64)
    starts, ends = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    for row in range(len(offsets) - 1):
        n = at[row]
        at[row + 1] = n + hash_words(data, offsets[row], offsets[row + 1], classes, fold_at, fold_data, out[n:], starts, ends)
    return out[: at[-1]].copy(), at


@njit(nogil=True, cache=True)
def hash_ngrams(words, n, out):
    """out[i] = hash of words[i:i + n]."""
    power = np.uint64(1)
    for _ in range(n):
        power *= BASE
    h = np.uint64(0)
    for i in range(len(words)):
        h = h * BASE + words[i]
        if i >= n:
            h -= words[i - n] * power
        if i >= n - 1:
            out[i - n + 1] = h


@njit(nogil=True, cache=True)
def whole_hashes(words, at, out):
    """out[row] = hash of all words of a row."""
    for row in range(len(at) - 1):
        h = np.uint64(0)
        for i in range(at[row], at[row + 1]):
            h = h * BASE + words[i]
        out[row] = h


@njit(nogil=True, cache=True, inline="always")
def _bits(mixed):
    """Three bits of a word, by the upper bits of a hash."""
    one = np.uint64(1)
    six = np.uint64(63)
    return (one << (mixed >> np.uint64(58))) | (one << ((mixed >> np.uint64(52)) & six)) | (one << ((mixed >> np.uint64(46)) & six))


@njit(nogil=True, cache=True)
def enter(keys, table, slots):
    """Put distinct keys into an empty open-addressing table (slots -1)."""
    mask = np.uint64(len(table) - 1)
    for i in range(len(keys)):
        slot = _mixed(keys[i]) & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        table[slot], slots[slot] = keys[i], i


@njit(nogil=True, cache=True)
def sift(keys, filters):
    """Set the bits of keys in a filter, a power of two of uint64 words."""
    mask = np.uint64(len(filters) - 1)
    for key in keys:
        mixed = _mixed(key)
        filters[mixed & mask] |= _bits(mixed)


@njit(nogil=True, cache=True)
def _candidates(hashes, count, filters, out):
    """Places whose hash may be in the filter; how many. Without a branch, so that looks overlap."""
    mask = np.uint64(len(filters) - 1)
    n = 0
    for i in range(count):
        mixed = _mixed(hashes[i])
        bits = _bits(mixed)
        out[n] = i
        n += (filters[mixed & mask] & bits) == bits
    return n


@njit(nogil=True, cache=True)
def _group(key, keys, slots):
    """The group of an n-gram; -1 for one that no item has."""
    mask = np.uint64(len(keys) - 1)
    slot = _mixed(key) & mask
    while slots[slot] >= 0:
        if keys[slot] == key:
            return np.int64(slots[slot])
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


@njit(nogil=True, cache=True)
def _met(words, count, index, hashes, where, met):
    """(item, word, place) of all n-grams and heads of a text; met grows; how many. hashes, where: lent, as long as words."""
    found = 0
    for heads in (False, True):
        size = index.head if heads else index.ngram
        if count < size:
            continue
        hash_ngrams(words[:count], size, hashes)
        some = _candidates(hashes, count - size + 1, index.head_filters if heads else index.filters, where)
        for w in range(some):
            group = _group(hashes[where[w]], index.keys, index.slots)
            if group < 0:
                continue
            for j in range(index.groups[group], index.groups[group + 1]):
                if (index.places[j] < 0) != heads:
                    continue
                if found == len(met):
                    larger = np.empty((2 * found, 3), dtype=np.int64)
                    larger[:found] = met
                    met = larger
                met[found, 0], met[found, 1], met[found, 2] = index.items[j], where[w], index.places[j]
                found += 1
    return found, met


@njit(nogil=True, cache=True)
def _is_whole(words, count, at, item, index):
    """Whether all words of a short item stand at `at`."""
    size = index.words[item]
    if at + size > count:
        return False
    h = np.uint64(0)
    for i in range(at, at + size):
        h = h * BASE + words[i]
    return h == index.whole[item]


@njit(nogil=True, cache=True)
def _answered(words, count, low, high, item, index):
    """Whether the item's answer stands in words[low:high]: YES, NO, or UNKNOWN without one; and the word behind it."""
    first, last = index.answer_at[item], index.answer_at[item + 1]
    size = last - first
    if size == 0:
        return UNKNOWN, low
    for i in range(low, min(count, high) - size + 1):
        same = True
        for j in range(size):
            if words[i + j] != index.answers[first + j]:
                same = False
                break
        if same:
            return YES, i + size
    return NO, low


@njit(nogil=True, cache=True)
def _together(met, order, i, found, span, seen):
    """From the i-th n-gram met on: how many different ones of its item begin within `span` words, and the entry behind the last that is new."""
    item, at = met[order[i], 0], met[order[i], 1]
    j, last = i, i
    got = np.int64(0)
    while j < found and met[order[j], 0] == item and met[order[j], 1] < at + span:
        place = met[order[j], 2]
        if not seen[place]:
            seen[place] = True
            got += 1
            last = j + 1
        j += 1
    for k in range(i, j):
        seen[met[order[k], 2]] = False
    return got, last


@njit(nogil=True, cache=True)
def _judged(words, count, met, order, i, found, index, seen, reach):
    """The item met at entry i: (last word of the span or -1, n-grams found, answer, next entry to look at)."""
    item, at = met[order[i], 0], met[order[i], 1]
    last, got, j = np.int64(-1), np.int64(1), i + 1
    if met[order[i], 2] < 0:
        if _is_whole(words, count, at, item, index):
            last = at + index.words[item] - 1
    else:
        got, j = _together(met, order, i, found, 2 * index.words[item], seen)
        if got >= index.needed[item]:
            last = met[order[j - 1], 1] + index.ngram - 1
    if last < 0:
        return last, got, NO, i + 1
    answer, behind = _answered(words, count, last + 1, last + 1 + reach, item, index)
    if index.must_answer[item]:
        last = behind - 1 if answer == YES else np.int64(-1)
    return last, got, answer, j if last >= 0 else i + 1


@njit(nogil=True, cache=True)
def find(offsets, data, classes, fold_at, fold_data, index, reach):
    """Hits (int64[m, 6]: ROW … ANSWER) in order of texts, items and places.

    Of a long item `needed` different n-grams must begin within twice its words; of a short one all words must stand in a row. `reach`:
    words behind in which an answer is looked for; where an item must have it, the span goes up to its end.
    """
    longest, most = np.int64(1), np.int64(1)
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    for item in range(len(index.words)):
        most = max(most, index.words[item])
    words, seen = np.empty(longest, dtype=np.uint64), np.zeros(most + 1, dtype=np.bool_)
    starts, ends = np.empty(longest, dtype=np.int64), np.empty(longest, dtype=np.int64)
    hashes, where = np.empty(longest, dtype=np.uint64), np.empty(longest, dtype=np.int64)
    met, out, n = np.empty((64, 3), dtype=np.int64), np.empty((64, 6), dtype=np.int64), 0
    for row in range(len(offsets) - 1):
        count = hash_words(data, offsets[row], offsets[row + 1], classes, fold_at, fold_data, words, starts, ends)
        found, met = _met(words, count, index, hashes, where, met)
        if found == 0:
            continue
        order = np.argsort(met[:found, 0] * (longest + 1) + met[:found, 1], kind="mergesort")
        i = 0
        while i < found:
            last, got, answer, j = _judged(words, count, met, order, i, found, index, seen, reach)
            if last >= 0:
                if n == len(out):
                    larger = np.empty((2 * n, 6), dtype=np.int64)
                    larger[:n] = out
                    out = larger
                item, at = met[order[i], 0], met[order[i], 1]
                out[n, ROW], out[n, ITEM], out[n, START], out[n, END] = row, item, starts[at], ends[last]
                out[n, FOUND], out[n, ANSWER] = got, answer
                n += 1
            i = j
    return out[:n]
