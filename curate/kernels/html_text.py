"""The characters of a page to text: white space, character references, and what is counted of a block on the way.

White space is one space, outside `pre`; U+00A0, U+3000 and the other spaces of Unicode are spaces; soft hyphens, zero-width spaces,
word joiners, byte order marks and control characters are dropped (not the joiners that scripts and emoji need). Part of
`html_scan.py`; its slow twin is tests/naive_html.py.
"""

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit


@njit(nogil=True, cache=True)
def _begin(page, data, out, at):
    """Opens the block that the next character goes to."""
    state = page.state
    row = page.blocks[state[ht.NUM_BLOCKS]]
    row[:] = 0
    row[ht.START] = state[ht.OUT]
    row[ht.ELEMENT] = page.stack[state[ht.SIZE] - 1, 0]
    row[ht.IN_PRE] = state[ht.PRES] > 0
    row[ht.AT] = at
    state[ht.OPEN] = 1
    state[ht.SPACE] = 0
    state[ht.WORD] = 0
    state[ht.BROKE] = 0


@njit(nogil=True, cache=True)
def broken(page, data, out):
    """Ends the block that is open, if it holds text; where there is no room for another, goes on with it in a new line."""
    state = page.state
    if state[ht.OPEN] == 0:
        return
    row = page.blocks[state[ht.NUM_BLOCKS]]
    start, end = row[ht.START], state[ht.OUT]
    while end > start and (out[end - 1] == 10 or out[end - 1] == 32 or out[end - 1] == 9):
        end -= 1
    state[ht.OUT] = end
    row[ht.END] = end
    state[ht.WORD] = 0
    if end > start and state[ht.NUM_BLOCKS] + 2 > len(page.blocks):
        state[ht.SPACE] = 2
        return
    if end > start:
        state[ht.NUM_BLOCKS] += 1
    state[ht.OPEN] = 0


@njit(nogil=True, cache=True)
def line_break(page, data, out):
    """A `br`: the second one in a row ends the block, outside `pre`."""
    state = page.state
    if state[ht.OPEN] == 0:
        return
    state[ht.WORD] = 0
    if state[ht.PRES] > 0:
        out[state[ht.OUT]] = 10
        state[ht.OUT] += 1
    elif state[ht.BROKE]:
        broken(page, data, out)
    else:
        page.blocks[state[ht.NUM_BLOCKS], ht.BREAKS] += 1
        state[ht.BROKE] = 1
        state[ht.SPACE] = 2


@njit(nogil=True, cache=True)
def _white(page, data, out, byte, at):
    """White space: itself in `pre`, but no empty lines before its text; elsewhere one space before the next character."""
    state = page.state
    state[ht.WORD] = 0
    if state[ht.PRES] == 0:
        state[ht.SPACE] = max(state[ht.SPACE], 1)
    elif byte != 13 and (state[ht.OPEN] or byte != 10):
        if state[ht.OPEN] == 0:
            _begin(page, data, out, at)
        out[state[ht.OUT]] = byte
        state[ht.OUT] += 1


@njit(nogil=True, cache=True, inline="always")
def _spaced(page, data, out, at):
    """Before any character that is not white: the open block, with the space or new line that is due."""
    state = page.state
    if state[ht.OPEN] == 0:
        _begin(page, data, out, at)
    elif state[ht.SPACE]:
        out[state[ht.OUT]] = 10 if state[ht.SPACE] == 2 else 32
        state[ht.OUT] += 1
        state[ht.SPACE] = 0
        state[ht.BROKE] = 0


@njit(nogil=True, cache=True)
def _counted(page, data, out, row, units):
    """Adds the units of a word that begins to the open block."""
    page.blocks[row, ht.UNITS] += units
    if page.state[ht.LINK] > 0:
        page.blocks[row, ht.LINK_UNITS] += units


@njit(nogil=True, cache=True)
def _is_cjk(code):
    return (
        (code >= 0x4E00 and code <= 0x9FFF)
        or (code >= 0x3040 and code <= 0x30FF)
        or (code >= 0x3400 and code <= 0x4DBF)
        or (code >= 0xF900 and code <= 0xFAFF)
        or (code >= 0x20000 and code <= 0x3FFFF)
    )


@njit(nogil=True, cache=True)
def _is_space(code):
    return (
        code == 0xA0
        or code == 0x3000
        or code == 0x85
        or (code >= 0x2000 and code <= 0x200A)
        or code == 0x202F
        or code == 0x205F
        or (code == 0x2028 or code == 0x2029 or code == 0x1680)
    )


