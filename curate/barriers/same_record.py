"""Records read twice: rows with equal ids are one record; the first by (container, offset) stays.

The id is a digest of source, native id or URL, fetch time and payload, so equal ids mean that the same record lies in two files, that two
globs of the input overlap, or that lines of one file repeat. The engine inserts this barrier after reading; its columns are called
`read__…`. The value names where the record that stays lies, as `container@offset`. Two rows that also agree in container and offset are
one read twice over; either stays, they are equal in every column.

Rounds and price: as `exact_dedup`, without a pass over the text.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.arrow import one_chunk
from curate.barrier import Barrier, Round, keyed
from curate.dedup import keep as keeping
from curate.stage import DROP, THRESHOLD, VALUE
from curate.stage import Config as Base

REASON = "same_record"


class Config(Base):
    """Nothing can be chosen: the same record must not be counted twice."""


def _sketch(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """A row for every document: its id as key, its place as rank."""
    ids = one_chunk(batch["id"])
    key, sub = keeping.digest_keys(b"".join(ids.to_pylist()), len(ids))
    container, offset = (pc.struct_field(batch["origin"], name) for name in ("container", "offset"))
    return keyed(key, sub, ids, at=batch["at"], container=container, offset=offset)


def _groups(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    yield from keeping.winners(tables, ("container", "offset"))


def _tell(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """One verdict row for every record that was read before."""
    for members, winner, stays in keeping.told(tables):
        leaves = pa.array(np.flatnonzero(~stays))
        if len(leaves) == 0:
            continue
        first = winner.take(leaves)
        place = pc.binary_join_element_wise(pc.fill_null(first["container"], ""), pc.fill_null(first["offset"].cast(pa.string()), ""), "@")
        yield keyed(
            members["at"].take(leaves).to_numpy(),
            None,
            members["id"].take(leaves),
            drop=pa.array([REASON] * len(leaves), pa.string()),
            value=place.cast(pa.string()),
            threshold=pa.nulls(len(leaves), pa.string()),
        )


def _rounds(config: Config) -> tuple[Round, ...]:
    return (Round(name="groups", sketch=_sketch, resolve=_groups), Round(name="tell", resolve=_tell))


def _reads(config: Config) -> tuple[str, ...]:
    return ("origin",)


same_record = Barrier(
    name="same_record",
    version=1,
    config=Config,
    reads=_reads,
    rounds=_rounds,
    adds={DROP: pa.string(), VALUE: pa.string(), THRESHOLD: pa.string()},
    module=__name__,
)
