"""What is in the rows: languages, licences, domains, sources, years, lengths, duplicates, orphans.

Every table is read once and in batches, the columns that are counted only. Lengths of text come from the token shards, which hold them as
numbers; only a run without shards has its texts read for them. Memory: the different values of each column (tally.py), and, where a recipe
accepts orphans, 32 bytes for each duplicate.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.arrow import one_chunk
from curate.card.folder import READ, Folder
from curate.card.tally import Tally
from curate.errors import LedgerError, ShardError
from curate.schema import column
from curate.shards import format as layout

TOP = 50
QUANTILES = {
    "min": (0, 1), "p01": (1, 100), "p10": (10, 100), "p25": (25, 100), "p50": (50, 100),
    "p75": (75, 100), "p90": (90, 100), "p99": (99, 100), "max": (1, 1),
}  # fmt: skip
"""Name → share of the documents that are not longer."""
STAGE_COLUMNS = {"languages": ("language", "label"), "licenses": ("license", "spdx"), "license_classes": ("license", "class")}
"""Fact → stage and measure; steps that use the stage for different sources are read as one column."""
ID = pa.binary(16)
READ_ERROR = f"{READ}:error"
"""Records that could not be read: they lie in removed/, but were never documents."""


def kept(folder: Folder, shards: dict[str, Any] | None) -> dict[str, Any]:
    """Counts over the documents that were kept."""
    columns = {name: [column(step, measure) for step in folder.using(uses)] for name, (uses, measure) in STAGE_COLUMNS.items()}
    columns = {name: [one for one in wanted if one in folder.documents.names] for name, wanted in columns.items()}
    tallies = {name: Tally() for name in ("sources", "domains", "years", *(name for name, found in columns.items() if found))}
    lengths = Tally()
    read = ["source", "domain", "fetched_at", *(one for found in columns.values() for one in found)]
    for batch in folder.documents.batches(read if shards is not None else [*read, "text"]):
        tallies["sources"].add(batch["source"])
        tallies["domains"].add(batch["domain"])
        tallies["years"].add(pc.year(batch["fetched_at"]))
        for name, found in columns.items():
            if found:
                tallies[name].add(pc.coalesce(*(batch[one] for one in found)))
        if shards is None:
            lengths.add(pc.fill_null(pc.binary_length(batch["text"]), 0).cast(pa.int64()))
    content: dict[str, Any] = {
        name: counts(tally, None if name in ("sources", "license_classes") else TOP) for name, tally in tallies.items()
    }
    content["years"]["top"].sort(key=lambda entry: entry["value"])
    if shards is not None:
        lengths, tokens = _shard_lengths(folder, shards)
        content["tokens_per_document"] = spread(tokens)
    content["text_bytes_per_document"] = spread(lengths)
    absent = sum(shards[name]["text_bytes"] for name in ("forgotten", "left_out")) if shards is not None else 0
    if lengths.sum + absent != folder.segments[-1].bytes_kept:
        where = f"{folder.store.root}/{'documents' if shards is None else 'shards'}"
        raise LedgerError(
            f"{where}: expected {folder.segments[-1].bytes_kept} bytes of text as in the ledger, got {lengths.sum}; run the recipe again"
        )
    return content


def counts(tally: Tally, limit: int | None = TOP) -> dict[str, Any]:
    """Top values with their documents, how many different ones there are, and how many documents have none."""
    top = [{"value": value, "documents": count} for value, count in tally.top(limit)]
    return {"distinct": tally.distinct, "missing": tally.missing, "top": top}


def spread(tally: Tally) -> dict[str, int]:
    """Quantiles of whole numbers; empty without any."""
    return dict(zip(QUANTILES, tally.quantiles(tuple(QUANTILES.values())), strict=True)) if tally.total else {}


def _shard_lengths(folder: Folder, manifest: dict[str, Any]) -> tuple[Tally, Tally]:
    """Bytes of text and tokens of every document, from the shards: rows of one document stand together in one shard."""
    text, tokens = Tally(), Tally()
    for entry in manifest["shards"]:
        with folder.store.open(f"shards/{entry['path']}") as source:
            try:
                batch = pa.ipc.open_file(source).get_batch(0)
            except (pa.ArrowException, OSError) as error:
                raise ShardError(f"{entry['path']}: expected an Arrow IPC file, got {str(error)[:120]}; run the recipe again") from None
            starts = np.flatnonzero(batch["piece"].to_numpy() == 0)
            if len(starts) == 0:
                continue
            lengths = np.diff(layout.large_list_parts(batch["tokens"])[0])
            text.add(pa.array(batch["n_bytes"].to_numpy()[starts].astype(np.int64)))
            tokens.add(pa.array(np.add.reduceat(lengths, starts)))
    return text, tokens


def removed(folder: Folder) -> tuple[dict[str, int], dict[str, int], list[dict[str, Any]]]:
    """Over the rows that left: rows by `step:reason`, documents by source, and duplicates by step."""
    steps = [step.name for step in folder.steps if column(step.name, "keeper") in folder.removed.names]
    reasons, sources = Tally(), Tally()
    keepers = {step: Tally() for step in steps}
    for batch in folder.removed.batches(["source", "removed_by", *(column(step, "keeper") for step in steps)]):
        reasons.add(batch["removed_by"])
        sources.add(batch["source"].take(pc.indices_nonzero(pc.not_equal(batch["removed_by"], READ_ERROR))))
        for step, tally in keepers.items():
            tally.add(_mine(batch, step)[column(step, "keeper")])
    duplicates = [
        {"step": step, "removed": tally.total, "clusters": tally.distinct, "largest_cluster": tally.largest + 1 if tally.total else 0}
        for step, tally in keepers.items()
    ]
    return {str(k): n for k, n in reasons.top()}, {str(k): n for k, n in sources.top()}, duplicates


def _mine(batch: pa.RecordBatch, step: str) -> pa.RecordBatch:
    """The rows that a step removed as duplicates: those for which it names a keeper."""
    mine = pc.and_(pc.starts_with(batch["removed_by"], f"{step}:"), batch[column(step, "keeper")].is_valid())
    return batch.take(pc.indices_nonzero(mine))


def orphans(folder: Folder) -> int:
    """Duplicates of which no copy is left: the keeper, or the keeper's own keeper and so on, was removed for another reason."""
    steps = [step.name for step in folder.steps if column(step.name, "keeper") in folder.removed.names]
    columns = ["id", "removed_by", *(column(step, "keeper") for step in steps)]
    pieces = [
        (mine["id"], mine[column(step, "keeper")])
        for batch in folder.removed.batches(columns)
        for step in steps
        for mine in [_mine(batch, step)]
    ]
    ids, keepers = (pa.concat_arrays([pa.array([], ID), *(piece[i] for piece in pieces)]) for i in (0, 1))
    if len(ids) == 0:
        return 0
    for _ in steps:  # each step hands a keeper on at most once
        again = pc.index_in(keepers, value_set=ids)
        keepers = pc.coalesce(keepers.take(again), keepers)
    count = 0
    for gone in _gone(folder, columns, steps):
        count += int(pc.sum(pc.is_in(keepers, value_set=gone)).as_py() or 0)
    return count


