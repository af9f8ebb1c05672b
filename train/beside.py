"""What the documents that lie beside the shards say of themselves: URLs, languages, domains. Shards hold ids and codes only.

`curate run` writes documents/part-*.parquet beside shards/. Where they were left behind, everything still works, without those words.
Price: one scan of the ids and the columns that are asked for.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pads

from curate.shards.reader import Corpus

LANGUAGE = ("language__label", "language")
"""Columns that tell a document's language: of the step `language`, or carried along from the input."""


def folder(corpus: Corpus) -> Path:
    """Where the documents of a corpus lie, if they do."""
    return corpus.folder.resolve().parent / "documents"


def columns(documents: Path) -> list[str]:
    """Names of the columns that the documents have; none where they do not lie there."""
    files = sorted(documents.glob("part-*.parquet")) if documents.is_dir() else []
    return list(pads.dataset([str(files[0])], format="parquet").schema.names) if files else []


def language_column(documents: Path) -> str | None:
    """The column with a document's language; else the label of the only step that gives one."""
    there = columns(documents)
    labels = [name for name in there if name.endswith("__label")]
    known = [name for name in LANGUAGE if name in there]
    return known[0] if known else labels[0] if len(labels) == 1 else None


def values(documents: Path, ids: Iterable[str], column: str) -> dict[str, str]:
    """Id (32 hex digits) → value as text, of these documents; those without one are left out, and all where there is no such column."""
    if column not in columns(documents):
        return {}
    files = [str(file) for file in sorted(documents.glob("part-*.parquet"))]
    wanted = pa.array([bytes.fromhex(one) for one in sorted(set(ids))], pa.binary(16))
    table = pads.dataset(files, format="parquet").to_table(columns=["id", column], filter=pads.field("id").isin(wanted))
    pairs = zip(table["id"].to_pylist(), table[column].to_pylist(), strict=True)
    return {one.hex(): str(value) for one, value in pairs if value is not None and value != ""}


def languages(corpus: Corpus, ids: Sequence[str]) -> list[str] | None:
    """The language of each document, "" where nobody said; None where no document beside the shards tells."""
    where = folder(corpus)
    column = language_column(where)
    if column is None:
        return None
    found = values(where, ids, column)
    return [found.get(one, "") for one in ids]
