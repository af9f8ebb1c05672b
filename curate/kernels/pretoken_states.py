r"""The pre-tokenizers of GPT-2 and GPT-4 as finite automata over bytes, and the kernels that run them.

The regular expressions stand in `curate.tokenizer.pretokenize`; each is written out here as states and moves, one table look-up and no
branch a character, since the branches of a matcher by hand are what no processor foresees (43 MB/s; this: 230). What an expression looks
ahead for is decided late: a move may start a pre-token at the character it reads, at the one before, or at the one noted behind the last
line end. Text must be valid UTF-8, as Arrow strings are. Slow twin: tests/naive_bpe.py.
"""

from typing import NamedTuple

import numpy as np

from curate.kernels.compiled import njit

OTHER, LETTER, NUMBER, SPACE = 0, 1, 2, 3
"""Classes of code points, as `curate.tokenizer.unicode_classes` has them."""
CHUNK = 4096
"""Bytes that are split before their pre-tokens are used: their starts stay in the nearest cache."""

_OTHER, _LETTER, _NUMBER, _SPACE, _BLANK, _APOSTROPHE, _S, _R, _E, _L, _LINE, _END = range(12)
"""Kinds of characters: the letters are those of 's 't 'm 'd, of 're 've, and of 'll; `_LINE` ends lines, `_END` is the end of the text."""
_LETTERS = (_LETTER, _S, _R, _E, _L)
_AT_CURRENT, _AT_LAST, _AT_NOTED, _NOTE = 1, 2, 4, 8
"""What a move does: starts a pre-token here, at the character before, at the noted one; notes this one."""


class Automaton(NamedTuple):
    """A pattern as tables."""

    kinds: np.ndarray
    """uint8[0x110000]: kind of every code point."""
    moves: np.ndarray
    """uint16[16 * states]: at 16 * state + kind stands 16 * next state + what to do. State 0 is the start of a text."""


def automaton(classes: np.ndarray, four: bool) -> Automaton:
    """The automaton of GPT-4 or of GPT-2 from uint8[0x110000] classes."""
    kinds = np.array([_OTHER, _LETTER, _NUMBER, _SPACE], dtype=np.uint8)[classes]
    for letters, kind in (("stmd", _S), ("rv", _R), ("e", _E), ("l", _L), ("'", _APOSTROPHE), (" ", _BLANK)):
        kinds[[ord(c) for c in letters + (letters.upper() if four else "")]] = kind
    if four:
        kinds[[0x0A, 0x0D]] = _LINE
        kinds[0x17F] = _S  # the long s folds to s
    states = _gpt4() if four else _gpt2()
    numbers = {name: i for i, name in enumerate(states)}
    moves = np.zeros(16 * len(states), dtype=np.uint16)
    for name, row in states.items():
        for kind in range(_END + 1):
            target, does = row.get(kind, (name, 0))
            moves[16 * numbers[name] + kind] = 16 * numbers[target] + does
    moves.setflags(write=False)
    kinds.setflags(write=False)
    return Automaton(kinds, moves)


_Row = dict[int, tuple[str, int]]


def _to(target: str, does: int, *kinds: int) -> _Row:
    return dict.fromkeys(kinds, (target, does))


def _gpt2() -> dict[str, _Row]:
    """States are named by what the current pre-token is so far; `'` stands for an apostrophe that begins one."""
    ends = {_END: ("start", 0)}

    def begin(does: int) -> _Row:
        """Any character, as the first of a pre-token."""
        return (
            _to("letters", does, *_LETTERS)
            | _to("numbers", does, _NUMBER)
            | _to("others", does, _OTHER)
            | _to("'", does, _APOSTROPHE)
            | _to("blank", does, _BLANK)
            | _to("space", does, _SPACE)
            | ends
        )

    def joined(does: int) -> _Row:
        """The first character behind a blank that it takes with it."""
        return begin(does) | _to("others", does, _APOSTROPHE)

    here = begin(_AT_CURRENT)
    late = begin(_AT_LAST | _AT_CURRENT) | _to("letters", _AT_LAST, *_LETTERS) | {_END: ("start", _AT_LAST)}
    more = _to("..blank", 0, _BLANK) | _to("..space", 0, _SPACE)
    return {
        "start": here,
        "letters": here | _to("letters", 0, *_LETTERS),
        "numbers": here | _to("numbers", 0, _NUMBER),
        "others": here | _to("others", 0, _OTHER, _APOSTROPHE),
        "'": here | _to("others", 0, _OTHER, _APOSTROPHE) | _to("whole", 0, _S) | _to("'r", 0, _R) | _to("'l", 0, _L),
        "'r": late | _to("whole", 0, _E),
        "'l": late | _to("whole", 0, _L),
        "whole": here,
        "blank": joined(0) | more,
        "space": here | more,
        "..blank": joined(_AT_LAST) | more | ends,
        "..space": begin(_AT_LAST | _AT_CURRENT) | more | ends,
    }


