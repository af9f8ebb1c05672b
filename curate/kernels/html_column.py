"""A column of pages to their main texts in one call: nothing is made by Python for a page, and buffers are used again for the next.

A page of few words is read again with `noscript` and `template` opened; of one of which nothing was chosen all visible text is taken.
Part of `curate/web/main_text.py`, which has the names of what is told. Helpers that lead to the scan and to the trees are parts of `read_column`: as
functions of their own everything below them would be compiled once more for each.
"""

import numpy as np
from numba import njit

from curate.kernels import html_tables as ht
from curate.kernels.html_attributes import find_within, starts
from curate.kernels.html_emit import PLACE_COLUMNS, decided, emit, places
from curate.kernels.html_names import NUM_SUMS, S_UNITS
from curate.kernels.html_page import probabilities
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
def _chosen(page, data, out, model, strictness, sums, place, keep, told):
    """Fills keep bool[blocks] with the model's choice."""
    p, article = probabilities(page, data, out, model.kind, model.scores, model.articles, model.others, model.prose, model.gate, sums)
    factor = model.articles.factor if article >= model.prose else model.others.factor
    threshold, told[EXPECTED] = cut(page, p, factor * strictness, model.least, model.most)
    told[ARTICLE] = article
    places(page, sums[S_UNITS], place)
    decided(page, p, threshold, sums[S_UNITS], place, keep)


@njit(nogil=True, cache=True)
def _longer(text, used, size):
    """An array of at least `size` that begins with the used part of `text`; itself where it is long enough."""
    if size <= len(text):
        return text
    made = np.empty((max(size, 2 * len(text)),) + text.shape[1:], text.dtype)  # noqa: RUF005
    made[:used] = text[:used]
    return made


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


@njit(nogil=True, cache=True)
def read_column(pages, data, spans, model, strictness, main_only, fall_back, markdown, max_nesting):
    """(texts uint8, told int64[pages, TOLD], media int64[images, MEDIA_COLUMNS]) of the pages data[spans[k, 0]:spans[k, 1]], each valid UTF-8.

    pages: SCANNED[1], used anew for each; model: `main_text.Model`; strictness multiplies the experts' factors; main_only off keeps every block; a page
    whose depths sum to more than max_nesting has no text."""
    page, told = pages[0], np.zeros((len(spans), TOLD), np.int64)
    longest = np.int64(0)
    for k in range(len(spans)):
        longest = max(longest, spans[k, 1] - spans[k, 0])
    out = np.empty(2 * longest + 64, np.uint8)
    text, media = np.empty(max(1 << 12, len(data) // 4), np.uint8), np.empty((MAX_MEDIA, MEDIA_COLUMNS), np.int64)
    size, images = np.int64(0), np.int64(0)
    for k in range(len(spans)):
        here, row = borrowed(data)[spans[k, 0] : spans[k, 1]], told[k]
        opened = _scanned(page, here, out, fall_back)
        state, n = page.state, page.state[ht.NUM_BLOCKS]
        row[FALLBACK] = NOSCRIPT_FALLBACK if opened else 0
        row[UNITS], row[BLOCKS], row[NESTING] = _units(page), n, state[ht.NESTING]
        row[TITLE_AT], row[TITLE_TO], row[LANG_AT], row[LANG_TO] = (
            state[ht.TITLE_AT],
            state[ht.TITLE_TO],
            state[ht.LANG_AT],
            state[ht.LANG_TO],
        )
        if n and state[ht.NESTING] <= max_nesting:
            sums, keep = np.zeros((NUM_SUMS, n + 1), np.int64), np.ones(n, np.bool_)
            place = np.empty((state[ht.NUM_ELEMENTS], PLACE_COLUMNS), np.int32)
            if main_only:
                _chosen(page, here, out, model, strictness, sums, place, keep, row)
                if fall_back and row[UNITS] and not keep.any():
                    keep[:] = True
                    row[FALLBACK] = ALL_FALLBACK
            else:
                for b in range(n):
                    sums[S_UNITS, b + 1] = sums[S_UNITS, b] + page.blocks[b, ht.UNITS]
                places(page, sums[S_UNITS], place)
            begins = np.empty(n, np.int64)
            text = _longer(text, size, size + 3 * state[ht.OUT] + 64 * n + 8 * state[ht.NUM_ELEMENTS] + 64)
            made = text[size:]
            made = made[: emit(page, out, keep, place, markdown, made, begins)]
            media = _longer(media, images, images + MAX_MEDIA)
            images = _media(page, begins, made, media, images)
            size += len(made)
            for b in range(n):
                row[KEPT] += page.blocks[b, ht.UNITS] if keep[b] else 0
        row[END], row[MEDIA_END] = size, images
    return text[:size], told, media[:images]
