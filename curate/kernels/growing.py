"""Arrays that grow: another one with more room that begins with what is used of the first."""

import numpy as np

from curate.kernels.compiled import njit


@njit(nogil=True, cache=True)
def grown(array, num):
    """Twice as long; its first `num` are those of the array, which has one dimension."""
    wider = np.empty(2 * len(array), dtype=array.dtype)
    for i in range(num):
        wider[i] = array[i]
    return wider


@njit(nogil=True, cache=True)
def longer(array, used, size):
    """At least `size` long, of any number of dimensions; the array itself where it is long enough."""
    if size <= len(array):
        return array
    made = np.empty((max(size, 2 * len(array)),) + array.shape[1:], array.dtype)  # noqa: RUF005
    made[:used] = array[:used]
    return made
