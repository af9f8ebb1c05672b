"""Open a folder of token shards: memory-mapped, a document's tokens by number without a Python object per token.

After training.md §7.2. Opening compares the manifest with what lies there (sizes, footers, rows, tokens, highest id, metadata of each
shard), which reads a few kilobytes a shard; `verify` reads every byte. Views keep their file mapped, so they outlive the corpus.

A forgotten document is not there: rows are numbered without those in the manifest's deletion vector, and no function gives one out. Only
`shards`, `deleted`, `rows_of` and `index` speak of the files as they lie, for those who rewrite them.

Misses: damage inside a file that keeps its size is found by `verify` only. Local folders only: a memory map needs a file.
"""

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from curate.errors import ShardError
from curate.shards import format as layout
from curate.shards.format import ShardMeta, large_list_parts
from curate.shards.manifest import read_manifest


@dataclass(frozen=True)
class Shard:
    """One open shard. offsets: int64[rows + 1]; tokens: uint16 or uint32[tokens]; both views of the mapped file."""

    path: Path
    entry: Mapping[str, Any]
    batch: pa.RecordBatch
    offsets: np.ndarray
    tokens: np.ndarray
    memory: mmap.mmap

    def ids(self) -> np.ndarray:
        """S16[rows]: document ids. numpy drops zero bytes at the end of a single value; compare whole arrays, or use `bytes_id`."""
        return _ids(self.batch["doc_id"])


