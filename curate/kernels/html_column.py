"""A column of pages to their main texts in one call: nothing is made by Python for a page, and buffers are used again for the next. Pages are scanned
until there are enough blocks to be judged at once, then written one by one.

A page of few words is read again with `noscript` and `template` opened; of one of which nothing was chosen all visible text is taken.
Part of `curate/web/main_text.py`, which has the names of what is told. Helpers that lead to the scan and to the trees are parts of `read_column`: as
functions of their own everything below them would be compiled once more for each.
"""

import numpy as np

from curate.kernels import html_tables as ht
from curate.kernels.compiled import njit
from curate.kernels.growing import longer
from curate.kernels.html_attributes import find_within, starts
from curate.kernels.html_batch import ARTICLE as ARTICLE_AT
from curate.kernels.html_batch import BYTES, OUT_AT, PAGES, ROW, ROWS, SPACE, held_of, moved, size_of
from curate.kernels.html_bytes import WIDTH
from curate.kernels.html_choice import decided
from curate.kernels.html_emit import PLACE_COLUMNS, emit, places
from curate.kernels.html_page import NUM_KINDS, described, probabilities
from curate.kernels.html_scan import scan
from curate.kernels.html_trees import cut
from curate.kernels.pointers import borrowed

END, EXPECTED, ARTICLE, UNITS, KEPT, BLOCKS, NESTING, TITLE_AT, TITLE_TO, LANG_AT, LANG_TO, FALLBACK, MEDIA_END = range(13)
TOLD = 13
"""What is told of a page, in int64: where its text and its images end in those of the column; of ONE, the expected F1 and the probability of an
article; units in all and kept; blocks; sum of depths; spans of title and language; 1 where `noscript` was opened, 2 where all text was taken."""
NOSCRIPT_FALLBACK, ALL_FALLBACK = 1, 2
MEDIA_COLUMNS = 5
"""Of an image: spans of its address and alternative text in the page, and the character of the text at which it stands."""
FEW_UNITS = 100
"""A page with fewer than 20 words is read again with `noscript` and `template` opened."""
MAX_MEDIA = 100
"""Images that are named of one page."""
NEAR = 2
"""An image belongs to the text where one of so many blocks on either side was kept."""
_NOSCRIPT, _TEMPLATE = (np.frombuffer(word, np.uint8).copy() for word in (b"noscript", b"template"))


@njit(nogil=True, cache=True)
def _holds(data, word):
    """Whether the word (lower case) stands in the bytes, whatever its case."""
    n = len(data)
    for capital in range(2):
        first = np.uint8(word[0] - 32 * capital)
        i = find_within(data, first, np.int64(0), n)
        while i >= 0:
            if starts(data, i, n, word):
                return True
            i = find_within(data, first, i + 1, n)
    return False


@njit(nogil=True, cache=True)
def _units(page):
    total = np.int64(0)
    for b in range(page.state[ht.NUM_BLOCKS]):
        total += page.blocks[b, ht.UNITS]
    return total


@njit(nogil=True, cache=True, inline="always")
def _scanned(page, data, out, fall_back):
    """Scans the page; whether it had to be opened."""
    opened = np.bool_(False)  # a name, since a kernel is compiled anew for each constant that it is called with
    scan(page, data, out, opened)
    units = _units(page)
    if fall_back and units < FEW_UNITS and (_holds(data, _NOSCRIPT) or _holds(data, _TEMPLATE)):
        opened = np.bool_(True)
        scan(page, data, out, opened)
        if _units(page) <= units:
            opened = np.bool_(False)
            scan(page, data, out, opened)
    return opened


@njit(nogil=True, cache=True, inline="always")
def _chosen(page, out, p, article, model, strictness, standfirst, units, place, keep, told):
    """Fills keep bool[blocks] with the model's choice."""
    factor = model.articles.factor if article >= model.prose else model.others.factor
    threshold, told[EXPECTED] = cut(page, p, factor * strictness, model.least, model.most)
    told[ARTICLE] = article
    decided(page, out, p, article, threshold, units, place, standfirst, keep)


@njit(nogil=True, cache=True)
def _media(page, begins, made, media, row):
    """Writes the images near kept blocks, in the order of the page, into media int64[≥ row + MAX_MEDIA, MEDIA_COLUMNS]; returns the row after them.
    begins: where each block begins in made, the text, -1 where it was left."""
    n, first, chars, at = len(begins), row, np.int64(0), np.int64(0)
    follow = np.empty(n + 1, np.int64)  # the first kept block from here on
    follow[n] = n + NEAR
    for b in range(n - 1, -1, -1):
        follow[b] = b if begins[b] >= 0 else follow[b + 1]
    for i in range(page.state[ht.NUM_IMAGES]):
        image = page.images[i]
        before = np.int64(image[ht.BEFORE])
        if row - first == MAX_MEDIA or follow[min(n, max(0, before - NEAR))] >= before + NEAR:
            continue
        next_kept = follow[min(n, before)]
        start = begins[next_kept] if next_kept < n else len(made)
        while at < start:
            chars += (made[at] & 0xC0) != 0x80
            at += 1
        media[row, 0], media[row, 1], media[row, 2], media[row, 3] = image[ht.SRC], image[ht.SRC_END], image[ht.ALT], image[ht.ALT_END]
        media[row, 4] = chars
        row += 1
    return row


