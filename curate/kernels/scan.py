"""One walk over the bytes of a text that leaves what the filters measure: tokens with their hashes and classes, and counts a row.

Tokens are those of `words.py`. Nine runs in ten are letters of ASCII, alone or with one mark behind them: these are found in maps of the row's bytes, 64 at a
time, and need none of the rules. What is left goes the long way, but is remembered: the runs of a text repeat themselves. Positions of tokens are bytes from
the begin of their row (uint32: rows of less than 4 GiB). Naive twin: tests/naive_text.py. Price: about 200 MB/s.
"""

from typing import NamedTuple

import numpy as np

from curate.kernels.blocks import WIDTH, below, load8, within
from curate.kernels.compiled import njit
from curate.kernels.marks import SYMBOL, TERMINAL
from curate.kernels.pointers import borrowed, pointer
from curate.kernels.scan_tables import (
    ALL_PUNCT,
    ALONE,
    BEHIND,
    CLOSES,
    DIGIT,
    ENDS,
    FEW,
    FIRST,
    FRESH,
    HAS_ALPHA,
    HINT,
    SOLID,
    STOP,
    Lookup,
    Maps,
    Memory,
    bits_from,
    lookup,
    mapped,
    maps,
    memory,
)  # fmt: skip
from curate.kernels.utf8 import ALPHA, BREAK, PUNCT, code_at, width
from curate.kernels.word_hash import SHORT, hash_of, hash_short, head
from curate.kernels.words import looked_up, run_tokens

U = np.uint64
TOKENS, WORDS, WORD_CHARS, ALPHA_WORDS, HASHES, ELLIPSES, LINES, BULLETS, TRAILING, NEWLINES, CHARS = range(11)
"""Counts of a row: tokens; solid tokens, their characters; tokens with a letter; number signs; ellipses; lines as str.splitlines makes them, those that begin
with a bullet, those that end in an ellipsis; newlines; characters."""
COUNTS = 11


@njit(nogil=True, cache=True)
def _is_bullet(text, i, end):
    return text[i] == 45 or (end - i > 2 and text[i] == 0xE2 and text[i + 1] == 0x80 and text[i + 2] == 0xA2)


@njit(nogil=True, cache=True)
def trails_off(text, s, e):
    """Whether text[s:e] ends in an ellipsis."""
    if e - s < 3:
        return False
    a, b, c = text[e - 3], text[e - 2], text[e - 1]
    return (a == 46 and b == 46 and c == 46) or (a == 0xE2 and b == 0x80 and c == 0xA6)


@njit(nogil=True, cache=True)
def _marks_of(text, s, e, size, counts):
    """Count number signs and ellipses, `…` and non-overlapping `...`, in text[s:e], of `size` bytes that may be read."""
    if e - s <= WIDTH and s + WIDTH <= size:
        some = within(text, s, 0, 35, 35) | within(text, s, 0, 46, 46) | within(text, s, 0, 0xA6, 0xA6)
        if not some << U(WIDTH - (e - s)):
            return
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
def _classed(text, s, e, look, other, counts):
    """The classes of the token text[s:e], which is counted. `other`: the map."""
    length, solid, letters, punctuation = 0, False, False, True
    i = s
    code = np.int64(0)
    if below(bits_from(other, s)) >= e - s and e - s <= WIDTH:
        length, solid, letters, punctuation = e - s, True, True, False
        i = e
    while i < e:
        code = code_at(text, i)
        length += 1
        solid |= not look.symbols[code] & SYMBOL
        letters |= (look.classes[code] & ALPHA) != 0
        punctuation &= (look.classes[code] & PUNCT) != 0
        i += width(text[i])
    counts[ALPHA_WORDS] += letters
    if solid:
        counts[WORDS] += 1
        counts[WORD_CHARS] += length
    flag = (HAS_ALPHA if letters else np.uint8(0)) | (SOLID if solid else np.uint8(0)) | (ALL_PUNCT if punctuation else np.uint8(0))
    return flag | (ENDS if length == 1 and look.symbols[code] & TERMINAL else np.uint8(0))


@njit(nogil=True, cache=True)
def _letters(text, i, end, look, other):
    """Where the digits or the letters at byte i of a run end; `other`: the map."""
    ascii_end = i + min(below(bits_from(other, i)), end - i)
    if ascii_end == i and look.kinds[text[i]] == DIGIT:
        while i < end and look.kinds[text[i]] == DIGIT:
            i += 1
    else:
        i = ascii_end
        while i < end and look.classes[code_at(text, i)] & ALPHA:
            i += width(text[i])
    return i


