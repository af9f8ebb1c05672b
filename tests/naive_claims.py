"""The slow twin of `curate.web.claims`: claims and wishes by a DOM and its selectors.

A claim is what the page says, not what it means: `license` judges it later, when the HTML is gone. Kinds (governance notes §1.1):

kind       found as                                                             value
link       `<link rel=license>` in the head                                     href
rel        `<a rel=license>` or any other element with that rel                 href
meta       `<meta>` of Dublin Core, `license`, `copyright`, `cc:license` …      content
rdfa       `property` or `typeof` licence attributes                            href, resource or content
microdata  `itemprop=license`                                                   href, content, src or text
json-ld    `license` of a schema.org node; the locator ends in its `@type`      URL or text
href       `<a href>` to a Creative Commons or Open Data Commons deed           href
icon       `<img>` of a Creative Commons badge                                  src
rdf        the Creative Commons RDF comment of old pages                        URL

A locator is `region element`, region being the nearest of head, footer, figure, article, main, aside, nav, li … above the element.
Misses: sentences in prose, RSL files, feeds, microformats' nesting, anything that a script writes.
Price: a byte search on every page (about 1 GB/s); the DOM is asked only where the search hits.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

MAX_CLAIMS = 32
"""Claims kept of one page; a page with more is a list of works, not a work."""
MAX_ELEMENTS = 4096
"""Elements looked at on one page."""
MAX_SAME = 4
"""Times that one claim is located on one page; further repeats are passed over."""
MAX_SNIPPET = 150
"""Characters of the text around a claim."""
MAX_VALUE = 500
"""Characters kept of what a claim or a wish says."""
MAX_JSON = 1 << 20
"""Bytes of one JSON-LD script that is read."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Every claim below holds one of these; `license` covers most URLs and attributes, the quotes keep "all rights reserved" out.
_CLAIM_WORDS = (
    b"license",
    b"licence",
    b"creativecommons",
    b'rights"',
    b"rights'",
    b"rights-standard",
    b'"copyright"',
    b"'copyright'",
    b"=copyright",
)
_WISH_WORDS = (b"bot", b"tdm-", b"noai", b"noml", b"content-usage", b"content-signal", b"-extended")
_DEED = re.compile(r"(?:creativecommons\.org/+(?:licen[sc]es|publicdomain)/|opendatacommons\.org/licenses/)", re.IGNORECASE)
_ICON = re.compile(r"(?:licensebuttons\.net|i\.creativecommons\.org)/+[lp]/", re.IGNORECASE)
_RDF = re.compile(r"<License\s+rdf:about=[\"']([^\"']+)", re.IGNORECASE)
_META_NAMES = _words(
    """dc.rights dc.rights.license dc.license dcterms.license dcterms.rights license licence copyright rights rights-standard
    citation_license og:license article:license cc:license dcterms:license schema:license dct:license xhv:license"""
)
_RDFA = frozenset(["license", "cc:license", "xhv:license", "dct:license", "dcterms:license", "schema:license"])
_REGIONS = _words(
    """head footer header figure figcaption article main aside nav li blockquote picture table noscript address section body"""
)
_MEDIA_PARENTS = frozenset(["figure", "figcaption", "picture"])
_SELECTOR = (
    'link[rel~="license" i], [rel*="license" i], [property*="license" i], [itemprop~="license" i], '
    'meta[name], meta[property], meta[itemprop], script[type="application/ld+json" i], a[href*="creativecommons.org" i], '
    'a[href*="opendatacommons.org" i], img[src*="licensebuttons.net" i], img[src*="i.creativecommons.org" i]'
)


class Claim(NamedTuple):
    """One licence that a page names: how, which (URL or words), where on the page, and the text around it."""

    kind: str
    value: str
    locator: str
    snippet: str


class Wish(NamedTuple):
    """One `<meta>` that tells machines what they may do: lower-case name (`robots`, `tdm-reservation`, an agent's name) and content."""

    name: str
    value: str


