"""Markup: charsets, main text, titles, limits, claims and wishes."""

import json
import random
import struct
import sys
import zlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import schema
from curate.errors import SourceError
from curate.stages.markup import CLAIMS, Config, markup
from curate.web import main_text as ours

PAGE = """<!DOCTYPE html><html lang="en-GB"><head><title> A  page &amp; more </title>
<meta name="robots" content="noai, noindex"><meta name="tdm-reservation" content="1">
<link rel="license" href="https://creativecommons.org/licenses/by/4.0/"></head>
<body><nav><a href="/">Home</a> <a href="/shop">Shop</a></nav>
<main><article><h1>Heading</h1><p>The first paragraph of the article, with enough words to be one.</p>
<p>The second paragraph, which has a <a href="/x">link</a> and says something else.</p>
<figure><img src="a.png"><figcaption>Photo <a rel="license" href="https://creativecommons.org/licenses/by-nc/2.0/">CC</a></figcaption></figure>
</article></main><footer><a href="//creativecommons.org/licenses/by-sa/3.0/de/">Licence</a></footer></body></html>"""


def batch(pages, texts=None, content_type=None):
    n = len(pages)
    header = [{"name": "Content-Type", "value": content_type}] if content_type else []
    return pa.record_batch(
        {
            "raw": pa.array([p.encode() if isinstance(p, str) else p for p in pages], pa.large_binary()),
            "headers": pa.array([header] * n, schema.HEADERS),
            "text": pa.array(texts or [None] * n, pa.large_string()),
        }
    )


def one(page, config=None, **options):
    config = config or Config()
    made = markup.measure(batch([page], **options), config, "markup")
    judged = markup.judge(made, config, "markup")
    return {name.removeprefix("markup__"): column[0].as_py() for name, column in (made | judged).items()}


def test_main_text_title_and_language():
    row = one(PAGE)
    assert "The first paragraph" in row["text"]
    assert "The second paragraph" in row["text"]
    assert "Shop" not in row["text"]
    assert (row["title"], row["lang"], row["edits"], row["drop"]) == ("A page & more", "en-GB", 1, None)
    assert row["html_bytes"] == len(PAGE.encode())
    assert row["chars"] == len(row["text"])
    assert row["text_share"] == pytest.approx(len(row["text"].encode()) / len(PAGE.encode()), abs=1e-4)


def test_all_visible_text_if_asked():
    assert "Shop" in one(PAGE, Config(main_content=False))["text"]


NOTICE = '<body><footer class="site-footer copyright"><p>Copyright 2020 Example <a href=/>Terms</a></p></footer></body>'


def test_falls_back_to_all_text_where_no_main_text_is_found():
    row = one(NOTICE)
    assert (row["text"], row["fallback"], row["kept_share"]) == ("Copyright 2020 Example Terms", "all", 1.0)
    assert row["expected_f1"] < 0.4
    row = one(NOTICE, Config(fall_back=False))
    assert (row["text"], row["drop"], row["value"], row["threshold"], row["fallback"]) == ("", "no_text", "0", "< 1", None)


def test_text_that_stands_only_in_noscript():
    row = one("<body><script>go()</script><noscript><p>All of the text of this page is here, for readers without scripts.</p></noscript>")
    assert row["text"].startswith("All of the text")
    assert row["fallback"] == "noscript"
    page = "<p>Enough</p><noscript>Please enable scripts.</noscript>"
    assert one(page, Config(fall_back=False, main_content=False))["text"] == "Enough"


def test_how_sure_it_is_stands_beside_the_text():
    row = one(PAGE)
    assert row["blocks"] == 6
    assert 0 < row["kept_share"] <= 1
    assert 0 < row["expected_f1"] <= 1
    assert 0 <= row["article"] <= 1
    assert one(PAGE, Config(min_expected_f1=1.0))["drop"] == "unsure"
    assert one(PAGE, Config(extractor="resiliparse"))["expected_f1"] is None


def test_images_with_their_place_in_the_text():
    long = "A sentence of the article, long enough that it is one, and then some more of it. " * 3
    page = f'<article><p>{long}<img src="in.png"></p><img src="a&amp;b.png" alt="One"><p>{long}<p>{long}</article><footer><img src="logo.png"></footer>'
    row = one(page)
    inside, between, *_ = row["media"]
    assert inside == {"url": "in.png", "alt": None, "at": 0}
    assert (between["url"], between["alt"]) == ("a&b.png", "One")
    assert row["text"][between["at"] :] == "\n\n".join([long.strip()] * 2)


STRUCTURED = """<h1>T</h1><p>Before &amp; after.<ul><li>a<li>b<ul><li>c</ul></ul><ol><li>x<li>y</ol>
<table><tr><th>A<th>B<tr><td>1<td><td>3|4</table><pre>
def f():
    return 1

  x</pre><blockquote><p>Q</blockquote><p><math alttext="x^2"><mi>x</mi></math>"""


