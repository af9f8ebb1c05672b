"""Dolma: Gopher's rules for quality and repetition as Dolma's tagger counts them. After Soldaini et al. 2024 (§4), over Rae et al. 2021 (§A1.1).

Words are split at white space, lines at newlines, neither is stripped. What differs from `gopher_quality` and `gopher_repetition`, which
count as datatrove does: the median length of words, not the mean; punctuation is part of words; stop words count with repetition; an
ellipsis is `…` only; the first copy of what repeats counts, and so do blank lines; shares of characters are of those in words. Dolma's
published mixes never applied the rules on the most frequent 2- to 4-grams, whose attribute they misspelled: `mode: mix` is what these did.
Misses: languages without spaces, whose runs are one word each as in Dolma, unless `words` says otherwise (`curate/words.py`); every language whose function
words are not in `stop_words`.
Price: about 10 MB of text a second and core.

column                         type     meaning
num_words                      int64    words
median_word_length             float64  median of their characters; lengths of 1024 and more are 1024
symbol_words                   float64  words with `#` or `…` / words
alpha_words                    float64  words with a letter / words
num_stop_words                 int64    occurrences of stop words; their case counts
bullet_lines                   float64  lines that begin with `*` or `-` / lines
ellipsis_lines                 float64  lines that end in `…` / lines
dup_lines                      float64  lines that occur more than once, all copies / lines
dup_line_chars                 float64  characters of those / characters in words
top_2_gram … top_4_gram        float64  characters of the most frequent n-gram times its count / characters in words
dup_5_grams … dup_10_grams     float64  characters of n-grams that occur more than once, all copies / characters of all n-grams
"""

from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from curate import arrow, scans
from curate.kernels import split_words, whole_repeats
from curate.kernels.lines import most_newlines
from curate.kernels.utf8 import classes
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base
from curate.words import ICU, AnyMethod, placed

NGRAMS = (*(f"top_{n}_gram" for n in (2, 3, 4)), *(f"dup_{n}_grams" for n in range(5, 11)))


class Config(Base):
    """The thresholds of Dolma; null switches a rule off."""

    mode: Literal["tagger", "mix"] = "tagger"
    """`mix`: the rules on the most frequent n-grams never fire, as in the mixes of Dolma v1.5 and v1.6, which named their attribute wrongly."""
    words: AnyMethod = "spaces"
    """How words are found: `spaces`, between white space as Dolma does; or a method of `curate/words.py`, whose punctuation marks are words of their own."""
    min_words: int | None = Field(default=50, ge=0)
    """Fewer words: `short_doc`."""
    max_words: int | None = Field(default=100_000, ge=0)
    """More words: `long_doc`."""
    min_median_word_length: float | None = Field(default=3.0, ge=0)
    """A shorter median word: `short_words`."""
    max_median_word_length: float | None = Field(default=10.0, ge=0)
    """A longer median word: `long_words`."""
    max_symbol_words: float | None = Field(default=0.1, ge=0)
    """A larger share of words with a number sign or an ellipsis: `too_many_symbols`."""
    min_alpha_words: float | None = Field(default=0.8, ge=0, le=1)
    """A smaller share of words with a letter: `too_few_letters`."""
    min_stop_words: int | None = Field(default=2, ge=0)
    """Fewer stop words, repetitions included: `too_few_stop_words`."""
    max_bullet_lines: float | None = Field(default=0.9, ge=0, le=1)
    """A larger share of lines that begin with a bullet: `too_many_bullets`."""
    max_ellipsis_lines: float | None = Field(default=0.3, ge=0, le=1)
    """A larger share of lines that end in an ellipsis: `too_many_end_ellipses`."""
    max_dup_lines: float | None = Field(default=0.3, ge=0)
    """A larger share of repeated lines: `dup_lines`."""
    max_dup_line_chars: float | None = Field(default=0.3, ge=0)
    """A larger share of characters in them: `dup_line_chars`."""
    max_top_2_gram: float | None = Field(default=0.20, ge=0)
    """A larger share of characters in the most frequent pair of words: `top_2_gram`."""
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
    stop_words: list[str] = Field(default=["the", "be", "to", "of", "and", "that", "have", "with"], max_length=64)
    """Words of which prose has some; Gopher's eight by default, compared with their case."""


