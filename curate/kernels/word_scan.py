"""The scan of a text whose words are found by other rules than those of English alone: what `scan.py` leaves, over any words.

Three ways to words: UAX #29 (`word_breaks.py`, with syllables and hiragana in one); the rules of English (`words.py`), where letters of scripts without
spaces are cut out of their run and divided by the first way; and bounds that somebody else found. A word is never white space; one that begins with
some, as a space with a combining mark on it does, is taken without. Naive twin: tests/naive_words.py. Price: about 50 MB/s.
"""

import numpy as np

from curate.kernels.blocks import WIDTH, below, within
from curate.kernels.compiled import njit
from curate.kernels.marks import SYMBOL, TERMINAL, punctuation
from curate.kernels.pointers import borrowed, pointer
from curate.kernels.scan import (
    ALPHA_WORDS,
    BULLETS,
    CHARS,
    COUNTS,
    ELLIPSES,
    HASHES,
    LINES,
    NEWLINES,
    TOKENS,
    TRAILING,
    WORD_CHARS,
    WORDS,
    Scan,
    trails_off,
)
from curate.kernels.scan_tables import ALL_PUNCT, ENDS, FIRST, FRESH, HAS_ALPHA, SOLID
from curate.kernels.specials import Tables, tables
from curate.kernels.utf8 import ALPHA, BREAK, PUNCT, SPACE, classes, code_at, width
from curate.kernels.word_breaks import word_end
from curate.kernels.word_classes import FOLLOWING, breaks, spaceless
from curate.kernels.word_hash import hash_of
from curate.kernels.words import run_tokens


@njit(nogil=True, cache=True, inline="always")
def _letter(kind):
    """Whether a value of `spaceless` is a letter's, not a sign's."""
    return kind > 0 and kind <= FOLLOWING


@njit(nogil=True, cache=True)
def hold_spaceless(offsets, data, spaceless, out):
    """out[row] = whether it has a letter of a script without spaces (bool). None of them has fewer than three bytes."""
    data, spaceless = borrowed(data), pointer(spaceless)
    for row in range(len(offsets) - 1):
        text, end = pointer(data[offsets[row] :]), offsets[row + 1] - offsets[row]
        out[row] = False
        i = 0
        while i + WIDTH <= end and not out[row]:
            leads = within(text, i, 0, 0xE0, 0xFF)
            while leads:
                out[row] |= _letter(spaceless[code_at(text, i + below(leads))])
                leads &= leads - np.uint64(1)
            i += WIDTH
        while i < end:
            out[row] |= text[i] >= 0xE0 and _letter(spaceless[code_at(text, i)])
            i += 1


@njit(nogil=True, cache=True)
def _without_white(text, s, e, classes):
    """Where text[s:e] begins that is not white space."""
    while s < e and classes[code_at(text, s)] & SPACE:
        s += width(text[s])
    return s


@njit(nogil=True, cache=True)
def find_words(offsets, data, classes, breaks, spaceless, bounds, starts, ends):
    """Words by UAX #29, syllables and hiragana in one: word t of row r, bounds[r] <= t < bounds[r + 1], is its bytes starts[t] … ends[t] − 1 (uint32). starts,
    ends: as many places as there are bytes."""
    data, classes, breaks, spaceless = borrowed(data), pointer(classes), pointer(breaks), pointer(spaceless)
    starts, ends = pointer(starts), pointer(ends)
    n = 0
    for row in range(len(offsets) - 1):
        text, end = pointer(data[offsets[row] :]), offsets[row + 1] - offsets[row]
        i = 0
        while i < end:
            stop = word_end(text, i, end, breaks, spaceless, True)
            i = _without_white(text, i, stop, classes)
            if i < stop:
                starts[n], ends[n] = i, stop
                n += 1
            i = stop
        bounds[row + 1] = n


@njit(nogil=True, cache=True)
def _run(text, i, stop, size, n, look, breaks, spaceless, starts, ends, room):
    """Write the tokens of the run text[i:stop], which has no white space, from place n on; returns the next place."""
    while i < stop:
        s = i
        if _letter(spaceless[code_at(text, i)]):
            i = word_end(text, i, stop, breaks, spaceless, True)
            starts[n], ends[n] = s, i
            n += 1
        else:
            while i < stop and not _letter(spaceless[code_at(text, i)]):
                i += width(text[i])
            n = run_tokens(
                text, s, i, size, n, look.classes, look.marks, look.special_keys, look.special_cuts, look.units, starts, ends, room
            )
    return n


