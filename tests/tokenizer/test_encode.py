"""Ids are those of `tokenizers` on whole documents; special tokens are never made by text; no document is too long."""

import importlib.util
import itertools
import json
import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from curate.errors import ShardError
from curate.tokenizer import backends as backends_of_encoder
from curate.tokenizer import encode
from curate.tokenizer.backends import MAX_PIECE_BYTES
from curate.tokenizer.encode import Encoder
from tests.tokenizer import reference
from tests.tokenizer.texts import docstrings, short_texts

OURS = {pattern: reference.tokenizer_json(docstrings(100_000), pattern) for pattern in ("gpt2", "gpt4")}
BACKENDS = ["kernel", "tokenizers", *(["gigatoken"] if importlib.util.find_spec("gigatoken") else [])]
backends = pytest.mark.parametrize("backend", BACKENDS)


def documents(encoder, texts):
    offsets, tokens = encoder.encode(pa.array(texts, pa.large_string()))
    assert offsets.dtype == np.int64
    assert len(offsets) == len(texts) + 1
    return [tokens[a:b].tolist() for a, b in itertools.pairwise(offsets)]


def expected(data, text):
    """Ids by the library, special tokens switched off, behind the boundary."""
    plain = json.loads(data)
    plain["added_tokens"] = []
    return [0, *Tokenizer.from_str(json.dumps(plain)).encode(text).ids]


@backends
@pytest.mark.parametrize("pattern", ["gpt2", "gpt4"])
def test_real_text(pattern, backend):
    encoder = Encoder(OURS[pattern], backend=backend)
    texts = docstrings(100_000)
    assert encoder.backend == backend
    assert documents(encoder, texts[:50]) == [expected(OURS[pattern], text) for text in texts[:50]]


@settings(deadline=None)
@given(texts=st.lists(short_texts, max_size=5), pattern=st.sampled_from(["gpt2", "gpt4"]))
def test_drawn_texts(pattern, texts):
    assert documents(Encoder(OURS[pattern]), texts) == [expected(OURS[pattern], text) for text in texts]


@settings(deadline=None, max_examples=25)  # each trains a tokenizer and proves it
@given(st.lists(st.text("ab c", max_size=60), min_size=1, max_size=4))
def test_tokens_that_are_made_in_two_ways(texts):
    data = reference.tokenizer_json(texts, vocab_size=300, min_frequency=1)
    assert documents(Encoder(data, backend="kernel"), texts) == [expected(data, text) for text in texts]


@backends
def test_special_tokens_in_text_are_text(backend):
    encoder = Encoder(OURS["gpt2"], backend=backend)
    for text in ("<|endoftext|>", "a<|endoftext|>b", "<|endoftext|><|endoftext|>", " <|endoftext|> "):
        (ids,) = documents(encoder, [text])
        assert ids.count(encoder.eos_id) == 1
        assert ids[0] == encoder.eos_id
        assert Tokenizer.from_str(OURS["gpt2"].decode()).decode(ids[1:]) == text


@backends
def test_null_empty_slices_and_no_rows(backend):
    encoder = Encoder(OURS["gpt2"], backend=backend)
    one, two = documents(encoder, ["one"])[0], documents(encoder, ["two words"])[0]
    texts = pa.array(["not this", None, "one", "", None, "two words", None], pa.string()).slice(1)
    offsets, tokens = encoder.encode(texts)
    assert [tokens[a:b].tolist() for a, b in itertools.pairwise(offsets)] == [[], one, [0], [], two, []]
    assert tokens.dtype == np.uint16
    assert documents(encoder, []) == []
    assert documents(encoder, [None]) == [[]]


