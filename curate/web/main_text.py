"""The main texts of pages by our own extractor: kernels, their buffers, and the model file.

The model is a JSON file that a person can read: names of features, scores of class words by hash, trees as lists. `load` checks that it was
trained on the features that the kernels make. How it was trained, on what, and how well it does: curate/stages/markup_model.md.
"""

import html
import json
import threading
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curate import arrow
from curate.errors import SourceError

MODEL = Path(__file__).parents[1] / "stages" / "markup_model.json"
MAX_TITLE = 500
MAX_LANG = 35
MAX_URL = 2_000


class Model(NamedTuple):
    """kind: `html_page.Trees` that tell an article; scores float32[65536] of class words by hash; articles, others: `html_page.Expert`; of
    10,000: the probability of an article from which `articles` is asked, the share of it that is the weight of what `articles` says, the gate of the
    second stage and the limits of the cut."""

    kind: Any
    scores: np.ndarray
    articles: Any
    others: Any
    prose: int
    share: int
    gate: int
    least: int
    most: int


Image = tuple[str, str | None, int]
"""Address as the page writes it, alternative text, and character of the text."""
MEDIA = pa.list_(pa.struct([("url", pa.string()), ("alt", pa.string()), ("at", pa.int64())]))


class MainText(NamedTuple):
    """What was read from one page: a row of `columns_of`."""

    text: str
    title: str | None
    lang: str | None
    nesting: int
    expected_f1: float | None
    article: float | None
    kept_share: float | None
    blocks: int
    fallback: str | None
    media: list[dict[str, Any]]


class MainTexts(NamedTuple):
    """What was read from a column of pages: the bytes of all texts, one after the other, `html_column.TOLD` of each page, and images."""

    text: np.ndarray
    told: np.ndarray
    media: np.ndarray


_BUFFERS = threading.local()
"""What the scanner makes of a page, one for each thread."""


def main_texts(
    data: np.ndarray,
    spans: np.ndarray,
    model: Model,
    *,
    main_only: bool = True,
    fall_back: bool = True,
    standfirst: bool = False,
    markdown: bool = False,
    strictness: float = 1.0,
    max_nesting: int | None = None,
) -> MainTexts:
    """The main texts of the pages data[spans[k, 0]:spans[k, 1]], each of them valid UTF-8. data: uint8; spans: int64[pages, 2]. strictness: above 1
    the cut loses text rather than to keep boilerplate; standfirst: that of an article stays; a page whose depths sum to more than max_nesting has none."""
    from curate.kernels.html_column import read_column
    from curate.kernels.html_tables import SCANNED

    if not hasattr(_BUFFERS, "pages"):
        _BUFFERS.pages = np.zeros(1, SCANNED)
    limit = np.iinfo(np.int64).max if max_nesting is None else max_nesting
    return MainTexts(*read_column(_BUFFERS.pages, data, spans, model, float(strictness), main_only, fall_back, standfirst, markdown, limit))


def main_text(data: bytes, model: Model, *, main_only: bool = True, **options: Any) -> MainText:
    """The main text of one page in valid UTF-8; options: those of `main_texts`."""
    page, spans = np.frombuffer(data, np.uint8), np.array([[0, len(data)]])
    found = main_texts(page, spans, model, main_only=main_only, **options)
    return MainText(**{name: column[0].as_py() for name, column in columns_of([data], found, main_only, None).items()})


def columns_of(pages: list[bytes], found: MainTexts, main_only: bool, max_nesting: int | None) -> dict[str, pa.Array]:
    """What was found on pages as columns. text; title, lang: nulls where there is none; nesting; expected_f1: F1 that the model expects of its choice;
    article: probability of one; kept_share: of the visible words; blocks; fallback: `noscript` where the text stood there, `all` where all visible text was
    taken; media: images that stand in the text, with the character at which the block begins that they stand in or before. Of a page that is nested too
    deeply only text, empty, and nesting."""
    from curate.kernels import html_column as at
    from curate.kernels.html_trees import ONE

    told = found.told
    fits = told[:, at.NESTING] <= (np.iinfo(np.int64).max if max_nesting is None else max_nesting)
    judged = fits & main_only & (told[:, at.UNITS] > 0)
    said = fits & (told[:, at.UNITS] > 0)
    offsets = np.concatenate([[0], told[:, at.END]])
    spans = np.where(fits, told[:, at.TITLE_AT : at.LANG_TO + 1].T, 0).T.tolist()
    fallback = pa.array(np.where(fits, told[:, at.FALLBACK], 0))
    return {
        "text": pa.Array.from_buffers(pa.large_string(), len(told), [None, pa.py_buffer(offsets), pa.py_buffer(found.text)]),
        "title": _strings([_plain(page, span[0], span[1], MAX_TITLE) for page, span in zip(pages, spans, strict=True)]),
        "lang": _strings([_plain(page, span[2], span[3], MAX_LANG) for page, span in zip(pages, spans, strict=True)]),
        "nesting": pa.array(told[:, at.NESTING]),
        "expected_f1": pa.array(told[:, at.EXPECTED] / ONE, mask=~judged),
        "article": pa.array(told[:, at.ARTICLE] / ONE, mask=~judged),
        "kept_share": pa.array(told[:, at.KEPT] / np.maximum(told[:, at.UNITS], 1), mask=~said),
        "blocks": pa.array(told[:, at.BLOCKS].astype(np.int32), mask=~fits),
        "fallback": pa.array([None, "noscript", "all"], pa.string()).take(fallback),
        "media": _media(pages, found),
    }


