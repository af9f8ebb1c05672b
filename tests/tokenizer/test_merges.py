"""Learned merges are those of `BpeTrainer` on the same text and settings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.tokenizer.merges import learn
from tests.tokenizer import reference
from tests.tokenizer.texts import docstrings


def same(texts, **settings):
    vocabulary, merges = reference.trained(texts, **settings)
    ours = reference.learned(texts, **settings)
    assert ours.vocabulary == vocabulary
    assert ours.merges == merges
    return ours


@pytest.mark.parametrize(
    ("pattern", "num_bytes", "vocab_size"),
    [
        ("gpt2", 1_000_000, 12_000),
        ("gpt4", 1_000_000, 8_000),
    ],
)
def test_real_text(pattern, num_bytes, vocab_size):
    ours = same(docstrings(num_bytes), pattern=pattern, vocab_size=vocab_size)
    assert vocab_size * 0.8 < len(ours.vocabulary) <= vocab_size


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.text("ab c", max_size=40), max_size=6),
    st.integers(260, 320),
    st.integers(0, 4),
    st.sampled_from([("<|endoftext|>",), ("ab", "<|x|>"), ("a", "<|x|>"), ("<|x|>", "é")]),
)
def test_drawn_text_with_tokens_made_in_two_ways(texts, vocab_size, min_frequency, specials):
    same(texts, vocab_size=vocab_size, min_frequency=min_frequency, specials=specials)


def test_the_order_of_words_changes_nothing():
    words = [b" the", b" then", b" other", b"aaaa", b"hen"]
    counts = np.array([9, 4, 4, 3, 2])

    def learned(order):
        lengths = [len(words[i]) for i in order]
        data = np.frombuffer(b"".join(words[i] for i in order), dtype=np.uint8)
        return learn(np.cumsum([0, *lengths]), data, counts[order], ["<|endoftext|>"], 280, 0)

    assert learned([0, 1, 2, 3, 4])[:2] == learned([4, 2, 0, 3, 1])[:2]


def test_no_words_give_bytes_and_special_tokens():
    ours = learn(
        np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.uint8), np.empty(0, dtype=np.int64), ["<|endoftext|>", "<|pad|>"], 1000, 2
    )
    assert len(ours.vocabulary) == 258
    assert list(ours.vocabulary)[:2] == ["<|endoftext|>", "<|pad|>"]
    assert ours.merges == []
