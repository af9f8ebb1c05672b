"""The ways to words that the filters know, by name, and the scan of a text by each.

english  tokens of spaCy's English rules, as datatrove counts them (`kernels/words.py`); letters of scripts without spaces are words by `uax29`
spacy    the same rules alone, as the reference has them: a run of Chinese is one word
uax29    Unicode's default word boundaries (UAX #29, Unicode 18.0.0), punctuation marks being words of their own; in scripts without spaces each ideograph
         is a word, hiragana and katakana are words run by run, and Thai, Lao, Khmer, Burmese and their like are cut between orthographic syllables
         (`kernels/word_breaks.py`)
icu      the word boundaries of ICU, which has dictionaries for Chinese, Japanese, Thai, Lao, Khmer and Burmese; an extra: pip install 'curate[words]'
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from curate import arrow
from curate.errors import StageError

Method = Literal["english", "spacy", "uax29", "icu"]
AnyMethod = Literal["spaces", "english", "spacy", "uax29", "icu"]
"""`spaces`: what stands between white space (str.split), whatever its script, for filters that count so."""
ICU = ("icu4py",)
"""Distributions whose version can change what `icu` finds."""


class Words(NamedTuple):
    """The tokens of some rows: token t of row r, firsts[r] <= t < lasts[r], is bytes starts[t] … ends[t] − 1 of the row (`kernels/scan.py`)."""

    firsts: np.ndarray
    lasts: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    hashes: np.ndarray
    flags: np.ndarray
    counts: np.ndarray
    cut: np.ndarray
    """int64[rows]: how many of a row's tokens are of scripts without spaces; 0 by `spacy`."""

    def of(self, rows: np.ndarray) -> "Words":
        """The same of some rows."""
        return self._replace(firsts=self.firsts[rows], lasts=self.lasts[rows], counts=self.counts[rows], cut=self.cut[rows])


def scanned(array: pa.Array, method: Method) -> Words:
    """The tokens and counts of a string column. A row of 4 GiB or more, or one that is no UTF-8, where a kernel would read what is not there: ValueError."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid as error:
        raise ValueError(f"words: expected UTF-8, got {error}; decode the text first, as every reader does") from None
    if method == "uax29":
        return _scanned(array, english=False)
    if method == "icu":
        return _by_icu(array)
    if method == "spacy":
        return _plain(array)
    from curate.kernels.word_classes import spaceless
    from curate.kernels.word_scan import hold_spaceless

    text = arrow.utf8(array)
    holds = np.zeros(len(array), dtype=np.bool_)
    hold_spaceless(text.offsets, text.data, spaceless(), holds)
    if not holds.any():
        return _plain(array)
    if holds.all():
        return _scanned(array, english=True)
    with_them, without = np.flatnonzero(holds), np.flatnonzero(~holds)
    return _merged(_plain(array.take(pa.array(without))), without, _scanned(array.take(pa.array(with_them)), english=True), with_them)


def placed(text: arrow.Utf8, found: Words) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(bounds int64[rows + 1], starts, ends): the same tokens, row after row, as bytes of the column's data."""
    numbers = found.lasts - found.firsts
    bounds = np.r_[0, np.cumsum(numbers)]
    tokens = np.arange(bounds[-1]) + np.repeat(found.firsts - bounds[:-1], numbers)
    begin = np.repeat(text.offsets[:-1], numbers)
    return bounds, begin + found.starts[tokens], begin + found.ends[tokens]


def names_of(found: Words, method: Method, valid: np.ndarray) -> pa.Array:
    """string[rows]: the method by which a row's words were found, and, where it has words of scripts without spaces, how these were: `english`,
    `english+syllables`, `icu+dictionary`; null where `valid` is false."""
    more = {"english": "+syllables", "uax29": "+syllables", "icu": "+dictionary", "spacy": ""}[method]
    names = pa.array([method, method + more])
    return names.take(pa.array((found.cut > 0).astype(np.int64), mask=~valid))


def _plain(array: pa.Array) -> Words:
    from curate.kernels.scan import scan

    text = arrow.utf8(array)
    found = scan(text.offsets, text.data)
    return _of(found, np.zeros(len(array), dtype=np.int64))


def _of(found: Any, cut: np.ndarray) -> Words:
    """A scan as words."""
    return Words(found.bounds[:-1], found.bounds[1:], found.starts, found.ends, found.hashes, found.flags, found.counts, cut)


def _scanned(array: pa.Array, english: bool) -> Words:
    from curate.kernels.word_scan import scan_words

    text = arrow.utf8(array)
    found, cut = scan_words(text.offsets, text.data, english)
    return _of(found, cut)


def _merged(one: Words, one_rows: np.ndarray, other: Words, other_rows: np.ndarray) -> Words:
    """The words of all rows, of which each of two scans has some; they may be written into the first one's arrays."""
    rows = len(one_rows) + len(other_rows)
    used, more = int(one.lasts[-1]), int(other.lasts[-1])
    if used + more <= len(one.starts):  # a scan leaves more room than it needs
        starts, ends, hashes, flags = one[2:6]
        for mine, theirs in zip(one[2:6], other[2:6], strict=True):
            mine[used : used + more] = theirs[:more]
    else:
        starts, ends, hashes, flags = (np.concatenate([mine[:used], theirs]) for mine, theirs in zip(one[2:6], other[2:6], strict=True))
    firsts, lasts, cut = (np.empty(rows, dtype=np.int64) for _ in range(3))
    counts = np.empty((rows, one.counts.shape[1]), dtype=np.int64)
    for part, at, shift in ((one, one_rows, 0), (other, other_rows, used)):
        firsts[at], lasts[at] = part.firsts + shift, part.lasts + shift
        counts[at], cut[at] = part.counts, part.cut
    return Words(firsts, lasts, starts, ends, hashes, flags, counts, cut)


def _by_icu(array: pa.Array) -> Words:
    """Words by ICU, a row at a time."""
    from curate.kernels.word_scan import described

    breaker = _icu()
    text = arrow.utf8(array)
    bounds, starts, ends = np.zeros(len(array) + 1, dtype=np.int64), [], []
    for row in range(len(array)):
        raw = text.data[text.offsets[row] : text.offsets[row + 1]]
        begun, ended = _icu_words(breaker, raw)
        starts.append(begun)
        ends.append(ended)
        bounds[row + 1] = bounds[row] + len(begun)
    none = np.empty(0, dtype=np.uint32)
    found, cut = described(text.offsets, text.data, bounds, np.concatenate([none, *starts]), np.concatenate([none, *ends]))
    return _of(found, cut)


def _icu_words(breaker: Any, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(starts, ends) as uint32 of the words of one text of UTF-8, white space apart."""
    text = raw.tobytes().decode()
    lead = np.flatnonzero((raw & 0xC0) != 0x80)
    places = np.append(np.repeat(lead, 1 + (raw[lead] >= 0xF0)), len(raw))  # of each unit of UTF-16
    bounds = np.fromiter((place for pair in breaker(text, "en_US").segments() for place in pair), dtype=np.int64).reshape(-1, 2)
    solid = np.fromiter((not text_of.isspace() for text_of in breaker(text, "en_US")), dtype=np.bool_)
    kept = places[bounds[solid]].astype(np.uint32)
    return kept[:, 0], kept[:, 1]


def _icu() -> Any:
    try:
        from icu4py.breakers import WordBreaker
    except ImportError as error:
        raise StageError("words: expected icu4py for `icu`, got none installed; pip install 'curate[words]', or say uax29") from error
    return WordBreaker
