"""Kernel that encodes UTF-8 text with a byte-level BPE, ids equal to those of `tokenizers` for the same vocabulary and merges.

Text is cut into pre-tokens (`curate.kernels.pretokens`); in each, the pair of lowest rank is merged first, of equal ones the leftmost,
until no pair has a rank. As in the BPE model of `tokenizers` (0.21 to 0.23), a queued merge is carried out if the pair that now stands at
its place makes the same token, even from other halves. Ids of short pre-tokens are remembered in a table that starts anew when it is full,
which changes no id. Slow twin: tests/naive_bpe.py.
"""

from typing import NamedTuple

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.pretoken_flags import make_room, split_chunk
from curate.kernels.pretokens import SHORT, keys_of, mixed

FREE = np.uint64(0xFFFFFFFFFFFFFFFF)
MIX = np.uint64(0x9E3779B97F4A7C15)
REMEMBERED_BYTES = 64
LOW = np.uint64(0xFFFFFFFF)
INLINE_BYTES = 8
"""Tokens that a row of the memory holds itself: four of uint16, two of uint32."""


class Merges(NamedTuple):
    """A BPE model as arrays."""

    byte_ids: np.ndarray
    """int32[256]."""
    keys: np.ndarray
    """uint64: left << 32 | right, or FREE; an open-addressing table, its size a power of two."""
    ranks: np.ndarray
    """int32, at the key's slot."""
    made: np.ndarray
    """int32 by rank: the token that a merge makes."""


class Memory(NamedTuple):
    """Ids of pre-tokens seen before."""

    table: np.ndarray
    """uint64[rows, 4], an open-addressing table, its rows a power of two: two keys (`pretokens.keys_of`; the second of a long pre-token is
    where its bytes start in `data`), length | number of tokens << 32 (0: free), its tokens or where they start in `tokens`."""
    data: np.ndarray
    """uint8: bytes of long pre-tokens."""
    tokens: np.ndarray
    """int32."""
    size: np.ndarray
    """int64[3]: rows taken, bytes, tokens."""


class Bench(NamedTuple):
    """Room to work on one pre-token of at most len(ids) bytes."""

    ids: np.ndarray
    before: np.ndarray
    after: np.ndarray
    """int32: a linked list of symbols; id -1 is a symbol merged away."""
    heap: np.ndarray
    """uint64[3 * len(ids)]: rank << 32 | position."""
    starts: np.ndarray
    """int64[CHUNK + 16]: pre-tokens."""


@njit(nogil=True, cache=True)
def merge_table(lefts, rights, made, byte_ids):
    """Merges from int32 arrays by rank; of a pair listed twice the last rank counts."""
    size = 1024
    while size < 4 * len(lefts):
        size *= 2
    keys = np.full(size, FREE, dtype=np.uint64)
    ranks = np.zeros(size, dtype=np.int32)
    for rank in range(len(lefts)):
        key = (np.uint64(lefts[rank]) << np.uint64(32)) | np.uint64(rights[rank])
        at = _slot(keys, key)
        keys[at], ranks[at] = key, rank
    return Merges(byte_ids, keys, ranks, made)


@njit(nogil=True, cache=True, forceinline=True)
def _slot(keys, key):
    mask = np.uint64(len(keys) - 1)
    spread = key * MIX
    at = (spread ^ (spread >> np.uint64(32))) & mask
    while keys[at] != key and keys[at] != FREE:
        at = (at + np.uint64(1)) & mask
    return at


@njit(nogil=True, cache=True, forceinline=True)
def _rank(merges, left, right):
    """The rank of a pair, or -1."""
    at = _slot(merges.keys, (np.uint64(left) << np.uint64(32)) | np.uint64(right))
    return np.int64(merges.ranks[at]) if merges.keys[at] != FREE else np.int64(-1)


