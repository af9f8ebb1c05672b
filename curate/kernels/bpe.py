"""Kernel that learns BPE merges from counted pre-tokens (Sennrich et al. 2016), with the order and ties of Hugging Face `tokenizers`.

At every step the most frequent pair of neighbours is merged; of equally frequent pairs the one with the smaller (left id, right id). Pair
counts are kept up to date word by word, and a heap holds candidates with lazily corrected counts. Two habits of `BpeTrainer` (tokenizers
0.21 to 0.23) are kept on purpose, since they decide which merges are learned: the count of a merged pair itself is not taken back, and a
merge whose result is a string that is already a token reuses that token's id, so that it adds a merge but no token. Slow twin:
tests/naive_bpe.py.

Price: every merge rescans the words that hold the pair, so words must be short (the caller bounds them). Memory: about 4 bytes a symbol
for the words, up to 12 for the lists of words by pair, 28 a distinct pair.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

FREE = np.uint64(0xFFFFFFFFFFFFFFFF)
MIX = np.uint64(0x9E3779B97F4A7C15)


class Pairs(NamedTuple):
    """Open-addressing table of pairs; arrays of one size, a power of two."""

    keys: np.ndarray
    """uint64: left << 32 | right, or FREE."""
    counts: np.ndarray
    """int64."""
    steps: np.ndarray
    """int32: the step in which the pair last gained a place."""
    locals: np.ndarray
    """int32: its number among the pairs that gained a place in that step."""
    size: np.ndarray
    """int64[1]: pairs held."""


class Gains(NamedTuple):
    """What one step adds: pairs that gained a place, and the words in which they did."""

    pairs: np.ndarray
    """uint64 by local number."""
    words: np.ndarray
    """int32 by local number: how many words."""
    last: np.ndarray
    """int32 by local number: the word seen last, so that each is listed once."""
    event_pair: np.ndarray
    """int32: local number of the pair of each event."""
    event_word: np.ndarray
    """int32: the word of each event."""
    size: np.ndarray
    """int64[2]: pairs, events."""


class Queue(NamedTuple):
    """A binary heap of candidates, and the lists of words behind them."""

    counts: np.ndarray
    pairs: np.ndarray
    entries: np.ndarray
    """Heap order: int64 count, uint64 pair, int32 number of the entry."""
    begins: np.ndarray
    """int64 by entry: its words are pool[begins[e]:begins[e + 1]]."""
    pool: np.ndarray
    """int32 words."""
    size: np.ndarray
    """int64[3]: heap length, entries, words in the pool."""


class Vocabulary(NamedTuple):
    """The bytes of every token, and a table from bytes to id."""

    offsets: np.ndarray
    """int64[vocab_size + 1]."""
    data: np.ndarray
    """uint8, grows."""
    slots: np.ndarray
    """int32: id + 1, or 0."""
    size: np.ndarray
    """int64[1]: tokens."""


@njit(nogil=True, cache=True)
def _grown(array, num):
    wider = np.empty(2 * len(array), dtype=array.dtype)
    for i in range(num):
        wider[i] = array[i]
    return wider


@njit(nogil=True, cache=True, forceinline=True)
def _slot(keys, key):
    mask = np.uint64(len(keys) - 1)
    mixed = key * MIX
    at = (mixed ^ (mixed >> np.uint64(32))) & mask
    while keys[at] != key and keys[at] != FREE:
        at = (at + np.uint64(1)) & mask
    return at


@njit(nogil=True, cache=True)
def _wider_pairs(old):
    """The same pairs in a table of twice the size."""
    size = 2 * len(old.keys)
    keys, counts = np.empty(size, dtype=np.uint64), np.empty(size, dtype=np.int64)
    steps, numbers = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    for i in range(size):
        keys[i], counts[i], steps[i], numbers[i] = FREE, 0, -1, 0
    for i in range(len(old.keys)):
        if old.keys[i] != FREE:
            at = _slot(keys, old.keys[i])
            keys[at], counts[at], steps[at], numbers[at] = old.keys[i], old.counts[i], old.steps[i], old.locals[i]
    return Pairs(keys, counts, steps, numbers, old.size)


@njit(nogil=True, cache=True)
def _roomy(gains, more):
    """The same gains with room for `more` further pairs and events."""
    pairs, words, last, event_pair, event_word, size = gains
    while size[0] + more > len(pairs):
        pairs, words, last = _grown(pairs, size[0]), _grown(words, size[0]), _grown(last, size[0])
    while size[1] + more > len(event_pair):
        event_pair, event_word = _grown(event_pair, size[1]), _grown(event_word, size[1])
    return Gains(pairs, words, last, event_pair, event_word, size)


@njit(nogil=True, cache=True)
def _change(table, key, change):
    """Add to a pair's count; returns its slot."""
    at = _slot(table.keys, key)
    if table.keys[at] == FREE:
        table.keys[at] = key
        table.size[0] += 1
    table.counts[at] += change
    return at