@backends
@pytest.mark.parametrize("unit", ["a", "the cat sat on 12 mats. ", "漢字", " ", "\n", " \n\t", "'s"])
def test_a_long_document_is_encoded_as_if_it_were_short(backend, unit):
    text = unit * (150_000 // len(unit.encode()))
    (ids,) = documents(Encoder(OURS["gpt2"], backend=backend), [text])
    loaded = Tokenizer.from_str(OURS["gpt2"].decode())
    assert loaded.decode(ids[1:]) == text
    if unit in ("the cat sat on 12 mats. ", "'s"):  # no pre-token is longer than a piece, so nothing may change
        assert ids == expected(OURS["gpt2"], text)


def test_short_and_long_documents_together():
    encoder = Encoder(OURS["gpt2"])
    texts = ["first", "a b " * 30_000, None, "mid", "é" * 70_000, ""]
    together = documents(encoder, texts)
    assert together == [documents(encoder, [text])[0] for text in texts]


def test_a_hundred_megabytes_of_one_character():
    offsets, tokens = Encoder(OURS["gpt2"]).encode(pa.array(["=" * 100_000_000], pa.large_string()))
    assert offsets.tolist() == [0, len(tokens)]
    assert 100_000_000 // 64 <= len(tokens) <= 100_000_001


@pytest.fixture(scope="module")
def foreign():
    """A tokenizer whose pattern is none of ours: words and blanks, no byte level; 70,000 tokens."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, " ": 1, "cat": 2, **{f"w{i}": i + 3 for i in range(70_000)}}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(" "), behavior="isolated")
    tokenizer.add_special_tokens(["</s>"])
    return tokenizer.to_str().encode()


def test_a_tokenizer_of_others_falls_back_and_says_why(foreign):
    encoder = Encoder(foreign)
    assert encoder.backend == "tokenizers"
    assert encoder.passed_over["kernel"] == "it is not plain byte-level BPE with the pattern of GPT-2 or GPT-4"
    assert (encoder.vocab_size, encoder.eos_token, encoder.eos_id) == (70_004, "</s>", 70_003)
    assert encoder.encode(pa.array(["w9 cat"]))[1].tolist() == [70_003, 12, 1, 2]
    assert encoder.dtype == np.uint32


def test_a_long_document_with_a_pattern_of_others(foreign):
    num = 3 * MAX_PIECE_BYTES // 4
    (ids,) = documents(Encoder(foreign), [" ".join(["cat"] * num)])
    assert ids[1:] == [2, 1] * (num - 1) + [2]


def test_cuts_without_blanks_stand_between_characters():
    data = np.frombuffer(("é" * MAX_PIECE_BYTES).encode() + b"x", dtype=np.uint8)
    ids = lambda text: np.frombuffer(text, dtype=np.uint8)  # noqa: E731
    cuts = encode.cut_unknown(data, ids, max_seamless=MAX_PIECE_BYTES)
    assert cuts[-1] == len(data)
    assert all(b - a <= MAX_PIECE_BYTES for a, b in zip([0, *cuts], cuts, strict=False))
    for a, b in zip([0, *cuts], cuts, strict=False):
        data[a:b].tobytes().decode()
    assert encode.cut_unknown(data, ids) == [len(data)]


@backends
def test_groups_and_new_beginnings_change_no_id(backend, monkeypatch):
    """Documents, a long one among them, given to the backend in groups of a few pieces, while what it has seen is forgotten all the time."""
    texts = ["one", None, "a b " * 30_000, "", *docstrings(20_000), "漢字" * 30_000]
    before = documents(Encoder(OURS["gpt2"], backend=backend), texts)
    monkeypatch.setattr(encode, "GROUP_BYTES", 1000)
    monkeypatch.setattr(backends_of_encoder, "RENEW_BYTES", -(1 << 40))
    assert documents(Encoder(OURS["gpt2"], backend=backend), texts) == before


@backends
def test_crosses_a_process_boundary(backend):
    encoder = Encoder(OURS["gpt4"], backend=backend)
    again = pickle.loads(pickle.dumps(encoder))
    assert again.backend == backend
    assert documents(again, ["a text"]) == documents(encoder, ["a text"])


def test_a_backend_that_is_none():
    with pytest.raises(
        ShardError, match=r"encoder: expected a backend of \['gigatoken', 'kernel', 'tokenizers'\], got 'fast'; leave it out"
    ):
        Encoder(OURS["gpt2"], backend="fast")


def test_a_backend_that_cannot(foreign):
    with pytest.raises(
        ShardError, match="encoder: expected backend kernel to give the ids of tokenizers, got: it is not plain byte-level BPE"
    ):
        Encoder(foreign, backend="kernel")
