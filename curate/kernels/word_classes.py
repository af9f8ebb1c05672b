"""Classes of code points on which words are cut: Word_Break of Unicode 18.0.0 (UAX #29), and the letters of scripts that are written without spaces.

The ranges lie in `word_classes.txt`, which `python -m tests.bench.word_classes` makes from the properties that the package `regex` knows; they do
not depend on the running Python's Unicode database.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

UNICODE = "18.0.0"
(
    OTHER, CR, LF, NEWLINE, EXTEND, ZWJ, FORMAT, KATAKANA, HEBREW_LETTER, ALETTER, SINGLE_QUOTE, DOUBLE_QUOTE, MID_NUM_LET, MID_LETTER, MID_NUM,
    NUMERIC, EXTEND_NUM_LET, REGIONAL_INDICATOR, W_SEG_SPACE,
) = range(19)  # fmt: skip
"""Values of Word_Break, in the low five bits of `breaks()`."""
VALUE = np.uint8(31)
PICTOGRAPH = np.uint8(32)
"""Bit of `breaks()`: Extended_Pictographic."""
HAN, HIRA, KATA, LONG, BASE, LEADING, FOLLOWING, JOINER, KILLER = range(1, 10)
"""Values of `spaceless()`: an ideograph; hiragana; katakana; the mark of a long vowel, which belongs to either; a letter of Line_Break=SA (Thai, Lao,
Khmer, Burmese and their like); such a vowel before its consonant (Logical_Order_Exception); a letter that stays with the one before it (vowels behind
their consonant, marks of repetition); a sign that joins the next consonant; one that takes the vowel from its consonant. Letters are those up to FOLLOWING."""

_BREAKS = (
    "CR", "LF", "Newline", "Extend", "ZWJ", "Format", "Katakana", "Hebrew_Letter", "ALetter", "Single_Quote", "Double_Quote", "MidNumLet",
    "MidLetter", "MidNum", "Numeric", "ExtendNumLet", "Regional_Indicator", "WSegSpace",
)  # fmt: skip
_SPACELESS = ("Han", "Hiragana", "Katakana_letter", "Long", "Base", "Leading", "Following", "Joiner", "Killer")
NAMES = (*_BREAKS, "Extended_Pictographic", *_SPACELESS)
"""First word of each line of the file, in their order."""


@lru_cache(maxsize=1)
def _tables() -> tuple[np.ndarray, np.ndarray]:
    breaks, spaceless = np.zeros(0x110000, dtype=np.uint8), np.zeros(0x110000, dtype=np.uint8)
    for line in Path(__file__).with_suffix(".txt").read_text(encoding="ascii").splitlines()[1:]:
        name, *ranges = line.split()
        table = spaceless if name in _SPACELESS else breaks
        names = _SPACELESS if name in _SPACELESS else _BREAKS
        value = PICTOGRAPH if name == "Extended_Pictographic" else np.uint8(1 + names.index(name))
        code = 0
        for each in ranges:
            gap, _, more = each.partition("+")
            first = code + int(gap, 36)
            code = first + int(more or "0", 36) + 1
            table[first:code] |= value
    breaks.setflags(write=False)
    spaceless.setflags(write=False)
    return breaks, spaceless


def breaks() -> np.ndarray:
    """uint8[0x110000]: Word_Break of each code point, and PICTOGRAPH."""
    return _tables()[0]


def spaceless() -> np.ndarray:
    """uint8[0x110000]: what a code point is in a script without spaces, 0 in others."""
    return _tables()[1]
