"""C4: line rules, document rules, their order, and the text against its slow twin."""

import naive_rules
import naive_text
import pyarrow as pa
import pytest
from awkward_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.c4 import Config, c4

FIVE = "One line is here. And two of them. Now there are three. Four it is. This makes five.\n"


def run(texts, config=None):
    config = config or Config()
    measured = c4.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "c4")
    return {n.removeprefix("c4__"): c.to_pylist() for n, c in (measured | c4.judge(measured, config, "c4")).items()}


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("two words", None),
        ("   three words here  ", "three words here"),
        ("a " + "x" * 1001 + " word too long", None),
        ("a " + "x" * 1000 + " word just short enough", "a " + "x" * 1000 + " word just short enough"),
        ("cited [12] and [] and [edit] and [citation needed] here", "cited  and  and  and  here"),
        ("please enable JavaScript to see", None),
        ("We Use Cookies on this page", None),
        ("read our privacy policy before you go", None),
        ("\u212aeep your use coo\u212aies to yourself", None),
        ("{", None),
        ("word\u2003word\u00a0word", "word\u2003word\u00a0word"),
    ],
)
def test_lines(line, kept):
    text = run([FIVE + line])["text"][0]
    assert text == (FIVE + kept if kept else FIVE.strip())


@pytest.mark.parametrize(
    ("text", "reason", "value"),
    [
        (FIVE, None, None),
        ("", "too_few_sentences", "0"),
        ("Only one sentence is here.", "too_few_sentences", "1"),
        (FIVE + "the Lorem Ipsum of it", "lorem_ipsum", "1"),
        (FIVE + "Price { 5 }", "curly_bracket", "1"),
        (FIVE + "{ a }", "curly_bracket", "1"),
        (FIVE + "{", None, None),
        (FIVE + "a line with { here\nand lorem ipsum dolor", "curly_bracket", "1"),
        (FIVE + "javascript with { in it", None, None),
    ],
)
def test_documents(text, reason, value):
    out = run([text])
    assert (out["drop"], out["value"]) == ([reason], [value])
    if reason:
        assert out["text"] == [text]
        assert out["edits"] == [0]


def test_end_marks_if_asked():
    config = Config(filter_no_terminal_punct=True, min_sentences=None)
    lines = ["ends in a full stop.", "ends in nothing at all", 'ends in a quote here"', "trails off like this...", "really, is it so?"]
    assert run(["\n".join(lines)], config)["text"] == ["\n".join([lines[0], lines[2], lines[4]])]


def test_rules_can_be_switched_off():
    config = Config(
        max_curly_lines=None, max_lorem_ipsum=None, min_sentences=None, drop_javascript=False, drop_policy=False, cut_citations=False
    )
    text = "lorem ipsum and { javascript [1] use cookies"
    assert run([text], config) | {"text": [text]} == run([text], config)
    assert run([text], config)["drop"] == [None]


def test_counts():
    out = run([FIVE + "gone\n\nand [1] changed here\n"])
    assert (out["edits"], out["lines_dropped"], out["num_sentences"]) == ([3], [1], [6])


LINES = [
    "A good line of prose.",
    "short",
    "x [1] y z",
    "{ a b c",
    "lorem ipsum dolor sit",
    "use cookies or not",
    "Is it? It is! (Yes.) No",
    "",
    " ",
    "a. b! c?",
]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=12)), max_size=8).map("\n".join), max_size=3),
    st.booleans(),
)
def test_the_text_is_that_of_the_twin(texts, ends):
    out = run(texts, Config(filter_no_terminal_punct=ends))
    for i, text in enumerate(texts):
        assert (out["drop"][i], out["text"][i], out["num_sentences"][i]) == naive_text.c4(text, ends)


def test_awkward_texts():
    out = run(TEXTS)
    for i, text in enumerate(TEXTS):
        if text is not None:
            assert (out["drop"][i], out["text"][i]) == naive_text.c4(text)[:2]


def test_bad_config():
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        Config(max_word_chars=0)


TFDS = Config(mode="tfds")
THREE = "This is the first line.\nAnd this is the second.\nHere is a third line.\n"


def test_the_code_that_built_c4_is_a_mode():
    assert (TFDS.filter_no_terminal_punct, TFDS.min_words_per_line, TFDS.min_sentences) == (True, 5, 3)
    assert Config(mode="tfds", min_words_per_line=4).min_words_per_line == 4
    assert Config.model_validate_json(TFDS.model_dump_json()) == TFDS
    lines = [
        "Four words and [12].",
        "Now five words and [12].",
        "It ends in an apostrophe'",
        'It ends in a quote"',
        "It trails off like this...",
    ]
    assert run([THREE + "\n".join(lines)], TFDS)["text"] == [THREE + "\n".join(["Now five words and .", lines[3]])]
    assert run([THREE], Config())["drop"] == ["too_few_sentences"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*LINES, THREE, "a [1] b c d e.", "it's 'so' and so'"]), max_size=8).map("\n".join), max_size=3))
def test_the_mode_is_that_of_its_twin(texts):
    out = run([*texts, *filter(None, TEXTS)], TFDS)
    for i, text in enumerate([*texts, *filter(None, TEXTS)]):
        assert (out["drop"][i], out["text"][i]) == naive_rules.c4_tfds(text)
