"""XXH64 of byte ranges, one at a time or many short ones side by side.

Specification: github.com/Cyan4973/xxHash, doc/xxhash_spec.md. Twin: the xxhash package.
"""

import numpy as np

from curate.kernels.compiled import njit

P1 = np.uint64(0x9E3779B185EBCA87)
P2 = np.uint64(0xC2B2AE3D27D4EB4F)
P3 = np.uint64(0x165667B19E3779F9)
P4 = np.uint64(0x85EBCA77C2B2AE63)
P5 = np.uint64(0x27D4EB2F165667C5)
U = np.uint64
"""Positions are unsigned too: a signed index makes numba ask of every byte whether it counts from the end, and eight loads stay eight."""
LANES, NUM_LANES = 64, 11
SHORT = 64


@njit(nogil=True, cache=True, inline="always")
def _rotl(x, r):
    return (x << U(r)) | (x >> U(64 - r))


@njit(nogil=True, cache=True, inline="always")
def u32(data, p):
    return U(data[p]) | U(data[p + U(1)]) << U(8) | U(data[p + U(2)]) << U(16) | U(data[p + U(3)]) << U(24)


@njit(nogil=True, cache=True, inline="always")
def _u64(data, p):
    return u32(data, p) | u32(data, p + U(4)) << U(32)


@njit(nogil=True, cache=True, inline="always")
def _round(acc, lane):
    return _rotl(acc + lane * P2, 31) * P1


@njit(nogil=True, cache=True, inline="always")
def _merge(h, acc):
    return (h ^ _round(U(0), acc)) * P1 + P4


@njit(nogil=True, cache=True, inline="always")
def _far(a, b, c, d):
    """The state after the stripes of a range of at least 32 bytes."""
    h = _rotl(a, 1) + _rotl(b, 7) + _rotl(c, 12) + _rotl(d, 18)
    return _merge(_merge(_merge(_merge(h, a), b), c), d)


@njit(nogil=True, cache=True, inline="always")
def _eight(h, lane):
    return _rotl(h ^ _round(U(0), lane), 27) * P1 + P4


@njit(nogil=True, cache=True, inline="always")
def _four(h, lane):
    return _rotl(h ^ (lane * P1), 23) * P2 + P3


@njit(nogil=True, cache=True, inline="always")
def _one(h, byte):
    return _rotl(h ^ (byte * P5), 11) * P1


@njit(nogil=True, cache=True, inline="always")
def _end(h):
    h = (h ^ (h >> U(33))) * P2
    h = (h ^ (h >> U(29))) * P3
    return h ^ (h >> U(32))


@njit(nogil=True, cache=True)
def xxh64(data, start, end, seed):
    """XXH64 of data[start:end] (uint8) under `seed` (uint64)."""
    p, stop = U(start), U(end)
    size = stop - p
    if size >= U(32):
        a, b, c, d = seed + P1 + P2, seed + P2, seed, seed - P1
        while p + U(32) <= stop:
            a = _round(a, _u64(data, p))
            b = _round(b, _u64(data, p + U(8)))
            c = _round(c, _u64(data, p + U(16)))
            d = _round(d, _u64(data, p + U(24)))
            p += U(32)
        h = _far(a, b, c, d)
    else:
        h = seed + P5
    h += size
    while p + U(8) <= stop:
        h = _eight(h, _u64(data, p))
        p += U(8)
    if p + U(4) <= stop:
        h = _four(h, U(u32(data, p)))
        p += U(4)
    while p < stop:
        h = _one(h, U(data[p]))
        p += U(1)
    return _end(h)


@njit(nogil=True, cache=True)
def _heads(w0, w1, w2, w3, size, near, count, h):
    """What stands before the last 31 bytes, of ranges of less than 64: nothing in the first `near`, one stripe in the others."""
    for i in range(near):
        h[i] = P5 + size[i]
    for i in range(near, count):
        a, b = _round(P1 + P2, w0[i]), _round(P2, w1[i])
        c, d = _round(U(0), w2[i]), _round(U(0) - P1, w3[i])
        h[i] = _far(a, b, c, d) + size[i]


@njit(nogil=True, cache=True)
def _tails(t0, t1, t2, last, size, count, h):
    """The last 31 bytes and the end. Every step is computed for every range and taken where it applies: no branch."""
    for i in range(count):
        rest, x, tail = size[i] & U(31), h[i], last[i]
        y = _eight(x, t0[i])
        x = y if rest >= U(8) else x
        y = _eight(x, t1[i])
        x = y if rest >= U(16) else x
        y = _eight(x, t2[i])
        x = y if rest >= U(24) else x
        four = (rest & U(4)) != U(0)
        y = _four(x, tail & U(0xFFFFFFFF))
        x = y if four else x
        tail = tail >> U(32) if four else tail
        ones = rest & U(3)
        y = _one(x, tail & U(255))
        x = y if ones > U(0) else x
        y = _one(x, (tail >> U(8)) & U(255))
        x = y if ones > U(1) else x
        y = _one(x, (tail >> U(16)) & U(255))
        x = y if ones > U(2) else x
        h[i] = _end(x)


@njit(nogil=True, cache=True)
def xxh64_between(data, starts, n, count, lanes, out):
    """out[i] = XXH64 (seed 0) of data[starts[i] : starts[i + n] - 1], i < count: uint64.

    The ranges of less than SHORT bytes are hashed side by side in vector lanes, so `data` must have SHORT readable bytes behind every
    start. lanes: uint64[NUM_LANES, LANES], scratch.
    """
    for first in range(0, count, LANES):
        some = min(LANES, count - first)
        front, back = U(0), U(some)  # ranges without a stripe fill the lanes from the front, the others from the back
        for i in range(some):
            start = U(starts[first + i])
            size = U(starts[first + i + n]) - U(1) - start
            far = U(size >= U(32))
            back -= far
            at = back if far else front
            front += far ^ U(1)
            base = start + U(32) * far
            for k in range(4):
                lanes[k, at] = _u64(data, start + U(8) * U(k))
            for k in range(3):
                lanes[4 + k, at] = _u64(data, base + U(8) * U(k))
            lanes[7, at] = _u64(data, start + (size & ~U(7)))
            lanes[8, at] = size
            lanes[10, i] = at
        _heads(lanes[0], lanes[1], lanes[2], lanes[3], lanes[8], np.int64(front), some, lanes[9])
        _tails(lanes[4], lanes[5], lanes[6], lanes[7], lanes[8], some, lanes[9])
        for i in range(some):
            at = lanes[10, i]
            out[first + i] = lanes[9, at]
            if lanes[8, at] >= U(SHORT):
                out[first + i] = xxh64(data, starts[first + i], starts[first + i + n] - 1, U(0))
