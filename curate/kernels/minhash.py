"""MinHash signatures, their bands, and the true shingle sets that candidates are verified on.

Signatures are datatrove's (curation notes S8): parameters from RandomState(seed), value_j = ((h * a_j + b_j) mod 2^64) mod (2^61 - 1) of
every shingle hash h, the least over all shingles. Two texts with Jaccard similarity s share a band of r rows with probability s^r, one of
b bands with 1 - (1 - s^r)^b. Slow twin: tests/naive_dedup.py.
"""

from itertools import pairwise

import numpy as np
from numba import njit

from curate.kernels.shingles import FIRST_BUFFER, fill

PRIME = np.uint64((1 << 61) - 1)
NOTHING = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Every value of the signature of a text without shingles."""
BLOCK = 512


def permutations(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """a, b: uint64[count], drawn as datatrove draws them (its seed is 1)."""
    state = np.random.RandomState(seed)
    a = state.randint(1, int(PRIME), dtype=np.uint64, size=(1, count))
    b = state.randint(0, int(PRIME), dtype=np.uint64, size=(1, count))
    return a[0], b[0]


@njit(nogil=True, cache=True)
def _lower(signature, hashes, count, a, b):
    """Take `count` shingle hashes into a signature."""
    for j in range(len(signature)):
        aj, bj, least = a[j], b[j], signature[j]
        for i in range(count):
            x = hashes[i] * aj + bj
            x = (x & PRIME) + (x >> np.uint64(61))
            least = min(least, min(x, x - PRIME))  # x - PRIME wraps to something large where x is below the prime
        signature[j] = least


@njit(nogil=True, cache=True)
def signatures(offsets, data, n, a, b, classes, fold_at, fold_data, out, num_shingles):
    """out uint64[rows, len(a)]: the signature of each text; num_shingles int64[rows]: its shingles, repeats counted."""
    buffer = np.empty(FIRST_BUFFER, dtype=np.uint8)
    hashes = np.empty(BLOCK, dtype=np.uint64)
    starts = np.empty(n, dtype=np.int64)
    state = np.empty(6, dtype=np.int64)
    signature = np.empty(len(a), dtype=np.uint64)
    for row in range(len(offsets) - 1):
        signature[:] = NOTHING
        state[:] = 0
        starts[:] = 0
        state[0] = offsets[row]
        total = 0
        while True:
            count, buffer = fill(data, offsets[row + 1], n, classes, fold_at, fold_data, buffer, starts, state, hashes)
            _lower(signature, hashes, count, a, b)
            total += count
            if count < BLOCK:
                break
        out[row, :] = signature
        num_shingles[row] = total


@njit(nogil=True, cache=True)
def _all_shingles(offsets, data, rows, n, classes, fold_at, fold_data):
    """(hashes uint64, ends int64[len(rows) + 1]): the shingle hashes of the texts `rows`, in order."""
    buffer = np.empty(FIRST_BUFFER, dtype=np.uint8)
    starts = np.empty(n, dtype=np.int64)
    state = np.empty(6, dtype=np.int64)
    hashes = np.empty(BLOCK, dtype=np.uint64)
    ends = np.zeros(len(rows) + 1, dtype=np.int64)
    total = 0
    for k in range(len(rows)):
        state[:] = 0
        starts[:] = 0
        state[0] = offsets[rows[k]]
        while True:
            if len(hashes) - total < BLOCK:
                larger = np.empty(2 * len(hashes), dtype=np.uint64)
                larger[:total] = hashes[:total]
                hashes = larger
            room = hashes[total : total + BLOCK]
            count, buffer = fill(data, offsets[rows[k] + 1], n, classes, fold_at, fold_data, buffer, starts, state, room)
            total += count
            if count < BLOCK:
                break
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


def shingle_sets(
    offsets: np.ndarray, data: np.ndarray, rows: np.ndarray, n: int, classes: np.ndarray, fold_at: np.ndarray, fold_data: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(values uint64, ends int64[len(rows) + 1]): the sorted distinct shingle hashes of the texts `rows` (int64)."""
    values, ends = _all_shingles(offsets, data, rows, n, classes, fold_at, fold_data)
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
                h = _mix(h ^ signature[i, j]) + np.uint64(0x9E3779B97F4A7C15)
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
