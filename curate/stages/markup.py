"""Markup: the bytes of a page to its text, and what the page says of itself before the bytes are dropped.

The main text is found by an extractor of our own: one pass over the bytes without a tree, numbers about each block, two stages of boosted
trees learned from labelled pages, and the cut with the best expected F1 (curate/stages/markup_model.md says what it was trained on and how
well it does). Options: resiliparse (Bevendorff et al. 2018) and trafilatura (Barbaresi 2021). The charset is found as in
`curate/web/charset.py`, licence claims and wishes about machine use as in `curate/web/claims.py`. A row without `raw` (a text source)
passes as it is.
Misses: text built by scripts, text in images and frames, readings of `ruby`, the order of columns laid out by style sheets; PDF and office files; of a
forum often all but the first posts; inline emphasis and links, also in Markdown.
Price: about twice the speed of resiliparse's main text on the same machine, fifteen times trafilatura's; kernels compile in about a minute, once.

column       type              meaning
edits        int32             1 where the text was made here, 0 where it came as text
title        string            the <title>, white space squeezed
lang         string            the lang attribute of <html>
html_bytes   int64             bytes of the page as fetched
chars        int64             characters of the text
text_share   float64           bytes of text / bytes of page
nesting      int64             sum over boxes (div, article, ul, ol) of their depth: what a parser's work grows with
charset      string            codec that decoded the page
charset_by   string            what named it: bom, utf-8 (the bytes are), wide (pattern of UTF-16), header, meta, escape, detected, fallback
bad_share    float64           characters that the codec could not explain, and control characters / characters
expected_f1  float64           F1 that the model expects of its choice: low where it is unsure; null for other extractors
article      float64           probability that the page is an article, and no list, shop or forum; null for other extractors
kept_share   float64           words kept / words visible; null for other extractors
blocks       int32             blocks of text on the page; null for other extractors
fallback     string            where no main text was found: `noscript` (the text stood there) or `all` (all visible text was taken)
media        list<struct>      images in the text: url as written, alt, at (character where their block, or the next, begins)
claims       list<struct>      licences that the page names: kind, value, locator, snippet
wishes       list<struct>      <meta> about machine use: name, value
"""

import importlib.util
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from curate import arrow
from curate.kernels.nesting import TAG_BYTES, TAG_ENDS, nesting
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base
from curate.web import main_text as ours
from curate.web.charset import controls, decode, plain
from curate.web.claims import Claim, Wish, of_pages

CLAIMS = pa.list_(pa.struct([(name, pa.string()) for name in Claim._fields]))
WISHES = pa.list_(pa.struct([(name, pa.string()) for name in Wish._fields]))
MEDIA = ours.MEDIA
ADDS = {
    "edits": pa.int32(),
    "title": pa.string(),
    "lang": pa.string(),
    "html_bytes": pa.int64(),
    "chars": pa.int64(),
    "text_share": pa.float64(),
    "charset": pa.string(),
    "charset_by": pa.string(),
    "bad_share": pa.float64(),
    "nesting": pa.int64(),
    "expected_f1": pa.float64(),
    "article": pa.float64(),
    "kept_share": pa.float64(),
    "blocks": pa.int32(),
    "fallback": pa.string(),
    "media": MEDIA,
    "claims": CLAIMS,
    "wishes": WISHES,
}
LISTS = ("media", "claims", "wishes")
MAX_TITLE = 500
AT_ONCE = 1 << 25
"""Bytes of pages that are read at once."""
PDF = b"%PDF-"
"""How files begin that are mostly letters, and no text."""


class Config(Base):
    """How the text of a page is found, and which pages have none."""

    extractor: Literal["ours", "resiliparse", "trafilatura"] = "ours"
    """Who finds the text; trafilatura is an extra: pip install 'curate[trafilatura]'."""
    main_content: bool = True
    """Leave out menus, footers and the like (ours, resiliparse); off keeps all visible text."""
    fall_back: bool = True
    """Where no main content is found, take all visible text of the page instead of nothing; `fallback` counts it."""
    standfirst: bool = False
    """ours only: keep the standfirst of an article, the paragraph that sums it up under its headline; annotators disagree whether it is part of the text."""
    markdown: bool = False
    """ours only: headings, numbered lists, tables, code and quotations with the signs of Markdown instead of plain lines."""
    strictness: float = Field(default=1, ge=0.5, le=2)
    """ours only: multiplies the cut of the model; above 1 rather loses text than keeps boilerplate."""
    favor_precision: bool = False
    """trafilatura only: rather lose text than keep boilerplate, as FineWeb did."""
    max_html_bytes: int | None = Field(default=20_000_000, gt=0)
    """A larger page is not read at all and leaves as `too_large`; a limit in bytes, so that what is removed never depends on the
    machine's speed."""
    max_nesting: int | None = Field(default=10_000_000, gt=0)
    """A page with a larger sum of depths of its boxes is not extracted and leaves as `too_nested`; real pages stay below 1,000,000."""
    min_chars: int | None = Field(default=1, ge=0)
    """A document with fewer characters of text leaves as `no_text`; 1 removes what is empty."""
    min_text_share: float | None = Field(default=None, ge=0, le=1)
    """A page whose share of text in its bytes is smaller leaves as `little_text`; off, since no published recipe has it."""
    max_bad_share: float | None = Field(default=0.05, ge=0, le=1)
    """A page with a larger share of bytes that are no characters, or control characters, leaves as `not_text`: archives, images, programs and
    PDF that a server called HTML."""
    min_expected_f1: float | None = Field(default=None, ge=0, le=1)
    """ours only: a page of whose text the model expects a smaller F1 leaves as `unsure`; off, since a threshold belongs to a corpus."""

    @field_validator("extractor")
    @classmethod
    def _installed(cls, extractor: str) -> str:
        if extractor != "ours" and importlib.util.find_spec(extractor) is None:
            raise ValueError(f"expected an installed extractor, got {extractor}; run pip install 'curate[{extractor}]' or take ours")
        return extractor


