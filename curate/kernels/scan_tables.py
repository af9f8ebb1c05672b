"""What the scan of a text works with (`scan.py`): tables, maps of a row's bytes by kind, and a memory of runs."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from curate.kernels.blocks import WIDTH, below, ones, within
from curate.kernels.compiled import njit
from curate.kernels.marks import SYMBOL, TERMINAL, punctuation
from curate.kernels.specials import specials, tables
from curate.kernels.utf8 import PUNCT, SPACE, code_at
from curate.kernels.word_hash import hash_word

U = np.uint64
HAS_ALPHA, SOLID, ALL_PUNCT, ENDS, FRESH, FIRST = (np.uint8(1 << bit) for bit in range(6))
"""Classes of a token: it has a letter; a character that is no symbol; only punctuation; it is one terminal mark; a newline stands between it and the
token before, or it is the first of its row; it begins a run between white space."""
DIGIT, CLOSES = 1, 2
ALONE, BEHIND, STOP = np.uint8(1), np.uint8(2), np.uint8(4)
"""Bits of `Lookup.lone`: the byte is a token where it stands between white space; it is one behind any letters; behind small ones."""
HINT = U(51)
"""Bits that a hint drops: 8192 hints are left."""


class Lookup(NamedTuple):
    """What the scan looks things up in."""

    classes: np.ndarray
    marks: np.ndarray
    symbols: np.ndarray
    keys: np.ndarray
    cuts: np.ndarray
    units: np.ndarray
    kinds: np.ndarray
    """uint8[256] by byte: DIGIT, or CLOSES for a mark that comes off behind any word."""
    lone: np.ndarray
    """uint8[256] by byte: ALONE, BEHIND, STOP."""
    lone_flags: np.ndarray
    lone_hashes: np.ndarray
    """uint8[256], uint64[256]: classes and hash of the token that is this byte."""
    hints: np.ndarray
    """uint8[8192] by hash of letters: 1 where they may be a special case, 2 where they may be one with a mark behind them."""


@lru_cache(maxsize=1)
def lookup() -> Lookup:
    """The tables of the scan, built once a process."""
    base, symbols = tables(), punctuation()
    kinds, lone, flags = (np.zeros(256, dtype=np.uint8) for _ in range(3))
    hashes = np.zeros(256, dtype=np.uint64)
    for code in range(128):
        char, bits = chr(code), base.classes[code]
        hashes[code] = hash_word(char)
        flags[code] = (SOLID if not symbols[code] & SYMBOL else 0) | (ALL_PUNCT if bits & PUNCT else 0)
        flags[code] |= ENDS if symbols[code] & TERMINAL else 0
        if not char.isalpha() and not bits & SPACE:
            kinds[code] = DIGIT if char.isdigit() else CLOSES if char in ",:;?!)" else 0
            lone[code] = (ALONE if char != "#" else 0) | (BEHIND if kinds[code] == CLOSES else STOP if char == "." else 0)
    return Lookup(base.classes, base.marks, symbols, base.special_keys, base.special_cuts, base.units, kinds, lone, flags, hashes, _hints())


def _hints() -> np.ndarray:
    """`Lookup.hints`; special cases of another form take the long way anyway."""
    hints = np.zeros(1 << (64 - int(HINT)), dtype=np.uint8)
    for word in specials():
        letters = word if word.isalpha() else word[:-1]
        if letters.isascii() and letters.isalpha():
            hints[hash_word(letters) >> int(HINT)] |= 1 if letters == word else 2
    return hints


class Maps(NamedTuple):
    """Bytes of a row by kind, 64 in each number, the first lowest. What lies behind the row counts as white; one number more may be read than the row needs."""

    white: np.ndarray
    other: np.ndarray
    """uint64: bytes of white space; bytes that are no letter of ASCII"""
    tail: np.ndarray
    """uint8[64]: the end of the data, copied, where fewer bytes are left"""


def maps(longest: int) -> Maps:
    """Maps for rows of so many bytes."""
    number = longest // WIDTH + 3
    return Maps(np.empty(number, dtype=np.uint64), np.empty(number, dtype=np.uint64), np.zeros(WIDTH, dtype=np.uint8))


MEMORY, FEW = 4096, 4
"""Runs that are remembered, and the tokens that such a run may have."""


class Memory(NamedTuple):
    """Runs of at most SHORT bytes that took the long way, so that they take it once; a run at one slot drives out the one before it."""

    first: np.ndarray
    second: np.ndarray
    """uint64[MEMORY]: its bytes, zeros behind them"""
    known: np.ndarray
    """int64[MEMORY, 8]: its length, its tokens, and what it adds to WORDS, WORD_CHARS, ALPHA_WORDS, HASHES, ELLIPSES"""
    ends: np.ndarray
    hashes: np.ndarray
    flags: np.ndarray
    """uint8, uint64, uint8 [MEMORY, FEW]: of its tokens, where they end behind its first byte"""


def memory() -> Memory:
    """An empty one."""
    known, hashes = np.zeros((MEMORY, 8), dtype=np.int64), np.zeros((MEMORY, FEW), dtype=np.uint64)
    first, second = np.zeros(MEMORY, dtype=np.uint64), np.zeros(MEMORY, dtype=np.uint64)
    return Memory(first, second, known, np.zeros((MEMORY, FEW), dtype=np.uint8), hashes, np.zeros((MEMORY, FEW), dtype=np.uint8))


@njit(nogil=True, cache=True, inline="always")
def bits_from(bits, i):
    """The 64 bits of a map from byte i on."""
    low, rest = bits[i >> 6], U(i & 63)
    return low >> rest | bits[(i >> 6) + 1] << U(1) << (U(63) - rest)


@njit(nogil=True, cache=True)
def _wide_white(text, at, leads, classes, maps):
    """Note the white space beyond ASCII among the characters that begin at the given bytes of block `at`; returns its bits in the block after it."""
    over = U(0)
    while leads:
        i = below(leads)
        leads &= leads - U(1)
        if classes[code_at(text, WIDTH * at + i)] & SPACE:
            bits = U(7) if text[WIDTH * at + i] >= 0xE0 else U(3)
            maps.white[at] |= bits << U(i)
            over |= bits >> U(64 - i) if i > 0 else U(0)
    return over


@njit(nogil=True, cache=True)
def mapped(text, end, size, classes, maps):
    """Fill in the maps of text[:end]; returns its characters."""
    chars, over = 0, U(0)
    blocks = (end + WIDTH - 1) // WIDTH
    for at in range(blocks):
        block, p, inside = text, WIDTH * at, ~U(0)
        if p + WIDTH > size:
            for i in range(WIDTH):
                maps.tail[i] = text[p + i] if p + i < size else 0
            block, p = maps.tail, 0
        if WIDTH * at + WIDTH > end:
            inside >>= U(WIDTH * at + WIDTH - end)
        maps.white[at] = within(block, p, 0, 32, 32) | within(block, p, 0, 9, 13) | within(block, p, 0, 28, 31) | over | ~inside
        maps.other[at] = ~within(block, p, 32, 97, 122) | ~inside
        chars += ones(~within(block, p, 0, 0x80, 0xBF) & inside)
        leads = (within(block, p, 0, 0xE1, 0xE3) | within(block, p, 0, 0xC2, 0xC2)) & inside
        over = _wide_white(text, at, leads, classes, maps) if leads else U(0)
    for at in range(blocks, blocks + 2):
        maps.white[at] = maps.other[at] = ~U(0)
    return chars
