"""BLAKE3 in lanes against the blake3 package."""

import numpy as np
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels.blake3 import digests

SIZES = [0, 1, 3, 4, 63, 64, 65, 1023, 1024, 1025, 2047, 2048, 2049, 3072, 4097, 5000, 7 * 1024, 8 * 1024 + 1, 31_744]


def found(ranges, rows, words=4):
    data = np.frombuffer(b"".join(ranges) + b"\x01", dtype=np.uint8)
    offsets = np.cumsum([0, *map(len, ranges)]).astype(np.int64)
    out = np.empty((len(rows), words), dtype=np.uint32)
    digests(offsets, data, np.array(rows, dtype=np.int64), out)
    return [out[k].tobytes() for k in range(len(rows))]


@given(st.lists(st.sampled_from(SIZES) | st.integers(0, 6000), max_size=80), st.randoms())
def test_equals_the_package(sizes, random):
    """Ranges of any length, more and fewer than there are lanes, of which some are asked for."""
    content = np.random.RandomState(len(sizes)).bytes(max(sizes, default=0) + len(sizes))
    ranges = [content[i : i + size] for i, size in enumerate(sizes)]
    rows = sorted(random.sample(range(len(sizes)), random.randint(0, len(sizes))))
    assert found(ranges, rows) == [blake3(ranges[r]).digest(length=16) for r in rows]
    assert found(ranges, rows, 8) == [blake3(ranges[r]).digest() for r in rows]
