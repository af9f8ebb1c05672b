"""Evidence on a page: every licence that it names with its place, and every `<meta>` that speaks to machines about use, without a DOM.

A claim is what the page says, not what it means: `license` judges it later, when the HTML is gone. Kinds (governance notes §1.1):

kind       found as                                                             value
link       `<link rel=license>` in the head                                     href
rel        `<a rel=license>` or any other element with that rel                 href
meta       `<meta>` of Dublin Core, `license`, `copyright`, `cc:license` …      content
rdfa       `property` and `rel` of licence vocabularies                         href, resource or content
microdata  `itemprop=license`                                                   href, content, src or text
json-ld    `license` of a schema.org node                                       URL or text
href       `<a href>` to a Creative Commons or Open Data Commons deed           href
icon       `<img>` of a Creative Commons badge                                  src
rdf        the Creative Commons RDF comment of old pages                        URL

A locator is `region element`, region being the nearest of head, footer, figure, article, main, aside, nav, li … above the element; of linked data the
`@type` or `itemtype` follows, and where the markup says of which address it speaks (`url`, `mainEntityOfPage`, `@id`; `itemid`; `about`) `of` with that.
A wish is a name and what it says: `robots`, an agent's name, `tdm-reservation`, `tdm-policy`, `content-usage`, `content-signal`; `rsl` with the
address, or the text, of an RSL licence.
Misses: sentences in prose, feeds, microformats' nesting, anything that a script writes.
Price: about 40 µs a page of 60 kB (tests/bench/bench_claims.py); tags are parsed only where the kernel found a telling word.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import unescape
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np

from curate.kernels import page_marks as marks

MAX_CLAIMS = 32
"""Claims kept of one page; a page with more is a list of works, not a work."""
MAX_SAME = 4
"""Times that one claim is located on one page; further repeats are passed over."""
MAX_SNIPPET = 150
"""Characters of the text around a claim."""
MAX_VALUE = 500
"""Characters kept of what a claim or a wish says."""
MAX_RSL = 16_384
"""Characters kept of an RSL licence that stands in the page; a longer one is cut, which makes it one that nobody can read."""
MAX_JSON = 1 << 20
"""Bytes of one JSON-LD script that is read."""
MAX_KNOWN = 1024
"""Bytes of a tag that is remembered."""
_AROUND = 600
"""Bytes on either side of an element that its snippet is made of."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DEED = re.compile(r"(?:creativecommons\.org/+(?:licen[sc]es|publicdomain)/|opendatacommons\.org/licenses/)", re.IGNORECASE)
_ICON = re.compile(r"(?:licensebuttons\.net|i\.creativecommons\.org)/+[lp]/", re.IGNORECASE)
_RDF = re.compile(rb"<License\s+rdf:about=[\"']([^\"']+)", re.IGNORECASE)
_META_NAMES = _words(
    """dc.rights dc.rights.license dc.license dcterms.license dcterms.rights license licence copyright rights rights-standard
    citation_license og:license article:license cc:license dct:license dcterms:license schema:license xhv:license"""
)
_RDFA = frozenset(["license", "cc:license", "xhv:license", "dct:license", "dcterms:license", "schema:license"])
_RELATIONS = _RDFA - {"license"} | {"dc.license", "dc.rights.license", "dcterms.license"}
"""Of RDFa, and of Dublin Core in HTML (DCMI, 2008)."""
_REGIONS = _words(
    """head footer header figure figcaption article main aside nav li blockquote picture table noscript address section body"""
)
_MEDIA_PARENTS = frozenset(["figure", "figcaption", "picture"])
_FOOTER = re.compile(r"\bfoot(?:er)?\b|colophon|site-info|copyright", re.IGNORECASE)
_WISHES = frozenset(["x-robots-tag", "content-usage", "content-signal", "google-extended", "applebot-extended"])
_NOAI = re.compile(r"\bno(?:image)?ai\b|\bnoml\b", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    rb"""[\s/]*([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?""",
)
_NAME = re.compile(rb"<([A-Za-z][^\s/>]*)")
_TAGS = re.compile(rb"<!--.*?(?:-->|$)|<[!/?A-Za-z][^>]*(?:>|$)", re.DOTALL)
_CUT_TAG = re.compile(rb"[^<>]*>")
_WRAPPED = re.compile(r"^\s*(?:<!--|(?://|/\*)?\s*<!\[CDATA\[(?:\s*\*/)?)|(?:-->|(?://|/\*)?\s*\]\]>(?:\s*\*/)?)\s*$")
"""What old templates put around a script, which is no JSON."""
_ELSEWHERE = re.compile(r"\s*(?:(?!https?:)[A-Za-z_][\w+.-]*:|_:|\[)")
"""Names of things that are no pages: urn:, blank nodes, CURIEs."""
_ITEM = re.compile(r"^\s*\S*?(\w+)/?(?:\s|$)")
_SCRIPT_END = re.compile(rb"</script", re.IGNORECASE)
_BLOCK = re.compile(
    rb"</?(?:p|div|li|ul|ol|td|th|tr|table|footer|header|section|article|aside|nav|main|h[1-6]|body|html|figure|blockquote|dd|dt|dl"
    rb"|form|address|script|style|pre|br|hr)(?=[\s/>])[^>]*>",
    re.IGNORECASE,
)


