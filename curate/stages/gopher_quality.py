"""Gopher quality: is this prose? After Rae et al. 2021 (§A1.1), with the counts and thresholds of datatrove, which FineWeb used.

Words are tokens of English (`curate/kernels/words.py`): punctuation marks are tokens of their own and count in the ratios, which makes
the rule on letters stricter than with words split at spaces. Words of symbols only do not count towards length.
Misses: languages without spaces, and every language whose function words are not in `stop_words`.
Price: about 90 MB of text a second and core alone; nearly nothing where another stage has scanned the text (`curate/scans.py`).

column             type     meaning
num_words          int64    tokens with at least one character that is no punctuation
mean_word_length   float64  characters of those / their number
hashes             float64  number signs / tokens
ellipses           float64  `...` and `…` / tokens
bullet_lines       float64  lines that begin with `•` or `-` / lines
ellipsis_lines     float64  lines that end in an ellipsis / lines
alpha_words        float64  tokens with a letter / tokens
num_stop_words     int64    different stop words found; their case counts
"""

import numpy as np
import pyarrow as pa
from pydantic import Field

from curate import arrow, scans
from curate.kernels import scan as at
from curate.kernels.quality import count_listed, stop_table
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base


class Config(Base):
    """The thresholds of Gopher as datatrove applies them; null switches a rule off."""

    min_words: int | None = Field(default=50, ge=0)
    """Fewer words: `short_doc`."""
    max_words: int | None = Field(default=100_000, ge=0)
    """More words: `long_doc`."""
    min_mean_word_length: float | None = Field(default=3.0, ge=0)
    """Shorter words on average: `short_words`."""
    max_mean_word_length: float | None = Field(default=10.0, ge=0)
    """Longer words on average: `long_words`."""
    max_hashes: float | None = Field(default=0.1, ge=0)
    """More number signs a token: `too_many_hashes`."""
    max_ellipses: float | None = Field(default=0.1, ge=0)
    """More ellipses a token: `too_many_ellipses`."""
    max_bullet_lines: float | None = Field(default=0.9, ge=0, le=1)
    """A larger share of lines that begin with a bullet: `too_many_bullets`."""
    max_ellipsis_lines: float | None = Field(default=0.3, ge=0, le=1)
    """A larger share of lines that end in an ellipsis: `too_many_end_ellipses`."""
    min_alpha_words: float | None = Field(default=0.8, ge=0, le=1)
    """A smaller share of tokens with a letter: `too_few_letters`."""
    min_stop_words: int | None = Field(default=2, ge=0)
    """Fewer different stop words: `too_few_stop_words`."""
    stop_words: list[str] = Field(default=["the", "be", "to", "of", "and", "that", "have", "with"], max_length=64)
    """Words of which prose has some; Gopher's eight by default, compared with their case."""


@stage(
    version=1,
    reads=("text",),
    adds={
        "num_words": pa.int64(),
        "mean_word_length": pa.float64(),
        "hashes": pa.float64(),
        "ellipses": pa.float64(),
        "bullet_lines": pa.float64(),
        "ellipsis_lines": pa.float64(),
        "alpha_words": pa.float64(),
        "num_stop_words": pa.int64(),
    },
    rules=(
        Rule("short_doc", "num_words", "<", "min_words"),
        Rule("long_doc", "num_words", ">", "max_words"),
        Rule("short_words", "mean_word_length", "<", "min_mean_word_length"),
        Rule("long_words", "mean_word_length", ">", "max_mean_word_length"),
        Rule("too_many_hashes", "hashes", ">", "max_hashes"),
        Rule("too_many_ellipses", "ellipses", ">", "max_ellipses"),
        Rule("too_many_bullets", "bullet_lines", ">", "max_bullet_lines"),
        Rule("too_many_end_ellipses", "ellipsis_lines", ">", "max_ellipsis_lines"),
        Rule("too_few_letters", "alpha_words", "<", "min_alpha_words"),
        Rule("too_few_stop_words", "num_stop_words", "<", "min_stop_words"),
    ),
)
def gopher_quality(batch: pa.RecordBatch, config: Config) -> Columns:
    text = batch["text"]
    found = scans.words(text)
    tokens, words, lines = (found.counts[:, each] for each in (at.TOKENS, at.WORDS, at.LINES))
    stop_words = np.zeros(batch.num_rows, dtype=np.int64)
    count_listed(found.firsts, found.lasts, found.hashes, *stop_table(config.stop_words), stop_words)
    measured = {
        "num_words": words,
        "mean_word_length": _ratio(found.counts[:, at.WORD_CHARS], words),
        "hashes": _ratio(found.counts[:, at.HASHES], tokens),
        "ellipses": _ratio(found.counts[:, at.ELLIPSES], tokens),
        "bullet_lines": _ratio(found.counts[:, at.BULLETS], lines),
        "ellipsis_lines": _ratio(found.counts[:, at.TRAILING], lines),
        "alpha_words": _ratio(found.counts[:, at.ALPHA_WORDS], tokens),
        "num_stop_words": stop_words,
    }
    null = ~arrow.valid(text)
    return {name: pa.array(np.ascontiguousarray(values), mask=null) for name, values in measured.items()}


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """float64: part / whole, 0 where the whole is nothing."""
    return part / np.maximum(whole, 1)
