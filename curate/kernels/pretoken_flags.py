r"""The pre-tokenizer of GPT-2 without a state: whether a pre-token starts at a byte is seen from the characters on both sides of it.

Three passes over a chunk that stays in the nearest cache, the first two over many bytes an instruction: kinds of bytes, a flag where a
pre-token starts, and the places of the flags (800 MB/s; the automaton of `pretoken_states`: 230). Not local are contractions, which are
mended behind every apostrophe that starts a pre-token, and white space of several bytes, which is mended where it stands. GPT-4's pattern
counts digits and looks for the last line end of a run, so the automaton has it. Slow twin: tests/naive_bpe.py.
"""

from typing import NamedTuple

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.pretoken_states import CHUNK, NUMBER, SPACE, Automaton, split_end, split_some, wide_kind, width

_START, _LETTER, _NUMBER, _OTHER, _SPACE, _BLANK, _APOSTROPHE, _CLASS = (np.uint8(n) for n in (0, 1, 2, 4, 8, 16, 32, 15))
"""Bits of a byte's kind: what stands before a text has none, a blank is also space, an apostrophe also other; the mask of the classes."""
_AHEAD = 8
"""Bytes before those of a chunk in an array of kinds; the last of them is of what stands before it."""
_PADDED = CHUNK + 2 * _AHEAD + 8
_ONES, _TOPS, _APOSTROPHES = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080), np.uint64(0x2424242424242424)


def bits(classes: np.ndarray) -> np.ndarray:
    """uint8[0x110000]: the kind of every code point from its class."""
    kinds = np.full(len(classes), _OTHER, dtype=np.uint8)
    for kind, bit in ((NUMBER - 1, _LETTER), (NUMBER, _NUMBER), (SPACE, _SPACE)):
        kinds[classes == kind] = bit
    kinds[ord(" ")] |= _BLANK
    kinds[ord("'")] |= _APOSTROPHE
    kinds.setflags(write=False)
    return kinds


class Splitter(NamedTuple):
    """A pattern, ready to run."""

    machine: Automaton
    bits: np.ndarray
    """uint8[0x110000] as `bits` gives them where the pattern is GPT-2's; else empty, and the automaton runs."""


class Room(NamedTuple):
    """What the split of a text needs from one chunk to the next."""

    place: np.ndarray
    """int64[3], zeros at the start of a text: as `split_some` has it; by flags, 1 in the last if a contraction ends where the chunk does."""
    kinds: np.ndarray
    flags: np.ndarray
    """uint8[_PADDED]."""


@njit(nogil=True, cache=True)
def make_room():
    """Room for one text after another."""
    return Room(np.zeros(3, dtype=np.int64), np.zeros(_PADDED, dtype=np.uint8), np.zeros(_PADDED, dtype=np.uint8))


@njit(nogil=True, cache=True)
def split_chunk(data, begin, p, end, splitter, room, starts, n):
    """Read about CHUNK bytes from p on of the text data[begin:end]; write starts of pre-tokens to starts[n:], at the end of the text `end`.

    starts: int64, room for CHUNK + 16. Returns (where it stopped, how many starts). All but the last are starts of whole pre-tokens.
    """
    stop = min(end, p + CHUNK)
    if len(splitter.bits) > 0:
        p, n = _flagged(data, begin, p, stop, end, splitter.bits, room, starts, n)
    else:
        p, n = split_some(data, p, stop, splitter.machine, room.place, starts, n)
    if p == end:
        n = split_end(p, splitter.machine, room.place, starts, n)
    return p, n


@njit(nogil=True, cache=True)
def _flagged(data, begin, p, stop, end, bits, room, starts, n):
    _, kinds, flags = room
    while stop < end and data[stop] & 0xC0 == 0x80:
        stop += 1
    size = stop - p
    kinds[_AHEAD - 1] = _kind_before(data, begin, p, bits)
    kinds[_AHEAD + size] = _SPACE if stop == end else _kind_at(data, stop, bits)
    part = data[p:stop]
    spaces = 0
    if _is_ascii(part):
        _fill(part, bits, kinds[_AHEAD:])
    else:
        spaces = _fill_wide(data, p, stop, bits, kinds)
    _flag(kinds[_AHEAD - 1 :], kinds[_AHEAD:], kinds[_AHEAD + 1 :], flags, size)
    if spaces > 0:
        _mend_wide_spaces(part, kinds, flags)
    flags[0] |= np.uint8(room.place[2])
    size, room.place[2] = _cut_contractions(data, p, size, end, kinds, flags)
    return p + size, _places(flags[:size], p, starts, n)


