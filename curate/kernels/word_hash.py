"""64-bit hashes of words, eight bytes at a time. The hash of a word of up to sixteen bytes needs no loop."""

import numpy as np

from curate.kernels.blocks import load8
from curate.kernels.compiled import njit

U = np.uint64
K1, K2 = U(0x9E3779B185EBCA87), U(0xC2B2AE3D27D4EB4F)
SHORT = 16
"""Bytes of which a hash needs no loop."""


@njit(nogil=True, cache=True, inline="always")
def eight(data, p, size):
    """Bytes p … p + 7 of `size` as one number, the first lowest; zeros behind the end."""
    w = U(0)
    if p + 8 <= size:
        w = load8(data, p)
    else:
        for k in range(size - p):
            w |= U(data[p + k]) << U(8 * k)
    return w


@njit(nogil=True, cache=True, inline="always")
def head(w, k):
    """The first k bytes of w, k from 1 to 8."""
    return w & (~U(0) >> U(64 - 8 * k))


@njit(nogil=True, cache=True, inline="always")
def hash_short(first, second, k):
    """Hash of k bytes, 1 to SHORT: those of `first`, then those of `second`; what these hold behind the k bytes does not matter."""
    one, two = min(k, np.int64(8)), max(k, np.int64(9)) - 8
    h = (head(first, one) ^ U(k) * K2) * K1
    h ^= h >> U(32)
    if k > 8:
        h ^= head(second, two)
    h *= K2
    return h ^ (h >> U(29))


@njit(nogil=True, cache=True, inline="always")
def _step(h, w):
    h = (h ^ w) * K1
    return h ^ (h >> U(32))


@njit(nogil=True, cache=True)
def hash_of(data, s, e, size):
    """64-bit hash of data[s:e], of `size` bytes that may be read; of nothing 0."""
    n = e - s
    if n <= SHORT:
        return hash_short(eight(data, s, size), eight(data, min(s + 8, size), size), n) if n > 0 else U(0)
    h, p = U(0), s
    if n >= 64:  # four at once: each waits for its own product only
        one, two, three, four = U(1), U(2), U(3), U(4)
        while p + 32 < e:
            one, two = _step(one, load8(data, p)), _step(two, load8(data, p + 8))
            three, four = _step(three, load8(data, p + 16)), _step(four, load8(data, p + 24))
            p += 32
        h = _step(_step(_step(one, two * K2), three * K2), four * K2)
    while p + 8 < e:
        h = _step(h, load8(data, p))
        p += 8
    h = (_step(h, load8(data, e - 8)) + U(n)) * K2
    return h ^ (h >> U(29))


def hash_word(word: str) -> int:
    """`hash_of` a word."""
    raw = np.frombuffer(word.encode(), dtype=np.uint8)
    return int(hash_of(raw, 0, len(raw), len(raw)))
