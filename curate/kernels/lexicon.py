"""Words and phrases of a list, found in text: an Aho-Corasick automaton over code points (Aho & Corasick 1975).

Case is folded code point by code point (simple case folding), a run of white space in the text stands for one blank in a phrase. An
occurrence counts where no letter, digit, `_` or mark touches it; words that begin or end in a script without spaces between words (Han,
kana, Thai, Lao, Khmer, Myanmar) may touch what they like there, but no word may be followed by a mark, which would make another
character of its last. Every occurrence of every word is found, those inside others too. Transitions lie in a hash table, so that memory
grows with the list and not with its alphabet. Naive twin: tests/naive_lexicon.py.
Price: about 120 MB of text a second and core with a short list, 80 with a thousand words.
"""

from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.fold import UNSPACED
from curate.kernels.utf8 import ALPHA, DIGIT, MARK, SPACE, classes, code_at, width

JOINS, FOLLOWS, ALONE, BLANK = (np.uint8(1 << bit) for bit in range(4))
"""Bits of `kinds()`: part of a word, a mark, of a script without spaces, white space."""
_CASED = 0x20000
"""Behind the last code point with case."""


class Lexicon(NamedTuple):
    """An automaton. Symbols number the folded code points of the list from 1 on; state 0 is the root."""

    words: tuple[str, ...]
    """The words as compared, sorted; word w of a match is words[w]."""
    symbols: np.ndarray
    """uint16[0x110000]: the symbol of every code point, 0 for one that no word has."""
    root: np.ndarray
    """int32[symbols + 1]: where the root goes."""
    keys: np.ndarray
    """int64[slots], a power of two: state · (symbols + 1) + symbol of each other transition; −1 is empty."""
    targets: np.ndarray
    """int32[slots]: where it goes."""
    fails: np.ndarray
    """int32[states]: the state of the longest proper suffix."""
    links: np.ndarray
    """int32[states]: the longest proper suffix that is a word; 0 for none."""
    word_at: np.ndarray
    """int32[states]: the word that ends there, or −1."""
    lengths: np.ndarray
    """int32[words]: code points of each word."""
    kinds: np.ndarray
    """uint8[0x110000]: see `kinds`."""


class Matches(NamedTuple):
    """Occurrences, by row, then by end, longer ones first: words[w] is data[starts:ends] of the row (byte positions in the buffer)."""

    rows: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    words: np.ndarray


@lru_cache(maxsize=1)
def kinds() -> np.ndarray:
    """uint8[0x110000]: the bits of every code point."""
    known = classes()
    table = np.zeros(len(known), dtype=np.uint8)
    table[(known & (ALPHA | DIGIT | MARK)) != 0] |= JOINS
    table[ord("_")] |= JOINS
    table[(known & MARK) != 0] |= FOLLOWS
    table[(known & SPACE) != 0] |= BLANK
    for low, high in UNSPACED:
        table[low : high + 1] |= ALONE
    table.setflags(write=False)
    return table


@lru_cache(maxsize=1)
def _foldings() -> np.ndarray:
    """int32[_CASED]: the code point that each is compared as."""
    return np.array([_folding(code) for code in range(_CASED)], dtype=np.int32)


def _folding(code: int) -> int:
    folded = chr(code).casefold()
    return ord(folded) if len(folded) == 1 else ord(chr(code).lower()[0])


def folded(text: str) -> str:
    """A word as it is compared: case folded, white space around it gone and inside it one blank."""
    return " ".join("".join(chr(_folding(ord(c))) for c in text).split())


def lexicon(words: Iterable[str]) -> Lexicon:
    """The automaton of a list; its order, case, repeats and empty entries do not matter."""
    listed = tuple(sorted({word for word in map(folded, words) if word}))
    alphabet = {char: i + 1 for i, char in enumerate(sorted(set("".join(listed))))}
    if len(alphabet) > 0xFFFF:
        raise ValueError(f"lexicon: expected at most 65535 different characters, got {len(alphabet)}; shorten the list")
    steps, word_at = _trie(listed, alphabet)
    fails, links = _suffixes(steps, word_at)
    root = np.zeros(len(alphabet) + 1, dtype=np.int32)
    for symbol, target in steps[0].items():
        root[symbol] = target
    keys, targets = _table(steps, len(alphabet) + 1)
    lengths = np.array([len(word) for word in listed], dtype=np.int32)
    return Lexicon(listed, _symbols(alphabet), root, keys, targets, fails, links, np.array(word_at, dtype=np.int32), lengths, kinds())


def _trie(words: tuple[str, ...], alphabet: dict[str, int]) -> tuple[list[dict[int, int]], list[int]]:
    steps: list[dict[int, int]] = [{}]
    word_at = [-1]
    for number, word in enumerate(words):
        state = 0
        for char in word:
            symbol = alphabet[char]
            if symbol not in steps[state]:
                steps[state][symbol] = len(steps)
                steps.append({})
                word_at.append(-1)
            state = steps[state][symbol]
        word_at[state] = number
    return steps, word_at