class Corpus:
    """All shards of a folder. Rows are numbered through the shards in the manifest's order, forgotten documents left out; a piece of a long
    document is a row. The *place* of a row is its number with forgotten rows counted."""

    def __init__(
        self, folder: Path, manifest: Mapping[str, Any], meta: ShardMeta, shards: list[Shard], index: pa.RecordBatch, deleted: np.ndarray
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.meta = meta
        self.shards = shards
        self.deleted = deleted
        """int64[k]: places of forgotten rows, rising."""
        self._index_ids, self._index_shards, self._index_rows = _ids(index["doc_id"]), index["shard"].to_numpy(), index["row"].to_numpy()
        self._bases = np.array([shard.entry["doc_base"] for shard in shards] + [manifest["totals"]["rows"]], dtype=np.int64)
        self._live = np.flatnonzero(self.alive()) if len(deleted) else None
        """int64[rows]: the place of each row; None where they are the same."""

    @property
    def corpus_id(self) -> str:
        """The digest that names exactly these shards."""
        return str(self.manifest["corpus_id"])

    @property
    def num_rows(self) -> int:
        return int(self.manifest["totals"]["rows"]) - len(self.deleted)

    @property
    def num_tokens(self) -> int:
        return int(self.manifest["totals"]["tokens"]) - int((self.manifest.get("deletions") or {}).get("tokens", 0))

    def alive(self) -> np.ndarray:
        """bool[places]: whether the row at a place is not forgotten."""
        mask = np.ones(int(self.manifest["totals"]["rows"]), dtype=bool)
        mask[self.deleted] = False
        return mask

    def row_tokens(self, row: int) -> np.ndarray:
        """uint16 or uint32 view: the tokens of a row. IndexError past the end."""
        if not 0 <= row < self.num_rows:
            raise IndexError(f"corpus row: expected 0..{self.num_rows - 1}, got {row}")
        place = row if self._live is None else int(self._live[row])
        number = int(np.searchsorted(self._bases, place, side="right")) - 1
        shard, at = self.shards[number], place - int(self._bases[number])
        return shard.tokens[shard.offsets[at] : shard.offsets[at + 1]]

    def learned_spans(self, row: int) -> np.ndarray:
        """int64[k, 2]: (start, end) of what is learned of a row's tokens. ShardError for shards of texts, of which all is."""
        if not 0 <= row < self.num_rows:
            raise IndexError(f"corpus row: expected 0..{self.num_rows - 1}, got {row}")
        place = row if self._live is None else int(self._live[row])
        number = int(np.searchsorted(self._bases, place, side="right")) - 1
        return self._list_of(number, place - int(self._bases[number]), "learned").astype(np.int64).reshape(-1, 2)

    def rejected_of(self, doc_id: bytes) -> np.ndarray:
        """uint16 or uint32: the rejected answer of a preference; none where the document is not in the corpus."""
        answers = [self._list_of(number, row, "rejected") for number, row in self.find(doc_id)]
        return answers[0] if answers else np.empty(0, dtype=np.uint16)

    def _list_of(self, number: int, row: int, name: str) -> np.ndarray:
        if name not in layout.shard_schema(self.meta).names:
            raise ShardError(f"column {name}: expected shards that have it, got shards of kind {self.meta.kind}; see FORMAT.md")
        return large_list_parts(self.shards[number].batch[name].slice(row, 1))[1]

    def _is_deleted(self, place: int) -> bool:
        at = int(np.searchsorted(self.deleted, place))
        return at < len(self.deleted) and int(self.deleted[at]) == place

    def document_tokens(self, doc_id: bytes) -> np.ndarray | None:
        """uint16 or uint32: all tokens of a document (a view, or a copy where it has several pieces); None where it is not in the corpus."""
        views = [shard.tokens[shard.offsets[row] : shard.offsets[row + 1]] for at, row in self.find(doc_id) for shard in [self.shards[at]]]
        if not views:
            return None
        return views[0] if len(views) == 1 else np.concatenate(views)

    def count_tokens(self) -> np.ndarray:
        """int64[vocab_size]: how often each token stands in the corpus."""
        counts, alive = np.zeros(self.meta.vocab_size, dtype=np.int64), self.alive()
        for shard, base in zip(self.shards, self._bases[:-1].tolist(), strict=True):
            for start in range(0, len(shard.tokens), 1 << 24):  # bincount makes int64 of what it is given
                counts += np.bincount(shard.tokens[start : start + (1 << 24)], minlength=len(counts))
            for row in np.flatnonzero(~alive[base : base + shard.batch.num_rows]).tolist():
                counts -= np.bincount(shard.tokens[shard.offsets[row] : shard.offsets[row + 1]], minlength=len(counts))
        return counts

    def lengths(self) -> np.ndarray:
        """int64[rows]: tokens in each row, the boundary token included."""
        return self._living(np.concatenate([np.diff(shard.offsets) for shard in self.shards] or [np.empty(0, dtype=np.int64)]))

    def column(self, name: str) -> np.ndarray:
        """A column of numbers over all rows (n_bytes, source, license, src_container, src_offset, piece, pieces)."""
        dtype = layout.shard_schema(self.meta).field(name).type.to_pandas_dtype()
        parts = [shard.batch[name].to_numpy() for shard in self.shards if shard.batch.num_rows]
        return self._living(np.concatenate(parts) if parts else np.empty(0, dtype=dtype))

    def ids(self) -> np.ndarray:
        """S16[rows]: document ids of all rows."""
        return self._living(self._all_ids())

    def _all_ids(self) -> np.ndarray:
        return np.concatenate([shard.ids() for shard in self.shards] or [np.empty(0, dtype="S16")])

    def _living(self, values: np.ndarray) -> np.ndarray:
        return values if self._live is None else values[self._live]

    def find(self, doc_id: bytes) -> list[tuple[int, int]]:
        """(shard, row in it) of each piece of a document, first piece first; empty where the id is not in the corpus. O(log rows)."""
        if len(doc_id) != 16:
            raise ShardError(f"find: expected an id of 16 bytes, got {len(doc_id)}; give all 32 hex digits")
        key = np.array(doc_id, dtype="S16")
        at = int(np.searchsorted(self._index_ids, key))
        found = []
        while at < len(self._index_ids) and self._index_ids[at] == key:
            shard, row = int(self._index_shards[at]), int(self._index_rows[at])
            if not (len(self.deleted) and self._is_deleted(int(self._bases[shard]) + row)):
                found.append((shard, row))
            at += 1
        return found

    def rows_of(self, doc_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(known bool[n], places int64[k] rising) of many ids S16[n]: all their rows, those forgotten before included."""
        low, high = (np.searchsorted(self._index_ids, doc_ids, side=side) for side in ("left", "right"))
        counts = high - low
        at = np.repeat(low - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
        rows = self._bases[:-1][self._index_shards[at]] + self._index_rows[at] if len(at) else np.empty(0, dtype=np.int64)
        return counts > 0, np.unique(rows.astype(np.int64))

    def index(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The locator: (ids S16[rows], shards uint32[rows], rows uint32[rows]), sorted by id, shard and row; forgotten rows included."""
        return self._index_ids, self._index_shards, self._index_rows

    def verify(self) -> None:
        """Read every byte: checksums of all files, ids in range, offsets in order, counts, each index row at its document."""
        for shard in self.shards:
            _verify_shard(shard, self.meta)
        for entry in (self.manifest["doc_index"], self.manifest.get("deletions")):
            if entry:
                _verify_hash(self.folder / entry["path"], entry)
        self._verify_index()
        deletions = self.manifest.get("deletions")
        found = int(self.manifest["totals"]["tokens"] - self.lengths().sum())
        if deletions and found != deletions["tokens"]:
            raise ShardError(
                f"{deletions['path']}: expected {deletions['tokens']} tokens in its rows, got {found}; copy it together with the manifest"
            )

    def _verify_index(self) -> None:
        ids, rows = self._all_ids(), np.empty(0, dtype=np.int64)
        if len(self._index_ids) and int(self._index_shards.max()) < len(self.shards):
            rows = self._bases[:-1][self._index_shards] + self._index_rows
        if (
            len(rows) != len(ids)
            or not np.array_equal(np.sort(rows), np.arange(len(ids)))
            or not np.array_equal(ids[rows], self._index_ids)
        ):
            raise ShardError(
                f"{self.manifest['doc_index']['path']}: expected each of {len(ids)} rows once under its id, got another order; "
                "write the shards again"
            )

    def check_tokenizer(self, path: str | Path | None = None) -> Path:
        """Refuse a tokenizer file that did not make these shards; returns its path. Default: the one the manifest names."""
        path = Path(path) if path is not None else self.folder / self.manifest["tokenizer"]["path"]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ShardError(f"tokenizer: expected a tokenizer.json, got {path} ({error.strerror}); say where it lies") from None
        fingerprint = layout.tokenizer_fingerprint(data)
        if fingerprint != self.meta.tokenizer_fingerprint:
            raise ShardError(
                f"tokenizer {path}: expected fingerprint {self.meta.tokenizer_fingerprint} as in the shards, got {fingerprint}; "
                "give the tokenizer that encoded them"
            )
        return path


def open_shards(folder: str | Path) -> Corpus:
    """Open and compare a folder of shards with its manifest. ShardError for what is missing, cut short or of another run."""
    folder = Path(folder)
    manifest = read_manifest(folder)
    meta = ShardMeta.from_manifest(manifest)
    schema = layout.shard_schema(meta)
    shards = [_open_shard(folder / entry["path"], entry, meta, schema) for entry in manifest["shards"]]
    return Corpus(folder, manifest, meta, shards, _open_index(folder, manifest), _open_deletions(folder, manifest))


def bytes_id(ids: np.ndarray, row: int) -> bytes:
    """The 16 bytes of one id in an S16 array, zero bytes at the end included."""
    return bytes(ids[row]).ljust(16, b"\0")


def _map(path: Path, entry: Mapping[str, Any]) -> tuple[mmap.mmap, pa.RecordBatch]:
    """The mapped file and its only batch, after a check of its size."""
    try:
        with path.open("rb") as file:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise ShardError(f"{path.name}: expected a file of {entry['bytes']} bytes, got none; copy the whole folder") from None
    except ValueError:
        raise ShardError(f"{path.name}: expected {entry['bytes']} bytes, got 0; copy the file again") from None
    if len(memory) != entry["bytes"]:
        word = "cut short or of another run" if len(memory) < entry["bytes"] else "of another run"
        raise ShardError(f"{path.name}: expected {entry['bytes']} bytes, got {len(memory)} ({word}); copy shards and manifest together")
    try:
        reader = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(memory)))
        if reader.num_record_batches != 1:
            raise ShardError(f"{path.name}: expected one record batch, got {reader.num_record_batches}; write the shards again")
        return memory, reader.get_batch(0)
    except (pa.ArrowInvalid, OSError) as error:
        raise ShardError(f"{path.name}: expected an Arrow IPC file, got {str(error)[:120]}; copy the file again") from None


