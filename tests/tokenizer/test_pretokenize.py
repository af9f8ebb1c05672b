"""Pre-tokens are those of `tokenizers`."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from tokenizers import Regex, pre_tokenizers

from curate.tokenizer import pretokenize
from curate.tokenizer.file import byte_characters, written
from tests.tokenizer import reference
from tests.tokenizer.texts import docstrings, short_texts

patterns = pytest.mark.parametrize("pattern", ["gpt2", "gpt4"])


def of_tokenizers(text, pattern):
    return [piece for piece, _ in reference.pre_tokenizer(pattern).pre_tokenize_str(text)]


@patterns
@settings(deadline=None, max_examples=300)
@given(text=short_texts)
def test_drawn_texts_split_alike(pattern, text):
    assert [written(word.encode()) for word in pretokenize.split(text, pattern)] == of_tokenizers(text, pattern)


@patterns
def test_real_text_splits_alike(pattern):
    for text in docstrings(200_000):
        assert [written(word.encode()) for word in pretokenize.split(text, pattern)] == of_tokenizers(text, pattern)


def test_every_code_point_has_the_class_that_the_library_gives_it():
    # letters, digits and blanks among code points 0 to 0x3FFFF, each between marks that belong to no class
    points = [chr(c) for c in range(0x40000) if not 0xD800 <= c < 0xE000]
    for regex, kind in ((r"\p{L}", 1), (r"\p{N}", 2), (r"\s", 3)):
        found = pre_tokenizers.Split(Regex(regex), behavior="removed", invert=True).pre_tokenize_str("".join(points))
        assert {c for piece, _ in found for c in piece} == {c for c in points if pretokenize.classes()[ord(c)] == kind}
    assert not pretokenize.classes()[0x40000:].any()


def test_byte_characters_are_those_of_the_library():
    assert sorted(byte_characters()) == sorted(pre_tokenizers.ByteLevel.alphabet())


def test_null_is_no_document_and_a_slice_is_honoured():
    texts = pa.array(["not this", "a b", None, "", "a"], pa.string()).slice(1)
    found = pretokenize.count(texts, "gpt2", 100)
    assert (found.num_documents, found.text_bytes) == (3, 4)
    assert dict(
        zip([bytes(found.data[a:b]) for a, b in zip(found.offsets, found.offsets[1:], strict=False)], found.counts.tolist(), strict=True)
    ) == {b"a": 2, b" b": 1}


def test_the_cap_counts_what_it_leaves_out():
    found = pretokenize.count(pa.array(["ééé abc", "ab"], pa.large_string()), "gpt2", 100, max_chars=2)
    assert found.capped_bytes == 2 + 4
    assert found.data.tobytes() == "ééab".encode()


@patterns
def test_the_written_pre_tokenizer_is_read_back(pattern):
    assert pretokenize.from_json(pretokenize.as_json(pattern)) == pattern
    assert pretokenize.from_json({"type": "Whitespace"}) is None
    assert pretokenize.from_json(None) is None
