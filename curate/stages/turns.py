"""Turns: has a dialogue still the turns that it was read with, after steps that replaced its text?

A step that cuts lines or passages can cut the mark between two turns, or all that one of them says; such a document can no longer be given to its
speakers, and leaves. The engine puts this stage behind the last step that replaces text where the recipe is of kind `messages` or `preference`;
documents of kind `text` have no turns and no measures. Misses: words that a step moved from one turn to another. Price: one pass over the text.

column  type   meaning
lost    int64  turns that are gone, or say nothing any more
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base
from curate.turns import ROLES, apart, speakers


class Config(Base):
    """How many turns may be lost."""

    max_lost: int = 0
    """More: `lost_turns`. Above 0, documents stay that cannot be encoded."""


@stage(version=1, reads=("text",), adds={"lost": pa.int64()}, rules=(Rule("lost_turns", "lost", ">", "max_lost"),))
def turns(batch: pa.RecordBatch, config: Config) -> Columns:
    if ROLES not in batch.schema.names:
        return {"lost": pa.nulls(batch.num_rows, pa.int64())}
    offsets, contents = apart(batch["text"])
    said = np.asarray(pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(contents)), 0))
    before = np.concatenate([[0], np.cumsum(said)])
    expected = np.diff(speakers(batch[ROLES])[0])
    lost = np.abs(expected - np.diff(before[offsets])) + np.abs(expected - np.diff(offsets)) * (np.diff(offsets) > expected)
    valid = np.asarray(pc.and_(batch["text"].is_valid(), batch[ROLES].is_valid()))
    return {"lost": pa.array(lost, pa.int64(), mask=~valid)}
