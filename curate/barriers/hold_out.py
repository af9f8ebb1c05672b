"""Which documents are held out of training together: those that any column ties to each other, each step's families and the segments of one document.

A document may be of one family by one step and of another by the next, and its segments may each be similar to something else. What is connected through
such documents gets one id, the least of all that the columns name. The split draws by it, so that no two of them stand on two sides.
Documents that the columns say nothing of stand for themselves.

Runs by itself where a recipe has a `split` and more than one such column. Price: a row of 40 bytes a document with a value, and two for each further
value, in two exchanges.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.arrow import one_chunk
from curate.barrier import Barrier, Round
from curate.dedup import families
from curate.stage import Config as Base


class Config(Base):
    """What ties documents."""

    columns: tuple[str, ...] = ()
    """Columns of ids; documents with one value in one of them belong together."""


def _sketch(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """Each document that has a value, at the first of them, and edges from that to its others."""
    columns = [one_chunk(batch[name]) for name in config.columns]
    first = pc.coalesce(*columns) if columns else pa.nulls(batch.num_rows, pa.binary(16))
    rows = pa.array(np.flatnonzero(first.is_valid()))
    parts = [families.homes(first.take(rows), one_chunk(batch["at"].take(rows)).to_numpy(), {})]
    for column in columns:
        more = pa.array(np.flatnonzero(pc.fill_null(pc.not_equal(column, first), False)))
        parts.append(families.edges(first.take(more), column.take(more), {}))
    return pa.concat_tables(parts)


def _rounds(config: Config) -> tuple[Round, ...]:
    joined, told = families.rounds()
    return (Round(name=joined.name, sketch=_sketch, resolve=joined.resolve, repeat=True), told)


def _reads(config: Any) -> tuple[str, ...]:
    return tuple(config.columns)


hold_out = Barrier(name="hold_out", version=1, config=Config, reads=_reads, rounds=_rounds, adds={"family": pa.binary(16)}, module=__name__)
