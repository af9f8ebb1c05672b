"""Where a long text is cut: at white space that ends a section, a paragraph, a line, a sentence or a word. Slow twin: tests/naive_segments.py.

Each segment ends at the last place of the highest level within its reach. Ends of lines are found first, for all of the text; within lines is looked
from the reach backwards, and only where no end of a line is in it. So every byte is looked at a few times at most, whatever the text.
"""

import numpy as np

from curate.kernels.blocks import WIDTH, below, ones, within
from curate.kernels.compiled import njit
from curate.kernels.utf8 import code_at

HEADING, PARAGRAPH, LINE, SENTENCE, WORD = 4, 3, 2, 1, 0
LEVELS = 5
MAX_INDENT = 3
"""Spaces before the sign of a heading or of a block of code, at most (CommonMark)."""
FENCE = 3
_NONE, _NEWLINE, _FIRST_REST, _LAST_REST = np.uint8(0), np.uint8(10), np.uint8(0x80), np.uint8(0xBF)
"""Bytes that continue a character are 0x80 to 0xBF."""


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
def _count(data, low, high, first, last):
    """Bytes of data[low:high] from `first` to `last`."""
    at, count = np.int64(low), np.int64(0)
    while at + WIDTH <= high:
        count += ones(within(data, at, _NONE, first, last))
        at += WIDTH
    for i in range(at, high):
        count += first <= data[i] <= last
    return count


@njit(nogil=True, cache=True)
def _chars(data, low, high):
    """Characters that begin in data[low:high]."""
    return high - low - _count(data, low, high, _FIRST_REST, _LAST_REST)


@njit(nogil=True, cache=True)
def _newline(data, at, high):
    """The next newline from `at` on, or `high`."""
    at = np.int64(at)
    while at + WIDTH <= high:
        bits = within(data, at, _NONE, _NEWLINE, _NEWLINE)
        if bits:
            return at + below(bits)
        at += WIDTH
    while at < high and data[at] != 10:
        at += 1
    return at


@njit(nogil=True, cache=True)
def _lines(data, low, high, headings, at_byte, level):
    """Fill in the places at ends of lines of data[low:high], which begins and ends with no white space; how many there are."""
    found, at = 0, low
    fenced = _is_fence(data, low, low, high)
    while True:
        at = _newline(data, at, high)
        if at == high:
            return found
        first, newlines = at, 0
        while _white(data[first - 1]):
            first -= 1
        while _white(data[at]):
            newlines += data[at] == 10
            at += 1
        best = SENTENCE
        if not fenced:
            best = PARAGRAPH if newlines > 1 else LINE
            if headings and _is_heading(data, at, low, high):
                best = HEADING
        at_byte[found], level[found] = first, best
        found += 1
        if _is_fence(data, at, low, high):
            fenced = not fenced


@njit(nogil=True, cache=True)
def _before(data, at, low):
    """First byte of the character that ends before `at`."""
    at -= 1
    while at > low and data[at] & 0xC0 == 0x80:
        at -= 1
    return at


@njit(nogil=True, cache=True)
def _ends_sentence(data, at, low, wide):
    """Whether the word before `at` ends a sentence, closing marks left out; with `wide` by a mark that needs no white space."""
    while at > low and not _white(data[at - 1]):
        at = _before(data, at, low)
        code = code_at(data, at)
        if not _closer(code):
            return _wide_stop(code) if wide else _stop(code)
    return False


@njit(nogil=True, cache=True)
def _has_newline(data, at):
    while _white(data[at]):
        if data[at] == 10:
            return True
        at += 1
    return False


@njit(nogil=True, cache=True)
def _within_line(data, start, reach, low):
    """The last end of a sentence in data[start + 1 : reach + 1], else of a word, else -1; ends of lines there are in blocks of code."""
    word = -1
    for at in range(reach, start, -1):
        before = data[at - 1]
        if _white(data[at]):
            if _white(before):
                continue
            if _ends_sentence(data, at, low, False) or _has_newline(data, at):
                return at
            word = max(word, at)
        elif (before >= 0x80 or _closer(np.int64(before))) and data[at] & 0xC0 != 0x80:
            code = code_at(data, at)
            if not _closer(code) and not _wide_stop(code) and _ends_sentence(data, at, low, True):
                return at
    return word


@njit(nogil=True, cache=True)
def _reach(data, start, chars):
    """The byte behind so many characters."""
    at = start
    while chars > 0:
        after = at + chars
        chars -= _chars(data, at, after)
        at = after
    while data[at] & 0xC0 == 0x80:
        at += 1
    return at


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
def _cut(data, low, high, left, max_chars, headings, starts, ends, first):
    """Write the segments of data[low:high], which has `left` characters, from index `first` on; the index behind the last."""
    whole = high - low
    while low < high and _white(data[high - 1]):
        high -= 1
    begin = low
    while low < high and _white(data[low]):
        low += 1
    left -= whole - (high - low)
    most = _count(data, low, high, _NEWLINE, _NEWLINE)
    at_byte, level = np.empty(most, np.int64), np.empty(most, np.int8)
    num = _lines(data, low, high, headings, at_byte, level)
    last = np.empty(LEVELS, np.int64)
    start = low - _indent(data, low, begin)
    if low - start >= max_chars:
        start = low
    left += low - start
    place, count = 0, first
    while left > max_chars:
        reach = _reach(data, start, max_chars)
        while place < num and at_byte[place] <= start:
            place += 1
        last[:] = -1
        at = place
        while at < num and at_byte[at] <= reach:
            last[level[at]] = at
            at += 1
        best = LEVELS - 1
        while best >= LINE and last[best] < 0:
            best -= 1
        if best >= LINE:
            place = last[best]
            end = at_byte[place]
        else:
            end = _within_line(data, start, reach, low)
            end = reach if end < 0 else end  # between two characters
        starts[count], ends[count] = start, end
        count += 1
        lead = _lead(data, end, low, max_chars)
        left -= max_chars - _chars(data, end, reach) + lead - end
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
        chars = _chars(data, low, high) if high - low > max_chars else 0
        if chars <= max_chars or _blank(data, low, high):
            continue
        first = done
        done = _cut(data, low, high, chars, max_chars, headings, starts, ends, done)
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
