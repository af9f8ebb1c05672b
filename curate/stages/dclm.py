"""DCLM: the heuristic rules of RefinedWeb, as DataComp-LM's baseline has them. After Penedo et al. 2023 (§3.3, G.2) and Li et al. 2024 (§4.2).

First the document is judged: words, their length, symbols, bullets, ellipses, letters, stop words (in any case, with repetition). Then lines leave:
those that are mostly capitals, nothing but digits, a counter such as `3 likes`, or one word; `items in cart`, `Read more...` at the end and
`Sign-in` at the beginning are cut out of short lines. A document that would lose more than a twentieth of its words so leaves, its text unchanged.
Words are split at white space; where they are counted, only those count that begin with a letter or digit. Repetition, between both in DCLM's order,
is `gopher_repetition: {mode: dclm}`; URLs are the stage `url`; language is `language: {keep: [en]}`.
In scripts without spaces a run is one word, as in DCLM; with another of `words` (`curate/words.py`) it is as many as that finds, and to the rules for lines
each letter of such a script is a word.
Misses: poems and dialogue of one-word lines; languages whose function words are not in `stop_words`. DCLM cut URLs only out of pages whose first
letters spell a top-level domain, which is not reproduced.
Price: about 45 MB of text a second and core.

column            type     meaning
edits             int32    lines that were dropped or altered; 0 where the document leaves
num_words         int64    words that begin with a letter or digit
mean_word_length  float64  characters of all words / their number
symbols           float64  `#`, `...`, `. . .` and `…` / words
bullet_lines      float64  lines that begin with ● • * or - / lines with more than white space
ellipsis_lines    float64  lines that end in an ellipsis / lines with more than white space
alpha_words       float64  words with a letter / words
num_stop_words    int64    occurrences of stop words
lines_dropped     int64    lines that the line rules drop
words_dropped     float64  words that these and the cuts take / words that begin with a letter or digit
"""

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate import arrow, scans
from curate.kernels import refined_lines, split_words
from curate.kernels.utf8 import classes
from curate.kernels.word_classes import spaceless
from curate.stage import Columns, Rule, rounded, stage
from curate.stage import Config as Base
from curate.words import ICU, AnyMethod, placed


class Config(Base):
    """The thresholds of DCLM's baseline; null switches a rule off."""

    mode: Literal["literal", "dclm"] = "literal"
    """`dclm`: the dots of `Read more...` stand for any three characters, as in DCLM's pattern, where nothing escapes them."""
    words: AnyMethod = "spaces"
    """How words are found: `spaces`, between white space as DCLM does; or a method of `curate/words.py`, whose punctuation marks are words of their own."""
    min_words: int | None = Field(default=50, ge=0)
    """Fewer words: `short_doc`."""
    max_words: int | None = Field(default=100_000, ge=0)
    """More words: `long_doc`."""
    min_mean_word_length: float | None = Field(default=3.0, ge=0)
    """Shorter words on average: `short_words`."""
    max_mean_word_length: float | None = Field(default=10.0, ge=0)
    """Longer words on average: `long_words`."""
    max_symbols: float | None = Field(default=0.1, ge=0)
    """More number signs and ellipses a word: `too_many_symbols`."""
    max_bullet_lines: float | None = Field(default=0.9, ge=0, le=1)
    """A larger share of lines that begin with a bullet: `too_many_bullets`."""
    max_ellipsis_lines: float | None = Field(default=0.3, ge=0, le=1)
    """A larger share of lines that end in an ellipsis: `too_many_end_ellipses`."""
    min_alpha_words: float | None = Field(default=0.8, ge=0, le=1)
    """A smaller share of words with a letter: `too_few_letters`."""
    min_stop_words: int | None = Field(default=2, ge=0)
    """Fewer stop words, repetitions included: `too_few_stop_words`."""
    stop_words: list[str] = Field(default=["the", "be", "to", "of", "and", "that", "have", "with"], max_length=64)
    """Words of which prose has some, in small letters; Gopher's eight by default."""
    max_line_upper: float | None = Field(default=0.5, ge=0, le=1)
    """Lines with a larger share of capital letters are dropped."""
    max_line_digits: float | None = Field(default=0.999999, ge=0, le=1)
    """Lines with a larger share of digits are dropped."""
    drop_counters: bool = True
    """Drop lines of a number and likes, shares, comments, views and the like."""
    min_line_words: int = Field(default=2, ge=0)
    """Lines with fewer words are dropped; blank ones stay."""
    phrase_line_words: int = Field(default=10, ge=-1)
    """`items in cart`, `Read more...` and `Sign-in` are cut out of lines of at most so many words; -1 cuts none."""
    max_words_dropped: float | None = Field(default=0.05, ge=0, le=1)
    """A larger share of words in dropped lines and cut phrases: `too_much_dropped`."""


