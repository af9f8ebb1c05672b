"""Cutting forgotten documents out of the files: only shards that hold one are written anew, under a name that carries their digest.

New files lie beside the old ones until the manifest names them, so a reader at work and a crash both find a whole corpus. What a run of
the recipe would write from the same list of forgotten ids is the same, byte for byte (engine/tokens.py names its shards alike).

Price: the touched shards and the index are read and written once; memory holds one shard.
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from curate.shards.forget import amount, by_shard, put_manifest
from curate.shards.format import INDEX, MANIFEST, ShardStat, shard_name, write_shard
from curate.shards.index import IndexStat, index_name, write_index
from curate.shards.manifest import Amount, Rewritten, build_manifest, stats_of
from curate.shards.reader import Corpus, Shard, open_shards
from curate.store import Store

CARRIED = ("left_out", "mixture")
"""What the manifest says of mixing, which forgetting does not change."""


def compact(run: Store) -> dict[str, Any]:
    """Rewrite the shards that hold forgotten documents: which, and the manifest's name before and after. Without any, nothing changes."""
    corpus = open_shards(run.full("shards"))
    stats, names = stats_of(corpus.manifest), {n: entry["path"] for n, entry in enumerate(corpus.manifest["shards"])}
    touched = []
    for number, shard, gone in by_shard(corpus, corpus.deleted):
        before = names[number]
        stats[number], names[number] = _rewrite(run, corpus, shard, number, gone)
        touched.append({"before": before, "after": names[number], "documents": stats[number].documents})
    manifest = corpus.manifest
    if touched:
        stat, index = _reindex(run, corpus)
        lost = Amount(**manifest["forgotten"]) + amount(corpus, corpus.deleted)
        rewritten = Rewritten(names=names, index=index, forgotten=lost)
        manifest = build_manifest(
            corpus.meta, stats, stat, manifest["tokenizer"]["path"], rewritten, {name: manifest[name] for name in CARRIED}
        )
        put_manifest(run, manifest)
    _sweep(run, manifest)
    return {
        "corpus_id_before": corpus.corpus_id,
        "corpus_id_after": manifest["corpus_id"],
        "rewritten": touched,
        "forgotten_in_all": manifest["forgotten"],
    }


def _rewrite(run: Store, corpus: Corpus, shard: Shard, number: int, gone: np.ndarray) -> tuple[ShardStat, str]:
    alive = np.ones(shard.batch.num_rows, dtype=bool)
    alive[gone] = False
    table = pa.Table.from_batches([shard.batch]).take(pa.array(np.flatnonzero(alive)))
    half = f"shards/{shard_name(number)}.new"
    with run.put(half) as sink:
        stat = write_shard(sink, table, corpus.meta)  # type: ignore[arg-type]
    name = shard_name(number, stat.xxh3_64)
    os.replace(run.full(half), run.full(f"shards/{name}"))
    return stat, name


def _reindex(run: Store, corpus: Corpus) -> tuple[IndexStat, str]:
    """The locator without the forgotten rows; the rows behind them move up."""
    ids, shards, rows = corpus.index()
    alive = corpus.alive()
    before = np.concatenate([[0], np.cumsum(~alive)])  # forgotten rows before each row of the corpus
    bases = np.array([shard.entry["doc_base"] for shard in corpus.shards], dtype=np.int64)[shards]
    keep = np.flatnonzero(alive[bases + rows])
    moved = (rows - (before[bases + rows] - before[bases]))[keep].astype(np.uint32)
    half = f"shards/{INDEX}.new"
    with run.put(half) as sink:
        stat = write_index(sink, ids[keep], shards[keep], moved)  # type: ignore[arg-type]
    name = index_name(stat.xxh3_64)
    os.replace(run.full(half), run.full(f"shards/{name}"))
    return stat, name


def _sweep(run: Store, manifest: Mapping[str, Any]) -> None:
    """Remove what the manifest does not name: shards as they were before, and what a compaction that was killed left."""
    entries = [*manifest["shards"], manifest["doc_index"], manifest.get("deletions") or {}]
    named = {entry.get("path") for entry in entries} | {MANIFEST}
    for name in run.list("shards"):
        if name not in named:
            run.remove(f"shards/{name}")
