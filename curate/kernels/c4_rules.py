"""C4's cleaning of lines, as datatrove has it, over a scan: words and sentences of a line are those of its tokens. Naive twin: tests/naive_text.py.

Ends of lines and brackets are found 64 bytes at a time. Of the words that remove a line only places are looked at whose three letters begin one of them.
"""

from typing import NamedTuple

import numpy as np

from curate.kernels.blocks import WIDTH, below, load8, store8, within
from curate.kernels.compiled import njit
from curate.kernels.lines import LineRules, _copied, _ends_sentence, _stripped_in_place, _words, needles_at, trim
from curate.kernels.pointers import borrowed, pointer
from curate.kernels.scan_tables import ALL_PUNCT, ENDS, FIRST, bits_from
from curate.kernels.utf8 import BREAK, code_at, width

U = np.uint64
EDITS, LEFT, LOREM, CURLY, SENTENCES, TOKENS, CUT = range(7)
"""Columns of `clean_lines`' output: lines that changed or left, lines that held a word and left, lines with the first needle, lines with `{`; after more than
the rule's number of either the rest of the row is not read. Sentences and tokens in what stays, but for lines of which a citation was cut, which
CUT counts."""
COLUMNS = 7


def anchors(needles: tuple[bytes, ...]) -> np.ndarray:
    """uint8[n, 3]: the three letters with which the needles begin; none of them a k, of which there are two."""
    for needle in needles:
        if not needle[:3].isalpha() or not needle[:3].islower() or b"k" in needle[:3] or len(needle) < 3:
            raise ValueError(f"anchors: expected words that begin with three small letters other than k, got {needle!r}")
    return np.array(sorted({tuple(needle[:3]) for needle in needles}), dtype=np.uint8)


class LineMaps(NamedTuple):
    """Bytes of a row by kind, 64 in each number, the first lowest; one number more may be read than the row needs."""

    ends: np.ndarray
    """uint64: line boundaries, by their first byte"""
    marks: np.ndarray
    """uint64: `{`, and where one of the needles may begin"""
    brackets: np.ndarray
    """uint64: `[`"""
    tail: np.ndarray
    """uint8[2 * WIDTH]: the end of the data, copied, where fewer bytes are left than are read"""