@stage(
    version=1,
    reads=("text",),
    distributions=ICU,
    adds={
        "num_words": pa.int64(),
        "median_word_length": pa.float64(),
        "symbol_words": pa.float64(),
        "alpha_words": pa.float64(),
        "num_stop_words": pa.int64(),
        "bullet_lines": pa.float64(),
        "ellipsis_lines": pa.float64(),
        "dup_lines": pa.float64(),
        "dup_line_chars": pa.float64(),
        **dict.fromkeys(NGRAMS, pa.float64()),
    },
    rules=(
        Rule("short_words", "median_word_length", "<", "min_median_word_length"),
        Rule("long_words", "median_word_length", ">", "max_median_word_length"),
        Rule("short_doc", "num_words", "<", "min_words"),
        Rule("long_doc", "num_words", ">", "max_words"),
        Rule("too_many_symbols", "symbol_words", ">", "max_symbol_words"),
        Rule("too_few_letters", "alpha_words", "<", "min_alpha_words"),
        Rule("too_few_stop_words", "num_stop_words", "<", "min_stop_words"),
        Rule("too_many_bullets", "bullet_lines", ">", "max_bullet_lines"),
        Rule("too_many_end_ellipses", "ellipsis_lines", ">", "max_ellipsis_lines"),
        Rule("dup_lines", "dup_lines", ">", "max_dup_lines"),
        Rule("dup_line_chars", "dup_line_chars", ">", "max_dup_line_chars"),
        *(Rule(name, name, ">", f"max_{name}") for name in NGRAMS),
    ),
)
def dolma(batch: pa.RecordBatch, config: Config) -> Columns:
    text = arrow.utf8(batch["text"])
    rows = batch.num_rows
    if config.words == "spaces":
        bounds, starts, ends = split_words.words_of(text.offsets, text.data, classes())
    else:
        bounds, starts, ends = placed(text, scans.words(batch["text"], config.words))
    words, ngrams = np.zeros((rows, len(split_words.WORDS))), np.zeros((rows, whole_repeats.SIZES))
    stops, stop_ends = split_words.joined(config.stop_words)
    split_words.measure_words(text.data, bounds, starts, ends, classes(), stops, stop_ends, False, words)
    room = whole_repeats.lent(int(max(np.max(np.diff(bounds), initial=0), most_newlines(text.offsets, text.data) + 1)))
    whole_repeats.measure_ngrams(text.data, bounds, starts, ends, False, room, np.int64(1), ngrams)
    edges, lines = np.zeros((rows, 3)), np.zeros((rows, 4))
    split_words.measure_edges(text.offsets, text.data, classes(), split_words.PLAIN_BULLET, False, edges)
    next_stamp = np.int64(1 + whole_repeats.SIZES * rows)
    whole_repeats.measure_segments(text.offsets, text.data, classes(), 1, True, room, next_stamp, lines)
    n, chars = np.maximum(words[:, 0], 1), np.maximum(words[:, 2], 1)
    there = words[:, 0] > 0  # the tagger says zero of a text without words
    measured = {
        "num_words": words[:, 0].astype(np.int64),
        "median_word_length": words[:, 3],
        "symbol_words": words[:, 5] / n,
        "alpha_words": words[:, 4] / n,
        "num_stop_words": words[:, 6].astype(np.int64),
        "bullet_lines": there * edges[:, 1] / np.maximum(edges[:, 0], 1),
        "ellipsis_lines": there * edges[:, 2] / np.maximum(edges[:, 0], 1),
        "dup_lines": there * lines[:, 1] / np.maximum(lines[:, 0], 1),
        "dup_line_chars": there * lines[:, 2] / chars,
        **dict(zip(NGRAMS, ngrams.T, strict=True)),
    }
    if config.mode == "mix":
        measured |= {name: np.zeros(rows) for name in NGRAMS[:3]}
    return {name: pa.array(values, mask=~text.valid) for name, values in measured.items()}