class Read(NamedTuple):
    """A page whose bytes were read: what they are in valid UTF-8, the codec, what named it, and the share of them that is no text."""

    data: bytes
    charset: str
    charset_by: str
    bad_share: float


class Page(NamedTuple):
    """What a library found on a page."""

    text: str = ""
    title: str | None = None
    lang: str | None = None
    fallback: str | None = None


def models(config: Config) -> dict[str, str]:
    """sha256 of the model file, where it is used."""
    return {ours.MODEL.name: ours.digest()} if config.extractor == "ours" else {}


@stage(
    version=17,
    reads=("raw", "headers", "text"),
    adds=ADDS,
    rules=(
        Rule("too_large", "html_bytes", ">", "max_html_bytes"),
        Rule("too_nested", "nesting", ">", "max_nesting"),
        Rule("not_text", "bad_share", ">", "max_bad_share"),
        Rule("no_text", "chars", "<", "min_chars"),
        Rule("little_text", "text_share", "<", "min_text_share"),
        Rule("unsure", "expected_f1", "<", "min_expected_f1"),
    ),
    replaces=("text",),
    distributions=("resiliparse", "trafilatura"),
    models=models,
)
def markup(batch: pa.RecordBatch, config: Config) -> Columns:
    raw, text = batch["raw"], batch["text"]
    has_raw = arrow.valid(raw)
    made = read_pages(raw, batch["headers"], config)
    new = pc.if_else(pa.array(has_raw), made.pop("text").cast(text.type), text)
    html_bytes = pc.cast(pc.binary_length(raw), pa.int64())
    return {
        **made,
        "text": new,
        "edits": pa.array(has_raw.astype(np.int32), mask=~arrow.valid(new)),
        "html_bytes": html_bytes,
        "chars": pc.cast(pc.utf8_length(new), pa.int64()),
        "text_share": _share(pc.cast(pc.binary_length(new), pa.int64()), html_bytes),
    }


def read_pages(raw: pa.Array, headers: pa.Array, config: Config) -> dict[str, pa.Array]:
    """Texts (large_string, empty where there is none) and declarations of the pages of a binary column. Errors of a library's parser pass to the caller."""
    extract = _by_ours if config.extractor == "ours" else _by_library
    ends = np.cumsum(np.asarray(pc.fill_null(pc.binary_length(raw), 0)), dtype=np.int64)
    made: list[dict[str, pa.Array]] = []
    first = 0
    while first < len(raw) or not made:
        size = int(ends[first - 1]) if first else 0
        last = min(len(raw), int(np.searchsorted(ends, size + AT_ONCE)) + 1)
        made.append(_read(raw.slice(first, last - first), headers.slice(first, last - first), extract, config))
        first = last
    return made[0] if len(made) == 1 else {name: pa.concat_arrays([each[name] for each in made]) for name in made[0]}


def _read(raw: pa.Array, headers: pa.Array, extract: Callable[[list[bytes], Config], Columns], config: Config) -> dict[str, pa.Array]:
    """The columns of some pages: a row where there is none has nulls, one of a page over the limit an empty text and empty lists."""
    found = [_decoded(page, headers, row, config) if page is not None else None for row, page in enumerate(raw.to_pylist())]
    rows = np.flatnonzero([page is not None for page in found])
    pages = [page for page in found if page is not None]
    told = dict(extract([page.data for page in pages], config))
    told |= {name: pa.array([getattr(page, name) for page in pages], ADDS[name]) for name in ("charset", "charset_by", "bad_share")}
    if len(rows) == len(raw):
        return told
    given, columns = pa.array(arrow.valid(raw)), {name: arrow.scatter(column, rows, len(raw)) for name, column in told.items()}
    for name, nothing in {"text": pa.scalar("", pa.large_string()), **{name: pa.scalar([], ADDS[name]) for name in LISTS}}.items():
        columns[name] = pc.if_else(pc.and_(columns[name].is_null(), given), nothing, columns[name])
    return columns


