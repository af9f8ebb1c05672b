"""Stop words among the tokens of a scan: which of a few words a text has (Rae et al. 2021, §A1.1). Naive twin: tests/naive_text.py."""

import numpy as np
from numba import njit

from curate.kernels.pointers import pointer
from curate.kernels.word_hash import hash_word

MOST = 64
"""Words that can be told apart."""
HINTS = np.uint64(255)


def stop_table(words: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(uint64 hashes of at most MOST different words, uint8[256]: whether one of them has these lowest bits)."""
    keys = np.array(sorted({hash_word(word) for word in words}), dtype=np.uint64)
    hints = np.zeros(256, dtype=np.uint8)
    hints[(keys & HINTS).astype(np.int64)] = 1
    return keys, hints


@njit(nogil=True, cache=True)
def count_listed(firsts, lasts, hashes, keys, hints, out):
    """out[row] = different listed words among the tokens firsts[row] … lasts[row] − 1 (int64). keys, hints: of `stop_table`."""
    hashes_at, hints_at, keys_at, num_keys = pointer(hashes), pointer(hints), pointer(keys), len(keys)
    for row in range(len(out)):
        seen = np.uint64(0)
        for t in range(firsts[row], lasts[row]):
            key = hashes_at[t]
            if hints_at[key & HINTS]:
                for place in range(num_keys):
                    if keys_at[place] == key:
                        seen |= np.uint64(1) << np.uint64(place)
        distinct = 0
        while seen:
            seen &= seen - np.uint64(1)
            distinct += 1
        out[row] = distinct
