"""fastText's supervised models, their first half: from UTF-8 bytes to the sum of rows that stands for a text.

Which n-grams stand for a word and their hashes are the reference's. Sums are of integers, in units of 2⁻²², which are the same in any order and on
any machine, so that the sum of a word's rows can be kept (`Cache`) and used again; the reference adds floats. A token `</s>` ends a text and tokens
that begin with `__label__` do not count, as there. The second half is `fasttext.py`.
"""

from typing import NamedTuple

import numpy as np

from curate.kernels.blocks import WIDTH, below, load8, within
from curate.kernels.compiled import njit
from curate.kernels.pointers import borrowed
from curate.kernels.word_hash import SHORT, eight, hash_of, hash_short, head

SCALE = np.float32(4194304.0)
"""Units of the sums in 1: 2²²."""
LIMIT = np.float32(511.0)
"""Weights beyond it count as this much: no model has them, and a cast of what does not fit depends on the CPU."""
WORD = 31
"""Bytes of the longest word whose sum is kept."""
NUMBER = 8
"""Place of the number of features in a slot of the cache, in units of four bytes."""
FITS = 2147483647
FIRST, END_HASH = 2166136261, 3617362777
"""Hashes of nothing and of `</s>`."""
DIM, MINN, MAXN, NGRAMS, BUCKET, WORDS, END, PRUNED = range(8)
"""Places in Model.args: dimensions; shortest and longest n-gram of characters; longest n-gram of words; buckets of n-grams; number of
words; number of the word `</s>`, or -1; whether the buckets are pruned."""


class Model(NamedTuple):
    """A model as read.

    args int64[8]; slots int32[2^k], numbers of entries by hash, -1 free; at int64[entries + 1] and letters uint8[], the entries (words, then
    labels); kept uint64[bucket / 64, 2], which buckets are left as bits and how many before, whose rows follow the words' in this order (empty
    where none is pruned); inverse, 1 / buckets; rows and out uint8[n, 4 dim], which are float32; left, right and parent int32[2 labels - 1] in
    the tree, -1 where there is none, and rank, the order in which the reference comes by; loss int64.
    """

    args: np.ndarray
    slots: np.ndarray
    at: np.ndarray
    letters: np.ndarray
    kept: np.ndarray
    inverse: float
    rows: np.ndarray
    out: np.ndarray
    left: np.ndarray
    right: np.ndarray
    parent: np.ndarray
    rank: np.ndarray
    loss: int


class Cache(NamedTuple):
    """The sums of words seen, one a slot, newest wins: slots uint8[n, width], a slot is the word's bytes and zeros, their number at WORD (0: free), and
    from NUMBER on as int32 the number of features and the dim sums, side by side in memory; and word uint8[], room for a word in brackets."""

    slots: np.ndarray
    word: np.ndarray


