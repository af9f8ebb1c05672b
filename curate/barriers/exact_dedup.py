"""Exact duplicates: documents with equal text, payload or URL; one of each group stays.

Documents are equal if BLAKE3-128 of the compared bytes agrees, so an attacker cannot craft a text that removes
another's. The one that stays is the first by the `keep` list, then by id. Null and empty values are equal to nothing. The reason is
`duplicate`, the value the number of copies.

Two rounds: the first finds each group's winner and size, the second tells the members. Price: one pass over the text, 48 bytes a document
in the first exchange, and as much for each document that has copies in the second. Groups are walked, so a million copies need no more
memory than two.

Misses: anything that differs in a byte, unless `normalize` removes the difference; `near_dedup` finds those.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3
from pydantic import field_validator

from curate import keep as keeping
from curate.arrow import utf8
from curate.barrier import Barrier, Round, keyed
from curate.stage import DROP, THRESHOLD, VALUE
from curate.stage import Config as Base

REASON = "duplicate"
COLUMN = {"text": "text", "url": "url", "payload": "payload_digest"}


class Config(Base):
    """What counts as equal, and which copy stays."""

    by: Literal["text", "url", "payload"] = "text"
    """What is compared: the text as it is at this step, the URL as fetched, or the payload as read."""
    normalize: Literal["none", "whitespace"] = "none"
    """`whitespace`: each run of white space counts as one blank and none at the ends, when texts are compared; the text itself does not
    change."""
    keep: tuple[str, ...] = ()
    """Columns that say which copy stays, best first: numbers, booleans or times; `-` where more is better; `bytes` is the text's length.
    Then the id."""

    _keep = field_validator("keep")(keeping.check)


def _sketch(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """A row for each document that has something to compare: its digest, its rank, its address."""
    compared = batch[COLUMN[config.by]]
    if config.by == "text" and config.normalize == "whitespace":
        compared = pc.binary_join(pc.utf8_split_whitespace(pc.utf8_trim_whitespace(compared)), pa.scalar(" ", compared.type))
    view = utf8(compared)
    rows = np.flatnonzero(view.valid & (np.diff(view.offsets) > 0))
    data = view.data.data  # a memoryview: slices copy nothing
    starts, ends = view.offsets[rows].tolist(), view.offsets[rows + 1].tolist()
    digests = b"".join([blake3(data[start:end]).digest(length=16) for start, end in zip(starts, ends, strict=True)])
    key, sub = keeping.digest_keys(digests, len(rows))
    rank = keeping.as_binary(keeping.ranks(batch, config.keep)[rows])
    return keyed(key, sub, batch["id"].take(pa.array(rows)), at=batch["at"].take(pa.array(rows)), rank=rank)


def _groups(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    yield from keeping.winners(tables, ("rank",))


def _tell(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """One verdict row for every member, the keeper included: it learns how many copies it had."""
    for members, winner, stays in keeping.told(tables):
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
            copies=copies,
        )


def _rounds(config: Config) -> tuple[Round, ...]:
    return (Round(name="groups", sketch=_sketch, resolve=_groups), Round(name="tell", resolve=_tell))


def _reads(config: Config) -> tuple[str, ...]:
    return tuple(dict.fromkeys([COLUMN[config.by], *keeping.columns(config.keep)]))


exact_dedup = Barrier(
    name="exact_dedup",
    version=1,
    config=Config,
    reads=_reads,
    rounds=_rounds,
    adds={DROP: pa.string(), VALUE: pa.string(), THRESHOLD: pa.string(), "keeper": pa.binary(16), "copies": pa.int32()},
    module=__name__,
)
