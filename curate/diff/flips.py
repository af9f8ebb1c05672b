"""Documents whose fate is another in the second run: kept and removed, removed and kept, removed by another rule, in one run only.

Documents are matched by id, which is made of source, URL, time and payload: the same input gives the same ids under any recipe. Ids are
hashes, so both runs are read in ranges of ids, each small enough to be joined in memory. Records read twice and read errors are no documents.
Price: one pass over the ids of both runs for each PASS_ROWS rows of the larger one. Samples are the smallest ids of each kind: a random draw,
the same in every run of the command.
Misses: a document whose text changed and whose fate did not; `drift` sees what such changes do to the corpus.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.card.folder import READ, Folder, Rows
from curate.schema import id_words

PASS_ROWS = 1_500_000
"""Rows of one run that are joined at once, about."""
BATCH_ROWS = 65_536
KEPT, ABSENT = "kept", "absent"
EXCERPT_CHARS = 280
SHOWN = ("id", "url", "source", "removed_by", "value", "threshold", "text")


@dataclass
class Flip:
    """All documents with one pair of fates."""

    before: str
    """`kept`, `absent` or `step:reason`."""
    after: str
    documents: int = 0
    ids: list[bytes] = field(default_factory=list)
    """Of the samples."""
    samples: list[dict[str, Any]] = field(default_factory=list)
    """id, url, source, text (its beginning), and the value and threshold for which it left."""


def fates(folder: Folder, low: int, high: int) -> pa.Table:
    """`id` and `fate` of documents whose id begins with a 64-bit number in [low, high)."""
    pieces: list[pa.RecordBatch] = []
    for rows in (folder.documents, folder.removed):
        for batch in rows.batches(["id", "removed_by"], BATCH_ROWS):
            words = id_words(batch["id"])[:, 0]
            inside = (words >= np.uint64(low)) & (words <= np.uint64(high - 1))
            if "removed_by" in batch.schema.names:
                inside &= ~np.asarray(pc.starts_with(batch["removed_by"], f"{READ}:"))
            ids = batch["id"].take(pa.array(np.flatnonzero(inside)))
            if "removed_by" in batch.schema.names:
                fate = batch["removed_by"].take(pa.array(np.flatnonzero(inside))).cast(pa.string())
            else:
                fate = pa.array([""] * len(ids), pa.string())
            pieces.append(pa.record_batch({"id": ids, "fate": fate}))
    schema = pa.schema([("id", pa.binary(16)), ("fate", pa.string())])
    found = pa.Table.from_batches([piece.cast(schema) for piece in pieces], schema)
    # a record read twice may have left twice, before equal ids were looked for; kept, here the empty word, is the least
    once = found.group_by("id").aggregate([("fate", "min")])
    fate = pc.if_else(pc.equal(once["fate_min"], ""), KEPT, once["fate_min"])
    return pa.table({"id": once["id"], "fate": fate})


def passes(before: Folder, after: Folder) -> Iterator[tuple[int, int]]:
    """Ranges of ids."""
    rows = max(folder.documents.num_rows + folder.removed.num_rows for folder in (before, after))
    count = max(1, -(-rows // PASS_ROWS))
    for number in range(count):
        yield (number << 64) // count, ((number + 1) << 64) // count


def flips(before: Folder, after: Folder, samples: int = 3) -> tuple[list[Flip], int]:
    """(flips, most documents first; documents whose fate stayed)."""
    found: dict[tuple[str, str], Flip] = {}
    same = 0
    for low, high in passes(before, after):
        sides = [fates(folder, low, high) for folder in (before, after)]
        both = sides[0].join(sides[1], "id", join_type="full outer", right_suffix="_after")
        was, is_ = (pc.fill_null(both[name], ABSENT) for name in ("fate", "fate_after"))
        changed = pc.indices_nonzero(pc.not_equal(was, is_))
        same += both.num_rows - len(changed)
        moved = pa.table({"id": both["id"], "before": was, "after": is_}).take(changed).sort_by("id")
        for pair in moved.group_by(["before", "after"]).aggregate([("id", "count")]).to_pylist():
            flip = found.setdefault((pair["before"], pair["after"]), Flip(pair["before"], pair["after"]))
            flip.documents += pair["id_count"]
            if len(flip.ids) < samples:
                mine = pc.and_(pc.equal(moved["before"], flip.before), pc.equal(moved["after"], flip.after))
                flip.ids += moved["id"].take(pc.indices_nonzero(mine)[: samples - len(flip.ids)]).to_pylist()
    ordered = sorted(found.values(), key=lambda flip: (-flip.documents, flip.before, flip.after))
    _fill(ordered, before, after)
    return ordered, same


def _fill(found: Sequence[Flip], before: Folder, after: Folder) -> None:
    """The rows of the samples: of the run in which a rule spoke, the second before the first; of the one that has the document."""
    wanted = sorted({one for flip in found for one in flip.ids})
    was, is_ = (
        {row["id"]: row for rows in (folder.documents, folder.removed) for row in rows_of(rows, wanted)} for folder in (before, after)
    )
    for flip in found:
        for one in flip.ids:
            row = is_[one] if flip.before == ABSENT or flip.after not in (KEPT, ABSENT) else was[one]
            text = (was.get(one) or is_[one])["text"] or ""
            sample = {name: row.get(name) for name in SHOWN if name not in ("id", "text", "removed_by")}
            flip.samples.append({"id": one.hex(), **sample, "text": text[:EXCERPT_CHARS]})


def rows_of(rows: Rows, ids: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """Rows by id, records read twice left out: ids are read everywhere, other columns only in row groups that hold one."""
    wanted = pa.array(ids, pa.binary(16))
    columns = [name for name in SHOWN if name in rows.names]
    for file in rows.files if ids else ():
        with rows.parquet(file) as opened:
            for number in range(opened.num_row_groups):
                here = pc.indices_nonzero(pc.is_in(rows.group(file, opened, number, ["id"])["id"], value_set=wanted))
                if len(here):
                    for row in rows.group(file, opened, number, columns).take(here).to_pylist():
                        if not str(row.get("removed_by", "")).startswith(f"{READ}:"):
                            yield row
