"""Claims and wishes: each kind, its place, and bounds on pages that are made to be slow."""

import time

import pytest
from resiliparse.parse.html import HTMLTree

from curate.web.claims import MAX_CLAIMS, MAX_SNIPPET, claims_of, wishes_of

URL = "https://creativecommons.org/licenses/by/4.0/"


def claims(html):
    return claims_of(HTMLTree.parse(html), html.encode().lower())


def wishes(html):
    return [tuple(w) for w in wishes_of(HTMLTree.parse(html), html.encode().lower())]


@pytest.mark.parametrize(
    ("html", "kind", "value", "locator"),
    [
        (f'<head><link rel="license" href="{URL}"></head>', "link", URL, "head link"),
        (f'<body><footer><p><a rel="nofollow LICENSE" href="{URL}">x</a></p></footer>', "rel", URL, "footer a"),
        (f'<body><div id="footer"><a href="{URL}">x</a></div>', "href", URL, "footer a"),
        (f'<body><article><p><a href="{URL}">x</a></p></article>', "href", URL, "article a"),
        (f'<body><figure><figcaption><a href="{URL}">x</a></figcaption></figure>', "href", URL, "figure a"),
        (f'<body><article><ul><li><a href="{URL}">x</a></ul></article>', "href", URL, "li a"),
        ('<body><img src="//i.creativecommons.org/l/by/4.0/88x31.png">', "icon", "//i.creativecommons.org/l/by/4.0/88x31.png", "body img"),
        (f'<head><meta name="DC.rights" content="{URL}"></head>', "meta", URL, "head meta dc.rights"),
        ('<head><meta name="copyright" content="© Somebody"></head>', "meta", "© Somebody", "head meta copyright"),
        (f'<body><span property="dct:license" resource="{URL}">x</span>', "rdfa", URL, "body span"),
        (f'<body><main><a itemprop="license" href="{URL}">x</a></main>', "microdata", URL, "main a"),
        ('<body><p itemprop="license">CC BY 4.0</p>', "microdata", "CC BY 4.0", "body p"),
        (
            f'<script type="application/ld+json">[{{"a": {{"@type": ["WebPage"], "license": "{URL}"}}}}]</script>',
            "json-ld",
            URL,
            "head json-ld WebPage",
        ),
        (f'<body><!-- <rdf:RDF><License rdf:about="{URL}"/></rdf:RDF> -->', "rdf", URL, "comment rdf"),
    ],
)
def test_kinds(html, kind, value, locator):
    found = claims(html)
    assert [(c.kind, c.value, c.locator) for c in found] == [(kind, value, locator)]


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://creativecommons.org/about/">about licenses</a>',
        '<link rel="license" type="application/rsl+xml" href="/license.xml">',
        '<script type="application/ld+json">{"sdLicense": "x"}</script>',
        "<p>license</p>",
        "<p>nothing</p>",
    ],
)
def test_what_is_no_claim(html):
    assert claims(html) == []


def test_the_snippet_is_what_stands_around():
    (claim,) = claims(f'<p>Text is under <a rel="license" href="{URL}">CC BY</a>, photos are not. {"x" * 500}</p>')
    assert claim.snippet.startswith("Text is under CC BY , photos are not.")
    assert len(claim.snippet) <= MAX_SNIPPET


def test_wishes():
    html = """<meta name="ROBOTS" content="noai"><meta name="googlebot" content="noindex"><meta name="viewport" content="x">
      <meta name="tdm-reservation" content="1"><meta http-equiv="X-Robots-Tag" content="noimageai"><meta name="other" content="noml">"""
    assert wishes(html) == [
        ("robots", "noai"),
        ("googlebot", "noindex"),
        ("tdm-reservation", "1"),
        ("x-robots-tag", "noimageai"),
        ("other", "noml"),
    ]


@pytest.mark.parametrize(
    "html",
    [
        '<a rel="license" href="x">y</a>' * 20_000,
        "".join(f'<a rel="license" href="x{i}">y</a>' for i in range(20_000)),
        '<meta name="robots" content="noai">' * 20_000,
        "<div>" * 5_000 + '<a rel="license" href="x">y</a>' * 50,
        '<script type="application/ld+json">' + "[" * 100_000 + '"license"</script>',
        '<script type="application/ld+json">' + '{"license":' * 5_000 + "1" + "}" * 5_000 + "</script>",
    ],
)
def test_bounds(html):
    tree = HTMLTree.parse(html)
    page = html.encode().lower()
    started = time.process_time()
    assert len(claims_of(tree, page)) <= MAX_CLAIMS
    assert len(wishes_of(tree, page)) <= MAX_CLAIMS
    assert time.process_time() - started < 20  # quadratic work would take minutes
