"""Forgetting documents: a vector of rows that every reader passes over, at once; `compact` cuts them out of the files later.

    forgotten/ids.bin             ids of all documents ever forgotten in this run, 16 bytes each, sorted; a later `curate run` leaves them out
    forgotten/receipt-00001.json  what was asked, what was found, the manifest's name before and after
    shards/deletions-<hash>.arrow the vector: one column `row` uint64, rising numbers of rows in the corpus

The list is written first, then the vector, the manifest, the receipt: a crash in between leaves a corpus that is whole, and the same request
again finishes the work. After Delta Lake's and Lance's deletion vectors (Delta protocol, "Deletion Vectors").

Misses: `documents/` and `work/` keep the text, which the receipt says. Readers that are not ours know no vector and see the rows until
they are compacted. Price: one binary search an id; the vector is written anew each time, 8 bytes a forgotten row.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa

from curate.errors import ShardError
from curate.shards.format import MANIFEST, HashingSink, numbers, write_file
from curate.shards.manifest import Amount, named, write_manifest
from curate.shards.reader import Corpus, Shard, open_shards
from curate.store import Store

FOLDER = "forgotten"
LIST = f"{FOLDER}/ids.bin"
RECEIPT_FORMAT = "curate/forget-receipt/1"
DELETIONS_FORMAT = "curate/deletions/1"
KEEP_TEXT = ("documents", "work")
"""Folders of a run in which a forgotten document's text may still lie."""


def forget(
    run: Store, ids: Sequence[bytes], asked: Mapping[str, Sequence[str]], erase: Callable[[Store], dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Forget documents of a local run; returns the receipt, which is written too. `asked` is the request as made, for the receipt.

    Ids that are not in the shards and never were forgotten are listed as unknown. `erase`: `compact`, to cut the rows out at once.
    ShardError where no id is known.
    """
    corpus = open_shards(run.full("shards"))
    wanted = np.unique(np.array(ids, dtype="S16"))
    known, rows = corpus.rows_of(wanted)
    known |= np.isin(wanted, np.array(forgotten_ids(run).to_pylist(), dtype="S16"))
    if not known.any():
        first = _hex(wanted)[0] if len(wanted) else "no id"
        raise ShardError(f"forget: expected ids of documents in {corpus.folder}, got {len(wanted)} unknown ({first}); see `curate why`")
    fresh = np.setdiff1d(rows, corpus.deleted)
    remember(run, wanted[known])
    manifest = _publish(run, corpus, np.union1d(rows, corpus.deleted)) if len(fresh) else corpus.manifest
    receipt = {
        "asked": {kind: list(values) for kind, values in asked.items()},
        "forgotten": _hex(wanted[known]),
        "unknown": _hex(wanted[~known]),
        "now": asdict(amount(corpus, fresh)),
        "corpus_id_before": corpus.corpus_id,
        "corpus_id_after": manifest["corpus_id"],
        "deletions": manifest["deletions"],
        "shards_that_still_hold_tokens": _holding(corpus, rows) if manifest["deletions"] else [],
        "folders_that_may_hold_text": [name for name in KEEP_TEXT if run.exists(name)],
    }
    if erase is not None:
        done = erase(run)
        changed = {"corpus_id_after": done["corpus_id_after"], "deletions": None, "shards_that_still_hold_tokens": []}
        receipt |= changed | {"rewritten": done["rewritten"]}
    return write_receipt(run, receipt)


def write_receipt(run: Store, receipt: Mapping[str, Any]) -> dict[str, Any]:
    """Number a receipt, date it and put it beside the others."""
    number = 1 + sum(name.startswith("receipt-") for name in run.list(FOLDER))
    path = f"{FOLDER}/receipt-{number:05}.json"
    full = {"format": RECEIPT_FORMAT, "path": path, "at": datetime.now(UTC).isoformat(timespec="seconds")} | dict(receipt)
    run.write(path, (json.dumps(full, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass"))
    return full


def forgotten_ids(run: Store) -> pa.Array:
    """fixed_size_binary(16), sorted: every id that was forgotten in this run."""
    data = run.read(LIST) if run.exists(LIST) else b""
    if len(data) % 16:
        raise ShardError(f"{run.root}/{LIST}: expected 16 bytes an id, got {len(data)} bytes; restore it from the receipts")
    return pa.Array.from_buffers(pa.binary(16), len(data) // 16, [None, pa.py_buffer(data)])


def remember(run: Store, ids: np.ndarray) -> None:
    """Add ids S16[n] to the list."""
    held = np.frombuffer(run.read(LIST) if run.exists(LIST) else b"", dtype="S16")
    run.write(LIST, np.union1d(held, ids).astype("S16").tobytes())


def amount(corpus: Corpus, rows: np.ndarray) -> Amount:
    """Documents, rows, tokens and bytes of text at some places (int64[k], rising)."""
    sums = Amount()
    for _, shard, at in by_shard(corpus, rows):
        piece, n_bytes = (numbers(shard.batch[name])[at] for name in ("piece", "n_bytes"))
        tokens = int((shard.offsets[at + 1] - shard.offsets[at]).sum())
        sums += Amount(documents=int((piece == 0).sum()), rows=len(at), tokens=tokens, text_bytes=int(n_bytes.sum(dtype=np.int64)))
    return sums


def by_shard(corpus: Corpus, rows: np.ndarray) -> list[tuple[int, Shard, np.ndarray]]:
    """(number, shard, numbers of the rows in it) for the shards that hold any of the places (int64[k], rising)."""
    bases = [int(shard.entry["doc_base"]) for shard in corpus.shards]
    cuts = np.searchsorted(rows, [*bases, corpus.manifest["totals"]["rows"]])
    return [
        (number, shard, rows[low:high] - base)
        for number, (shard, base, low, high) in enumerate(zip(corpus.shards, bases, cuts[:-1], cuts[1:], strict=True))
        if high > low
    ]


def _publish(run: Store, corpus: Corpus, rows: np.ndarray) -> dict[str, Any]:
    """Write the vector of all forgotten rows and the manifest that names it; the vector before it goes."""
    schema = pa.schema([pa.field("row", pa.uint64(), nullable=False)], metadata={"format": json.dumps(DELETIONS_FORMAT)})
    data = BytesIO()
    sink = HashingSink(data)
    write_file(sink, pa.RecordBatch.from_arrays([pa.array(rows, pa.uint64())], schema=schema))
    path = f"deletions-{sink.hexdigest()}.arrow"
    run.write(f"shards/{path}", data.getvalue())
    entry = {"path": path, "bytes": sink.size, "xxh3_64": sink.hexdigest()} | asdict(amount(corpus, rows))
    manifest = named({**corpus.manifest, "deletions": entry})
    put_manifest(run, manifest)
    before = corpus.manifest.get("deletions")
    if before and before["path"] != path:
        run.remove(f"shards/{before['path']}")
    return manifest


def put_manifest(run: Store, manifest: Mapping[str, Any]) -> None:
    """Replace the manifest of a run's shards in one step."""
    with run.put(f"shards/{MANIFEST}") as sink:
        write_manifest(sink, manifest)  # type: ignore[arg-type]


def _holding(corpus: Corpus, rows: np.ndarray) -> list[str]:
    return [shard.path.name for _, shard, _ in by_shard(corpus, rows)]


def _hex(ids: np.ndarray) -> list[str]:
    return [bytes(one).ljust(16, b"\0").hex() for one in ids]
