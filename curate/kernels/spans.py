"""Spans of bytes in texts: joined, laid out and cut out.

Slow twin: tests/naive_passages.py.
"""

from curate.kernels.compiled import njit
from curate.kernels.passages import is_blank


@njit(nogil=True, cache=True)
def following(offsets, data, rows, ends):
    """Where the next line or paragraph begins behind a unit that ends at ends[i] (in place): white space up to the last newline goes along."""
    for i in range(len(rows)):
        base, end = offsets[rows[i]], offsets[rows[i] + 1]
        p = base + ends[i]
        after = p
        while p < end and is_blank(data[p]):
            p += 1
            if data[p - 1] == 10:
                after = p
        ends[i] = (end if p >= end else after) - base


@njit(nogil=True, cache=True)
def join(diagonal, start, end, leads):
    """Spans sorted by (diagonal, start): leads[i] = the first of the run of overlapping or touching ones that i is in; its end is at end[leads[i]].

    diagonal: int64, equal for spans that may be joined. `end` is changed in place.
    """
    for i in range(len(start)):
        first = leads[i - 1] if i else 0
        if i and diagonal[i] == diagonal[i - 1] and start[i] <= end[first]:
            leads[i] = first
            end[first] = max(end[first], end[i])
        else:
            leads[i] = i


@njit(nogil=True, cache=True)
def cover(row, start, end, out):
    """Few of the given spans that together cover what all of them cover: out[j] = (span, from, to), disjoint, in order; how many.

    Spans sorted by (row, start). Of those that reach a place, the one that reaches furthest is taken, the first of equals.
    """
    count = 0
    i = 0
    n = len(row)
    while i < n:
        here, at = row[i], start[i]
        best = i
        while True:
            while i < n and row[i] == here and start[i] <= at:
                if end[i] > end[best]:
                    best = i
                i += 1
            if end[best] <= at:
                break
            out[count, 0], out[count, 1], out[count, 2] = best, at, end[best]
            count += 1
            at = end[best]
    return count


@njit(nogil=True, cache=True)
def to_characters(offsets, data, row, start, end):
    """Move outer edges of runs of touching spans (in order) inwards to where characters begin, in place; a span may become empty."""
    n = len(row)
    for i in range(n):
        base = offsets[row[i]]
        if i == 0 or row[i - 1] != row[i] or end[i - 1] != start[i]:
            while start[i] < end[i] and data[base + start[i]] & 0xC0 == 0x80:
                start[i] += 1
    for i in range(n):
        base, stop = offsets[row[i]], offsets[row[i] + 1]
        if i + 1 == n or row[i + 1] != row[i] or end[i] != start[i + 1]:
            while end[i] > start[i] and base + end[i] < stop and data[base + end[i]] & 0xC0 == 0x80:
                end[i] -= 1


@njit(nogil=True, cache=True)
def cut(offsets, data, row, start, end, ends, out):
    """Copy the texts without the given spans (disjoint, in order): ends int64[n + 1], out uint8; bytes written."""
    at = 0
    j = 0
    ends[0] = 0
    for i in range(len(offsets) - 1):
        p = offsets[i]
        while True:
            has = j < len(row) and row[j] == i
            stop = offsets[i] + start[j] if has else offsets[i + 1]
            while p < stop:
                out[at] = data[p]
                at += 1
                p += 1
            if not has:
                break
            p = max(p, offsets[i] + end[j])
            j += 1
        ends[i + 1] = at
    return at


@njit(nogil=True, cache=True)
def solid_bytes(offsets, data, out):
    """out[row] = bytes that are no ASCII white space."""
    for row in range(len(offsets) - 1):
        n = 0
        for i in range(offsets[row], offsets[row + 1]):
            n += not is_blank(data[i])
        out[row] = n