def claims_of(tree: Any, page: bytes) -> list[Claim]:
    """Claims of a parsed page in document order, without repeats, at most MAX_CLAIMS. `page`: its UTF-8 bytes in lower case, searched
    first."""
    if not any(word in page for word in _CLAIM_WORDS):
        return []
    found: dict[tuple[str, str, str], Claim] = {}
    named: dict[tuple[str, str], int] = {}
    for element in tree.document.query_selector_all(_SELECTOR)[:MAX_ELEMENTS]:  # a slice: going through the collection itself is quadratic
        for kind, value, place in _claims_of_element(element):
            named[kind, value] = named.get((kind, value), 0) + 1
            if named[kind, value] <= MAX_SAME:
                locator = place or _locator(element) + _subject(element, kind)
                found.setdefault((kind, value, locator), Claim(kind, value, locator, "" if place else _snippet(element)))
        if len(found) >= MAX_CLAIMS:
            return list(found.values())[:MAX_CLAIMS]
    if b"rdf:rdf" in page:
        for url in _RDF.findall(page.decode("utf-8", "replace"))[:MAX_CLAIMS]:
            found.setdefault(("rdf", url, "comment"), Claim("rdf", url, "comment rdf", ""))
    return list(found.values())[:MAX_CLAIMS]


def wishes_of(tree: Any, page: bytes) -> list[Wish]:
    """The machine-directed `<meta>` elements of a parsed page: robots and agents' names, `tdm-reservation`, `tdm-policy`,
    `content-usage`."""
    if not any(word in page for word in _WISH_WORDS):
        return []
    found = []
    for element in tree.document.query_selector_all("meta[name], meta[http-equiv]")[:MAX_ELEMENTS]:
        name = (element.getattr("name") or element.getattr("http-equiv") or "").strip().lower()
        value = _squeezed(element.getattr("content") or "", MAX_VALUE)
        if name == "robots" or name.endswith("bot") or name.startswith("tdm-") or name in _WISHES or _NOAI.search(value):
            found.append(Wish(name, value))
    return found[:MAX_CLAIMS]


_WISHES = frozenset(["x-robots-tag", "content-usage", "content-signal", "google-extended", "applebot-extended"])
_NOAI = re.compile(r"\bno(?:image)?ai\b|\bnoml\b", re.IGNORECASE)


def _claims_of_element(element: Any) -> Iterator[tuple[str, str, str | None]]:
    """(kind, value, locator) of one element; no locator where it has to be found from the element's place."""
    tag = element.tag.lower()
    if tag == "meta":
        name = (element.getattr("name") or element.getattr("property") or "").strip().lower()
        value = _squeezed(element.getattr("content") or "", MAX_VALUE)
        if name in _META_NAMES and value:
            yield "meta", value, f"head meta {name}"
        elif value and "license" in (element.getattr("itemprop") or "").lower().split():
            yield "microdata", value, None
    elif tag == "script":
        for node, value in _of_json_ld(element.text):
            yield "json-ld", _squeezed(value, MAX_VALUE), f"head json-ld {node}"
    else:
        kind, href = _kind_and_value(element, tag)
        if kind and href:
            yield kind, _squeezed(href, MAX_VALUE), None


def _kind_and_value(element: Any, tag: str) -> tuple[str | None, str | None]:
    """What an element claims: the strongest reading first."""

    def get(*names: str) -> str | None:
        return next((v.strip() for n in names if (v := element.getattr(n)) and v.strip()), None)

    rel = (element.getattr("rel") or "").lower().split()
    if "license" in rel:
        if (element.getattr("type") or "").lower() == "application/rsl+xml":
            return None, None  # RSL says who may crawl; it is not a licence of the text
        return ("link" if tag == "link" else "rel"), get("href", "resource")
    if {*_RDFA, "dc.license", "dc.rights.license", "dcterms.license"}.intersection(rel):
        return ("link" if tag == "link" else "rdfa"), get("href", "resource")
    if _RDFA.intersection((element.getattr("property") or "").lower().split()):
        return "rdfa", get("href", "resource", "content", "src") or element.text.strip()
    if "license" in (element.getattr("itemprop") or "").lower().split():
        return "microdata", get("href", "content", "src") or element.text.strip()
    href, src = get("href") or "", get("src") or ""
    if tag == "a" and _DEED.search(href):
        return "href", href
    if tag == "img" and _ICON.search(src):
        return "icon", src
    return None, None