@njit(cache=True, inline="always")
def hashed(h, byte):
    """One step of FNV-1a as the reference takes it, on signed bytes."""
    signed = np.int64(byte) - ((np.int64(byte) & 128) << 1)
    return ((np.int64(h) ^ (signed & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF


@njit(cache=True)
def fnv(data, s, e):
    """The 32-bit hash of data[s:e], as int64."""
    h = np.int64(FIRST)
    for i in range(s, e):
        h = hashed(h, data[i])
    return h


@njit(cache=True)
def fill_slots(at, letters, slots):
    """Enter every entry into `slots`."""
    for entry in range(len(at) - 1):
        slot = fnv(letters, at[entry], at[entry + 1]) & (len(slots) - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = entry


@njit(cache=True)
def entry_of(data, s, e, h, slots, at, letters):
    """Number of the entry data[s:e] of hash h, or -1."""
    slot = h & (len(slots) - 1)
    while slots[slot] >= 0:
        entry = slots[slot]
        start = at[entry]
        if at[entry + 1] - start == e - s:
            same = True
            for i in range(e - s):
                if letters[start + i] != data[s + i]:
                    same = False
                    break
            if same:
                return np.int64(entry)
        slot = (slot + 1) & (len(slots) - 1)
    return np.int64(-1)


@njit(cache=True)
def _add(rows, row, sums):
    for d in range(len(sums)):
        value = rows[row, d]
        value = value if value > -LIMIT else -LIMIT
        value = value if value < LIMIT else LIMIT
        sums[d] += np.int64(np.int32(np.rint(value * SCALE)))


@njit(cache=True, inline="always")
def _bucket(h, number, inverse):
    """h modulo the number of buckets, for a hash of 32 bits: by a product and a step where division takes thirty cycles."""
    rest = h - np.int64(np.float64(h) * inverse) * number
    if rest < 0:
        rest += number
    elif rest >= number:
        rest -= number
    return rest


@njit(cache=True, inline="always")
def _ones(bits):
    """How many bits are 1."""
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True, inline="always")
def _row_of(bucket, kept, words):
    """The row of a bucket; -1 where it was pruned."""
    row = words + bucket
    if len(kept):
        bits = kept[bucket >> 6, 0]
        place = np.uint64(bucket & 63)
        if (bits >> place) & np.uint64(1):
            row = words + np.int64(kept[bucket >> 6, 1]) + _ones(bits & ((np.uint64(1) << place) - np.uint64(1)))
        else:
            row = np.int64(-1)
    return row


@njit(cache=True)
def _add_characters(word, size, args, inverse, kept, rows, sums):
    """Add the n-grams of characters of word[:size], a word in brackets, and return their number."""
    minn, maxn, words, buckets = args[MINN], args[MAXN], args[WORDS], args[BUCKET]
    found = 0
    for i in range(size):
        if (word[i] & 0xC0) == 0x80:
            continue
        h = np.int64(FIRST)
        j = i
        n = 1
        while j < size and n <= maxn:
            h = hashed(h, word[j])
            j += 1
            while j < size and (word[j] & 0xC0) == 0x80:
                h = hashed(h, word[j])
                j += 1
            if n >= minn and not (n == 1 and (i == 0 or j == size)):
                row = _row_of(_bucket(h, buckets, inverse), kept, words)
                if row >= 0:
                    _add(rows, row, sums)
                    found += 1
            n += 1
    return found


@njit(cache=True)
def _is_label(data, s, e):
    """Whether data[s:e] begins with `__label__`."""
    return (
        e - s >= 9
        and data[s] == 95
        and data[s + 1] == 95
        and data[s + 2] == 108
        and data[s + 3] == 97
        and data[s + 4] == 98
        and data[s + 5] == 101
        and data[s + 6] == 108
        and data[s + 7] == 95
        and data[s + 8] == 95
    )


@njit(cache=True)
def _fresh(data, s, e, h, args, inverse, kept, rows, slots, at, letters, word, sums):
    """Set sums to those of the rows of the word data[s:e]: its features, or -1 where it is a label."""
    entry = entry_of(data, s, e, h, slots, at, letters)
    if entry >= args[WORDS] or (entry < 0 and _is_label(data, s, e)):
        return -1
    sums[:] = 0
    found = 0
    if entry >= 0:
        _add(rows, entry, sums)
        found = 1
    if args[MAXN] > 0:
        if e - s + 2 > len(word):
            word = np.empty(e - s + 2, dtype=np.uint8)
        word[0], word[e - s + 1] = 60, 62
        for i in range(e - s):
            word[i + 1] = data[s + i]
        found += _add_characters(word, e - s + 2, args, inverse, kept, rows, sums)
    return found


@njit(cache=True, inline="always")
def _word_end(data, s, e):
    """Where the word that begins at s ends: at white space or at e."""
    i = s
    while i < e and i + WIDTH <= len(data):
        far = below(within(data, i, np.uint8(0), np.uint8(9), np.uint8(13)) | _equal(data, i, 32) | _equal(data, i, 0))
        i += far
        if far < WIDTH:
            return min(i, e)
    while i < e and not blank(data[i]):
        i += 1
    return min(i, e)


@njit(cache=True, inline="always")
def _equal(data, at, byte):
    return within(data, at, np.uint8(0), np.uint8(byte), np.uint8(byte))


@njit(cache=True, inline="always")
def _slot_of(data, s, e, first, second, mask):
    """The slot of the word data[s:e]; first and second are its first 16 bytes."""
    h = hash_short(first, second, e - s) if e - s <= SHORT else hash_of(data, s, e, len(data))
    return np.int64((h >> np.uint64(32)) & np.uint64(mask))


@njit(cache=True, inline="always")
def _known(data, s, e, first, second, slot, seen):
    """Whether the slot of the cache has the word data[s:e]."""
    n = e - s
    same = seen[slot, WORD] == n
    if same and n <= SHORT:
        at = slot * seen.shape[1]
        same = load8(seen, at) == head(first, min(n, 8)) and (n <= 8 or load8(seen, at + 8) == head(second, n - 8))
    elif same:
        i = 0
        while i < n and seen[slot, i] == data[s + i]:
            i += 1
        same = i == n
    return same


@njit(cache=True)
def _keep(data, s, e, slot, found, fresh, seen, seen_sums):
    """Put the sums of the word data[s:e] into the slot of the cache, if they fit."""
    fits = e - s <= WORD
    for d in range(len(fresh)):
        fits = fits and fresh[d] <= FITS and fresh[d] >= -FITS
    if fits:
        seen[slot, WORD] = e - s
        seen_sums[slot, NUMBER] = found
        for i in range(WORD):
            seen[slot, i] = data[s + i] if i < e - s else 0
        for d in range(len(fresh)):
            seen_sums[slot, NUMBER + 1 + d] = fresh[d]


@njit(cache=True)
def signed(h):
    return np.uint64(np.int64(h) - ((np.int64(h) & 0x80000000) << 1))


@njit(cache=True)
def _add_words(h, open_, num, args, kept, rows, sums):
    """Add the n-grams of words that end in the word of hash h, and return their number. open_ has the hashes of the `num` unfinished ones,
    longest first, and is brought up to date."""
    found = 0
    for k in range(num):
        open_[k] = open_[k] * np.uint64(116049371) + signed(h)
        row = _row_of(np.int64(open_[k] % np.uint64(args[BUCKET])), kept, args[WORDS])
        if row >= 0:
            _add(rows, row, sums)
            found += 1
    return found


@njit(cache=True, inline="always")
def blank(byte):
    return byte == 32 or (byte >= 9 and byte <= 13) or byte == 0


@njit(cache=True)
def is_end(data, s, e):
    """Whether data[s:e] is `</s>`."""
    return e - s == 4 and data[s] == 60 and data[s + 1] == 47 and data[s + 2] == 115 and data[s + 3] == 62


@njit(cache=True)
def add_text(data, s, e, model, rows, cache, fresh, sums):
    """Add the rows of the text data[s:e], line breaks as spaces and a `</s>` at its end, to sums int64[dim]: the number of features."""
    args, inverse, kept, slots = borrowed(model.args), model.inverse, borrowed(model.kept), borrowed(model.slots)
    at, letters, word, seen = borrowed(model.at), borrowed(model.letters), borrowed(cache.word), borrowed(cache.slots)
    seen_sums = borrowed(cache.slots.view(np.int32))
    data, rows, fresh, sums = borrowed(data), borrowed(rows), borrowed(fresh), borrowed(sums)
    mask = len(seen) - 1
    span = args[NGRAMS] - 1
    open_ = np.zeros(max(1, span), dtype=np.uint64)
    num = 0
    found = 0
    i = s
    h = np.int64(0)
    more = True
    while more:
        while i < e and blank(data[i]):
            i += 1
        start = i
        i = _word_end(data, start, e)
        if span > 0 or args[MAXN] == 0:
            h = fnv(data, start, i)
        if start == i or is_end(data, start, i):
            more = False
            h = np.int64(END_HASH)
            if args[END] >= 0:
                _add(rows, args[END], sums)
                found += 1
        elif args[MAXN] > 0:
            first, second = eight(data, start, len(data)), eight(data, start + 8, len(data))
            slot = _slot_of(data, start, i, first, second, mask)
            if _known(data, start, i, first, second, slot, seen):
                found += seen_sums[slot, NUMBER]
                for d in range(len(sums)):
                    sums[d] += np.int64(seen_sums[slot, NUMBER + 1 + d])
            else:
                got = _fresh(data, start, i, fnv(data, start, i), args, inverse, kept, rows, slots, at, letters, word, fresh)
                if got < 0:
                    continue
                found += got
                for d in range(len(sums)):
                    sums[d] += fresh[d]
                _keep(data, start, i, slot, got, fresh, seen, seen_sums)
        else:  # one row at most, which is as near as a kept sum
            entry = entry_of(data, start, i, h, slots, at, letters)
            if entry >= args[WORDS] or (entry < 0 and _is_label(data, start, i)):
                continue
            if entry >= 0:
                _add(rows, entry, sums)
                found += 1
        if span > 0:
            found += _add_words(h, open_, num, args, kept, rows, sums)
            if num == span:
                for k in range(num - 1):
                    open_[k] = open_[k + 1]
                num -= 1
            open_[num] = signed(h)
            num += 1
    return found
