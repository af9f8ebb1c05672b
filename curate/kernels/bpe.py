"""Kernel that learns BPE merges from counted pre-tokens (Sennrich et al. 2016), with the order and ties of Hugging Face `tokenizers`.

At every step the most frequent pair of neighbours is merged; of equally frequent pairs the one with the smaller (left id, right id). A heap
holds candidates with lazily corrected counts. Two habits of `BpeTrainer` (tokenizers 0.21 to 0.23) are kept on purpose, since they decide
which merges are learned: the count of a merged pair itself is not taken back, and a merge whose result is a string that is already a token
reuses that token's id, so that it adds a merge but no token. Slow twin: tests/naive_bpe.py.

What one step changes is added up by neighbour, in arrays as long as the vocabulary, before it reaches the table of all pairs: a merge that
stands in a hundred thousand words costs one look-up a neighbour and not four a word. Price: every merge rescans the words that hold the
pair, so words must be short (the caller bounds them). Memory: 4 bytes a symbol, 24 a word, up to 12 a symbol for the lists of words by
pair, 60 a distinct pair.
"""

from typing import NamedTuple

import numpy as np

from curate.kernels.bpe_heap import push, sink, wider_heap
from curate.kernels.bpe_tokens import MIX, Vocabulary, enter_first, intern
from curate.kernels.compiled import njit
from curate.kernels.growing import grown

FREE = np.uint64(0xFFFFFFFFFFFFFFFF)
START, LENGTH, COUNT = 0, 1, 2
"""Columns of a word."""


class Pairs(NamedTuple):
    """All pairs seen, numbered as they come."""

    keys: np.ndarray
    """uint64: left << 32 | right, or FREE; an open-addressing table, its size a power of two."""
    numbers: np.ndarray
    """int32 at the key's slot."""
    counts: np.ndarray
    """int64 by number."""
    size: np.ndarray
    """int64[1]: pairs held."""


class Gains(NamedTuple):
    """What one step changes. A neighbour is 2 * symbol where it stands before a merge, 2 * symbol + 1 where it stands behind."""

    change: np.ndarray
    """int64 by neighbour: how often it met the merge; 0 between steps."""
    touched: np.ndarray
    """int64: neighbours whose change is not 0."""
    locals: np.ndarray
    """int32 by neighbour: number of the new pair among those of this step; -1 between steps."""
    last: np.ndarray
    """int32 by neighbour: the word seen last, so that each is listed once."""
    pairs: np.ndarray
    """int64 by local number: the neighbour; in step 0 the pair."""
    words: np.ndarray
    """int64 by local number: how many words."""
    event_pair: np.ndarray
    """int32: local number of the pair of each event."""
    event_word: np.ndarray
    """int32: the word of each event."""
    size: np.ndarray
    """int64[3]: touched, pairs, events."""


class Queue(NamedTuple):
    """A binary heap of candidates, and the lists of words behind them."""

    heap: np.ndarray
    """uint64[n, 3] in heap order: count, pair, number of the entry."""
    numbers: np.ndarray
    """int32 by entry: number of its pair."""
    begins: np.ndarray
    """int64 by entry: its words are pool[begins[e]:begins[e + 1]]."""
    pool: np.ndarray
    """int32 words."""
    size: np.ndarray
    """int64[3]: heap length, entries, words in the pool."""


@njit(nogil=True, cache=True, forceinline=True)
def _slot(keys, key):
    mask = np.uint64(len(keys) - 1)
    mixed = key * MIX
    at = (mixed ^ (mixed >> np.uint64(32))) & mask
    while keys[at] != key and keys[at] != FREE:
        at = (at + np.uint64(1)) & mask
    return at


@njit(nogil=True, cache=True, forceinline=True)
def _key(left, right):
    return (np.uint64(left) << np.uint64(32)) | np.uint64(right)


@njit(nogil=True, cache=True)
def _roomy_pairs(pairs, more):
    """The same pairs with room for `more` further ones."""
    keys, numbers, counts, size = pairs
    while size[0] + more > len(counts):
        counts = grown(counts, size[0])
    if 2 * (size[0] + more) <= len(keys):
        return Pairs(keys, numbers, counts, size)
    slots = len(keys)
    while 2 * (size[0] + more) > slots:
        slots *= 2
    new_keys, new_numbers = np.full(slots, FREE, dtype=np.uint64), np.empty(slots, dtype=np.int32)
    for i in range(len(keys)):
        if keys[i] != FREE:
            at = _slot(new_keys, keys[i])
            new_keys[at], new_numbers[at] = keys[i], numbers[i]
    return Pairs(new_keys, new_numbers, counts, size)


