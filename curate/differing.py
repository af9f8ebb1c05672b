"""Where two texts differ: the passages that only one of them has, by words.

What they share at both ends is set aside; the words between are aligned by longest common runs (Ratcliff and Metzener 1988, as difflib
does it; words that make up more than a hundredth are not used as anchors). White space is not compared. Bounded: of what lies between the
shared ends, the first 5,000 words of each are looked at, and passages are cut where they are long. Price: milliseconds for texts of a few
kilobytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MAX_WORDS = 5000
MAX_PASSAGES = 5
MAX_PASSAGE_WORDS = 40
CONTEXT_WORDS = 3


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One place where two texts go apart."""

    before: str
    """The shared words before it."""
    here: str
    """What only the first text has; empty where the other one has more."""
    there: str
    """What only the second text has."""


@dataclass(frozen=True, kw_only=True)
class Differences:
    """The first places, and how many there are."""

    passages: tuple[Difference, ...]
    num_passages: int
    whole: bool
    """Whether both texts were looked at to their end."""


def differences(here: str, there: str) -> Differences:
    """The passages in which `here` and `there` differ, in order, at most MAX_PASSAGES of them."""
    left, right = here.split(), there.split()
    start = _shared(left, right)
    end = _shared(left[start:][::-1], right[start:][::-1])
    middle = left[start : len(left) - end], right[start : len(right) - end]
    whole = max(map(len, middle)) <= MAX_WORDS
    a, b = (words[:MAX_WORDS] for words in middle)
    apart = [block for block in SequenceMatcher(None, a, b).get_opcodes() if block[0] != "equal"]
    found = tuple(
        Difference(before=" ".join(left[max(0, start + i - CONTEXT_WORDS) : start + i]), here=_cut(a[i:k]), there=_cut(b[j:m]))
        for _, i, k, j, m in apart[:MAX_PASSAGES]
    )
    return Differences(passages=found, num_passages=len(apart), whole=whole)


def _shared(left: Sequence[str], right: Sequence[str]) -> int:
    """How many words both begin with."""
    return next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


def _cut(words: Sequence[str]) -> str:
    return " ".join(words[:MAX_PASSAGE_WORDS]) + (f" … ({len(words):,} words)" if len(words) > MAX_PASSAGE_WORDS else "")