def _gone(folder: Folder, columns: Sequence[str], steps: Sequence[str]) -> Iterator[pa.Array]:
    """Ids of rows that left, but not as duplicates and not as records read twice."""
    for batch in folder.removed.batches(columns):
        other = pc.invert(pc.starts_with(batch["removed_by"], f"{READ}:"))
        for step in steps:
            as_copy = pc.and_(pc.starts_with(batch["removed_by"], f"{step}:"), batch[column(step, "keeper")].is_valid())
            other = pc.and_(other, pc.invert(as_copy))
        yield batch["id"].take(pc.indices_nonzero(other))


def contamination(folder: Folder) -> list[dict[str, Any]]:
    """By step that looks for benchmarks, and by benchmark: documents that hold items of it, those of them that the step removed, and items."""
    found = []
    for step in folder.using("decontaminate"):
        documents, left, items = Tally(), Tally(), Tally()
        for rows in (folder.documents, folder.removed):
            for batch in rows.batches([column(step, "hits"), "removed_by"]):
                row, hits = pc.list_parent_indices(batch[column(step, "hits")]), pc.list_flatten(batch[column(step, "hits")])
                items.add(_named(hits))
                once = pa.table({"row": row, "benchmark": hits.field("benchmark")}).group_by(["row", "benchmark"]).aggregate([])
                row, benchmark = (one_chunk(once[name]) for name in ("row", "benchmark"))
                documents.add(benchmark)
                if "removed_by" in batch.schema.names:
                    mine = pc.starts_with(batch["removed_by"], f"{step}:").take(row)
                    left.add(benchmark.take(pc.indices_nonzero(mine)))
        gone, different = dict(left.top()), Tally()
        different.add(pa.array([str(name).partition("\0")[0] for name, _ in items.top()], pa.string()))
        names = dict(different.top())
        benchmarks = [
            {"benchmark": name, "documents": count, "removed": gone.get(name, 0), "items": names[name]} for name, count in documents.top()
        ]
        found.append({"step": step, "benchmarks": benchmarks})
    return found


def _named(hits: pa.StructArray) -> pa.Array:
    """Benchmark and item of each hit as one string."""
    return pc.binary_join_element_wise(hits.field("benchmark"), hits.field("item"), "\0")