def _open_shard(path: Path, entry: Mapping[str, Any], meta: ShardMeta, schema: pa.Schema) -> Shard:
    memory, batch = _map(path, entry)
    if hasattr(mmap, "MADV_RANDOM"):
        memory.madvise(mmap.MADV_RANDOM)  # training visits documents in an order of its own: reading ahead fetches what is not wanted
    found, expected = dict(batch.schema.metadata or {}), schema.metadata
    for key in [*expected, *found] if found != expected else ():
        if found.get(key) != expected.get(key):
            raise ShardError(
                f"{path.name}: expected {key.decode()} {_short(expected.get(key))} as in the manifest, got {_short(found.get(key))}; "
                "do not mix the shards of two runs"
            )
    if not batch.schema.equals(schema):
        raise ShardError(f"{path.name}: expected columns {schema.names}, got {batch.schema.names}; write the shards again")
    offsets, tokens = large_list_parts(batch["tokens"])
    if (batch.num_rows, len(tokens)) != (entry["rows"], entry["tokens"]):
        raise ShardError(
            f"{path.name}: expected {entry['rows']} rows and {entry['tokens']} tokens, got {batch.num_rows} and {len(tokens)}; "
            "copy shards and manifest together"
        )
    if entry["max_token"] is not None and entry["max_token"] >= meta.vocab_size:
        raise ShardError(f"{path.name}: expected ids below {meta.vocab_size}, got {entry['max_token']}; write the shards again")
    return Shard(path, entry, batch, offsets, tokens, memory)


