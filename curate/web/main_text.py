"""The main text of a page by our own extractor: kernels, their buffers, and the model file.

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

from curate.errors import SourceError

MODEL = Path(__file__).parents[1] / "stages" / "markup_model.json"
MAX_TITLE = 500
MAX_LANG = 35
MAX_URL = 2_000
MAX_MEDIA = 100
"""Images that are named of one page."""
FEW_UNITS = 100
"""A page with fewer than 20 words is read again with `noscript` and `template` opened."""
KEPT_BUFFER = 64_000_000
NEAR = 2
"""An image belongs to the text where one of so many blocks on either side was kept."""


class Model(NamedTuple):
    """kind: `html_page.Trees` that tell an article; scores float32[65536] of class words by hash; articles, others: `html_page.Expert`; the
    probability of an article from which `articles` is asked, the gate of the second stage and the limits of the cut, of 10,000."""

    kind: Any
    scores: np.ndarray
    articles: Any
    others: Any
    prose: int
    gate: int
    least: int
    most: int


class Media(NamedTuple):
    """An image that stands in the text: its address as the page writes it, its alternative text, and the character at which the
    block begins that it stands in or before."""

    url: str
    alt: str | None
    at: int


class MainText(NamedTuple):
    """What was read from one page. expected: F1 that the model expects of its choice; article: probability of one; kept: share of the
    visible words; fallback: `noscript` where the text stood there, `all` where all visible text was taken, else None."""

    text: str
    title: str | None
    lang: str | None
    media: list[Media]
    expected: float | None
    article: float | None
    kept: float | None
    blocks: int
    nesting: int
    fallback: str | None


class _Buffers(threading.local):
    pages: np.ndarray | None = None
    out: np.ndarray = np.empty(0, np.uint8)


_BUFFERS = _Buffers()


def main_text(
    data: bytes, model: Model, *, main_only: bool = True, fall_back: bool = True, markdown: bool = False, strictness: float = 1.0
) -> MainText:
    """The main text of a page in valid UTF-8. strictness: above 1 the cut loses text rather than to keep boilerplate."""

    def read(main: bool, open_noscript: bool) -> Any:
        return _read(data, model, strictness, main, markdown, open_noscript)

    found, fallback = read(main_only, False), None
    if fall_back and found.units < FEW_UNITS and (b"noscript" in data or b"template" in data):
        fuller = read(main_only, True)
        found, fallback = (fuller, "noscript") if fuller.units > found.units else (read(main_only, False), None)
    if fall_back and main_only and found.units and not len(found.text):
        found, fallback = read(False, fallback == "noscript")._replace(expected=found.expected), "all"
    return _told(data, found, main_only, fallback)


def _read(data: bytes, model: Model, strictness: float, main_only: bool, markdown: bool, open_noscript: bool) -> Any:
    """`html_page.read` with this thread's buffers; those of an outsized page are not kept."""
    from curate.kernels.html_page import read
    from curate.kernels.html_tables import SCANNED

    if _BUFFERS.pages is None:
        _BUFFERS.pages = np.zeros(1, SCANNED)
    need = 2 * len(data) + 64
    out = _BUFFERS.out if need <= len(_BUFFERS.out) else np.empty(max(need, 1 << 20), np.uint8)
    if len(out) <= KEPT_BUFFER:
        _BUFFERS.out = out
    return read(_BUFFERS.pages, np.frombuffer(data, np.uint8), out, *model, strictness, main_only, markdown, open_noscript)


def _told(data: bytes, found: Any, main_only: bool, fallback: str | None) -> MainText:
    from curate.kernels import html_tables as at
    from curate.kernels.html_trees import ONE

    assert _BUFFERS.pages is not None
    page = _BUFFERS.pages[0]
    state = page["state"].tolist()
    made = found.text.tobytes()
    return MainText(
        text=made.decode(),
        title=_plain(data, state[at.TITLE_AT], state[at.TITLE_TO], MAX_TITLE),
        lang=_plain(data, state[at.LANG_AT], state[at.LANG_TO], MAX_LANG),
        media=_media(data, page["images"][: state[at.NUM_IMAGES]], found.starts, found.text),
        expected=found.expected / ONE if main_only and found.units else None,
        article=found.article / ONE if main_only and found.units else None,
        kept=found.kept / found.units if found.units else None,
        blocks=state[at.NUM_BLOCKS],
        nesting=state[at.NESTING],
        fallback=fallback,
    )


def _plain(data: bytes, start: int, end: int, limit: int) -> str | None:
    """The words of a span of the page: references resolved, white space squeezed, cut to `limit` characters; None where there are none."""
    if end <= start:
        return None
    text = data[start : min(end, start + 16 * limit)].decode("utf-8", "ignore").replace("\x00", "\ufffd")
    return " ".join(html.unescape(text).split())[:limit].strip() or None


def _media(data: bytes, images: np.ndarray, starts: np.ndarray, made: np.ndarray) -> list[Media]:
    """The images near a kept block, in the order of the page."""
    if not len(images) or not len(starts):
        return []
    kept = np.flatnonzero(starts >= 0)
    before = images[:, 4]
    after = np.searchsorted(kept, before - NEAR)  # the first kept block that is near or behind
    near = (after < len(kept)) & (kept[np.minimum(after, len(kept) - 1)] < before + NEAR) if len(kept) else np.zeros(len(images), bool)
    shown = images[near][:MAX_MEDIA]
    follow = np.append(starts[kept], len(made))[np.searchsorted(kept, shown[:, 4])]
    found = []
    at, chars = 0, 0
    for (src, src_end, alt, alt_end, _), start in zip(shown.tolist(), follow.tolist(), strict=True):
        url = _plain(data, src, src_end, MAX_URL)
        if url is not None:
            begins = (made[at:start] & 0xC0) != 0x80  # the bytes that begin a character; images stand in the order of the page
            chars += int(np.count_nonzero(begins))
            at = start
            found.append(Media(url, _plain(data, alt, alt_end, MAX_TITLE), chars))
    return found


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
        model = Model(kind, scores, articles, others, cut["prose"], cut["gate"], cut["least"], cut["most"])
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
    from curate.kernels.html_page import Trees
    from curate.kernels.html_trees import DEPTH, INNER, LEAVES, UNIT

    size = -(-len(stage) // 4) * 4
    made = Trees(np.zeros((size, INNER), np.int16), np.zeros((size, INNER), np.float32), np.zeros((size, LEAVES), np.int32))

    def fill(tree: dict[str, list], at: int, node: int, place: int, depth: int) -> None:
        if node < 0:
            first = (place + 1 << DEPTH - depth) - LEAVES
            made.value[at, first : first + (1 << DEPTH - depth)] = round(tree["value"][~node] * UNIT)
        elif depth == DEPTH:
            raise ValueError(f"expected trees of at most {DEPTH} levels, got a deeper one")
        else:
            made.feature[at, place], made.threshold[at, place] = tree["feature"][node], tree["threshold"][node]
            fill(tree, at, tree["left"][node], 2 * place + 1, depth + 1)
            fill(tree, at, tree["right"][node], 2 * place + 2, depth + 1)

    for at, tree in enumerate(stage):
        fill(tree, at, 0 if tree["feature"] else -1, 0, 0)
    return made
