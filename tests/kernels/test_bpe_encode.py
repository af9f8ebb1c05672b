"""The encoding kernel against the slow twin; against `tokenizers` in tests/tokenizer/test_encode.py."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from curate.kernels import bpe_encode
from curate.kernels.pretoken_states import CHUNK
from curate.tokenizer import pretokenize
from tests import naive_bpe

without_clock = settings(deadline=None)  # the first call compiles
BYTE_IDS = np.arange(256, dtype=np.int32)


def room(rows, piece=4096):
    memory = bpe_encode.Memory(
        np.zeros((rows, 4), np.uint64), np.empty(64 * rows, np.uint8), np.empty(64 * rows, np.int32), np.zeros(3, np.int64)
    )
    symbols = (np.empty(piece, np.int32) for _ in range(3))
    return memory, bpe_encode.Bench(*symbols, np.empty(3 * piece, np.uint64), np.empty(CHUNK + 16, np.int64))


def encode(texts, merges, entries=16):
    lefts, rights, made = (np.array(column, dtype=np.int32) for column in (list(zip(*merges, strict=True)) or [(), (), ()]))
    data = np.frombuffer("".join(texts).encode(), dtype=np.uint8)
    ends = np.cumsum([len(t.encode()) for t in texts], dtype=np.int64)
    out, row_ends = np.empty(len(data) + 4, np.uint16), np.empty(len(texts), np.int64)
    starts = np.concatenate(([0], ends[:-1]))
    memory, bench = room(entries)
    table = bpe_encode.merge_table(lefts, rights, made, BYTE_IDS)
    bpe_encode.encode_rows(starts, ends, data, pretokenize.splitter("gpt2"), table, memory, bench, out, row_ends, 0)
    return [out[a:b].tolist() for a, b in zip([0, *row_ends], row_ends, strict=False)]


@without_clock
@given(st.lists(st.text("ab c", max_size=20), min_size=1, max_size=8), st.integers(1, 40))
def test_ids_are_those_of_the_slow_twin(texts, num_merges):
    words = {}
    for text in texts:
        for word in naive_bpe.split(text, "gpt2"):
            words[tuple(word.encode())] = words.get(tuple(word.encode()), 0) + 1
    _, merges = naive_bpe.train(words, [bytes([b]) for b in range(256)], 256 + num_merges, 1)
    assume(
        len({m[2] for m in merges}) == len(merges)
    )  # one token made in two ways: the order of the queue decides, compared with `tokenizers` instead
    ranks = {(left, right): (rank, made) for rank, (left, right, made) in enumerate(merges)}
    expected = [[i for w in naive_bpe.split(t, "gpt2") for i in naive_bpe.encode(w.encode(), BYTE_IDS.tolist(), ranks)] for t in texts]
    assert encode(texts, merges) == expected


def test_memory_that_overflows_changes_no_id():
    merges = [(97 + i % 26, 97 + i // 26, 256 + i) for i in range(26 * 26)]
    texts = [" ".join(f"w{i}" + "xyz" * (i % 5) for i in range(500))] * 3
    assert encode(texts, merges, entries=8) == encode(texts, merges, entries=4096)


def test_a_long_word():
    merges = [(97, 97, 256), (256, 256, 257)]
    assert encode(["a" * 4001], merges) == [[257] * 1000 + [97]]