@njit(nogil=True, cache=True)
def _is_ascii(part):
    seen = np.uint8(0)
    for i in range(len(part)):
        seen |= part[i]
    return seen < 0x80


@njit(nogil=True, cache=True)
def _fill(part, bits, kinds):
    for i in range(len(part)):
        kinds[i] = bits[part[i]]


@njit(nogil=True, cache=True)
def _fill_wide(data, p, stop, bits, kinds):
    """All bytes of a character get its kind; returns how many characters are white space of several bytes."""
    spaces, at = 0, _AHEAD
    while p < stop:
        size = width(data[p])
        kind = _kind_at(data, p, bits)
        for i in range(size):
            kinds[at + i] = kind
        spaces += size > 1 and kind == _SPACE
        at += size
        p += size
    return spaces


@njit(nogil=True, cache=True, forceinline=True)
def _kind_at(data, p, bits):
    return bits[data[p]] if data[p] < 0x80 else wide_kind(data, p, bits)


@njit(nogil=True, cache=True)
def _kind_before(data, begin, p, bits):
    if p == begin:
        return _START
    p -= 1
    while data[p] & 0xC0 == 0x80:
        p -= 1
    return _kind_at(data, p, bits)


@njit(nogil=True, cache=True)
def _flag(before, here, behind, flags, size):
    """A run of one class starts, but for behind a blank, which it takes with it; of a run of white space the last starts too, if text
    follows. The end of a text counts as white space."""
    for i in range(size):
        kind, last = here[i], before[i]
        word = ((kind & _CLASS) != (last & _CLASS)) & ((last & _BLANK) == 0)
        space = ((last & _SPACE) == 0) | ((behind[i] & _SPACE) == 0)
        flags[i] = np.uint8(space) if kind & _SPACE else np.uint8(word)


@njit(nogil=True, cache=True)
def _mend_wide_spaces(part, kinds, flags):
    """Where white space has several bytes, what follows it is behind its last."""
    for i in range(len(part)):
        if part[i] >= 0xC0 and kinds[_AHEAD + i] == _SPACE:
            size = width(part[i])
            starts = (kinds[_AHEAD + i - 1] & _SPACE) == 0 or (kinds[_AHEAD + i + size] & _SPACE) == 0
            flags[i : i + size] = 0
            flags[i] = np.uint8(starts)


@njit(nogil=True, cache=True)
def _cut_contractions(data, p, size, end, kinds, flags):
    """An apostrophe that starts a pre-token takes s, t, m, d, re, ve or ll with it, and no more. Returns (size of the chunk, longer where a
    contraction goes beyond it; 1 if a contraction ends there)."""
    words = kinds[_AHEAD:].view(np.uint64)
    longer = -1
    for word in range((size + 7) >> 3):
        x = words[word] ^ _APOSTROPHES
        if (x - _ONES) & ~x & _TOPS == 0:
            continue
        for i in range(8 * word, min(8 * word + 8, size)):
            if flags[i] and kinds[_AHEAD + i] == _OTHER | _APOSTROPHE:
                length = _contraction(data, p + i, end)
                if length > 0:
                    flags[i + 1] = 0
                    flags[i + 2] = 0
                    flags[i + length] = 1
                    longer = i + length
    return max(size, longer), np.int64(longer >= size)


@njit(nogil=True, cache=True)
def _contraction(data, p, end):
    """Bytes of the contraction that begins with the apostrophe at p; 0 if there is none."""
    if p + 1 == end:
        return 0
    one = data[p + 1]
    if one == 0x73 or one == 0x74 or one == 0x6D or one == 0x64:
        return 2
    if p + 2 == end:
        return 0
    two = data[p + 2]
    whole = ((one == 0x72 or one == 0x76) and two == 0x65) or (one == 0x6C and two == 0x6C)
    return 3 if whole else 0


@njit(nogil=True, cache=True)
def _places(flags, p, starts, n):
    at = np.uint64(n)
    for i in range(len(flags)):
        starts[at] = p + i
        at += np.uint64(flags[i])
    return np.int64(at)


@njit(nogil=True, cache=True)
def split_row(data, start, end, splitter, room, starts):
    """Starts of all pre-tokens of data[start:end], then `end`; starts int64[end - start + 16]. Returns how many pre-tokens."""
    p, n = start, 0
    while p < end:
        p, n = split_chunk(data, start, p, end, splitter, room, starts, n)
    return max(n - 1, 0)
