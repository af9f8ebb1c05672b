"""Turns in one text: joined, and found again."""

from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from curate.turns import MARK, apart, joined, prose, speakers

CONTENTS = st.lists(st.text("ab\n é" + MARK, max_size=8), min_size=1, max_size=5)


@given(st.lists(CONTENTS, max_size=6))
def test_what_is_joined_comes_apart(dialogues):
    texts = pa.array([joined(contents) for contents in dialogues], pa.large_string())
    offsets, contents = apart(texts)
    found = [contents[a:b].to_pylist() for a, b in pairwise(offsets)]
    assert found == [[content.replace(MARK, "\ufffd") for content in one] for one in dialogues]


def test_a_slice_comes_apart_alike():
    texts = pa.array([joined(one) for one in (["a"], ["b", "c"], ["d", "e", "f"])])
    offsets, contents = apart(texts.slice(1, 2))
    assert (offsets.tolist(), contents.to_pylist()) == ([0, 2, 5], ["b", "c", "d", "e", "f"])
    assert speakers(pa.array(["x", "user,assistant", "a,b,c"]).slice(1, 2))[0].tolist() == [0, 2, 5]


def test_what_is_left_of_a_gap_goes_too():
    _, contents = apart(pa.array([f"a\n{MARK}b{MARK}c\n"]))
    assert contents.to_pylist() == ["a", "b", "c\n"]


def test_prose_has_no_marks():
    assert prose(pa.array([joined(["a", "b"]), None])).to_pylist() == ["a\n\nb", None]
