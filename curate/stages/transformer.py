"""Transformer: how good a document is, by a small sequence classifier on a GPU, such as FineWeb-Edu's or a model of the user's.

The model is a folder as `transformers` saves it, with its tokenizer; nothing is downloaded. Only the first `max_tokens` tokens are looked at. With one output
the score is that output (FineWeb-Edu: 0 to 5), else the probability of `label`. On a CPU weights are float32. What a GPU computes may differ between
GPUs and batches in the last digits, so scores are facts of the run: rounded to 1e-4, kept in its columns, and not computed again when it goes on.
Without a model nothing is measured. Needs the packages of `curate[transformer]`.
Misses: everything behind the first tokens, and what the model has not seen.
Price: by the model; a step of its own kind in the plan, since it asks for a GPU.

column  type     meaning
score   float64  the model's output, or the probability of `label`; null where there are no tokens
"""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

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
    """Folder of the model and its tokenizer, from the current directory."""
    label: str | None = None
    """The label whose probability is the score, as the model's config names it; null for a model of one output."""
    min_score: float | None = None
    """A lower score leaves as `low_quality`; null removes nothing. FineWeb-Edu kept 2.5 and more."""
    max_tokens: int = Field(default=512, ge=2)
    """Tokens looked at, from the beginning."""
    batch: int = Field(default=32, ge=1)
    """Documents at once; those of like length stand together."""

    @model_validator(mode="after")
    def _something(self) -> "Config":
        if self.min_score is not None and self.model is None:
            raise ValueError("min_score: expected a `model` beside it, got none; name a folder with a model")
        return self

    def lacks(self) -> list[str]:
        """What a recipe must add."""
        return [] if self.model else ["model: expected the folder of a model that `transformers` saved, got none; name one"]


def models(config: Config) -> dict[str, str]:
    """sha256 over the files of the model."""
    if config.model is None:
        return {}
    folder = Path(config.model)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not (folder / "config.json").is_file():
        raise SourceError(f"transformer: expected a folder with a config.json, got {folder}; save a model there with save_pretrained")
    made = sha256()
    for path in files:
        made.update(f"{path.relative_to(folder).as_posix()} {fasttext.digest(path)}\n".encode())
    return {folder.name: "sha256:" + made.hexdigest()}


@lru_cache(maxsize=1)
def _loaded(folder: str) -> tuple[Any, Any, Any]:
    """(torch, tokenizer, model) on a GPU if there is one, once a process."""
    try:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
    except ImportError as error:
        raise SourceError(f"transformer: expected torch and transformers, got {error}; pip install 'curate[transformer]'") from None
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True, dtype="auto")
    except (OSError, ValueError) as error:
        raise SourceError(
            f"transformer: expected a sequence classifier with its tokenizer, got {folder}: {error}; correct `model`"
        ) from None
    on_gpu = torch.cuda.is_available()
    return torch, tokenizer, (model.cuda() if on_gpu else model.float()).eval()


@stage(
    version=1,
    reads=("text",),
    adds={"score": pa.float64()},
    rules=(Rule("low_quality", "score", "<", "min_score"),),
    distributions=("torch", "transformers"),
    models=models,
    resources={"gpu": 1},
)
def transformer(batch: pa.RecordBatch, config: Config) -> Columns:
    score, known = np.zeros(batch.num_rows), arrow.valid(batch["text"]).copy()
    if config.model is None:
        return {"score": pa.nulls(batch.num_rows, pa.float64())}
    torch, tokenizer, model = _loaded(config.model)
    place = _place(model, config)
    rows = np.flatnonzero(known)
    texts = [batch["text"][int(row)].as_py() for row in rows]
    encoded = [tokenizer(text[: config.max_tokens * 64], truncation=True, max_length=config.max_tokens)["input_ids"] for text in texts]
    known[rows] = [bool(one) for one in encoded]
    order = sorted((i for i in range(len(rows)) if encoded[i]), key=lambda i: (len(encoded[i]), i))
    for at in range(0, len(order), config.batch):
        some = order[at : at + config.batch]
        given = tokenizer.pad({"input_ids": [encoded[i] for i in some]}, return_tensors="pt").to(model.device)
        with torch.inference_mode():
            logits = model(**given).logits.double()
        values = logits[:, 0] if place is None else logits.softmax(dim=-1)[:, place]
        score[rows[some]] = values.cpu().numpy()
    return {"score": pa.array(score, mask=~known)}


def _place(model: Any, config: Config) -> int | None:
    """Number of the label asked for; None for a model of one output."""
    if model.config.num_labels == 1:
        return None
    named = {str(name): int(number) for number, name in model.config.id2label.items()}
    if config.label not in named:
        raise SourceError(f"transformer: label: expected one of {', '.join(named)}, got {config.label}; name the label that is the score")
    return named[config.label]
