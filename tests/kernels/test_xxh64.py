"""XXH64 against the xxhash package."""

import numpy as np
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels.xxh64 import xxh64


@given(st.binary(max_size=200), st.integers(0, 2**64 - 1), st.integers(0, 40))
def test_equals_the_package(data, seed, skip):
    found = xxh64(np.frombuffer(b"\xff" * skip + data + b"\x01", dtype=np.uint8), skip, skip + len(data), np.uint64(seed))
    assert int(found) == xxhash.xxh64_intdigest(data, seed=seed)
