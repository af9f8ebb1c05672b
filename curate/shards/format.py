"""The token shard: one Arrow IPC file, one row a document, and the manifest and index that make a corpus of several.

This page is the specification; a reader needs nothing but Arrow. After training.md §7.1; the Arrow columnar format 1.5 is the container.

A folder of shards holds

    shard-00000.arrow …   Arrow IPC *files*: uncompressed, one record batch, no dictionaries, no nulls; may have zero rows
    doc_index.arrow       the same container: doc_id, shard uint32, row uint32, sorted by (doc_id, shard, row)
    manifest.json         counts, checksums, tokenizer, code tables; names every shard; written last

    column          type                        meaning
    tokens          large_list<uint16|uint32>   uint16 iff vocab_size <= 65,536; the boundary token stands once a document, first, or
                                                as `boundary_policy` says (boundary.py)
    doc_id          fixed_size_binary(16)       the document's id
    n_bytes         uint32                      UTF-8 bytes of the text; 0 on pieces after the first
    source          uint16                      code: position in the table `sources`
    license         uint16                      code: position in the table `licenses`
    src_container   uint32                      code: position in the table `containers`
    src_offset      uint64                      where the record starts in that container
    piece, pieces   uint32                      0 and 1; a document of more than 2^20 tokens is rows 0..n-1 of n, one after the other
    repeats         uint16                      how often an epoch has the document: 1, or what `mix` made of it; never 0
    split           uint8                       0 train, 1 validation, 2 test

Dialogues have the columns of learned.py after these, another format number, and `kind` in the metadata; so have shards of another boundary
policy than `first`.

Schema metadata, each value a JSON text: format, token_dtype, vocab_size, eos_id, bos_id, boundary_policy, tokenizer_fingerprint,
tokenizer_probe_hash, sources, licenses, containers, splits. Neither path nor host nor time enters a file: the same rows give the same bytes.

In the manifest `token_base` and `doc_base` are the numbers of the shard's first token and first row in the whole corpus;
`corpus_id` is the sha256 of the manifest's canonical JSON without that field. Integers are little-endian.

Misses: rows are not sorted by anything a query could use, and nothing is compressed; that is the price of reading without copying.
Costs 57 bytes a document beside its tokens (column widths above and an 8-byte offset).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import xxhash

from curate.arrow import one_chunk
from curate.errors import ShardError
from curate.shards.boundary import BOTH, FIRST, LAST, POLICIES, check_around
from curate.shards.learned import check_learned, check_rejected

FORMATS = {"text": "curate/tokens/2", "messages": "curate/tokens/3", "preference": "curate/tokens/3"}
MANIFEST_FORMATS = {"text": "curate/manifest/2", "messages": "curate/manifest/3", "preference": "curate/manifest/3"}
"""By kind: a reader of texts must not take a dialogue for one, so those have another number."""
FORMAT, MANIFEST_FORMAT = FORMATS["text"], MANIFEST_FORMATS["text"]
POLICY_FORMAT, POLICY_MANIFEST_FORMAT = "curate/tokens/4", "curate/manifest/4"
"""Of shards whose boundary policy is not `first`, which a reader of format 2 takes for granted."""
INDEX_FORMAT = "curate/doc-index/1"
MANIFEST, INDEX = "manifest.json", "doc_index.arrow"
TOKENIZER_PATH = "../tokenizer/tokenizer.json"
MAX_ROW_TOKENS = 1 << 20
UINT16_VOCAB = 1 << 16
SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def tokenizer_fingerprint(tokenizer_json: bytes) -> str:
    """`sha256:` and the digest of a tokenizer.json's canonical JSON: changes with one merge, not with layout. ShardError if it is none."""
    try:
        tokenizer = json.loads(tokenizer_json)
    except ValueError as error:
        raise ShardError(f"tokenizer: expected JSON, got {tokenizer_json[:40]!r} ({error}); give the run's tokenizer.json") from None
    if not isinstance(tokenizer, dict):
        raise ShardError(f"tokenizer: expected a JSON object, got {type(tokenizer).__name__}; give the run's tokenizer.json")
    return "sha256:" + hashlib.sha256(canonical_json(tokenizer)).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ShardMeta:
    """What all shards of a corpus share; becomes each shard's schema metadata. The three tables give codes their meaning."""

    vocab_size: int
    eos_id: int
    tokenizer_fingerprint: str
    tokenizer_probe_hash: str
    bos_id: int | None = None
    sources: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    kind: str = "text"
    boundary_policy: str = FIRST
    """Where the tokens between documents stand; see boundary.py."""

    def __post_init__(self) -> None:
        if self.kind not in FORMATS:
            raise ShardError(f"shard metadata: expected a kind of {list(FORMATS)}, got {self.kind}; read it with the version that wrote it")
        if not 0 < self.vocab_size <= 1 << 32:
            raise ShardError(f"shard metadata: expected a vocab_size in 1..2^32, got {self.vocab_size}; read it from the tokenizer")
        if not 0 <= self.eos_id < self.vocab_size:
            raise ShardError(
                f"shard metadata: expected eos_id below vocab_size {self.vocab_size}, got {self.eos_id}; add the boundary token"
            )
        if self.boundary_policy not in POLICIES:
            raise ShardError(
                f"shard metadata: expected a boundary_policy of {list(POLICIES)}, got {self.boundary_policy}; read it with the version that wrote it"
            )
        if (self.bos_id is not None) != (self.boundary_policy == BOTH) or not 0 <= (self.bos_id or 0) < self.vocab_size:
            raise ShardError(
                f"shard metadata: expected a bos_id below vocab_size {self.vocab_size} with boundary_policy both, and none with another, "
                f"got {self.bos_id} with {self.boundary_policy}; read it from the tokenizer"
            )

    @property
    def before(self) -> int | None:
        """The token before each document; None where there is none."""
        return {FIRST: self.eos_id, LAST: None, BOTH: self.bos_id}[self.boundary_policy]

    @property
    def behind(self) -> int | None:
        """The token behind each document; None where there is none."""
        return None if self.boundary_policy == FIRST else self.eos_id

    @property
    def around(self) -> int:
        """Tokens of a document that are not of its text."""
        return (self.before is not None) + (self.behind is not None)

    @property
    def token_type(self) -> pa.DataType:
        """uint16 where every id fits, else uint32."""
        return pa.uint16() if self.vocab_size <= UINT16_VOCAB else pa.uint32()

    def to_metadata(self) -> dict[bytes, bytes]:
        """Schema metadata, keys in a fixed order, each value JSON."""
        values = {"token_dtype": str(self.token_type), "splits": SPLITS} | asdict(self)
        values |= {"format": FORMATS[self.kind] if self.boundary_policy == FIRST else POLICY_FORMAT}
        if self.kind == "text":
            del values["kind"]  # format 2 says it
        return {key.encode(): canonical_json(value) for key, value in sorted(values.items())}

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> "ShardMeta":
        """The metadata that every shard under this manifest must carry."""
        tokenizer = manifest["tokenizer"]
        return cls(
            vocab_size=tokenizer["vocab_size"],
            eos_id=tokenizer["eos"],
            bos_id=tokenizer["bos"],
            tokenizer_fingerprint=tokenizer["fingerprint"],
            tokenizer_probe_hash=tokenizer["probe_hash"],
            sources=tuple(manifest["sources"]),
            licenses=tuple(manifest["licenses"]),
            containers=tuple(manifest["containers"]),
            kind=manifest.get("kind", "text"),
            boundary_policy=manifest["boundary_policy"],
        )


