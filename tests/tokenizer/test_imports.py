"""Tokenizers of others become a tokenizer.json with the same ids, or are refused by name."""

import base64
import json
import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from curate.errors import ShardError
from curate.tokenizer.encode import Encoder
from curate.tokenizer.file import unwritten
from curate.tokenizer.imports import BPE, META, UNIGRAM, imported
from tests.tokenizer import reference
from tests.tokenizer.texts import docstrings

OURS = {pattern: reference.tokenizer_json(docstrings(100_000), pattern) for pattern in ("gpt2", "gpt4")}
SPECIAL = {"<|endoftext|>": 5000}


def tiktoken_file(tokenizer_json):
    """The same vocabulary as a tiktoken file, ids one lower, since the special token is not in it."""
    vocabulary = json.loads(tokenizer_json)["model"]["vocab"]
    return b"".join(base64.b64encode(unwritten(token)) + b" %d\n" % (i - 1) for token, i in vocabulary.items() if i)


@pytest.mark.parametrize("pattern", ["gpt2", "gpt4"])
def test_a_tiktoken_file_gives_the_ids_of_the_tokenizer_that_it_was_made_of(pattern):
    texts = pa.array(docstrings(100_000)[:200])
    encoder = Encoder(imported(tiktoken_file(OURS[pattern]), "ours.tiktoken", pattern, SPECIAL))
    assert (encoder.eos_id, encoder.vocab_size) == (5000, 5001)
    offsets, tokens = Encoder(OURS[pattern]).encode(texts)
    expected = np.where(tokens == 0, 5001, tokens).astype(np.int64) - 1
    found_offsets, found = encoder.encode(texts)
    assert found_offsets.tolist() == offsets.tolist()
    assert found.tolist() == expected.tolist()


def test_the_published_tiktoken_files_are_known_by_name():
    whole = json.loads(imported(tiktoken_file(OURS["gpt4"]), "models/cl100k_base.tiktoken"))
    assert {token["content"]: token["id"] for token in whole["added_tokens"]}["<|endoftext|>"] == 100257
    assert whole["pre_tokenizer"] == json.loads(OURS["gpt4"])["pre_tokenizer"]
    assert whole["model"]["ignore_merges"]


def test_a_whole_token_is_taken_though_no_merge_makes_it():
    lines = [base64.b64encode(bytes([b])) + b" %d" % b for b in range(256)] + [base64.b64encode(b"xyz") + b" 256"]
    data = imported(b"\n".join(lines), "x", "gpt2", {"<|endoftext|>": 257})
    assert Encoder(data).encode(pa.array(["xyz xyz"]))[1].tolist() == [257, 256, 32, 120, 121, 122]


def number(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(tag, value):
    """One field of a protocol buffer."""
    if isinstance(value, int):
        return number(tag << 3) + number(value)
    if isinstance(value, float):
        return number(tag << 3 | 5) + struct.pack("<f", value)
    return number(tag << 3 | 2) + number(len(value)) + value


def model(pieces, kind, trainer=b"", **rules):
    """A sentencepiece model: pieces are (text, score, type); rules are fields of NormalizerSpec by number."""
    body = b"".join(field(1, field(1, text.encode()) + field(2, float(score)) + field(3, type_)) for text, score, type_ in pieces)
    spec = b"".join(field(int(name[1:]), value) for name, value in rules.items())
    return body + field(2, field(3, kind) + trainer) + field(3, spec)


CONTROL = [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3)]
BYTES = [(f"<0x{byte:02X}>", 0, 6) for byte in range(256)]
WORDS = [f"{META}t", "he", f"{META}the", "in", f"{META}a", "er", "on", f"{META}an", "ing", "re", f"{META}{META}"]
LETTERS = [META, *"etaoinshrdlu<>/"]
LLAMA = [*CONTROL, *BYTES, *((word, -i, 1) for i, word in enumerate([*WORDS, *LETTERS]))]
LIKE_LLAMA = {"f3": 1, "f4": 0, "f5": 1}


@settings(deadline=None)
@given(
    st.text(st.sampled_from("theinao r<s>/é漢\n"), max_size=40).filter(lambda t: "<s>" not in t and "</s>" not in t and "<unk>" not in t)
)
def test_a_model_of_type_bpe_gives_the_ids_of_gigatoken(text):
    gigatoken = pytest.importorskip("gigatoken")
    data = model(LLAMA, BPE, field(35, 1), **LIKE_LLAMA)
    ids = Encoder(imported(data, "llama.model"), backend="tokenizers").encode(pa.array([text]))[1].tolist()
    assert ids[1:] == [int(i) for i in gigatoken.Tokenizer.from_sentencepiece(data).encode(text)]


