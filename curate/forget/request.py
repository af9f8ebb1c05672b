"""Which rows of a run a request means, and which others are copies of them.

An address means all documents of it, whatever its scheme and fragment; a host all documents of it and of the hosts below it; an id one record. Copies
are read off the columns of the steps that removed duplicates: whoever has a forgotten document as keeper, the keeper of a forgotten document, and theirs.

Misses: copies that no step of the run compared. Price: the columns id, domain and url of both folders, and 40 bytes a duplicate.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.card.folder import Folder, Rows
from curate.schema import column, registered_domain
from curate.suppress import hosts, plain_url

WIDE_ROWS = 65_536
DOCUMENTS, REMOVED = "documents", "removed"


@dataclass(frozen=True)
class Request:
    """What is asked for, checked."""

    ids: frozenset[bytes] = frozenset()
    urls: frozenset[str] = frozenset()
    """As `plain_url` writes them."""
    hosts: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.ids or self.urls or self.hosts)

    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        return {name: len(value) for name, value in vars(self).items() if value}


@dataclass
class Found:
    """Rows that are meant: ids by folder, and which of what was asked for was met."""

    ids: dict[str, set[bytes]] = field(default_factory=lambda: {DOCUMENTS: set(), REMOVED: set()})
    met: set[Any] = field(default_factory=set)

    @property
    def all(self) -> set[bytes]:
        """Of both folders."""
        return self.ids[DOCUMENTS] | self.ids[REMOVED]

    def unmet(self, request: Request) -> int:
        """How many of the ids, addresses and hosts met no row."""
        return len((request.ids | request.urls | request.hosts) - self.met)


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A row that a step found to be a copy of a forgotten document, or of one of its copies."""

    id: str
    url: str | None
    step: str
    similarity: float
    """1.0 for an equal one."""
    place: str
    """documents or removed; elsewhere: a keeper in an earlier run of the index."""
    run: str | None = None


def search(folder: Folder, request: Request) -> Found:
    """The rows of both folders that a request means."""
    found = Found()
    for rows in (folder.documents, folder.removed):
        for batch in rows.batches(["id", "domain", "url"], WIDE_ROWS):
            for row, what in _hits(batch, request):
                found.ids[rows.folder].add(batch["id"][row].as_py())
                found.met.update(what)
    return found


def _hits(batch: pa.RecordBatch, request: Request) -> Iterator[tuple[int, set[Any]]]:
    """(row, what it meets) of each row that is meant."""
    meets: dict[int, set[Any]] = {}
    if request.ids:
        for row in pc.indices_nonzero(pc.is_in(batch["id"], value_set=pa.array(sorted(request.ids), pa.binary(16)))).to_pylist():
            meets.setdefault(row, set()).add(batch["id"][row].as_py())
    if request.urls or request.hosts:
        domains = sorted({registered_domain(one.partition("/")[0].partition(":")[0]) or one for one in request.urls | request.hosts})
        near = pc.or_(pc.is_in(batch["domain"], value_set=pa.array(domains, pa.string())), batch["domain"].is_null())
        for row in pc.indices_nonzero(pc.and_(near, batch["url"].is_valid())).to_pylist():
            url = batch["url"][row].as_py()
            if what := ({plain_url(url)} & request.urls) | (set(hosts(url)) & request.hosts):
                meets.setdefault(row, set()).update(what)
    yield from sorted(meets.items())


def copies(folder: Folder, of: set[bytes], least: float = 0.0) -> list[Copy]:
    """Rows of the same clusters as `of`, themselves left out: with a similarity to their keeper of at least `least`."""
    edges = _edges(folder)
    known, frontier = set(of), set(of)
    via: dict[bytes, tuple[str, float]] = {}
    while frontier:
        reached: dict[bytes, tuple[str, float]] = {}
        for step, ids, keepers, similarity in edges:
            ends = pa.array(sorted(frontier), pa.binary(16))
            for row in pc.indices_nonzero(pc.or_(pc.is_in(ids, value_set=ends), pc.is_in(keepers, value_set=ends))).to_pylist():
                for one in (ids[row].as_py(), keepers[row].as_py()):
                    if one not in known and similarity[row] >= least:
                        reached.setdefault(one, (step, float(similarity[row])))
        via |= reached
        frontier = set(reached)
        known |= frontier
    return _told(folder, via)


def _edges(folder: Folder) -> list[tuple[str, pa.Array, pa.Array, np.ndarray]]:
    """(step, ids of those who left, their keepers, similarity) for each step that names keepers."""
    made = []
    for step in (one.name for one in folder.steps if column(one.name, "keeper") in folder.removed.names):
        names = [column(step, "keeper"), column(step, "similarity")]
        ids, keepers, similarity = [pa.array([], pa.binary(16))], [pa.array([], pa.binary(16))], [np.empty(0)]
        for batch in folder.removed.batches(["id", *names], WIDE_ROWS):
            rows = batch.take(pc.indices_nonzero(batch[names[0]].is_valid()))
            ids.append(rows["id"])
            keepers.append(rows[names[0]])
            there = names[1] in rows.schema.names
            similarity.append(np.asarray(pc.fill_null(rows[names[1]], 1.0)) if there else np.ones(rows.num_rows))
        made.append((step, pa.concat_arrays(ids), pa.concat_arrays(keepers), np.concatenate(similarity)))
    return made


def _told(folder: Folder, via: Mapping[bytes, tuple[str, float]]) -> list[Copy]:
    """Where they lie; those that are in neither folder are keepers in an earlier run."""
    wanted = pa.array(sorted(via), pa.binary(16))
    where: dict[bytes, tuple[str, str | None]] = {}
    for rows in (folder.removed, folder.documents):
        for batch in rows.batches(["id", "url"], WIDE_ROWS) if len(wanted) else ():
            there = batch.take(pc.indices_nonzero(pc.is_in(batch["id"], value_set=wanted)))
            where |= {one: (rows.folder, url) for one, url in zip(there["id"].to_pylist(), there["url"].to_pylist(), strict=True)}
    found = []
    for one, (step, similarity) in via.items():
        place, url = where.get(one, ("elsewhere", None))
        found.append(Copy(id=one.hex(), url=url, step=step, similarity=similarity, place=place))
    return sorted(found, key=lambda copy: (-copy.similarity, copy.id))


def texts(rows: Rows, ids: set[bytes], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of some ids, with these columns; only row groups that hold one are read."""
    wanted = pa.array(sorted(ids), pa.binary(16))
    for file in rows.files if ids else ():
        with rows.parquet(file) as opened:
            for number in range(opened.num_row_groups):
                hit = pc.indices_nonzero(pc.is_in(rows.group(file, opened, number, ["id"])["id"], value_set=wanted))
                if len(hit):
                    yield from rows.group(file, opened, number, columns).take(hit).to_pylist()