@njit(nogil=True, cache=True)
def _written(page, data, out, code):
    """Writes a code point as UTF-8."""
    state = page.state
    to = state[ht.OUT]
    if code < 0x80:
        out[to] = code
        state[ht.OUT] = to + 1
    elif code < 0x800:
        out[to] = 0xC0 | (code >> 6)
        out[to + 1] = 0x80 | (code & 63)
        state[ht.OUT] = to + 2
    elif code < 0x10000:
        out[to] = 0xE0 | (code >> 12)
        out[to + 1] = 0x80 | ((code >> 6) & 63)
        out[to + 2] = 0x80 | (code & 63)
        state[ht.OUT] = to + 3
    else:
        out[to] = 0xF0 | (code >> 18)
        out[to + 1] = 0x80 | ((code >> 12) & 63)
        out[to + 2] = 0x80 | ((code >> 6) & 63)
        out[to + 3] = 0x80 | (code & 63)
        state[ht.OUT] = to + 4


@njit(nogil=True, cache=True)
def put(page, data, out, code, at):
    """Adds one character, whatever it is, to the text."""
    if code == 9 or code == 10 or code == 11 or code == 12 or code == 13 or code == 32:
        _white(page, data, out, code, at)
        return
    if _is_space(code):
        _white(page, data, out, 32, at)
        return
    if code < 32 or (code >= 0x7F and code < 0xA0) or code == 0xAD or code == 0x200B or code == 0x2060 or code == 0xFEFF:
        return
    _spaced(page, data, out, at)
    state = page.state
    row = state[ht.NUM_BLOCKS]
    block = page.blocks[row]
    _written(page, data, out, code)
    if code < 128:
        kind = ht.CLASSES[code]
        if kind == ht.LOWER or kind == ht.UPPER or kind == ht.DIGIT:
            if state[ht.WORD] == 0:
                _counted(page, data, out, row, ht.WORD_UNITS)
                state[ht.WORD] = 1
            block[ht.DIGITS] += kind == ht.DIGIT
            block[ht.LETTERS] += kind != ht.DIGIT
            block[ht.CAPITALS] += kind == ht.UPPER
        block[ht.COMMAS] += kind == ht.COMMA
        block[ht.ENDERS] += kind == ht.ENDER
    elif _is_cjk(code):
        _counted(page, data, out, row, ht.CJK_UNITS)
        block[ht.LETTERS] += 1
        state[ht.WORD] = 0
    elif code == 0xFF0C or code == 0x3001 or code == 0xFF1B or code == 0x60C:
        block[ht.COMMAS] += 1
        state[ht.WORD] = 0
    elif code == 0x3002 or code == 0xFF01 or code == 0xFF1F or code == 0x2026 or code == 0x61F or code == 0x964 or code == 0x6D4:
        block[ht.ENDERS] += 1
        state[ht.WORD] = 0
    elif (code >= 0x2010 and code <= 0x2BFF) or (code >= 0x3000 and code <= 0x303F) or code < 0xC0 or (code >= 0xFF00 and code <= 0xFF20):
        pass  # marks, arrows, boxes
    else:
        if state[ht.WORD] == 0:
            _counted(page, data, out, row, ht.WORD_UNITS)
            state[ht.WORD] = 1
        block[ht.LETTERS] += 1


@njit(nogil=True, cache=True)
def _code_at(data, i, to):
    """(code point, bytes) at a byte of 0x80 or more; U+FFFD and 1 where it is cut off."""
    lead = data[i]
    if lead >= 0xC0 and lead < 0xE0 and i + 1 < to:
        return ((np.int64(lead) & 31) << 6) | (np.int64(data[i + 1]) & 63), 2
    if lead >= 0xE0 and lead < 0xF0 and i + 2 < to:
        return ((np.int64(lead) & 15) << 12) | ((np.int64(data[i + 1]) & 63) << 6) | (np.int64(data[i + 2]) & 63), 3
    if lead >= 0xF0 and i + 3 < to:
        code = ((np.int64(lead) & 7) << 18) | ((np.int64(data[i + 1]) & 63) << 12)
        return code | ((np.int64(data[i + 2]) & 63) << 6) | (np.int64(data[i + 3]) & 63), 4
    return np.int64(0xFFFD), 1