@njit(nogil=True, cache=True)
def find_tokens(offsets, data, look, breaks, spaceless, bounds, starts, ends):
    """Tokens of English, in scripts without spaces words as `find_words` has them. starts, ends: as many places as there are bytes, and two more."""
    data, breaks, spaceless, room = borrowed(data), pointer(breaks), pointer(spaceless), len(starts)
    starts, ends = pointer(starts), pointer(ends)
    there = Tables(pointer(look.classes), pointer(look.marks), pointer(look.special_keys), pointer(look.special_cuts), pointer(look.units))
    n = 0
    for row in range(len(offsets) - 1):
        text, end, size = pointer(data[offsets[row] :]), offsets[row + 1] - offsets[row], len(data) - offsets[row]
        i = 0
        while i < end:
            s = i
            while i < end and not there.classes[code_at(text, i)] & SPACE:
                i += width(text[i])
            if i == s:
                i += width(text[i])
            else:
                n = _run(text, s, i, size, n, there, breaks, spaceless, starts, ends, room)
        bounds[row + 1] = n


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
def _line(text, s, e, classes, counts):
    """Count the line text[s:e], and what begins and ends it, white space apart."""
    counts[LINES] += 1
    s = _without_white(text, s, e, classes)
    solid = i = s
    while i < e:
        after = i + width(text[i])
        if not classes[code_at(text, i)] & SPACE:
            solid = after
        i = after
    if s < solid:
        counts[BULLETS] += text[s] == 45 or (solid - s > 2 and text[s] == 0xE2 and text[s + 1] == 0x80 and text[s + 2] == 0xA2)
        counts[TRAILING] += trails_off(text, s, solid)


@njit(nogil=True, cache=True)
def _count_lines(text, end, classes, counts):
    """Counts of a row that do not depend on what its words are."""
    line, dots, i = 0, 0, 0
    while i < end:
        code = code_at(text, i)
        after = i + width(text[i])
        counts[CHARS] += 1
        counts[HASHES] += code == 35
        counts[NEWLINES] += code == 10
        dots = dots + 1 if code == 46 else 0
        counts[ELLIPSES] += code == 0x2026 or dots == 3
        dots %= 3
        if classes[code] & BREAK:
            if code == 13 and after < end and text[after] == 10:
                counts[CHARS] += 1
                counts[NEWLINES] += 1
                after += 1
            _line(text, line, i, classes, counts)
            line = after
        i = after
    if line < end:
        _line(text, line, end, classes, counts)


@njit(nogil=True, cache=True)
def describe(offsets, data, bounds, starts, ends, classes, symbols, spaceless, hashes, flags, counts, cut):
    """Hashes and classes of words that are found, and the counts of rows as `scan.py` has them; cut[row] = words of scripts without spaces (int64). Each of
    these is FIRST, as if white space stood before it."""
    data, counts, classes, symbols = borrowed(data), borrowed(counts), pointer(classes), pointer(symbols)
    starts, ends, hashes, flags, spaceless = pointer(starts), pointer(ends), pointer(hashes), pointer(flags), pointer(spaceless)
    for row in range(len(offsets) - 1):
        text, of_row, size = pointer(data[offsets[row] :]), pointer(counts[row]), len(data) - offsets[row]
        counts[row, :] = 0
        cut[row] = 0
        behind = 0
        for t in range(bounds[row], bounds[row + 1]):
            s, e = np.int64(starts[t]), np.int64(ends[t])
            hashes[t] = hash_of(text, s, e, size)
            flag = _classed(text, s, e, classes, symbols, of_row)
            fresh = t == bounds[row]
            for i in range(behind, s):
                fresh |= text[i] == 10
            without = _letter(spaceless[code_at(text, s)])
            cut[row] += without
            flag |= FRESH if fresh else np.uint8(0)
            flags[t] = flag | (FIRST if fresh or without or behind < s else np.uint8(0))
            behind = e
        counts[row, TOKENS] = bounds[row + 1] - bounds[row]
        _count_lines(text, offsets[row + 1] - offsets[row], classes, of_row)


def scan_words(offsets: np.ndarray, data: np.ndarray, english: bool) -> tuple[Scan, np.ndarray]:
    """The scan of a column by UAX #29 or by the rules of English, and how many words each row has of scripts without spaces (int64)."""
    room = int(offsets[-1] - offsets[0]) + 2
    bounds, starts, ends = np.zeros(len(offsets), dtype=np.int64), np.empty(room, dtype=np.uint32), np.empty(room, dtype=np.uint32)
    if english:
        find_tokens(offsets, data, tables(), breaks(), spaceless(), bounds, starts, ends)
    else:
        find_words(offsets, data, classes(), breaks(), spaceless(), bounds, starts, ends)
    number = int(bounds[-1])
    return described(offsets, data, bounds, starts[:number], ends[:number])  # what was not written takes no memory


def described(offsets: np.ndarray, data: np.ndarray, bounds: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[Scan, np.ndarray]:
    """The same over words that are found: word t of row r, bounds[r] <= t < bounds[r + 1], is its bytes starts[t] … ends[t] − 1 (uint32)."""
    rows, number = len(offsets) - 1, len(starts)
    found = Scan(
        bounds, starts, ends, np.empty(number, dtype=np.uint64), np.empty(number, dtype=np.uint8), np.empty((rows, COUNTS), dtype=np.int64)
    )
    cut = np.zeros(rows, dtype=np.int64)
    describe(offsets, data, bounds, starts, ends, classes(), punctuation(), spaceless(), found.hashes, found.flags, found.counts, cut)
    return found, cut
