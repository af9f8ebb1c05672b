"""The text that a page gives of itself in JSON-LD (schema.org `articleBody`), and how much of a block stands in it: evidence, no answer,
since many give a beginning or a summary only.

Compared are runs of three words; a word is a run of ASCII letters, digits and letters beyond ASCII, its ASCII case folded, and a
CJK character is a word. Escapes of JSON are resolved; tags and character references in the string part words.
"""

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit
from curate.kernels.html_attributes import FNV, PRIME, find_within, is_white

_KEY = np.frombuffer(b'"articleBody"', np.uint8).copy()
_CAPITAL = 8
"""Where its capital stands."""
SLOTS = 1 << 16
_MAX_WORDS = 20_000


@njit(nogil=True, cache=True)
def _string_end(data, start, to):
    """The quote that ends the JSON string which begins at `start`, or -1."""
    i = start
    while True:
        i = find_within(data, 34, i, to)
        if i < 0:
            return i
        before = i - 1
        while before >= start and data[before] == 92:
            before -= 1
        if (i - 1 - before) % 2 == 0:
            return i
        i += 1


@njit(nogil=True, cache=True)
def read_body(page, data, i, to):
    """Notes the longest articleBody of the JSON-LD script data[i:to]."""
    state = page.state
    first = i
    while True:
        i = find_within(data, 66, i, to)
        if i < 0:
            return
        same = i - _CAPITAL >= first and i - _CAPITAL + len(_KEY) <= to
        at = 0
        while same and at < len(_KEY):
            same = data[i - _CAPITAL + at] == _KEY[at]
            at += 1
        i += 1
        if not same:
            continue
        i += len(_KEY) - _CAPITAL - 1
        while i < to and (is_white(data[i]) or data[i] == 58):
            i += 1
        if i == to or data[i] != 34:
            continue
        end = _string_end(data, i + 1, to)
        if end < 0:
            return
        if end - i - 1 > state[ht.BODY_TO] - state[ht.BODY_AT]:
            state[ht.BODY_AT], state[ht.BODY_TO] = i + 1, end
        i = end + 1


@njit(nogil=True, cache=True)
def _hex(data, i):
    """The code unit of four hexadecimal digits."""
    code = np.int64(0)
    for j in range(i, i + 4):
        c = np.int64(data[j])
        code = code * 16 + (c - 48 if c < 58 else (c | 32) - 87)
    return code


@njit(nogil=True, cache=True)
def _next(data, i, to, json):
    """(code, byte after) of the character at `i`; 32 for what only parts words. json: data is the inside of a JSON string with HTML in it."""
    c = np.int64(data[i])
    if json and c == 92:
        if i + 6 <= to and data[i + 1] == 117:
            return _hex(data, i + 2), i + 6
        return np.int64(32), i + 2
    if json and (c == 38 or c == 60):
        end = find_within(data, 59 if c == 38 else 62, i, min(to, i + (10 if c == 38 else 2000)))
        return np.int64(32), i + 1 if end < 0 else end + 1
    if c < 128:
        return c, i + 1
    if c < 0xE0 and i + 2 <= to:
        return ((c & 31) << 6) | (np.int64(data[i + 1]) & 63), i + 2
    if c < 0xF0 and i + 3 <= to:
        return ((c & 15) << 12) | ((np.int64(data[i + 1]) & 63) << 6) | (np.int64(data[i + 2]) & 63), i + 3
    return np.int64(0xFFFD), min(i + 4, to)


@njit(nogil=True, cache=True)
def grams(data, i, to, json, marks, sets):
    """(runs of three words, those that are marked) of data[i:to]; with `sets` marks them instead. marks: uint8[SLOTS]."""
    key, older, old = FNV, np.uint64(0), np.uint64(0)
    words, size, count, hits = 0, 0, 0, 0
    while i <= to and words < _MAX_WORDS:
        code, after = _next(data, i, to, json) if i < to else (np.int64(32), i + 1)
        wide = code >= 0x2E80 and code < 0xFF00 and not (code >= 0x3000 and code < 0x3040)
        code = code | 32 if code >= 65 and code <= 90 else code
        inside = (code >= 97 and code <= 122) or (code >= 48 and code <= 57) or (code >= 0xC0 and code < 0x2000)
        if size and (wide or not inside):
            words += 1
            if words >= 3:
                gram = (key ^ (old * np.uint64(3)) ^ (older * np.uint64(7))) * PRIME
                slot = (gram ^ (gram >> np.uint64(32))) & np.uint64(SLOTS - 1)
                count += 1
                hits += marks[slot]
                if sets:
                    marks[slot] = 1
            older, old, key, size = old, key, FNV, 0
        if wide or inside:
            key = (key ^ np.uint64(code)) * PRIME
            size += 1
        i = after
    return count, hits
