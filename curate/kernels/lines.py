"""Line rules: FineWeb's measures of lines, C4's cleaning of lines, sentences by terminal marks. Naive twins: tests/naive_text.py."""

from typing import NamedTuple

import numpy as np

from curate.kernels.blocks import WIDTH, ones, within
from curate.kernels.compiled import njit
from curate.kernels.marks import TERMINAL
from curate.kernels.ngrams import newline
from curate.kernels.pointers import borrowed, pointer
from curate.kernels.scan_tables import ALL_PUNCT, ENDS, FRESH
from curate.kernels.slots import mask_of, slot_of
from curate.kernels.utf8 import BREAK, DIGIT, SPACE, code_at, count_chars, width
from curate.kernels.word_hash import hash_of


@njit(nogil=True, cache=True)
def trim(data, start, end, classes):
    """data[start:end] without white space around it, as bounds."""
    while start < end and classes[code_at(data, start)] & SPACE:
        start += width(data[start])
    searching = end > start
    while searching:
        last = end - 1
        while last > start and (data[last] & 0xC0) == 0x80:
            last -= 1
        if classes[code_at(data, last)] & SPACE:
            end = last
        else:
            searching = False
        searching = searching and end > start
    return start, end


@njit(nogil=True, cache=True)
def _count(data, start, end, low, high):
    """Bytes of data[start:end] that lie between two, both included."""
    total, i = 0, start
    while i + WIDTH <= end:
        total += ones(within(data, i, 0, low, high))
        i += WIDTH
    for k in range(i, end):
        total += data[k] >= low and data[k] <= high
    return total


@njit(nogil=True, cache=True)
def most_newlines(offsets, data):
    """The largest number of newlines in one row."""
    most = 0
    for row in range(len(offsets) - 1):
        most = max(most, _count(data, offsets[row], offsets[row + 1], 10, 10))
    return most


@njit(nogil=True, cache=True)
def count_lines(offsets, data, classes, out):
    """out[row] = lines (str.splitlines) that hold more than white space."""
    for row in range(len(offsets) - 1):
        total, solid = 0, False
        i = offsets[row]
        while i < offsets[row + 1]:
            kind = classes[code_at(data, i)]
            if kind & BREAK:
                total += solid
                solid = False
            elif not kind & SPACE:
                solid = True
            i += width(data[i])
        out[row] = total + solid


@njit(nogil=True, cache=True)
def measure_lines(offsets, data, tokens, classes, symbols, short, lent, stamp, out):
    """out[row] = non-blank lines, then of these the share that end in a terminal mark and the share of at most `short` characters,
    characters in lines that repeat an earlier one / characters but newlines, newlines / tokens (float64; ratios of nothing are 0).

    Lines are split at newlines only and not stripped. tokens: int64, how many a row has; the table holds the lines of a row; the next free stamp is
    stamp + rows."""
    data, classes, symbols = borrowed(data), pointer(classes), pointer(symbols)
    keys, stamps = pointer(lent.keys), pointer(lent.stamps)
    for row in range(len(offsets) - 1):
        text, size, end = pointer(data[offsets[row] :]), len(data) - offsets[row], offsets[row + 1] - offsets[row]
        newlines = _count(text, 0, end, 10, 10)
        mask = mask_of(newlines + 1)
        lines, ended, brief, repeated = 0, 0, 0, 0
        s = 0
        while s <= end:
            e = newline(text, s, end, size)
            inner, outer = trim(text, s, e, classes)
            if inner < outer:
                lines += 1
                last = e - 1
                while (text[last] & 0xC0) == 0x80:
                    last -= 1
                ended += (symbols[code_at(text, last)] & TERMINAL) != 0
                brief += e - s <= 4 * short and (e - s <= short or count_chars(text, s, e) <= short)
                key = hash_of(text, s, e, size)
                slot = slot_of(keys, stamps, stamp + row, mask, key)
                if stamps[slot] == stamp + row:
                    repeated += count_chars(text, s, e)
                else:
                    keys[slot], stamps[slot] = key, stamp + row
            s = e + 1
        chars = end - _count(text, 0, end, 0x80, 0xBF) - newlines
        out[row, 0] = lines
        out[row, 1] = ended / lines if lines else 0.0
        out[row, 2] = brief / lines if lines else 0.0
        out[row, 3] = repeated / chars if chars else 0.0
        out[row, 4] = newlines / tokens[row] if tokens[row] else 0.0


@njit(nogil=True, cache=True)
def count_sentences(flags, first, last):
    """Sentences among the tokens first … last − 1 of a scan, line by line: one begins at the first token of a line, and at the first token after a
    terminal mark that is not itself punctuation."""
    total, closed = 0, False
    for t in range(first, last):
        flag = flags[t]
        terminal = (flag & ENDS) != 0
        if flag & FRESH or (closed and not terminal and not flag & ALL_PUNCT):
            total += 1
            closed = terminal
        else:
            closed |= terminal
    return total