@stage(
    version=1,
    reads=("text",),
    distributions=ICU,
    adds={
        "edits": pa.int32(),
        "num_words": pa.int64(),
        "mean_word_length": pa.float64(),
        "symbols": pa.float64(),
        "bullet_lines": pa.float64(),
        "ellipsis_lines": pa.float64(),
        "alpha_words": pa.float64(),
        "num_stop_words": pa.int64(),
        "lines_dropped": pa.int64(),
        "words_dropped": pa.float64(),
    },
    rules=(
        Rule("short_doc", "num_words", "<", "min_words"),
        Rule("long_doc", "num_words", ">", "max_words"),
        Rule("short_words", "mean_word_length", "<", "min_mean_word_length"),
        Rule("long_words", "mean_word_length", ">", "max_mean_word_length"),
        Rule("too_many_symbols", "symbols", ">", "max_symbols"),
        Rule("too_many_bullets", "bullet_lines", ">", "max_bullet_lines"),
        Rule("too_many_end_ellipses", "ellipsis_lines", ">", "max_ellipsis_lines"),
        Rule("too_few_letters", "alpha_words", "<", "min_alpha_words"),
        Rule("too_few_stop_words", "num_stop_words", "<", "min_stop_words"),
        Rule("too_much_dropped", "words_dropped", ">", "max_words_dropped"),
    ),
    replaces=("text",),
)
def dclm(batch: pa.RecordBatch, config: Config) -> Columns:
    old = batch["text"]
    text = arrow.utf8(old)
    words, symbols, edges = _document(old, config)
    rows, n, lines = batch.num_rows, np.maximum(words[:, 0], 1), np.maximum(edges[:, 0], 1)
    made = np.empty(int(text.offsets[-1] - text.offsets[0]), dtype=np.uint8)
    offsets, out = np.zeros(rows + 1, dtype=np.int64), np.zeros((rows, 4), dtype=np.int64)
    refined_lines.refine_lines(text.offsets, text.data, classes(), _line_rules(config), offsets, made, out)
    measured = {
        "num_words": words[:, 1].astype(np.int64),
        "mean_word_length": words[:, 2] / n,
        "symbols": symbols / n,
        "bullet_lines": edges[:, 1] / lines,
        "ellipsis_lines": edges[:, 2] / lines,
        "alpha_words": words[:, 4] / n,
        "num_stop_words": words[:, 6].astype(np.int64),
        "lines_dropped": out[:, 1],
        "words_dropped": out[:, 3] / np.maximum(out[:, 2], 1),
    }
    columns = {name: pa.array(values, mask=~text.valid) for name, values in measured.items()}
    leaves = np.zeros(rows, dtype=np.bool_)
    for rule in dclm.rules:
        limit = getattr(config, rule.limit)
        if limit is not None:
            leaves |= rule.holds(rounded(columns[rule.measure]), limit)
    fresh = pa.LargeStringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(made))
    new = fresh.cast(old.type).take(pa.array(np.arange(rows), mask=~text.valid))
    return columns | {
        "text": pc.if_else(pa.array(leaves), old, new),
        "edits": pa.array(np.where(leaves, 0, out[:, 0]).astype(np.int32), mask=~text.valid),
    }


def _document(column: pa.Array, config: Config) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measures of words (columns `split_words.WORDS`), symbols, and of lines: their number, bullets, ellipses."""
    text, rows = arrow.utf8(column), len(column)
    if config.words == "spaces":
        bounds, starts, ends = split_words.words_of(text.offsets, text.data, classes())
    else:
        bounds, starts, ends = placed(text, scans.words(column, config.words))
    words, symbols, edges = np.zeros((rows, len(split_words.WORDS))), np.zeros(rows), np.zeros((rows, 3))
    stops, stop_ends = split_words.joined(config.stop_words)
    split_words.measure_words(text.data, bounds, starts, ends, classes(), stops, stop_ends, True, words)
    split_words.count_symbols(text.offsets, text.data, symbols)
    split_words.measure_edges(text.offsets, text.data, classes(), split_words.ANY_BULLET, True, edges)
    return words, symbols, edges


def _line_rules(config: Config) -> refined_lines.LineRules:
    return refined_lines.LineRules(
        -1.0 if config.max_line_upper is None else config.max_line_upper,
        -1.0 if config.max_line_digits is None else config.max_line_digits,
        config.drop_counters,
        config.min_line_words,
        config.phrase_line_words,
        config.mode == "dclm",
        np.zeros_like(spaceless()) if config.words in ("spaces", "spacy") else spaceless(),
    )
