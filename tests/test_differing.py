"""Where two texts differ."""

from hypothesis import given
from hypothesis import strategies as st

from curate.differing import MAX_PASSAGES, MAX_WORDS, differences

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=30)


def test_the_passages_are_named_with_what_stands_before_them():
    here = "one two three four five six seven eight nine ten"
    there = "one two three 4 five six\nseven eight nine and a half ten"
    found = differences(here, there)
    assert [(d.before, d.here, d.there) for d in found.passages] == [
        ("one two three", "four", "4"),
        ("seven eight nine", "", "and a half"),
    ]
    assert found.num_passages == 2
    assert found.whole


@given(WORDS, WORDS)
def test_texts_are_equal_just_where_nothing_differs(left, right):
    found = differences(" ".join(left), "\n".join(right))
    assert (found.num_passages == 0) == (left == right)
    assert len(found.passages) == min(MAX_PASSAGES, found.num_passages)
    if found.num_passages <= MAX_PASSAGES:  # what differs accounts for the difference in length
        lengths = [len(one.here.split()) - len(one.there.split()) for one in found.passages]
        assert sum(lengths) == len(left) - len(right)


def test_long_texts_are_bounded():
    same = "word " * 300_000
    assert differences(same + "end", same + "other").num_passages == 1
    found = differences("x " * 50_000 + "end", "y x " * 50_000)
    assert not found.whole
    assert "words)" in differences(" ".join(map(str, range(MAX_WORDS))), "other").passages[0].here
