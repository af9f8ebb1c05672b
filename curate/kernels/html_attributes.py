"""The inside of a tag: where it ends, and the attributes of block elements. Part of `html_scan.py`.

Class and id are cut at everything that is no letter and before the capitals of camelCase, lower-cased and hashed to 16 bits; role and
itemprop go the same way with another seed. A quote that is never closed is a character like any other.
"""

import numpy as np
from numba import types

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit
from curate.kernels.pointers import address


def _words(text):
    return text.split()


SKIP, OF_BLOCK, OF_ROOT, OF_IMAGE, OF_MATH, OF_SCRIPT, OF_META = range(7)
"""What the caller wants of the attributes: nothing; tokens; tokens and language; address and alternative text; TeX; type; key and
value."""
_CLASS, _ID, _ROLE, _ITEMPROP, _HIDDEN, _ARIA, _STYLE, _LANG, _SRC, _ALT, _ALTTEXT, _TYPE = (
    np.uint64(ht.fnv(name)) for name in _words(b"class id role itemprop hidden aria-hidden style lang src alt alttext type")
)
_PROPERTY, _NAME, _CONTENT, _ITEMTYPE = (np.uint64(ht.fnv(name)) for name in _words(b"property name content itemtype"))
_LAZY, _LAZY_2, _LAZY_3 = (np.uint64(ht.fnv(name)) for name in _words(b"data-src data-original data-lazy-src"))
_NONE = np.frombuffer(b"display:none", np.uint8).copy()
_TRUE = np.frombuffer(b"true", np.uint8).copy()
_DATA = np.frombuffer(b"data:", np.uint8).copy()
FNV, PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)


_NEAR = 12
_memchr = types.ExternalFunction("memchr", types.uintp(types.uintp, types.int32, types.uintp))
"""The C library's, which reads 32 bytes at a time; half of a page is scripts and styles."""


@njit(nogil=True, cache=True)
def find_within(data, byte, i, to):
    """Position of the byte in data[i:to], or -1."""
    near = min(to, i + _NEAR)
    while i < near:
        if data[i] == byte:
            return np.int64(i)
        i += 1
    if i >= to:
        return np.int64(-1)
    base = address(data)
    at = _memchr(base + np.uint64(i), np.int32(byte), np.uint64(to - i))
    return np.int64(at - base) if at else np.int64(-1)


@njit(nogil=True, cache=True)
def find(page, data, byte, i):
    """Position of the byte from `i` on, or -1."""
    return find_within(data, byte, i, page.state[ht.BYTES])


@njit(nogil=True, cache=True)
def is_white(byte):
    return byte == 32 or (byte >= 9 and byte <= 13)


@njit(nogil=True, cache=True)
def lower(byte):
    return byte | 32 if byte >= 65 and byte <= 90 else byte


@njit(nogil=True, cache=True)
def starts(data, i, to, word):
    """Whether data[i:to] begins with the word (lower case), whatever its case."""
    if i + len(word) > to:
        return False
    same = 0
    while same < len(word) and lower(data[i + same]) == word[same]:
        same += 1
    return same == len(word)


@njit(nogil=True, cache=True)
def _displays_none(data, i, to):
    """Whether a style says `display:none`, spaces allowed."""
    done = 0
    for j in range(i, to):
        c = lower(data[j])
        if is_white(c):
            continue
        done = done + 1 if c == _NONE[done] else np.int64(c == _NONE[0])
        if done == len(_NONE):
            return True
    return False


@njit(nogil=True, cache=True)
def _tokens(page, data, out, i, to, seed, element, signs):
    """Hashes of the letter runs of data[i:to] with at least two letters; with `signs` they enter the element's signature."""
    state = page.state
    key, size, before = seed, 0, 0
    for j in range(i, to + 1):
        kind = ht.CLASSES[data[j]] if j < to else 0
        letter = kind == ht.LOWER or kind == ht.UPPER or kind == ht.LEAD
        if size and (not letter or (kind == ht.UPPER and before == ht.LOWER)):
            row = page.elements[element]
            if size > 1 and state[ht.NUM_TOKENS] < len(page.tokens) and state[ht.NUM_TOKENS] - row[ht.TOKENS] < ht.MAX_TOKENS:
                token = np.uint64((key ^ (key >> np.uint64(16)) ^ (key >> np.uint64(32)) ^ (key >> np.uint64(48))) & np.uint64(0xFFFF))
                page.tokens[state[ht.NUM_TOKENS]] = token
                state[ht.NUM_TOKENS] += 1
                if signs:
                    row[ht.SIGNATURE] = (np.int64(row[ht.SIGNATURE]) * 31 + np.int64(token) + 7) & 0x3FFFFFFF
            key, size = seed, 0
        if letter:
            key = (key ^ np.uint64(lower(data[j]))) * PRIME
            size += 1
        before = kind


