"""The tokenizer.json: loads where it must, says what is wrong where it does not."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from curate.errors import ShardError
from curate.tokenizer import file
from tests.tokenizer import reference
from tests.tokenizer.texts import docstrings

OURS = {pattern: reference.tokenizer_json(docstrings(100_000), pattern) for pattern in ("gpt2", "gpt4")}
patterns = pytest.mark.parametrize("pattern", ["gpt2", "gpt4"])


@patterns
@settings(deadline=None)
@given(text=st.text())
def test_any_text_comes_back(pattern, text):
    loaded = Tokenizer.from_str(OURS[pattern].decode())
    ids = loaded.encode(text, add_special_tokens=False).ids
    if "<|endoftext|>" not in text:
        assert loaded.decode(ids) == text


@patterns
def test_transformers_loads_it(pattern, tmp_path):
    transformers = pytest.importorskip("transformers")
    path = tmp_path / "tokenizer.json"
    path.write_bytes(OURS[pattern])
    fast = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path), eos_token="<|endoftext|>")
    text = "A tokenizer's words: 12345 naïve 漢字\n\n  done"
    assert fast(text)["input_ids"] == Tokenizer.from_file(str(path)).encode(text).ids
    assert fast.decode(fast(text)["input_ids"], clean_up_tokenization_spaces=False) == text
    assert fast.eos_token_id == 0


def test_auto_tokenizer_opens_the_folder(tmp_path):
    transformers = pytest.importorskip("transformers")
    (tmp_path / "tokenizer.json").write_bytes(OURS["gpt4"])
    (tmp_path / "tokenizer_config.json").write_bytes(file.config_json("<|endoftext|>", ["<|endoftext|>"]))
    loaded = transformers.AutoTokenizer.from_pretrained(str(tmp_path))
    assert loaded("two words")["input_ids"] == Tokenizer.from_str(OURS["gpt4"].decode()).encode("two words").ids
    assert (loaded.bos_token, loaded.eos_token_id) == ("<|endoftext|>", 0)


def test_the_same_tokens_are_the_same_bytes():
    assert reference.tokenizer_json(docstrings(100_000), "gpt2") == OURS["gpt2"]
    assert reference.tokenizer_json(docstrings(100_000)[::-1], "gpt2") == OURS["gpt2"]


@patterns
def test_facts_of_ours(pattern):
    facts = file.read(OURS[pattern])
    assert facts == (1000, "<|endoftext|>", 0, {"<|endoftext|>": 0}, True, pattern, -1)
    assert facts.dtype == "uint16"
    assert facts._replace(vocab_size=65_536).dtype == "uint16"
    assert facts._replace(vocab_size=65_537).dtype == "uint32"


def test_facts_of_another_kind():
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    tokenizer.add_special_tokens(["</s>"])
    facts = file.read(tokenizer.to_str().encode())
    assert facts == (3, "</s>", 2, {"</s>": 2}, False, None, 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\x00", r"t.json: expected a tokenizer.json, got b'\\xff\\x00'"),
        (b"[1, 2]", "t.json: expected an object with `model.vocab`, got list; a vocab.json"),
        (b'{"the": 0, "of": 1}', r"t.json: expected an object with `model.vocab`, got \['of', 'the'\]"),
        (
            b'{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "b"]]}}',
            "t.json: expected a file that `tokenizers` loads, got the error",
        ),
        (
            json.dumps({"version": "1.0", "added_tokens": [], "model": {"type": "BPE", "vocab": {}, "merges": []}}).encode(),
            r"t.json: expected a special token that ends documents, such as <\|endoftext\|>, got \[\]; name one of these, or add it",
        ),
    ],
)
def test_what_is_no_tokenizer(data, message):
    with pytest.raises(ShardError, match=message):
        file.read(data, name="t.json")


def test_a_boundary_that_is_not_there():
    with pytest.raises(ShardError, match=r"expected the special token '<eot>', got \['<\|endoftext\|>'\]"):
        file.read(OURS["gpt2"], end="<eot>")


@given(st.binary(max_size=20))
def test_bytes_written_are_read_back(token):
    assert file.unwritten(file.written(token)) == token


def test_characters_that_stand_for_no_byte():
    assert file.unwritten("漢") is None
