"""Gopher repetition: how much of a document repeats itself. After Rae et al. 2021 (table A1), with the counts and thresholds of datatrove.

The first copy is free: only later ones count. Paragraphs are separated by blank lines, lines by newlines; words are tokens of English,
in scripts without spaces ideographs, runs of kana and syllables, or as `words` says (`curate/words.py`). All character shares are of the whole
text, white space included. An empty text has shares of 0; datatrove divides by zero there.
`mode: dclm` counts as DCLM does: all copies count, the first too, and shares are of characters in segments or in words; words begin with a
letter or digit; of equally frequent n-grams the longest counts, if it repeats; repeated runs are counted by the words that they cover;
segments of white space do not count, and a text without others has shares of 1. Its words are Unicode's, so `words` is then `uax29` where nothing is said.
Misses: near-repeats, and repeats of less than a line or more than ten words apart from those that n-grams see.
Price: about 75 MB of text a second and core alone, 180 where another stage has scanned the text (`curate/scans.py`).

column                        type     meaning
dup_paragraphs                float64  paragraphs that repeat an earlier one / paragraphs
dup_paragraph_chars           float64  characters of those / characters of the text
dup_lines, dup_line_chars     float64  the same for lines
top_2_gram … top_4_gram       float64  characters of the most frequent n-gram times its count / characters of the text
dup_5_grams … dup_10_grams    float64  characters in n-grams that repeat an earlier one / characters of the text
"""

from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from curate import arrow, scans
from curate.kernels import scan as at
from curate.kernels import whole_repeats
from curate.kernels.lines import most_newlines
from curate.kernels.ngrams import DUPLICATED, SEGMENT_MEASURES, TOP, measure_ngrams, measure_segments, room
from curate.kernels.slots import table
from curate.kernels.utf8 import classes
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base
from curate.words import ICU, Method, placed

SEGMENTS = ("dup_paragraphs", "dup_paragraph_chars", "dup_lines", "dup_line_chars")
NGRAMS = (*(f"top_{n}_gram" for n in TOP), *(f"dup_{n}_grams" for n in DUPLICATED))


class Config(Base):
    """The thresholds of Gopher as datatrove applies them; null switches a rule off."""

    mode: Literal["datatrove", "dclm"] = "datatrove"
    """What is counted: repeats after the first copy as datatrove does, or all copies as DCLM does."""
    words: Method = "english"
    """How words are found (`curate/words.py`): `english`, spaCy's rules, with ideographs and syllables in scripts without spaces; `spacy`, the rules alone;
    `uax29`, Unicode's boundaries; `icu`, with dictionaries: pip install 'curate[words]'."""

    max_dup_paragraphs: float | None = Field(default=0.3, ge=0)
    """A larger share of repeated paragraphs: `dup_paragraphs`."""
    max_dup_paragraph_chars: float | None = Field(default=0.2, ge=0)
    """A larger share of characters in them: `dup_paragraph_chars`."""
    max_dup_lines: float | None = Field(default=0.3, ge=0)
    """A larger share of repeated lines: `dup_lines`."""
    max_dup_line_chars: float | None = Field(default=0.2, ge=0)
    """A larger share of characters in them: `dup_line_chars`."""
    max_top_2_gram: float | None = Field(default=0.20, ge=0)
    """A larger share of characters in copies of one pair of words: `top_2_gram`."""
    max_top_3_gram: float | None = Field(default=0.18, ge=0)
    """The same for three words: `top_3_gram`."""
    max_top_4_gram: float | None = Field(default=0.16, ge=0)
    """The same for four words: `top_4_gram`."""
    max_dup_5_grams: float | None = Field(default=0.15, ge=0)
    """A larger share of characters in repeated runs of five words: `dup_5_grams`."""
    max_dup_6_grams: float | None = Field(default=0.14, ge=0)
    """The same for six words: `dup_6_grams`."""
    max_dup_7_grams: float | None = Field(default=0.13, ge=0)
    """The same for seven words: `dup_7_grams`."""
    max_dup_8_grams: float | None = Field(default=0.12, ge=0)
    """The same for eight words: `dup_8_grams`."""
    max_dup_9_grams: float | None = Field(default=0.11, ge=0)
    """The same for nine words: `dup_9_grams`."""
    max_dup_10_grams: float | None = Field(default=0.10, ge=0)
    """The same for ten words: `dup_10_grams`."""

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, said: Any) -> Any:
        return {"words": "uax29"} | said if isinstance(said, dict) and said.get("mode") == "dclm" else said


