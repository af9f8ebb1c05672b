"""Madlad: documents in which too many sentences look like lists, fragments, tables or things that auditors have found to be wrong.

After MADLAD-400 (Kudugunta et al. 2023, §2.3), which calls such sentences questionable, and with them a document of which they are more than a fifth. A
sentence is questionable if it has twelve words or more and over half of them begin with a capital (a list), if it has fewer than 20 or more than 500
characters, if over a fifth of its characters are among 0-9 { } + / ( ) >, or if it holds one of the `cursed` strings that the recipe gives (theirs are in the
paper's appendix). `mode: dolma3` asks as Dolma 3 does: lists and cursed strings only, and a document leaves from a fifth on. Sentences end at
`.!?` before white space, as Dolma's tagger has it; lengths are characters as in the paper, where that tagger counts bytes.
Misses: their first rule, sentences in another language than the document (`language` has the share of mixed ones); ends of sentences of other scripts, so
that Chinese is one long sentence: null the lengths there (`thresholds`). Cursed strings are found whatever their case; regular expressions are not taken.
Price: about 130 MB of text a second and core, 60 with cursed strings.

column         type     meaning
num_sentences  int64    sentences with more than white space in them
list_case      int64    of these, lists by their capitals
odd_length     int64    too short or too long
technical      int64    too many technical characters
cursed         int64    those that hold a cursed string
questionable   float64  share of sentences to which one of these applies; 0 without sentences
"""

from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from curate import arrow, listed
from curate.kernels.lexicon import ALONE, Lexicon, find, kinds, lexicon
from curate.kernels.sentence_rules import CASE, LENGTH, OFF, TECHNICAL, judge_sentences, sentences
from curate.kernels.utf8 import classes
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base

_DOLMA3 = {
    "max_questionable": None,
    "least_questionable": 0.2,
    "min_sentence_chars": None,
    "max_sentence_chars": None,
    "max_technical_chars": None,
}
_CURSED = np.uint8(8)
_NO_LIMIT = np.int64(1) << 62


class Config(Base):
    """MADLAD-400's rules; null switches one off."""

    mode: Literal["madlad", "dolma3"] = "madlad"
    """`dolma3`: lists and cursed strings only, and a share of exactly the limit leaves too."""
    min_sentences: int | None = Field(default=5, ge=0)
    """Fewer sentences: `too_few_sentences`."""
    max_questionable: float | None = Field(default=0.2, ge=0, le=1)
    """A larger share of questionable sentences: `questionable`."""
    least_questionable: float | None = Field(default=None, ge=0, le=1)
    """This share or a larger one: `questionable_enough`; the limit of `mode: dolma3`."""
    max_capital_words: float | None = Field(default=0.5, ge=0, le=1)
    """A sentence with a larger share of words that begin with a capital is a list."""
    min_list_words: int = Field(default=12, ge=1)
    """A sentence of fewer words is no list."""
    min_sentence_chars: int | None = Field(default=20, ge=0)
    """A sentence of fewer characters is questionable."""
    max_sentence_chars: int | None = Field(default=500, ge=0)
    """A sentence of more characters is questionable."""
    max_technical_chars: float | None = Field(default=0.2, ge=0, le=1)
    """A sentence with a larger share of digits and { } + / ( ) > is questionable."""
    cursed: list[str] = Field(default_factory=list)
    """Strings that make a sentence questionable, wherever they stand in it."""
    cursed_files: list[str] = Field(default_factory=list)
    """Files of such strings in UTF-8, one a line; a line that begins with `# ` is a comment. `package:NAME/FILE`: of an installed package."""

    _there = field_validator("cursed_files")(listed.there)

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, values: Any) -> Any:
        return _DOLMA3 | values if isinstance(values, dict) and values.get("mode") == "dolma3" else values


def models(config: Config) -> dict[str, str]:
    """sha256 of every list file."""
    return listed.digests(config.cursed_files)


@stage(
    version=1,
    reads=("text",),
    adds={
        "num_sentences": pa.int64(),
        "list_case": pa.int64(),
        "odd_length": pa.int64(),
        "technical": pa.int64(),
        "cursed": pa.int64(),
        "questionable": pa.float64(),
    },
    rules=(
        Rule("too_few_sentences", "num_sentences", "<", "min_sentences"),
        Rule("questionable", "questionable", ">", "max_questionable"),
        Rule("questionable_enough", "questionable", ">=", "least_questionable"),
    ),
    models=models,
)
def madlad(batch: pa.RecordBatch, config: Config) -> Columns:
    text = arrow.utf8(batch["text"])
    found = sentences(text.offsets, text.data, classes())
    bits = np.zeros(len(found), dtype=np.uint8)
    low, high = config.min_sentence_chars, config.max_sentence_chars
    capitals, technical = (OFF if share is None else share for share in (config.max_capital_words, config.max_technical_chars))
    longest = _NO_LIMIT if high is None else np.int64(high)
    words = np.int64(config.min_list_words)
    judge_sentences(text.offsets, text.data, classes(), _alone(), found, words, capitals, np.int64(low or 0), longest, technical, bits)
    if config.cursed or config.cursed_files:
        matches = find(text.offsets, text.data, _searched(tuple(config.cursed), tuple(models(config).items())), False)
        bits[_within(matches.starts, matches.ends, text.offsets[found[:, :1]] + found[:, 1:])] |= _CURSED
    total = np.bincount(found[:, 0], minlength=batch.num_rows)
    measured: dict[str, np.ndarray] = {"num_sentences": total}
    for name, bit in (("list_case", CASE), ("odd_length", LENGTH), ("technical", TECHNICAL), ("cursed", _CURSED)):
        measured[name] = np.bincount(found[(bits & bit) != 0, 0], minlength=batch.num_rows)
    measured["questionable"] = np.bincount(found[bits != 0, 0], minlength=batch.num_rows) / np.maximum(total, 1)
    return {name: pa.array(values, mask=~text.valid) for name, values in measured.items()}


def _within(starts: np.ndarray, ends: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """int64[m]: the spans (int64[n, 2], rising) within which a match lies."""
    at = np.searchsorted(spans[:, 0], starts, side="right") - 1
    return np.unique(at[(at >= 0) & (ends <= spans[at, 1])]) if len(spans) else np.zeros(0, dtype=np.int64)


@lru_cache(maxsize=1)
def _alone() -> np.ndarray:
    """uint8[0x110000]: not 0 for characters of scripts without spaces."""
    return np.ascontiguousarray(kinds() & ALONE)


@lru_cache(maxsize=8)
def _searched(strings: tuple[str, ...], digests: tuple[tuple[str, str], ...]) -> Lexicon:
    return lexicon([*strings, *listed.entries([path for path, _ in digests], "madlad")])
