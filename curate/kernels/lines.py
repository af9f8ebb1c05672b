"""Line rules: FineWeb's measures of lines, C4's cleaning of lines, sentences by terminal marks. Naive twins: tests/naive_text.py."""

from typing import NamedTuple

import numpy as np
from numba import njit

from curate.kernels.marks import TERMINAL
from curate.kernels.ngrams import _hash, _mask, _slot
from curate.kernels.utf8 import BREAK, DIGIT, PUNCT, SPACE, code_at, count_chars, width


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
def most_newlines(offsets, data):
    """The largest number of newlines in one row."""
    most = 0
    for row in range(len(offsets) - 1):
        found = 0
        for i in range(offsets[row], offsets[row + 1]):
            found += data[i] == 10
        most = max(most, found)
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
def measure_lines(offsets, data, first, bounds, classes, symbols, short, keys, stamps, stamp, out):
    """out[row] = non-blank lines, then of these the share that end in a terminal mark and the share of at most `short` characters,
    characters in lines that
    repeat an earlier one / characters but newlines, newlines / tokens (float64; ratios of nothing are 0).

    Lines are split at newlines only and not stripped. Rows and token bounds as in `words.Tokens`; the table holds twice the lines of a
    row; the next
    free stamp is stamp + rows."""
    for k in range(len(bounds) - 1):
        row = first + k
        start, end = offsets[row], offsets[row + 1]
        newlines = 0
        for i in range(start, end):
            newlines += data[i] == 10
        mask = _mask(newlines + 1)
        lines, ended, brief, repeated = 0, 0, 0, 0
        s = start
        while s <= end:
            e = s
            while e < end and data[e] != 10:
                e += 1
            inner, outer = trim(data, s, e, classes)
            if inner < outer:
                lines += 1
                last = e - 1
                while (data[last] & 0xC0) == 0x80:
                    last -= 1
                ended += (symbols[code_at(data, last)] & TERMINAL) != 0
                chars = count_chars(data, s, e)
                brief += chars <= short
                h, power = _hash(data, s, e)
                key = h ^ power
                slot = _slot(keys, stamps, stamp + k, mask, key)
                if stamps[slot] == stamp + k:
                    repeated += chars
                else:
                    keys[slot], stamps[slot] = key, stamp + k
            s = e + 1
        chars = count_chars(data, start, end) - newlines
        n = bounds[k + 1] - bounds[k]
        out[row, 0] = lines
        out[row, 1] = ended / lines if lines else 0.0
        out[row, 2] = brief / lines if lines else 0.0
        out[row, 3] = repeated / chars if chars else 0.0
        out[row, 4] = newlines / n if n else 0.0


@njit(nogil=True, cache=True)
def count_sentences(data, first, bounds, starts, ends, offsets, classes, symbols, out):
    """out[row] = sentences, line by line: one begins at the first token of a line, and at the first token after a terminal mark that is
    not itself punctuation. Rows and tokens as in `words.Tokens`."""
    for k in range(len(bounds) - 1):
        total, closed, fresh = 0, False, True
        before = offsets[first + k]
        for t in range(bounds[k], bounds[k + 1]):
            for i in range(before, starts[t]):
                fresh |= data[i] == 10
            before = ends[t]
            i = starts[t]
            code = code_at(data, i)
            terminal = i + width(data[i]) == ends[t] and (symbols[code] & TERMINAL) != 0
            punctuation = True
            while i < ends[t]:
                punctuation &= (classes[code_at(data, i)] & PUNCT) != 0
                i += width(data[i])
            if fresh or (closed and not punctuation and not terminal):
                total += 1
                closed = terminal
            elif terminal:
                closed = True
            fresh = False
        out[first + k] = total


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
def find_any(data, start, end, needles, needle_ends):
    """Which of the needles (lower-case ASCII, joined, with their ends) occur in lower(data[start:end]): one bit each."""
    found = 0
    i = start
    while i < end:
        char, size = _lower(data, i)
        for needle in range(len(needle_ends) - 1):
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
        i += size
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
def clean_lines(offsets, data, classes, rules, made_offsets, made, out):
    """Rewrite each row line by line as C4 does; made: uint8, as long as the text; made_offsets: int64[rows + 1].

    out[row] = lines that changed or left, lines that held a word and left, lines with the first needle (lorem ipsum), lines with `{`; after more
    than the rule's number of either the rest of the row is not read."""
    w = 0
    made_offsets[0] = 0
    for row in range(len(offsets) - 1):
        begin = w
        edits, left, lorem, curly = 0, 0, 0, 0
        s, end = offsets[row], offsets[row + 1]
        while s < end:
            e = s
            while e < end and not classes[code_at(data, e)] & BREAK:
                e += width(data[e])
            after = e + width(data[e]) if e < end else end
            if e < end and data[e] == 13 and after < end and data[after] == 10:
                after += 1
            inner, outer = trim(data, s, e, classes)
            line = w + 1 if w > begin else w
            words, longest = _words(data, inner, outer, classes)
            stop = _copied(data, inner, outer, classes, rules.citations, made, line)
            stays = not (
                (rules.max_word_chars >= 0 and longest > rules.max_word_chars)
                or (rules.ends and not _ends_sentence(made, line, stop))
                or words < rules.min_words
            )
            if stays:
                found = find_any(made, line, stop, rules.needles, rules.needle_ends)
                lorem += found & 1
                if rules.max_lorem >= 0 and lorem > rules.max_lorem:
                    break
                stays = not found & rules.drop & 2
                if stays:
                    braces = 0
                    for i in range(line, stop):
                        braces |= made[i] == 123
                    curly += braces
                    if rules.max_curly >= 0 and curly > rules.max_curly:
                        break
                    stays = not found & rules.drop
            if stays:
                edits += stop - line != e - s
                if w > begin:
                    made[w] = 10
                w = stop
            else:
                edits += 1
                left += words > 0
            s = after
        w = _stripped_in_place(made, begin, w, classes)
        made_offsets[row + 1] = w
        out[row, 0] = edits
        out[row, 1] = left
        out[row, 2] = lorem
        out[row, 3] = curly


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
