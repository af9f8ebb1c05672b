"""Stop words among the tokens of a scan: which of a few words a text has (Rae et al. 2021, §A1.1). Naive twin: tests/naive_text.py."""

from typing import NamedTuple

import numpy as np

from curate.kernels.blocks import ones
from curate.kernels.compiled import njit
from curate.kernels.pointers import pointer
from curate.kernels.word_hash import hash_word

MOST = 64
"""Words that can be told apart."""
PLACES = 4096


class Listed(NamedTuple):
    """A few words, each at a place of its own."""

    keys: np.ndarray
    """uint64: their hashes"""
    places: np.ndarray
    """uint8[PLACES]: which of them has a hash whose bits from `shift` on are this place"""
    shift: np.uint64


def stop_table(words: list[str]) -> Listed:
    """At most MOST different words."""
    keys = np.array(sorted({hash_word(word) for word in words}), dtype=np.uint64)
    places = np.zeros(PLACES, dtype=np.uint8)
    for shift in map(np.uint64, range(64)):
        at = (keys >> shift & np.uint64(PLACES - 1)).astype(np.int64)
        if len(set(at)) == len(keys):
            break
    else:
        raise ValueError(f"stop words: expected words whose hashes can be told apart, got {words}; leave one out")
    places[at] = np.arange(len(keys))
    return Listed(keys, places, shift)


@njit(nogil=True, cache=True)
def count_listed(firsts, lasts, hashes, listed, out):
    """out[row] = different listed words among the tokens firsts[row] … lasts[row] − 1 (int64)."""
    hashes_at, places, keys, shift = pointer(hashes), pointer(listed.places), pointer(listed.keys), listed.shift
    for row in range(len(out)):
        seen = np.uint64(0)
        if len(listed.keys) > 0:
            for t in range(firsts[row], lasts[row]):
                key = hashes_at[t]
                place = places[key >> shift & np.uint64(PLACES - 1)]
                seen |= np.uint64(keys[place] == key) << np.uint64(place)
        out[row] = ones(seen)
