"""Pairs out of buckets, and which vertices of an ordered graph stay. Slow twin: tests/naive_dedup.py.

A bucket is a run of rows with one key, its rows numbered 0, 1, 2, … (their place). Row p is paired with every row before it while p <
ALL_PAIRS; later rows are paired with the NUM_HUBS first rows of the bucket and with the NUM_NEIGHBOURS rows right before them, so a
bucket of m rows gives at most 6 m pairs.
"""

import numpy as np

from curate.kernels.compiled import njit

ALL_PAIRS = 16
NUM_HUBS = 4
NUM_NEIGHBOURS = 2


@njit(nogil=True, cache=True)
def places(key, place, fresh):
    """Fill place[fresh:] (int64): each row's number within its run of equal keys; the rows before `fresh` have theirs."""
    for i in range(fresh, len(key)):
        place[i] = place[i - 1] + 1 if i > 0 and key[i] == key[i - 1] else 0


@njit(nogil=True, cache=True)
def bucket_pairs(key, place, fresh, left, right):
    """Pairs (left, right) of row numbers, int64, in which `right` is a row from `fresh` on and `left` comes before it; their number.

    Of the open bucket, the rows before `fresh` must hold the first ALL_PAIRS and the last NUM_NEIGHBOURS. left, right: room for
    ALL_PAIRS a row.
    """
    count = 0
    start = 0
    for i in range(len(key)):
        if i == 0 or key[i] != key[i - 1]:
            start = i
        if i < fresh:
            continue
        whole = place[i] < ALL_PAIRS
        for j in range(start, i if whole else start + NUM_HUBS):
            left[count], right[count] = j, i
            count += 1
        if not whole:
            for j in range(i - NUM_NEIGHBOURS, i):
                left[count], right[count] = j, i
                count += 1
    return count


@njit(nogil=True, cache=True)
def greedy(first, target, gone):
    """Vertices in order of their rank, best first: one that no better neighbour has removed stays and removes its worse neighbours.

    Vertex v has the edges first[v]:first[v + 1] (int64) to worse neighbours target[e] (int64, -1: a vertex without edges of its own).
    gone: bool[n], set for vertices that are removed to begin with; at the end, for all that are removed. Ranks are not needed: the edges
    have no cycles, so the outcome is the same in every order that takes better neighbours first.
    """
    waits = np.zeros(len(gone), dtype=np.int64)
    for e in range(len(target)):
        if target[e] >= 0:
            waits[target[e]] += 1
    ready = np.empty(len(gone), dtype=np.int64)
    top = 0
    for v in range(len(gone)):
        if waits[v] == 0:
            ready[top] = v
            top += 1
    done = 0
    while top > 0:
        top -= 1
        v = ready[top]
        done += 1
        for e in range(first[v], first[v + 1]):
            w = target[e]
            if w < 0:
                continue
            if not gone[v]:
                gone[w] = True
            waits[w] -= 1
            if waits[w] == 0:
                ready[top] = w
                top += 1
    return done
