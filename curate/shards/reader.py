"""Open a folder of token shards: memory-mapped, a document's tokens by number without a Python object per token.

After training.md §7.2. Opening compares the manifest with what lies there (sizes, footers, rows, tokens, highest id, metadata of each
shard), which reads a few kilobytes a shard; `verify` reads every byte. Views keep their file mapped, so they outlive the corpus.

Misses: damage inside a file that keeps its size is found by `verify` only. Local folders only: a memory map needs a file.
"""

import json
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
    """All shards of a folder. Rows are numbered through the shards in the manifest's order; a piece of a long document is a row."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any], meta: ShardMeta, shards: list[Shard], index: pa.RecordBatch) -> None:
        self.folder = folder
        self.manifest = manifest
        self.meta = meta
        self.shards = shards
        self._index = index
        self._index_ids = _ids(index["doc_id"])
        self._bases = np.array([shard.entry["doc_base"] for shard in shards] + [manifest["totals"]["rows"]], dtype=np.int64)

    @property
    def corpus_id(self) -> str:
        """The digest that names exactly these shards."""
        return str(self.manifest["corpus_id"])

    @property
    def num_rows(self) -> int:
        return int(self.manifest["totals"]["rows"])

    @property
    def num_tokens(self) -> int:
        return int(self.manifest["totals"]["tokens"])

    def row_tokens(self, row: int) -> np.ndarray:
        """uint16 or uint32 view: the tokens of a row. IndexError past the end."""
        if not 0 <= row < self.num_rows:
            raise IndexError(f"corpus row: expected 0..{self.num_rows - 1}, got {row}")
        number = int(np.searchsorted(self._bases, row, side="right")) - 1
        shard, at = self.shards[number], row - int(self._bases[number])
        return shard.tokens[shard.offsets[at] : shard.offsets[at + 1]]

    def lengths(self) -> np.ndarray:
        """int64[rows]: tokens in each row, the boundary token included."""
        return np.concatenate([np.diff(shard.offsets) for shard in self.shards] or [np.empty(0, dtype=np.int64)])

    def column(self, name: str) -> np.ndarray:
        """A column of numbers over all rows (n_bytes, source, license, src_container, src_offset, piece, pieces)."""
        dtype = layout.shard_schema(self.meta).field(name).type.to_pandas_dtype()
        parts = [shard.batch[name].to_numpy() for shard in self.shards if shard.batch.num_rows]
        return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)

    def ids(self) -> np.ndarray:
        """S16[rows]: document ids of all rows."""
        return np.concatenate([shard.ids() for shard in self.shards] or [np.empty(0, dtype="S16")])

    def find(self, doc_id: bytes) -> list[tuple[int, int]]:
        """(shard, row in it) of each piece of a document, first piece first; empty where the id is not in the corpus. O(log rows)."""
        if len(doc_id) != 16:
            raise ShardError(f"find: expected an id of 16 bytes, got {len(doc_id)}; give all 32 hex digits")
        key = np.array(doc_id, dtype="S16")
        low, high = (int(np.searchsorted(self._index_ids, key, side=side)) for side in ("left", "right"))
        at = range(low, high)
        return [(int(self._index["shard"][i].as_py()), int(self._index["row"][i].as_py())) for i in at]

    def verify(self) -> None:
        """Read every byte: checksums of shards and index, ids in range, offsets in order, each index row at its document."""
        for shard in self.shards:
            _verify_shard(shard, self.meta)
        _verify_hash(self.folder / layout.INDEX, self.manifest["doc_index"])
        self._verify_index()

    def _verify_index(self) -> None:
        rows = (
            self._bases[:-1][self._index["shard"].to_numpy()] + self._index["row"].to_numpy() if len(self._index_ids) else np.empty(0, int)
        )
        ids = self.ids()
        if (
            len(rows) != len(ids)
            or not np.array_equal(np.sort(rows), np.arange(len(ids)))
            or not np.array_equal(ids[rows], self._index_ids)
        ):
            raise ShardError(
                f"{layout.INDEX}: expected each of {len(ids)} rows once under its id, got another order; write the shards again"
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
    expected = meta.to_metadata()
    shards = [_open_shard(folder / entry["path"], entry, meta, expected) for entry in manifest["shards"]]
    return Corpus(folder, manifest, meta, shards, _open_index(folder, manifest))


def read_manifest(folder: Path) -> dict[str, Any]:
    """A folder's manifest, its own digest checked."""
    path = folder / layout.MANIFEST
    if not folder.is_dir():
        raise ShardError(f"shards: expected a local folder, got {folder}; give the shards folder of a finished run")
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ShardError(f"shards: expected {layout.MANIFEST}, got none in {folder}; give the shards folder of a finished run") from None
    except (ValueError, OSError) as error:
        raise ShardError(f"{path}: expected JSON, got {error}; write the shards again") from None
    found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
    if found != layout.MANIFEST_FORMAT:
        raise ShardError(f"{path}: expected format {layout.MANIFEST_FORMAT}, got {found}; read it with the version that wrote it")
    digest = layout.corpus_id(manifest)
    if digest != manifest.get("corpus_id"):
        raise ShardError(f"{path}: expected corpus_id {digest}, got {manifest.get('corpus_id')}; the manifest was edited: restore it")
    return manifest


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


def _open_shard(path: Path, entry: Mapping[str, Any], meta: ShardMeta, expected: Mapping[bytes, bytes]) -> Shard:
    memory, batch = _map(path, entry)
    if hasattr(mmap, "MADV_RANDOM"):
        memory.madvise(mmap.MADV_RANDOM)  # training visits documents in an order of its own: reading ahead fetches what is not wanted
    found = dict(batch.schema.metadata or {})
    for key in [*expected, *found]:
        if found.get(key) != expected.get(key):
            raise ShardError(
                f"{path.name}: expected {key.decode()} {_short(expected.get(key))} as in the manifest, got {_short(found.get(key))}; "
                "do not mix the shards of two runs"
            )
    if not batch.schema.equals(layout.shard_schema(meta)):
        raise ShardError(
            f"{path.name}: expected columns {layout.shard_schema(meta).names}, got {batch.schema.names}; write the shards again"
        )
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
