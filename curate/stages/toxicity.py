"""Toxicity: how much of a document stands in words of a list, and what a classifier makes of it. It marks; limits remove where a recipe sets them.

Lists may hold for all languages or for one (`by_language`, by the label of a `language` step before), since a slur of one language is an everyday word of
another. The classifier is any supervised fastText model with a label for what is toxic, as Dolma's taggers are (Soldaini et al. 2024, §3.3);
`curate classifier train --labels toxic clean` makes one. No list and no model is shipped, and nothing is downloaded.
On sentences that people judged (HateCheck, Röttger et al. 2021) lists and models alike flag groups that are named together with what is said against them, so
look at `identity`'s ratios in the card before a limit is set; a list alone also removes medicine, quotation and sex education.
Misses: what is said without the words; irony; spellings made to hide a word; languages without a list or a model.
Price: about 25 MB of text a second and core with an English list (LDNOOBW) on short comments; with a model 16.

column          type     meaning
num_listed      int64    occurrences of listed words
distinct_listed int64    different listed words found
share           float64  share of the text's bytes that stand in listed words, 0 to 1; overlaps are counted once, an empty text has 0
label           string   the likeliest label of the model; null without a model or text
score           float64  probability of `label` of the config, 0 to 1; 0 where there is no text, null without a model
"""

from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator, model_validator

from curate import arrow, listed
from curate.errors import SourceError
from curate.kernels.lexicon import Lexicon, Matches, find, lexicon
from curate.models import fasttext
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base

LANGUAGE = "language__label"


class Config(Base):
    """Lists, a model, and how much is too much; null switches a rule off, and all are off until a recipe sets them."""

    words: list[str] = Field(default_factory=list)
    """Words and phrases that count in every language."""
    word_files: list[str] = Field(default_factory=list)
    """Files of such words in UTF-8, one a line; a line that begins with `# ` is a comment. `package:NAME/FILE`: of an installed package."""
    by_language: dict[str, list[str]] = Field(default_factory=dict)
    """Language label, such as en → files of words that count in documents of it only."""
    language_column: str = LANGUAGE
    """The column with the label, of a step before this one; needed for `by_language`."""
    except_words: list[str] = Field(default_factory=list)
    """Words that are taken off all lists."""
    model: str | None = None
    """Path of a fastText model, from the current directory."""
    label: str = "toxic"
    """The label whose probability is the score, without `__label__`."""
    max_listed: int | None = Field(default=None, ge=0)
    """More occurrences of listed words: `listed_words`."""
    max_share: float | None = Field(default=None, ge=0, le=1)
    """A greater share of the text in listed words: `listed_share`."""
    max_score: float | None = Field(default=None, ge=0, le=1)
    """A higher score: `toxic`."""

    _there = field_validator("word_files")(listed.there)

    @field_validator("by_language")
    @classmethod
    def _all_there(cls, files: dict[str, list[str]]) -> dict[str, list[str]]:
        return {language: listed.there(paths) for language, paths in files.items()}

    @model_validator(mode="after")
    def _something(self) -> "Config":
        if self.max_score is not None and self.model is None:
            raise ValueError("max_score: expected a `model` beside it, got none; name a fastText file, or leave max_score out")
        if (self.max_listed is not None or self.max_share is not None) and not self._lists:
            raise ValueError("max_share: expected lists of words beside it, got none; give words, word_files or by_language")
        return self

    @property
    def _lists(self) -> bool:
        return bool(self.words or self.word_files or self.by_language)

    def lacks(self) -> list[str]:
        """Something to measure by."""
        if self._lists or self.model:
            return []
        return ["words: expected lists of words or a model, got none; give words, word_files, by_language or model"]

    def also_reads(self) -> tuple[str, ...]:
        """The language, where lists go by it."""
        return (self.language_column,) if self.by_language else ()


def models(config: Config) -> dict[str, str]:
    """sha256 of every list file, and of the model."""
    digests = listed.digests([*config.word_files, *(path for paths in config.by_language.values() for path in paths)])
    if config.model is not None:
        _model(config)
        digests[Path(config.model).name] = fasttext.digest(Path(config.model))
    return digests


