"""RefinedWeb's line rules as DCLM applies them (curation S17): lines of capitals, digits, counters or one word leave. Naive twin: tests/naive_rules.py."""

from typing import NamedTuple

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.utf8 import ALPHA, DIGIT, SPACE, UPPER, code_at, width
from curate.kernels.word_classes import FOLLOWING


class LineRules(NamedTuple):
    """Limits of −1 are off. `wild`: the three dots behind `read more` are any three characters."""

    max_upper: float
    max_digits: float
    counters: bool
    min_words: int
    short: int
    """Phrases are cut out of lines of at most so many words."""
    wild: bool
    alone: np.ndarray
    """`word_classes.spaceless()`, if each letter of a script without spaces is a word; else zeros."""


def _joined(words: str) -> tuple[np.ndarray, np.ndarray]:
    parts = [word.encode() for word in words.split(",")]
    return np.frombuffer(b"".join(parts), dtype=np.uint8).copy(), np.cumsum([0, *map(len, parts)])


_COUNTED, _COUNTED_ENDS = _joined("likes,shares,comments,retweets,reposts,quotes,bookmarks,upvotes,downvotes,downloads,views,followers")
_CART = np.frombuffer(b"items in cart", dtype=np.uint8).copy()
_MORE = np.frombuffer(b"read more", dtype=np.uint8).copy()
_SIGN = np.frombuffer(b"sign-in", dtype=np.uint8).copy()


@njit(nogil=True, cache=True, inline="always")
def _small(b):
    return b + np.uint8(32) if b >= 65 and b <= 90 else b


@njit(nogil=True, cache=True)
def _starts(data, s, e, word):
    """Whether lower(data[s:e]) begins with an ASCII word."""
    if e - s < len(word):
        return False
    k = 0
    while k < len(word) and _small(data[s + k]) == word[k]:
        k += 1
    return k == len(word)


@njit(nogil=True, cache=True)
def _count(data, s, e, classes, alone):
    """(characters, upper-case letters, digits, words, words that begin with a letter or digit) of data[s:e]."""
    chars, upper, digits, words, solid, inside = 0, 0, 0, 0, 0, False
    while s < e:
        code = code_at(data, s)
        kind = classes[code]
        letter = alone[code] > 0 and alone[code] <= FOLLOWING
        chars += 1
        upper += (kind & UPPER) != 0
        digits += (kind & DIGIT) != 0
        if kind & SPACE:
            inside = False
        elif letter or not inside:
            inside = True
            words += 1
            solid += (kind & (ALPHA | DIGIT)) != 0
        s += width(data[s])
    return chars, upper, digits, words, solid


@njit(nogil=True, cache=True)
def _past(data, s, e, classes, word_chars):
    """Past the characters that are no letter, digit or underscore; with `word_chars` False, past white space only."""
    while s < e:
        kind = classes[code_at(data, s)]
        if word_chars and (kind & (ALPHA | DIGIT) or data[s] == 95):
            break
        if not word_chars and not kind & SPACE:
            break
        s += width(data[s])
    return s


@njit(nogil=True, cache=True)
def is_counter(data, s, e, classes):
    """Whether a line is a number and what it counts, such as `1.2K likes`, with no other word."""
    s = _past(data, s, e, classes, True)
    if s >= e or not classes[code_at(data, s)] & DIGIT:
        return False
    while s < e and (data[s] == 44 or data[s] == 46 or classes[code_at(data, s)] & DIGIT):
        s += width(data[s])
    if s < e and (_small(data[s]) == 107 or _small(data[s]) == 109 or _small(data[s]) == 98):
        s += 1
    word = _past(data, s, e, classes, False)
    if word == s:
        return False
    for k in range(len(_COUNTED_ENDS) - 1):
        counted = _COUNTED[_COUNTED_ENDS[k] : _COUNTED_ENDS[k + 1]]
        if _starts(data, word, e, counted) and _past(data, word + len(counted), e, classes, True) == e:
            return True
    return False


@njit(nogil=True, cache=True)
def _more_at(data, s, e, wild):
    """Where `read more...` at the end of data[s:e] begins; e where there is none."""
    at, dots = e, 0
    while at > s and dots < 3:
        at -= 1
        while at > s and (data[at] & 0xC0) == 0x80:
            at -= 1
        if not wild and data[at] != 46:
            return e
        dots += 1
    at -= len(_MORE)
    return at if dots == 3 and at >= s and _starts(data, at, e, _MORE) else e


@njit(nogil=True, cache=True)
def _without_phrases(data, s, e, wild, made, w):
    """Copy a line without `items in cart`, `Read more...` at its end and `Sign-in` at its beginning; returns where the copy ends."""
    if _starts(data, s, e, _SIGN):
        s += len(_SIGN)
    e = _more_at(data, s, e, wild)
    while s < e:
        if _starts(data, s, e, _CART):
            s += len(_CART)
        else:
            made[w] = data[s]
            w += 1
            s += 1
    return w


@njit(nogil=True, cache=True)
def refine_lines(offsets, data, classes, rules, made_offsets, made, out):
    """Rewrite each row line by line; lines end at newlines, blank ones stay. made: uint8, as long as the text; made_offsets: int64[rows + 1].

    out[row] = lines that changed or left, lines that left, words before, words that left; a word begins with a letter or digit."""
    w = 0
    made_offsets[0] = 0
    for row in range(len(offsets) - 1):
        first = True
        s, end = offsets[row], offsets[row + 1]
        while s <= end:
            e = s
            while e < end and data[e] != 10:
                e += 1
            chars, upper, digits, words, solid = _count(data, s, e, classes, rules.alone)
            out[row, 2] += solid
            leaves = words > 0 and (
                (rules.max_upper >= 0 and upper > rules.max_upper * chars)
                or (rules.max_digits >= 0 and digits > rules.max_digits * chars)
                or (rules.counters and is_counter(data, s, e, classes))
                or words < rules.min_words
            )
            if leaves:
                out[row, 0] += 1
                out[row, 1] += 1
                out[row, 3] += solid
            else:
                if not first:
                    made[w] = 10
                    w += 1
                first = False
                line = w
                if words <= rules.short:
                    w = _without_phrases(data, s, e, rules.wild, made, w)
                else:
                    made[w : w + e - s] = data[s:e]
                    w += e - s
                if w - line != e - s:
                    out[row, 0] += 1
                    left = _count(made, line, w, classes, rules.alone)[4]
                    out[row, 3] += solid - left
            s = e + 1
        made_offsets[row + 1] = w
