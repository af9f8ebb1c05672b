"""What is kept of scanned pages until there are enough of them: trees judge 64 blocks at once (`html_forest.py`), and a small page has a few.

The scanner's record is used for page after page. Of each its rows are copied out, some kilobytes, and back when it has its turn again: faster than a
record for each, which would also be 6.6 MB each.
"""

from typing import NamedTuple

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit
from curate.kernels.html_names import NUM_ANCESTORS
from curate.kernels.pointers import pointer

PAGES, ROWS, BYTES = 64, 1024, 1 << 18
"""A batch is full with so many pages, blocks, or bytes of pages."""
ROW, GROUPS, SPACE, OUT_AT, ARTICLE = range(5)
PLACES = 5
"""What is known of a page in a batch: its first block, groups of blocks, where its rows are kept, where its text begins, and of ONE how probably it is an
article."""


class Held(NamedTuple):
    """A batch. cells uint8[blocks, features]; above int32[blocks, NUM_ANCESTORS], groups and sections int32[blocks] as of `html_features.features`;
    units int64[blocks + PAGES]: those before each block of a page, and of all; kinds uint8[PAGES, features of a page]; state int64[PAGES, STATE];
    places int64[PAGES + 1, PLACES]."""

    cells: np.ndarray
    above: np.ndarray
    groups: np.ndarray
    sections: np.ndarray
    units: np.ndarray
    kinds: np.ndarray
    state: np.ndarray
    places: np.ndarray


@njit(nogil=True, cache=True)
def held_of(longest, width, kinds):
    """Room for a batch whose last page has `longest` bytes; width: features of a block; kinds: of a page."""
    rows = ROWS + min(ht.MAX_BLOCKS, longest)
    return Held(
        np.empty((rows, width), np.uint8),
        np.empty((rows, NUM_ANCESTORS), np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows + PAGES, np.int64),
        np.empty((PAGES, kinds), np.uint8),
        np.empty((PAGES, ht.STATE), np.int64),
        np.zeros((PAGES + 1, PLACES), np.int64),
    )


@njit(nogil=True, cache=True)
def _moved(rows, used, space, at, back):
    """Copies the first rows of an int32 table to space[at:], or back; returns the place after them."""
    x, y, size = pointer(rows), pointer(space), used * rows.shape[1]
    if back:
        for i in range(size):
            x[i] = y[at + i]
    else:
        for i in range(size):
            y[at + i] = x[i]
    return at + size


@njit(nogil=True, cache=True, inline="always")
def size_of(page):
    """How much room the rows of a page take."""
    state = page.state
    return state[ht.NUM_BLOCKS] * ht.BLOCK_COLUMNS + state[ht.NUM_ELEMENTS] * ht.ELEMENT_COLUMNS + state[ht.NUM_IMAGES] * ht.IMAGE_COLUMNS


@njit(nogil=True, cache=True)
def moved(page, k, held, space, back):
    """Copies what was read of page k out, or back; returns the place after its rows."""
    if back:
        page.state[:] = held.state[k]
    else:
        held.state[k] = page.state
    at = _moved(page.blocks, page.state[ht.NUM_BLOCKS], space, held.places[k, SPACE], back)
    at = _moved(page.elements, page.state[ht.NUM_ELEMENTS], space, at, back)
    return _moved(page.images, page.state[ht.NUM_IMAGES], space, at, back)
