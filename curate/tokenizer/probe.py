"""A fixed set of 1,000 strings on which encoders are compared, and the hash of the ids that one gives them.

The hash catches a library whose ids drift while the tokenizer file stays the same, and shows that two files which differ only in form are
one tokenizer. The strings are made by a counter-based generator (SplitMix64, Steele et al. 2014) and never change: a change would be a
new probe.
"""

import hashlib
import itertools
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

import numpy as np
import pyarrow as pa

NUM_TEXTS = 1_000

SYLLABLES = [
    "ba",
    "con",
    "de",
    "er",
    "form",
    "graph",
    "ing",
    "ion",
    "ka",
    "li",
    "ment",
    "mo",
    "ne",
    "or",
    "per",
    "qu",
    "re",
    "sta",
    "th",
    "ti",
    "un",
    "ver",
    "wh",
    "xi",
    "yo",
    "zu",
]
CODE = (
    "def f(x):\n    return x[{}] + {}\n",
    "for (int i = 0; i < {}; ++i) {{\n\ta[i] += {};\n}}\n",
    '<a href="/p/{}?q={}&amp;r=1">é</a>',
    "SELECT * FROM t{} WHERE n >= {};\r\n",
    '{{"k{}": [{}, null, true, -1.5e-10]}}',
    "$ ls -la ~/x{}/*.py | wc -l  # {}\n",
)
ODD = (
    "'s 'S 't 'T 're 'RE 've 'm 'll 'd 'ſ '’s ''s can't WE'LL o'",
    "<|endoftext|>",
    "<s></s><pad>",
    "a<|endoftext|>b",
    "\ufeff",
    "\x00\x01\x7f",
    "…—–\u2011",
)
BLANKS = " \t\n\r\x0b\x0c\x85\xa0\u1680\u2003\u2028\u3000\u200b"
BLOCKS = (
    (0x00A1, 0x24F),
    (0x0300, 0x036F),
    (0x0370, 0x0523),
    (0x0590, 0x06FF),
    (0x0900, 0x0DFF),
    (0x0E01, 0x0EDF),
    (0x1100, 0x11FF),
    (0x2010, 0x2BFF),
    (0x3041, 0x30FF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFFFD),
    (0x105C0, 0x10D8F),
    (0x11F00, 0x11FFF),
    (0x1D400, 0x1D7FF),
    (0x1F300, 0x1FAFF),
    (0x2EBF0, 0x2EE5D),
    (0x31350, 0x323AF),
    (0xE0001, 0xE01EF),
)
"""Ranges of code points; some were assigned only in Unicode 15 and 16, where libraries with older tables differ."""


class Encodes(Protocol):
    """What the probe needs of an encoder."""

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Ids of every text, as offsets and tokens."""


class _Dice:
    """SplitMix64 from a seed; `below(n)` is a number under n."""

    def __init__(self, seed: int):
        self.state = seed

    def below(self, n: int) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) % (1 << 64)
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % (1 << 64)
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % (1 << 64)
        return (z ^ (z >> 31)) % n


def _words(dice: _Dice) -> str:
    made = ("".join(SYLLABLES[dice.below(len(SYLLABLES))] for _ in range(1 + dice.below(4))) for _ in range(1 + dice.below(30)))
    shapes: tuple[Callable[[str], str], ...] = (
        str,
        str,
        str.title,
        str.upper,
        lambda w: w + ",",
        lambda w: w + ".\n",
        lambda w: f'"{w}\'s"',
    )
    return " ".join(shapes[dice.below(len(shapes))](word) for word in made)


def _code(dice: _Dice) -> str:
    return "".join(CODE[dice.below(len(CODE))].format(dice.below(1000), dice.below(10**6)) for _ in range(1 + dice.below(4)))


def _numbers(dice: _Dice) -> str:
    marks = (" ", ",", ".", "-", ":", "/", "\n", "e", "x", "²", "٣", "Ⅷ", "％")
    return "".join(str(dice.below(10 ** (1 + dice.below(12)))) + marks[dice.below(len(marks))] for _ in range(1 + dice.below(12)))


def _blanks(dice: _Dice) -> str:
    filled = ("a", "9", ".", "", "'s", "é")
    return "".join(
        BLANKS[dice.below(len(BLANKS))] * (1 + dice.below(5)) + filled[dice.below(len(filled))] for _ in range(1 + dice.below(12))
    )


def _unicode(dice: _Dice) -> str:
    low, high = BLOCKS[dice.below(len(BLOCKS))]
    return "".join(" " if dice.below(6) == 0 else chr(low + dice.below(high - low + 1)) for _ in range(1 + dice.below(40)))


def _odd(dice: _Dice) -> str:
    run = "ab=- \n0é😀"[dice.below(9)] * dice.below(300)
    return ODD[dice.below(len(ODD))] + run + ODD[dice.below(len(ODD))]


def _mixed(dice: _Dice) -> str:
    kinds = (_words, _code, _numbers, _blanks, _unicode, _odd)
    return "".join(kinds[dice.below(len(kinds))](dice) for _ in range(3))


@lru_cache(maxsize=1)
def probe_texts() -> tuple[str, ...]:
    """The 1,000 strings: words, code, numbers, white space, scripts, odd things, and mixtures; the first is empty."""
    kinds = (_words, _code, _numbers, _blanks, _unicode, _odd, _mixed)
    return ("", *(kinds[i % len(kinds)](_Dice(i)) for i in range(1, NUM_TEXTS)))


def probe_hash(encoder: Encodes) -> str:
    """`sha256:<hex>` over all probe texts in order: number of ids as u32 LE, then the ids as u32 LE, the boundary token included."""
    offsets, tokens = encoder.encode(pa.array(probe_texts(), pa.large_string()))
    digest = hashlib.sha256()
    for start, end in itertools.pairwise(offsets):
        digest.update(int(end - start).to_bytes(4, "little"))
        digest.update(tokens[start:end].astype("<u4").tobytes())
    return f"sha256:{digest.hexdigest()}"
