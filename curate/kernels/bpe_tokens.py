"""Kernels of the growing vocabulary for `bpe.py`: the bytes of every token, and which token has given bytes."""

from typing import NamedTuple

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.growing import grown

MIX = np.uint64(0x9E3779B97F4A7C15)


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
def intern(vocabulary, left, right):
    """The id of left + right, a new one unless these bytes are a token already; and the vocabulary, whose data may have moved."""
    offsets, data, slots, size = vocabulary
    start = offsets[size[0]]
    a, b = offsets[left + 1] - offsets[left], offsets[right + 1] - offsets[right]
    while start + a + b > len(data):
        data = grown(data, start)
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
def enter_first(vocabulary):
    """Put the first tokens into the table; one of no bytes (a special token that text cannot make) stays out."""
    for token in range(vocabulary.size[0]):
        start, stop = vocabulary.offsets[token], vocabulary.offsets[token + 1]
        if stop > start:
            vocabulary.slots[_token_slot(vocabulary, start, stop)] = token + 1