@njit(nogil=True, cache=True)
def _long_way(text, s, letters, i, size, n, look, starts, ends, top):
    """Write the tokens of the run text[s:i] from place n on, by the rules; returns the next place. `letters`: the end of its first letters or digits."""
    plain = letters > s and letters >= i - 1 and looked_up(text, s, i, size, look.keys, look.cuts) < 0
    if plain and (letters == i or looked_up(text, s, letters, size, look.keys, look.cuts) < 0):
        mark = text[letters] if letters < i else 0
        before = text[letters - 1]
        if letters == i or look.kinds[mark] == CLOSES or (mark == 46 and before >= 97 and before <= 122):
            starts[n], ends[n] = s, letters
            if letters < i:
                starts[n + 1], ends[n + 1] = letters, i
                return n + 2
            return n + 1
    return run_tokens(text, s, i, size, n, look.classes, look.marks, look.keys, look.cuts, look.units, starts, ends, top)


@njit(nogil=True, cache=True)
def _run(text, s, size, n, look, maps, starts, ends, hashes, flags, counts, room):
    """Write the tokens of the run at byte s, whatever it is; returns (next place, end of the run), (−1, s) where the arrays are too short."""
    i = s
    while not bits_from(maps.white, i):
        i += WIDTH
    i += below(bits_from(maps.white, i))
    if i == s + width(text[s]):  # a character alone
        starts[n], ends[n] = s, i
        begun, n = n, n + 1
    else:
        letters = _letters(text, s, i, look, maps.other)
        if n + 2 * (i - s) + 2 > room:
            return -1, s
        begun, n = n, _long_way(text, s, letters, i, size, n, look, starts, ends, room)
    _marks_of(text, s, i, size, counts)
    for t in range(begun, n):
        hashes[t] = hash_of(text, np.int64(starts[t]), np.int64(ends[t]), size)
        flags[t] = _classed(text, np.int64(starts[t]), np.int64(ends[t]), look, maps.other, counts)
    return n, i


@njit(nogil=True, cache=True)
def _again(text, s, length, size, n, look, maps, memory, starts, ends, hashes, flags, counts, room):
    """`_run`, of `length` bytes if these are less than WIDTH, from memory where it was seen before; there is room for FEW tokens."""
    if length > SHORT or s + SHORT > size:
        return _run(text, s, size, n, look, maps, starts, ends, hashes, flags, counts, room)
    first, second = head(load8(text, s), min(length, 8)), head(load8(text, s + 8), max(length, 9) - 8) if length > 8 else U(0)
    slot = np.int64(hash_short(first, second, length) >> U(52))
    known, at = 8 * slot, FEW * slot
    if memory.first[slot] == first and memory.second[slot] == second and memory.known[known] == length:
        begin = s
        for k in range(FEW):  # what is no token is written over
            end = s + memory.ends[at + k]
            starts[n + k], ends[n + k], hashes[n + k], flags[n + k] = begin, end, memory.hashes[at + k], memory.flags[at + k]
            begin = end
        for k in range(5):
            counts[WORDS + k] += memory.known[known + 2 + k]
        return n + memory.known[known + 1], s + length
    for k in range(5):
        memory.known[known + 2 + k] = -counts[WORDS + k]
    begun = n
    n, i = _run(text, s, size, n, look, maps, starts, ends, hashes, flags, counts, room)
    memory.known[known] = 0
    if n - begun <= FEW and n >= 0:
        memory.first[slot], memory.second[slot] = first, second
        memory.known[known], memory.known[known + 1] = length, n - begun
        for k in range(5):
            memory.known[known + 2 + k] += counts[WORDS + k]
        for k in range(n - begun):
            memory.ends[at + k] = ends[begun + k] - s
            memory.hashes[at + k], memory.flags[at + k] = hashes[begun + k], flags[begun + k]
    return n, i


