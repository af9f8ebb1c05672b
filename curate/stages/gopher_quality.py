"""Gopher quality: is this prose? After Rae et al. 2021 (§A1.1), with the counts and thresholds of datatrove, which FineWeb used.

Words are tokens of English (`curate/kernels/words.py`): punctuation marks are tokens of their own and count in the ratios, which makes
the rule on letters stricter than with words split at spaces. Words of symbols only do not count towards length.
In scripts without spaces a word is an ideograph, a run of kana, an orthographic syllable of Thai, Lao, Khmer or Burmese, or by `words: icu` what its
dictionaries say; `words_by` tells. Gopher's thresholds are of English. On sentences of Tatoeba these words are 1.6 times as many as those of ICU's
dictionaries in Chinese, of one character on average, 2.1 times in Thai (1.7 characters), 1.7 times in Khmer (1.9), 0.8 times in Japanese (2.0): all below
`min_mean_word_length`, and without a stop word. So give such languages limits of their own (`thresholds:`), by the step `percentile` or by hand, as
`zh: {min_mean_word_length: 1, min_stop_words: 0}`.
Misses: every language whose function words are not in `stop_words`.
Price: about 180 MB of text a second and core alone; nearly nothing where another stage has scanned the text (`curate/scans.py`).

column             type     meaning
num_words          int64    tokens with at least one character that is no punctuation
mean_word_length   float64  characters of those / their number
hashes             float64  number signs / tokens
ellipses           float64  `...` and `…` / tokens
bullet_lines       float64  lines that begin with `•` or `-` / lines
ellipsis_lines     float64  lines that end in an ellipsis / lines
alpha_words        float64  tokens with a letter / tokens
num_stop_words     int64    different stop words found; their case counts
words_by           string   how words were found: `words`, and behind a plus how those of scripts without spaces were (`english+syllables`, `icu+dictionary`)
"""

import numpy as np
import pyarrow as pa
from pydantic import Field

from curate import arrow, scans
from curate.kernels import scan as at
from curate.kernels.quality import count_listed, stop_table
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base
from curate.words import ICU, Method, names_of


class Config(Base):
    """The thresholds of Gopher as datatrove applies them; null switches a rule off."""

    words: Method = "english"
    """How words are found (`curate/words.py`): `english`, spaCy's rules, with ideographs and syllables in scripts without spaces; `spacy`, the rules alone;
    `uax29`, Unicode's boundaries; `icu`, with dictionaries: pip install 'curate[words]'."""
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
    version=2,
    reads=("text",),
    distributions=ICU,
    adds={
        "num_words": pa.int64(),
        "mean_word_length": pa.float64(),
        "hashes": pa.float64(),
        "ellipses": pa.float64(),
        "bullet_lines": pa.float64(),
        "ellipsis_lines": pa.float64(),
        "alpha_words": pa.float64(),
        "num_stop_words": pa.int64(),
        "words_by": pa.string(),
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
    found = scans.words(text, config.words)
    tokens, words, lines = (found.counts[:, each] for each in (at.TOKENS, at.WORDS, at.LINES))
    stop_words = np.zeros(batch.num_rows, dtype=np.int64)
    count_listed(found.firsts, found.lasts, found.hashes, stop_table(config.stop_words), stop_words)
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
    columns = {name: pa.array(np.ascontiguousarray(values), mask=null) for name, values in measured.items()}
    return columns | {"words_by": names_of(found, config.words, ~null)}


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """float64: part / whole, 0 where the whole is nothing."""
    return part / np.maximum(whole, 1)
