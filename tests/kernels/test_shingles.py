"""The shingle kernel against its twin, whatever its buffers are cut into."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_dedup import shingles, words

from curate.kernels.fold import tables
from curate.kernels.shingles import DONE, ROOM, fill, folded
from curate.kernels.xxh64 import LANES, NUM_LANES

PIECES = [
    "a",
    "B",
    "word",
    " ",
    "  ",
    ".",
    ",",
    "1",
    "23",
    "é",
    "e\u0301",
    "ß",
    "漢",
    "か",
    "\u3099",
    "ท",
    "ี่",
    "ि",
    "न",
    "한",
    "€",
    "\u00ad",
    "\u200b",
    "𝔘",
    "𠀀",
    "٣",
    "٫",
]


def kernel(text, n, max_words=7, buffer_bytes=2 * ROOM + 1):
    """All hashes that the kernel writes, with few words in its buffer at once."""
    data = np.frombuffer(text.encode() + b"\x00", dtype=np.uint8)
    buffer, starts = np.empty(buffer_bytes, dtype=np.uint8), np.zeros(max_words + n + 1, dtype=np.int64)
    lanes, out = np.empty((NUM_LANES, LANES), dtype=np.uint64), np.empty(len(starts), dtype=np.uint64)
    state, found = np.zeros(6, dtype=np.int64), []
    while not state[DONE]:
        count, buffer = fill(data, len(data) - 1, n, *tables(), buffer, starts, state, lanes, out)
        found += [int(h) for h in out[:count]]
    return found


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join), st.integers(1, 6), st.integers(1, 200), st.integers(0, 40))
def test_equals_its_twin(text, n, max_words, more):
    assert kernel(text, n, max_words, 2 * ROOM + 1 + more) == shingles(text, n)


@given(st.text(st.characters(exclude_categories=("Cs", "Cn")), max_size=40))
def test_equals_its_twin_on_any_text(text):
    assert kernel(text, 2) == shingles(text, 2)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 1000, 20_000])
def test_words_longer_than_the_buffer(length):
    text = "a " + "x" * length + " b " + "y" * length + " c"
    assert kernel(text, 3) == shingles(text, 3)
    assert len(words(text)) == 5


def test_a_short_text_is_one_shingle():
    assert len(kernel("only three words", 5)) == len(kernel("only three words!", 5)) == 1
    assert kernel("", 5) == kernel(" .,;\n", 5) == []


def test_words_of_any_length_are_hashed_alike():
    """Ranges around every border of the hash: 4, 8, 32 and 64 bytes, short and long ones in one block."""
    rs = np.random.RandomState(0)
    text = " ".join("".join(chr(97 + c) for c in rs.randint(0, 26, rs.randint(1, 30))) for _ in range(3000))
    for n in (1, 2, 5):
        assert kernel(text, n, 1000, 1 << 14) == shingles(text, n)


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.just("long " * 9000), max_size=5))
def test_folded_texts_are_the_words_of_the_twin(texts):
    encoded = [text.encode() for text in texts]
    data = np.frombuffer(b"".join(encoded) + b"\x00", dtype=np.uint8)
    ends, out = folded(np.cumsum([0, *map(len, encoded)]).astype(np.int64), data, *tables())
    assert [out[a:b].tobytes().decode() for a, b in pairwise(ends)] == [" ".join(words(text)) for text in texts]
