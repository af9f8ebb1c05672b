"""What steps `toxicity` found, by language: documents measured, with listed words, likely toxic by the model, removed.

Counted over documents/ and removed/, since a step that only marks leaves everything in documents/ and one that removes leaves what it found in removed/.
Documents without a language (no step told it, or they left before) are one group. Price: three columns of each folder, and the languages.
"""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.card.content import STAGE_COLUMNS
from curate.card.folder import READ, Folder
from curate.schema import column

STAGE = "toxicity"
LIKELY = 0.5
COUNTS = ("documents", "listed", "likely", "removed")


def toxicity(folder: Folder) -> list[dict[str, Any]]:
    """A table for each step `toxicity`; none in a run without."""
    uses, measure = STAGE_COLUMNS["languages"]
    languages = [column(step, measure) for step in folder.using(uses)]
    steps = [step for step in folder.using(STAGE) if column(step, "num_listed") in folder.documents.names]
    return [{"step": step, "languages": _counted(folder, step, languages)} for step in steps]


def _counted(folder: Folder, step: str, languages: list[str]) -> list[dict[str, Any]]:
    counts: dict[str | None, Counter[str]] = {}
    modelled = False
    for rows in (folder.documents, folder.removed):
        for batch in rows.batches([column(step, "num_listed"), column(step, "score"), "removed_by", *languages]):
            measured = _measured(batch, step)
            told = [batch[one] for one in languages if one in batch.schema.names]
            language = pc.coalesce(*told) if told else pa.nulls(len(batch), pa.string())
            score = batch[column(step, "score")]
            modelled = modelled or score.null_count < len(score)
            masks = {
                "documents": measured,
                "listed": _true(pc.greater(batch[column(step, "num_listed")], 0)),
                "likely": _true(pc.greater(score, LIKELY)),
                "removed": _left_by(batch, f"{step}:"),
            }
            for name, mask in masks.items():
                found = language.take(pa.array(np.flatnonzero(mask & measured))).value_counts()
                for one in found.to_pylist():
                    counts.setdefault(one["values"], Counter())[name] += one["counts"]
    order = sorted(counts, key=lambda one: (-counts[one]["documents"], one or ""))
    made = [{"language": one} | {name: counts[one][name] for name in COUNTS} for one in order]
    return made if modelled else [one | {"likely": None} for one in made]


def _measured(batch: pa.RecordBatch, step: str) -> np.ndarray:
    """Rows that the step measured, those that were read twice left out."""
    return np.asarray(batch[column(step, "num_listed")].is_valid()) & ~_left_by(batch, f"{READ}:")


def _left_by(batch: pa.RecordBatch, start: str) -> np.ndarray:
    if "removed_by" not in batch.schema.names:
        return np.zeros(len(batch), dtype=bool)
    return _true(pc.starts_with(batch["removed_by"], start))


def _true(mask: pa.Array) -> np.ndarray:
    return np.asarray(pc.fill_null(mask, False))