@dataclass(frozen=True, kw_only=True)
class ShardStat:
    """One shard as the manifest lists it, less path and bases. `asdict` and `ShardStat(**d)` carry it through a ledger line."""

    bytes: int
    rows: int
    documents: int
    tokens: int
    text_bytes: int
    xxh3_64: str
    min_token: int | None
    max_token: int | None
    source_tokens: Mapping[str, int]
    license_tokens: Mapping[str, int]
    split_tokens: Mapping[str, int]
    epoch_tokens: int
    """Tokens times repeats: what one pass over all splits feeds."""


def manifest_format(kind: str, boundary_policy: str) -> str | None:
    """The number of a manifest's format; None for a kind that there is not."""
    return MANIFEST_FORMATS.get(kind) if boundary_policy == FIRST else POLICY_MANIFEST_FORMAT


def shard_name(number: int, digest: str = "") -> str:
    """File name of shard `number` (from 0); one that was rewritten without forgotten documents carries its xxh3_64 in the name."""
    return f"shard-{number:05d}-{digest}.arrow" if digest else f"shard-{number:05d}.arrow"


def shard_schema(meta: ShardMeta) -> pa.Schema:
    """The columns of a shard, with metadata."""
    columns = {
        "tokens": pa.large_list(meta.token_type),
        "doc_id": pa.binary(16),
        "n_bytes": pa.uint32(),
        "source": pa.uint16(),
        "license": pa.uint16(),
        "src_container": pa.uint32(),
        "src_offset": pa.uint64(),
        "piece": pa.uint32(),
        "pieces": pa.uint32(),
        "repeats": pa.uint16(),
        "split": pa.uint8(),
    }
    if meta.kind != "text":
        columns["learned"] = pa.large_list(pa.uint32())
    if meta.kind == "preference":
        columns["rejected"] = pa.large_list(meta.token_type)
    return pa.schema([pa.field(name, dtype, nullable=False) for name, dtype in columns.items()], metadata=meta.to_metadata())


