"""Marks: at places that exist, without overlap, and the text around them unchanged."""

import html
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import stage
from curate.review import evidence
from curate.review.evidence import FINDERS, Mark, apart, drawn, gaps
from curate.review.shell import HIDDEN, inert

TEXTS = st.text(alphabet=st.characters() | st.sampled_from("a b\n.…#•-<>&\"'é"), max_size=400)


@given(TEXTS)
def test_every_finder_stays_inside_and_the_text_survives(text):
    for kind, finder in FINDERS.values():
        found = apart(Mark(start, end, kind) for start, end in finder(text))
        assert all(0 <= mark.start < mark.end <= len(text) for mark in found)
        assert all(a.end <= b.start for a, b in itertools.pairwise(found))
        plain = html.unescape(re.sub(r"</?mark[^>]*>", "", drawn(text, found)))
        assert plain == html.unescape(inert(text))


@given(TEXTS)
def test_inert_text_holds_no_markup_and_nothing_hidden(text):
    made = inert(text)
    assert not set("<>\"'") & set(made)
    assert not HIDDEN.search(made)


@given(TEXTS, st.integers(0, 400), st.integers(0, 400))
def test_a_piece_of_a_marked_text_is_the_piece(text, start, length):
    found = apart(Mark(a, b, "dup") for a, b in evidence.repeated_ngrams(2, text))
    made = drawn(text, found, start, start + length)
    assert html.unescape(re.sub(r"</?mark[^>]*>", "", made)) == html.unescape(inert(text[start : start + length]))


@pytest.mark.parametrize("step", sorted({step for step, _ in FINDERS}))
def test_finders_are_of_rules_that_exist(step):
    reasons = {rule.reason for rule in stage.load(step).rules}
    assert {reason for name, reason in FINDERS if name == step} <= reasons


def found(step, reason, text):
    return [text[start:end] for start, end in FINDERS[step, reason][1](text)]


def test_what_is_marked():
    assert found("gopher_repetition", "dup_lines", "a b\nc\na b\n\nc") == ["a b", "c"]
    assert found("gopher_repetition", "dup_paragraphs", "a\nb\n\nc\n\na\nb") == ["a\nb"]
    assert found("gopher_repetition", "dup_5_grams", "one two three four five six. one two three four five!") == ["one two three four five"]
    assert found("gopher_repetition", "top_2_gram", "so it is and so it was") == ["so it", "so it"]
    assert found("gopher_quality", "too_many_hashes", "# a ## b") == ["#", "#", "#"]
    assert found("gopher_quality", "too_many_bullets", "• one\ntwo\n- three") == ["• one", "- three"]
    assert found("gopher_quality", "too_few_letters", "a 12 b +-+ ü") == ["12", "+-+"]
    assert found("fineweb", "few_line_ends", "Ends.\nDoes not\n“Quoted.”") == ["Does not"]
    assert found("c4", "curly_bracket", "if (x) { y }") == ["{", "}"]
    assert found("pii", "much_personal_data", "to <EMAIL> at <IP_ADDRESS>") == ["<EMAIL>", "<IP_ADDRESS>"]


def test_a_long_text_is_shown_where_its_evidence_is_densest():
    marks = [Mark(10, 20, "dup"), *(Mark(5000 + 30 * n, 5010 + 30 * n, "dup") for n in range(9))]
    assert gaps(marks, 400) == 5000


def test_a_hidden_tag_is_seen(index):
    """Benchmark hits are told in bytes of the text; characters are marked."""
    from types import SimpleNamespace

    step = SimpleNamespace(name="clean", uses="decontaminate", fields={"action": "drop"})
    folder = SimpleNamespace(steps=(step,), using=lambda uses: [])
    text = "é question of the benchmark é"
    row = {"removed_by": "clean:contaminated", "clean__hits": [{"start": 3, "end": 11}]}
    assert [text[mark.start : mark.end] for mark in evidence.marks(folder, row, text)] == ["question"]


def test_replacements_are_marked_where_the_step_says(index):
    """In bytes of the text; whatever stands there now."""
    text = "é write to kfgahbdpoien or é call 0 now"
    places = [text.encode().find(one) for one in (b"kfgah", b"0 now")]
    row = {
        "pii__spans": [
            {"type": "email", "start": places[0], "end": places[0] + 12},
            {"type": "phone", "start": places[1], "end": places[1] + 1},
        ]
    }
    assert [text[start:end] for start, end in evidence.personal(index.folder, row, text)] == ["kfgahbdpoien", "0"]
    assert evidence.personal(index.folder, row, text[:15]) == []


def test_tags_are_marked_where_places_are_not_told(index):
    text = "to <EMAIL> or <PHONE_NUMBER> or <SECRET_kfgahbdpoien>, not <B>"
    assert [text[start:end] for start, end in evidence.personal(index.folder, {}, text)] == [
        "<EMAIL>",
        "<PHONE_NUMBER>",
        "<SECRET_kfgahbdpoien>",
    ]
