"""Forgetting in `documents/`, `removed/` and the ledger.

A forgotten document leaves `documents/`, and one row of it goes to `removed/` as `forget:forgotten`: id, source and place in the input, nothing else. One that
lay in `removed/` already stays there under its reason, emptied likewise, with the value `forgotten`. The ledger gets the line of one more segment, in which
these documents left, so that the books of the run balance as before.

New files lie beside the old ones until `forgotten/pending.json` says what takes their place; from then on a crash is mended by the next request.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.card.folder import FORGET, Folder, Rows
from curate.ledger import LEDGER, Balance, Outcome
from curate.schema import ID_MODULUS, id_sum, nameless
from curate.shards.settle import REMOVED_COLUMNS, PartWriter, text_lengths
from curate.store import File, Store, failpoint

PENDING, OPEN = "forgotten/pending.json", "forgotten/open.json"
"""What is to take effect; what has, since the last receipt."""
REASON = "forgotten"
STAY = frozenset(["id", "source", "origin", "removed_by"])
"""What an emptied row keeps."""
WHOLE_FILE = 1 << 62
NUMBER = re.compile(r"forget(\d{5})")
"""In names of files: by which rewriting they came."""


def rewrite(store: Store, folder: Folder, kept: set[bytes], removed: set[bytes]) -> None:
    """Write the new files and what is to take effect with them; `settle` makes it so."""
    number = 1 + max([int(found) for path in _paths(folder) for found in NUMBER.findall(path)], default=0)
    writing = _Writing(store, folder, number)
    documents, gone = writing.without(folder.documents, kept)
    left, emptied = writing.emptied(folder.removed, removed, gone)
    line = _line(folder, gone, number) if gone["rows"] else None
    pending = {
        "documents": _manifest(
            folder.documents, documents, {"ids": _ids(folder, gone["ids"])} if "ids" in folder.documents.manifest else {}
        ),
        "removed": _manifest(folder.removed, left, {}),
        "line": line,
        "old": writing.old,
        "number": number,
        "counts": {"documents": gone["rows"], "text_bytes": gone["bytes"], "removed": emptied},
    }
    store.write_json(PENDING, pending)
    failpoint("after_forget_pending")


def settle(store: Store) -> bool:
    """Let what is pending take effect, again if need be; whether there was anything."""
    if not store.exists(PENDING):
        return False
    pending = store.read_json(PENDING)
    for name in ("documents", "removed"):
        store.write_json(f"{name}/manifest.json", pending[name])
    failpoint("between_forget_manifests")
    if pending["line"] is not None:
        line = (json.dumps(pending["line"], sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
        books = store.read(LEDGER)
        if line not in books:
            store.write(LEDGER, books + line)
    for path in pending["old"]:
        store.remove(path)
    store.write_json(OPEN, _open(store) | {f"{pending['number']}": pending["counts"]})
    store.remove(PENDING)
    return True


def done(store: Store) -> dict[str, int]:
    """What has taken effect since the last receipt, a killed request's included: documents, text_bytes, removed."""
    sums = Counter({"documents": 0, "text_bytes": 0, "removed": 0})
    for counts in _open(store).values():
        sums.update(counts)
    return dict(sums)


def _open(store: Store) -> dict[str, Any]:
    return dict(store.read_json(OPEN)) if store.exists(OPEN) else {}


def _paths(folder: Folder) -> list[str]:
    return [file.path for rows in (folder.documents, folder.removed) for file in rows.files]