@njit(nogil=True, cache=True)
def _scan_row(text, end, size, n, look, maps, memory, starts, ends, hashes, flags, counts, room):
    """Write the tokens of text[:end], which is mapped, from place n on, and its counts; returns the next place, or −1 where the arrays are too short."""
    words, chars, alphas, lines, bullets, trailing, newlines = 0, 0, 0, 0, 0, 0, 0
    fresh, solid = FRESH, False
    line, run, run_end = 0, 0, 0
    i = 0
    while i < end:
        white = bits_from(maps.white, i)
        if white & U(1):
            byte = text[i]
            after = i + width(byte)
            if byte != 32 and look.classes[code_at(text, i)] & BREAK and not (byte == 13 and after < end and text[after] == 10):
                lines += 1
                trailing += solid and trails_off(text, run, run_end)
                solid = False
                line = after
                if byte == 10:
                    newlines += 1
                    fresh = FRESH
            i = after
            continue
        if n + 4 > room:
            return -1
        if not solid:
            solid = True
            bullets += _is_bullet(text, i, end)
        length, letters = below(white), below(bits_from(maps.other, i))
        behind = length - letters
        mark = text[i + length - 1]
        small = text[i + max(letters - 1, 0)] >= 97
        may = BEHIND | (STOP if small else np.uint8(0)) if letters else ALONE
        if letters <= SHORT and i + SHORT <= size and (behind == 0 or (behind == 1 and look.lone[mark] & may)):
            h = hash_short(load8(text, i), load8(text, i + 8), max(letters, 1))
            if not look.hints[h >> HINT] & (1 | behind << 1):
                # Both are written, letters and mark, and what is not there is written over.
                has = letters > 0
                starts[n], ends[n], hashes[n] = i, i + letters, h
                flags[n] = HAS_ALPHA | SOLID | FIRST | fresh
                n += has
                flag = look.lone_flags[mark]
                starts[n], ends[n], hashes[n] = i + letters, i + length, look.lone_hashes[mark]
                flags[n] = flag if has else flag | FIRST | fresh
                n += behind
                fresh = np.uint8(0)
                other = behind & ((flag & SOLID) != 0)
                words += has + other
                chars += letters + other
                alphas += has
                run, run_end = i, i + length
                i += length
                i += (white >> U(length)) & U(3) == U(1) and text[i] == 32
                continue
        run, before = i, n
        n, i = _again(text, i, length, size, n, look, maps, memory, starts, ends, hashes, flags, counts, room)
        if n < 0:
            return -1
        flags[before] |= FIRST | fresh
        fresh = np.uint8(0)
        run_end = i
    if line < end:
        lines += 1
        trailing += solid and trails_off(text, run, run_end)
    counts[WORDS] += words
    counts[WORD_CHARS] += chars
    counts[ALPHA_WORDS] += alphas
    counts[LINES], counts[BULLETS], counts[TRAILING], counts[NEWLINES] = lines, bullets, trailing, newlines
    return n


@njit(nogil=True, cache=True)
def scan_rows(offsets, data, first, look, lent, memory, found):
    """Scan rows from `first` on into `found` (`Scan`), as many as fit; the row to go on with. bounds[first] is read."""
    bounds, starts, ends, hashes, flags, counts = found
    room, size = len(starts), len(data)
    data, counts = borrowed(data), borrowed(counts)
    there = Lookup(
        pointer(look.classes), pointer(look.marks), pointer(look.symbols), pointer(look.keys), pointer(look.cuts), pointer(look.units),
        pointer(look.kinds), pointer(look.lone), pointer(look.lone_flags), pointer(look.lone_hashes), pointer(look.hints),
    )  # fmt: skip
    maps_at = Maps(pointer(lent.white), pointer(lent.other), pointer(lent.tail))
    memory_at = Memory(
        pointer(memory.first),
        pointer(memory.second),
        pointer(memory.known),
        pointer(memory.ends),
        pointer(memory.hashes),
        pointer(memory.flags),
    )
    starts_at, ends_at, hashes_at, flags_at = pointer(starts), pointer(ends), pointer(hashes), pointer(flags)
    for row in range(first, len(offsets) - 1):
        counts[row, :] = 0
        text, of_row, end = pointer(data[offsets[row] :]), pointer(counts[row]), offsets[row + 1] - offsets[row]
        chars = mapped(text, end, size - offsets[row], there.classes, maps_at)
        n = _scan_row(
            text, end, size - offsets[row], bounds[row], there, maps_at, memory_at, starts_at, ends_at, hashes_at, flags_at, of_row, room
        )
        if n < 0:
            return row
        bounds[row + 1] = n
        counts[row, TOKENS] = n - bounds[row]
        counts[row, CHARS] = chars
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
    lent, seen = maps(longest), memory()
    row = scan_rows(offsets, data, 0, lookup(), lent, seen, found)
    while row < rows:
        used, left = int(bounds[row]), int(offsets[-1] - offsets[row])
        grown = _places(used + 2 * int(offsets[row + 1] - offsets[row]) + left // 3 + 4096)
        for new, old in zip(grown, found[1:5], strict=True):
            new[:used] = old[:used]
        found = Scan(bounds, *grown, counts)
        row = scan_rows(offsets, data, row, lookup(), lent, seen, found)
    return found


def _places(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """starts, ends, hashes, flags of so many tokens."""
    return (
        np.empty(number, dtype=np.uint32),
        np.empty(number, dtype=np.uint32),
        np.empty(number, dtype=np.uint64),
        np.empty(number, dtype=np.uint8),
    )