class Claim(NamedTuple):
    """One licence that a page names: how, which (URL or words), where on the page, and the text around it."""

    kind: str
    value: str
    locator: str
    snippet: str


class Wish(NamedTuple):
    """What tells machines what they may do: lower-case name (`robots`, `tdm-reservation`, an agent's name, `rsl`) and content."""

    name: str
    value: str


class Tag(NamedTuple):
    """A start tag: its name, its attributes (lower-case names, the first of equal ones), and the byte after it."""

    name: str
    attributes: dict[str, str]
    end: int

    def get(self, *names: str) -> str | None:
        """The first of these attributes that says something."""
        return next((value for name in names if (value := self.attributes.get(name, "").strip())), None)


class Evidence(NamedTuple):
    """What one page of a column says: its place there, and claims, in document order and without repeats, and wishes; at most MAX_CLAIMS of each."""

    page: int
    claims: list[Claim]
    wishes: list[Wish]


def evidence_of(page: bytes) -> tuple[list[Claim], list[Wish]]:
    """Claims and wishes of one page in UTF-8."""
    for found in of_pages([page], np.frombuffer(page, np.uint8), np.array([[0, len(page)]])):
        return found.claims, found.wishes
    return [], []


def of_pages(pages: Sequence[bytes], data: np.ndarray, spans: np.ndarray) -> Iterator[Evidence]:
    """What the pages in UTF-8, which are data[spans[k, 0]:spans[k, 1]] (uint8, int64[pages, 2]), say; those that may say something, in their order."""
    tables = marks.TRIGRAMS, marks.PIECES, marks.OPENINGS, marks.META_WORDS, marks.VOID, marks.RAW, marks.IN_HEAD
    found, above = marks.of_column(data, spans, *tables)
    numbers, firsts = np.unique(found[:, 0], return_index=True)
    ends = np.cumsum(np.maximum(found[:, 2], 0))
    rows = list(zip(found[:, 1].tolist(), found[:, 2].tolist(), ends.tolist(), strict=True))
    for page, (first, last) in zip(numbers.tolist(), pairwise([*firsts.tolist(), len(rows)]), strict=True):
        yield Evidence(page, *_evidence(pages[page], rows[first:last], above))


def _evidence(page: bytes, rows: list[tuple[int, int, int]], above: np.ndarray) -> tuple[list[Claim], list[Wish]]:
    """Of the elements of one page: (start, number of ancestors or -1, where these end in `above`)."""
    found: dict[tuple[str, str, str], Claim] = {}
    named: dict[tuple[str, str], int] = {}
    wishes: list[Wish] = []
    for start, depth, end in rows:
        if depth < 0:
            if page[start : start + 8].lower() == b"<license":
                _rdf(page, start, found)
            continue
        tag = _tag(page, start)
        wishes += _wishes(tag, page)
        for kind, value, place in _claims(tag, page):
            named[kind, value] = named.get((kind, value), 0) + 1
            if named[kind, value] <= MAX_SAME:
                ancestors = above[end - depth : end].tolist()
                locator = place or _locator(page, tag.name, ancestors) + _subject(page, tag, ancestors, kind)
                key = (kind, value, locator)
                if key not in found:
                    found[key] = Claim(kind, value, locator, "" if place else _snippet(page, start, tag))
        if len(found) >= MAX_CLAIMS:
            break
    return list(found.values())[:MAX_CLAIMS], wishes[:MAX_CLAIMS]


def _rdf(page: bytes, start: int, found: dict[tuple[str, str, str], Claim]) -> None:
    """The licence that an RDF comment names."""
    match = _RDF.match(page, start)
    if match:
        url = match.group(1).decode("utf-8", "replace")
        found.setdefault(("rdf", url, "comment"), Claim("rdf", url, "comment rdf", ""))


