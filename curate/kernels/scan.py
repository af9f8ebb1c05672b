"""One walk over the bytes of a text that leaves what the filters measure: tokens with their hashes and classes, and counts a row.

Tokens are those of `words.py`. Nine runs in ten are letters of ASCII, alone or with one mark behind them: these are found eight bytes at a time and need
none of the rules; what is left goes the long way. Positions of tokens are bytes from the begin of their row (uint32: rows of less than 4 GiB).
Naive twin: tests/naive_text.py. Price: about 90 MB/s.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit

from curate.kernels.marks import SYMBOL, TERMINAL, punctuation
from curate.kernels.pointers import borrowed, pointer
from curate.kernels.specials import specials, tables
from curate.kernels.utf8 import ALPHA, BREAK, PUNCT, SPACE, code_at, width
from curate.kernels.words import looked_up, run_tokens

U = np.uint64
HAS_ALPHA, SOLID, ALL_PUNCT, ENDS, FRESH, FIRST = (np.uint8(1 << bit) for bit in range(6))
"""Classes of a token: it has a letter; a character that is no symbol; only punctuation; it is one terminal mark; a newline stands between it and the
token before, or it is the first of its row; it begins a run between white space."""
TOKENS, WORDS, WORD_CHARS, ALPHA_WORDS, HASHES, ELLIPSES, LINES, BULLETS, TRAILING, NEWLINES, CHARS = range(11)
"""Counts of a row: tokens; solid tokens, their characters; tokens with a letter; number signs; ellipses; lines as str.splitlines makes them, those that begin
with a bullet, those that end in an ellipsis; newlines; characters."""
COUNTS = 11
LETTER, DIGIT, WHITE, LINE, CLOSES, WIDE = 1, 2, 3, 4, 5, 6
K1, K2 = U(0x9E3779B185EBCA87), U(0xC2B2AE3D27D4EB4F)
ONES, TOPS = U(0x0101010101010101), U(0x8080808080808080)
FEW = U(52)
"""Bits that a hint drops: 4096 hints are left."""


class Lookup(NamedTuple):
    """What the scan looks things up in."""

    classes: np.ndarray
    marks: np.ndarray
    symbols: np.ndarray
    keys: np.ndarray
    cuts: np.ndarray
    units: np.ndarray
    kinds: np.ndarray
    """uint8[256] by first byte: LETTER …, 0 for other ASCII."""
    hints: np.ndarray
    """uint8[4096]: whether a special case may begin with these eight bytes."""


@lru_cache(maxsize=1)
def lookup() -> Lookup:
    """The tables of the scan, built once a process."""
    base = tables()
    kinds = np.zeros(256, dtype=np.uint8)
    kinds[0x80:] = WIDE
    for code in range(128):
        char = chr(code)
        if base.classes[code] & SPACE:
            kinds[code] = LINE if base.classes[code] & BREAK else WHITE
        elif char.isalpha():
            kinds[code] = LETTER
        elif char.isdigit():
            kinds[code] = DIGIT
        elif char in ",:;?!)":
            kinds[code] = CLOSES
    hints = np.zeros(4096, dtype=np.uint8)
    for word in specials():
        head = int.from_bytes(word.encode()[:8], "little")
        hints[((head * int(K1)) & (2**64 - 1)) >> int(FEW)] = 1
    return Lookup(base.classes, base.marks, punctuation(), base.special_keys, base.special_cuts, base.units, kinds, hints)


@njit(nogil=True, cache=True, inline="always")
def eight(data, p, size):
    """Bytes p … p + 7 of `size` as one number, the first lowest; zeros behind the end."""
    w = U(0)
    at = U(p)
    if p + 8 <= size:
        w = U(data[at]) | U(data[at + U(1)]) << U(8) | U(data[at + U(2)]) << U(16) | U(data[at + U(3)]) << U(24)
        w |= U(data[at + U(4)]) << U(32) | U(data[at + U(5)]) << U(40) | U(data[at + U(6)]) << U(48) | U(data[at + U(7)]) << U(56)
    else:
        for k in range(size - p):
            w |= U(data[p + k]) << U(8 * k)
    return w


@njit(nogil=True, cache=True, inline="always")
def _others(w):
    """The highest bit of each byte of w that is no letter of ASCII."""
    low = (w | (ONES << U(5))) & ~TOPS
    inside = (low + ONES * U(128 - 97)) & ~(low + ONES * U(127 - 122))
    return ~(inside & ~w) & TOPS


@njit(nogil=True, cache=True, inline="always")
def _step(h, w):
    h = (h ^ w) * K1
    return h ^ (h >> U(32))


@njit(nogil=True, cache=True, inline="always")
def head(w, k):
    """The first k bytes of w, k from 1 to 8."""
    return w & (~U(0) >> U(64 - 8 * k))


@njit(nogil=True, cache=True)
def hash_of(data, s, e, size):
    """64-bit hash of data[s:e], of `size` bytes that may be read: eight bytes at a time, then the length."""
    h = U(0)
    p = s
    while p + 8 < e:
        h = _step(h, eight(data, p, size))
        p += 8
    if p < e:
        h = _step(h, head(eight(data, p, size), e - p))
    return (h + U(e - s)) * K2


@njit(nogil=True, cache=True)
def _is_bullet(text, i, end):
    return text[i] == 45 or (end - i > 2 and text[i] == 0xE2 and text[i + 1] == 0x80 and text[i + 2] == 0xA2)


@njit(nogil=True, cache=True)
def _trails_off(text, s, e):
    """Whether the run text[s:e] ends in an ellipsis."""
    if e - s < 3:
        return False
    a, b, c = text[e - 3], text[e - 2], text[e - 1]
    return (a == 46 and b == 46 and c == 46) or (a == 0xE2 and b == 0x80 and c == 0xA6)


@njit(nogil=True, cache=True)
def _marks_of(text, s, e, counts):
    """Count number signs and ellipses, `…` and non-overlapping `...`, in text[s:e]."""
    dots = 0
    for i in range(s, e):
        b = text[i]
        counts[HASHES] += b == 35
        if b == 46:
            dots += 1
            if dots == 3:
                counts[ELLIPSES] += 1
                dots = 0
        else:
            dots = 0
            counts[ELLIPSES] += b == 0xA6 and i - 2 >= s and text[i - 1] == 0x80 and text[i - 2] == 0xE2


@njit(nogil=True, cache=True)
def _classed(text, s, e, classes, symbols, counts):
    """The classes of the token text[s:e], which is counted."""
    length, solid, letters, punctuation = 0, False, False, True
    i = s
    code = np.int64(0)
    while i < e:
        code = code_at(text, i)
        length += 1
        solid |= not symbols[code] & SYMBOL
        letters |= (classes[code] & ALPHA) != 0
        punctuation &= (classes[code] & PUNCT) != 0
        i += width(text[i])
    counts[ALPHA_WORDS] += letters
    if solid:
        counts[WORDS] += 1
        counts[WORD_CHARS] += length
    flag = (HAS_ALPHA if letters else np.uint8(0)) | (SOLID if solid else np.uint8(0)) | (ALL_PUNCT if punctuation else np.uint8(0))
    return flag | (ENDS if length == 1 and symbols[code] & TERMINAL else np.uint8(0))


@njit(nogil=True, cache=True)
def _letters(text, i, end, look):
    """Where the digits or the letters at byte i end."""
    if look.kinds[text[i]] == DIGIT:
        while i < end and look.kinds[text[i]] == DIGIT:
            i += 1
    else:
        while i < end and look.classes[code_at(text, i)] & ALPHA:
            i += width(text[i])
    return i


@njit(nogil=True, cache=True)
def _long_way(text, s, letters, i, n, look, starts, ends, top):
    """Write the tokens of the run text[s:i] from place n on, by the rules; returns the next place. `letters`: the end of its first letters or digits."""
    plain = letters > s and letters >= i - 1 and looked_up(text, s, i, look.keys, look.cuts) < 0
    if plain and (letters == i or looked_up(text, s, letters, look.keys, look.cuts) < 0):
        mark = text[letters] if letters < i else 0
        before = text[letters - 1]
        if letters == i or look.kinds[mark] == CLOSES or (mark == 46 and before >= 97 and before <= 122):
            starts[n], ends[n] = s, letters
            if letters < i:
                starts[n + 1], ends[n + 1] = letters, i
                return n + 2
            return n + 1
    return run_tokens(text, s, i, n, look.classes, look.marks, look.keys, look.cuts, look.units, starts, ends, top)


@njit(nogil=True, cache=True, inline="always")
def _word(text, s, end, size):
    """(end, hash before its length, first eight bytes) of the letters of ASCII at byte s."""
    i = s
    w = eight(text, i, size)
    others = _others(w)
    h = U(0)
    while others == U(0) and i + 8 < end:
        h = _step(h, w)
        i += 8
        w = eight(text, i, size)
        others = _others(w)
    k = np.int64((((others & (~others + U(1))) >> U(7)) * U(0x0001020304050607)) >> U(56)) if others else 8
    k = min(k, end - i)
    first = U(0)
    if k:
        first = head(w, k)
        h = _step(h, first)
    if i > s:
        first = eight(text, s, size)
    return i + k, h, first


@njit(nogil=True, cache=True)
def _run(text, s, end, size, n, look, starts, ends, hashes, flags, counts, room):
    """Write the tokens of the run at byte s of text[:end], whatever it is; returns (next place, end of the run), (−1, s) where the arrays are too short."""
    i = s + width(text[s])
    if i >= end or look.kinds[text[i]] in (WHITE, LINE):  # a character alone
        starts[n], ends[n] = s, i
        begun, n = n, n + 1
    else:
        letters = _letters(text, s, end, look)
        i = letters
        while i < end and not look.classes[code_at(text, i)] & SPACE:
            i += width(text[i])
        if n + 2 * (i - s) + 2 > room:
            return -1, s
        begun, n = n, _long_way(text, s, letters, i, n, look, starts, ends, room)
    _marks_of(text, s, i, counts)
    for t in range(begun, n):
        hashes[t] = hash_of(text, np.int64(starts[t]), np.int64(ends[t]), size)
        flags[t] = _classed(text, np.int64(starts[t]), np.int64(ends[t]), look.classes, look.symbols, counts)
    return n, i


@njit(nogil=True, cache=True)
def _scan_row(text, end, size, n, look, starts, ends, hashes, flags, counts, room):
    """Write the tokens of text[:end] from place n on, and its counts; returns the next place, or −1 where the arrays are too short."""
    kinds, hints = look.kinds, look.hints
    words, chars, lines, bullets, trailing, newlines = 0, 0, 0, 0, 0, 0
    fresh, solid = FRESH, False
    line, run, run_end = 0, 0, 0
    i = 0
    while i < end:
        byte = text[i]
        kind = kinds[byte]
        if byte == 32 or kind == WHITE:
            i += 1
            continue
        if kind == LINE or (kind == WIDE and look.classes[code_at(text, i)] & SPACE):
            after = i + width(byte)
            if look.classes[code_at(text, i)] & BREAK and not (byte == 13 and after < end and text[after] == 10):
                lines += 1
                trailing += solid and _trails_off(text, run, run_end)
                solid = False
                line = after
                if byte == 10:
                    newlines += 1
                    fresh = FRESH
            i = after
            continue
        s = i
        if n + 4 > room:
            return -1
        if not solid:
            solid = True
            bullets += _is_bullet(text, i, end)
        if kind == LETTER:
            i, h, first = _word(text, s, end, size)
            length = i - s
            mark = text[i] if i < end else np.uint8(32)
            ending = kinds[mark]
            two = (ending == CLOSES or (mark == 46 and text[i - 1] >= 97)) and (i + 1 >= end or kinds[text[i + 1]] in (WHITE, LINE))
            if (two or ending in (WHITE, LINE)) and hints[(first * K1) >> FEW] == 0:
                joined = first | (U(mark) << U(8 * length)) if length < 8 else first
                if not two or hints[(joined * K1) >> FEW] == 0:
                    starts[n], ends[n] = s, i
                    hashes[n] = (h + U(length)) * K2
                    flags[n] = HAS_ALPHA | SOLID | FIRST | fresh
                    fresh = np.uint8(0)
                    words += 1
                    chars += length
                    n += 1
                    if two:
                        starts[n], ends[n] = i, i + 1
                        hashes[n] = (_step(U(0), U(mark)) + U(1)) * K2
                        flags[n] = ALL_PUNCT | (ENDS if mark == 46 or mark == 63 or mark == 33 else np.uint8(0))
                        n += 1
                        i += 1
                    run, run_end = s, i
                    continue
        before = n
        n, i = _run(text, s, end, size, n, look, starts, ends, hashes, flags, counts, room)
        if n < 0:
            return -1
        flags[before] |= FIRST | fresh
        fresh = np.uint8(0)
        run, run_end = s, i
    if line < end:
        lines += 1
        trailing += solid and _trails_off(text, run, run_end)
    counts[WORDS] += words
    counts[WORD_CHARS] += chars
    counts[ALPHA_WORDS] += words
    counts[LINES], counts[BULLETS], counts[TRAILING], counts[NEWLINES] = lines, bullets, trailing, newlines
    return n


@njit(nogil=True, cache=True)
def _characters(text, end):
    total = 0
    for i in range(end):
        total += (text[i] & 0xC0) != 0x80
    return total


@njit(nogil=True, cache=True)
def scan_rows(offsets, data, first, look, found):
    """Scan rows from `first` on into `found` (`Scan`), as many as fit; the row to go on with. bounds[first] is read."""
    bounds, starts, ends, hashes, flags, counts = found
    room, size = len(starts), len(data)
    data, counts = borrowed(data), borrowed(counts)
    there = Lookup(
        pointer(look.classes), pointer(look.marks), pointer(look.symbols), pointer(look.keys), pointer(look.cuts), pointer(look.units),
        pointer(look.kinds), pointer(look.hints),
    )  # fmt: skip
    starts_at, ends_at, hashes_at, flags_at = pointer(starts), pointer(ends), pointer(hashes), pointer(flags)
    for row in range(first, len(offsets) - 1):
        counts[row, :] = 0
        text, of_row, end = pointer(data[offsets[row] :]), pointer(counts[row]), offsets[row + 1] - offsets[row]
        n = _scan_row(text, end, size - offsets[row], bounds[row], there, starts_at, ends_at, hashes_at, flags_at, of_row, room)
        if n < 0:
            return row
        bounds[row + 1] = n
        counts[row, TOKENS] = n - bounds[row]
        counts[row, CHARS] = _characters(data[offsets[row] :], end)
    return len(offsets) - 1


class Scan(NamedTuple):
    """What one walk over a column leaves; token t of row r, bounds[r] <= t < bounds[r + 1], is the row's bytes starts[t] … ends[t] − 1."""

    bounds: np.ndarray
    """int64[rows + 1]"""
    starts: np.ndarray
    ends: np.ndarray
    """uint32[tokens or more]"""
    hashes: np.ndarray
    """uint64[tokens or more]: `hash_of` each token"""
    flags: np.ndarray
    """uint8[tokens or more]"""
    counts: np.ndarray
    """int64[rows, COUNTS]"""