def _suffixes(steps: list[dict[int, int]], word_at: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """(fails, links), breadth first."""
    fails, links = np.zeros(len(steps), dtype=np.int32), np.zeros(len(steps), dtype=np.int32)
    waiting = deque(steps[0].values())
    while waiting:
        state = waiting.popleft()
        for symbol, target in steps[state].items():
            back = int(fails[state])
            while back and symbol not in steps[back]:
                back = int(fails[back])
            back = steps[back].get(symbol, 0)
            fails[target] = back
            links[target] = back if word_at[back] >= 0 else links[back]
            waiting.append(target)
    return fails, links


def _table(steps: list[dict[int, int]], width: int) -> tuple[np.ndarray, np.ndarray]:
    slots = 1 << max(4, (2 * len(steps)).bit_length())
    keys, targets = np.full(slots, -1, dtype=np.int64), np.zeros(slots, dtype=np.int32)
    for state, forward in enumerate(steps[1:], 1):
        for symbol, target in forward.items():
            key = state * width + symbol
            slot = ((key * _SPREAD) >> 20) & (slots - 1)
            while keys[slot] >= 0:
                slot = (slot + 1) & (slots - 1)
            keys[slot], targets[slot] = key, target
    return keys, targets


_SPREAD = 0x9E3779B1


def _symbols(alphabet: dict[str, int]) -> np.ndarray:
    plain = np.zeros(0x110000, dtype=np.uint16)
    for char, symbol in alphabet.items():
        plain[ord(char)] = symbol
    made = plain.copy()
    made[:_CASED] = plain[_foldings()]
    made[(kinds() & BLANK) != 0] = plain[ord(" ")]
    return made


@njit(nogil=True, cache=True, inline="always")
def _step(state, symbol, root, keys, targets, fails):
    """The state after `symbol`."""
    mask = len(keys) - 1
    found = np.int64(-1)
    while found < 0 and state:
        key = np.int64(state) * len(root) + symbol
        slot = ((key * _SPREAD) >> 20) & mask
        while keys[slot] >= 0 and keys[slot] != key:
            slot = (slot + 1) & mask
        if keys[slot] == key:
            found = np.int64(targets[slot])
        else:
            state = np.int64(fails[state])
    return found if found >= 0 else np.int64(root[symbol])


@njit(nogil=True, cache=True)
def _before(data, start, i):
    """Where the character before byte i begins."""
    i -= 1
    while i > start and (data[i] & 0xC0) == 0x80:
        i -= 1
    return i


@njit(nogil=True, cache=True)
def _begins(data, start, end, length, kinds):
    """Where the `length` characters before byte `end` begin, a run of white space being one."""
    i = end
    for _ in range(length):
        i = _before(data, start, i)
        if kinds[code_at(data, i)] & BLANK:
            while i > start and kinds[code_at(data, _before(data, start, i))] & BLANK:
                i = _before(data, start, i)
    return i


@njit(nogil=True, cache=True)
def _free(edge, neighbour):
    """Whether a word may have this neighbour: kinds of its character there and of the one outside."""
    return not neighbour & JOINS or ((edge | neighbour) & ALONE) != 0


@njit(nogil=True, cache=True)
def _stands(data, start, s, e, end, kinds):
    """Whether data[s:e] is a word of its own in data[start:end]."""
    if e < end:
        after = kinds[code_at(data, e)]
        if after & FOLLOWS or not _free(kinds[code_at(data, _before(data, s, e))], after):
            return False
    return s == start or _free(kinds[code_at(data, s)], kinds[code_at(data, _before(data, start, s))])


@njit(nogil=True, cache=True)
def _find(offsets, data, symbols, root, keys, targets, fails, links, word_at, lengths, kinds, whole, rows, starts, ends, words):
    """Write the matches as far as there is room; returns their number."""
    n = 0
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        state, blank = np.int64(0), False
        i = start
        while i < end:
            code = code_at(data, i)
            i += width(data[i])
            symbol = symbols[code]
            if symbol == 0:
                state, blank = np.int64(0), False
                continue
            again = blank
            blank = (kinds[code] & BLANK) != 0
            if blank and again:
                continue
            if state == 0:  # the usual place, without a call
                state = np.int64(root[symbol])
                if state == 0:
                    continue
            else:
                state = _step(state, np.int64(symbol), root, keys, targets, fails)
            node = state if word_at[state] >= 0 else np.int64(links[state])
            while node > 0:
                word = word_at[node]
                s = _begins(data, start, i, lengths[word], kinds)
                if not whole or _stands(data, start, s, i, end, kinds):
                    if n < len(rows):
                        rows[n], starts[n], ends[n], words[n] = row, s, i, word
                    n += 1
                node = np.int64(links[node])
    return n


def find(offsets: np.ndarray, data: np.ndarray, listed: Lexicon, whole: bool = True) -> Matches:
    """All occurrences in a string column (offsets int64[n + 1], data uint8); `whole`: only those that are words of their own."""
    room = 4096
    while True:
        made = Matches(*(np.empty(room, dtype=np.int64) for _ in range(4)))
        found = _find(offsets, data, *listed[1:], whole, *made)
        if found <= room:
            return Matches(*(part[:found] for part in made))
        room = found
