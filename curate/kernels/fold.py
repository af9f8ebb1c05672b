"""Tables for comparing texts: what every code point is to a word, and what it is written as once case and diacritics are gone.

`classes` uint8[0x110000]:
    SPACE    white space, controls, punctuation (Unicode P*, ASCII symbols, and the few others that datatrove lists): between words
    DECIMAL  a point or comma: between words, but inside a number where digits stand on both sides
    WORD     letters, other numbers, symbols: part of a word
    DIGIT    Unicode Nd; a run of them, with one point or comma inside, is written `0`
    MARK     a mark that carries sound (Indic vowels, Thai tones, kana voicing): belongs to what stands before it
    DROPPED  diacritics of Latin, Greek, Cyrillic, Hebrew and Arabic, variation selectors, invisible format characters: part of nothing
    ALONE    letters of scripts that write no space between words (Han, kana, bopomofo, Thai, Lao, Khmer, Myanmar, Tai): each a word
             with its marks

`fold_at` int64[FOLDED + 1] and `fold_data` uint8: code point c < FOLDED is written fold_data[fold_at[c]:fold_at[c + 1]], as itself where
that is empty: NFD of its case folding without DROPPED marks, so composed and decomposed text agree. Hangul syllables stay composed. Only
the classes SPACE … ALONE of one code point decide where words end, and they are looked up before anything is removed: stripping marks
first would tear words of many scripts.

`plain` uint8[256]: what an ASCII byte is written as: letters small, a blank for SPACE and DECIMAL; SLOW for digits and for bytes of other
code points, which must be looked at.

Built from `unicodedata` in 0.4 s, once a machine: a copy lies beside the compiled kernels. Code points that an older Python does not know
count as WORD.
"""

import os
import tempfile
import unicodedata
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from curate.kernels.locator import folder_of

SPACE, DECIMAL, WORD, DIGIT, MARK, DROPPED, ALONE = range(7)
FOLDED = 0x2FA20
"""Behind the last code point that folds, the compatibility ideographs."""
SLOW = 255
SEPARATING_SYMBOLS = (0xB4, 0x2236, 0x2501, 0x25BA, 0x200B)
DECIMALS = (0x2E, 0x2C, 0x060C, 0x066B, 0x2396, 0x2397, 0x2398)
DIACRITICS = (
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x0591, 0x05C7),
    (0x0610, 0x06ED),
    (0x0711, 0x0711),
    (0x0730, 0x074A),
    (0x0890, 0x08FF),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20F0),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
)
"""Ranges in which marks (Mn, Me) are dropped."""
UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3041, 0x312F),  # kana, bopomofo
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9D),
    (0x1AFF0, 0x1B16F),
    (0x20000, 0x3FFFF),
)
PLAIN = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xD800, 0xF8FF), (0x20000, 0x2F7FF))
"""Ranges in which no code point folds and all are letters (or none can occur): not looked up one by one."""


class Tables(NamedTuple):
    """What the shingle kernel needs."""

    classes: np.ndarray
    fold_at: np.ndarray
    fold_data: np.ndarray
    plain: np.ndarray


def _inside(code: int, spans: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in spans)


def kind(code: int) -> int:
    """The class of one code point."""
    category = unicodedata.category(chr(code))
    if code in DECIMALS:
        return DECIMAL
    if category[0] in "ZP" or category == "Cc" or code in SEPARATING_SYMBOLS or (code < 128 and category[0] == "S"):
        return SPACE
    if category == "Nd":
        return DIGIT
    if category == "Cf":
        return DROPPED
    if category[0] == "M":
        return DROPPED if category != "Mc" and _inside(code, DIACRITICS) else MARK
    return ALONE if category[0] in "LN" and _inside(code, UNSPACED) else WORD


def folded(code: int) -> str:
    """How a letter or mark is written: NFD of its case folding, without diacritics."""
    if _inside(code, PLAIN):
        return chr(code)  # NFD would take Hangul syllables apart
    parts = unicodedata.normalize("NFD", chr(code).casefold())
    return "".join(c for c in parts if kind(ord(c)) != DROPPED)


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The tables, read from the copy of an earlier process or built."""
    copy = folder_of("fold") / f"tables-{unicodedata.unidata_version}.npz"
    try:
        with np.load(copy, allow_pickle=False) as stored:
            return Tables(*(stored[name] for name in Tables._fields))
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        made = build()
        _store(copy, made)
        return made


def _store(copy: Path, made: Tables) -> None:
    """Leave a copy for other processes; where nothing can be written, each builds its own."""
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=copy.parent, suffix=".npz")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **made._asdict())
        os.replace(name, copy)
    except OSError:
        return


def build() -> Tables:
    """The tables, from `unicodedata`."""
    classes = np.full(0x110000, WORD, dtype=np.uint8)
    classes[0x20000:0x40000] = ALONE
    classes[0xE0000:0xE1000] = DROPPED
    lengths = np.zeros(FOLDED + 1, dtype=np.int64)
    pieces = []
    start = 0
    for low, high in (*PLAIN, (FOLDED, FOLDED)):
        for code in range(start, low):
            classes[code] = kind(code)
            if classes[code] in (WORD, MARK, ALONE):
                text = folded(code)
                if text and text != chr(code):
                    pieces.append(text.encode())
                    lengths[code + 1] = len(pieces[-1])
        classes[low : high + 1] = ALONE if _inside(low, UNSPACED) else WORD
        start = high + 1
    return Tables(classes, np.cumsum(lengths), np.frombuffer(b"".join(pieces), dtype=np.uint8).copy(), _plain(classes))


def _plain(classes: np.ndarray) -> np.ndarray:
    plain = np.full(256, SLOW, dtype=np.uint8)
    for byte in range(128):
        if classes[byte] in (SPACE, DECIMAL):
            plain[byte] = ord(" ")
        elif classes[byte] == WORD:
            plain[byte] = ord(folded(byte))
    return plain
