"""Where words end by Unicode's default rules (UAX #29 §4.1, Unicode 18.0.0), and in scripts without spaces by a rule of ours.

UAX #29 leaves Chinese, Japanese, Thai, Lao, Khmer and Burmese to a dictionary; without one it ends a word behind every letter of them but katakana. That
is kept for ideographs, of which each is a word with its marks (and 々 stays with the one before). Where `joined` is asked for, two sorts of boundaries
are taken out: between two hiragana, so that hiragana are words run by run as katakana are; and inside an orthographic syllable of the other
scripts, which is

    leading vowel?  consonant marks*  (joiner consonant marks*)*  following vowel*  (consonant killer marks*)*

so that เ goes with its consonant, coeng and the Burmese virama join the next consonant, and a consonant without a vowel (asat, thanthakhat) stays with
the syllable that it closes. Naive twin: tests/naive_words.py. Price: about 100 MB/s of English.
"""

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.pointers import borrowed, pointer
from curate.kernels.utf8 import code_at, width
from curate.kernels.word_classes import (
    ALETTER,
    BASE,
    CR,
    DOUBLE_QUOTE,
    EXTEND,
    EXTEND_NUM_LET,
    FOLLOWING,
    FORMAT,
    HEBREW_LETTER,
    HIRA,
    JOINER,
    KATAKANA,
    KILLER,
    LEADING,
    LF,
    LONG,
    MID_LETTER,
    MID_NUM,
    MID_NUM_LET,
    NEWLINE,
    NUMERIC,
    PICTOGRAPH,
    REGIONAL_INDICATOR,
    SINGLE_QUOTE,
    VALUE,
    W_SEG_SPACE,
    ZWJ,
)


@njit(nogil=True, cache=True, inline="always")
def _ignored(value):
    """Extend, Format, ZWJ: what stays with the character before (WB4)."""
    return value in (EXTEND, FORMAT, ZWJ)


@njit(nogil=True, cache=True, inline="always")
def _letter(value):
    return value in (ALETTER, HEBREW_LETTER)


@njit(nogil=True, cache=True)
def _behind(text, i, end, breaks):
    """Word_Break of the first character at or behind byte i that is not ignored; 0 at the end."""
    while i < end:
        value = np.int64(breaks[code_at(text, i)] & VALUE)
        if not _ignored(value):
            return value
        i += width(text[i])
    return np.int64(0)


@njit(nogil=True, cache=True, inline="always")
def _mid_word(value):
    return value in (MID_LETTER, MID_NUM_LET, SINGLE_QUOTE)


@njit(nogil=True, cache=True, inline="always")
def _mid_number(value):
    return value in (MID_NUM, MID_NUM_LET, SINGLE_QUOTE)


@njit(nogil=True, cache=True)
def _stays(before, last, value, text, after, end, breaks):
    """Whether no word ends between `last` and `value` (WB5 to WB13b), the characters at byte `after` behind them and `before` before them."""
    if _letter(last):
        if _letter(value) or value in (NUMERIC, EXTEND_NUM_LET):
            return True
        if last == HEBREW_LETTER and value == SINGLE_QUOTE:
            return True
        if _mid_word(value):
            return _letter(_behind(text, after, end, breaks))
        return last == HEBREW_LETTER and value == DOUBLE_QUOTE and _behind(text, after, end, breaks) == HEBREW_LETTER
    if last == NUMERIC:
        if _letter(value) or value in (NUMERIC, EXTEND_NUM_LET):
            return True
        return _mid_number(value) and _behind(text, after, end, breaks) == NUMERIC
    if _letter(value) and _mid_word(last):
        return _letter(before)
    if value == HEBREW_LETTER and last == DOUBLE_QUOTE:
        return before == HEBREW_LETTER
    if value == NUMERIC and _mid_number(last):
        return before == NUMERIC
    if last == KATAKANA:
        return value in (KATAKANA, EXTEND_NUM_LET)
    if last == EXTEND_NUM_LET:
        return _letter(value) or value in (EXTEND_NUM_LET, NUMERIC, KATAKANA)
    return False


@njit(nogil=True, cache=True)
def _one_syllable(last, sign, kind, text, after, end, spaceless):
    """Whether no word ends between two letters of scripts without spaces; sign: what stands directly before the second, last: the letter before it."""
    if last == 0 or last > FOLLOWING:
        return False
    if kind == FOLLOWING:
        return True
    if last == HIRA:
        return kind in (HIRA, LONG)
    if kind != BASE or last < BASE:
        return False
    return last == LEADING or sign == JOINER or (after < end and spaceless[code_at(text, after)] == KILLER)


@njit(nogil=True, cache=True)
def word_end(text, i, end, breaks, spaceless, joined):
    """Where the word ends that begins at byte i of text[:end], valid UTF-8. joined: with hiragana and syllables in one; breaks, spaceless: tables of
    `word_classes.py`."""
    code = code_at(text, i)
    before, last = np.int64(0), np.int64(breaks[code] & VALUE)
    kind = sign = np.int64(spaceless[code])
    i += width(text[i])
    if last == CR and i < end and text[i] == 10:
        return i + 1
    if last in (CR, LF, NEWLINE):
        return i
    flags = 1 if last == REGIONAL_INDICATOR else 0
    near = last
    while i < end:
        code = code_at(text, i)
        found = breaks[code]
        value = np.int64(found & VALUE)
        after = i + width(text[i])
        if _ignored(value):
            near, sign = value, np.int64(spaceless[code])
            i = after
            continue
        if near == ZWJ and found & PICTOGRAPH:  # WB3c
            stays = True
        elif value == W_SEG_SPACE or last == W_SEG_SPACE:  # WB3d
            stays = near == W_SEG_SPACE and value == W_SEG_SPACE
        elif value == REGIONAL_INDICATOR:  # WB15, WB16
            stays = last == REGIONAL_INDICATOR and flags % 2 == 1
        else:
            stays = _stays(before, last, value, text, after, end, breaks)
        if not stays and joined:
            stays = _one_syllable(kind, sign, np.int64(spaceless[code]), text, after, end, spaceless)
        if not stays:
            break
        flags = flags + 1 if value == REGIONAL_INDICATOR else 0
        before, last, near = last, value, value
        sign = np.int64(spaceless[code])
        kind = np.int64(HIRA) if kind == HIRA and sign == LONG else sign  # らーめん
        i = after
    return i


@njit(nogil=True, cache=True)
def word_ends(offsets, data, breaks, spaceless, joined, bounds, ends):
    """All words of all rows: ends[bounds[r]:bounds[r + 1]] is where those of row r end, in bytes from its begin. ends: as many places as data has
    characters."""
    data, breaks, spaceless, ends = borrowed(data), pointer(breaks), pointer(spaceless), pointer(ends)
    n = 0
    bounds[0] = 0
    for row in range(len(offsets) - 1):
        text, end = pointer(data[offsets[row] :]), offsets[row + 1] - offsets[row]
        i = 0
        while i < end:
            i = word_end(text, i, end, breaks, spaceless, joined)
            ends[n] = i
            n += 1
        bounds[row + 1] = n