def test_special_pieces_in_text_are_text():
    data = imported(model(LLAMA, BPE, **LIKE_LLAMA), "llama.model")
    encoder = Encoder(data)
    ids = encoder.encode(pa.array(["</s>the<unk>"]))[1].tolist()
    assert (encoder.eos_token, ids[0]) == ("</s>", 2)
    assert not {0, 1, 2} & set(ids[1:])
    assert Tokenizer.from_str(data.decode()).decode(ids[1:], skip_special_tokens=False) == "</s>the<unk>"


def best(text, scores):
    """The likeliest cut of a text into pieces, by trying all."""
    if not text:
        return 0.0, ()
    found = [(scores[text[:n]], n) for n in range(1, len(text) + 1) if text[:n] in scores]
    return max((score + best(text[n:], scores)[0], (text[:n], *best(text[n:], scores)[1])) for score, n in found)


@settings(deadline=None)
@given(st.text("ab", max_size=8))
def test_a_model_of_type_unigram_gives_the_likeliest_cut(text):
    scores = {META: -3.0, "a": -2.5, "b": -2.75, f"{META}a": -4.0, "ab": -3.5, "ba": -4.5, "aba": -5.25}
    pieces = [*CONTROL, *((piece, score, 1) for piece, score in scores.items()), *((letter, -9, 1) for letter in "</>sunk")]
    encoder = Encoder(imported(model(pieces, UNIGRAM, f3=1, f4=1), "t5.model"))
    names = [piece for piece, _, _ in pieces]
    found = [names[i] for i in encoder.encode(pa.array([text]))[1].tolist()[1:]]
    wanted = best(META + text, scores) if text else (0.0, ())
    assert "".join(found) == (META + text if text else "")
    assert sum(scores[piece] for piece in found) == pytest.approx(wanted[0])


def test_a_unigram_model_that_cannot_write_its_special_piece_as_text_is_refused():
    data = imported(model([*CONTROL, (META, -1, 1), ("a", -1, 1)], UNIGRAM), "t5.model")
    with pytest.raises(ShardError, match="expected text that spells the special token '<s>' to be encoded as text, got ids"):
        Encoder(data)


def test_a_long_document_with_a_blank_put_before_it_has_no_seam():
    text = "the ring in there " * 12_000
    encoder = Encoder(imported(model(LLAMA, BPE, **LIKE_LLAMA), "llama.model"))
    assert len(text) > 3 * 65_536
    ids = encoder.encode(pa.array([text]))[1].tolist()
    short = encoder.encode(pa.array(["the ring in there " * 2]))[1].tolist()[1:]
    once = len(short) // 2
    assert ids[1 : 1 + once] == short[:once]
    assert len(ids) - 1 == 12_000 * once + (len(short) - 2 * once)


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (b"\x00\x01 nothing", {}, r"m: expected a tokenizer.json, a tiktoken file or a sentencepiece model, got b'\\x00\\x01 nothing'"),
        (b"", {}, "m: expected a tokenizer.json, a tiktoken file or a sentencepiece model, got b''"),
        (b"YQ== 0\nb!! 1\n", {"pattern": "gpt2", "special_tokens": SPECIAL}, r"m:2: expected a token in base64 and its rank, got b'b!! 1'"),
        (b"YQ== 0\n", {}, r"m: expected `pattern` and `special_tokens` for a tiktoken file .*, got pattern None and special_tokens \{\}"),
        (b"YQ== 0\nYg== 0\n", {"pattern": "gpt2", "special_tokens": SPECIAL}, "got 2 tokens with 1 ranks"),
        (
            b"YQ== 0\n",
            {"pattern": "gpt2", "special_tokens": {"<e>": 0}},
            r"expected special tokens with ids of their own, .* \[0\] is taken",
        ),
        (b"YQ== 0\n", {"pattern": "gpt2", "special_tokens": SPECIAL}, r"expected a token for every byte, got none for \[0, 1, 2, 3, 4\]"),
        (OURS["gpt2"], {"pattern": "gpt2"}, "expected no `pattern` or `special_tokens` for a tokenizer.json"),
        (model(LLAMA, 3), {}, "expected a sentencepiece model of type unigram or BPE .*, got type 3"),
        (model(LLAMA, BPE, f5=0), {}, "escape_whitespaces 0"),
        (model(LLAMA, BPE)[:-3], {}, "m: expected a tokenizer.json, a tiktoken file or a sentencepiece model"),
    ],
)
def test_what_cannot_be_carried_over(data, settings, message):
    with pytest.raises(ShardError, match=message):
        imported(data, "m", **settings)


def test_a_tokenizer_that_would_make_its_special_token_from_text_is_refused():
    whole = json.loads(OURS["gpt2"])
    vocabulary = whole["model"]["vocab"]
    whole["added_tokens"][0] |= {"content": "the", "id": vocabulary["the"]}
    with pytest.raises(ShardError, match=r"expected text that spells the special token 'the' to be encoded as text, got ids \[\d+\]"):
        Encoder(json.dumps(whole).encode())
