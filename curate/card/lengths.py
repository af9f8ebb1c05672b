"""How long each kept document is: bytes of text and tokens by id, from the token shards, so that no text has to be read for it.

Rows of one document stand together in one shard. Ids are found by their first 8 bytes (they are hashes); where two documents share those,
by all 16. Price: 16 bytes of memory a document, twice that while they are sorted. Documents that were forgotten or that mixing left out have no length here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
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
    """uint32[n], or int64 where one is longer."""
    tokens: np.ndarray
    """uint32[n] or int64[n], the boundary token included."""

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
        return np.where(known, self.text_bytes[at], 0).astype(np.int64), np.where(known, self.tokens[at], 0).astype(np.int64)


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
    return of_batches(lambda: shard_batches(folder, manifest))


def of_batches(read: Callable[[], Iterable[pa.RecordBatch]]) -> Lengths:
    """The same from rows with doc_id, piece, n_bytes and tokens; they are read again where two ids begin alike."""
    for whole in (False, True):
        keys, text, tokens = _columns(read(), whole)
        order = np.argsort(keys)
        keys = keys[order]
        if whole or not bool((keys[1:] == keys[:-1]).any()):
            break
    return Lengths(keys, text[order], tokens[order])


def _columns(batches: Iterable[pa.RecordBatch], whole: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Key, text bytes and tokens of each document."""
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for batch in batches:
        starts = np.flatnonzero(batch["piece"].to_numpy() == 0)
        if len(starts):
            lengths = np.add.reduceat(np.diff(layout.large_list_parts(batch["tokens"])[0]), starts)
            text = batch["n_bytes"].to_numpy()[starts]
            parts.append((_keys(layout.id_words(batch["doc_id"])[starts], whole), _small(text), _small(lengths)))
    if not parts:
        return np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64)
    columns = [list(column) for column in zip(*parts, strict=True)]
    parts.clear()
    keys, text, tokens = (np.concatenate(columns.pop(0)) for _ in range(3))  # one column at a time is there twice
    return keys, text, tokens


def _small(values: np.ndarray) -> np.ndarray:
    """In 32 bits where they fit, which is nearly always."""
    return values.astype(np.uint32 if int(values.max(initial=0)) < 1 << 32 else np.int64)
