"""Text of strangers stays text: read back by a CommonMark parser, a cell shows its value and nothing else happens."""

import html

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from curate.card.markdown import MAX_CHARS, Raw, cell, fenced, number, share, size, table, visible

GFM = MarkdownIt("commonmark").enable("table")
NASTY = [
    *("a|b", "a\nb", "<script>alert(1)</script>", "[x](javascript:alert(1))", "![x](http://t.example/p.gif)", "`code`", "**b**", "_e_"),
    *("\\|", "&lt;", "a\r\nb", "https://t.example/?q=1", "www.t.example", "@someone", "# h", "~~s~~", "\u202egnp.exe", "a\x1b[31mb"),
    *("\x00", "a\u200bb", "| --- |", "", " ", "&#124;", "<!--", "]]>", "\ud800", "\u2028", "license_class_of_thing", "$x$", "a\tb"),
]


def cells(markdown):
    """The inline tokens of every cell, row by row."""
    rows, row = [], []
    for token in GFM.parse(markdown):
        if token.type == "tr_open":
            row = []
        elif token.type == "inline":
            row.append(token)
        elif token.type == "tr_close":
            rows.append(row)
    return rows


def shown(token):
    """What a reader sees of a cell; only plain text may be in it."""
    assert {child.type for child in token.children} <= {"text", "text_special"}, token.children
    return "".join(child.content for child in token.children)


def cut(value):
    text = visible(value)
    return text if len(text) <= MAX_CHARS else text[: MAX_CHARS - 1] + "…"


@given(st.lists(st.text(max_size=60), min_size=2, max_size=2))
@example(["<img src=x onerror=alert(1)>", "a`b|c`d"])
def test_a_table_keeps_its_shape_and_shows_its_values(values):
    rows = cells(table(["one", "two"], [values, ["x", "y"]]))
    assert [len(row) for row in rows] == [2, 2, 2]
    assert [shown(token) for token in rows[1]] == [cut(value).strip(" ") for value in values]


@pytest.mark.parametrize("value", NASTY)
def test_nasty_values_are_harmless(value):
    text = cell(value)
    for sign in '<>|`*[]\n\r\\"':
        assert sign not in text
    assert "://" not in text
    assert "www." not in text
    assert html.unescape(text) == visible(value)
    (row,) = cells(table(["h"], [[value]]))[1:]
    assert shown(row[0]) == visible(value).strip(" ")


def test_what_does_not_show_is_written_out():
    assert visible("a\x1b[0m\u202eb\nc\u200d") == "a\\x1b[0m\\u202eb\\nc\\u200d"
    assert visible("a\nb\tc", keep="\n") == "a\nb\\tc"
    assert visible("größe 学 🦊") == "größe 学 🦊"


def test_words_with_underscores_stay_readable():
    assert cell("exact_dedup") == "exact_dedup"
    assert cell("_a_") == "&#95;a&#95;"
    assert cell(None) == "–"
    assert cell("x" * 500) == "x" * (MAX_CHARS - 1) + "…"


@given(st.text(alphabet="`~\n ab", max_size=40))
def test_a_fence_holds_whatever_is_in_it(text):
    tokens = GFM.parse("before\n\n" + fenced(text, "yaml") + "\n\nafter")
    assert [token.type for token in tokens if token.type in ("fence", "paragraph_open")] == ["paragraph_open", "fence", "paragraph_open"]
    assert next(token for token in tokens if token.type == "fence").content == text.rstrip("\n") + "\n"


def test_our_own_markdown_is_not_escaped():
    assert table(["a"], [[Raw("`x`")]], 0) == "| a |\n| ---: |\n| `x` |"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (12_345, "12.3 kB"),
        (999_499, "999 kB"),
        (999_600, "1 MB"),
        (10**12, "1 TB"),
        (10**19, "1e+04 PB"),
    ],
)
def test_sizes(count, text):
    assert size(count) == text


def test_numbers_and_shares():
    assert (number(1234567), number(None)) == ("1,234,567", "–")
    assert (share(1, 3), share(0, 0)) == ("33.3 %", "–")
