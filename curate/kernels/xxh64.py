"""XXH64 of byte ranges (specification: github.com/Cyan4973/xxHash, doc/xxhash_spec.md). Twin: the xxhash package."""

import numpy as np
from numba import njit

P1 = np.uint64(0x9E3779B185EBCA87)
P2 = np.uint64(0xC2B2AE3D27D4EB4F)
P3 = np.uint64(0x165667B19E3779F9)
P4 = np.uint64(0x85EBCA77C2B2AE63)
P5 = np.uint64(0x27D4EB2F165667C5)


@njit(nogil=True, cache=True, inline="always")
def _rotl(x, r):
    return (x << np.uint64(r)) | (x >> np.uint64(64 - r))


@njit(nogil=True, cache=True, inline="always")
def _u32(data, p):
    # written out, so that LLVM sees one unaligned load
    return (
        np.uint64(data[p])
        | np.uint64(data[p + 1]) << np.uint64(8)
        | np.uint64(data[p + 2]) << np.uint64(16)
        | np.uint64(data[p + 3]) << np.uint64(24)
    )


@njit(nogil=True, cache=True, inline="always")
def _u64(data, p):
    return (
        np.uint64(data[p])
        | np.uint64(data[p + 1]) << np.uint64(8)
        | np.uint64(data[p + 2]) << np.uint64(16)
        | np.uint64(data[p + 3]) << np.uint64(24)
        | np.uint64(data[p + 4]) << np.uint64(32)
        | np.uint64(data[p + 5]) << np.uint64(40)
        | np.uint64(data[p + 6]) << np.uint64(48)
        | np.uint64(data[p + 7]) << np.uint64(56)
    )


@njit(nogil=True, cache=True, inline="always")
def _round(acc, lane):
    return _rotl(acc + lane * P2, 31) * P1


@njit(nogil=True, cache=True, inline="always")
def _merge(h, acc):
    return (h ^ _round(np.uint64(0), acc)) * P1 + P4


@njit(nogil=True, cache=True)
def xxh64(data, start, end, seed):
    """XXH64 of data[start:end] (uint8) under `seed` (uint64)."""
    p = start
    if end - start >= 32:
        a, b, c, d = seed + P1 + P2, seed + P2, seed, seed - P1
        while p + 32 <= end:
            a = _round(a, _u64(data, p))
            b = _round(b, _u64(data, p + 8))
            c = _round(c, _u64(data, p + 16))
            d = _round(d, _u64(data, p + 24))
            p += 32
        h = _rotl(a, 1) + _rotl(b, 7) + _rotl(c, 12) + _rotl(d, 18)
        h = _merge(_merge(_merge(_merge(h, a), b), c), d)
    else:
        h = seed + P5
    h += np.uint64(end - start)
    while p + 8 <= end:
        h = _rotl(h ^ _round(np.uint64(0), _u64(data, p)), 27) * P1 + P4
        p += 8
    if p + 4 <= end:
        h = _rotl(h ^ (_u32(data, p) * P1), 23) * P2 + P3
        p += 4
    while p < end:
        h = _rotl(h ^ (np.uint64(data[p]) * P5), 11) * P1
        p += 1
    h = (h ^ (h >> np.uint64(33))) * P2
    h = (h ^ (h >> np.uint64(29))) * P3
    return h ^ (h >> np.uint64(32))
