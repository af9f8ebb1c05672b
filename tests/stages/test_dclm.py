"""DCLM: one text per reason, line rules, and measures and text against their slow twin."""

import naive_rules
import pyarrow as pa
import pytest
from awkward_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.dclm import Config, dclm

OFF = {rule.limit: None for rule in dclm.rules}
GOOD = " ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(60)) + " of of"


def run(texts, config=None):
    config = config or Config()
    measured = dclm.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "d")
    return {n.removeprefix("d__"): c.to_pylist() for n, c in (measured | dclm.judge(measured, config, "d")).items()}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD, None),
        ("( " * 20 + GOOD[:300], "short_doc"),
        ("a " * 60 + GOOD.replace("word", ""), "short_words"),
        (GOOD.replace("word", "wordwordwo"), "long_words"),
        (GOOD + " #" * 4 + "..." * 4, "too_many_symbols"),
        ("\n".join(f"\u2022 {a} and more" for a in GOOD.split()), "too_many_bullets"),
        ("\n".join([GOOD, "and so on. . ."]), "too_many_end_ellipses"),
        (GOOD + " 123 456" * 10, "too_few_letters"),
        (GOOD.replace("of", "off"), "too_few_stop_words"),
        (GOOD.replace(" of of", " The THE"), None),  # DCLM lowers case and counts repetitions
        (GOOD + "\n" + "12 LIKES HERE\n" * 3, "too_much_dropped"),
    ],
)
def test_reasons(text, reason):
    out = run([text])
    assert out["drop"] == [reason]
    if reason:
        assert (out["text"], out["edits"]) == ([text], [0])


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("an ordinary line", "an ordinary line"),
        ("HOME ABOUT US", None),
        ("HOME about us", "HOME about us"),
        ("12345", None),
        ("3 likes", None),
        ("• 1,234.5K  Views •", None),
        ("3 likes of mine", "3 likes of mine"),
        ("3likes it", "3likes it"),
        ("word", None),
        ("2 items in cart here", "2  here"),
        ("it goes on Read More...", "it goes on "),
        ("it goes on Read moreXYZ", "it goes on Read moreXYZ"),
        ("Sign-in to see it", " to see it"),
        ("Sign-in " + "w " * 10, "Sign-in " + "w " * 10),
        ("", ""),
    ],
)
def test_lines(line, kept):
    config = Config(**OFF)
    assert run([f"first line\n{line}\nlast line"], config)["text"] == [
        "\n".join(["first line", *([kept] if kept is not None else []), "last line"])
    ]


def test_the_pattern_that_nothing_escapes_is_a_mode():
    texts = ["it goes on Read moreXYZ", "it goes on Read more\u00e4\u00f6\u00fc", "Read more..", "Read more\u2026"]
    assert run(texts, Config(mode="dclm", **OFF))["text"] == ["it goes on ", "it goes on ", *texts[2:]]


def check(texts, mode="literal"):
    out = run(texts, Config(mode=mode, **OFF))
    for row, text in enumerate(texts):
        if text is None:
            continue
        for name, value in naive_rules.dclm(text, mode == "dclm").items():
            assert out[name][row] == (value if name == "text" else pytest.approx(value, abs=1e-4)), (name, text)


def test_awkward_texts():
    check(TEXTS)
    check(TEXTS, "dclm")


LUMPS = ["the", "OF", "#", "...", ". . .", "…", "READ", "read more", "3", "likes", "2k", "12", "\n", "\n\n", "- y", "● z"]
LUMPS += ["Sign-in", "items in cart", "漢字", "É", "\u00a0", "_", "x", "views!", "\u0663"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from(LUMPS), max_size=40).map(" ".join), max_size=3), st.sampled_from(["literal", "dclm"]))
def test_generated_texts(texts, mode):
    check(texts, mode)