def _strings(texts: list[str | None]) -> pa.Array:
    return arrow.large_string(texts).cast(pa.string())


def _media(pages: list[bytes], found: MainTexts) -> pa.Array:
    from curate.kernels.html_column import MEDIA_END

    ends = found.told[:, MEDIA_END]
    numbers = np.repeat(np.arange(len(pages)), np.diff(ends, prepend=0)).tolist()
    images: dict[int, list[Image]] = {}
    for page, (src, src_end, alt, alt_end, at) in zip(numbers, found.media.tolist(), strict=True):
        if (url := _plain(pages[page], src, src_end, MAX_URL)) is not None:
            images.setdefault(page, []).append((url, _plain(pages[page], alt, alt_end, MAX_TITLE), at))
    return arrow.lists(list(images.values()), np.array(list(images), np.int64), len(pages), MEDIA)


def _plain(data: bytes | memoryview, start: int, end: int, limit: int) -> str | None:
    """The words of a span of the page: references resolved, white space squeezed, cut to `limit` characters; None where there are none."""
    if end <= start:
        return None
    text = str(data[start : min(end, start + 16 * limit)], "utf-8", "ignore").replace("\x00", "\ufffd")
    return " ".join((html.unescape(text) if "&" in text else text).split())[:limit].strip() or None


@lru_cache(maxsize=4)
def digest(path: Path = MODEL) -> str:
    """sha256 of a model file."""
    return "sha256:" + sha256(path.read_bytes()).hexdigest()


@lru_cache(maxsize=4)
def load(path: Path = MODEL) -> Model:
    """The model of a file. Raises SourceError where it is no model, or was trained on other features than the kernels make."""
    from curate.kernels.html_names import NAMES
    from curate.kernels.html_page import NAMES_OF_KIND
    from curate.kernels.html_trees import NAMES_OF_CONTEXT

    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        names, cut = (read["features"], read["kind_features"]), read["cut"]
        kind = _trees(read["kind"])
        articles, others = (_expert(each) for each in read["experts"])
        scores = np.zeros(65536, np.float32)
        for token, score in read["tokens"]:
            scores[token] = np.float32(score / 100)
        model = Model(kind, scores, articles, others, cut["prose"], cut["share"], cut["gate"], cut["least"], cut["most"])
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise SourceError(f"markup: expected a model file, got {path}: {error}; train one with tests/bench/train_markup.py") from error
    for had, makes in zip(names, ([*NAMES, *NAMES_OF_CONTEXT], NAMES_OF_KIND), strict=True):
        if had != makes:
            odd = sorted(set(had) ^ set(makes)) or "their order"
            raise SourceError(
                f"markup: expected a model of the {len(makes)} features of this version, got {path}: differs in {odd}; train it again"
            )
    return model


def _expert(read: dict[str, Any]) -> Any:
    from curate.kernels.html_page import Expert

    first, second = (_trees(stage) for stage in read["stages"])
    return Expert(first, second, float(read["factor"]))


def _trees(stage: list[dict[str, list]]) -> Any:
    """Trees of the file, each with nodes and leaves of its own, as full trees; a branch that ends early goes on to leaves of one value."""
    from curate.kernels.html_bytes import LANES
    from curate.kernels.html_forest import DEPTH, INNER, LEAVES, repeated
    from curate.kernels.html_page import Trees

    size = len(stage)
    offset, bound, value = np.zeros((size, INNER), np.int32), np.zeros((size, INNER), np.uint8), np.zeros((size, LEAVES), np.int16)

    def fill(tree: dict[str, list], at: int, node: int, place: int, depth: int) -> None:
        if node < 0:
            first = (place + 1 << DEPTH - depth) - LEAVES
            value[at, first : first + (1 << DEPTH - depth)] = tree["value"][~node]
        elif depth == DEPTH:
            raise ValueError(f"expected trees of at most {DEPTH} levels, got a deeper one")
        else:
            offset[at, place], bound[at, place] = tree["feature"][node] * LANES, tree["bound"][node]
            fill(tree, at, tree["left"][node], 2 * place + 1, depth + 1)
            fill(tree, at, tree["right"][node], 2 * place + 2, depth + 1)

    for at, tree in enumerate(stage):
        fill(tree, at, 0 if tree["feature"] else -1, 0, 0)
    return Trees(offset, repeated(bound), repeated(value))