@njit(nogil=True, cache=True)
def text(page, data, out, i, to):
    """Reads text from byte `i` to the next `<` or to `to`; returns where it stopped."""
    state = page.state
    while i < to:
        kind = ht.CLASSES[data[i]]
        if kind == ht.LOWER or kind == ht.UPPER:
            _spaced(page, data, out, i)
            block = page.blocks[state[ht.NUM_BLOCKS]]
            if state[ht.WORD] == 0:
                _counted(page, data, out, state[ht.NUM_BLOCKS], ht.WORD_UNITS)
                state[ht.WORD] = 1
            at, first, capitals = state[ht.OUT], i, 0
            while kind == ht.LOWER or kind == ht.UPPER:
                out[at] = data[i]
                at += 1
                capitals += kind == ht.UPPER
                i += 1
                if i == to:
                    break
                kind = ht.CLASSES[data[i]]
            state[ht.OUT] = at
            block[ht.LETTERS] += i - first
            block[ht.CAPITALS] += capitals
        elif kind == ht.WHITE:
            if state[ht.PRES] == 0:
                state[ht.SPACE] = max(state[ht.SPACE], 1)
                state[ht.WORD] = 0
            else:
                _white(page, data, out, data[i], i)
            i += 1
        elif kind == ht.LESS:
            return i
        elif kind == ht.AMPERSAND:
            i = _reference(page, data, out, i, to)
        elif kind == ht.LEAD:
            code, width = _code_at(data, i, to)
            put(page, data, out, code, i)
            i += width
        else:
            put(page, data, out, np.int64(data[i]), i)
            i += 1
    return i


@njit(nogil=True, cache=True)
def _named(data, i, to):
    """Slot of the reference name data[i:to], or -1."""
    key = np.uint64(14695981039346656037)
    for j in range(i, to):
        key = (key ^ np.uint64(data[j])) * np.uint64(1099511628211)
    mask = np.uint64(len(ht.ENTITY_KEYS) - 1)
    slot = key & mask
    while ht.ENTITY_KEYS[slot] != np.uint64(0):
        if ht.ENTITY_KEYS[slot] == key:
            return np.int64(slot)
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


@njit(nogil=True, cache=True)
def _number(page, data, out, i, to):
    """A numeric reference whose `#` is at `i`: writes it and returns the byte after it, or -1 where there is no digit."""
    j = i + 1
    base = 10
    if j < to and (data[j] == 120 or data[j] == 88):
        base = 16
        j += 1
    first, code = j, np.int64(0)
    while j < to:
        c = data[j]
        value = c - 48 if c >= 48 and c <= 57 else (c | 32) - 87 if (c | 32) >= 97 and (c | 32) <= 102 else 99
        if value >= base:
            break
        code = min(code * base + value, 0x110000)
        j += 1
    if j == first:
        return np.int64(-1)
    if code == 0 or code >= 0x110000 or (code >= 0xD800 and code < 0xE000):
        code = np.int64(0xFFFD)
    elif code >= 0x80 and code < 0xA0:
        code = np.int64(ht.CP1252[code - 0x80])
    put(page, data, out, code, i)
    return j + 1 if j < to and data[j] == 59 else j


@njit(nogil=True, cache=True, inline="always")
def _reference(page, data, out, i, to):
    """The character reference at the `&` at `i`, or the `&` itself; returns the byte after what was read."""
    j = i + 1
    if j < to and data[j] == 35:
        after = _number(page, data, out, j, to)
        if after >= 0:
            return after
    while j < to and j - i <= ht.MAX_REFERENCE and ht.CLASSES[data[j]] >= ht.LOWER and ht.CLASSES[data[j]] <= ht.DIGIT:
        j += 1
    slot = np.int64(-1)
    if j > i + 1 and j < to and data[j] == 59:
        slot = _named(data, i + 1, j + 1)
        j += slot >= 0
    end = min(j, i + 7)  # names that do without a semicolon have at most six letters
    while slot < 0 and end > i + 2:
        slot = _named(data, i + 1, end)
        j = end
        end -= 1
    if slot < 0:
        put(page, data, out, np.int64(38), i)
        return i + 1
    at = np.int64(ht.ENTITY_AT[slot])
    while at < ht.ENTITY_TO[slot]:
        lead = ht.ENTITY_BYTES[at]
        code, width = (np.int64(lead), 1) if lead < 128 else _code_at(ht.ENTITY_BYTES, at, ht.ENTITY_TO[slot])
        put(page, data, out, code, i)
        at += width
    return j