@stage(
    version=2,
    reads=("text",),
    distributions=ICU,
    adds=dict.fromkeys((*SEGMENTS, *NGRAMS), pa.float64()),
    rules=tuple(Rule(name, name, ">", f"max_{name}") for name in (*SEGMENTS, *NGRAMS)),
)
def gopher_repetition(batch: pa.RecordBatch, config: Config) -> Columns:
    text = arrow.utf8(batch["text"])
    found = scans.words(batch["text"], config.words)
    if config.mode == "dclm":
        parts = [whole_segments(text), whole_ngrams(text, found)]
    else:
        parts = [_segments(text, found), _ngrams(text, found)]
    measured = np.concatenate(parts, axis=1)
    return {name: pa.array(measured[:, i], mask=~text.valid) for i, name in enumerate((*SEGMENTS, *NGRAMS))}


def _segments(text: arrow.Utf8, found: scans.Words) -> np.ndarray:
    """float64[rows, 4] of repeated paragraphs and lines."""
    out = np.zeros((len(text.offsets) - 1, SEGMENT_MEASURES))
    places = int(np.max(found.counts[:, at.NEWLINES], initial=0)) + 1
    starts, ends = np.empty(places, dtype=np.int64), np.empty(places, dtype=np.int64)
    measure_segments(text.offsets, text.data, found.counts, classes(), starts, ends, table(places), np.int64(1), out)
    return out


def _ngrams(text: arrow.Utf8, found: scans.Words) -> np.ndarray:
    """float64[rows, 9] of frequent and repeated n-grams."""
    out = np.zeros((len(text.offsets) - 1, len(NGRAMS)))
    lent = room(int(np.max(np.diff(text.offsets), initial=0)), int(np.max(found.lasts - found.firsts, initial=0)))
    measure_ngrams(
        text.offsets, text.data, found.firsts, found.lasts, found.starts, found.ends, found.hashes, found.counts, lent, np.int64(1), out
    )
    return out


def whole_segments(text: arrow.Utf8) -> np.ndarray:
    """float64[rows, 4] of repeated paragraphs and lines, all copies counted, as DCLM does."""
    rows = len(text.offsets) - 1
    shares = []
    room = whole_repeats.lent(most_newlines(text.offsets, text.data) + 1)
    for number, newlines in enumerate((2, 1)):
        out = np.zeros((rows, 4))
        whole_repeats.measure_segments(text.offsets, text.data, classes(), newlines, False, room, np.int64(1 + number * rows), out)
        none = out[:, 0] == 0
        shares += [np.where(none, 1.0, out[:, part] / np.maximum(out[:, whole], 1)) for part, whole in ((1, 0), (2, 3))]
    return np.stack(shares, axis=1)


def whole_ngrams(text: arrow.Utf8, found: scans.Words) -> np.ndarray:
    """float64[rows, 9] of frequent and repeated n-grams of words that begin with a letter or digit, as DCLM counts them."""
    bounds, starts, ends = placed(text, found)
    solid = np.zeros(len(starts), dtype=np.bool_)
    whole_repeats.begin_solid(text.data, starts, classes(), solid)
    bounds = np.r_[0, np.cumsum(solid)][bounds]
    out = np.zeros((len(text.offsets) - 1, len(NGRAMS)))
    room = whole_repeats.lent(int(np.max(np.diff(bounds), initial=0)))
    whole_repeats.measure_ngrams(text.data, bounds, starts[solid], ends[solid], True, room, np.int64(1), out)
    return out
