"""From counted pre-tokens to a tokenizer: the wrapper of the merge kernel. The result depends on the counts only, never on their order."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from curate.kernels import bpe
from curate.tokenizer.file import byte_characters, unwritten, written


class Learned(NamedTuple):
    """A vocabulary and its merges, and how the words fall into tokens under them."""

    vocabulary: dict[str, int]
    """Token as a tokenizer.json writes it → id, ids ascending from 0: special tokens, bytes, merges."""
    merges: list[tuple[str, str]]
    """In order of rank."""
    token_counts: np.ndarray
    """int64[vocabulary]: how often each token stands in the counted words."""


def learn(offsets: np.ndarray, data: np.ndarray, counts: np.ndarray, specials: Sequence[str], vocab_size: int, min_count: int) -> Learned:
    """BPE over words data[offsets[i]:offsets[i + 1]] (uint8) that occur counts[i] (int64) times; no words give the 256 bytes and the
    special tokens."""
    first, byte_ids = first_tokens(specials)
    raw = [unwritten(token) or b"" for token in first]
    token_offsets = np.cumsum([0, *map(len, raw)], dtype=np.int64)
    symbols = byte_ids[data]
    words = np.stack([offsets[:-1], np.diff(offsets), counts], axis=1).astype(np.int64)
    merges, ends, token_data = bpe.learn_merges(
        symbols, words, token_offsets, np.frombuffer(b"".join(raw), dtype=np.uint8), vocab_size, min_count
    )
    num_tokens = len(ends) - 1
    seen = np.zeros(num_tokens, dtype=np.int64)
    bpe.token_counts(symbols, words, seen)
    names = first + [written(token_data[ends[i] : ends[i + 1]].tobytes()) for i in range(len(first), num_tokens)]
    return Learned({name: i for i, name in enumerate(names)}, _ranked(merges, names), seen)


def first_tokens(specials: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Tokens before the first merge, in the order of `BpeTrainer`: special tokens, then byte characters by code point; and int32[256]:
    byte → id.

    A special token that is a single byte character is that byte's token.
    """
    first = list(dict.fromkeys(specials))
    first += [c for c in sorted(byte_characters()) if c not in set(first)]
    ids = {token: i for i, token in enumerate(first)}
    return first, np.array([ids[c] for c in byte_characters()], dtype=np.int32)


def _ranked(merges: np.ndarray, names: list[str]) -> list[tuple[str, str]]:
    """Merges by rank; a pair learned twice counts by its last place, as it does when `tokenizers` saves a model."""
    ranks = {(left, right): rank for rank, (left, right, _) in enumerate(merges.tolist())}
    return [(names[left], names[right]) for left, right in sorted(ranks, key=ranks.__getitem__)]