def test_lines_of_lists_tables_code_and_formulas():
    assert one(STRUCTURED, Config(main_content=False))["text"] == (
        "T\n\nBefore & after.\n\n- a\n- b\n  - c\n- x\n- y\n\nA\tB\n1\t\t3|4\n\ndef f():\n    return 1\n\n  x\n\nQ\n\n$x^2$"
    )


def test_readings_do_not_stand_between_the_characters_of_a_text():
    page = "<p><ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp>字<rp>(</rp><rt>じ</rt><rp>)</rp></ruby>を<ruby>読<rt>よ</ruby>む"
    assert one(page, Config(main_content=False))["text"] == "漢字を読む"


def test_code_between_text_that_stays_stays():
    long = "A sentence of the article, long enough that it is one, and then some more of it. " * 3
    code = "<pre>x=1</pre><div class=ad-banner><pre>ls</pre></div>"
    strict = Config(strictness=2)  # by its own probability it goes
    assert "x=1\n\nls" in one(f"<article><p>{long}{code}<p>{long}</article>", strict)["text"]
    assert "x=1" not in one(f"<article><p>{long}<p>{long}{code}</article>", strict)["text"]


def test_the_same_as_markdown():
    assert one(STRUCTURED, Config(main_content=False, markdown=True))["text"] == (
        "# T\n\nBefore & after.\n\n- a\n- b\n  - c\n1. x\n2. y\n\n| A | B |\n|---|---|\n| 1 |  | 3\\|4 |\n\n"
        "```\ndef f():\n    return 1\n\n  x\n```\n\n> Q\n\n$x^2$"
    )


def test_a_page_is_the_same_alone_and_among_others():
    """Trees judge the blocks of many pages at once; neither that nor the buffers that pages share show in what is told of one."""
    pages = [
        PAGE,
        "",
        "<p>" + "A sentence, and one more. " * 20,
        STRUCTURED,
        PAGE.replace("article", "div"),
        "<ul>" + "<li>item" * 1500,
        PAGE[:700],
    ] * 12
    together = markup.measure(batch(pages), Config(), "markup")
    for row, page in enumerate(pages[:7]):
        alone = markup.measure(batch([page]), Config(), "markup")
        for name, column in together.items():
            assert all(column[at] == alone[name][0] for at in range(row, len(pages), 7)), (row, name)


def test_a_stricter_cut_keeps_no_more():
    kept = [one(PAGE, Config(strictness=s, fall_back=False))["kept_share"] for s in (0.5, 1.0, 1.5, 2.0)]
    assert kept == sorted(kept, reverse=True)


def test_a_model_of_other_features_is_refused(tmp_path):
    model = json.loads(ours.MODEL.read_text(encoding="utf-8"))
    model["features"][0] = "odd"
    path = tmp_path / "model.json"
    path.write_text(json.dumps(model), encoding="utf-8")
    with pytest.raises(SourceError, match=r"expected a model of the \d+ features of this version, got .*model.json: differs in .*odd"):
        ours.load(path)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(SourceError, match=r"expected a model file, got .*model.json"):
        ours.load(path)


@settings(max_examples=60)
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_have_a_text(raw, markdown):
    page = one(b"<p>" + raw, Config(markdown=markdown))
    page["text"].encode()
    assert page == one(b"<p>" + raw, Config(markdown=markdown))


def test_a_text_source_passes_untouched():
    out = markup.measure(batch([None, PAGE, None], ["  as it was ", None, ""]), Config(), "markup")
    assert out["text"].to_pylist()[::2] == ["  as it was ", ""]
    assert out["markup__edits"].to_pylist() == [0, 1, 0]
    assert out["markup__html_bytes"].to_pylist()[::2] == [None, None]
    assert markup.judge(out, Config(), "markup")["markup__drop"].to_pylist() == [None, None, "no_text"]


@pytest.mark.parametrize(
    ("raw", "content_type", "charset", "charset_by"),
    [
        ("<p>Grüße aus Köln</p>".encode("cp1252"), "text/html; charset=ISO-8859-1", "cp1252", "header"),
        (b'<meta charset="windows-1251"><p>' + "Привет, как дела?".encode("cp1251"), None, "cp1251", "meta"),
        ("<p>Grüße</p>".encode("utf-16"), None, "utf-16-le", "bom"),
        ("<p>Grüße aus dem Netz</p>".encode("utf-16-be"), None, "utf-16-be", "wide"),
        (b'<meta charset="shift_jis"><p>' + "日本語のページ".encode("cp932"), None, "cp932", "meta"),
        ("<p>Grüße</p>".encode(), "text/html; charset=latin1", "utf-8", "utf-8"),
    ],
)
def test_charsets(raw, content_type, charset, charset_by):
    row = one(raw, content_type=content_type)
    assert (row["charset"], row["charset_by"]) == (charset, charset_by)
    assert row["bad_share"] == 0.0
    assert any(word in row["text"] for word in ("Grüße", "Привет, как дела?", "日本語のページ"))