def _gpt4() -> dict[str, _Row]:
    """As `_gpt2`; `\\n` has seen a line end in its run of white space, and how much white space since."""
    ends = {_END: ("start", 0)}

    def begin(does: int) -> _Row:
        return (
            _to("letters", does, *_LETTERS)
            | _to("1", does, _NUMBER)
            | _to("other", does, _OTHER)
            | _to("'", does, _APOSTROPHE)
            | _to("blank", does, _BLANK)
            | _to("space", does, _SPACE)
            | _to("\n", does, _LINE)
            | ends
        )

    def behind_blank(does: int) -> _Row:
        """Letters and others take the blank with them, numbers do not."""
        alone = _to("1", does | _AT_CURRENT, _NUMBER)
        return begin(does) | alone | _to("others", does, _OTHER, _APOSTROPHE)

    def behind_space(does: int) -> _Row:
        """Only letters take other white space with them."""
        return begin(does | _AT_CURRENT) | _to("letters", does, *_LETTERS)

    here = begin(_AT_CURRENT)
    letters = here | _to("letters", 0, *_LETTERS)
    run = _to("others", 0, _OTHER, _APOSTROPHE) | _to("others\n", 0, _LINE)
    more = _to("..blank", 0, _BLANK) | _to("..space", 0, _SPACE) | _to("\n", 0, _LINE)
    first = _to("\nblank", _NOTE, _BLANK) | _to("\nspace", _NOTE, _SPACE) | _to("\n", 0, _LINE)
    second = _to("\n..blank", 0, _BLANK) | _to("\n..space", 0, _SPACE) | _to("\n", 0, _LINE)
    noted = {_END: ("start", _AT_NOTED)}
    both = _AT_NOTED | _AT_LAST
    return {
        "start": here,
        "letters": letters,
        "1": here | _to("2", 0, _NUMBER),
        "2": here | _to("3", 0, _NUMBER),
        "3": here,
        "other": letters | run,
        "others": here | run,
        "others\n": here | _to("others\n", 0, _LINE),
        "'": letters | run | _to("whole", 0, _S) | _to("'r", 0, _R) | _to("'l", 0, _L),
        "'r": letters | _to("whole", 0, _E),
        "'l": letters | _to("whole", 0, _L),
        "whole": here,
        "blank": behind_blank(0) | more,
        "space": behind_space(0) | more,
        "..blank": behind_blank(_AT_LAST) | more | ends,
        "..space": behind_space(_AT_LAST) | more | ends,
        "\n": here | first,
        "\nblank": behind_blank(_AT_LAST) | second | noted,
        "\nspace": behind_space(_AT_LAST) | second | noted,
        "\n..blank": behind_blank(both) | second | noted,
        "\n..space": behind_space(both) | second | noted,
    }


@njit(nogil=True, cache=True, forceinline=True)
def width(byte):
    """Bytes of the UTF-8 character that starts with `byte`."""
    return 1 if byte < 0x80 else (2 if byte < 0xE0 else (3 if byte < 0xF0 else 4))


@njit(nogil=True, cache=True)
def wide_kind(data, p, kinds):
    """The entry of `kinds` for the character of several bytes at p."""
    byte = np.int64(data[p])
    if byte < 0xE0:
        return kinds[((byte & 0x1F) << 6) | (data[p + 1] & 0x3F)]
    if byte < 0xF0:
        return kinds[((byte & 0x0F) << 12) | (np.int64(data[p + 1] & 0x3F) << 6) | (data[p + 2] & 0x3F)]
    high = ((byte & 0x07) << 18) | (np.int64(data[p + 1] & 0x3F) << 12)
    return kinds[high | (np.int64(data[p + 2] & 0x3F) << 6) | (data[p + 3] & 0x3F)]


@njit(nogil=True, cache=True)
def split_some(data, p, stop, machine, place, starts, n):
    """Read characters from p until `stop` is reached; write starts of pre-tokens to starts[n:].

    place int64[3], changed: state (times 16), start of the last character, noted start; zeros at the start of a text. starts: int64, room
    for stop - p + 3. Returns (where it stopped, how many starts). All but the last are starts of whole pre-tokens.
    """
    kinds, moves = machine
    state, last, noted = np.uint64(place[0]), place[1], place[2]
    at = np.uint64(n)
    one = np.uint64(1)
    while p < stop:
        byte = data[p]
        step = 1
        if byte < 0x80:
            kind = kinds[byte]
        else:
            kind = wide_kind(data, p, kinds)
            step = width(byte)
        move = np.uint64(moves[state | np.uint64(kind)])
        state = move & np.uint64(0xFFF0)
        starts[at] = noted
        at += (move >> np.uint64(2)) & one
        starts[at] = last
        at += (move >> one) & one
        starts[at] = p
        at += move & one
        noted = p if move & np.uint64(8) else noted
        last = p
        p += step
    place[0], place[1], place[2] = state, last, noted
    return p, np.int64(at)


@njit(nogil=True, cache=True)
def split_end(p, machine, place, starts, n):
    """The text ends at p: write what is decided only now, and p itself; returns how many starts there are, p the last."""
    move = machine.moves[place[0] | _END]
    if move & _AT_NOTED:
        starts[n] = place[2]
        n += 1
    if move & _AT_LAST:
        starts[n] = place[1]
        n += 1
    starts[n] = p
    place[:] = 0
    return n + 1
