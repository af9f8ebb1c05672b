"""The page scanner: agrees with its slow twin on pages made of awkward pieces, and so does what is written; bounded on bombs; blocks, links, images."""

import pytest
from awkward_pages import MADE
from hypothesis import given, settings
from hypothesis import strategies as st
from page_twins import agree_on_all_text, by_kernel, by_twin, letters, scanned, span

from curate.kernels import html_tables as ht
from curate.web.main_text import load, main_text


@settings(max_examples=600)
@given(MADE, st.booleans())
def test_agrees_with_its_slow_twin(page, open_noscript):
    assert by_kernel(page, open_noscript) == by_twin(page, open_noscript)


def test_the_stack_is_capped_and_stays_right_beyond():
    deep = "<div>" * 600 + "in" + "</div>" * 600 + "<p>after"
    assert by_kernel(deep) == by_twin(deep)
    assert by_kernel(deep)[1][-1][:2] == ("p", 0)


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 100_000 + "x" + "</div>" * 100_000,
        "<ul><li>a" * 50_000,
        "<b " + "x" * 5_000_000 + ">t",
        '<a title="' + "'" * 1_000_000,
        "&amp;" * 1_000_000,
        "&" * 1_000_000,
        "<" * 500_000,
        "<!--" * 250_000,
        "<svg>" * 200_000,
        "<script>" * 100_000,
        "<p>a" * 300_000,
        "<a b='" * 100_000,
        "</td>" * 200_000,
        "<math>" * 100_000 + "application/x-tex" * 1000,
        "<pre>" + " " * 1_000_000,
        "<img src=a>" * 50_000,
        '<p class="' + "a b c d " * 100_000 + '">',
        "\x00" * 1_000_000,
        "".join(map(chr, range(1, 0xD800))),
    ],
    ids=lambda page: page[:12].encode("unicode_escape").decode(),
)
def test_bombs_are_bounded(page):
    made, _, out = scanned(page)
    state = made["state"]
    assert state[ht.OUT] <= len(out)
    assert state[ht.NUM_BLOCKS] <= ht.MAX_BLOCKS
    assert state[ht.NUM_ELEMENTS] <= ht.MAX_ELEMENTS
    ends = made["blocks"][: state[ht.NUM_BLOCKS], [ht.START, ht.END]]
    assert (ends[:, 0] < ends[:, 1]).all()
    span(out, 0, state[ht.OUT])


def test_text_goes_on_where_there_is_no_room_for_another_block():
    made, _, out = scanned("<p>a" * (ht.MAX_BLOCKS + 10))
    last = made["blocks"][made["state"][ht.NUM_BLOCKS] - 1]
    assert made["state"][ht.NUM_BLOCKS] == ht.MAX_BLOCKS
    assert span(out, last[ht.START], last[ht.END]).split("\n") == ["a"] * 11


def test_a_start_tag_that_lost_its_end_swallows_no_text():
    assert [text for text, *_ in by_kernel("<p>a<video src=x </VIDEO><p>b<video>c</video>d")[0]] == ["a", "bd"]


def test_links_images_and_signs():
    page = '<html lang="de"><div><a href=x>in a link <p>still</p></div>out <img src="data:x" data-src="b.png" alt="B">'
    blocks, _, images, _, lang, *_ = by_kernel(page)
    assert [(text, counts["link"]) for text, *_, counts in blocks] == [("in a link", 15), ("still", 5), ("out", 0)]
    assert images == [("b.png", "B", 2)]
    assert lang == "de"


@settings(max_examples=50)
@given(MADE, MADE, st.booleans())
def test_the_whole_text_is_the_twins_blocks_in_order(page, other, markdown):
    expected = agree_on_all_text(page, markdown)
    judged = main_text(page.encode(), load(), markdown=markdown)
    assert all(0 <= share <= 1 for share in (judged.expected_f1, judged.article, judged.kept_share) if share is not None)
    left = iter(expected)
    assert all(letter in left for letter in letters(judged.text)) or judged.fallback
    main_text(other.encode(), load(), markdown=not markdown)
    assert main_text(page.encode(), load(), markdown=markdown) == judged  # nothing stays of the page before
