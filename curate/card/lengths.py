"""How long each kept document is: bytes of text and tokens by id, from the token shards, so that no text has to be read for it.

Rows of one document stand together in one shard. Ids are found by their first 8 bytes (they are hashes); where two documents share those,
by all 16. Price: 24 bytes of memory a document, and a sort. Documents that were forgotten or that mixing left out have no length here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from curate.card.folder import Folder
from curate.errors import ShardError
from curate.shards import format as layout

SIXTEEN = np.dtype("S16")


@dataclass(frozen=True)
class Lengths:
    """Documents of the shards, sorted by id."""

    keys: np.ndarray
    """uint64[n] or S16[n]."""
    text_bytes: np.ndarray
    """int64[n]."""
    tokens: np.ndarray
    """int64[n], the boundary token included."""

    def of(self, ids: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """(text bytes, tokens) int64 of each id; 0 where the shards do not hold it."""
        if len(self.keys) == 0:
            return np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
        wanted = _keys(layout.id_words(ids), self.keys.dtype == SIXTEEN)
        order = np.argsort(wanted)  # neighbours are looked up near each other: three times as fast as in the order of the rows
        at = np.empty(len(wanted), np.int64)
        at[order] = np.searchsorted(self.keys, wanted[order])
        at = np.minimum(at, len(self.keys) - 1)
        known = self.keys[at] == wanted
        return np.where(known, self.text_bytes[at], 0), np.where(known, self.tokens[at], 0)


def _keys(words: np.ndarray, whole: bool) -> np.ndarray:
    return np.ascontiguousarray(words).view("S16").reshape(-1) if whole else words[:, 0].astype(np.uint64)


def shard_batches(folder: Folder, manifest: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
    """The rows of each shard. ShardError for a file that cannot be read."""
    for entry in manifest["shards"]:
        with folder.store.open(f"shards/{entry['path']}") as source:
            try:
                yield pa.ipc.open_file(source).get_batch(0)
            except (pa.ArrowException, OSError) as error:
                raise ShardError(f"{entry['path']}: expected an Arrow IPC file, got {str(error)[:120]}; run the recipe again") from None


def of_shards(folder: Folder, manifest: Mapping[str, Any]) -> Lengths:
    """The lengths of all documents in the shards."""
    return of_batches(shard_batches(folder, manifest))


def of_batches(batches: Iterable[pa.RecordBatch]) -> Lengths:
    """The same from rows with doc_id, piece, n_bytes and tokens."""
    words, text, tokens = [], [], []
    for batch in batches:
        starts = np.flatnonzero(batch["piece"].to_numpy() == 0)
        if len(starts) == 0:
            continue
        words.append(layout.id_words(batch["doc_id"])[starts])
        text.append(batch["n_bytes"].to_numpy()[starts].astype(np.int64))
        tokens.append(np.add.reduceat(np.diff(layout.large_list_parts(batch["tokens"])[0]), starts))
    if not words:
        return Lengths(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64))
    keys = np.concatenate([_keys(one, False) for one in words])
    order = np.argsort(keys)
    keys = keys[order]
    if bool((keys[1:] == keys[:-1]).any()):
        keys = np.concatenate([_keys(one, True) for one in words])
        order = np.argsort(keys)
        keys = keys[order]
    return Lengths(keys, np.concatenate(text)[order], np.concatenate(tokens).astype(np.int64)[order])