@njit(nogil=True, cache=True)
def _push(heap, n, rank, position):
    item = (np.uint64(rank) << np.uint64(32)) | np.uint64(position)
    while n > 0 and item < heap[(n - 1) >> 1]:
        heap[n] = heap[(n - 1) >> 1]
        n = (n - 1) >> 1
    heap[n] = item


@njit(nogil=True, cache=True)
def _pop(heap, n):
    """Take the top of a heap of n; what is left has n - 1."""
    top, item = heap[0], heap[n - 1]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= n - 1:
            break
        if child + 1 < n - 1 and heap[child + 1] < heap[child]:
            child += 1
        if item <= heap[child]:
            break
        heap[i] = heap[child]
        i = child
    heap[i] = item
    return top


@njit(nogil=True, cache=True)
def _merge_word(data, start, stop, merges, bench, out, n):
    """Ids of one pre-token to out[n:]; returns where they end."""
    ids, before, after, heap, _ = bench
    length, queued = stop - start, 0
    for i in range(length):
        ids[i] = merges.byte_ids[data[start + i]]
        before[i], after[i] = i - 1, i + 1
    for i in range(length - 1):
        rank = _rank(merges, ids[i], ids[i + 1])
        if rank >= 0:
            _push(heap, queued, rank, i)
            queued += 1
    while queued > 0:
        top = _pop(heap, queued)
        queued -= 1
        i, made = np.int64(top & np.uint64(0xFFFFFFFF)), merges.made[top >> np.uint64(32)]
        if ids[i] < 0 or after[i] >= length:
            continue
        rank = _rank(merges, ids[i], ids[after[i]])
        if rank < 0 or merges.made[rank] != made:
            continue
        ids[i], ids[after[i]] = made, -1
        after[i] = after[after[i]]
        if after[i] < length:
            before[after[i]] = i
            rank = _rank(merges, made, ids[after[i]])
            if rank >= 0:
                _push(heap, queued, rank, i)
                queued += 1
        if before[i] >= 0:
            rank = _rank(merges, ids[before[i]], made)
            if rank >= 0:
                _push(heap, queued, rank, before[i])
                queued += 1
    i = 0
    while i < length:
        out[n] = ids[i]
        n += 1
        i = after[i]
    return n


@njit(nogil=True, cache=True)
def _remember(memory, first, second, data, start, length, out, begin, end):
    """Note the ids out[begin:end] of a pre-token; a memory that is full starts anew."""
    table, seen, tokens, size = memory
    if 2 * size[0] >= len(table) or size[1] + length > len(seen) or size[2] + length > len(tokens):
        table[:] = 0
        size[:] = 0
    mask = np.uint64(len(table) - 1)
    at = mixed(first, second, length) & mask
    while table[at, 2] != 0:
        at = (at + np.uint64(1)) & mask
    num = end - begin
    table[at, 0], table[at, 1] = first, second
    table[at, 2] = np.uint64(length) | (np.uint64(num) << np.uint64(32))
    if length > SHORT:
        table[at, 1] = np.uint64(size[1])
        seen[size[1] : size[1] + length] = data[start : start + length]
        size[1] += length
    if num * out.itemsize <= INLINE_BYTES:
        packed = np.uint64(0)
        for i in range(num):
            packed |= np.uint64(out[begin + i]) << np.uint64(8 * out.itemsize * i)
        table[at, 3] = packed
    else:
        table[at, 3] = np.uint64(size[2])
        for i in range(num):
            tokens[size[2] + i] = out[begin + i]
        size[2] += num
    size[0] += 1


@njit(nogil=True, cache=True)
def _new_word(data, p, length, first, second, merges, memory, bench, out, n):
    """Ids of a pre-token that memory does not hold; it is remembered if it is short. Returns where they end."""
    end = _merge_word(data, p, p + length, merges, bench, out, n)
    if length <= REMEMBERED_BYTES:
        _remember(memory, first, second, data, p, length, out, n, end)
    return end


