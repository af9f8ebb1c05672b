"""The page scanner: agrees with its slow twin on pages made of awkward pieces, and so does what is written; bounded on bombs; blocks, links, images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_html import Scanner

from curate.kernels import html_tables as ht
from curate.kernels.html_scan import scan
from curate.web.main_text import load, main_text

PAGES = np.zeros(1, ht.SCANNED)
COUNTS = {
    "units": ht.UNITS,
    "link": ht.LINK_UNITS,
    "commas": ht.COMMAS,
    "enders": ht.ENDERS,
    "digits": ht.DIGITS,
    "capitals": ht.CAPITALS,
    "letters": ht.LETTERS,
    "links": ht.LINKS,
    "breaks": ht.BREAKS,
}


def scanned(page, open_noscript=False):
    data = np.frombuffer(page.encode(), np.uint8)
    out = np.empty(2 * len(data) + 64, np.uint8)
    scan(PAGES[0], data, out, open_noscript)
    return PAGES[0], data, out


def span(data, start, end):
    return data[start:end].tobytes().decode()


def by_kernel(page, open_noscript=False):
    """What the scanner found, in the twin's words."""
    made, data, out = scanned(page, open_noscript)
    state = made["state"]
    blocks = [
        (span(out, b[ht.START], b[ht.END]), int(b[ht.ELEMENT]), bool(b[ht.IN_PRE]), {name: int(b[at]) for name, at in COUNTS.items()})
        for b in made["blocks"][: state[ht.NUM_BLOCKS]]
    ]
    elements = [
        (
            *(ht.TAGS[e[ht.TAG]], int(e[ht.PARENT]), int(e[ht.FIRST]), int(e[ht.LAST]), int(e[ht.DEPTH]), bool(e[ht.HIDDEN])),
            made["tokens"][e[ht.TOKENS] : e[ht.TOKENS_END]].tolist(),
            int(e[ht.SIGNATURE]),
        )
        for e in made["elements"][: state[ht.NUM_ELEMENTS]]
    ]
    images = [(span(data, *i[:2]), span(data, *i[2:4]), int(i[4])) for i in made["images"][: state[ht.NUM_IMAGES]]]
    title, lang, body = (span(data, state[at], state[at + 1]) for at in (ht.TITLE_AT, ht.LANG_AT, ht.BODY_AT))
    return blocks, elements, images, title, lang, int(state[ht.SIGNS]), int(state[ht.NESTING]), body


def by_twin(page, open_noscript=False):
    twin = Scanner(page, open_noscript)
    blocks = [(b.text, b.element, b.pre, b.counts) for b in twin.blocks]
    elements = [(e.tag, e.parent, e.first, e.last, e.depth, e.hidden, e.tokens, e.signature) for e in twin.elements]
    return blocks, elements, twin.images, twin.title, twin.lang, twin.signs, twin.nesting, twin.body


