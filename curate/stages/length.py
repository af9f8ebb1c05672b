"""Length: bytes, characters, words and lines of a document, with limits for whoever wants them.

Words are runs between white space, or what a method of `curate/words.py` finds, punctuation apart; lines hold more than white space. All limits are off by
default: no published recipe agrees on one.
Misses: languages without spaces have few runs between white space; say `words: uax29` or `icu` there, or use characters.
Price: about 220 MB of text a second and core.

column  type   meaning
bytes   int64  UTF-8 bytes
chars   int64  code points
words   int64  runs between white space (str.split), or as `words` says
lines   int64  lines (str.splitlines) with more than white space
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate import arrow, scans
from curate.kernels.lines import count_lines
from curate.kernels.scan import WORDS
from curate.kernels.utf8 import classes
from curate.kernels.words import count_split
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base
from curate.words import ICU, AnyMethod

_Limit = Field(default=None, ge=0)


class Config(Base):
    """How short is too short, how long too long; null is no limit."""

    words: AnyMethod = "spaces"
    """How words are found: `spaces`, between white space; or by a method of `curate/words.py`, punctuation marks not counted."""
    min_bytes: int | None = _Limit
    """Fewer UTF-8 bytes: `too_few_bytes`."""
    max_bytes: int | None = _Limit
    """More UTF-8 bytes: `too_many_bytes`."""
    min_chars: int | None = _Limit
    """Fewer characters: `too_few_chars`."""
    max_chars: int | None = _Limit
    """More characters: `too_many_chars`."""
    min_words: int | None = _Limit
    """Fewer words: `too_few_words`."""
    max_words: int | None = _Limit
    """More words: `too_many_words`."""
    min_lines: int | None = _Limit
    """Fewer lines: `too_few_lines`."""
    max_lines: int | None = _Limit
    """More lines: `too_many_lines`."""


@stage(
    version=1,
    reads=("text",),
    distributions=ICU,
    adds={"bytes": pa.int64(), "chars": pa.int64(), "words": pa.int64(), "lines": pa.int64()},
    rules=tuple(
        Rule(f"{reason}_{unit}", unit, "<" if limit == "min" else ">", f"{limit}_{unit}")
        for unit in ("bytes", "chars", "words", "lines")
        for limit, reason in (("min", "too_few"), ("max", "too_many"))
    ),
)
def length(batch: pa.RecordBatch, config: Config) -> Columns:
    text = arrow.utf8(batch["text"])
    words, lines = np.zeros(batch.num_rows, dtype=np.int64), np.zeros(batch.num_rows, dtype=np.int64)
    if config.words == "spaces":
        count_split(text.offsets, text.data, classes(), words)
    else:
        words = np.ascontiguousarray(scans.words(batch["text"], config.words).counts[:, WORDS])
    count_lines(text.offsets, text.data, classes(), lines)
    return {
        "bytes": pc.cast(pc.binary_length(batch["text"]), pa.int64()),
        "chars": pc.cast(pc.utf8_length(batch["text"]), pa.int64()),
        "words": pa.array(words, mask=~text.valid),
        "lines": pa.array(lines, mask=~text.valid),
    }