@njit(nogil=True, cache=True, forceinline=True)
def _number(pairs, key):
    """The number of a pair, a new one with count 0 if it was never seen."""
    at = _slot(pairs.keys, key)
    if pairs.keys[at] == FREE:
        number = pairs.size[0]
        pairs.keys[at], pairs.numbers[at], pairs.counts[number] = key, number, 0
        pairs.size[0] += 1
    return pairs.numbers[at]


@njit(nogil=True, cache=True)
def _roomy(gains, more):
    """The same gains with room for `more` further neighbours and events."""
    change, touched, numbers, last, pairs, words, event_pair, event_word, size = gains
    while size[0] + more > len(touched):
        touched = grown(touched, size[0])
    while size[1] + more > len(pairs):
        pairs, words = grown(pairs, size[1]), grown(words, size[1])
    while size[2] + more > len(event_pair):
        event_pair, event_word = grown(event_pair, size[2]), grown(event_word, size[2])
    return Gains(change, touched, numbers, last, pairs, words, event_pair, event_word, size)


@njit(nogil=True, cache=True, forceinline=True)
def _stands_in(gains, at, word):
    """The new pair of neighbour (or first pair) `at` stands in this word."""
    local = gains.locals[at]
    if local < 0:
        local = gains.size[1]
        gains.locals[at], gains.last[at] = local, -1
        gains.pairs[local], gains.words[local] = at, 0
        gains.size[1] += 1
    if gains.last[at] != word:
        gains.last[at] = word
        gains.words[local] += 1
        gains.event_pair[gains.size[2]], gains.event_word[gains.size[2]] = local, word
        gains.size[2] += 1


@njit(nogil=True, cache=True, forceinline=True)
def _meets(gains, at, weight):
    """A neighbour met the merge."""
    if gains.change[at] == 0:
        gains.touched[gains.size[0]] = at
        gains.size[0] += 1
    gains.change[at] += weight


@njit(nogil=True, cache=True)
def _merge_word(symbols, start, stop, left, right, made, weight, word, gains):
    """Replace (left, right) by `made` in one word, from the left; notes what changes; returns the new end."""
    r = start
    while r + 1 < stop and (symbols[r] != left) | (symbols[r + 1] != right):
        r += 1
    if r + 1 >= stop:
        return stop
    w = r
    while r < stop:
        if symbols[r] == left and r + 1 < stop and symbols[r + 1] == right:
            if w > start:
                before = 2 * np.int64(symbols[w - 1])
                _meets(gains, before, weight)
                _stands_in(gains, before, word)
            if r + 2 < stop:
                behind = 2 * np.int64(symbols[r + 2]) + 1
                _meets(gains, behind, weight)
                _stands_in(gains, behind if symbols[r + 2] != made else behind - 1, word)  # (made, made) is one pair from both sides
            symbols[w] = made
            r += 2
        else:
            symbols[w] = symbols[r]
            r += 1
        w += 1
    return w


@njit(nogil=True, cache=True)
def _apply(gains, pairs, left, right, made):
    """Change the counts of all pairs that the step touched."""
    for i in range(gains.size[0]):
        at = gains.touched[i]
        other, change = at >> 1, gains.change[at]
        gains.change[at] = 0
        gone, come = (_key(right, other), _key(made, other)) if at & 1 else (_key(other, left), _key(other, made))
        pairs.counts[_number(pairs, gone)] -= change
        pairs.counts[_number(pairs, come)] += change
    gains.size[0] = 0


@njit(nogil=True, cache=True)
def _roomy_queue(queue, gains):
    """The same queue with room for what the step brings."""
    heap, numbers, begins, pool, size = queue
    while size[0] + gains.size[1] > len(heap):
        heap = wider_heap(heap, size[0])
    while size[1] + gains.size[1] + 1 > len(begins):
        begins, numbers = grown(begins, size[1] + 1), grown(numbers, size[1])
    while size[2] + gains.size[2] > len(pool):
        pool = grown(pool, size[2])
    return Queue(heap, numbers, begins, pool, size)