def _of_json_ld(text: str) -> Iterator[tuple[str, str]]:
    """(@type, value) of `license` of every schema.org node of one script, however deep; `sdLicense` speaks of the structured data and is
    passed over."""
    if "icense" not in text or len(text) > MAX_JSON:
        return
    try:
        stack = [json.loads(_unwrapped(text), strict=False)]
    except (ValueError, RecursionError):
        return
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(reversed(node))
        elif isinstance(node, dict):
            types = node.get("@type")
            kind = "/".join(t for t in types if isinstance(t, str)) if isinstance(types, list) else str(types or "Thing")
            for value in _license_values(node.get("license")):
                yield re.sub(r"\s", "", kind)[:60] + _of(_address(node)), value
            stack.extend(v for k, v in reversed(node.items()) if isinstance(v, dict | list) and k != "license")


def _unwrapped(text: str) -> str:
    """Without the comment or the CDATA section that old templates put around a script."""
    text = text.strip()
    for opening in ("<!--", "//<![CDATA[", "// <![CDATA[", "/*<![CDATA[*/", "/* <![CDATA[ */", "<![CDATA["):
        text = text.removeprefix(opening)
    for closing in ("-->", "//]]>", "// ]]>", "/*]]>*/", "/* ]]> */", "]]>"):
        text = text.removesuffix(closing)
    return text


def _address(node: dict[str, Any]) -> str | None:
    """What a node says that it speaks of, if that is a page."""
    for name in ("url", "mainEntityOfPage", "@id"):
        value = node.get(name)
        if isinstance(value, dict):
            value = value.get("@id") or value.get("url")
        if isinstance(value, str) and value.strip() and _is_address(value.strip()):
            return value
    return None


def _is_address(value: str) -> bool:
    scheme = re.match(r"([A-Za-z_][A-Za-z0-9_+.-]*):", value)
    return not value.startswith("[") and (scheme is None or scheme[1] in ("http", "https"))


def _of(address: str | None) -> str:
    return " of " + re.sub(r"\s", "", address)[:MAX_VALUE] if address else ""


def _subject(element: Any, kind: str) -> str:
    """The item of microdata, the `about` of RDFa."""
    above, node = [], element.parent
    while node is not None and len(above) < 64:
        above.append(node)
        node = node.parent if (node.tag or "").lower() != "html" else None
    if kind == "microdata":
        for item in above:
            if item.hasattr("itemscope"):
                types = (item.getattr("itemtype") or "").split()
                named = re.search(r"\w+(?=/?$)", types[0]) if types else None
                return (f" {named[0]}" if named else "") + _of((item.getattr("itemid") or "").strip())
    elif kind in ("link", "rel", "rdfa"):
        for one in [element, *above]:
            if one.hasattr("about"):
                about = (one.getattr("about") or "").strip()
                return _of(about if about and _is_address(about) else None)
    return ""


def _license_values(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        yield value.strip()
    elif isinstance(value, dict):
        yield from _license_values(value.get("url") or value.get("@id") or value.get("name"))
    elif isinstance(value, list):
        for each in value[:8]:
            if isinstance(each, str | dict):
                yield from _license_values(each)


def _locator(element: Any) -> str:
    """`region element`; the region of anything inside a figure is `figure`: it speaks of that image."""
    region, node, tag = "body", element.parent, element.tag.lower()
    for _ in range(64):
        if node is None:
            break
        name = (node.tag or "").lower()
        if name in _MEDIA_PARENTS:
            return f"figure {tag}"
        if name in _REGIONS and region == "body":
            region = name
        elif region == "body" and _FOOTER.search(f"{node.getattr('id') or ''} {node.getattr('class') or ''}"):
            region = "footer"
        node = node.parent if name != "html" else None
    return f"{region} {tag}"


_FOOTER = re.compile(r"\bfoot(?:er)?\b|colophon|site-info|copyright", re.IGNORECASE)


def _snippet(element: Any) -> str:
    """The element's text between its neighbours'; never its parent's, which may be the whole page."""
    around = (element.prev, element, element.next)
    return _squeezed(" ".join(node.text or "" for node in around if node is not None), MAX_SNIPPET)


def _squeezed(text: str, limit: int) -> str:
    """White space runs as one space, cut to `limit` characters; a longer text is cut before it is squeezed, so that no page is slow."""
    return " ".join(text[: limit * 4].split())[:limit]
