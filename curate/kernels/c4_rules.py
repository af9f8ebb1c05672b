"""C4's cleaning of lines, as datatrove has it, over a scan: words and sentences of a line are those of its tokens. Naive twin: tests/naive_text.py.

Lines are found eight bytes at a time. Of the words that remove a line only places are looked at whose three letters begin one of them.
"""

import numpy as np
from numba import njit

from curate.kernels.lines import LineRules, _copied, _ends_sentence, _stripped_in_place, _words, needles_at, trim
from curate.kernels.pointers import borrowed, pointer
from curate.kernels.scan_tables import ALL_PUNCT, ENDS, FIRST
from curate.kernels.utf8 import BREAK, code_at, width
from curate.kernels.word_hash import eight

U = np.uint64
TOPS = U(0x8080808080808080)
EDITS, LEFT, LOREM, CURLY, SENTENCES, TOKENS, CUT = range(7)
"""Columns of `clean_lines`' output: lines that changed or left, lines that held a word and left, lines with the first needle, lines with `{`; after more than
the rule's number of either the rest of the row is not read. Sentences and tokens in what stays, but for lines of which a citation was cut, which
CUT counts."""
COLUMNS = 7


def anchors(needles: tuple[bytes, ...]) -> np.ndarray:
    """uint8[32768]: whether a needle begins with three letters of these lowest five bits; none of them a k, of which there are two."""
    table = np.zeros(1 << 15, dtype=np.uint8)
    for needle in needles:
        if not needle[:3].isalpha() or not needle[:3].islower() or b"k" in needle[:3] or len(needle) < 3:
            raise ValueError(f"anchors: expected words that begin with three small letters other than k, got {needle!r}")
        a, b, c = (byte & 31 for byte in needle[:3])
        table[a << 10 | b << 5 | c] = 1
    return table


@njit(nogil=True, cache=True)
def _line_end(text, i, end, size, classes):
    """The first line boundary of text[i:end], or end."""
    while i < end:
        w = eight(text, i, size)
        odd = (w | ((w - U(0x2020202020202020)) & ~w)) & TOPS  # controls, or no ASCII; exact at the lowest
        if odd == U(0):
            i += 8
            continue
        i += np.int64((((odd & (~odd + U(1))) >> U(7)) * U(0x0001020304050607)) >> U(56))
        if i >= end or classes[code_at(text, i)] & BREAK:
            break
        i += width(text[i])
    return min(i, end)


@njit(nogil=True, cache=True)
def _bracket(text, i, end, size):
    """Whether text[i:end] has a `[`."""
    while i < end:
        x = eight(text, i, size) ^ U(0x5B5B5B5B5B5B5B5B)
        hits = (x - U(0x0101010101010101)) & ~x & TOPS
        if hits:
            return i + np.int64((((hits & (~hits + U(1))) >> U(7)) * U(0x0001020304050607)) >> U(56)) < end
        i += 8
    return False


@njit(nogil=True, cache=True)
def _found(made, start, end, table, needles, needle_ends, num_needles):
    """(which needles occur in lower(made[start:end]), whether a `{` does)."""
    found, curly = 0, False
    key = 0
    for i in range(start, end):
        byte = np.int64(made[i])
        curly |= byte == 123
        key = (key << 5 | byte & 31) & 0x7FFF
        if table[key] and i - 2 >= start:
            found |= needles_at(made, i - 2, end, needles, needle_ends, num_needles)
    return found, curly


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
def _clean_row(text, end, size, t, last, starts, flags, classes, table, rules, needles, needle_ends, num_needles, made, begin, out):
    """Write what stays of text[:end] to made[begin:]; returns its end."""
    w = begin
    s = 0
    while s < end:
        e = _line_end(text, s, end, size, classes)
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
        cuts = rules.citations and _bracket(text, inner, outer, size)
        if cuts:
            stop = _copied(text, inner, outer, classes, True, made, line)
        else:
            stop = line + outer - inner
            for i in range(outer - inner):
                made[line + i] = text[inner + i]
        stays = not (
            (rules.max_word_chars >= 0 and longest > rules.max_word_chars)
            or (rules.ends and not _ends_sentence(made, line, stop))
            or words < rules.min_words
        )
        if stays:
            found, braces = _found(made, line, stop, table, needles, needle_ends, num_needles)
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
def clean_lines(offsets, data, firsts, lasts, starts, flags, classes, table, rules, made_offsets, made, out):
    """Rewrite each row line by line; made: uint8, as long as the text; made_offsets: int64[rows + 1]; out: int64[rows, COLUMNS].

    firsts, lasts: the tokens of a row, starts, flags: as a scan leaves them; table: `anchors` of the needles."""
    data, out, classes, table = borrowed(data), borrowed(out), pointer(classes), pointer(table)
    starts, flags, made_at, num_needles = pointer(starts), pointer(flags), pointer(made), len(rules.needle_ends) - 1
    needles, needle_ends = pointer(rules.needles), pointer(rules.needle_ends)
    plain = LineRules(
        rules.max_word_chars, rules.min_words, rules.ends, rules.citations, rules.max_lorem, rules.max_curly, rules.drop,
        borrowed(rules.needles), borrowed(rules.needle_ends),
    )  # fmt: skip
    made_offsets[0] = 0
    for row in range(len(offsets) - 1):
        out[row, :] = 0
        made_offsets[row + 1] = _clean_row(
            pointer(data[offsets[row] :]), offsets[row + 1] - offsets[row], len(data) - offsets[row], firsts[row], lasts[row], starts, flags,
            classes, table, plain, needles, needle_ends, num_needles, made_at, made_offsets[row], pointer(out[row]),
        )  # fmt: skip
