"""Dolma: one text per reason, where it differs from the count of datatrove, and the measures against their slow twin."""

import naive_rules
import pyarrow as pa
import pytest
from awkward_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.dolma import Config, dolma

PROSE = " ".join(f"word{i} of the" for i in range(40))


def run(texts, config=None):
    config = config or Config()
    measured = dolma.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "d")
    return {n.removeprefix("d__"): c.to_pylist() for n, c in (measured | dolma.judge(measured, config, "d")).items()}


def distinct(n, word="word{}"):
    return " ".join(word.format(chr(97 + i % 26) + chr(97 + i // 26)) for i in range(n))


LOOSE = {f"max_top_{n}_gram": None for n in (2, 3, 4)}
GOOD = distinct(60) + " of of"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD, None),
        ("of of of " + distinct(40), "short_doc"),
        ("a " * 30 + GOOD.replace("word", ""), "short_words"),
        (GOOD.replace("word", "wordwordwo"), "long_words"),
        (GOOD + " a#b" * 10, "too_many_symbols"),
        (GOOD + " 123 456" * 10, "too_few_letters"),
        (distinct(60) + " The", "too_few_stop_words"),
        ("\n".join(f"- {word} more more more of" for word in GOOD.split()), "too_many_bullets"),
        ("\n".join(f"{a} {b} {c}…" for a, b, c in zip(*[iter(GOOD.split()[:60])] * 3, strict=True)) + "\nof of", "too_many_symbols"),
        (GOOD + "\n\n\n\n", "dup_lines"),
        (GOOD + "\n" + GOOD, "dup_lines"),
        (GOOD + " " + distinct(6) * 6, "top_2_gram"),
    ],
)
def test_reasons(text, reason):
    config = Config() if reason == "top_2_gram" else Config(**LOOSE, **{f"max_dup_{n}_grams": None for n in range(5, 11)})
    if reason == "top_2_gram":
        text = GOOD + " wordaa wordab" * 10
    assert run([text], config)["drop"] == [reason]


def test_where_it_differs_from_the_count_of_datatrove():
    out = run(["of of of", "the The THE", "(hello)", "", " ", "x..."])
    assert out["num_stop_words"] == [3, 1, 0, 0, 0, 0]  # with repetition, by their case
    assert out["num_words"] == [3, 3, 1, 0, 0, 1]
    assert out["symbol_words"][5] == 0.0  # three full stops are no ellipsis
    assert run(["a\n\nb\n\nc"])["dup_lines"] == [0.4]  # blank lines, the first copy too


def test_the_published_mixes_never_looked_at_the_most_frequent_ngrams():
    text = GOOD + " wordaa wordab" * 10
    assert run([text])["drop"] == ["top_2_gram"]
    assert run([text], Config(mode="mix", **{f"max_dup_{n}_grams": None for n in range(5, 11)}))["drop"] == [None]


def check(texts):
    out = run(texts)
    for row, text in enumerate(texts):
        if text is None:
            continue
        for name, value in naive_rules.dolma(text).items():
            assert out[name][row] == pytest.approx(value, abs=1e-4), (name, text)
        if not text.split():
            assert all(not out[name][row] for name in dolma.adds)


def test_awkward_texts():
    check(TEXTS)


LUMPS = ["the", "of", "a#", "b…", "x", "Ünïcode", "漢字", "\n", "\n\n", "-", "* y", "12", "x…\n", "\u00a0", "the of", "…"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(LUMPS), max_size=40).map(" ".join), max_size=3))
def test_generated_texts(texts):
    check(texts)
