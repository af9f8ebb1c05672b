"""Features of blocks, what the trees say of them, and the choice: every number against the slow twin, from the bytes of a page on."""

import pytest
from awkward_pages import ARTICLES, MADE
from bench import markup_sets
from hypothesis import given, settings
from hypothesis import strategies as st
from page_twins import agree

from curate.web.main_text import load, main_text


@settings(max_examples=20)
@given(ARTICLES, st.sampled_from([1.0, 1.4]))
def test_pages_like_articles(page, strictness):
    agree(page, strictness)


@settings(max_examples=40)
@given(MADE)
def test_pages_of_awkward_pieces(page):
    agree(page)


@pytest.mark.parametrize("name", ["aeb", "trafilatura-a", "zh"])
def test_real_pages(shared, name):
    """Exactly: both round to float32 once, and count in whole numbers."""
    folder = shared(f"extract-{name}").parent
    page = next(markup_sets.pages(name, folder, largest=40_000))
    assert agree(page["data"].decode()).n > 20


CELLS = "<tr><td>one<td>two"


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (CELLS, "one\ttwo"),
        ("<tr><td>one<td>", "one"),
        ("<tr>loose<td>one<td>", "loose\n\none"),
        ("<tr><td>one</td>loose<td>", "one\n\nloose"),
        ("<tr><form><td>one</td></form><td>two<td>", "one\n\ntwo"),
        (f"<tr><td><table>{CELLS}</table><td>three", "one\ttwo\n\nthree"),
        ("<tr><td><table><tr><td>one</table><td>two", "one\n\ntwo"),
        ("<tr><td><pre>a\nb</pre><td>two", "a b\ttwo"),
    ],
)
def test_a_table_loses_no_text_and_tells_none_twice(table, text):
    assert main_text(f"<table>{table}</table>".encode(), load(), main_only=False, fall_back=False).text == text
