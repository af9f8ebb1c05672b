"""Perplexity: how well an n-gram model of good text foretells a document, word by word. After CCNet (Wenzek et al. 2020), with its head, middle and tail.

The model is of our own making (`curate perplexity train`; interpolated modified Kneser-Ney as KenLM's, over folded words instead of SentencePiece's
pieces), since KenLM is on PyPI as source only. Without a model nothing is measured.
Misses: a low perplexity is no quality by itself: lists and repeated phrases have one; use a model of each language for its documents.
Price: about 30 MB of text a second and core with a model in the caches.

column      type     meaning
perplexity  float64  10 to the mean negative logarithm of the probability of a word; null where there are no words
bucket      string   head, middle or tail by the limits, or by percentiles of the texts that the model was compared with; null without either
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from curate import arrow
from curate.models import fasttext, ngram
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base

_Limit = Field(default=None, gt=0)


class Config(Base):
    """The model, and where head and tail begin."""

    model: str | None = None
    """Path of a model that `curate perplexity train` made, from the current directory."""
    head: float | None = _Limit
    """A perplexity up to this is head; null: the 30th percentile that the model has."""
    tail: float | None = _Limit
    """A higher perplexity is tail; null: the 60th percentile that the model has."""
    min_perplexity: float | None = _Limit
    """A lower perplexity leaves as `too_predictable`: repeated phrases, lists."""
    max_perplexity: float | None = _Limit
    """A higher perplexity leaves as `too_unlikely`."""
    keep: list[str] | None = None
    """Of head, middle and tail those that stay, the rest leaves as `other_bucket`; null keeps all."""

    @model_validator(mode="after")
    def _fits(self) -> "Config":
        asked = [name for name in ("head", "tail", "min_perplexity", "max_perplexity", "keep") if getattr(self, name) is not None]
        if asked and self.model is None:
            raise ValueError(f"{asked[0]}: expected a `model` beside it, got none; `curate perplexity train` makes one")
        if self.keep is not None and not set(self.keep) < {"head", "middle", "tail"}:
            raise ValueError(f"keep: expected some of head, middle and tail, got {self.keep}")
        if self.head is not None and self.tail is not None and self.head > self.tail:
            raise ValueError(f"head: expected at most tail = {self.tail}, got {self.head}")
        return self

    def lacks(self) -> list[str]:
        """What a recipe must add."""
        return [] if self.model else ["model: expected the path of an n-gram model, got none; `curate perplexity train` makes one"]


def models(config: Config) -> dict[str, str]:
    """sha256 of the model file."""
    return {} if config.model is None else {Path(config.model).name: fasttext.digest(Path(config.model))}


@stage(
    version=1,
    reads=("text",),
    adds={"perplexity": pa.float64(), "bucket": pa.string()},
    rules=(
        Rule("too_predictable", "perplexity", "<", "min_perplexity"),
        Rule("too_unlikely", "perplexity", ">", "max_perplexity"),
        Rule("other_bucket", "bucket", "not in", "keep"),
    ),
    models=models,
)
def perplexity(batch: pa.RecordBatch, config: Config) -> Columns:
    n = batch.num_rows
    if config.model is None:
        return {"perplexity": pa.nulls(n, pa.float64()), "bucket": pa.nulls(n, pa.string())}
    model, text = ngram.load(Path(config.model), "perplexity"), arrow.utf8(batch["text"])
    value = np.round(model.perplexities(text.offsets, text.data), 4)
    unknown = ~text.valid | np.isnan(value)
    head = config.head if config.head is not None else model.percentiles and model.percentiles[30]
    tail = config.tail if config.tail is not None else model.percentiles and model.percentiles[60]
    named = np.where(value <= (head or 0), "head", np.where(value > (tail or 0), "tail", "middle"))
    return {
        "perplexity": pa.array(value, mask=unknown),
        "bucket": pa.array(named.astype(object), pa.string(), mask=unknown | (head is None or tail is None)),
    }
