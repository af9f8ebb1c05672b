"""Exact duplicates: documents with equal text, payload, URL or columns; one of each group stays.

Documents are equal if BLAKE3-128 of the compared bytes agrees, so an attacker cannot craft a text that removes
another's. The one that stays is the first by the `keep` list, then by id. Null and empty values are equal to nothing. The reason is
`duplicate`, the value the number of copies; who stays has their number too (`copies`), so that a mix can count a text as often as it was
found. `family` is the least id of a group: by it the split holds out those that a steward keeps beside each other.

Two rounds: the first finds each group's winner and size, the second tells the members. Price: one pass over the text, 48 bytes a document
in the first exchange, and as much for each document that has copies in the second. Groups are walked, so a million copies need no more
memory than two.

Where the recipe names an index, a document that equals one of an earlier run leaves too: the earlier one is its keeper, and `run` says whose it
is. An index holds 40 bytes a document.

Misses: anything that differs in a byte, unless `normalize` removes the difference; `near_dedup` finds those.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator, model_validator

from curate.arrow import Utf8, one_chunk, utf8
from curate.barrier import INDEXED, Barrier, Earlier, Memory, Round, keyed
from curate.dedup import keep as keeping
from curate.dedup import laundering
from curate.errors import RecipeError
from curate.kernels.blake3 import digests
from curate.kernels.fold import tables
from curate.kernels.shingles import folded
from curate.stage import DROP, THRESHOLD, VALUE
from curate.stage import Config as Base

REASON = "duplicate"
COLUMN = {"text": "text", "url": "url", "payload": "payload_digest"}
DIGEST_BYTES = 16


class Config(Base):
    """What counts as equal, and which copy stays."""

    by: Literal["text", "url", "payload", "columns"] = "text"
    """What is compared: the text as it is at this step, the URL as fetched, the payload as read, or the `columns`."""
    columns: tuple[str, ...] = ()
    """With `by: columns`: documents are equal if they agree in all of these; text, numbers, booleans, times or digests."""
    normalize: Literal["none", "whitespace", "words"] = "none"
    """How texts are compared; the text itself does not change. `whitespace`: each run of white space counts as one blank and none at the
    ends. `words`: as `near_dedup` sees it, without case, punctuation and diacritics, every number as 0."""
    keep: tuple[str, ...] = ()
    """Columns that say which copy stays, best first: numbers, booleans or times; `-` where more is better; `bytes` is the text's length.
    Then the id."""

    rights: str | None = None
    """Column in which copies must not contradict each other, such as `license__class`: where two members claim different things, all wait
    for a steward, as `held_laundering`. A copy that left before this step is not asked: let `license` remove after it."""

    _keep = field_validator("keep")(keeping.check)

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.by == "columns") != bool(self.columns) or len(set(self.columns)) < len(self.columns):
            raise ValueError(
                f"expected distinct `columns` with `by: columns` and none without, got {list(self.columns)} with by: {self.by}"
            )
        if self.normalize != "none" and self.by != "text":
            raise ValueError(f"expected `normalize` only with `by: text`, got {self.normalize} with by: {self.by}")
        return self


def compared(config: Config) -> tuple[str, ...]:
    """The columns in which copies agree."""
    return config.columns or (COLUMN[config.by],)


def _views(batch: pa.RecordBatch, config: Config) -> Iterator[Utf8]:
    """The bytes that are compared, a view a column."""
    for name in compared(config):
        array = batch[name]
        if pa.types.is_nested(array.type) or pa.types.is_dictionary(array.type):
            raise RecipeError(f"exact_dedup: expected a column of text, numbers, times or digests, got {name} of type {array.type}")
        if pa.types.is_fixed_size_binary(array.type):
            array = array.cast(pa.binary())
        elif not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type) or pa.types.is_binary(array.type)):
            array = array.cast(pa.string())
        if config.normalize == "whitespace":
            array = pc.binary_join(pc.utf8_split_whitespace(pc.utf8_trim_whitespace(array)), pa.scalar(" ", array.type))
        view = utf8(array)
        if config.normalize == "words":
            offsets, data = folded(view.offsets, view.data, *tables())
            view = Utf8(offsets, data, view.valid)
        yield view


def _sketch(batch: pa.RecordBatch, previous: pa.Table | None, config: Config, behind: bool = False) -> pa.Table:
    """A row for each document that has something to compare: its digest, its rank (behind those of earlier runs), its address."""
    views = list(_views(batch, config))
    full = np.logical_and.reduce([view.valid & (np.diff(view.offsets) > 0) for view in views])
    rows = np.flatnonzero(full)
    found = np.stack([_digests(view, rows) for view in views], axis=1)
    if len(views) > 1:  # equal in all columns: the digest of the digests
        offsets = np.arange(len(rows) + 1, dtype=np.int64) * (DIGEST_BYTES * len(views))
        found = _digests(Utf8(offsets, found.view(np.uint8).ravel(), full), np.arange(len(rows)))[:, None]
    words = found[:, 0].view(">u8").astype(np.uint64)
    rank = keeping.ranks(batch, config.keep)[rows]
    rank = keeping.as_binary(keeping.behind(rank) if behind else rank)
    take = pa.array(rows)
    return keyed(words[:, 0], words[:, 1], batch["id"].take(take), at=batch["at"].take(take), rank=rank)


def _digests(view: Utf8, rows: np.ndarray) -> np.ndarray:
    """BLAKE3-128 of rows of a view: uint32[rows, 4]."""
    out = np.empty((len(rows), DIGEST_BYTES // 4), dtype=np.uint32)
    digests(view.offsets, view.data, rows, out)
    return out


def _groups(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    yield from keeping.winners(tables, ("rank",))


def _tell(tables: Iterator[pa.Table], config: Config, whole: bool, earlier: Earlier) -> Iterator[pa.Table]:
    """One verdict row for every member of this run, the keeper included: it learns how many copies it had."""
    for members, winner, stays in keeping.told(tables):
        mine = np.flatnonzero(one_chunk(members["at"]).to_numpy() < INDEXED)
        if len(mine) < len(stays):
            members, winner, stays = members.take(pa.array(mine)), winner.take(pa.array(mine)), stays[mine]
        copies = winner["num"].cast(pa.int32())
        leaves = pa.array(~stays)
        yield keyed(
            members["at"].to_numpy(),
            None,
            members["id"],
            drop=pc.if_else(leaves, pa.scalar(REASON), pa.scalar(None, pa.string())),
            value=pc.if_else(leaves, copies.cast(pa.string()), pa.scalar(None, pa.string())),
            threshold=pc.if_else(leaves, pa.scalar("> 1"), pa.scalar(None, pa.string())),
            keeper=winner["id"],
            run=earlier.run_of(one_chunk(winner["at"]).to_numpy()),
            copies=copies,
            family=winner["least"],
        )


def _rounds(config: Config, earlier: Earlier = Earlier()) -> tuple[Round, ...]:
    return (
        Round(name="groups", sketch=partial(_sketch, behind=bool(earlier.runs)), resolve=_groups),
        Round(name="tell", resolve=partial(_tell, earlier=earlier)),
        *laundering.rounds(config.rights, "keeper"),
    )


def _parameters(config: Config) -> Mapping[str, Any]:
    return {"by": list(compared(config)), "normalize": config.normalize}


def _keys(batch: pa.RecordBatch, config: Config) -> pa.Table:
    return _sketch(batch, None, config.model_copy(update={"keep": ()})).drop_columns(["rank"])


def _recall(rows: pa.Table, config: Config) -> pa.Table:
    return rows.append_column("rank", keeping.as_binary(keeping.ahead(rows.num_rows, config.keep)))


def _reads(config: Config) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*compared(config), *keeping.columns(config.keep), *([config.rights] if config.rights else [])]))


exact_dedup = Barrier(
    name="exact_dedup",
    version=4,
    config=Config,
    reads=_reads,
    rounds=_rounds,
    adds={
        DROP: pa.string(),
        VALUE: pa.string(),
        THRESHOLD: pa.string(),
        "keeper": pa.binary(16),
        "run": pa.string(),
        "copies": pa.int32(),
        "family": pa.binary(16),
    },
    memory=Memory(version=1, parameters=_parameters, keys=_keys, rounds=_rounds, recall=_recall),
    module=__name__,
)
