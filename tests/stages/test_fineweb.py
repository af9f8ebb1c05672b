"""FineWeb: one text per reason, and the measures against their slow twin."""

import naive_text
import pyarrow as pa
import pytest
from awkward_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.fineweb import Config, fineweb

NAMES = list(fineweb.adds)
LONG = "This is a line of prose that is longer than thirty characters, number {}."


def run(texts, config=None):
    config = config or Config()
    measured = fineweb.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "f")
    return {n.removeprefix("f__"): c.to_pylist() for n, c in (measured | fineweb.judge(measured, config, "f")).items()}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n".join(LONG.format(i) for i in range(9)), None),
        ("", "empty"),
        (" \n\t\n", "empty"),
        ("\n".join(LONG.format(i)[:-1] for i in range(9)), "few_line_ends"),
        ("\n".join([LONG.format(0), "short.", "shorter.", "shortest."]), "short_lines"),
        ("\n".join([LONG.format(0), LONG.format(1), LONG.format(0)]), "dup_line_chars"),
        ("\n" * 8 + LONG.format(0), "list_like"),
    ],
)
def test_reasons(text, reason):
    assert run([text])["drop"] == [reason]


def test_thresholds_are_strict():
    lines = [f"{i}: a line that has more than thirty characters" for i in range(22)] + [
        "A line that has more than thirty characters." for _ in range(1)
    ]
    assert run(["\n".join(lines)], Config(min_punct_lines=1 / 23))["punct_lines"] == [round(1 / 23, 4)]
    assert run(["a.\nb.\n" + LONG.format(1)], Config(max_newlines=None, max_short_lines=0.6667))["drop"] == [None]


def expected(text):
    return [round(v, 4) for v in naive_text.fineweb(text)]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.lists(st.one_of(st.sampled_from(["a.", "b", "", " ", LONG, "。", "x\r"]), st.text(max_size=40)), max_size=8).map("\n".join),
        max_size=3,
    )
)
def test_measures_are_those_of_the_twin(texts):
    out = run(texts)
    for i, text in enumerate(texts):
        assert [out[name][i] for name in NAMES] == pytest.approx(expected(text), abs=1.01e-4)


def test_awkward_texts():
    out = run(TEXTS)
    for i, text in enumerate(TEXTS):
        if text is not None:
            assert [out[name][i] for name in NAMES] == pytest.approx(expected(text), abs=1.01e-4)


def test_bad_config():
    with pytest.raises(ValueError, match="less than or equal to 1"):
        Config(max_short_lines=67)