@njit(nogil=True, cache=True)
def _gain(table, gains, key, change, step, word):
    """Add to a pair's count and note that it stands in this word."""
    at = _change(table, key, change)
    if table.steps[at] != step:
        table.steps[at] = step
        table.locals[at] = gains.size[0]
        gains.pairs[gains.size[0]], gains.words[gains.size[0]], gains.last[gains.size[0]] = key, 0, -1
        gains.size[0] += 1
    local = table.locals[at]
    if gains.last[local] != word:
        gains.last[local] = word
        gains.words[local] += 1
        gains.event_pair[gains.size[1]], gains.event_word[gains.size[1]] = local, word
        gains.size[1] += 1


@njit(nogil=True, cache=True, forceinline=True)
def _key(left, right):
    return (np.uint64(left) << np.uint64(32)) | np.uint64(right)


@njit(nogil=True, cache=True)
def _merge_word(symbols, start, length, left, right, made, weight, step, word, table, gains):
    """Replace (left, right) by `made` in one word, from the left; changes counts; returns the new length."""
    w, r, stop = start, start, start + length
    while r < stop:
        if symbols[r] == left and r + 1 < stop and symbols[r + 1] == right:
            if w > start:
                _change(table, _key(symbols[w - 1], left), -weight)
                _gain(table, gains, _key(symbols[w - 1], made), weight, step, word)
            if r + 2 < stop:
                _change(table, _key(right, symbols[r + 2]), -weight)
                _gain(table, gains, _key(made, symbols[r + 2]), weight, step, word)
            symbols[w] = made
            r += 2
        else:
            symbols[w] = symbols[r]
            r += 1
        w += 1
    return w - start


@njit(nogil=True, cache=True, forceinline=True)
def _before(queue, i, j):
    """Whether heap place i goes before j: higher count, then smaller pair."""
    if queue.counts[i] != queue.counts[j]:
        return queue.counts[i] > queue.counts[j]
    if queue.pairs[i] != queue.pairs[j]:
        return queue.pairs[i] < queue.pairs[j]
    return queue.entries[i] < queue.entries[j]


@njit(nogil=True, cache=True, forceinline=True)
def _swap(queue, i, j):
    queue.counts[i], queue.counts[j] = queue.counts[j], queue.counts[i]
    queue.pairs[i], queue.pairs[j] = queue.pairs[j], queue.pairs[i]
    queue.entries[i], queue.entries[j] = queue.entries[j], queue.entries[i]


@njit(nogil=True, cache=True)
def _push(queue, count, pair, entry):
    i = queue.size[0]
    queue.counts[i], queue.pairs[i], queue.entries[i] = count, pair, entry
    queue.size[0] += 1
    while i > 0 and _before(queue, i, (i - 1) >> 1):
        _swap(queue, i, (i - 1) >> 1)
        i = (i - 1) >> 1


@njit(nogil=True, cache=True)
def _sink(queue):
    """Put the top of the heap where it belongs, after its count has fallen or the last took its place."""
    i, n = 0, queue.size[0]
    while True:
        best, child = i, 2 * i + 1
        if child < n and _before(queue, child, best):
            best = child
        if child + 1 < n and _before(queue, child + 1, best):
            best = child + 1
        if best == i:
            return
        _swap(queue, i, best)
        i = best