@njit(nogil=True, cache=True, forceinline=True)
def _same(seen, at, data, start, length):
    i = 0
    while i < length and seen[at + i] == data[start + i]:
        i += 1
    return i == length


@njit(nogil=True, cache=True, forceinline=True)
def _unpack(packed, out, n):
    """All tokens that a row may hold, to out[n:]; those that it does not hold are written over later."""
    if out.itemsize == 2:
        out[n] = packed & np.uint64(0xFFFF)
        out[n + 1] = (packed >> np.uint64(16)) & np.uint64(0xFFFF)
        out[n + 2] = (packed >> np.uint64(32)) & np.uint64(0xFFFF)
        out[n + 3] = packed >> np.uint64(48)
    else:
        out[n] = packed & LOW
        out[n + 1] = packed >> np.uint64(32)


@njit(nogil=True, cache=True)
def _slow_word(data, p, length, first, second, at, merges, memory, bench, out, n):
    """As the loop below, where the row `at` is not a short pre-token of few tokens."""
    table, seen, tokens, _ = memory
    mask = np.uint64(len(table) - 1)
    while table[at, 2] != 0:
        what = table[at, 2]
        same = table[at, 0] == first and (what & LOW) == np.uint64(length)
        if same and (table[at, 1] == second if length <= SHORT else _same(seen, np.int64(table[at, 1]), data, p, length)):
            many = np.int64(what >> np.uint64(32))
            if many * out.itemsize <= INLINE_BYTES:
                _unpack(table[at, 3], out, n)
            else:
                begin = np.int64(table[at, 3])
                for i in range(many):
                    out[n + i] = tokens[begin + i]
            return n + many
        at = (at + np.uint64(1)) & mask
    return _new_word(data, p, length, first, second, merges, memory, bench, out, n)


@njit(nogil=True, cache=True)
def _encode_words(data, num, merges, memory, bench, out, n):
    """Ids of the `num` pre-tokens between bench.starts to out[n:]; returns where they end."""
    table, starts = memory.table, bench.starts
    mask, inline = np.uint64(len(table) - 1), INLINE_BYTES // out.itemsize
    for k in range(num):
        p = starts[k]
        length = starts[k + 1] - p
        first, second = keys_of(data, p, length)
        at = mixed(first, second, length) & mask
        what = table[at, 2]
        same = (table[at, 0] ^ first) | (table[at, 1] ^ second) | ((what & LOW) ^ np.uint64(length))
        many = np.int64(what >> np.uint64(32))
        if same == 0 and many <= inline and length <= SHORT:
            _unpack(table[at, 3], out, n)
            n += many
        else:
            n = _slow_word(data, p, length, first, second, at, merges, memory, bench, out, n)
    return n


@njit(nogil=True, cache=True)
def encode_rows(begins, ends, data, splitter, merges, memory, bench, out, row_ends, n):
    """Ids of rows data[begins[i]:ends[i]] one after another into out[n:] (uint16 or uint32, one a byte and four more are enough);
    row_ends[i] = end of row i in out. Returns the end of the last."""
    room = make_room()
    starts = bench.starts
    for row in range(len(begins)):
        begin, end = begins[row], ends[row]
        p, num = begin, 0
        while p < end:
            p, num = split_chunk(data, begin, p, end, splitter, room, starts, num)
            n = _encode_words(data, num - 1, merges, memory, bench, out, n)
            starts[0] = starts[num - 1]
            num = 1
        row_ends[row] = n
    return n


@njit(nogil=True, cache=True)
def refill(memory, table):
    """Put what the memory holds into another table of more rows, zeros."""
    mask = np.uint64(len(table) - 1)
    for row in memory.table:
        if row[2] != 0:
            length = row[2] & LOW
            at = mixed(row[0], row[1] if length <= SHORT else np.uint64(0), np.int64(length)) & mask
            while table[at, 2] != 0:
                at = (at + np.uint64(1)) & mask
            table[at] = row