def _tag(page: bytes, start: int) -> Tag:
    """The start tag at a byte. Most tags of a site stand on all of its pages, and are parsed once."""
    end = page.find(b">", start, start + MAX_KNOWN) + 1
    if end and (known := _known(page[start:end])) is not None:
        return Tag(known.name, known.attributes, end)
    return _parsed(page, start)[0]


@lru_cache(maxsize=4096)
def _known(written: bytes) -> Tag | None:
    """The tag that ends with its first `>`; None where a quote is open there, so that the tag may go on."""
    tag, quoted = _parsed(written, 0)
    return None if quoted else tag


def _parsed(page: bytes, start: int) -> tuple[Tag, bool]:
    """The start tag at a byte, and whether a value of it begins with a quote that does not end."""
    found = _NAME.match(page, start)
    if found is None:
        return Tag("", {}, start + 1), True
    name = found.group(1)
    at = found.end()
    attributes: dict[str, str] = {}
    limit, quoted = min(len(page), start + 4 * marks.MAX_TAG), False
    while at < limit and (match := _ATTRIBUTE.match(page, at, limit)):
        key, *values = match.groups()
        value = next((v for v in values if v is not None), b"")
        attributes.setdefault(key.decode("utf-8", "replace").lower(), unescape(value.decode("utf-8", "replace")))
        quoted |= values[2] is not None and values[2][:1] in (b'"', b"'")
        at = match.end()
    close = page.find(b">", at, limit)
    return Tag(name.decode("utf-8", "replace").lower(), attributes, close + 1 if close >= 0 else limit), quoted


def _wishes(tag: Tag, page: bytes) -> Iterator[Wish]:
    if tag.name == "meta":
        name = (tag.get("name", "http-equiv") or "").lower()
        value = _squeezed(tag.attributes.get("content", ""), MAX_VALUE)
        if ("name" in tag.attributes or "http-equiv" in tag.attributes) and (
            name == "robots" or name.endswith("bot") or name.startswith("tdm-") or name in _WISHES or _NOAI.search(value)
        ):
            yield Wish(name, value)
    elif tag.attributes.get("type", "").strip().lower() == "application/rsl+xml":
        if tag.name == "script":
            yield Wish("rsl", _squeezed(_script(page, tag).decode("utf-8", "replace"), MAX_RSL))
        elif "license" in tag.attributes.get("rel", "").lower().split() and (address := tag.get("href")):
            yield Wish("rsl", _squeezed(address, MAX_VALUE))


def _claims(tag: Tag, page: bytes) -> Iterator[tuple[str, str, str | None]]:
    """(kind, value, locator) of one element; no locator where it has to be found from the element's place."""
    if tag.name == "meta":
        name = (tag.get("name", "property") or "").lower()
        value = _squeezed(tag.attributes.get("content", ""), MAX_VALUE)
        if name in _META_NAMES and value:
            yield "meta", value, f"head meta {name}"
        elif value and "license" in tag.attributes.get("itemprop", "").lower().split():
            yield "microdata", value, None
    elif tag.name == "script":
        if tag.attributes.get("type", "").strip().lower() == "application/ld+json":
            for node, value in _of_json_ld(_script(page, tag)):
                yield "json-ld", _squeezed(value, MAX_VALUE), f"head json-ld {node}"
    else:
        kind, said = _kind_and_value(tag, page)
        if kind and said:
            yield kind, _squeezed(said, MAX_VALUE), None


def _kind_and_value(tag: Tag, page: bytes) -> tuple[str | None, str | None]:
    """What an element claims: the strongest reading first."""
    if "license" in tag.attributes.get("rel", "").lower().split():
        if tag.attributes.get("type", "").strip().lower() == "application/rsl+xml":
            return None, None  # RSL says who may crawl; it is not a licence of the text
        return ("link" if tag.name == "link" else "rel"), tag.get("href", "resource")
    if _RELATIONS.intersection(tag.attributes.get("rel", "").lower().split()):
        return ("link" if tag.name == "link" else "rdfa"), tag.get("href", "resource")
    if _RDFA.intersection(tag.attributes.get("property", "").lower().split()):
        return "rdfa", tag.get("href", "resource", "content", "src") or _inner(page, tag)
    if "license" in tag.attributes.get("itemprop", "").lower().split():
        return "microdata", tag.get("href", "content", "src") or _inner(page, tag)
    href, src = tag.get("href") or "", tag.get("src") or ""
    if tag.name == "a" and _DEED.search(href):
        return "href", href
    if tag.name == "img" and _ICON.search(src):
        return "icon", src
    return None, None


