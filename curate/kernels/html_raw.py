"""Elements whose content is no text of the page: title, scripts, styles, drawings; formulas; what a page says of its own kind. Part of
`html_scan.py`."""

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit
from curate.kernels.html_attributes import (
    OF_MATH,
    OF_META,
    OF_SCRIPT,
    SKIP,
    attributes,
    exactly,
    find,
    find_within,
    hashed,
    is_white,
    lower,
    starts,
    tag_end,
)
from curate.kernels.html_body import read_body
from curate.kernels.html_text import put, text

_TEX = np.frombuffer(b"application/x-tex", np.uint8).copy()
_JSON_LD = np.frombuffer(b"application/ld+json", np.uint8).copy()
_TYPE = np.frombuffer(b'"@type"', np.uint8).copy()
_PUBLISHED_NAME = np.frombuffer(b"article:published_time", np.uint8).copy()
_OG_TYPE, _PUBLISHED = (np.int64(ht.fnv(name) >> 1) for name in (b"og:type", b"article:published_time"))
_MAX_TYPES = 64
_MATH_TEX = np.frombuffer(b"math/tex", np.uint8).copy()


@njit(nogil=True, cache=True)
def _closes(data, i, tag):
    """Whether `</` and the name of the element stand at i, in either case."""
    start, size, same = ht.NAME_ENDS[tag], ht.NAME_ENDS[tag + 1] - ht.NAME_ENDS[tag], 0
    if data[i] != 60 or data[i + 1] != 47:
        return False
    while same < size and lower(data[i + 2 + same]) == ht.NAMES[start + same]:
        same += 1
    return same == size


@njit(nogil=True, cache=True)
def _raw_end(page, data, out, tag, i):
    """Where the `</name` of a raw element begins, or -1 (and then it is not looked for again on this page)."""
    if page.lost[tag]:
        return np.int64(-1)
    n, size = page.state[ht.BYTES], ht.NAME_ENDS[tag + 1] - ht.NAME_ENDS[tag]
    while True:
        i = find(page, data, 60, i)
        if i < 0 or i + 2 + size > n:
            page.lost[tag] = 1
            return np.int64(-1)
        after = i + 2 + size
        if _closes(data, i, tag) and (after == n or data[after] == 62 or data[after] == 47 or is_white(data[after])):
            return i
        i += 1


@njit(nogil=True, cache=True)
def _is_ended(page, data, out, tag, i):
    """Whether the start tag before `i` ends with the `</name>` of its own end, as in `<video src=a </video>`: its `>` was forgotten."""
    first = i - 3 - (ht.NAME_ENDS[tag + 1] - ht.NAME_ENDS[tag])
    return first >= 0 and data[i - 1] == 62 and _closes(data, first, tag)


@njit(nogil=True, cache=True)
def _verbatim(page, data, out, i, to):
    """TeX between dollars, as text of the open block."""
    if to > i:
        put(page, data, out, np.int64(36), i)
        while i < to:
            i = text(page, data, out, i, to)
            if i < to:  # a `<` of the formula
                put(page, data, out, np.int64(60), i)
                i += 1
        put(page, data, out, np.int64(36), i)


@njit(nogil=True, cache=True)
def _signed(page, key):
    """Sets the sign that the word with this hash stands for."""
    for at in range(len(ht.SIGN_KEYS)):
        if ht.SIGN_KEYS[at] == key:
            page.state[ht.SIGNS] |= ht.SIGN_BITS[at]


@njit(nogil=True, cache=True)
def _types(page, data, i, to):
    """The types of the nodes of a JSON-LD script: the strings that follow each `"@type"`, at most three of each."""
    found = 0
    while i < to and found < _MAX_TYPES:
        i = find_within(data, 64, i, to)
        if i < 0:
            return
        if not starts(data, i - 1, to, _TYPE):
            i += 1
            continue
        i += 6
        found += 1
        many = False
        for _ in range(3):
            while i < to and (is_white(data[i]) or data[i] == 58 or data[i] == 44 or data[i] == 91):
                many = many or data[i] == 91
                i += 1
            if i >= to or data[i] != 34:
                break
            end = find_within(data, 34, i + 1, to)
            if end < 0:
                return
            _signed(page, exactly(data, i + 1, min(end, i + 40)))
            i = end + 1
            if not many:
                break


@njit(nogil=True, cache=True)
def read_meta(page, data, out, i):
    """A `meta`: og:type and article:published_time are signs of what the page is."""
    state = page.state
    state[ht.VALUE_AT] = state[ht.VALUE_TO] = state[ht.KEY] = 0
    i = attributes(page, data, out, i, OF_META, 0)
    if state[ht.KEY] == _OG_TYPE:
        _signed(page, hashed(data, state[ht.VALUE_AT], state[ht.VALUE_TO]))
    elif state[ht.KEY] == _PUBLISHED:
        _signed(page, hashed(_PUBLISHED_NAME, 0, len(_PUBLISHED_NAME)))
    return i


@njit(nogil=True, cache=True)
def read_raw(page, data, out, tag, i):
    """An element whose content is no text: passes to the byte after its end tag. Keeps the place of the first title; TeX scripts are
    formulas."""
    state = page.state
    state[ht.VALUE_AT] = state[ht.VALUE_TO] = 0
    i = attributes(page, data, out, i, OF_SCRIPT if tag == ht.SCRIPT else SKIP, 0)
    literal = tag == ht.SCRIPT or tag == ht.STYLE or tag == ht.TITLE or tag == ht.TEXTAREA
    if (not literal and (state[ht.SELF_CLOSED] or _is_ended(page, data, out, tag, i))) or (
        state[ht.OPEN_NOSCRIPT] and (tag == ht.NOSCRIPT or tag == ht.TEMPLATE)
    ):
        return i
    end = _raw_end(page, data, out, tag, i)
    if end < 0:
        return page.state[ht.BYTES] if tag == ht.SCRIPT or tag == ht.STYLE else i
    if tag == ht.TITLE and state[ht.TITLE_AT] == state[ht.TITLE_TO]:
        state[ht.TITLE_AT], state[ht.TITLE_TO] = i, end
    elif tag == ht.SCRIPT and starts(data, state[ht.VALUE_AT], state[ht.VALUE_TO], _JSON_LD):
        _types(page, data, i, end)
        read_body(page, data, i, end)
    elif tag == ht.SCRIPT and starts(data, state[ht.VALUE_AT], state[ht.VALUE_TO], _MATH_TEX):
        _verbatim(page, data, out, i, end)
    return tag_end(page, data, end)


@njit(nogil=True, cache=True)
def read_math(page, data, out, i):
    """A formula: its TeX annotation or alternative text between dollars; without either its parts are read as text."""
    state = page.state
    state[ht.VALUE_AT] = state[ht.VALUE_TO] = 0
    i = attributes(page, data, out, i, OF_MATH, 0)
    at, to = state[ht.VALUE_AT], state[ht.VALUE_TO]
    end = _raw_end(page, data, out, ht.MATH, i)
    if end < 0:
        return i
    j = i
    while j < end:
        if (data[j] == 97 or data[j] == 65) and starts(data, j, end, _TEX):
            first = find(page, data, 62, j) + 1
            last = find(page, data, 60, first)
            if first > 0 and last <= end and last > first:
                at, to = first, last
            break
        j += 1
    if to <= at:
        return i
    _verbatim(page, data, out, at, to)
    return tag_end(page, data, end)