@njit(nogil=True, cache=True)
def all_sentences(flags, firsts, lasts, out):
    """out[row] = `count_sentences` of the row's tokens (int64)."""
    flags = borrowed(flags)
    for row in range(len(out)):
        out[row] = count_sentences(flags, firsts[row], lasts[row])


@njit(nogil=True, cache=True, inline="always")
def _lower(data, i):
    """(ASCII lower case of the character at byte i, its bytes); the Kelvin sign is a k, as str.lower has it; other characters are 0."""
    b = data[i]
    size = width(b)
    char = np.uint8(0)
    if b < 0x80:
        char = b + np.uint8(32) if b >= 65 and b <= 90 else b
    elif size == 3 and b == 0xE2 and data[i + 1] == 0x84 and data[i + 2] == 0xAA:
        char = np.uint8(107)
    return char, size


@njit(nogil=True, cache=True)
def needles_at(data, i, end, needles, needle_ends, num_needles):
    """Which of the needles begin lower(data[i:end]): one bit each. Needles are lower-case ASCII, joined, with their ends."""
    found = 0
    char, _ = _lower(data, i)
    for needle in range(num_needles):
        at, to = needle_ends[needle], needle_ends[needle + 1]
        if needles[at] != char:
            continue
        j = i
        while at < to and j < end:
            char_at, step = _lower(data, j)
            if char_at != needles[at]:
                break
            at += 1
            j += step
        if at == to:
            found |= 1 << needle
    return found


@njit(nogil=True, cache=True)
def find_any(data, start, end, needles, needle_ends):
    """Which of the needles occur in lower(data[start:end]), as `needles_at` has them."""
    found = 0
    i = start
    while i < end:
        found |= needles_at(data, i, end, needles, needle_ends, len(needle_ends) - 1)
        i += width(data[i])
    return found


@njit(nogil=True, cache=True)
def _citation(data, i, end, classes):
    """Bytes of a citation mark that begins with `[` at byte i: `[12]`, `[]`, `[edit]`, `[citation needed]`; else 0."""
    j = i + 1
    while j < end and classes[code_at(data, j)] & DIGIT:
        j += width(data[j])
    size = j + 1 - i if j < end and data[j] == 93 else 0
    if size == 0 and end - i >= 6 and data[i + 1] == 101 and data[i + 2] == 100 and data[i + 3] == 105 and data[i + 4] == 116:
        size = 6 if data[i + 5] == 93 else 0
    if size == 0 and end - i >= len(_NEEDED):
        size = len(_NEEDED)
        for k in range(len(_NEEDED)):
            if data[i + k] != _NEEDED[k]:
                size = 0
                break
    return size


_NEEDED = np.frombuffer(b"[citation needed]", dtype=np.uint8).copy()


@njit(nogil=True, cache=True)
def _words(data, start, end, classes):
    """(words between white space, characters of the longest) of data[start:end]."""
    words, longest, length = 0, 0, 0
    i = start
    while i < end:
        if classes[code_at(data, i)] & SPACE:
            length = 0
        else:
            words += length == 0
            length += 1
            longest = max(longest, length)
        i += width(data[i])
    return words, longest


@njit(nogil=True, cache=True)
def _ends_sentence(data, start, end):
    """Whether a line ends in one of . ? ! " ' and not in three full stops."""
    last = data[end - 1] if end > start else 0
    dots = end - start >= 3 and last == 46 and data[end - 2] == 46 and data[end - 3] == 46
    return (last == 46 or last == 63 or last == 33 or last == 34 or last == 39) and not dots


class LineRules(NamedTuple):
    """What C4 does to a line. Limits of −1 are off; `drop` and `needles` as in `find_any`: lines with one of these needles leave."""

    max_word_chars: int
    min_words: int
    ends: bool
    citations: bool
    max_lorem: int
    max_curly: int
    drop: int
    needles: np.ndarray
    needle_ends: np.ndarray


@njit(nogil=True, cache=True)
def _copied(data, start, end, classes, citations, made, w):
    """Copy data[start:end] to made[w:] without citation marks; returns where the copy ends."""
    i = start
    while i < end:
        size = _citation(data, i, end, classes) if citations and data[i] == 91 else 0
        if size:
            i += size
        else:
            made[w] = data[i]
            w += 1
            i += 1
    return w


@njit(nogil=True, cache=True)
def _stripped_in_place(made, begin, w, classes):
    """Move made[begin:w] so that no white space stands around it; returns its end."""
    inner, outer = trim(made, begin, w, classes)
    if inner > begin:
        for i in range(inner, outer):
            made[begin + i - inner] = made[i]
    return begin + outer - inner
