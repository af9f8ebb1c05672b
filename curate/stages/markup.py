"""Markup: the bytes of a page to its text, and what the page says of itself before the bytes are dropped.

The main text is found by an extractor of our own: one pass over the bytes without a tree, numbers about each block, two stages of boosted
trees learned from labelled pages, and the cut with the best expected F1 (curate/stages/markup_model.md says what it was trained on and how
well it does). Options: resiliparse (Bevendorff et al. 2018) and trafilatura (Barbaresi 2021). The charset is found as in
`curate/web/charset.py`, licence claims and wishes about machine use as in `curate/web/claims.py`. A row without `raw` (a text source)
passes as it is.
Misses: text built by scripts, text in images and frames, the order of columns laid out by style sheets; PDF and office files; of a forum often
all but the first posts; inline emphasis and links, also in Markdown.
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
from curate.web.charset import Decoded, controls, decode
from curate.web.claims import Claim, Wish, evidence_of

CLAIMS = pa.list_(pa.struct([(name, pa.string()) for name in Claim._fields]))
WISHES = pa.list_(pa.struct([(name, pa.string()) for name in Wish._fields]))
MEDIA = pa.list_(pa.struct([("url", pa.string()), ("alt", pa.string()), ("at", pa.int64())]))
MAX_TITLE = 500
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


class Page(NamedTuple):
    """What was read from one page."""

    text: str = ""
    title: str | None = None
    lang: str | None = None
    charset: str | None = None
    charset_by: str | None = None
    bad_share: float | None = None
    nesting: int | None = None
    expected_f1: float | None = None
    article: float | None = None
    kept_share: float | None = None
    blocks: int | None = None
    fallback: str | None = None
    media: list[ours.Media] | tuple[()] = ()
    claims: list[Claim] | tuple[()] = ()
    wishes: list[Wish] | tuple[()] = ()


def models(config: Config) -> dict[str, str]:
    """sha256 of the model file, where it is used."""
    return {ours.MODEL.name: ours.digest()} if config.extractor == "ours" else {}


@stage(
    version=6,
    reads=("raw", "headers", "text"),
    adds={
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
    },
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
    made: list[Page | None] = [None] * len(raw)
    for row in np.flatnonzero(has_raw):
        content_type = _content_type(batch["headers"][int(row)])
        made[row] = read_page(raw[int(row)].as_buffer().to_pybytes(), content_type, config)
    fresh = arrow.large_string([page.text if page else None for page in made]).cast(text.type)
    new = pc.if_else(pa.array(has_raw), fresh, text)
    html_bytes = pc.cast(pc.binary_length(raw), pa.int64())
    known = arrow.valid(new)

    def measured(field: str, dtype: pa.DataType) -> pa.Array:
        return pa.array([getattr(page, field) if page else None for page in made], dtype)

    def listed(field: str, dtype: pa.DataType) -> pa.Array:
        return pa.array([[each._asdict() for each in getattr(page, field)] if page else None for page in made], dtype)

    return {
        "text": new,
        "edits": pa.array(has_raw.astype(np.int32), mask=~known),
        "title": _strings(made, "title"),
        "lang": _strings(made, "lang"),
        "html_bytes": html_bytes,
        "chars": pc.cast(pc.utf8_length(new), pa.int64()),
        "text_share": _share(pc.cast(pc.binary_length(new), pa.int64()), html_bytes),
        "charset": _strings(made, "charset"),
        "charset_by": _strings(made, "charset_by"),
        "bad_share": measured("bad_share", pa.float64()),
        "nesting": measured("nesting", pa.int64()),
        "expected_f1": measured("expected_f1", pa.float64()),
        "article": measured("article", pa.float64()),
        "kept_share": measured("kept_share", pa.float64()),
        "blocks": measured("blocks", pa.int32()),
        "fallback": _strings(made, "fallback"),
        "media": listed("media", MEDIA),
        "claims": listed("claims", CLAIMS),
        "wishes": listed("wishes", WISHES),
    }


def read_page(raw: bytes, content_type: str | None, config: Config) -> Page:
    """Text and declarations of one page; empty text where the page is over a limit. Errors of a library's parser pass to the caller."""
    if config.max_html_bytes is not None and len(raw) > config.max_html_bytes:
        return Page()
    html = decode(raw, content_type)
    read = _by_ours if config.extractor == "ours" else _by_library
    page = read(raw if html.charset == "utf-8" else html.text.encode("utf-8", "replace"), html, config)
    bad = len(html.text) if raw.startswith(PDF) else html.bad + controls(html)
    return page._replace(charset=html.charset, charset_by=html.basis, bad_share=bad / len(html.text) if html.text else 0.0)


def _by_ours(data: bytes, html: Decoded, config: Config) -> Page:
    data = data if html.basis == "utf-8" or html.charset != "utf-8" else html.text.encode()  # kernels read valid UTF-8 only
    found = ours.main_text(
        data,
        ours.load(),
        main_only=config.main_content,
        fall_back=config.fall_back,
        markdown=config.markdown,
        strictness=config.strictness,
    )
    if config.max_nesting is not None and found.nesting > config.max_nesting:
        return Page(nesting=found.nesting)
    claims, wishes = evidence_of(data)
    return Page(
        text=found.text,
        title=found.title,
        lang=found.lang,
        nesting=found.nesting,
        expected_f1=found.expected,
        article=found.article,
        kept_share=found.kept,
        blocks=found.blocks,
        fallback=found.fallback,
        media=found.media,
        claims=claims,
        wishes=wishes,
    )


def _by_library(data: bytes, html: Decoded, config: Config) -> Page:
    steps = int(nesting(np.frombuffer(data.lower(), dtype=np.uint8), TAG_BYTES, TAG_ENDS))
    if config.max_nesting is not None and steps > config.max_nesting:
        return Page(nesting=steps)
    tree = _parser()(html.text.replace("\x00", "\ufffd") if "\x00" in html.text else html.text)
    text, fallback = _extracted(tree, html.text, config)
    claims, wishes = evidence_of(data)
    title = " ".join((tree.title or "").split())[:MAX_TITLE] or None
    return Page(text=text, title=title, lang=_lang(tree), nesting=steps, fallback=fallback, claims=claims, wishes=wishes)


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


def _strings(pages: list[Page | None], field: str) -> pa.Array:
    return arrow.large_string([getattr(page, field) if page else None for page in pages]).cast(pa.string())


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
