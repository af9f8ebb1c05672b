"""Classifier: how good a document is, by a fastText model of the user's. After DCLM's filter (Li et al. 2024, §4.4).

The model is any supervised fastText file (.bin, .ftz); `curate classifier train` makes one from documents that are good and documents of the pool, and
says which `min_score` keeps how much. The score is the probability of `label`. DCLM takes 1 - p of the other label where that is likelier, which differs
by at most 2e-5.
Line breaks become spaces, as DCLM's do; as in fastText, a word `</s>` ends what is looked at. Without a model nothing is measured.
Misses: what the model has not seen: other languages, other kinds of text.
Price: about 18 MB of text a second and core with a small model of word pairs (fastText itself: about 26); one of gigabytes waits for memory at each pair.

column  type     meaning
label   string   the likeliest label of the model; null where there is no text
score   float64  probability of `label` of the config, 0 to 1; 0 where there is no text
"""

from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from curate import arrow
from curate.errors import SourceError
from curate.models import fasttext
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base


class Config(Base):
    """The model, and how good is good enough."""

    model: str | None = None
    """Path of a fastText model, from the current directory."""
    label: str = "hq"
    """The label whose probability is the score, without `__label__`."""
    min_score: float | None = Field(default=None, ge=0, le=1)
    """A lower score leaves as `low_quality`; null removes nothing. DCLM's model: 0.018112 keeps a tenth."""

    @model_validator(mode="after")
    def _something(self) -> "Config":
        if self.min_score is not None and self.model is None:
            raise ValueError("min_score: expected a `model` beside it, got none; name a fastText file, or leave min_score out")
        return self

    def lacks(self) -> list[str]:
        """What a recipe must add."""
        return [] if self.model else ["model: expected the path of a fastText model, got none; `curate classifier train` makes one"]


def opened(config: Config) -> fasttext.FastText:
    """The model. SourceError where it is none, or has no such label."""
    model = fasttext.load(Path(config.model or ""), "classifier")
    if config.label not in model.labels:
        near = ", ".join(get_close_matches(config.label, model.labels, 3, 0.3) or model.labels[:5])
        raise SourceError(f"classifier: label: expected a label of {config.model}, got {config.label!r}; it has {near}")
    return model


def models(config: Config) -> dict[str, str]:
    """sha256 of the model file."""
    if config.model is None:
        return {}
    opened(config)
    return {Path(config.model).name: fasttext.digest(Path(config.model))}


@stage(
    version=1,
    reads=("text",),
    adds={"label": pa.string(), "score": pa.float64()},
    rules=(Rule("low_quality", "score", "<", "min_score"),),
    models=models,
)
def classifier(batch: pa.RecordBatch, config: Config) -> Columns:
    if config.model is None:
        return {"label": pa.nulls(batch.num_rows, pa.string()), "score": pa.nulls(batch.num_rows, pa.float64())}
    model, text = opened(config), arrow.utf8(batch["text"])
    starts, ends = text.offsets[:-1], text.offsets[1:]
    best, score = model.of(config.label, starts, ends, text.data)
    names = pa.array(model.labels, pa.string())
    return {
        "label": names.take(pa.array(np.maximum(best, 0), mask=~text.valid | (best < 0))),
        "score": pa.array(score, mask=~text.valid),
    }