@stage(
    version=1,
    reads=("text",),
    adds={
        "num_listed": pa.int64(),
        "distinct_listed": pa.int64(),
        "share": pa.float64(),
        "label": pa.string(),
        "score": pa.float64(),
    },
    rules=(
        Rule("listed_words", "num_listed", ">", "max_listed"),
        Rule("listed_share", "share", ">", "max_share"),
        Rule("toxic", "score", ">", "max_score"),
    ),
    models=models,
)
def toxicity(batch: pa.RecordBatch, config: Config) -> Columns:
    text = arrow.utf8(batch["text"])
    counted = np.zeros((3, batch.num_rows), dtype=np.int64)  # occurrences, different words, bytes
    digests = tuple(models(config).items())
    for language, rows in _by_language(batch, config):
        part = text if len(rows) == batch.num_rows else arrow.utf8(batch["text"].take(pa.array(rows)))
        found = find(part.offsets, part.data, _searched(config.model_dump_json(), language, digests))
        counted[:, rows] = _counts(found, len(rows))
    share = counted[2] / np.maximum(np.diff(text.offsets), 1)
    label, score = _scored(text, config)
    return {
        "num_listed": pa.array(counted[0], mask=~text.valid),
        "distinct_listed": pa.array(counted[1], mask=~text.valid),
        "share": pa.array(share, mask=~text.valid),
        "label": label,
        "score": score,
    }


def _by_language(batch: pa.RecordBatch, config: Config) -> list[tuple[str | None, np.ndarray]]:
    """(language, int64[k] rows) for each language that has lists; None for all others."""
    if not config.by_language:
        return [(None, np.arange(batch.num_rows))]
    known = sorted(config.by_language)
    codes = np.asarray(pc.fill_null(pc.index_in(batch[config.language_column].cast(pa.string()), value_set=pa.array(known)), -1))
    groups = [(None if code < 0 else known[code], np.flatnonzero(codes == code)) for code in range(-1, len(known))]
    return [(language, rows) for language, rows in groups if len(rows)]


def _counts(found: Matches, rows: int) -> np.ndarray:
    """int64[3, rows]: occurrences, different words, bytes that stand in any of them."""
    pairs = np.unique(np.stack([found.rows, found.words], axis=1), axis=0)
    order = np.lexsort((found.starts, found.rows))
    row, start, end = found.rows[order], found.starts[order], found.ends[order]
    # positions rise from row to row, so that what an earlier word of the same row covers is a running maximum
    before = np.concatenate([[0], np.maximum.accumulate(end)[:-1]]) if len(end) else end
    fresh = np.maximum(0, end - np.maximum(start, before))
    covered = np.bincount(row, weights=fresh, minlength=rows).astype(np.int64)
    return np.stack([np.bincount(found.rows, minlength=rows), np.bincount(pairs[:, 0], minlength=rows), covered])


@lru_cache(maxsize=64)
def _searched(config_json: str, language: str | None, _digests: tuple[tuple[str, str], ...]) -> Lexicon:
    config = Config.model_validate_json(config_json)
    files = [*config.word_files, *(config.by_language[language] if language is not None else ())]
    taken = set(lexicon(config.except_words).words)
    return lexicon(word for word in lexicon([*config.words, *listed.entries(files, "toxicity")]).words if word not in taken)


def _model(config: Config) -> fasttext.FastText:
    model = fasttext.load(Path(config.model or ""), "toxicity")
    if config.label not in model.labels:
        near = ", ".join(get_close_matches(config.label, model.labels, 3, 0.3) or model.labels[:5])
        raise SourceError(f"toxicity: label: expected a label of {config.model}, got {config.label!r}; it has {near}")
    return model


def _scored(text: arrow.Utf8, config: Config) -> tuple[pa.Array, pa.Array]:
    """Likeliest label and probability of the config's."""
    rows = len(text.valid)
    if config.model is None:
        return pa.nulls(rows, pa.string()), pa.nulls(rows, pa.float64())
    model = _model(config)
    best, score = model.of(config.label, text.offsets[:-1], text.offsets[1:], text.data)
    names = pa.array(model.labels, pa.string())
    return names.take(pa.array(np.maximum(best, 0), mask=~text.valid | (best < 0))), pa.array(score, mask=~text.valid)
