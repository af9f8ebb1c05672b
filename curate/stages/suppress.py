"""Suppress: documents that somebody asked to be forgotten leave again, before anything is made of them (`curate.suppress` tells the list's form).

The recipe's `suppress: FILE` puts this stage twice into the walk: before all other steps it compares ids, addresses, hosts and payloads, and before
documents are compared with each other (as `suppress_text`) the texts as they are then. What leaves leaves its id, source and place in the input; text, address
and all other columns are emptied, so that `removed/` does not keep what was to be forgotten. A steward's `keep` does not outweigh it.
Misses: copies that differ by a character; a text that a changed recipe makes otherwise; records that cannot be read at all, whose address stands in `removed/`.
Falsely finds: another page with the same bytes or text as one that was forgotten.
Price: hashes of five short values a document, 5 µs; for texts one hash of each, about 1 GB a second.

column     type    meaning
edits      int32   1 where the text was emptied
drop       string  `suppressed`
value      string  what was recognised: id, url, host, payload or text
threshold  string  the name of the first list's key
"""

from functools import lru_cache
from hashlib import sha256
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from curate import suppress as lists
from curate.errors import RecipeError
from curate.stage import VERDICT, Columns, stage
from curate.stage import Config as Base


class Config(Base):
    """Which lists, and what is looked at."""

    files: list[str] = Field(default_factory=list)
    """Lists as `curate forget` writes them, each with its key beside it."""
    by: Literal["record", "text"] = "record"
    """record: id, address, host and payload; text: the text as it is at this place of the walk."""

    @field_validator("files")
    @classmethod
    def _whole(cls, paths: list[str]) -> list[str]:
        for path in paths:
            try:
                lists.opened(path)
            except RecipeError as error:
                raise ValueError(str(error)) from None
        return paths

    def lacks(self) -> list[str]:
        """Without a list nothing is suppressed."""
        return [] if self.files else ["files: expected suppression lists, got none; give one, or take the step out"]


def models(config: Config) -> dict[str, str]:
    """sha256 of each list and of the name of its key: other entries are another task."""
    return {path: "sha256:" + sha256(lists.read(path)).hexdigest() for path in config.files}


@lru_cache(maxsize=4)
def _opened(paths: tuple[str, ...], _digests: tuple[str, ...]) -> tuple[lists.SuppressionList, ...]:
    return tuple(lists.opened(path) for path in paths)


@stage(version=1, reads=("id", "url", "payload_digest"), adds={"edits": pa.int32(), **VERDICT}, replaces=("text",), models=models)
def suppress(batch: pa.RecordBatch, config: Config) -> Columns:
    known = _opened(tuple(config.files), tuple(models(config).values()))
    columns = ("text",) if config.by == "text" else ("id", "url", "payload_digest")
    rows = list(zip(*(batch[name].to_pylist() for name in columns), strict=True)) if known else [(None,)] * batch.num_rows
    kinds = lists.first_kind(known, config.by, rows)
    hit = np.array([kind is not None for kind in kinds], dtype=bool)
    text = batch["text"]
    emptied = hit & np.asarray(text.is_valid())
    names = [known[0].hasher.name if one else None for one in hit]
    return {
        "text": pc.if_else(pa.array(hit), pa.scalar(None, text.type), text),
        "edits": pa.array(emptied.astype(np.int32), mask=np.asarray(text.is_null())),
        "drop": pa.array([lists.REASON if one else None for one in hit], pa.string()),
        "value": pa.array(kinds, pa.string()),
        "threshold": pa.array(names, pa.string()),
    }
