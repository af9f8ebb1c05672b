"""Sixty-four bytes at a time, and the hashes that stand on them."""

import numpy as np
from numba import njit

from curate.kernels.blocks import WIDTH, below, ones, within
from curate.kernels.word_hash import hash_of

BYTES = np.arange(WIDTH + 256, dtype=np.uint16).astype(np.uint8)


@njit
def marked(data, at, fold, low, high):
    bits = within(data, at, fold, low, high)
    return bits, ones(bits), below(bits)


def test_every_byte_is_marked_where_it_lies_between():
    for fold, low, high in ((0, 9, 13), (32, 97, 122), (0, 0x80, 0xBF), (0, 0, 255), (0, 255, 255)):
        for at in (0, 1, 63, 64, 127, 200, 256):
            bits, number, first = marked(BYTES, at, fold, low, high)
            found = [low <= byte | fold <= high for byte in BYTES[at : at + WIDTH].tolist()]
            assert [bits >> i & 1 for i in range(WIDTH)] == found
            assert number == sum(found)
            assert first == (found.index(True) if any(found) else WIDTH)


def test_a_hash_is_of_each_byte_and_of_none_around_it():
    data = (BYTES * np.uint8(37) + np.uint8(11))[:200]
    for n in (1, 7, 8, 9, 15, 16, 17, 24, 63, 64, 65, 96, 97, 130):
        whole = hash_of(data, 5, 5 + n, len(data))
        seen = {whole, hash_of(data, 5, 6 + n, len(data)), hash_of(data, 4, 5 + n, len(data))}
        assert hash_of(data[5 : 5 + n].copy(), 0, n, n) == whole
        for i in range(n):
            other = data.copy()
            other[5 + i] ^= 1 << i % 8
            seen.add(hash_of(other, 5, 5 + n, len(data)))
        assert len(seen) == n + 3
