"""Digests that tell whether two runs made the same thing: of rows whatever their order and files, and of files byte for byte."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pyarrow as pa
from blake3 import blake3

from curate.schema import ID_MODULUS
from curate.store import Store


def row_digest(batches: Iterable[pa.RecordBatch]) -> str:
    """Sum mod 2^128 of the BLAKE3-128 of every row's canonical JSON (all columns, sorted by name); 32 hex digits."""
    total = 0
    for batch in batches:
        for row in batch.to_pylist():
            plain = json.dumps(row, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=_plain)
            total += int.from_bytes(blake3(plain.encode()).digest(length=16), "big")
    return f"{total % ID_MODULUS:032x}"


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"row digest: expected bytes or a time, got {type(value).__name__}; give it a canonical form here")


def tree_digest(store: Store, folders: Iterable[str]) -> dict[str, str]:
    """`blake3` of every file in the given folders (not below them), by path; a name that is a file stands for itself."""
    digests = {}
    for folder in folders:
        names = store.list(folder)
        paths = [folder] if names == [folder.rpartition("/")[2]] else [f"{folder}/{name}" for name in names]
        for path in paths:
            digests[path] = blake3(store.read(path)).hexdigest()
    return digests
