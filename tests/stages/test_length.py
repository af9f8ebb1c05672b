"""Length: four measures and a reason for each limit."""

import pyarrow as pa
import pytest
from awkward_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.length import Config, length


def run(texts, config=None):
    config = config or Config()
    measured = length.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}), config, "length")
    return {n.removeprefix("length__"): c.to_pylist() for n, c in (measured | length.judge(measured, config, "length")).items()}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(), max_size=4))
def test_measures_are_pythons(texts):
    out = run(texts)
    assert out["bytes"] == [len(t.encode()) for t in texts]
    assert out["chars"] == [len(t) for t in texts]
    assert out["words"] == [len(t.split()) for t in texts]
    assert out["lines"] == [sum(bool(line.strip()) for line in t.splitlines()) for t in texts]


def test_awkward_texts():
    out = run(TEXTS)
    assert out["words"] == [None if t is None else len(t.split()) for t in TEXTS]
    assert set(out["drop"]) == {None}


@pytest.mark.parametrize("unit", ["bytes", "chars", "words", "lines"])
def test_a_reason_for_each_limit(unit):
    texts = ["é", "two words\nand two lines", "é é é\né\né"]
    low, middle = run(texts)[unit][0], run(texts)[unit][1]
    short = run(texts, Config(**{f"min_{unit}": middle}))
    assert short["drop"][0] == f"too_few_{unit}"
    assert short["drop"][1] is None
    assert short["threshold"][0] == f"< {middle}"
    assert run(texts, Config(**{f"max_{unit}": low}))["drop"][:2] == [None, f"too_many_{unit}"]


def test_bad_config():
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        Config(min_words=-1)