NAMES = st.sampled_from([*ht.TAGS[1:], "b", "SPAN", "x-y", "em", "Div", "P", "LI", "A"])
VALUES = st.sampled_from(
    [
        "a",
        "post-body mainContent",
        'x"y',
        "display: NONE",
        "true",
        "http://x/a.png",
        "data:x",
        "og:type",
        "article",
        "math/tex",
        "a>b",
        "Ünï x",
        "",
    ]
)
KEYS = st.sampled_from(
    [
        "class",
        "id",
        "CLASS",
        "role",
        "itemprop",
        "itemtype",
        "hidden",
        "aria-hidden",
        "style",
        "lang",
        "src",
        "data-src",
        "alt",
        "alttext",
        "type",
        "name",
        "property",
        "content",
        "href",
    ]
)
QUOTED = st.sampled_from(['{}="{}"', "{}='{}'", "{}={}", "{} = {}", "{}", '{}="{}', "={}", "{}=''{}"])
ATTRIBUTES = st.lists(st.builds(lambda form, key, value: " " + form.format(key, value), QUOTED, KEYS, VALUES), max_size=3).map("".join)
TAGS = st.builds(
    lambda a, n, b, c: a + n + b + c, st.sampled_from(["<", "</", "< "]), NAMES, ATTRIBUTES, st.sampled_from([">", "/>", " >", "", "\n>"])
)
TEXTS = st.one_of(
    st.sampled_from(
        [
            "word ",
            "One, two. ",
            " ",
            "\n",
            "\t",
            "42",
            "漢字かな。",
            "é",
            "\xa0",
            "\u200b",
            "\x00",
            "…",
            "a-b",
            "x&lt;y",
            "<",
            "&",
            "&#",
            "\r\n",
        ]
    ),
    st.sampled_from(
        [
            "&amp;",
            "&ampx",
            "&#8212;",
            "&#x80;",
            "&nbsp;",
            "&notit;",
            "&#0;",
            "&#1114112;",
            "&CounterClockwiseContourIntegral;",
            "&acE;",
            "&#x;",
        ]
    ),
    st.text(max_size=6).filter(lambda text: all(not 0xD800 <= ord(c) < 0xE000 for c in text)),
)
ODD = st.sampled_from(
    ["<!-- a -->", "<!-->", "<!--->", "<!-- a --!>", "<!-- ", "<!doctype html>", "<?x?>", "</>", "<script>if(a<b)</script>", "<title>T &amp; t</title>",
     '<script type="application/ld+json">{"@type": ["NewsArticle", "X"], "a": {"@type":"FAQPage"}}</script>', '<script type="math/tex">x<y^2</script>',
     '<math alttext="z"><annotation encoding="application/x-tex">a &lt; b</annotation></math>', "<pre>\n  x\n\n y </pre>", "<br><br>", "<br>",
     "<table><tr><td>a<td>b<tr><td>c</table>", '<script type="application/ld+json">{"articleBody": "A \\"B\\\\", "articleBody":"articleBody":"é',
     '<script type=application/ld+json>["articleBody" :\n"One\\u0020two"]</script>', '"}</script>', '{"articleBody":"',
     "<ul><li>a<li>b<ul><li>c</ul></ul>", '<meta property="og:type" content="article">', "<svg/>", "<noscript>n</noscript>"]
)  # fmt: skip
MADE = st.lists(st.one_of(TAGS, TEXTS, ODD), max_size=30).map("".join)


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


def test_links_images_and_signs():
    page = '<html lang="de"><div><a href=x>in a link <p>still</p></div>out <img src="data:x" data-src="b.png" alt="B">'
    blocks, _, images, _, lang, *_ = by_kernel(page)
    assert [(text, counts["link"]) for text, _, _, counts in blocks] == [("in a link", 15), ("still", 5), ("out", 0)]
    assert images == [("b.png", "B", 2)]
    assert lang == "de"


SIGNS_OF_MARKDOWN = str.maketrans("", "", "-|#>`\\.0123456789")


@settings(max_examples=50)
@given(MADE, MADE, st.booleans())
def test_the_whole_text_is_the_twins_blocks_in_order(page, other, markdown):
    found = main_text(page.encode(), load(), main_only=False, fall_back=False, markdown=markdown)
    blocks = [text for text, *_ in by_twin(page)[0]]
    expected, written = ("".join(text.split()).translate(SIGNS_OF_MARKDOWN) for text in ("".join(blocks), found.text))
    assert written == expected
    assert found.blocks == len(blocks)
    judged = main_text(page.encode(), load(), markdown=markdown)
    assert all(0 <= share <= 1 for share in (judged.expected, judged.article, judged.kept) if share is not None)
    letters = iter(expected)
    assert all(letter in letters for letter in "".join(judged.text.split()).translate(SIGNS_OF_MARKDOWN)) or judged.fallback
    main_text(other.encode(), load(), markdown=not markdown)
    assert main_text(page.encode(), load(), markdown=markdown) == judged  # nothing stays of the page before