@njit(nogil=True, cache=True)
def _taken(page, data, out, name, i, to, wants, row):
    """One attribute, by the hash of its lower-case name, with its value data[i:to]."""
    state = page.state
    if wants in (OF_BLOCK, OF_ROOT):
        if name in (_CLASS, _ID):
            _tokens(page, data, out, i, to, FNV, row, name == _CLASS)
        elif name in (_ROLE, _ITEMPROP, _ITEMTYPE):
            _tokens(page, data, out, i, to, FNV ^ np.uint64(0x5A5A5A5A), row, False)
        elif name == _HIDDEN or (name == _ARIA and starts(data, i, to, _TRUE)) or (name == _STYLE and _displays_none(data, i, to)):
            page.elements[row, ht.HIDDEN] = 1
        elif name == _LANG and wants == OF_ROOT and state[ht.LANG_AT] == state[ht.LANG_TO]:
            state[ht.LANG_AT], state[ht.LANG_TO] = i, to
    elif wants == OF_IMAGE:
        image = page.images[row]
        lazy = name in (_LAZY, _LAZY_2, _LAZY_3)
        if lazy or (name == _SRC and not starts(data, i, to, _DATA) and image[ht.SRC] == image[ht.SRC_END]):
            image[ht.SRC], image[ht.SRC_END] = i, to
        elif name == _ALT:
            image[ht.ALT], image[ht.ALT_END] = i, to
    elif (wants == OF_MATH and name == _ALTTEXT) or (wants == OF_SCRIPT and name == _TYPE):
        state[ht.VALUE_AT], state[ht.VALUE_TO] = i, to
    elif wants == OF_META and name in (_PROPERTY, _NAME):
        state[ht.KEY] = np.int64(hashed(data, i, to) >> np.uint64(1))
    elif wants == OF_META and name == _CONTENT:
        state[ht.VALUE_AT], state[ht.VALUE_TO] = i, to


@njit(nogil=True, cache=True)
def hashed(data, i, to):
    """FNV-1a of data[i:to] in lower case."""
    key = FNV
    for j in range(i, to):
        key = (key ^ np.uint64(lower(data[j]))) * PRIME
    return key


@njit(nogil=True, cache=True)
def exactly(data, i, to):
    """FNV-1a of data[i:to] as it is."""
    key = FNV
    for j in range(i, to):
        key = (key ^ np.uint64(data[j])) * PRIME
    return key


@njit(nogil=True, cache=True)
def _closing(page, data, out, quote, i):
    """Where the quote that opened before `i` closes, or -1; a search that fails is not made again."""
    lost = ht.NO_QUOTE + np.int64(quote == 39)
    if page.state[lost]:
        return np.int64(-1)
    end = find(page, data, quote, i)
    if end < 0:
        page.state[lost] = 1
    return end


@njit(nogil=True, cache=True)
def _value(page, data, out, i):
    """(start, end, byte after) of the value of an attribute whose name ends before `i`; the first two are `i` where it has none."""
    n = page.state[ht.BYTES]
    after = i
    while after < n and is_white(data[after]):
        after += 1
    if after == n or data[after] != 61:
        return i, i, i
    i = after + 1
    while i < n and is_white(data[i]):
        i += 1
    if i < n and (data[i] == 34 or data[i] == 39):
        close = _closing(page, data, out, data[i], i + 1)
        if close >= 0:
            return i + 1, close, close + 1
    start = i
    while i < n and data[i] != 62 and not is_white(data[i]):
        i += 1
    return start, i, i


@njit(nogil=True, cache=True)
def attributes(page, data, out, i, wants, row):
    """Reads from the end of a tag's name to the byte after its `>`; takes what the caller wants into element or image `row`."""
    n = page.state[ht.BYTES]
    while True:
        while i < n and ht.IN_TAG[data[i]] == ht.BETWEEN:
            i += 1
        if i >= n or data[i] == 62:
            break
        key, first = FNV, i
        if wants == SKIP:
            while i < n and (ht.IN_TAG[data[i]] == 0 or (data[i] == 61 and i == first)):
                i += 1
        else:
            while i < n and (ht.IN_TAG[data[i]] == 0 or (data[i] == 61 and i == first)):
                key = (key ^ np.uint64(lower(data[i]))) * PRIME
                i += 1
        start, end, i = _value(page, data, out, i)
        if wants != SKIP:
            _taken(page, data, out, key, start, end, wants, row)
    page.state[ht.SELF_CLOSED] = i < n and data[i - 1] == 47
    return min(i + 1, n)


@njit(nogil=True, cache=True)
def tag_end(page, data, i):
    """The byte after the next `>`."""
    end = find(page, data, 62, i)
    return page.state[ht.BYTES] if end < 0 else end + 1