def line_maps(longest: int) -> LineMaps:
    """Maps for rows of so many bytes."""
    ends, marks, brackets = (np.zeros(longest // WIDTH + 3, dtype=np.uint64) for _ in range(3))
    return LineMaps(ends, marks, brackets, np.zeros(2 * WIDTH, dtype=np.uint8))


@njit(nogil=True, cache=True)
def _wide_ends(text, p, leads, classes):
    """Those of the given bytes of text[p : p + 64] at which a line boundary beyond ASCII begins."""
    found = U(0)
    while leads:
        i = below(leads)
        leads &= leads - U(1)
        found |= U((classes[code_at(text, p + i)] & BREAK) != 0) << U(i)
    return found


@njit(nogil=True, cache=True)
def _mapped(text, end, size, classes, begins, num_begins, maps):
    """Fill in the maps of text[:end]. begins: the letters of `anchors`, one after the other."""
    blocks = (end + WIDTH - 1) // WIDTH
    for at in range(blocks):
        block, p, inside = text, WIDTH * at, ~U(0)
        if p + WIDTH + 2 > size:
            for i in range(WIDTH + 2):
                maps.tail[i] = text[p + i] if p + i < size else 0
            block, p = maps.tail, 0
        if WIDTH * at + WIDTH > end:
            inside >>= U(WIDTH * at + WIDTH - end)
        leads = (within(block, p, 0, 0xC2, 0xC2) | within(block, p, 0, 0xE2, 0xE2)) & inside
        ends = within(block, p, 0, 10, 13) | within(block, p, 0, 28, 30)
        maps.ends[at] = (ends & inside) | (_wide_ends(text, WIDTH * at, leads, classes) if leads else U(0))
        marks = within(block, p, 0, 123, 123)
        for k in range(num_begins):
            one, two, three = begins[3 * k], begins[3 * k + 1], begins[3 * k + 2]
            marks |= within(block, p, 32, one, one) & within(block, p + 1, 32, two, two) & within(block, p + 2, 32, three, three)
        maps.marks[at] = marks & inside
        maps.brackets[at] = within(block, p, 0, 91, 91) & inside
    for at in range(blocks, blocks + 2):
        maps.ends[at] = maps.marks[at] = maps.brackets[at] = U(0)


@njit(nogil=True, cache=True)
def _next(bits, i, end):
    """The first byte of a map from byte i on that is noted, or end."""
    while i < end:
        found = bits_from(bits, i)
        if found:
            return min(i + below(found), end)
        i += WIDTH
    return end


@njit(nogil=True, cache=True)
def _found(made, start, end, needles, needle_ends, num_needles):
    """(which needles occur in lower(made[start:end]), whether a `{` does)."""
    found, curly = 0, False
    for i in range(start, end):
        curly |= made[i] == 123
        if made[i] < 0x80 or made[i] >= 0xC0:
            found |= needles_at(made, i, end, needles, needle_ends, num_needles)
    return found, curly


@njit(nogil=True, cache=True)
def _noted(text, start, end, marks, needles, needle_ends, num_needles):
    """The same of text[start:end], which is mapped."""
    found, curly = 0, False
    i = _next(marks, start, end)
    while i < end:
        if text[i] == 123:
            curly = True
        else:
            found |= needles_at(text, i, end, needles, needle_ends, num_needles)
        i = _next(marks, i + 1, end)
    return found, curly


@njit(nogil=True, cache=True)
def _copy(text, start, end, made, w):
    """Copy text[start:end] to made[w:]."""
    i = start
    while i + 8 <= end:
        store8(made, w + i - start, load8(text, i))
        i += 8
    while i < end:
        made[w + i - start] = text[i]
        i += 1


@njit(nogil=True, cache=True)
def _line_tokens(flags, starts, t, last, outer):
    """(the token after those that begin before `outer`, runs between white space, sentences) from token t on."""
    runs, sentences = 0, 0
    closed, begun = False, False
    while t < last and starts[t] < outer:
        flag = flags[t]
        runs += (flag & FIRST) != 0
        terminal = (flag & ENDS) != 0
        if not begun or (closed and not terminal and not flag & ALL_PUNCT):
            sentences += 1
            closed = terminal
        else:
            closed |= terminal
        begun = True
        t += 1
    return t, runs, sentences


@njit(nogil=True, cache=True)
def _longest(text, t, last, starts, flags, outer, classes):
    """Characters of the longest word of a line, whose tokens are t … last − 1: what stands between white space, or from one FIRST token to the next."""
    most = 0
    while t < last:
        s = starts[t]
        t += 1
        while t < last and not flags[t] & FIRST:
            t += 1
        _, longest = _words(text, s, starts[t] if t < last else outer, classes)
        most = max(most, longest)
    return most


@njit(nogil=True, cache=True)
def _clean_row(text, end, t, last, starts, flags, classes, maps, rules, needles, needle_ends, num_needles, made, begin, out):
    """Write what stays of text[:end] to made[begin:]; returns its end."""
    w = begin
    s = 0
    while s < end:
        e = _next(maps.ends, s, end)
        after = e + width(text[e]) if e < end else end
        if e < end and text[e] == 13 and after < end and text[after] == 10:
            after += 1
        inner, outer = trim(text, s, e, classes)
        line = w + 1 if w > begin else w
        before = t
        t, words, sentences = _line_tokens(flags, starts, t, last, outer)
        longest = 0
        if outer - inner > rules.max_word_chars and rules.max_word_chars >= 0:
            longest = _longest(text, before, t, starts, flags, outer, classes)
        cuts = rules.citations and _next(maps.brackets, inner, outer) < outer
        if cuts:
            stop = _copied(text, inner, outer, classes, True, made, line)
        else:
            stop = line + outer - inner
            _copy(text, inner, outer, made, line)
        stays = not (
            (rules.max_word_chars >= 0 and longest > rules.max_word_chars)
            or (rules.ends and not _ends_sentence(made, line, stop))
            or words < rules.min_words
        )
        if stays:
            if cuts:
                found, braces = _found(made, line, stop, needles, needle_ends, num_needles)
            else:
                found, braces = _noted(text, inner, outer, maps.marks, needles, needle_ends, num_needles)
            out[LOREM] += found & 1
            if rules.max_lorem >= 0 and out[LOREM] > rules.max_lorem:
                break
            stays = not found & rules.drop & 2
            if stays:
                out[CURLY] += braces
                if rules.max_curly >= 0 and out[CURLY] > rules.max_curly:
                    break
                stays = not found & rules.drop
        if stays:
            out[EDITS] += stop - line != e - s
            out[SENTENCES] += sentences
            out[TOKENS] += t - before
            out[CUT] += stop - line != outer - inner
            if w > begin:
                made[w] = 10
            w = stop
        else:
            out[EDITS] += 1
            out[LEFT] += words > 0
        s = after
    return _stripped_in_place(made, begin, w, classes)


@njit(nogil=True, cache=True)
def clean_lines(offsets, data, firsts, lasts, starts, flags, classes, begins, lent, rules, made_offsets, made, out):
    """Rewrite each row line by line; made: uint8, as long as the text; made_offsets: int64[rows + 1]; out: int64[rows, COLUMNS].

    firsts, lasts: the tokens of a row, starts, flags: as a scan leaves them; begins: `anchors` of the needles; lent: `line_maps`."""
    data, out, classes, num_begins = borrowed(data), borrowed(out), pointer(classes), len(begins)
    begins = pointer(begins)
    maps = LineMaps(pointer(lent.ends), pointer(lent.marks), pointer(lent.brackets), pointer(lent.tail))
    starts, flags, made_at, num_needles = pointer(starts), pointer(flags), pointer(made), len(rules.needle_ends) - 1
    needles, needle_ends = pointer(rules.needles), pointer(rules.needle_ends)
    plain = LineRules(
        rules.max_word_chars, rules.min_words, rules.ends, rules.citations, rules.max_lorem, rules.max_curly, rules.drop,
        borrowed(rules.needles), borrowed(rules.needle_ends),
    )  # fmt: skip
    made_offsets[0] = 0
    for row in range(len(offsets) - 1):
        out[row, :] = 0
        text, end = pointer(data[offsets[row] :]), offsets[row + 1] - offsets[row]
        _mapped(text, end, len(data) - offsets[row], classes, begins, num_begins, maps)
        made_offsets[row + 1] = _clean_row(
            text, end, firsts[row], lasts[row], starts, flags, classes, maps, plain, needles, needle_ends, num_needles, made_at,
            made_offsets[row], pointer(out[row]),
        )  # fmt: skip
