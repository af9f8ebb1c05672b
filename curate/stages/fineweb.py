"""FineWeb: lists, menus and pages of short lines. After Penedo et al. 2024 (§3.6), with the thresholds of datatrove's filter.

Lines are separated by newlines and not stripped; blank ones do not count. Words are tokens of English, in scripts without
spaces ideographs, runs of kana and syllables, or as `words` says (`curate/words.py`).
Misses: poems, dialogue and code are treated as lists.
Price: about 130 MB of text a second and core alone, 900 behind `c4`, which leaves the number of words (`curate/scans.py`).

column           type     meaning
num_lines        int64    lines with more than white space
punct_lines      float64  lines that end in a terminal mark / lines
short_lines      float64  lines of at most `short_line_chars` characters / lines
dup_line_chars   float64  characters of lines that repeat an earlier one / characters other than newlines
newlines         float64  newlines / words
"""

import numpy as np
import pyarrow as pa
from pydantic import Field

from curate import arrow, scans
from curate.kernels.lines import measure_lines, most_newlines
from curate.kernels.marks import punctuation
from curate.kernels.slots import table
from curate.kernels.utf8 import classes
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base
from curate.words import ICU, Method

_NAMES = ("num_lines", "punct_lines", "short_lines", "dup_line_chars", "newlines")


class Config(Base):
    """The thresholds of FineWeb; null switches a rule off."""

    words: Method = "english"
    """How words are found (`curate/words.py`): `english`, spaCy's rules, with ideographs and syllables in scripts without spaces; `spacy`, the rules alone;
    `uax29`, Unicode's boundaries; `icu`, with dictionaries: pip install 'curate[words]'."""
    min_lines: int | None = Field(default=1, ge=0)
    """Fewer lines: `empty`."""
    min_punct_lines: float | None = Field(default=0.12, ge=0, le=1)
    """A smaller share of lines that end in a terminal mark: `few_line_ends`."""
    short_line_chars: int = Field(default=30, ge=0)
    """A line of at most so many characters is short."""
    max_short_lines: float | None = Field(default=0.67, ge=0, le=1)
    """A larger share of short lines: `short_lines`."""
    max_dup_line_chars: float | None = Field(default=0.01, ge=0, le=1)
    """A larger share of characters in repeated lines: `dup_line_chars`."""
    max_newlines: float | None = Field(default=0.3, ge=0)
    """More newlines a word: `list_like`."""


@stage(
    version=2,
    reads=("text",),
    distributions=ICU,
    adds={name: pa.int64() if name == "num_lines" else pa.float64() for name in _NAMES},
    rules=(
        Rule("empty", "num_lines", "<", "min_lines"),
        Rule("few_line_ends", "punct_lines", "<", "min_punct_lines"),
        Rule("short_lines", "short_lines", ">", "max_short_lines"),
        Rule("dup_line_chars", "dup_line_chars", ">", "max_dup_line_chars"),
        Rule("list_like", "newlines", ">", "max_newlines"),
    ),
)
def fineweb(batch: pa.RecordBatch, config: Config) -> Columns:
    text = arrow.utf8(batch["text"])
    out = np.zeros((batch.num_rows, len(_NAMES)))
    tokens = scans.num_tokens(batch["text"], config.words)
    lent = table(int(most_newlines(text.offsets, text.data)) + 1)
    measure_lines(text.offsets, text.data, tokens, classes(), punctuation(), config.short_line_chars, lent, np.int64(1), out)
    return {
        name: pa.array(out[:, i].astype(np.int64) if name == "num_lines" else out[:, i], mask=~text.valid) for i, name in enumerate(_NAMES)
    }