@njit(nogil=True, cache=True)
def _enqueue(queue, gains, table):
    """Every pair that gained a place becomes a candidate with its words; the gains start anew."""
    counts, pairs, entries, begins, pool, size = queue
    while size[0] + gains.size[0] > len(counts):
        counts, pairs, entries = _grown(counts, size[0]), _grown(pairs, size[0]), _grown(entries, size[0])
    while size[1] + gains.size[0] + 1 > len(begins):
        begins = _grown(begins, size[1] + 1)
    while size[2] + gains.size[1] > len(pool):
        pool = _grown(pool, size[2])
    queue = Queue(counts, pairs, entries, begins, pool, size)
    at = np.empty(gains.size[0], dtype=np.int64)
    for local in range(gains.size[0]):
        at[local] = size[2]
        size[2] += gains.words[local]
        begins[size[1] + 1] = size[2]
        count = table.counts[_slot(table.keys, gains.pairs[local])]
        if count > 0:
            _push(queue, count, gains.pairs[local], size[1])
        size[1] += 1
    for event in range(gains.size[1]):
        local = gains.event_pair[event]
        pool[at[local]] = gains.event_word[event]
        at[local] += 1
    gains.size[0], gains.size[1] = 0, 0
    return queue


@njit(nogil=True, cache=True)
def _token_slot(vocabulary, start, stop):
    """The slot of the string data[start:stop] in the table, free or taken by a token of these bytes."""
    data, offsets, slots = vocabulary.data, vocabulary.offsets, vocabulary.slots
    h = np.uint64(stop - start)
    for i in range(start, stop):
        h = (h ^ np.uint64(data[i])) * MIX
        h ^= h >> np.uint64(29)
    mask = np.uint64(len(slots) - 1)
    at = h & mask
    while slots[at] != 0:
        token = slots[at] - 1
        begin = offsets[token]
        same = offsets[token + 1] - begin == stop - start
        i = 0
        while same and i < stop - start:
            same = data[begin + i] == data[start + i]
            i += 1
        if same:
            break
        at = (at + np.uint64(1)) & mask
    return at


@njit(nogil=True, cache=True)
def _intern(vocabulary, left, right):
    """The id of left + right, a new one unless these bytes are a token already; and the vocabulary, whose data may have moved."""
    offsets, data, slots, size = vocabulary
    start = offsets[size[0]]
    a, b = offsets[left + 1] - offsets[left], offsets[right + 1] - offsets[right]
    while start + a + b > len(data):
        data = _grown(data, start)
    for i in range(a):
        data[start + i] = data[offsets[left] + i]
    for i in range(b):
        data[start + a + i] = data[offsets[right] + i]
    vocabulary = Vocabulary(offsets, data, slots, size)
    at = _token_slot(vocabulary, start, start + a + b)
    if slots[at] == 0:
        offsets[size[0] + 1] = start + a + b
        size[0] += 1
        slots[at] = size[0]
    return slots[at] - 1, vocabulary


@njit(nogil=True, cache=True)
def _enter_first(vocabulary):
    """Put the first tokens into the table; one of no bytes (a special token that text cannot make) stays out."""
    for token in range(vocabulary.size[0]):
        start, stop = vocabulary.offsets[token], vocabulary.offsets[token + 1]
        if stop > start:
            vocabulary.slots[_token_slot(vocabulary, start, stop)] = token + 1


@njit(nogil=True, cache=True)
def _count_all(symbols, starts, lengths, counts, table, gains):
    """Step 0: the pairs of all words."""
    for word in range(len(starts)):
        gains = _roomy(gains, lengths[word])
        if 2 * (table.size[0] + lengths[word]) > len(table.keys):
            table = _wider_pairs(table)
        for i in range(starts[word], starts[word] + lengths[word] - 1):
            _gain(table, gains, _key(symbols[i], symbols[i + 1]), counts[word], 0, word)
    return table, gains


