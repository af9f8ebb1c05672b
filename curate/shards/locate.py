"""Where a document stands in the shards of a run that may lie anywhere: by the locator, less what is forgotten.

For one look-up; `reader.Corpus.find` is for many, on local files.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from curate.shards.format import MANIFEST
from curate.store import Store


def places(run: Store, doc_id: bytes) -> list[tuple[str, int]]:
    """(path of the shard in the run, row in it) of each piece of a document; empty for a run without shards and a document not in them."""
    if not run.exists(f"shards/{MANIFEST}"):
        return []
    manifest = run.read_json(f"shards/{MANIFEST}")
    entries = manifest["shards"]
    found = _rows(run, f"shards/{manifest['doc_index']['path']}", doc_id)
    gone = _deleted(run, manifest)
    return [(f"shards/{entries[s]['path']}", row) for s, row in found if entries[s]["doc_base"] + row not in gone]


def _rows(run: Store, path: str, doc_id: bytes) -> list[tuple[int, int]]:
    with run.open(path) as source:
        index = pa.ipc.open_file(source).get_batch(0)
        if index.num_rows == 0:
            return []
        ids = np.frombuffer(index["doc_id"].buffers()[1], dtype="S16")[index["doc_id"].offset :][: index.num_rows]
        low, high = (int(np.searchsorted(ids, np.array(doc_id, dtype="S16"), side=side)) for side in ("left", "right"))
        shards, rows = (index[name].to_numpy()[low:high].tolist() for name in ("shard", "row"))
    return list(zip(shards, rows, strict=True))


def _deleted(run: Store, manifest: Mapping[str, Any]) -> frozenset[int]:
    entry = manifest.get("deletions")
    if not entry:
        return frozenset()
    with run.open(f"shards/{entry['path']}") as source:
        return frozenset(pa.ipc.open_file(source).get_batch(0)["row"].to_pylist())
