"""Thresholds by language: a step's config in several settings, and which of them a document gets, by a column such as its language.

A file of thresholds is one YAML mapping (read by `curate.recipe.thresholds`, written by the barrier `percentile`):

    by: language__label
    steps:
      gopher_quality:
        de: {max_mean_word_length: 15, stop_words: [der, die, das, und, in, den, von, zu]}
        default: {min_alpha_words: 0.7}

Under each value of the column stand the fields of the step's config that differ there; `default` is for values that are not listed, and
for documents without one. All other fields are as the recipe says.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field
from ruamel.yaml import YAML

from curate.errors import StageError
from curate.stage import Config, Stage

DEFAULT = "default"


class ThresholdFile(Config):
    """What a file of thresholds says."""

    by: str | None = "language__label"
    """Column that chooses: a document gets the fields under its value there; null: `default` is for all."""
    steps: dict[str, dict[str, dict[str, Any]]] = Field(min_length=1)
    """Step (by its name in the recipe, or its stage's) → value of the column, or `default` → fields of the step's config."""
    documents: dict[str, int] = Field(default_factory=dict)
    """Documents from which the thresholds under each value were computed; told, not used."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """One step's configs, by value of a column."""

    file: str
    """Where they were read, as the recipe says it."""
    by: str | None
    configs: tuple[tuple[str, Config], ...]
    """(value, whole config), by value; a pair with DEFAULT is for all others."""

    def identity(self, stage: Stage) -> dict[str, Any]:
        """What the result depends on, as plain data: the settings and their models, not the place of the file."""
        configs = {value: config.model_dump(mode="json") for value, config in self.configs}
        models = {value: dict(stage.models(config)) for value, config in self.configs} if stage.models else {}
        return {"by": self.by, "configs": configs, "models": models}

    def groups(self, batch: pa.RecordBatch, config: Config, step: str) -> list[tuple[np.ndarray, Config]]:
        """(rows, their config) of a batch, each row once; `config` is for rows that no setting speaks of."""
        if self.by is None:
            return [(np.arange(batch.num_rows), dict(self.configs).get(DEFAULT, config))]
        if self.by not in batch.schema.names:
            raise StageError(
                f"step {step}: expected the column {self.by}, by which its thresholds differ, got {batch.schema.names}; "
                "put the step that adds it before"
            )
        settings: Mapping[str, Config] = dict(self.configs)
        values = batch[self.by].cast(pa.string())
        places = {value: i for i, value in enumerate(settings)}
        last = places.get(DEFAULT, len(places))
        place = pc.index_in(values, value_set=pa.array([value for value in settings if value != DEFAULT], pa.string()))
        named = [places[value] for value in settings if value != DEFAULT]
        code = np.array([*named, last], dtype=np.int64)[np.asarray(pc.fill_null(place, len(named)))]
        all_configs = [*settings.values(), config]
        return [(np.flatnonzero(code == one), all_configs[one]) for one in np.unique(code).tolist()]


def dumped(by: str | None, steps: Mapping[str, Mapping[str, Mapping[str, Any]]], documents: Mapping[str, int]) -> bytes:
    """A file of thresholds: one line for each value of the column."""
    lines = ["# Limits at percentiles of a corpus; a step takes them with `thresholds: <this file>`.", f"by: {json.dumps(by)}"]
    lines.append("documents:" if documents else "documents: {}")
    lines += [f"  {json.dumps(value, ensure_ascii=False)}: {count}" for value, count in documents.items()]
    lines.append("steps:" if steps else "steps: {}")
    for step, settings in steps.items():
        lines.append(f"  {step}:")
        for value, fields in settings.items():
            said = ", ".join(f"{field}: {json.dumps(limit)}" for field, limit in fields.items())
            lines.append(f"    {json.dumps(value, ensure_ascii=False)}: {{{said}}}")
    return ("\n".join(lines) + "\n").encode()


def loaded(data: bytes) -> dict[str, dict[str, dict[str, Any]]]:
    """The steps of a file that `dumped` made."""
    steps: dict[str, dict[str, dict[str, Any]]] = YAML(typ="safe", pure=True).load(data.decode())["steps"]
    return steps
