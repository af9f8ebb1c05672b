"""Kernel that encodes UTF-8 text with a byte-level BPE, ids equal to those of `tokenizers` for the same vocabulary and merges.

Text is cut into pre-tokens (`curate.kernels.pretokens`); in each, the pair of lowest rank is merged first, of equal ones the leftmost,
until no pair has a rank. As in the BPE model of `tokenizers` (0.21 to 0.23), a queued merge is carried out if the pair that now stands at
its place makes the same token, even from other halves. Ids of short pre-tokens are remembered in a table of fixed size that starts anew
when it is full, which changes no id. Slow twin: tests/naive_bpe.py.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from curate.kernels.pretokens import mixed, next_end, short_key
from curate.kernels.xxh64 import xxh64

FREE = np.uint64(0xFFFFFFFFFFFFFFFF)
MIX = np.uint64(0x9E3779B97F4A7C15)
REMEMBERED_BYTES = 64


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
    """Ids of pre-tokens seen before; all arrays of fixed size."""

    slots: np.ndarray
    """int32: entry + 1, or 0; a power of two."""
    table: np.ndarray
    """int64[entries, 4]: key, where the bytes start in `data`, length, first token << 8 | number of tokens."""
    data: np.ndarray
    """uint8."""
    tokens: np.ndarray
    """int32."""
    size: np.ndarray
    """int64[3]: entries, bytes, tokens."""


class Bench(NamedTuple):
    """Room to work on one pre-token of at most len(ids) bytes."""

    ids: np.ndarray
    before: np.ndarray
    after: np.ndarray
    """int32: a linked list of symbols; id -1 is a symbol merged away."""
    heap: np.ndarray
    """uint64[3 * len(ids)]: rank << 32 | position."""


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
    ids, before, after, heap = bench.ids, bench.before, bench.after, bench.heap
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
def _remember(memory, at, key, data, start, length, out, first, n):
    """Note the ids out[first:n] of a pre-token at its free slot; a full memory starts anew."""
    entries, used, tokens = memory.size
    if entries == len(memory.table) or used + length > len(memory.data) or tokens + length > len(memory.tokens):
        memory.slots[:] = 0
        memory.size[:] = 0
        entries, used, tokens = 0, 0, 0
        at = mixed(key + np.uint64(length)) & np.uint64(len(memory.slots) - 1)
    if length > 8:
        memory.data[used : used + length] = data[start : start + length]
        memory.size[1] += length
    for i in range(n - first):
        memory.tokens[tokens + i] = out[first + i]
    memory.table[entries, 0], memory.table[entries, 1] = np.int64(key), used
    memory.table[entries, 2], memory.table[entries, 3] = length, (tokens << 8) | (n - first)
    memory.slots[at] = entries + 1
    memory.size[0] += 1
    memory.size[2] += n - first


@njit(nogil=True, cache=True, forceinline=True)
def _same(seen, at, data, start, length):
    i = 0
    while i < length and seen[at + i] == data[start + i]:
        i += 1
    return i == length


@njit(nogil=True, cache=True)
def _new_word(data, p, q, key, at, merges, memory, bench, out, n):
    """Ids of a pre-token that memory does not hold; it is remembered at slot `at` if it is short. Returns where they end."""
    end = _merge_word(data, p, q, merges, bench, out, n)
    if q - p <= REMEMBERED_BYTES:
        _remember(memory, at, key, data, p, q - p, out, n, end)
    return end


@njit(nogil=True, cache=True)
def encode_rows(starts, ends, data, classes, pattern, merges, memory, bench, out, row_ends):
    """Ids of rows data[starts[i]:ends[i]] one after another into out (uint16 or uint32, one a byte is enough); row_ends[i] = end of row i
    in out."""
    slots, table, seen, tokens, _ = memory
    mask = np.uint64(len(slots) - 1)
    n = 0
    for row in range(len(starts)):
        p, end = starts[row], ends[row]
        while p < end:
            q = next_end(data, p, end, classes, pattern)
            length = q - p
            short = length <= 8
            key = short_key(data, p, length) if short else xxh64(data, p, q, np.uint64(0))
            at = mixed(key + np.uint64(length)) & mask
            known = False
            while slots[at] != 0:
                i = slots[at] - 1
                if table[i, 0] == np.int64(key) and table[i, 2] == length and (short or _same(seen, table[i, 1], data, p, length)):
                    first, num = table[i, 3] >> 8, table[i, 3] & 0xFF
                    for k in range(num):
                        out[n + k] = tokens[first + k]
                    n += num
                    known = True
                    break
                at = (at + np.uint64(1)) & mask
            if not known:
                n = _new_word(data, p, q, key, at, merges, memory, bench, out, n)
            p = q
        row_ends[row] = n


@njit(nogil=True, cache=True)
def join_documents(tokens, ends, boundary, out):
    """The boundary token, then the tokens of document i, which end at ends[i] in `tokens`; for all documents into out."""
    n, k = 0, 0
    for i in range(len(ends)):
        out[n] = boundary
        n += 1
        while k < ends[i]:
            out[n] = tokens[k]
            n += 1
            k += 1
