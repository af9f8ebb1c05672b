"""Pre-token kernels against regular expressions, dictionaries and the xxhash package."""

import itertools
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.arrow import utf8
from curate.kernels import pretokens
from curate.kernels.pretoken_states import CHUNK
from curate.tokenizer import pretokenize
from curate.tokenizer.unicode_classes import classes
from tests import naive_bpe

without_clock = settings(deadline=None)  # the first call compiles
TRICKY = "ab'sStTrReEvVlLdDmM 129²\n\r\t\u00a0é한ſ。-"
texts = st.text(st.sampled_from(TRICKY), max_size=30) | st.text(max_size=20)
patterns = pytest.mark.parametrize("pattern", ["gpt2", "gpt4"])


@patterns
@without_clock
@given(text=texts)
def test_split_is_the_regular_expression(pattern, text):
    assert pretokenize.split(text, pattern) == naive_bpe.split(text, pattern)


@pytest.mark.parametrize("pattern", ["gpt2", "gpt4"])
def test_every_short_text_over_the_characters_that_matter_splits_alike(pattern):
    for length in range(6):
        for drawn in itertools.product("!x1\t 'sre\n" if length == 5 else "!x1\t 'srel\nſ", repeat=length):
            text = "".join(drawn)
            assert pretokenize.split(text, pattern) == naive_bpe.split(text, pattern), text


@patterns
@without_clock
@given(ahead=st.integers(CHUNK - 12, CHUNK + 4), tail=texts)
def test_a_chunk_may_end_anywhere(pattern, ahead, tail):
    for filler in ("x", " ", "'", "é", "\u3000", "7"):
        text = (filler * (ahead // len(filler.encode()))) + tail + "'re" + tail
        assert pretokenize.split(text, pattern) == naive_bpe.split(text, pattern)


@patterns
@without_clock
@given(text=texts, max_bytes=st.integers(4, 12))
def test_a_cut_between_pretokens_changes_none(pattern, text, max_bytes):
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    out = np.empty(len(data) + 1, dtype=np.int64)
    num = pretokens.cut_ends(data, 0, len(data), classes(), pretokenize.splitter(pattern), max_bytes, out)
    pieces = [data[a:b].tobytes() for a, b in zip([0, *out[:num]], out[:num], strict=False)]
    assert b"".join(pieces) == text.encode()
    assert all(0 < len(piece) <= max_bytes for piece in pieces)
    again = [word for piece in pieces for word in pretokenize.split(piece.decode(), pattern)]
    whole = pretokenize.split(text, pattern)
    if all(len(word.encode()) <= max_bytes for word in whole):
        assert again == whole
    else:
        assert "".join(again) == text


@without_clock
@given(st.lists(texts, max_size=8), st.integers(1, 40))
def test_counts_are_those_of_a_dictionary(rows, max_bytes):
    found = pretokenize.count(pa.array(rows, pa.large_string()), "gpt2", max_bytes)
    words = [bytes(found.data[a:b]) for a, b in zip(found.offsets, found.offsets[1:], strict=False)]
    expected = Counter(word.encode() for text in rows for word in naive_bpe.split(text, "gpt2"))
    long = {word: count for word, count in expected.items() if len(word) > max_bytes}
    assert dict(zip(words, found.counts.tolist(), strict=True)) == {w: c for w, c in expected.items() if w not in long}
    assert found.num_long == sum(long.values())
    assert found.long_bytes == sum(len(word) * count for word, count in long.items())


def test_more_words_than_the_first_table_holds():
    rows = pa.array([" ".join(f"word{i} number-{i}-of-many" for i in range(20_000))] * 2, pa.large_string())
    found = pretokenize.count(rows, "gpt2", 100)
    expected = Counter(naive_bpe.split(rows[0].as_py(), "gpt2"))
    assert len(found.counts) == len(expected) > 20_000
    assert found.counts.sum() == 2 * sum(expected.values())


@without_clock
@given(st.lists(st.tuples(st.binary(max_size=20), st.integers(0, 3), st.integers(1, 9)), max_size=40))
def test_sums_are_those_of_a_dictionary(rows):
    words = utf8(pa.array([word for word, _, _ in rows], pa.large_binary()))
    subs, counts = np.array([s for _, s, _ in rows], dtype=np.uint64), np.array([c for _, _, c in rows], dtype=np.int64)
    hashes = np.array([xxhash.xxh64_intdigest(word) % 3 for word, _, _ in rows], dtype=np.uint64)  # of three values, so that they clash
    first, total = pretokens.sum_counts(hashes, words.offsets, words.data, subs, counts)
    expected = Counter()
    for word, sub, count in rows:
        expected[word, sub] += count
    assert {rows[i][:2]: c for i, c in zip(first.tolist(), total.tolist(), strict=True)} == dict(expected)
    assert len(first) == len(expected)


@without_clock
@given(st.lists(st.binary(max_size=100), max_size=6), st.integers(0, 2**64 - 1))
def test_row_hashes_are_xxh64(rows, seed):
    view = utf8(pa.array(rows, pa.large_binary()))
    out = np.empty(len(rows), dtype=np.uint64)
    pretokens.hash_rows(view.offsets, view.data, np.uint64(seed), out)
    assert out.tolist() == [xxhash.xxh64_intdigest(row, seed) for row in rows]


@without_clock
@given(st.lists(st.text(max_size=12), max_size=6), st.integers(1, 8))
def test_a_cap_counts_characters(rows, max_chars):
    view = utf8(pa.array(rows, pa.large_string()))
    out = np.empty(len(rows), dtype=np.int64)
    pretokens.cap_ends(view.offsets, view.data, max_chars, out)
    assert (out - view.offsets[:-1]).tolist() == [len(row[:max_chars].encode()) for row in rows]
