"""Figures of a tokenizer on a corpus: counted by hand here, added in any order."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.arrow import utf8
from curate.tokenizer import usage
from curate.tokenizer.encode import Encoder
from tests.tokenizer import reference
from tests.tokenizer.texts import docstrings

OURS = reference.tokenizer_json(docstrings(100_000), "gpt2")
TEXTS = ["the cat sat", "", None, "Ходит кот учёный", "漢字 かな 漢字", "12 + 3", " the dog ", "the cat"]
LANGUAGES = ["en", "en", "en", "ru", None, None, "en", "en"]


def counted(texts, languages, parts=1, others=None):
    encoder, made = Encoder(OURS), []
    for start in range(parts):
        one = usage.Usage(encoder.vocab_size, others)
        batch = pa.array(texts[start::parts], pa.large_string())
        offsets, tokens = encoder.encode(batch)
        sampled = np.array([text is not None and "cat" in text for text in texts[start::parts]], dtype=np.bool_)
        one.add(batch, offsets, tokens, {"language": pa.array(languages[start::parts], pa.string())}, sampled)
        made.append(one)
    sums, compared, used = {}, {}, np.zeros(-(-encoder.vocab_size // 8), dtype=np.uint8)
    for one in made:
        usage.merge(sums, compared, one.facts())
        used |= np.frombuffer(one.used(), dtype=np.uint8)
    return usage.report(sums, compared, used.tobytes(), OURS)


def test_figures_are_those_of_the_documents():
    found = counted(TEXTS, LANGUAGES)
    encoder = Encoder(OURS)
    lengths = {text: len(encoder.encode(pa.array([text]))[1]) - 1 for text in TEXTS if text is not None}
    english = [text for text, language in zip(TEXTS, LANGUAGES, strict=True) if language == "en" and text is not None]
    tokens, num_bytes = sum(lengths[text] for text in english), sum(len(text) for text in english)
    assert found["by_language"]["en"] == {
        "documents": 4,
        "text_bytes": num_bytes,
        "words": 7,
        "tokens": tokens,
        "bytes_per_token": round(num_bytes / tokens, 4),
        "tokens_per_word": round(tokens / 7, 4),
    }
    assert found["all"]["tokens"] == sum(lengths.values())
    assert {name: group["documents"] for name, group in found["by_script"].items()} == {"Latin": 3, "(none)": 2, "Cyrillic": 1, "Han": 1}
    assert found["by_language"]["(none)"]["documents"] == 2
    used = {int(token) for text in lengths for token in encoder.encode(pa.array([text]))[1]} - {0}
    assert found["num_unused_tokens"] == encoder.vocab_size - 1 - len(used)


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_parts_change_nothing(parts):
    assert counted(TEXTS, LANGUAGES, parts) == counted(TEXTS, LANGUAGES)


def test_another_tokenizer_beside_it():
    other = reference.tokenizer_json(docstrings(100_000), "gpt2", vocab_size=300)
    found = counted(TEXTS, LANGUAGES, 2, {"small.json": Encoder(other)})["compared"]
    tokens = sum(len(Encoder(other).encode(pa.array([text]))[1]) - 1 for text in ("the cat sat", "the cat"))
    assert [one["tokenizer"] for one in found] == ["this one", "small.json"]
    assert found[1] == {
        "tokenizer": "small.json",
        "documents": 2,
        "text_bytes": 18,
        "tokens": tokens,
        "bytes_per_token": round(18 / tokens, 4),
    }
    assert found[0]["tokens"] < tokens


def test_nothing_at_all():
    found = counted([], [])
    assert found["all"] == {"documents": 0, "text_bytes": 0, "words": 0, "tokens": 0, "bytes_per_token": None, "tokens_per_word": None}
    assert usage.report({}, {}, b"", OURS)["num_unused_tokens"] == 999


@given(st.lists(st.text("a é\n\t漢.", max_size=12), max_size=6))
def test_words_are_what_lies_between_blanks(texts):
    view = utf8(pa.array(["before", *texts], pa.large_string()).slice(1))
    plain = [text.encode().translate(bytes(range(0x21)) + bytes(range(0x21, 0x100)), b"") for text in texts]
    assert usage.num_words(view.offsets, view.data).tolist() == [len(text.split()) for text in plain]


@given(
    st.lists(st.tuples(st.sampled_from(["a", "β", "Ж", "漢", "한", "か", "ع", "א", "अ", "1", "😀", " "]), st.integers(1, 9)), max_size=5)
)
def test_the_script_is_that_of_most_letters(runs):
    names = {"a": 0, "β": 1, "Ж": 2, "漢": 27, "한": 22, "か": 26, "ع": 5, "א": 4, "अ": 7}
    counts = dict.fromkeys(names.values(), 0)
    for letter, num in runs:
        if letter in names:
            counts[names[letter]] += num
    view = utf8(pa.array(["".join(letter * num for letter, num in runs)], pa.large_string()))
    best = min(counts, key=lambda place: (-counts[place], place))
    assert usage.scripts(view.offsets, view.data) == [usage.SCRIPTS[best][0] if counts[best] else usage.MISSING]
