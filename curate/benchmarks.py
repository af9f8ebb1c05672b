"""Benchmark files: the items that training data must not contain, from JSON, JSONL, CSV, Parquet or text, plain or compressed.

An item has a name (its own id, or its number in the file), a text that is looked for, and perhaps an answer. Where no fields are named the
first of FIELDS that the file's first item has are taken. Every item is read or told; nothing is skipped in silence.
"""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from curate.errors import SourceError

FIELDS = (
    ("Body", "Question"),
    ("premise", "choice1", "choice2"),
    ("premise", "hypothesis"),
    ("premise",),
    ("context", "question"),
    ("question",),
    ("Question",),
    ("prompt",),
    ("problem",),
    ("input",),
    ("query",),
    ("context",),
    ("sentence",),
    ("text",),
)
ANSWERS = ("answer", "Answer", "target", "canonical_solution", "Best Answer", "code", "solution", "output")
NAMES = ("id", "ID", "task_id", "qid")
SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".txt", ".md")
PACKED = (".gz", ".zst")
FINAL = "####"
"""GSM8K writes the result behind this mark, after the way to it."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing that is looked for."""

    benchmark: str
    name: str
    text: str
    answer: str = ""


def located(uri: str) -> list[str]:
    """The files that a path or glob names, sorted. SourceError where there is none."""
    import fsspec

    fs, path = fsspec.core.url_to_fs(uri)
    found = sorted(fs.glob(path)) if any(c in path for c in "*?[") else [path] if fs.isfile(path) else []
    if not found:
        raise SourceError(f"decontaminate: expected benchmark files, got none at {uri}; paths are taken from the current directory")
    return [fs.unstrip_protocol(one) for one in found]


def stamp(uri: str) -> str:
    """What changes when a file does: for caching its digest and its items."""
    import fsspec

    fs, path = fsspec.core.url_to_fs(uri)
    return str(fs.ukey(path))


def digest(uri: str) -> str:
    """sha256 of a file as stored."""
    return "sha256:" + sha256(_stored(uri)).hexdigest()


def _stored(uri: str) -> bytes:
    import fsspec

    with fsspec.open(uri, "rb") as source:
        data: bytes = source.read()
        return data


def stem(uri: str) -> str:
    """The file's name without folders and endings."""
    name = uri.rsplit("/", 1)[-1]
    for suffix in (*PACKED, *SUFFIXES):
        name = name.removesuffix(suffix)
    return name


def items(uri: str, benchmark: str, fields: Sequence[str] = (), answer: str | None = None) -> list[Item]:
    """All items of a file. SourceError for a file that cannot be read, has other fields, or none."""
    records = list(_records(uri))
    if not records:
        raise SourceError(f"decontaminate: expected items, got none in {uri}; remove it from `against`")
    if isinstance(records[0], str):
        return [Item(benchmark=benchmark, name=f"#{number}", text=text) for number, text in enumerate(records, 1)]
    fields = fields or _guessed(uri, records[0])
    if answer is None:
        there = {name for record in records if isinstance(record, Mapping) for name in record}
        answer = next((name for name in ANSWERS if name in there and name not in fields), "")
    return [_item(uri, benchmark, number, record, fields, answer) for number, record in enumerate(records, 1)]


def _guessed(uri: str, record: Mapping[str, Any]) -> Sequence[str]:
    found = next((names for names in FIELDS if all(name in record for name in names)), None)
    if found is None:
        known = sorted({name for names in FIELDS for name in names})
        raise SourceError(
            f"decontaminate: expected one of the fields {known} in {uri}, got {sorted(record)}; name those that make an item in `fields`"
        )
    return found


def _item(uri: str, benchmark: str, number: int, record: Any, fields: Sequence[str], answer: str) -> Item:
    missing = [name for name in fields if not isinstance(record, Mapping) or name not in record]
    if missing:
        got = sorted(record) if isinstance(record, Mapping) else type(record).__name__
        raise SourceError(f"decontaminate: expected the fields {list(fields)} in item {number} of {uri}, got {got}; correct `fields`")
    named = next((str(record[name]) for name in NAMES if record.get(name) not in (None, "")), f"#{number}")
    text = "\n".join(_said(record[name]) for name in fields)
    return Item(benchmark=benchmark, name=named, text=text, answer=_answer(record, answer))


def _said(value: Any) -> str:
    """A field as text; lists and structs one value a line."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "\n".join(_said(one) for one in value.values())
    return "\n".join(_said(one) for one in value) if isinstance(value, list | tuple) else str(value)


def _answer(record: Mapping[str, Any], name: str) -> str:
    """The answer as it would be written: a choice by its number, a result without the way to it."""
    value = record.get(name)
    choices = record.get("choices")
    if isinstance(choices, list) and str(value).isdigit() and int(str(value)) < len(choices):
        value = choices[int(str(value))]
    return _said(value).rpartition(FINAL)[2].strip()


def _records(uri: str) -> Iterator[Any]:
    name, data = uri, _stored(uri)
    try:
        if name.endswith(".gz"):
            name, data = name.removesuffix(".gz"), gzip.decompress(data)
        elif name.endswith(".zst"):
            import zstandard

            name, data = name.removesuffix(".zst"), zstandard.ZstdDecompressor().stream_reader(data).read()
        yield from _parsed(name, data)
    except SourceError:
        raise
    except Exception as error:
        raise SourceError(
            f"decontaminate: expected a readable benchmark, got {uri}: {type(error).__name__}: {error}; replace it"
        ) from error


def _parsed(name: str, data: bytes) -> Iterator[Any]:
    """Records by the file's ending: mappings, or texts."""
    if name.endswith((".jsonl", ".ndjson")):
        for line in data.decode("utf-8-sig").split("\n"):
            if line.strip():
                yield json.loads(line)
    elif name.endswith(".json"):
        whole = json.loads(data)
        yield from next((v for v in whole.values() if isinstance(v, list)), [whole]) if isinstance(whole, dict) else whole
    elif name.endswith((".csv", ".tsv")):
        yield from csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter="\t" if name.endswith(".tsv") else ",")
    elif name.endswith(".parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq

        yield from pq.read_table(pa.BufferReader(data)).to_pylist()
    elif name.endswith((".txt", ".md")):
        yield from (part.strip() for part in data.decode("utf-8-sig").split("\n\n") if part.strip())
    else:
        raise SourceError(
            f"decontaminate: expected a file ending in one of {list(SUFFIXES)} (or with {list(PACKED)} behind), got {name}; convert it"
        )