@njit(nogil=True, cache=True)
def _enqueue(queue, gains, pairs, made, num_first):
    """Every pair that gained a place becomes a candidate with its words; the gains start anew. In step 0 (made < 0) a neighbour is a pair:
    left * num_first + right."""
    queue = _roomy_queue(queue, gains)
    heap, numbers, begins, pool, size = queue
    for local in range(gains.size[1]):
        at = gains.pairs[local]
        gains.locals[at] = -1
        if made < 0:
            key = _key(at // num_first, at % num_first)
        else:
            key = _key(made, at >> 1) if at & 1 else _key(at >> 1, made)
        number = _number(pairs, key)
        numbers[size[1]] = number
        begins[size[1] + 1] = begins[size[1]] + gains.words[local]
        gains.words[local] = begins[size[1]]
        if pairs.counts[number] > 0:
            push(heap, size[0], np.uint64(pairs.counts[number]), key, np.uint64(size[1]))
            size[0] += 1
        size[1] += 1
    size[2] = begins[size[1]]
    for event in range(gains.size[2]):
        local = gains.event_pair[event]
        pool[gains.words[local]] = gains.event_word[event]
        gains.words[local] += 1
    gains.size[1], gains.size[2] = 0, 0
    return queue


@njit(nogil=True, cache=True)
def _first_gains(symbols, words, num_first):
    """Step 0: the pairs of all words, in a square of the first tokens."""
    square = num_first * num_first
    gains = Gains(
        np.zeros(square, np.int64),
        np.empty(1 << 16, np.int64),
        np.full(square, -1, np.int32),
        np.empty(square, np.int32),
        np.empty(1024, np.int64),
        np.empty(1024, np.int64),
        np.empty(1 << 16, np.int32),
        np.empty(1 << 16, np.int32),
        np.zeros(3, np.int64),
    )
    word = 0
    while word < len(words):
        gains = _roomy(gains, words[word, LENGTH])
        word = _gain_some(symbols, words, word, num_first, gains)
    return gains


@njit(nogil=True, cache=True)
def _gain_some(symbols, words, word, num_first, gains):
    """Step 0 for words from `word` on, until there is no room or no word; returns the next."""
    room = min(len(gains.touched) - gains.size[0], len(gains.pairs) - gains.size[1], len(gains.event_pair) - gains.size[2])
    while word < len(words):
        start, length, count = words[word, START], words[word, LENGTH], words[word, COUNT]
        room -= length
        if room < 0:
            break
        for i in range(start, start + length - 1):
            at = np.int64(symbols[i]) * num_first + symbols[i + 1]
            _meets(gains, at, count)
            _stands_in(gains, at, word)
        word += 1
    return word


@njit(nogil=True, cache=True)
def _start(symbols, words, num_first):
    """The pairs of all words and the queue of them."""
    gains = _first_gains(symbols, words, num_first)
    slots = np.full(1 << 16, FREE, np.uint64)
    pairs = Pairs(slots, np.empty(1 << 16, np.int32), np.empty(1 << 15, np.int64), np.zeros(1, np.int64))
    pairs = _roomy_pairs(pairs, gains.size[0])
    for i in range(gains.size[0]):
        at = gains.touched[i]
        pairs.counts[_number(pairs, _key(at // num_first, at % num_first))] += gains.change[at]
    heap, pool = np.empty((1 << 16, 3), np.uint64), np.empty(1 << 16, np.int32)
    queue = Queue(heap, np.empty(1 << 16, np.int32), np.zeros(1 << 16, np.int64), pool, np.zeros(3, np.int64))
    return pairs, _enqueue(queue, gains, pairs, -1, num_first)


@njit(nogil=True, cache=True)
def _merge_some(symbols, words, listed, k, left, right, made, gains):
    """One merge in the words listed[k:], until there is no room or no word; returns the next k."""
    room = min(len(gains.touched) - gains.size[0], len(gains.pairs) - gains.size[1], len(gains.event_pair) - gains.size[2])
    while k < len(listed):
        word = listed[k]
        start, length, count = words[word, START], words[word, LENGTH], words[word, COUNT]
        room -= 2 * length
        if room < 0:
            break
        words[word, LENGTH] = _merge_word(symbols, start, start + length, left, right, made, count, word, gains) - start
        k += 1
    return k


@njit(nogil=True, cache=True)
def _merge_all(symbols, words, listed, left, right, made, gains):
    """One merge in all words that may hold its pair."""
    k = 0
    while k < len(listed):
        gains = _roomy(gains, 2 * words[listed[k], LENGTH])
        k = _merge_some(symbols, words, listed, k, left, right, made, gains)
    return gains


@njit(nogil=True, cache=True)
def _merge_until(symbols, words, vocabulary, vocab_size, min_count, num_first):
    """Merge until the vocabulary is full or no pair is frequent enough; returns (left, right, made of every merge in a row, the
    vocabulary)."""
    pairs, queue = _start(symbols, words, num_first)
    room = 2 * max(vocab_size, num_first) + 2
    gains = Gains(
        np.zeros(room, np.int64),
        np.empty(1 << 16, np.int64),
        np.full(room, -1, np.int32),
        np.empty(room, np.int32),
        np.empty(1 << 16, np.int64),
        np.empty(1 << 16, np.int64),
        np.empty(1 << 16, np.int32),
        np.empty(1 << 16, np.int32),
        np.zeros(3, np.int64),
    )
    merges = np.empty(3 * 1024, dtype=np.int32)
    num = 0
    while vocabulary.size[0] < vocab_size and queue.size[0] > 0:
        heap, size = queue.heap, queue.size
        pair, entry = heap[0, 1], heap[0, 2]
        count = pairs.counts[queue.numbers[entry]]
        if count < 0:
            count = 0  # cannot be negative in the queue's order; it stops the loop when it is on top
        if heap[0, 0] != np.uint64(count):
            sink(heap, size[0], np.uint64(count), pair, entry)
            continue
        if count < 1 or count < min_count:
            break
        size[0] -= 1
        sink(heap, size[0], heap[size[0], 0], heap[size[0], 1], heap[size[0], 2])
        left, right = np.int32(pair >> np.uint64(32)), np.int32(pair & np.uint64(0xFFFFFFFF))
        made, vocabulary = intern(vocabulary, left, right)
        if 3 * num == len(merges):
            merges = grown(merges, 3 * num)
        merges[3 * num], merges[3 * num + 1], merges[3 * num + 2] = left, right, made
        num += 1
        listed = queue.pool[queue.begins[entry] : queue.begins[entry + np.uint64(1)]]
        gains = _merge_all(symbols, words, listed, left, right, made, gains)
        pairs = _roomy_pairs(pairs, 2 * gains.size[0] + gains.size[1])
        _apply(gains, pairs, left, right, made)
        queue = _enqueue(queue, gains, pairs, made, num_first)
    return merges[: 3 * num], vocabulary


def learn_merges(symbols, words, token_offsets, token_data, vocab_size, min_count):
    """Learn merges until there are `vocab_size` tokens or no pair occurs `min_count` times.

    symbols int32 (changed in place), words int64[n, 3] (start, length (changed), count): word i is symbols[start:start + length] and occurs
    count > 0 times. token_offsets int64[t + 1], token_data uint8: the first tokens; symbols are below t. Returns (merges int32[m, 3]: left,
    right, made; offsets int64[v + 1] and bytes of all tokens).
    """
    num, power = len(token_offsets) - 1, max(10, (2 * vocab_size - 1).bit_length())
    offsets = np.zeros(max(vocab_size, num) + 2, dtype=np.int64)
    offsets[: num + 1] = token_offsets
    vocabulary = Vocabulary(
        offsets, np.concatenate([token_data, np.empty(1024, np.uint8)]), np.zeros(1 << power, np.int32), np.full(1, num)
    )
    enter_first(vocabulary)
    merges, vocabulary = _merge_until(symbols, words, vocabulary, vocab_size, min_count, num)
    tokens = int(vocabulary.size[0])
    return merges.reshape(-1, 3), vocabulary.offsets[: tokens + 1], vocabulary.data[: vocabulary.offsets[tokens]]


@njit(nogil=True, cache=True)
def token_counts(symbols, words, out):
    """out[t] += how often token t stands in the words, each word as often as it counts. int64[vocabulary]."""
    for word in range(len(words)):
        for i in range(words[word, START], words[word, START] + words[word, LENGTH]):
            out[symbols[i]] += words[word, COUNT]