@njit(nogil=True, cache=True)
def _merge_all(symbols, starts, lengths, counts, words, left, right, made, step, table, gains):
    """One merge in all words that may hold its pair."""
    for word in words:
        more = 2 * lengths[word]
        gains = _roomy(gains, more)
        while 2 * (table.size[0] + more) > len(table.keys):
            table = _wider_pairs(table)
        lengths[word] = _merge_word(symbols, starts[word], lengths[word], left, right, made, counts[word], step, word, table, gains)
    return table, gains


@njit(nogil=True, cache=True)
def _merge_until(symbols, starts, lengths, counts, vocabulary, vocab_size, min_count, table, gains, queue):
    """Merge until the vocabulary is full or no pair is frequent enough; returns (left, right, made of every merge in a row, the
    vocabulary)."""
    merges = np.empty(3 * 1024, dtype=np.int32)
    num = 0
    while vocabulary.size[0] < vocab_size and queue.size[0] > 0:
        pair, entry = queue.pairs[0], queue.entries[0]
        count = table.counts[_slot(table.keys, pair)]
        if queue.counts[0] != count:
            queue.counts[0] = count
            _sink(queue)
            continue
        if count < 1 or count < min_count:
            break
        queue.size[0] -= 1
        _swap(queue, 0, queue.size[0])
        _sink(queue)
        left, right = np.int32(pair >> np.uint64(32)), np.int32(pair & np.uint64(0xFFFFFFFF))
        made, vocabulary = _intern(vocabulary, left, right)
        if 3 * num == len(merges):
            merges = _grown(merges, 3 * num)
        merges[3 * num], merges[3 * num + 1], merges[3 * num + 2] = left, right, made
        num += 1
        words = queue.pool[queue.begins[entry] : queue.begins[entry + 1]]
        table, gains = _merge_all(symbols, starts, lengths, counts, words, left, right, made, num, table, gains)
        queue = _enqueue(queue, gains, table)
    return merges[: 3 * num], vocabulary


def learn_merges(symbols, starts, lengths, counts, token_offsets, token_data, vocab_size, min_count):
    """Learn merges until there are `vocab_size` tokens or no pair occurs `min_count` times.

    symbols int32 (changed in place), starts int64[n], lengths int64[n] (changed): word i is symbols[starts[i]:starts[i] + lengths[i]];
    counts int64[n]. token_offsets int64[t + 1], token_data uint8: the first tokens. Returns (merges int32[m, 3]: left, right, made;
    offsets int64[v + 1] and bytes of all tokens).
    """
    num, power = len(token_offsets) - 1, max(10, (2 * vocab_size - 1).bit_length())
    offsets = np.zeros(max(vocab_size, num) + 2, dtype=np.int64)
    offsets[: num + 1] = token_offsets
    vocabulary = Vocabulary(
        offsets, np.concatenate([token_data, np.empty(1024, np.uint8)]), np.zeros(1 << power, np.int32), np.full(1, num)
    )
    table = Pairs(
        np.full(1 << 16, FREE), *(np.full(1 << 16, v, t) for v, t in ((0, np.int64), (-1, np.int32), (0, np.int32))), np.zeros(1, np.int64)
    )
    gains = Gains(np.empty(1024, np.uint64), *(np.empty(1024, np.int32) for _ in range(4)), np.zeros(2, np.int64))
    heap = (np.empty(1024, dtype) for dtype in (np.int64, np.uint64, np.int32))
    queue = Queue(*heap, np.zeros(1024, np.int64), np.empty(1024, np.int32), np.zeros(3, np.int64))
    _enter_first(vocabulary)
    table, gains = _count_all(symbols, starts, lengths, counts, table, gains)
    queue = _enqueue(queue, gains, table)
    merges, vocabulary = _merge_until(symbols, starts, lengths, counts, vocabulary, vocab_size, min_count, table, gains, queue)
    tokens = int(vocabulary.size[0])
    return merges.reshape(-1, 3), vocabulary.offsets[: tokens + 1], vocabulary.data[: vocabulary.offsets[tokens]]


@njit(nogil=True, cache=True)
def token_counts(symbols, starts, lengths, counts, out):
    """out[t] += how often token t stands in the words, each word as often as it counts. int64[vocabulary]."""
    for word in range(len(starts)):
        for i in range(starts[word], starts[word] + lengths[word]):
            out[symbols[i]] += counts[word]
