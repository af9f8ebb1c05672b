"""Splitting: documents that a step has cut leave as such, and their segments go on as documents.

Documents + born = kept + split, in rows, in the sum of ids, and in bytes of text, of which what lay between the segments was cut.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from curate.arrow import utf8
from curate.schema import column, document_id, id_sum
from curate.shards.settle import text_lengths


@dataclass(frozen=True)
class Split:
    """Kept rows after splitting."""

    kept: pa.RecordBatch
    """Documents that stayed whole and segments, in order."""
    born: int
    split: int
    ids_born: int
    """Sums of ids, mod 2^128."""
    ids_split: int
    cut: int
    """UTF-8 bytes between segments."""


def split(kept: pa.RecordBatch, step: str, spans: str) -> Split:
    """Replace each row whose column `spans` of the step (list<int64>: starts and ends in bytes of the text, by turns) has some by its segments.

    A segment gets an id of its own and the step's columns `parent`, `start`, `end`, `number`; the column `spans` goes, `raw` becomes null, all
    else is the parent's.
    """
    name = column(step, spans)
    bounds = kept[name]
    rest = kept.select([other for other in kept.schema.names if other != name])
    counts = np.asarray(bounds.value_lengths().fill_null(0)) // 2
    if not counts.any():
        return Split(rest, 0, 0, 0, 0, 0)
    whole = np.maximum(counts, 1)
    rows = np.repeat(np.arange(len(counts)), whole)
    born = counts[rows] > 0
    wide = rest.drop_columns([big for big in ("text", "raw") if big in rest.schema.names]).take(pa.array(rows))  # not once a segment
    made = _segments(kept["text"], bounds, wide, rows, born, step)
    made[column(step, "number")] = np.arange(len(rows)) - np.repeat(np.cumsum(whole) - whole, whole)
    if "raw" in rest.schema.names:
        made["raw"] = rest["raw"].take(pa.array(rows, mask=born))
    arrays = [pa.array(made[field.name], field.type) if field.name in made else wide[field.name] for field in rest.schema]
    after = pa.RecordBatch.from_arrays(arrays, schema=rest.schema)
    gone = kept["id"].take(pa.array(np.flatnonzero(counts)))
    return Split(
        kept=after,
        born=int(born.sum()),
        split=len(gone),
        ids_born=id_sum(after["id"].take(pa.array(np.flatnonzero(born)))),
        ids_split=id_sum(gone),
        cut=int(text_lengths(kept).sum() - text_lengths(after).sum()),
    )


def _segments(
    text: pa.Array, bounds: pa.Array, wide: pa.RecordBatch, rows: np.ndarray, born: np.ndarray, step: str
) -> dict[str, list[Any]]:
    """The columns of segments that are not their parents': text, id, and where they stood."""
    held, pairs = utf8(text), np.asarray(bounds.flatten()).reshape(-1, 2)
    texts: list[str | None] = [None if segment else text[int(row)].as_py() for row, segment in zip(rows, born, strict=True)]
    columns = {name: wide[name].to_pylist() for name in ("id", "source", "fetched_at", column(step, "start"), column(step, "end"))}
    ids, sources, fetched, starts, ends = columns.values()
    parents: list[bytes | None] = [None] * len(rows)
    for row, (start, end) in zip(np.flatnonzero(born).tolist(), pairs.tolist(), strict=True):
        first = int(held.offsets[rows[row]])
        payload = held.data[first + start : first + end].tobytes()
        parents[row], starts[row], ends[row], texts[row] = ids[row], start, end, payload.decode()
        ids[row] = document_id(sources[row], f"{ids[row].hex()}:{start}-{end}", fetched[row], payload)
    return {"id": ids, "text": texts, column(step, "parent"): parents, column(step, "start"): starts, column(step, "end"): ends}
