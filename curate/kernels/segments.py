"""Where a long text is cut: at white space that ends a section, a paragraph, a line, a sentence or a word. Slow twin: tests/naive_segments.py.

A text is walked once for all places where it may be cut, each with a level; then each segment ends at the last place of the highest level within
its reach. So every place is looked at twice at most, whatever the text.
"""

import numpy as np
from numba import njit

from curate.kernels.utf8 import code_at, count_chars, width

HEADING, PARAGRAPH, LINE, SENTENCE, WORD = 4, 3, 2, 1, 0
LEVELS = 5
MAX_INDENT = 3
"""Spaces before the sign of a heading or of a block of code, at most (CommonMark)."""
FENCE = 3


@njit(nogil=True, cache=True)
def _white(byte):
    """Whether a byte is ASCII white space."""
    return byte == 32 or 9 <= byte <= 13


@njit(nogil=True, cache=True)
def _indent(data, at, low):
    """Bytes between the start of the line and `at`."""
    first = at
    while at > low and data[at - 1] != 10:
        at -= 1
    return first - at


@njit(nogil=True, cache=True)
def _signs(data, at, high, byte):
    """How often a byte stands at `at`, one after another."""
    first = at
    while at < high and data[at] == byte:
        at += 1
    return at - first


@njit(nogil=True, cache=True)
def _is_heading(data, at, low, high):
    """Whether an ATX heading begins at `at`, the first sign of a line."""
    signs = _signs(data, at, high, 35)
    return 1 <= signs <= 6 and (at + signs == high or _white(data[at + signs])) and _indent(data, at, low) <= MAX_INDENT


@njit(nogil=True, cache=True)
def _is_fence(data, at, low, high):
    """Whether the line at `at` opens or closes a block of code."""
    fence = _signs(data, at, high, 96) >= FENCE or _signs(data, at, high, 126) >= FENCE
    return fence and _indent(data, at, low) <= MAX_INDENT


@njit(nogil=True, cache=True)
def _wide_stop(code):
    """Ends of sentences that no white space follows: 。！？।"""
    return code == 0x3002 or code == 0xFF01 or code == 0xFF1F or code == 0x0964


@njit(nogil=True, cache=True)
def _stop(code):
    """Ends of sentences before white space."""
    return code == 46 or code == 33 or code == 63 or code == 0x2026 or _wide_stop(code)


@njit(nogil=True, cache=True)
def _closer(code):
    """Quotation marks and brackets that close behind the end of a sentence."""
    if code < 0x80:
        return code == 34 or code == 39 or code == 41 or code == 93
    return code == 0xBB or code == 0x2019 or code == 0x201D or code == 0x300D or code == 0x300F or code == 0xFF09


@njit(nogil=True, cache=True)
def _most_places(data, low, high):
    """At least as many as there are places to cut."""
    most = 0
    for i in range(low, high):
        most += data[i] >= 0xE0 or (_white(data[i]) and i > low and not _white(data[i - 1]))
    return most


@njit(nogil=True, cache=True)
def _places(data, low, high, headings, at_byte, at_char, level):
    """Fill in the places where data[low:high], which begins and ends with no white space, may be cut; how many there are."""
    found, at, chars = 0, low, 0
    stopped = wide = False
    fenced = _is_fence(data, low, low, high)
    while at < high:
        if not _white(data[at]):
            code = code_at(data, at)
            closes, stops = _closer(code), _wide_stop(code)
            if wide and not closes and not stops:
                at_byte[found], at_char[found], level[found] = at, chars, SENTENCE
                found += 1
            wide, stopped = stops or (wide and closes), _stop(code) or (stopped and closes)
            at += width(data[at])
            chars += 1
            continue
        after, newlines = at, 0
        while _white(data[after]):
            newlines += data[after] == 10
            after += 1
        best = SENTENCE if stopped or newlines else WORD
        if newlines and not fenced:
            best = PARAGRAPH if newlines > 1 else LINE
            if headings and _is_heading(data, after, low, high):
                best = HEADING
        at_byte[found], at_char[found], level[found] = at, chars, best
        found += 1
        if newlines and _is_fence(data, after, low, high):
            fenced = not fenced
        chars += after - at
        at, stopped, wide = after, False, False
    return found


@njit(nogil=True, cache=True)
def _lead(data, at, low, max_chars):
    """Where a segment begins that follows a cut at `at`: behind the white space, but with the indentation of its first line if that fits."""
    after, newlines = at, 0
    while _white(data[after]):
        newlines += data[after] == 10
        after += 1
    indent = _indent(data, after, low) if newlines else 0
    return after - indent if indent < max_chars else after


@njit(nogil=True, cache=True)
def _cut(data, low, high, max_chars, headings, starts, ends, first):
    """Write the segments of data[low:high] from index `first` on; the index behind the last."""
    while low < high and _white(data[high - 1]):
        high -= 1
    begin = low
    while low < high and _white(data[low]):
        low += 1
    most = _most_places(data, low, high)
    at_byte, at_char, level = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int8)
    num = _places(data, low, high, headings, at_byte, at_char, level)
    total = count_chars(data, low, high)
    last = np.empty(LEVELS, np.int64)
    start = low - _indent(data, low, begin)
    if low - start >= max_chars:
        start = low
    char, place, count = start - low, 0, first
    while total - char > max_chars:
        while place < num and at_byte[place] <= start:
            place += 1
        last[:] = -1
        while place < num and at_char[place] - char <= max_chars:
            last[level[place]] = place
            place += 1
        best = LEVELS - 1
        while best >= 0 and last[best] < 0:
            best -= 1
        if best >= 0:
            end = at_byte[last[best]]
            place = last[best]
        else:  # no place to cut within reach: between two characters
            end = start
            for _ in range(max_chars):
                end += width(data[end])
        starts[count], ends[count] = start, end
        count += 1
        lead = _lead(data, end, low, max_chars)
        char += count_chars(data, start, lead)
        start = lead
    starts[count], ends[count] = start, high
    return count + 1


@njit(nogil=True, cache=True)
def cut(offsets, data, max_chars, headings, counts, starts, ends):
    """counts[row] = segments of a row with more than `max_chars` characters, 0 of one that stays whole; their bounds in starts and ends, as
    bytes of the row, row after row; how many there are. No segment is longer, none is empty. Room needed: `most_segments`."""
    done = 0
    for row in range(len(offsets) - 1):
        low, high = offsets[row], offsets[row + 1]
        counts[row] = 0
        if high - low <= max_chars or count_chars(data, low, high) <= max_chars or _blank(data, low, high):
            continue
        first = done
        done = _cut(data, low, high, max_chars, headings, starts, ends, done)
        counts[row] = done - first
        starts[first:done] -= low
        ends[first:done] -= low
    return done


@njit(nogil=True, cache=True)
def _blank(data, low, high):
    """Whether there is nothing but white space."""
    while low < high and _white(data[low]):
        low += 1
    return low == high


def most_segments(offsets: np.ndarray, max_chars: int) -> int:
    """A bound of the segments of all rows: two that follow one another hold more than `max_chars` characters between them."""
    return int((2 * (np.diff(offsets) // max_chars) + 3).sum())
