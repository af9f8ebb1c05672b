"""The places of a run beside its tables: shards, the index of its family, exports, and what was looked up beforehand."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from curate.card.folder import Folder
from curate.engine import index_forget
from curate.errors import StoreError
from curate.export import forget as exporting
from curate.export.run import EXPORTS
from curate.shards import forget as forgetting
from curate.shards.compact import compact
from curate.shards.format import MANIFEST
from curate.shards.reader import open_shards
from curate.store import Store

LOOKED_UP = ("work", "review/index")
"""Folders that hold texts and can be made anew: emptied whole."""
LEFT = {
    "review/log.jsonl": "the desk's log: notes of stewards, in their own words",
    "tokenizer": "its merges were learned from text that held the forgotten",
    "hosts": "robots.txt and its kin, as evidence of what hosts asked for",
}
"""Path → why it is left alone."""


@contextmanager
def at_hand(run: Store) -> Iterator[Store]:
    """The run itself where its files are local; else a copy of its shards and of what is known as forgotten, which `put_back` returns."""
    if run.is_local:
        yield run
        return
    run.fs.invalidate_cache()
    with tempfile.TemporaryDirectory(prefix="curate-forget-") as folder:
        twin = Store(folder)
        for path in [*run.sizes("shards"), *(one for one in run.sizes("forgotten") if one.endswith(("ids.bin", ".json")))]:
            run.copy_to(path, twin, path)
        for name in forgetting.KEEP_TEXT:
            if run.exists(name):
                Path(folder, name).mkdir()
        yield twin


def put_back(twin: Store, run: Store) -> None:
    """What changed in the copy: new files first, then the manifest that names them, then what it names no longer goes."""
    if twin.root == run.root:
        return
    before, after = run.sizes("shards") | run.sizes("forgotten"), twin.sizes("shards") | twin.sizes("forgotten")
    manifest = f"shards/{MANIFEST}"
    changed = [path for path, size in after.items() if before.get(path) != size or not path.startswith("shards/")]
    for path in sorted({*changed, manifest}, key=lambda one: (one == manifest, one)):
        twin.copy_to(path, run, path)
    for path in before:
        if path.startswith("shards/") and path not in after:
            run.remove(path)


def in_shards(run: Store, ids: set[bytes]) -> int:
    """Documents of `ids` that readers still give out."""
    if not ids or not run.exists(f"shards/{MANIFEST}"):
        return 0
    with at_hand(run) as twin:
        corpus = open_shards(twin.full("shards"))
        _known, rows = corpus.rows_of(np.array(sorted(ids), dtype="S16"))
        fresh = np.setdiff1d(rows, corpus.deleted)
        return int(forgetting.amount(corpus, fresh).documents) if len(fresh) else 0


def shards(run: Store, ids: set[bytes], erase: bool) -> dict[str, Any] | None:
    """Hide documents in the shards, and cut them out where asked; counts, and the corpus before and after. None without shards."""
    if not run.exists(f"shards/{MANIFEST}"):
        return None
    with at_hand(run) as twin:
        told = _local_shards(twin, ids, erase)
        put_back(twin, run)
    return told


def _local_shards(run: Store, ids: set[bytes], erase: bool) -> dict[str, Any]:
    corpus = open_shards(run.full("shards"))
    told: dict[str, Any] = {"documents": 0, "corpus_id_before": corpus.corpus_id, "receipt": None}
    known, rows = corpus.rows_of(np.array(sorted(ids), dtype="S16"))
    fresh = np.setdiff1d(rows, corpus.deleted)
    if len(fresh):
        wanted = np.array(sorted(ids), dtype="S16")[known]
        receipt = forgetting.forget(run, [bytes(one).ljust(16, b"\0") for one in wanted], {}, erase=compact if erase else None)
        told |= {"documents": receipt["now"]["documents"], "tokens": receipt["now"]["tokens"], "receipt": receipt["path"]}
    elif erase and len(corpus.deleted):
        compact(run)
    after = open_shards(run.full("shards"))
    return told | {"corpus_id_after": after.corpus_id, "how": "cut out of the files" if erase else "hidden by a deletion vector"}


def index(folder: Folder, run: Store, ids: set[bytes], write: bool = True) -> dict[str, Any] | None:
    """Take documents out of the index that the run's recipe names, if it wrote there."""
    said = folder.recipe.get("index")
    if not said or not said.get("write", True):
        return None
    name = said.get("run") or run.root.rstrip("/").rpartition("/")[2]
    told = index_forget.forget(Store(said["path"]), name, ids, write)
    return {"path": said["path"]} | (told or {"run": name, "not_found": True})


def exports(run: Store, named: Sequence[str]) -> list[Path]:
    """Folders of exports: those that `curate export` noted in the run, and those that are named; StoreError where a named one is none."""
    noted = [json.loads(line)["folder"] for line in run.read(EXPORTS).splitlines()] if run.exists(EXPORTS) else []
    for one in named:
        exporting.described(Path(one))
    return list(dict.fromkeys(Path(one).absolute() for one in [*noted, *named]))


def forget_exports(folders: Sequence[Path], ids: set[bytes], write: bool = True) -> list[dict[str, Any]]:
    """Write each export again without the documents; one that is not there any more is told."""
    told = []
    for folder in folders:
        half = folder.with_name(f"{folder.name}.forgetting")
        if not folder.exists() and not half.exists():
            told.append({"folder": folder.name, "not_found": True})
            continue
        try:
            before = exporting.file_hash(folder / exporting.NOTE) if (folder / exporting.NOTE).exists() else None
            count = exporting.forget(folder, ids) if write else exporting.holds(folder, ids)
        except StoreError as error:
            told.append({"folder": folder.name, "not_found": True, "why": str(error)})
            continue
        told.append({"folder": folder.name, "documents": count, "before": before, "after": exporting.file_hash(folder / exporting.NOTE)})
    return told


def empty(run: Store) -> list[str]:
    """Remove what was looked up beforehand; which there was."""
    gone = [path for path in LOOKED_UP if run.exists(path)]
    for path in gone:
        run.remove(path)
    return gone


def left(run: Store) -> dict[str, str]:
    """What is there and was left alone, and why."""
    return {path: why for path, why in LEFT.items() if run.exists(path)}