def scan(offsets: np.ndarray, data: np.ndarray) -> Scan:
    """Scan all rows of a string column. A row of 4 GiB or more: ValueError."""
    rows, total = len(offsets) - 1, int(offsets[-1] - offsets[0])
    longest = int(np.max(np.diff(offsets), initial=0))
    if longest >= 1 << 32:
        raise ValueError(f"scan: expected rows of less than 4 GiB, got one of {longest} bytes; set limits.document_bytes in the recipe")
    bounds, counts = np.zeros(rows + 1, dtype=np.int64), np.empty((rows, COUNTS), dtype=np.int64)
    found = Scan(bounds, *_places(total // 4 + 4096), counts)
    row = scan_rows(offsets, data, 0, lookup(), found)
    while row < rows:
        used, left = int(bounds[row]), int(offsets[-1] - offsets[row])
        grown = _places(used + 2 * int(offsets[row + 1] - offsets[row]) + left // 3 + 4096)
        for new, old in zip(grown, found[1:5], strict=True):
            new[:used] = old[:used]
        found = Scan(bounds, *grown, counts)
        row = scan_rows(offsets, data, row, lookup(), found)
    return found


def _places(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """starts, ends, hashes, flags of so many tokens."""
    return (
        np.empty(number, dtype=np.uint32),
        np.empty(number, dtype=np.uint32),
        np.empty(number, dtype=np.uint64),
        np.empty(number, dtype=np.uint8),
    )


def hash_word(word: str) -> int:
    """`hash_of` a word."""
    raw = np.frombuffer(word.encode(), dtype=np.uint8)
    return int(hash_of(raw, 0, len(raw), len(raw)))