class _Writing:
    """Files that take the place of others."""

    def __init__(self, store: Store, folder: Folder, number: int):
        self.store, self.number = store, number
        limits = folder.recipe.get("limits") or {}
        self.group_rows = int(limits.get("row_group_rows") or 8192)
        self.old: list[str] = []

    def _writer(self, stem: str) -> PartWriter:
        return PartWriter(self.store, stem, file_rows=WHOLE_FILE, file_bytes=WHOLE_FILE, group_rows=self.group_rows)

    def _stem(self, path: str) -> str:
        return f"{path.removesuffix('.parquet').partition('.forget')[0]}.forget{self.number:05}"

    def without(self, rows: Rows, ids: set[bytes]) -> tuple[list[File], dict[str, Any]]:
        """The files of documents/ without some rows; and what was taken out."""
        files: list[File] = []
        gone: dict[str, Any] = {"rows": 0, "bytes": 0, "ids": 0, "stubs": []}
        for file, batches in self._touched(rows, ids, files):
            writer, schema = self._writer(self._stem(file.path)), rows.schema
            for batch, hit in batches:
                taken = batch.take(pc.indices_nonzero(hit))
                gone["rows"] += taken.num_rows
                gone["bytes"] += int(text_lengths(taken).sum())
                gone["ids"] += id_sum(taken["id"])
                gone["stubs"].append(taken.select([name for name in taken.schema.names if name in STAY]))
                writer.write(batch.take(pc.indices_nonzero(pc.invert(hit))))
            files += writer.close(schema if len(rows.files) == 1 else None)
        if not files and rows.files:  # every row is gone, but the columns stay known
            files = self._writer(self._stem(rows.files[0].path)).close(rows.schema)
        return files, gone

    def emptied(self, rows: Rows, ids: set[bytes], gone: Mapping[str, Any]) -> tuple[list[File], int]:
        """The files of removed/ with some rows emptied, and one more file for what left documents/."""
        files: list[File] = []
        count = 0
        for file, batches in self._touched(rows, ids, files):
            writer = self._writer(self._stem(file.path))
            for batch, hit in batches:
                count += int(pc.sum(hit).as_py() or 0)
                writer.write(_blank(batch, hit))
            files += writer.close(rows.schema)
        if gone["rows"]:
            writer = self._writer(f"removed/part-forget{self.number:05}")
            for stub in gone["stubs"]:
                writer.write(_stub(stub, rows.schema))
            files += writer.close(rows.schema)
        return files, count

    def _touched(self, rows: Rows, ids: set[bytes], files: list[File]) -> Any:
        """(file, its batches with a mask) of each file that holds one of the ids; the others are added to `files` as they are."""
        wanted = pa.array(sorted(ids), pa.binary(16))
        for file in rows.files:
            with rows.parquet(file) as opened:
                held = any(pc.any(pc.is_in(batch["id"], value_set=wanted)).as_py() for batch in opened.iter_batches(columns=["id"]))
            if not held or not ids:
                files.append(file)
                continue
            self.old.append(file.path)
            with rows.parquet(file) as opened:
                yield file, ((batch, pc.is_in(batch["id"], value_set=wanted)) for batch in opened.iter_batches(self.group_rows))


def _blank(batch: pa.RecordBatch, hit: pa.Array) -> pa.RecordBatch:
    """The batch with nothing left of some rows but what STAY names, and the value `forgotten`."""
    arrays = []
    for field, array in zip(batch.schema, batch.columns, strict=True):
        if field.name == "origin":
            array = nameless(array, hit)
        elif field.name == "value":
            array = pc.if_else(hit, pa.scalar(REASON, field.type), array)
        elif field.name not in STAY:
            array = pc.if_else(hit, pa.scalar(None, field.type), array)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _stub(taken: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Rows for removed/ from what stays of rows of documents/."""
    told = {"removed_by": f"{FORGET}:{REASON}", "value": REASON, "threshold": None}
    arrays = []
    for field in schema:
        if field.name in REMOVED_COLUMNS:
            arrays.append(pa.array([told[field.name]] * taken.num_rows, field.type))
        elif field.name == "origin":
            arrays.append(nameless(taken["origin"], pa.array([True] * taken.num_rows)))
        elif field.name in taken.schema.names:
            arrays.append(taken[field.name].cast(field.type))
        else:
            arrays.append(pa.nulls(taken.num_rows, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _line(folder: Folder, gone: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The ledger's line: one more segment, in which the forgotten documents leave without a text."""
    before = folder.segments[-1]
    ids = int(gone["ids"]) % ID_MODULUS
    balance = Balance(
        documents=before.kept,
        kept=before.kept - gone["rows"],
        removed=Counter({f"{FORGET}:{REASON}": gone["rows"]}),
        removed_bytes=Counter({f"{FORGET}:{REASON}": 0}),
        ids_in=before.ids_kept % ID_MODULUS,
        ids_kept=(before.ids_kept - ids) % ID_MODULUS,
        ids_removed=ids,
        bytes_in=before.bytes_kept,
        bytes_kept=before.bytes_kept - gone["bytes"],
        cut=Counter({FORGET: gone["bytes"]}),
        entered=Counter({FORGET: before.kept}),
    )
    task = f"segment{len(folder.segments)}-{FORGET}{number:05}"
    balance.check(task)
    return Outcome(task=task, kind="segment", balance=balance).line()


def _ids(folder: Folder, gone: int) -> str:
    return f"{(int(folder.documents.manifest['ids'], 16) - gone) % ID_MODULUS:032x}"


def _manifest(rows: Rows, files: list[File], facts: Mapping[str, Any]) -> dict[str, Any]:
    entries = [asdict(file) | {"path": file.path.removeprefix(f"{rows.folder}/")} for file in files]
    totals = {"rows": sum(file.rows for file in files), "text_bytes": sum(file.text_bytes for file in files)}
    return {**rows.manifest, "files": entries, **totals, **facts}
