"""card.html: nothing from outside, nothing of a crawl as markup, and an order that a screen reader can follow; forms beside it."""

import csv
import itertools
import json
import re
from html.parser import HTMLParser

import pytest

from curate import signoff
from curate.card import facts as counting
from curate.card import html, plots, publish
from curate.store import Store

NASTY = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style><b>", "\u202etxt", "ערב", "=1+1", "a\x00b"]
VOID = {"meta", "rect", "line", "br", "hr"}


class Page(HTMLParser):
    """Elements in order, as (name, attributes); checks that they nest."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), list(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), list(self.open)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style",):
            self.text.append(data)

    def all(self, *names):
        return [(tag, attributes) for tag, attributes, _ in self.elements if tag in names]


@pytest.fixture(scope="module")
def written(tokenized, tmp_path_factory):
    """A card with nasty values in every place, and its page."""
    import shutil

    root = tmp_path_factory.mktemp("page") / "run"
    shutil.copytree(tokenized.root, root)
    store = Store(str(root))
    store.write("card.yaml", json.dumps({"title": NASTY[0], "description": NASTY[1], "purpose": NASTY[4]}).encode())
    publish.publish(store)
    signoff.sign(store, name=NASTY[0], role=NASTY[1], date="2026-11-24", statement="fine\nby me")
    facts, contents = counting.gather(store)
    for name in ("domains", "licenses", "languages", "mimes"):
        facts["content"][name]["top"] = [
            {"value": value, "documents": 9 - i, "text_bytes": 1, "tokens": 1} for i, value in enumerate(NASTY)
        ]
    facts["steps"][0]["removed"] = {NASTY[0]: {"documents": 3, "text_bytes": 1}}
    facts["inputs"][0]["uri"] = NASTY[1]
    facts["tokens"]["by_license"] = {NASTY[2]: 1}
    publish.write(store, facts, contents)
    return store, Page(store.read(publish.PAGE).decode())


def test_no_value_becomes_markup(written):
    store, page = written
    allowed = {
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "a",
            "header",
            "h1",
            "h2",
            "h3",
            "bdi",
            "p",
            "strong",
            "code",
            "dl",
            "div",
            "dt",
        ),
        *(
            "dd",
            "nav",
            "ul",
            "li",
            "main",
            "section",
            "figure",
            "figcaption",
            "svg",
            "desc",
            "text",
            "tspan",
            "rect",
            "line",
            "table",
            "caption",
        ),
        *("thead", "tbody", "tr", "th", "td", "details", "summary", "pre", "span", "footer"),
    }
    assert {tag for tag, _, _ in page.elements} <= allowed
    for tag, attributes, _ in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style", "srcset")], (tag, attributes)
    said = "".join(page.text)
    assert NASTY[0] in said
    assert "\\u202etxt" in said
    assert "\u202e" not in store.read(publish.PAGE).decode()
    assert "a\\x00b" in said
    for path in ("README.md", "eu_summary.md", "ab2013.md"):
        text = store.read(f"card/{path}").decode().rpartition("\n---\n")[2]  # front matter is data
        assert "<script" not in text
        assert "<img" not in text
    rows = list(csv.reader(store.read("card/licenses.csv").decode().splitlines()))
    assert "'=1+1" in [row[0] for row in rows]


def test_it_needs_nothing_from_a_network(written):
    store, page = written
    text = store.read(publish.PAGE).decode()
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!#)""", text)
    assert not re.search(r"@import|url\(", text)
    policy = next(a for _, a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'")


def test_landmarks_and_headings_are_in_order(written):
    _, page = written
    assert page.all("html")[0][1]["lang"] == "en"
    for name in ("header", "nav", "main", "footer", "h1", "title"):
        assert len([one for one, _, above in page.elements if one == name and "svg" not in above]) == 1, name
    levels = [int(tag[1]) for tag, _ in page.all("h1", "h2", "h3")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    names = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert sorted(set(names)) == sorted(names)
    for _, attributes, _ in page.elements:
        for name in (attributes.get("aria-labelledby") or "").split():
            assert name in names
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in names


def test_plots_have_words_and_tables_have_heads(written):
    _, page = written
    drawings = page.all("svg")
    assert len(drawings) > 5
    for _, attributes in drawings:
        assert attributes["role"] == "img"
        assert len(attributes["aria-labelledby"].split()) == 2
    assert len(page.all("desc")) == len(drawings)
    for _, attributes in page.all("th"):
        assert attributes["scope"] in ("col", "row")
    assert len(page.all("caption")) == len(page.all("table"))
    for tag, attributes, above in page.elements:
        if tag == "table":
            assert above[-1] == "div"  # which scrolls, by keyboard too
        if attributes.get("tabindex"):
            assert (attributes["tabindex"], attributes["role"]) == ("0", "region")
            assert attributes["aria-label"]


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", html.COLOURS)
def test_colours_can_be_told_apart(scheme):
    colours = html.COLOURS[scheme]
    for text, grounds in (("fg", ("bg", "band")), ("dim", ("bg", "band")), ("link", ("bg",)), ("warn", ("warnbg",))):
        for ground in grounds:
            assert contrast(colours[text], colours[ground]) >= 4.5, (scheme, text, ground)
    for drawn in ("bar", "other", "warn"):
        assert contrast(colours[drawn], colours["bg"]) >= 3, (scheme, drawn)


def test_it_prints_and_fits_a_phone(written):
    store, page = written
    text = store.read(publish.PAGE).decode()
    assert "@media print" in text
    assert "@media screen{@media(prefers-color-scheme:dark)" in text  # paper is white
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in [a for _, a in page.all("meta")]


def test_sign_offs_are_shown_with_what_they_signed(written, tmp_path):
    import shutil

    store, page = written
    assert "an earlier card" in "".join(page.text)  # its facts were changed after it was signed
    copied = Store(str(tmp_path / "run"))
    shutil.copytree(store.root, copied.root)
    copied.remove(signoff.SIGNOFF)
    publish.publish(copied)
    assert "Nobody has signed this card." in copied.read(publish.PAGE).decode()
    signoff.sign(copied, name="Anna", role="steward", date="2026-11-24", statement="I looked.")
    publish.publish(copied)
    for path in (publish.PAGE, publish.README):
        text = copied.read(path).decode()
        assert "Anna" in text
        assert "this card" in text
    copied.write(signoff.SIGNOFF, copied.read(signoff.SIGNOFF).replace(b"I looked", b"I slept"))
    publish.publish(copied)
    for path in (publish.PAGE, publish.README):
        assert "The sign-offs do not hold" in copied.read(path).decode()


def test_the_same_run_gives_the_same_folder(tokenized, copy):
    store = copy(tokenized)
    publish.publish(store)
    before = {name: store.read(f"card/{name}") for name in store.list("card")}
    publish.publish(store)
    assert {name: store.read(f"card/{name}") for name in store.list("card")} == before
    assert set(before) == {
        *("README.md", "facts.json", "card.html", "croissant.json", "dpi.json", "eu_summary.md", "ab2013.md", "forms.json"),
        *("licenses.csv", "domains.csv"),
    }


def test_a_tenth_of_the_domains_with_most_text(tokenized, copy):
    store = copy(tokenized)
    facts = publish.publish(store)
    rows = list(csv.DictReader(store.read("card/domains.csv").decode().splitlines()))
    domains = facts["content"]["domains"]
    assert len(rows) == -(-domains["distinct"] // 10) == 1
    assert rows[0]["domain"] == domains["largest"][0]["value"]
    assert int(rows[0]["tokens"]) == domains["largest"][0]["tokens"]


def test_a_histogram_draws_its_thresholds_and_counts():
    drawn = plots.histogram("t", "d", [0, 1, 2], {"kept": [1, 4], "removed": []}, [1, 9])
    page = Page(drawn)
    assert [a["height"] for tag, a in page.all("rect")] == ["15.0", "60.0"]
    assert [a["x1"] for tag, a in page.all("line")] == ["50.00%"]  # 9 lies outside
    assert [a["y"] for tag, a in page.all("rect")] == ["45.0", "0.0"]
    grown = Page(plots.histogram("t", "d", [0, 1, 10, 100], {"kept": [1, 1, 1]}, [55]))
    assert [a["width"] for tag, a in grown.all("rect")] == ["33.33%"] * 3
    assert [a["x1"] for tag, a in grown.all("line")] == ["83.33%"]


def test_an_attribute_that_is_zero_stays():
    assert html.tag("rect", x=0, y=0.0, rx=None, hidden=False) == '<rect x="0" y="0.0"/>'
    assert html.tag("p", "a<b", None, html.Html("<i></i>"), title='"') == '<p title="&quot;">a&lt;b<i></i></p>'