def split_rows(offsets: np.ndarray, max_tokens: int = MAX_ROW_TOKENS) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut documents of more than max_tokens into rows: (document int64[m], piece uint32[m], pieces uint32[m], offsets int64[m + 1]).

    offsets: int64[n + 1], document i is tokens offsets[i]:offsets[i + 1]. Row j is piece[j] of pieces[j] of document[j];
    other columns follow with `take(document)`, and n_bytes becomes 0 where piece > 0.
    """
    lengths = np.diff(offsets)
    pieces = np.maximum(1, -(-lengths // max_tokens))
    document = np.repeat(np.arange(len(lengths), dtype=np.int64), pieces)
    first = np.cumsum(pieces) - pieces
    piece = np.arange(len(document), dtype=np.int64) - first[document]
    starts = offsets[:-1][document] + piece * max_tokens
    ends = np.append(starts, offsets[-1:]) if len(offsets) else np.zeros(1, dtype=np.int64)
    return document, piece.astype(np.uint32), pieces[document].astype(np.uint32), ends.astype(np.int64)


def large_list_parts(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """(offsets int64[n + 1] from 0, values): zero-copy views of a large_list of unsigned integers, slice offsets honoured."""
    width = np.dtype(array.type.value_type.to_pandas_dtype())
    if len(array) == 0:
        return np.zeros(1, dtype=np.int64), np.empty(0, dtype=width)
    ends = np.frombuffer(array.buffers()[1], dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    values = array.values
    data = values.buffers()[1]
    flat = np.frombuffer(data, dtype=width) if data is not None and data.size else np.empty(0, dtype=width)
    flat = flat[values.offset + ends[0] : values.offset + ends[-1]]
    return (ends if ends[0] == 0 else ends - ends[0]), flat


def write_shard(sink: BinaryIO, table: pa.Table | pa.RecordBatch, meta: ShardMeta) -> ShardStat:
    """Check the rows against the format and write them as one IPC file; the stat is the shard's line in the manifest.

    ShardError names what does not fit. Bytes depend on the rows and `meta` alone, not on chunks, slices or bitmaps of the table.
    """
    batch = _one_batch(table, shard_schema(meta))
    offsets, tokens = large_list_parts(batch["tokens"])
    greatest = int(tokens.max()) if len(tokens) else None
    _check_rows(batch, offsets, tokens, greatest, meta)
    hashing = HashingSink(sink)
    write_file(hashing, batch)
    return ShardStat(
        bytes=hashing.size,
        rows=batch.num_rows,
        documents=int((numbers(batch["piece"]) == 0).sum()),
        tokens=len(tokens),
        text_bytes=int(numbers(batch["n_bytes"]).sum(dtype=np.uint64)),
        xxh3_64=hashing.hexdigest(),
        min_token=int(tokens.min()) if len(tokens) else None,
        max_token=greatest,
        source_tokens=_tokens_by(batch["source"], offsets, meta.sources),
        license_tokens=_tokens_by(batch["license"], offsets, meta.licenses),
        split_tokens=_tokens_by(batch["split"], offsets, SPLITS),
        epoch_tokens=int((np.diff(offsets) * numbers(batch["repeats"])).sum(dtype=np.int64)),
    )


def corpus_id(manifest: Mapping[str, Any]) -> str:
    """`sha256:` and the digest of the manifest's canonical JSON without `corpus_id`: the name of exactly this corpus."""
    return "sha256:" + hashlib.sha256(canonical_json({k: v for k, v in manifest.items() if k != "corpus_id"})).hexdigest()


class HashingSink:
    """A file-like for pyarrow that passes bytes on, counts them and hashes them (xxh3-64); never closes what it writes to."""

    closed = False

    def __init__(self, sink: BinaryIO) -> None:
        self.sink = sink
        self.size = 0
        self._hash = xxhash.xxh3_64()

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        self.sink.write(view)
        self._hash.update(view)
        self.size += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        """The sink belongs to the caller."""

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def write_file(sink: HashingSink, batch: pa.RecordBatch) -> None:
    """One batch as an uncompressed IPC file."""
    options = pa.ipc.IpcWriteOptions(metadata_version=pa.ipc.MetadataVersion.V5, compression=None)
    with pa.PythonFile(sink, mode="w") as file, pa.ipc.new_file(file, batch.schema, options=options) as writer:
        writer.write_batch(batch)


