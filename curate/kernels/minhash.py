"""MinHash signatures, their bands, and the true shingle sets that candidates are verified on.

Two families of hash functions; of either, a value of the signature is the least over all shingle hashes h. Slow twin: tests/naive_dedup.py.

    uint32  value_j = (g * a_j + b_j) mod 2^32, where g is the upper half of h and a_j is odd: each function puts all g in another order,
            and eight of them go side by side where the other family has one or two
    uint64  datatrove's, bit for bit (curation notes S8): value_j = ((h * a_j + b_j) mod 2^64) mod (2^61 - 1)

Two texts with Jaccard similarity s share a band of r rows with probability s^r, one of b bands with 1 - (1 - s^r)^b. Different shingles
have the same g once in 2^32, which moves s by less than that.

Price of 112 functions, a shingle: 9 ns, datatrove's 30.
"""

from itertools import pairwise

import numpy as np
from numba import types
from numba.extending import overload

from curate.kernels.compiled import njit
from curate.kernels.shingles import DONE, fill, scratch

PRIME = np.uint64((1 << 61) - 1)
NOTHING = np.uint64(0xFFFFFFFFFFFFFFFF)
BITS = np.uint64(61)
EIGHT = np.uint64(8)
HALF = np.uint64(32)


def functions(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """a, b: uint32[count], the family of 32 bits."""
    a, b = np.random.RandomState(seed).randint(0, 1 << 32, dtype=np.uint32, size=(2, count))
    return a | np.uint32(1), b


def datatrove_functions(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """a, b: uint64[count], drawn as datatrove draws them (its seed is 1)."""
    state = np.random.RandomState(seed)
    a = state.randint(1, int(PRIME), dtype=np.uint64, size=(1, count))
    b = state.randint(0, int(PRIME), dtype=np.uint64, size=(1, count))
    return a[0], b[0]


@njit(nogil=True, cache=True)
def _exactly(hashes, count, a, b):
    """The least value of one hash function, as the formula says it."""
    least = NOTHING
    for i in range(count):
        least = min(least, (hashes[i] * a + b) % PRIME)
    return least


@njit(nogil=True, cache=True)
def lower(signature, hashes, count, a, b, least):
    """Take `count` shingle hashes into a signature; least: uint64, as long as it, scratch; hashes has room for 7 more.

    2^61 = 1 mod p, so x mod p is y = (x mod 2^61) + (x >> 61), less p where y >= p. With 8 added to x first, y is never below 8 but where
    x mod p >= p - 8, and is x mod p + 8 everywhere else: the subtraction is not needed, and one look at the end tells whether a value
    was met (once in 2^57 shingles) for which this does not hold.
    """
    for i in range(count, (count + 7) & ~7):
        hashes[i] = hashes[count - 1]
    least[:] = NOTHING
    for i in range(0, count, 8):
        h0, h1, h2, h3 = hashes[i], hashes[i + 1], hashes[i + 2], hashes[i + 3]
        h4, h5, h6, h7 = hashes[i + 4], hashes[i + 5], hashes[i + 6], hashes[i + 7]
        for j in range(len(signature)):  # in vector lanes: a, b and the least are loaded once for eight hashes
            aj, bj = a[j], b[j] + EIGHT
            x0, x1, x2, x3 = h0 * aj + bj, h1 * aj + bj, h2 * aj + bj, h3 * aj + bj
            x4, x5, x6, x7 = h4 * aj + bj, h5 * aj + bj, h6 * aj + bj, h7 * aj + bj
            x0, x1 = (x0 & PRIME) + (x0 >> BITS), (x1 & PRIME) + (x1 >> BITS)
            x2, x3 = (x2 & PRIME) + (x2 >> BITS), (x3 & PRIME) + (x3 >> BITS)
            x4, x5 = (x4 & PRIME) + (x4 >> BITS), (x5 & PRIME) + (x5 >> BITS)
            x6, x7 = (x6 & PRIME) + (x6 >> BITS), (x7 & PRIME) + (x7 >> BITS)
            least[j] = min(least[j], min(min(min(x0, x1), min(x2, x3)), min(min(x4, x5), min(x6, x7))))
    for j in range(len(signature)):
        value = least[j] - EIGHT if least[j] >= EIGHT else _exactly(hashes, count, a[j], b[j])
        signature[j] = min(signature[j], value)


@njit(nogil=True, cache=True)
def lower_32(signature, hashes, count, a, b):
    """Take `count` shingle hashes into a signature of the family of 32 bits; hashes has room for 7 more."""
    for i in range(count, (count + 7) & ~7):
        hashes[i] = hashes[count - 1]
    u32 = np.uint32
    for i in range(0, count, 8):
        g0, g1, g2, g3 = u32(hashes[i] >> HALF), u32(hashes[i + 1] >> HALF), u32(hashes[i + 2] >> HALF), u32(hashes[i + 3] >> HALF)
        g4, g5, g6, g7 = u32(hashes[i + 4] >> HALF), u32(hashes[i + 5] >> HALF), u32(hashes[i + 6] >> HALF), u32(hashes[i + 7] >> HALF)
        for j in range(len(signature)):  # in vector lanes
            aj, bj = a[j], b[j]
            x0, x1, x2, x3 = u32(g0 * aj + bj), u32(g1 * aj + bj), u32(g2 * aj + bj), u32(g3 * aj + bj)
            x4, x5, x6, x7 = u32(g4 * aj + bj), u32(g5 * aj + bj), u32(g6 * aj + bj), u32(g7 * aj + bj)
            signature[j] = min(signature[j], min(min(min(x0, x1), min(x2, x3)), min(min(x4, x5), min(x6, x7))))


def _lower(signature, hashes, count, a, b, least):
    """The one of the family."""


@overload(_lower)
def _of_family(signature, hashes, count, a, b, least):
    if signature.dtype == types.uint32:
        return lambda signature, hashes, count, a, b, least: lower_32(signature, hashes, count, a, b)
    return lambda signature, hashes, count, a, b, least: lower(signature, hashes, count, a, b, least)


@njit(nogil=True, cache=True)
def signatures(offsets, data, n, a, b, classes, fold_at, fold_data, plain, out, num_shingles):
    """out, of the type of a and b, [rows, len(a)]: the signature of each text; num_shingles int64[rows]: its shingles, repeats counted.

    Every value of a text without shingles is the largest of the type.
    """
    buffer, starts, state, lanes = scratch(n)
    hashes = np.empty(len(starts) + 7, dtype=np.uint64)
    signature, least = np.empty_like(a), np.empty_like(a)
    for row in range(len(offsets) - 1):
        signature[:] = ~(a[:1] ^ a[:1])[0]
        state[:] = 0
        state[0] = offsets[row]
        total = 0
        while state[DONE] == 0:
            count, buffer = fill(data, offsets[row + 1], n, classes, fold_at, fold_data, plain, buffer, starts, state, lanes, hashes)
            if count > 0:
                _lower(signature, hashes, count, a, b, least)
            total += count
        out[row, :] = signature
        num_shingles[row] = total


@njit(nogil=True, cache=True)
def _all_shingles(offsets, data, rows, n, classes, fold_at, fold_data, plain):
    """(hashes uint64, ends int64[len(rows) + 1]): the shingle hashes of the texts `rows`, in order."""
    buffer, starts, state, lanes = scratch(n)
    hashes = np.empty(len(starts), dtype=np.uint64)
    ends = np.zeros(len(rows) + 1, dtype=np.int64)
    total = 0
    for k in range(len(rows)):
        state[:] = 0
        state[0] = offsets[rows[k]]
        end = offsets[rows[k] + 1]
        while state[DONE] == 0:
            if len(hashes) - total < len(starts):
                larger = np.empty(2 * len(hashes), dtype=np.uint64)
                larger[:total] = hashes[:total]
                hashes = larger
            room = hashes[total:]
            count, buffer = fill(data, end, n, classes, fold_at, fold_data, plain, buffer, starts, state, lanes, room)
            total += count
        ends[k + 1] = total
    return hashes[:total], ends


@njit(nogil=True, cache=True)
def _distinct(values, ends):
    """Move the distinct values of sorted sets together, in place; `ends` as before and after. Their number."""
    count, start = 0, 0
    for k in range(1, len(ends)):
        begin = count
        for i in range(start, ends[k]):
            if count == begin or values[i] != values[count - 1]:
                values[count] = values[i]
                count += 1
        start = ends[k]
        ends[k] = count
    return count


def shingle_sets(offsets: np.ndarray, data: np.ndarray, rows: np.ndarray, n: int, *tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(values uint64, ends int64[len(rows) + 1]): the sorted distinct shingle hashes of the texts `rows` (int64)."""
    values, ends = _all_shingles(offsets, data, rows, n, *tables)
    for start, end in pairwise(ends.tolist()):
        values[start:end].sort()  # numpy's vector sort is ten times as fast as a compiled one
    return values[: _distinct(values, ends)], ends


@njit(nogil=True, cache=True, inline="always")
def _mix(x):
    # the finaliser of MurmurHash3
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return x ^ (x >> np.uint64(33))


@njit(nogil=True, cache=True)
def band_keys(signature, rows, out):
    """out[i, k] = a hash of k and of the `rows` values of band k of signature i. uint64[texts, bands]."""
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            h = _mix(np.uint64(k) + np.uint64(0x9E3779B97F4A7C15))
            for j in range(k * rows, (k + 1) * rows):
                h = _mix(h ^ np.uint64(signature[i, j])) + np.uint64(0x9E3779B97F4A7C15)
            out[i, k] = h


@njit(nogil=True, cache=True)
def overlap(a, b):
    """How many values two sorted arrays of distinct values share."""
    i, j, shared = 0, 0, 0
    while i < len(a) and j < len(b):
        x, y = a[i], b[j]
        shared += x == y
        i += x <= y
        j += y <= x
    return shared


@njit(nogil=True, cache=True)
def overlaps(values, starts, ends, of, out):
    """out[i] = values shared by set i, values[starts[i]:ends[i]], and set of[i]. int64[n]."""
    for i in range(len(out)):
        out[i] = overlap(values[starts[of[i]] : ends[of[i]]], values[starts[i] : ends[i]])