def _decoded(page: bytes, headers: pa.Array, row: int, config: Config) -> Read | None:
    """The page in UTF-8; None where it is too large to be read."""
    if config.max_html_bytes is not None and len(page) > config.max_html_bytes:
        return None
    if plain(page) is not None:
        return Read(page, "utf-8", "utf-8", 1.0 if page.startswith(PDF) else 0.0)
    html = decode(page, _content_type(headers[row]))
    bad = len(html.text) if page.startswith(PDF) else html.bad + controls(html)
    return Read(html.text.encode("utf-8", "replace"), html.charset, html.basis, bad / len(html.text) if html.text else 0.0)


def _by_ours(pages: list[bytes], config: Config) -> Columns:
    """All pages in one call of the kernels for the text, and in one for what may speak of rights."""
    ends = np.cumsum([0] + [len(page) for page in pages])
    data, spans = np.frombuffer(b"".join(pages), np.uint8), np.stack([ends[:-1], ends[1:]], axis=1)
    found = ours.main_texts(
        data,
        spans,
        ours.load(),
        main_only=config.main_content,
        fall_back=config.fall_back,
        standfirst=config.standfirst,
        markdown=config.markdown,
        strictness=config.strictness,
        max_nesting=config.max_nesting,
    )
    told = ours.columns_of(pages, found, config.main_content, config.max_nesting)
    return {**told, **_evidence(pages, data, np.where(arrow.valid(told["blocks"])[:, None], spans, 0))}


def _evidence(pages: list[bytes], data: np.ndarray, spans: np.ndarray) -> Columns:
    """Claims and wishes of pages that are data[spans[k, 0]:spans[k, 1]]."""
    said = list(of_pages(pages, data, spans))
    at = np.array([each.page for each in said], np.int64)
    claims, wishes = [each.claims for each in said], [each.wishes for each in said]
    return {"claims": arrow.lists(claims, at, len(pages), CLAIMS), "wishes": arrow.lists(wishes, at, len(pages), WISHES)}


def _by_library(pages: list[bytes], config: Config) -> Columns:
    steps = [int(nesting(np.frombuffer(page.lower(), dtype=np.uint8), TAG_BYTES, TAG_ENDS)) for page in pages]
    fits = [config.max_nesting is None or depths <= config.max_nesting for depths in steps]
    found = [_page_of_library(page.decode(), config) if fit else Page() for page, fit in zip(pages, fits, strict=True)]
    ends = np.cumsum([0] + [len(page) if fit else 0 for page, fit in zip(pages, fits, strict=True)])
    data = np.frombuffer(b"".join(page for page, fit in zip(pages, fits, strict=True) if fit), np.uint8)
    return {
        "text": arrow.large_string([page.text for page in found]),
        "nesting": pa.array(steps, pa.int64()),
        "media": arrow.lists([], np.empty(0, np.int64), len(pages), MEDIA),
        **{name: arrow.large_string([getattr(page, name) for page in found]).cast(pa.string()) for name in ("title", "lang", "fallback")},
        **{name: pa.nulls(len(pages), ADDS[name]) for name in ("expected_f1", "article", "kept_share", "blocks")},
        **_evidence(pages, data, np.stack([ends[:-1], ends[1:]], axis=1)),
    }


def _page_of_library(html: str, config: Config) -> Page:
    tree = _parser()(html.replace("\x00", "\ufffd") if "\x00" in html else html)
    text, fallback = _extracted(tree, html, config)
    return Page(text, " ".join((tree.title or "").split())[:MAX_TITLE] or None, _lang(tree), fallback)


def _extracted(tree: Any, html: str, config: Config) -> tuple[str, str | None]:
    """Text by a library, and `all` where all visible text had to do."""
    if config.extractor == "trafilatura":
        # no `deduplicate`: it remembers paragraphs of earlier pages, so that text would depend on the order of pages
        found = _trafilatura()(html, favor_precision=config.favor_precision, include_comments=False, deduplicate=False) or ""
    else:
        found = _resiliparse()(tree, main_content=config.main_content)
    if found.strip() or not config.fall_back or (config.extractor == "resiliparse" and not config.main_content):
        return found, None
    return _resiliparse()(tree, main_content=False), "all"


def _lang(tree: Any) -> str | None:
    root = tree.document.query_selector("html")
    return ((root.getattr("lang") or "").strip()[:35] or None) if root is not None else None


def _content_type(headers: pa.Scalar) -> str | None:
    for header in headers.as_py() or ():
        if header["name"] and header["name"].lower() == "content-type":
            return header["value"]
    return None


def _share(part: pa.Array, whole: pa.Array) -> pa.Array:
    """part / whole; null where the whole is 0 or null."""
    some = pc.if_else(pc.greater(whole, 0), whole, pa.scalar(None, pa.int64()))
    return pc.divide(pc.cast(part, pa.float64()), pc.cast(some, pa.float64()))


@lru_cache(maxsize=1)
def _parser() -> Any:
    from resiliparse.parse.html import HTMLTree

    return HTMLTree.parse


@lru_cache(maxsize=1)
def _resiliparse() -> Any:
    from resiliparse.extract.html2text import extract_plain_text

    return extract_plain_text


@lru_cache(maxsize=1)
def _trafilatura() -> Any:
    from trafilatura import extract

    return extract