def _script(page: bytes, tag: Tag) -> bytes:
    """The content of a script; empty where it is beyond MAX_JSON."""
    end = page.find(b"</script", tag.end, tag.end + MAX_JSON)
    if end < 0 and (other := _SCRIPT_END.search(page, tag.end, tag.end + MAX_JSON)):
        end = other.start()
    return page[tag.end : max(end, tag.end)]


def _of_json_ld(content: bytes) -> Iterator[tuple[str, str]]:
    """(@type, value) of `license` of every schema.org node of one script, however deep; `sdLicense` speaks of the structured data and is
    passed over."""
    if b'"license"' not in content:
        return
    try:
        stack = [json.loads(_WRAPPED.sub("", content.decode("utf-8", "replace")), strict=False)]
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
                yield "".join(kind.split())[:60] + _of(_address_of(node)), value
            stack.extend(v for k, v in reversed(node.items()) if isinstance(v, dict | list) and k != "license")


def _address_of(node: dict[str, Any]) -> str | None:
    """Which address a node says that it speaks of; None where it says none, or one that is no place on the web."""
    for name in ("url", "mainEntityOfPage", "@id"):
        value = node.get(name)
        value = value.get("@id") or value.get("url") if isinstance(value, dict) else value
        if isinstance(value, str) and value.strip() and not _ELSEWHERE.match(value):
            return value
    return None


def _of(address: str | None) -> str:
    """The end of a locator that speaks of an address."""
    return f" of {''.join(address.split())[:MAX_VALUE]}" if address else ""


def _license_values(value: object) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        yield value.strip()
    elif isinstance(value, dict):
        yield from _license_values(value.get("url") or value.get("@id") or value.get("name"))
    elif isinstance(value, list):
        for each in value[:8]:
            if isinstance(each, str | dict):
                yield from _license_values(each)


def _locator(page: bytes, name: str, ancestors: list[int]) -> str:
    """`region element`; the region of anything inside a figure is `figure`: it speaks of that image."""
    region = "body"
    for start in ancestors[::-1][:64]:
        found = _NAME.match(page, start)
        above = found.group(1).decode("utf-8", "replace").lower() if found else ""
        if above in _MEDIA_PARENTS:
            return f"figure {name}"
        if above in _REGIONS and region == "body":
            region = above
        elif region == "body":
            tag = _tag(page, start)
            if _FOOTER.search(f"{tag.attributes.get('id', '')} {tag.attributes.get('class', '')}"):
                region = "footer"
    return f"{region} {name}"


def _subject(page: bytes, tag: Tag, ancestors: list[int], kind: str) -> str:
    """What an element speaks of, where that is not simply its page: the item of microdata, the `about` of RDFa."""
    above = (_tag(page, start) for start in ancestors[::-1][:64])
    if kind == "microdata":
        item = next((one for one in above if "itemscope" in one.attributes), None)
        named = _ITEM.search(item.attributes.get("itemtype", "")) if item else None
        return (f" {named[1]}" if named else "") + _of(item.get("itemid") if item else None)
    if kind in ("link", "rel", "rdfa"):
        about = next((one.attributes["about"] for one in chain((tag,), above) if "about" in one.attributes), "")
        return _of(about if about.strip() and not _ELSEWHERE.match(about) else None)
    return ""


def _snippet(page: bytes, start: int, tag: Tag) -> str:
    """The text of the line or block that the element stands in, as far as it lies near."""
    if tag.name in ("link", "meta"):
        return ""
    before, after = page[max(0, start - _AROUND) : start], page[tag.end : tag.end + _AROUND]
    begin = 0
    for block in _BLOCK.finditer(before):
        begin = block.end()
    before = before[begin:]
    if cut := _CUT_TAG.match(before):
        before = before[cut.end() :]
    if end := _BLOCK.search(after):
        after = after[: end.start()]
    return _squeezed(_text(before + after), MAX_SNIPPET)


def _inner(page: bytes, tag: Tag) -> str:
    """The text of an element up to its end tag, as far as it lies near."""
    after = page[tag.end : tag.end + _AROUND]
    end = after.lower().find(b"</" + tag.name.encode())
    return _text(after[:end] if end >= 0 else after).strip()


def _text(markup: bytes) -> str:
    """Markup without its tags."""
    return unescape(_TAGS.sub(b"", markup).decode("utf-8", "ignore"))


def _squeezed(text: str, limit: int) -> str:
    """White space runs as one space, cut to `limit` characters; a longer text is cut before it is squeezed, so that no page is slow."""
    return " ".join(text[: limit * 4].split())[:limit]