@njit(nogil=True, cache=True, inline="always")
def _noted(page, opened, told):
    """What the scan alone tells of a page."""
    state = page.state
    told[FALLBACK] = NOSCRIPT_FALLBACK if opened else 0
    told[UNITS], told[BLOCKS], told[NESTING] = _units(page), state[ht.NUM_BLOCKS], state[ht.NESTING]
    told[TITLE_AT], told[TITLE_TO], told[LANG_AT], told[LANG_TO] = (
        state[ht.TITLE_AT],
        state[ht.TITLE_TO],
        state[ht.LANG_AT],
        state[ht.LANG_TO],
    )


@njit(nogil=True, cache=True, inline="always")
def _read_batch(page, data, spans, first, model, main_only, fall_back, max_nesting, outs, held, space, told):
    """Scans pages from `first` on until there are enough for a batch; returns the page after them, and `space` with their rows."""
    k, used, size = np.int64(0), np.int64(0), np.int64(0)
    while first + k < len(spans) and (k == 0 or (main_only and k < PAGES and held.places[k, ROW] < ROWS and size < BYTES)):
        here, out, row = (
            borrowed(data)[spans[first + k, 0] : spans[first + k, 1]],
            borrowed(outs)[held.places[k, OUT_AT] :],
            told[first + k],
        )
        _noted(page, _scanned(page, here, out, fall_back), row)
        if page.state[ht.NESTING] > max_nesting:
            page.state[ht.NUM_BLOCKS] = 0
        n = page.state[ht.NUM_BLOCKS]
        if n and main_only:
            described(page, here, out, model.scores, k, held)
        space = longer(space, used, used + size_of(page))
        held.places[k, SPACE] = used
        used = moved(page, k, held, space, False)
        size += len(here)
        held.places[k + 1, ROW], held.places[k + 1, OUT_AT] = held.places[k, ROW] + n, held.places[k, OUT_AT] + page.state[ht.OUT]
        k += 1
    return first + k, space


@njit(nogil=True, cache=True, inline="always")
def _room(page):
    """Bytes that suffice for the text of a page, whatever is kept of it."""
    state = page.state
    return 3 * state[ht.OUT] + 64 * state[ht.NUM_BLOCKS] + 8 * state[ht.NUM_ELEMENTS] + 64


@njit(nogil=True, cache=True, inline="always")
def _emitted(page, out, p, article, model, strictness, main_only, fall_back, standfirst, markdown, made, begins, told):
    """Writes the text of a page with at least one block into made; returns its length. Fills begins int64[blocks]."""
    n = page.state[ht.NUM_BLOCKS]
    keep, units, place = np.ones(n, np.bool_), np.zeros(n + 1, np.int64), np.empty((page.state[ht.NUM_ELEMENTS], PLACE_COLUMNS), np.int32)
    for b in range(n):
        units[b + 1] = units[b] + page.blocks[b, ht.UNITS]
    places(page, units, place)
    if main_only:
        _chosen(page, out, p, article, model, strictness, standfirst, units, place, keep, told)
        if fall_back and told[UNITS] and not keep.any():
            keep[:] = True
            told[FALLBACK] = ALL_FALLBACK
    for b in range(n):
        told[KEPT] += page.blocks[b, ht.UNITS] if keep[b] else 0
    return emit(page, out, keep, place, markdown, made, begins)


@njit(nogil=True, cache=True)
def read_column(pages, data, spans, model, strictness, main_only, fall_back, standfirst, markdown, max_nesting):
    """(texts uint8, told int64[pages, TOLD], media int64[images, MEDIA_COLUMNS]) of the pages data[spans[k, 0]:spans[k, 1]], each valid UTF-8.

    pages: SCANNED[1], used anew for each; model: `main_text.Model`; strictness multiplies the experts' factors; main_only off keeps every block; standfirst
    keeps those of articles; a page whose depths sum to more than max_nesting has no text."""
    page, told = pages[0], np.zeros((len(spans), TOLD), np.int64)
    longest = np.int64(0)
    for k in range(len(spans)):
        longest = max(longest, spans[k, 1] - spans[k, 0])
    outs, space = np.empty(2 * (longest + BYTES) + 64 * PAGES, np.uint8), np.empty(1 << 16, np.int32)
    held = held_of(longest, WIDTH, NUM_KINDS)
    text, media = np.empty(max(1 << 12, len(data) // 4), np.uint8), np.empty((MAX_MEDIA, MEDIA_COLUMNS), np.int64)
    size, images, first = np.int64(0), np.int64(0), np.int64(0)
    while first < len(spans):
        last, space = _read_batch(page, data, spans, first, model, main_only, fall_back, max_nesting, outs, held, space, told)
        p = probabilities(page, held, space, last - first, model) if main_only else np.empty(0, np.int64)
        for k in range(last - first):
            row, at = told[first + k], held.places[k, ROW]
            n = held.places[k + 1, ROW] - at
            if n:
                if last - first > 1:
                    moved(page, k, held, space, True)
                begins, text = np.empty(n, np.int64), longer(text, size, size + _room(page))
                made, out = text[size:], outs[held.places[k, OUT_AT] :]
                mine, article = p[at : at + n], held.places[k, ARTICLE_AT]
                made = made[
                    : _emitted(page, out, mine, article, model, strictness, main_only, fall_back, standfirst, markdown, made, begins, row)
                ]
                media = longer(media, images, images + MAX_MEDIA)
                images = _media(page, begins, made, media, images)
                size += len(made)
            row[END], row[MEDIA_END] = size, images
        first = last
    return text[:size], told, media[:images]
