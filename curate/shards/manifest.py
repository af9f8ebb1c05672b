"""`manifest.json`: what a corpus of shards consists of, down to the digest of every file; readers follow it and nothing else.

Beside shards, index, tokenizer and code tables (format.py) it says what was forgotten since the shards were written:

    deletions   the vector of rows to be passed over: path, bytes, xxh3_64, and the rows, documents, tokens and text_bytes in it; or null
    forgotten   documents, rows, tokens and text_bytes that were in the shards once and have been cut out of them
    left_out    the same of documents that `mix` gives no repeat; they are in no shard
    mixture     column and, for each group, tokens available, wanted and given in an epoch of training; null without `mix`

`totals` counts what lies in the files, rows of the vector included. `corpus_id` covers all of it, so a corpus that forgets gets a new name.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from curate.errors import ShardError
from curate.shards.boundary import FIRST
from curate.shards.format import (
    INDEX,
    MANIFEST,
    MANIFEST_FORMATS,
    POLICY_MANIFEST_FORMAT,
    SPLITS,
    TOKENIZER_PATH,
    ShardMeta,
    ShardStat,
    corpus_id,
    manifest_format,
    shard_name,
)
from curate.shards.index import IndexStat


@dataclass(frozen=True, kw_only=True)
class Amount:
    """How much of a corpus."""

    documents: int = 0
    rows: int = 0
    tokens: int = 0
    text_bytes: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(**{name: value + getattr(other, name) for name, value in asdict(self).items()})


@dataclass(frozen=True, kw_only=True)
class Rewritten:
    """What distinguishes shards that have been cut: which are named otherwise than by their number, and what they lost."""

    names: Mapping[int, str]
    index: str
    forgotten: Amount


def build_manifest(
    meta: ShardMeta,
    shards: Sequence[ShardStat],
    index: IndexStat,
    tokenizer_path: str = TOKENIZER_PATH,
    rewritten: Rewritten | None = None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The manifest of shards 0, 1, … in this order, with bases, totals and `corpus_id`; tokenizer_path is relative to their folder.

    `more`: what mixing left out and made, where there was any.
    """
    rewritten = rewritten or Rewritten(names={}, index=INDEX, forgotten=Amount())
    entries, token_base, doc_base = [], 0, 0
    for number, stat in enumerate(shards):
        plain = {key: dict(value) if isinstance(value, Mapping) else value for key, value in vars(stat).items()}
        path = rewritten.names.get(number, shard_name(number))
        entries.append({"path": path, "token_base": token_base, "doc_base": doc_base} | plain)
        token_base, doc_base = token_base + stat.tokens, doc_base + stat.rows
    totals: dict[str, Any] = {"shards": len(shards)}
    totals |= {
        key: sum(getattr(stat, key) for stat in shards) for key in ("rows", "documents", "tokens", "text_bytes", "bytes", "epoch_tokens")
    }
    for key, names in (("source_tokens", meta.sources), ("license_tokens", meta.licenses), ("split_tokens", SPLITS)):
        sums = {name: sum(getattr(stat, key).get(name, 0) for stat in shards) for name in names}
        totals[key] = {name: count for name, count in sums.items() if count}
    return named(
        {
            "format": manifest_format(meta.kind, meta.boundary_policy),
            **({"kind": meta.kind} if meta.kind != "text" else {}),
            "shards": entries,
            "doc_index": {"path": rewritten.index} | asdict(index),
            "deletions": None,
            "forgotten": asdict(rewritten.forgotten),
            **({"left_out": asdict(Amount()), "mixture": None} | dict(more or {})),
            "tokenizer": {
                "path": tokenizer_path,
                "fingerprint": meta.tokenizer_fingerprint,
                "probe_hash": meta.tokenizer_probe_hash,
                "vocab_size": meta.vocab_size,
                "eos": meta.eos_id,
                "bos": meta.bos_id,
            },
            "token_dtype": str(meta.token_type),
            "boundary_policy": meta.boundary_policy,
            "sources": list(meta.sources),
            "licenses": list(meta.licenses),
            "containers": list(meta.containers),
            "splits": list(SPLITS),
            "totals": totals,
        }
    )


def named(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest under the `corpus_id` that is its own."""
    return {"corpus_id": corpus_id(manifest)} | {key: value for key, value in manifest.items() if key != "corpus_id"}


def write_manifest(sink: BinaryIO, manifest: Mapping[str, Any]) -> None:
    """Write a manifest as JSON that people can read; same manifest, same bytes."""
    sink.write((json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass"))


def read_manifest(folder: Path) -> dict[str, Any]:
    """A folder's manifest, its own digest checked."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise ShardError(f"shards: expected a local folder, got {folder}; give the shards folder of a finished run")
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ShardError(f"shards: expected {MANIFEST}, got none in {folder}; give the shards folder of a finished run") from None
    except (ValueError, OSError) as error:
        raise ShardError(f"{path}: expected JSON, got {error}; write the shards again") from None
    said = manifest if isinstance(manifest, dict) else {}
    found = said.get("format") if said else type(manifest).__name__
    if found != manifest_format(said.get("kind", "text"), said.get("boundary_policy", FIRST)):
        known = " or ".join(dict.fromkeys([*MANIFEST_FORMATS.values(), POLICY_MANIFEST_FORMAT]))
        raise ShardError(f"{path}: expected format {known}, got {found}; read it with the version that wrote it")
    digest = corpus_id(manifest)
    if digest != manifest.get("corpus_id"):
        raise ShardError(f"{path}: expected corpus_id {digest}, got {manifest.get('corpus_id')}; the manifest was edited: restore it")
    return manifest


def stats_of(manifest: Mapping[str, Any]) -> list[ShardStat]:
    """The stats from which the manifest's shard lines were made."""
    return [ShardStat(**{name: value for name, value in entry.items() if name not in _PLACE}) for entry in manifest["shards"]]


_PLACE = ("path", "token_base", "doc_base")
