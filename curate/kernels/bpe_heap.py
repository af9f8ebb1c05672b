"""Kernels of the heap of candidate pairs for `bpe.py`: uint64[n, 3] of count, pair, number of the entry; the next to merge is on top."""

import numpy as np

from curate.kernels.compiled import njit


@njit(nogil=True, cache=True, forceinline=True)
def _before(heap, i, count, pair, entry):
    """Whether heap place i goes before the candidate: higher count, then smaller pair, then older entry."""
    if heap[i, 0] != count:
        return heap[i, 0] > count
    if heap[i, 1] != pair:
        return heap[i, 1] < pair
    return heap[i, 2] < entry


@njit(nogil=True, cache=True)
def push(heap, n, count, pair, entry):
    """Put a candidate into a heap of n."""
    i = n
    while i > 0 and not _before(heap, (i - 1) >> 1, count, pair, entry):
        parent = (i - 1) >> 1
        heap[i, 0], heap[i, 1], heap[i, 2] = heap[parent, 0], heap[parent, 1], heap[parent, 2]
        i = parent
    heap[i, 0], heap[i, 1], heap[i, 2] = count, pair, entry


@njit(nogil=True, cache=True)
def sink(heap, n, count, pair, entry):
    """Put a candidate where it belongs, from the top of a heap of n, whose top is free."""
    i = 0
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and _before(heap, child + 1, heap[child, 0], heap[child, 1], heap[child, 2]):
            child += 1
        if not _before(heap, child, count, pair, entry):
            break
        heap[i, 0], heap[i, 1], heap[i, 2] = heap[child, 0], heap[child, 1], heap[child, 2]
        i = child
    heap[i, 0], heap[i, 1], heap[i, 2] = count, pair, entry


@njit(nogil=True, cache=True)
def wider_heap(heap, num):
    out = np.empty((2 * len(heap), 3), dtype=np.uint64)
    out[:num] = heap[:num]
    return out
