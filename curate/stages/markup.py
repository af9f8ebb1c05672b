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
from curate.web.charset import Decoded, controls, decode, plain
from curate.web.claims import Claim, Wish, evidence_of

CLAIMS = pa.list_(pa.struct([(name, pa.string()) for name in Claim._fields]))
WISHES = pa.list_(pa.struct([(name, pa.string()) for name in Wish._fields]))
MEDIA = pa.list_(pa.struct([("url", pa.string()), ("alt", pa.string()), ("at", pa.int64())]))
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


class Source(NamedTuple):
    """A page before it is read: its bytes in valid UTF-8, as decoded (None where it is too large to be read), and what is known of it."""

    data: bytes
    html: Decoded | None
    told: Page


def models(config: Config) -> dict[str, str]:
    """sha256 of the model file, where it is used."""
    return {ours.MODEL.name: ours.digest()} if config.extractor == "ours" else {}


@stage(
    version=10,
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
    made, fresh = read_pages(raw, batch["headers"], config)
    new = pc.if_else(pa.array(has_raw), fresh.cast(text.type), text)
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
    header = pa.array([[{"name": "content-type", "value": content_type}]])
    (page,), texts = read_pages(pa.array([raw], pa.large_binary()), header, config)
    assert page is not None
    return page._replace(text=texts[0].as_py())


def read_pages(raw: pa.Array, headers: pa.Array, config: Config) -> tuple[list[Page | None], pa.Array]:
    """(what the pages of a binary column declare, None where there is none; their texts as large_string, empty there)."""
    read = _by_ours if config.extractor == "ours" else _by_library
    made: list[Page | None] = []
    texts, waiting, size = [], list[Source | None](), 0
    for row in range(len(raw)):
        waiting.append(_source(raw[row], headers, row, config))
        size += len(raw[row].as_buffer() or ()) if raw[row].is_valid else 0
        if size >= AT_ONCE or row == len(raw) - 1:
            pages, text = read(waiting, config)
            made += pages
            texts.append(text)
            waiting, size = [], 0
    return made, pa.concat_arrays(texts) if texts else pa.array([], pa.large_string())


def _source(raw: pa.Scalar, headers: pa.Array, row: int, config: Config) -> Source | None:
    if not raw.is_valid:
        return None
    page = raw.as_buffer().to_pybytes()
    if config.max_html_bytes is not None and len(page) > config.max_html_bytes:
        return Source(b"", None, Page())
    html = plain(page) or decode(page, _content_type(headers[row]))
    bad = len(html.text) if page.startswith(PDF) else html.bad + controls(html)
    told = Page(charset=html.charset, charset_by=html.basis, bad_share=bad / len(html.text) if html.text else 0.0)
    return Source(page if html.basis == "utf-8" else html.text.encode("utf-8", "replace"), html, told)


def _by_ours(sources: list[Source | None], config: Config) -> tuple[list[Page | None], pa.Array]:
    """All pages in one call of the kernels, and what they say of themselves page by page."""
    from curate.kernels import html_column as at

    pages = [source.data for source in sources if source]
    ends = np.cumsum([0] + [len(page) for page in pages])
    found = ours.main_texts(
        np.frombuffer(b"".join(pages), np.uint8),
        np.stack([ends[:-1], ends[1:]], axis=1),
        ours.load(),
        main_only=config.main_content,
        fall_back=config.fall_back,
        markdown=config.markdown,
        strictness=config.strictness,
        max_nesting=config.max_nesting,
    )
    rows = iter(zip(found.told.tolist(), np.split(found.media, found.told[:-1, at.MEDIA_END]), strict=True)) if pages else iter(())
    made = [_page_of_ours(source, *next(rows), config) if source else None for source in sources]
    sizes, read = np.zeros(len(sources) + 1, np.int64), np.array([source is not None for source in sources])
    sizes[1:][read] = np.diff(found.told[:, at.END], prepend=0)
    offsets = pa.py_buffer(np.cumsum(sizes))
    return made, pa.Array.from_buffers(pa.large_string(), len(sources), [None, offsets, pa.py_buffer(found.text)])


def _page_of_ours(source: Source, told: list[int], media: np.ndarray, config: Config) -> Page:
    if source.html is None:
        return source.told
    found = ours.told_of(source.data, told, media, config.main_content)
    if config.max_nesting is not None and found.nesting > config.max_nesting:
        return source.told._replace(nesting=found.nesting)
    claims, wishes = evidence_of(source.data)
    return source.told._replace(
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


def _by_library(sources: list[Source | None], config: Config) -> tuple[list[Page | None], pa.Array]:
    made = [_page_of_library(source, config) if source else None for source in sources]
    return [page._replace(text="") if page else None for page in made], arrow.large_string([page.text if page else "" for page in made])


def _page_of_library(source: Source, config: Config) -> Page:
    if source.html is None:
        return source.told
    html = source.html.text
    steps = int(nesting(np.frombuffer(source.data.lower(), dtype=np.uint8), TAG_BYTES, TAG_ENDS))
    if config.max_nesting is not None and steps > config.max_nesting:
        return source.told._replace(nesting=steps)
    tree = _parser()(html.replace("\x00", "\ufffd") if "\x00" in html else html)
    text, fallback = _extracted(tree, html, config)
    claims, wishes = evidence_of(source.data)
    title = " ".join((tree.title or "").split())[:MAX_TITLE] or None
    return source.told._replace(text=text, title=title, lang=_lang(tree), nesting=steps, fallback=fallback, claims=claims, wishes=wishes)


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
