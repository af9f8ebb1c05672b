"""The document locator: from an id to the rows of its document, by one binary search in a mapped file.

`doc_index.arrow` is an Arrow IPC file of doc_id fixed_size_binary(16), shard uint32, row uint32, sorted by (doc_id, shard, row).
Price: 24 bytes a row. Writing sorts all of them in memory.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from curate.shards.format import INDEX, INDEX_FORMAT, HashingSink, id_words, write_file


@dataclass(frozen=True, kw_only=True)
class IndexStat:
    """The document index as the manifest lists it."""

    bytes: int
    rows: int
    xxh3_64: str


def write_doc_index(sink: BinaryIO, doc_ids: Sequence[pa.Array | pa.ChunkedArray]) -> IndexStat:
    """Write the locator: doc_ids[i] is the doc_id column of shard i. 24 bytes a row; sorting holds all ids in memory."""
    lengths = [len(ids) for ids in doc_ids]
    words = [id_words(ids) for ids in doc_ids] or [np.empty((0, 2), dtype=">u8")]
    joined = np.concatenate(words)
    order = np.lexsort((joined[:, 1], joined[:, 0]))  # stable: equal ids stay in order of shard and row
    rows = np.concatenate([np.arange(n, dtype=np.uint32) for n in lengths] or [np.empty(0, dtype=np.uint32)])
    shards = np.repeat(np.arange(len(lengths), dtype=np.uint32), lengths)
    return write_index(sink, joined[order].astype(">u8").view("S16").reshape(-1), shards[order], rows[order])


def write_index(sink: BinaryIO, ids: np.ndarray, shards: np.ndarray, rows: np.ndarray) -> IndexStat:
    """Write a locator that is sorted already: ids S16[n], shards and rows uint32[n]."""
    column = pa.Array.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(np.ascontiguousarray(ids))])
    schema = pa.schema(
        [pa.field("doc_id", pa.binary(16), False), pa.field("shard", pa.uint32(), False), pa.field("row", pa.uint32(), False)],
        metadata={"format": json.dumps(INDEX_FORMAT)},
    )
    hashing = HashingSink(sink)
    write_file(hashing, pa.RecordBatch.from_arrays([column, pa.array(shards, pa.uint32()), pa.array(rows, pa.uint32())], schema=schema))
    return IndexStat(bytes=hashing.size, rows=len(ids), xxh3_64=hashing.hexdigest())


def index_name(digest: str = "") -> str:
    """File name of the locator; one of shards without their forgotten documents carries its xxh3_64 in the name."""
    return INDEX.replace(".arrow", f"-{digest}.arrow") if digest else INDEX
