"""Hash tables that a caller lends to kernels: open addressing, entries marked with a stamp, so that nothing is cleared."""

from typing import NamedTuple

import numpy as np

from curate.kernels.compiled import njit

U = np.uint64


class Table(NamedTuple):
    """A lent hash table: key, stamp and count by slot. A slot is in use where its stamp is the current one."""

    keys: np.ndarray
    stamps: np.ndarray
    counts: np.ndarray


def table(entries: int) -> Table:
    """A table for sets of at most so many entries."""
    slots = slots_of(entries)
    return Table(np.zeros(slots, dtype=np.uint64), np.zeros(slots, dtype=np.int64), np.zeros(slots, dtype=np.int64))


def slots_of(entries: int) -> int:
    """Slots of a table for so many entries: `mask_of` never asks for more."""
    return 1 << max(4, (2 * entries).bit_length())


@njit(nogil=True, cache=True, inline="always")
def _mixed(h):
    h ^= h >> U(31)
    h *= U(0x7FB5D329728EA185)
    h ^= h >> U(27)
    return h


@njit(nogil=True, cache=True, inline="always")
def slot_of(keys, stamps, stamp, mask, key):
    """The slot of a key in the part of the table below `mask`: its own, or the free one where it belongs."""
    slot = np.int64(_mixed(key) & U(mask))
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@njit(nogil=True, cache=True)
def mask_of(n):
    """Slots − 1 for n entries: a power of two, at most half full."""
    size = 16
    while size < 2 * n:
        size *= 2
    return size - 1