def test_a_page_over_the_limit_is_not_read():
    row = one(PAGE, Config(max_html_bytes=100))
    assert (row["drop"], row["value"], row["threshold"], row["text"]) == ("too_large", str(len(PAGE.encode())), "> 100", "")


def test_a_bomb_of_nested_boxes_leaves_at_once():
    row = one("<div>" * 200_000 + "x")
    assert (row["drop"], row["text"]) == ("too_nested", "")
    assert one("<ul><li>a" * 50_000)["drop"] == "too_nested"
    assert one("<p>a" * 10_000)["drop"] is None


@pytest.mark.parametrize("content_type", [None, "text/html; charset=utf-8", "text/html; charset=windows-1252"])
@pytest.mark.parametrize("kind", ["deflate", "program", "table", "pdf"])
def test_bytes_that_are_no_text_leave(kind, content_type):
    noise = random.Random(1).randbytes(4000)
    raw = {
        "deflate": b"\x1f\x8b\x08" + zlib.compress(noise),
        "program": b"\x7fELF\x02\x01\x01" + b"\x00" * 9 + noise,
        "pdf": b"%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\n",
        "table": b"".join(struct.pack("<I", n) for n in range(1000)),
    }[kind]
    row = one(raw, content_type=content_type)
    assert (row["drop"], row["threshold"]) == ("not_text", "> 0.05")


def test_half_a_pair_of_utf_16_is_no_text():
    strict = one(b"\xff\xfe" + b"\x00\xd8" * 500)
    assert (strict["drop"], strict["threshold"]) == ("not_text", "> 0.05")


def test_little_text_if_asked():
    row = one("<html><head><style>" + "x" * 5000 + "</style></head><body><p>hello there</p></body></html>", Config(min_text_share=0.1))
    assert row["drop"] == "little_text"


def test_claims_name_kind_value_and_place():
    claims = {(c["kind"], c["value"], c["locator"]) for c in one(PAGE)["claims"]}
    assert ("link", "https://creativecommons.org/licenses/by/4.0/", "head link") in claims
    assert ("rel", "https://creativecommons.org/licenses/by-nc/2.0/", "figure a") in claims
    assert ("href", "//creativecommons.org/licenses/by-sa/3.0/de/", "footer a") in claims


def test_wishes_are_kept_raw():
    assert one(PAGE)["wishes"] == [{"name": "robots", "value": "noai, noindex"}, {"name": "tdm-reservation", "value": "1"}]


def test_json_ld_licences_with_the_type_of_their_node():
    page = """<script type="application/ld+json">{"@graph": [{"@type": "Article", "license": "https://spdx.org/licenses/MIT"},
      {"@type": "ImageObject", "license": {"@id": "https://creativecommons.org/licenses/by/2.0/"}, "sdLicense": "x"}]}</script><p>text</p>"""
    found = [(c["value"], c["locator"]) for c in one(page)["claims"]]
    assert found == [
        ("https://spdx.org/licenses/MIT", "head json-ld Article"),
        ("https://creativecommons.org/licenses/by/2.0/", "head json-ld ImageObject"),
    ]


def test_a_broken_json_ld_is_passed_over():
    assert one('<script type="application/ld+json">{"license": [</script><p>text')["claims"] == []


def test_a_page_full_of_links_is_bounded():
    row = one("".join(f'<a rel="license" href="https://a.example/{i}">x</a>' for i in range(500)))
    assert len(row["claims"]) == 32
    assert CLAIMS.equals(pa.list_(CLAIMS.value_type))


def test_trafilatura_is_an_option_that_must_be_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "trafilatura", None)  # what Python itself does to say: not there
    with pytest.raises(ValueError, match=r"expected an installed extractor, got trafilatura; run pip install 'curate\[trafilatura\]'"):
        Config(extractor="trafilatura")


def test_trafilatura_finds_the_article():
    pytest.importorskip("trafilatura")
    body = "".join(f"<p>Paragraph {i} of the article says something at some length, so that it counts as prose.</p>" for i in range(8))
    page = f"<html><body><nav>Menu</nav><article><h1>T</h1>{body}</article></body></html>"
    text = one(page, Config(extractor="trafilatura", fall_back=False))["text"]
    assert "Paragraph 7" in text
    assert "Menu" not in text


def test_bad_config():
    with pytest.raises(ValueError, match="greater than 0"):
        Config(max_html_bytes=0)
