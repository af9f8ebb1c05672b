"""Gopher repetition: one text per reason, edge cases, and the measures against their slow twin."""

import itertools

import naive_rules
import naive_text
import naive_words
import pyarrow as pa
import pytest
from awkward_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.gopher_repetition import NGRAMS, SEGMENTS, Config, gopher_repetition

NAMES = [*SEGMENTS, *NGRAMS]


def run(texts, config=None):
    config = config or Config()
    measured = gopher_repetition.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "r")
    return {n.removeprefix("r__"): c.to_pylist() for n, c in (measured | gopher_repetition.judge(measured, config, "r")).items()}


def only(*names):
    """A config with all rules off but these."""
    return Config(**{f"max_{n}": None for n in NAMES if n not in names})


WORDS = [a + b + c for a, b, c in itertools.product("bdfgklm", "aeiou", "nprst")]


def prose(n, start=0):
    return " ".join(WORDS[start + i] for i in range(n))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (prose(100), None),
        ("", None),
        (f"{prose(20)}\n\n{prose(20)}", "dup_paragraphs"),
        ("\n\n".join(["xx"] * 3 + [prose(6, 6 * i) for i in range(7)]), None),
        ("\n\n".join([prose(40), prose(40), *"abcdefgh"]), "dup_paragraph_chars"),
        ("\n".join([prose(30)] * 3), "dup_lines"),
        ("\n".join([prose(40), prose(40), *"abcdefgh"]), "dup_line_chars"),
        ("of the " * 9 + prose(30), "top_2_gram"),
    ],
)
def test_reasons(text, reason):
    assert run([text], only("dup_paragraphs", "dup_paragraph_chars", "dup_lines", "dup_line_chars", "top_2_gram"))["drop"] == [reason]


@pytest.mark.parametrize("n", [3, 4])
def test_top_ngrams(n):
    text = f"{prose(n)} " * 8 + prose(60, n)
    assert run([text], only(f"top_{n}_gram"))["drop"] == [f"top_{n}_gram"]


@pytest.mark.parametrize("n", range(5, 11))
def test_duplicated_ngrams(n):
    text = f"{prose(n)} {prose(25, 20)} {prose(n)} {prose(10, 80)} {prose(n)} {prose(n)}"
    assert run([text], only(f"dup_{n}_grams"))["drop"] == [f"dup_{n}_grams"]


def test_the_first_copy_is_free_and_edges_count():
    out = run(["a\n\na", "\n".join("abcdefgaaa"), "\nx\n", "a\nb"])
    assert out["dup_paragraphs"] == [0.5, 0.0, 0.0, 0.0]
    assert out["dup_lines"] == [0.5, 0.3, 0.3333, 0.0]
    assert run(["\n".join("abcdefgaaa")], only("dup_lines"))["drop"] == [None]  # 0.3 is not more than 0.3


def test_the_first_seen_of_equally_frequent_ngrams_counts():
    assert run(["aa bb ccc ddd"])["top_2_gram"] == [round(5 / 13, 4)]


def test_ngrams_are_compared_without_spaces():
    # five tokens each, the same letters
    text = "a bc d e f x1 x2 x3 ab c d e f"
    assert run([text])["dup_5_grams"] == [round(6 / len(text), 4)]


def expected(text):
    return [round(v, 4) for v in naive_text.segments(text) + naive_text.ngrams(text)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab \n.é"), max_size=60), max_size=3))
def test_measures_are_those_of_the_twin(texts):
    out = run(texts)
    for i, text in enumerate(texts):
        assert [out[name][i] for name in NAMES] == pytest.approx(expected(text), abs=1.01e-4)


def test_awkward_texts():
    out = run(TEXTS)
    for i, text in enumerate(TEXTS):
        if text is not None:
            assert [out[name][i] for name in NAMES] == pytest.approx(expected(text), abs=1.01e-4)


@pytest.mark.parametrize(
    "text",
    [
        "in a " * 300 + prose(60) + " of the" * 400,  # more copies than a counter holds
        " ".join(WORDS[i * i % 173] + WORDS[i * 7 % 175] for i in range(6000)),  # many n-grams to a counter, few copies
        " ".join(f"{a} {b}" for a in WORDS[:40] for b in WORDS[40:80]),
    ],
)
def test_counters_that_are_full_or_shared_change_nothing(text):
    out = run([text])
    assert [out[name][0] for name in NAMES] == pytest.approx(expected(text), abs=1.01e-4)


def test_bad_config():
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        Config(max_dup_lines=-0.1)


WHOLE = Config(mode="dclm")


def test_dclm_counts_all_copies():
    out = run(["a\n\na\n\nb", "one", "", "x y x y z", "- a b. - a b."], WHOLE)
    assert out["dup_paragraphs"] == [0.6667, 0.0, 1.0, 0.0, 0.0]
    assert out["dup_lines"] == [0.6667, 0.0, 1.0, 0.0, 0.0]
    assert out["top_2_gram"][3:] == [0.8, 1.0]  # twice `x y` of five characters; punctuation is no word


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["the", "of", "a", "\n", "\n\n", "-", "é.", "12"]), max_size=40).map(" ".join), max_size=3))
def test_dclm_is_its_twin(texts):
    same_as_dclm_twin(texts)


def test_dclm_on_awkward_texts():
    same_as_dclm_twin(list(filter(None, TEXTS)))


def same_as_dclm_twin(texts):
    out = run(texts, WHOLE)
    for i, text in enumerate(texts):
        words = [word for word in naive_words.uax29(text) if naive_rules.solid(word)]
        for name, value in naive_rules.repetition_dclm(words, text).items():
            assert out[name][i] == pytest.approx(value, abs=1.01e-4), name