def _one_batch(table: pa.Table | pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The rows as one batch whose buffers start at 0 and hold nothing else."""
    got = {field.name: str(field.type) for field in table.schema}
    expected = {field.name: str(field.type) for field in schema}
    if got != expected:
        raise ShardError(f"shard: expected columns {expected}, got {got}; build the table with shard_schema")
    arrays = []
    for field in schema:
        array = one_chunk(table.column(field.name))
        if array.null_count:
            raise ShardError(f"shard: expected no nulls, got {array.null_count} in {field.name}; fill them before the shard is written")
        if pa.types.is_large_list(field.type):
            offsets, values = large_list_parts(array)
            array = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values, field.type.value_type), type=field.type)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _check_rows(batch: pa.RecordBatch, offsets: np.ndarray, tokens: np.ndarray, greatest: int | None, meta: ShardMeta) -> None:
    lengths, piece, pieces = np.diff(offsets), numbers(batch["piece"]), numbers(batch["pieces"])
    _refuse(lengths < 1, lengths, "at least the boundary token", "put it first in each document")
    _refuse(lengths > MAX_ROW_TOKENS, lengths, f"at most {MAX_ROW_TOKENS} tokens a row", "cut the document with split_rows")
    _refuse(piece >= pieces, piece, "piece below pieces", "number pieces from 0")
    follows = (np.diff(piece.astype(np.int64)) == 1) & (id_words(batch["doc_id"])[1:] == id_words(batch["doc_id"])[:-1]).all(axis=1)
    _refuse(
        np.append(False, (piece[1:] > 0) & ~follows)[: len(piece)], piece, "pieces of a document in order", "write them one after the other"
    )
    _refuse(
        np.append(False, follows & (pieces[1:] != pieces[:-1]))[: len(piece)], pieces, "one `pieces` a document", "count its rows again"
    )
    _refuse(
        (piece > 0) & (numbers(batch["n_bytes"]) > 0), numbers(batch["n_bytes"]), "n_bytes 0 after the first piece", "count a text once"
    )
    if greatest is not None and greatest >= meta.vocab_size:
        raise ShardError(f"shard: expected token ids below {meta.vocab_size}, got {greatest}; encode with the tokenizer of this run")
    check_around(offsets, tokens, piece, pieces, meta.before, meta.behind)
    _refuse(numbers(batch["repeats"]) < 1, numbers(batch["repeats"]), "repeats of 1 or more", "leave the document out of the shards")
    if meta.kind != "text":
        check_learned(large_list_parts(batch["learned"]), lengths)
    if meta.kind == "preference":
        check_rejected(large_list_parts(batch["rejected"]), piece, meta.vocab_size, meta.eos_id)
    for name, table in (("source", meta.sources), ("license", meta.licenses), ("src_container", meta.containers), ("split", SPLITS)):
        codes = numbers(batch[name])
        _refuse(codes >= len(table), codes, f"{name} below {len(table)}", "add the name to its code table")


def _refuse(bad: np.ndarray, values: np.ndarray, expected: str, advice: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise ShardError(f"shard row {row}: expected {expected}, got {values[row]}; {advice}")


def _tokens_by(codes: pa.Array, offsets: np.ndarray, names: tuple[str, ...]) -> dict[str, int]:
    # integers, not bincount's float weights: counts are exact at any size
    sums = np.zeros(len(names), dtype=np.int64)
    np.add.at(sums, numbers(codes), np.diff(offsets))
    return {name: int(count) for name, count in zip(names, sums, strict=True) if count}


def numbers(array: pa.Array) -> np.ndarray:
    """A column of numbers as numpy, without a copy."""
    return array.to_numpy(zero_copy_only=True) if len(array) else np.empty(0, dtype=array.type.to_pandas_dtype())


def id_words(ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Ids as big-endian uint64[n, 2]: comparing rows is comparing ids."""
    chunks = ids.chunks if isinstance(ids, pa.ChunkedArray) else [ids]
    parts = [np.frombuffer(c.buffers()[1], dtype=">u8")[2 * c.offset : 2 * (c.offset + len(c))] for c in chunks if len(c)]
    return np.concatenate(parts).reshape(-1, 2) if parts else np.empty((0, 2), dtype=">u8")
