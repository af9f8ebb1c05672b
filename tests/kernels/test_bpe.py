"""The merge kernel against lists and dictionaries."""

import itertools
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels import bpe
from tests import naive_bpe

without_clock = settings(deadline=None)  # the first call compiles
FIRST = [bytes([b]) for b in range(256)]


def learn(words, vocab_size, min_count):
    symbols = np.array([b for word in words for b in word], dtype=np.int32)
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    table = np.stack([np.cumsum(lengths) - lengths, lengths, np.array(list(words.values()), dtype=np.int64)], axis=1)
    first = np.arange(257, dtype=np.int64)
    merges, ends, data = bpe.learn_merges(symbols, table, first, np.arange(256, dtype=np.uint8), vocab_size, min_count)
    tokens = [data[a:b].tobytes() for a, b in itertools.pairwise(ends)]
    return tokens, [tuple(m) for m in merges.tolist()], symbols, table


words = st.dictionaries(st.text("abc", min_size=1, max_size=14).map(str.encode), st.integers(1, 5), max_size=12)


@without_clock
@given(words, st.integers(256, 300), st.integers(0, 4))
def test_merges_are_those_of_the_slow_twin(words, vocab_size, min_count):
    tokens, merges, symbols, table = learn(words, vocab_size, min_count)
    assert (tokens, merges) == naive_bpe.train({tuple(w): c for w, c in words.items()}, FIRST, vocab_size, min_count)
    cut = [b"".join(tokens[s] for s in symbols[a : a + n]) for a, n, _ in table]
    assert cut == list(words)


@without_clock
@given(words, st.randoms(use_true_random=False))
def test_the_order_of_words_changes_nothing(words, random):
    items = list(words.items())
    random.shuffle(items)
    assert learn(words, 290, 0)[:2] == learn(dict(items), 290, 0)[:2]


def test_one_word_of_one_letter():
    tokens, merges, *_ = learn({b"a" * 64: 1}, 300, 0)
    assert tokens[256:260] == [b"aa", b"aaaa", b"aaaaaaaa", b"a" * 16]
    assert merges[0] == (97, 97, 256)


def test_token_counts_weigh_words():
    words = {b"abab": 3, b"c": 2}
    tokens, _, symbols, table = learn(words, 257, 0)
    out = np.zeros(257, dtype=np.int64)
    bpe.token_counts(symbols, table, out)
    assert tokens[256] == b"ab"
    assert {tokens[i]: int(c) for i, c in enumerate(out) if c} == {b"ab": 6, b"c": 2}


def test_tables_grow():
    rng = np.random.RandomState(1)
    words = Counter(bytes(rng.randint(0, 256, 12).tolist()) for _ in range(20_000))
    tokens, merges, symbols, table = learn(words, 2000, 0)
    assert len(tokens) == 2000
    for i in range(0, len(table), 997):
        assert b"".join(tokens[s] for s in symbols[table[i, 0] : table[i, 0] + table[i, 1]]) == list(words)[i]
    left, right, made = merges[-1]
    assert tokens[made] == tokens[left] + tokens[right]
