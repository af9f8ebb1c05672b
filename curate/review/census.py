"""What is known of every row without its text: id, URL, domain, source, reason, licence, consent, keeper; as arrays of one entry a row.

Strings become codes, in the order in which they are first met; code 0 is null. Price: 24 bytes a row in memory, and the URLs once on disk.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from curate.arrow import one_chunk
from curate.card.folder import Folder
from curate.review.parts import Part, Parts, strings
from curate.schema import column, id_words

UNREADABLE = "unreadable"
"""The reason of rows whose file is damaged."""
KEPT = "kept"


class Codes:
    """Strings as small numbers."""

    def __init__(self, *first: str) -> None:
        self.names: list[str | None] = [None, *first]
        self._codes: dict[str | None, int] = {name: code for code, name in enumerate(self.names)}

    def of(self, value: str | None) -> int:
        code = self._codes.get(value)
        if code is None:
            code = self._codes[value] = len(self.names)
            self.names.append(value)
        return code

    def encode(self, values: pa.ChunkedArray) -> np.ndarray:
        """int64[n]."""
        encoded = one_chunk(values).dictionary_encode()
        codes = np.array([*map(self.of, strings(pa.chunked_array([encoded.dictionary]))), 0], dtype=np.int64)
        return codes[pc.fill_null(encoded.indices, len(codes) - 1).to_numpy(zero_copy_only=False)]


@dataclass
class Clusters:
    """Rows that left because another one stands for them."""

    step: list[np.ndarray] = field(default_factory=list)
    row: list[np.ndarray] = field(default_factory=list)
    keeper: list[np.ndarray] = field(default_factory=list)
    similarity: list[np.ndarray] = field(default_factory=list)


@dataclass
class Census:
    """Arrays over all rows of a run."""

    parts: Parts
    ids: np.ndarray
    reason: np.ndarray
    source: np.ndarray
    domain: np.ndarray
    licence: np.ndarray
    consent: np.ndarray
    url_hash: np.ndarray
    names: dict[str, Codes]
    clusters: Clusters
    pii: dict[str, list[np.ndarray]] = field(default_factory=dict)
    """Type of personal data → rows in which some was replaced."""

    @classmethod
    def empty(cls, parts: Parts) -> "Census":
        count = parts.num_rows
        small = (np.zeros(count, np.uint16) for _ in range(4))
        reason, source, licence, consent = small
        names = {"reason": Codes(KEPT, UNREADABLE)} | {name: Codes() for name in ("source", "domain", "licence", "consent")}
        return cls(
            parts=parts,
            ids=np.zeros((count, 2), np.uint64),
            reason=reason,
            source=source,
            domain=np.zeros(count, np.uint32),
            licence=licence,
            consent=consent,
            url_hash=np.zeros(count, np.uint64),
            names=names,
            clusters=Clusters(),
        )


def take(parts: Parts, urls: Path, told: Callable[[float], None]) -> Census:
    """Read the narrow columns of all files; URLs are written to `urls`.bin, their ends to `urls`.npy."""
    census = Census.empty(parts)
    wanted = _columns(parts)
    ends = np.zeros(parts.num_rows, np.int64)
    written = 0
    with urls.with_suffix(".bin").open("wb") as sink:
        for number, part in enumerate(parts.all):
            rows = slice(part.start, part.start + part.file.rows)
            table = parts.table(part, ["id", "url", "removed_by", *(name for names in wanted.values() for name in names)])
            if table is None:
                census.reason[rows] = census.names["reason"].of(UNREADABLE)
                ends[rows] = written
                continue
            _narrow(census, part, table, rows, wanted)
            written = _urls(census, table, rows, ends, sink, written)
            told((number + 1) / len(parts.all))
    np.save(urls.with_suffix(".npy"), ends)
    return census


def _columns(parts: Parts) -> dict[str, list[str]]:
    """Purpose → columns that serve it."""
    folder, have = parts.folder, parts.schema
    steps = [step.name for step in folder.steps]
    wanted = {
        "source": ["source"],
        "domain": ["domain"],
        "licence": [column(name, "spdx") for name in _last(folder, "license", "repository_license")],
        "consent": [column(name, "verdict") for name in _last(folder, "consent", "host_consent")],
        "pii": [name for name in have if name.partition("__")[0] in folder.using("pii") and "__num_" in name],
        "keeper": [column(name, "keeper") for name in steps],
        "similarity": [column(name, "similarity") for name in steps],
    }
    return {purpose: [name for name in names if name in have] for purpose, names in wanted.items()}


def _last(folder: Folder, *uses: str) -> list[str]:
    """Steps that say something, the last first: a row has the word of the last that it reached."""
    named = {name for one in uses for name in folder.using(one)}
    return [step.name for step in reversed(folder.steps) if step.name in named]


def _narrow(census: Census, part: Part, table: pa.Table, rows: slice, wanted: dict[str, list[str]]) -> None:
    have = set(table.column_names)
    census.ids[rows] = id_words(table["id"])
    codes = census.names["reason"]
    census.reason[rows] = codes.of(KEPT) if part.kept else codes.encode(table["removed_by"])
    for purpose in ("source", "domain", "licence", "consent"):
        if held := [table[name] for name in wanted[purpose] if name in have]:
            getattr(census, purpose)[rows] = census.names[purpose].encode(pc.coalesce(*held))
    for name in wanted["pii"]:
        if name in have:
            hits = np.flatnonzero(np.asarray(pc.fill_null(pc.greater(table[name], 0), False)))
            census.pii.setdefault(name.partition("__num_")[2], []).append(hits + rows.start)
    if not part.kept:
        for name in wanted["keeper"]:
            if name in have:
                _members(census, table, rows, name.partition("__")[0])


def _members(census: Census, table: pa.Table, rows: slice, step: str) -> None:
    """Rows that left at a step that names who stands for them."""
    at_step = pc.starts_with(table["removed_by"], f"{step}:")
    hits = np.flatnonzero(np.asarray(pc.fill_null(pc.and_(at_step, pc.is_valid(table[column(step, "keeper")])), False)))
    if not len(hits):
        return
    found = table.take(pa.array(hits))
    alike = found[column(step, "similarity")] if column(step, "similarity") in found.column_names else None
    clusters = census.clusters
    clusters.step.append(np.full(len(hits), [one.name for one in census.parts.folder.steps].index(step), np.uint16))
    clusters.row.append(hits + rows.start)
    clusters.keeper.append(id_words(found[column(step, "keeper")]))
    clusters.similarity.append(np.full(len(hits), np.nan) if alike is None else np.asarray(pc.fill_null(alike, np.nan), np.float64))


def _urls(census: Census, table: pa.Table, rows: slice, ends: np.ndarray, sink: object, written: int) -> int:
    """Append the URLs; the number of bytes written so far."""
    encoded = [(one or "").encode("utf-8", "replace") for one in strings(table["url"])]
    census.url_hash[rows] = np.array([url_key(one) for one in encoded], dtype=np.uint64)
    lengths = np.cumsum([len(one) for one in encoded], dtype=np.int64)
    ends[rows] = written + lengths
    sink.write(b"".join(encoded))  # type: ignore[attr-defined]
    return written + (int(lengths[-1]) if len(lengths) else 0)


def url_key(url: bytes) -> int:
    """What a URL is found by."""
    return xxhash.xxh64_intdigest(url)
