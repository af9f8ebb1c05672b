"""UTF-8 as bytes and code points: decoding in place, classes of code points from one table.

Every kernel takes (offsets int64[n+1], data uint8[...]) views of a string column and writes one value a row. Naive twins:
tests/naive_text.py.
"""

import sys
import unicodedata
from functools import lru_cache

import numpy as np

from curate.kernels.compiled import njit

SPACE, ALPHA, DIGIT, MARK, PUNCT, UPPER, LOWER, BREAK = (np.uint8(1 << bit) for bit in range(8))
"""Bits of `classes()`: str.isspace, str.isalpha, category Nd, M*, P*, upper case letter, lower case letter, str.splitlines boundary."""

_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


@lru_cache(maxsize=1)
def classes() -> np.ndarray:
    """uint8[0x110000]: the class bits of every code point, by the running Python's Unicode database. Built in half a second, once a
    process."""
    table = np.zeros(sys.maxunicode + 1, dtype=np.uint8)
    category, bits = unicodedata.category, _BITS
    for code in range(sys.maxunicode + 1):
        if code == 0x323B0:  # planes 3 to 13 beyond the last ideograph are empty in every Unicode version so far but private use
            break
        table[code] = bits[category(chr(code))]
    for code in range(0x323B0, sys.maxunicode + 1):
        if 0xE0000 <= code < 0xE0200:
            table[code] = bits[category(chr(code))]
    for code in range(0x3001):
        if chr(code).isspace():
            table[code] |= SPACE
    for char in _BREAKS:
        table[ord(char)] |= BREAK
    table.setflags(write=False)
    return table


_BITS = {c: np.uint8(0) for c in ["Cc", "Cf", "Cs", "Co", "Cn", "Nl", "No", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp"]}
_BITS |= {"Lu": ALPHA | UPPER, "Ll": ALPHA | LOWER, "Lt": ALPHA, "Lm": ALPHA, "Lo": ALPHA, "Nd": DIGIT}
_BITS |= dict.fromkeys(("Mn", "Mc", "Me"), MARK) | dict.fromkeys(["Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"], PUNCT)


@njit(nogil=True, cache=True, inline="always")
def width(lead):
    """Bytes of the character whose first byte is `lead`."""
    if lead < 0x80:
        return 1
    if lead < 0xE0:
        return 2
    return 3 if lead < 0xF0 else 4


@njit(nogil=True, cache=True, inline="always")
def code_at(data, i):
    """The code point of the character that starts at byte i of valid UTF-8."""
    lead = np.int64(data[i])
    if lead < 0x80:
        return lead
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | np.int64(data[i + 1]) & 0x3F
    if lead < 0xF0:
        return (lead & 0x0F) << 12 | (np.int64(data[i + 1]) & 0x3F) << 6 | np.int64(data[i + 2]) & 0x3F
    return (lead & 0x07) << 18 | (np.int64(data[i + 1]) & 0x3F) << 12 | (np.int64(data[i + 2]) & 0x3F) << 6 | np.int64(data[i + 3]) & 0x3F


@njit(nogil=True, cache=True)
def count_chars(data, start, end):
    """Characters in data[start:end]: the bytes that do not continue one."""
    total = 0
    for i in range(start, end):
        total += (data[i] & 0xC0) != 0x80
    return total