def _open_index(folder: Path, manifest: Mapping[str, Any]) -> pa.RecordBatch:
    entry = manifest["doc_index"]
    _, batch = _map(folder / entry["path"], entry)
    if batch.num_rows != manifest["totals"]["rows"]:
        raise ShardError(
            f"{entry['path']}: expected {manifest['totals']['rows']} rows, got {batch.num_rows}; copy it together with the manifest"
        )
    return batch


def _open_deletions(folder: Path, manifest: Mapping[str, Any]) -> np.ndarray:
    """int64[k]: the deletion vector, rising row numbers; empty where nothing is forgotten."""
    entry = manifest.get("deletions")
    if not entry:
        return np.empty(0, dtype=np.int64)
    _, batch = _map(folder / entry["path"], entry)
    rows = batch["row"].to_numpy().astype(np.int64)
    if len(rows) != entry["rows"] or (np.diff(rows) < 1).any() or (len(rows) and int(rows[-1]) >= manifest["totals"]["rows"]):
        raise ShardError(
            f"{entry['path']}: expected {entry['rows']} rising rows below {manifest['totals']['rows']}, got {len(rows)}"
            f"{f' up to {rows[-1]}' if len(rows) else ''}; copy it together with the manifest"
        )
    return rows


def _verify_shard(shard: Shard, meta: ShardMeta) -> None:
    _verify_hash(shard.path, shard.entry)
    if len(shard.tokens) and int(shard.tokens.max()) >= meta.vocab_size:
        raise ShardError(f"{shard.path.name}: expected ids below {meta.vocab_size}, got {int(shard.tokens.max())}; write the shards again")
    if (np.diff(shard.offsets) < 1).any():
        raise ShardError(f"{shard.path.name}: expected rising offsets, got {int(np.diff(shard.offsets).min())}; write the shards again")


def _verify_hash(path: Path, entry: Mapping[str, Any]) -> None:
    digest = xxhash.xxh3_64()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    if digest.hexdigest() != entry["xxh3_64"]:
        raise ShardError(f"{path.name}: expected xxh3_64 {entry['xxh3_64']}, got {digest.hexdigest()}; the file is damaged: copy it again")


def _ids(column: pa.Array) -> np.ndarray:
    if len(column) == 0:
        return np.empty(0, dtype="S16")
    return np.frombuffer(column.buffers()[1], dtype="S16")[column.offset : column.offset + len(column)]


def _short(value: bytes | None) -> str:
    text = "none" if value is None else value.decode("utf-8", "replace")
    return text if len(text) <= 90 else text[:87] + "…"
