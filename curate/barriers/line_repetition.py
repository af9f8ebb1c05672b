"""Lines that stand in many documents of one site, such as menus, notices and footers, are cut; or documents that are mostly such lines leave.

A line counts once a document, without the white space around it, byte for byte. It is boilerplate of its site if at least `min_documents` documents have it
and, where `min_share` is given, at least that share of the site's documents; then it is cut wherever it stands there, with the white space behind it up to
the next line. `max_share` removes documents of which more lies in such lines (`boilerplate`); a document of which nothing would stay leaves as well. Their
text is not changed. After CCNet's and RefinedWeb's line removal (Wenzek et al. 2020, §3.1; Penedo et al. 2023, §G.2), which compare lines of all sites
and keep a copy (`passage_dedup` with unit line): here a line that two sites share stays, and no copy does.

    documents  only with min_share: each document learns how many its site has
    lines      of each line of a site the documents are counted; those that have it learn the number, if it is large enough

Counts are exact: lines are told apart by 127 bits of XXH64 under two seeds.
Misses: lines with a number or a date in them; documents without a domain are not looked at (host: without a URL). A crawl of few pages a site has few.
Price: about 300,000 lines a second and core, 50 MB of text where they are long; in the exchange 80 bytes for each line of a document, and as many for each
different line of a task. Lines are walked, none of them is held.

column          type     meaning
edits           int32    such lines that were cut, or found where only marked
num_bytes       int64    their bytes, with the white space that goes with them
share           float64  bytes of such lines / bytes of all lines, white space around them left out
most_documents  int64    in how many documents of the site the commonest of them stands; null where there is none
"""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.arrow import Utf8, one_chunk, scatter, utf8
from curate.barrier import Barrier, Round, keyed
from curate.dedup.claims import no_ids
from curate.kernels import passages, spans
from curate.kernels.pretokens import hash_rows
from curate.stage import DECIMALS, DROP, THRESHOLD, VALUE, VERDICT, Columns, written
from curate.stage import Config as Base

REASON = "boilerplate"
MILLION = 1_000_000
HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>\[[^\]]*\]|[^/?#:]+)"
COUNT, DOCUMENT = np.uint64(0), np.uint64(1)
"""Lowest bit of `sub`: rows that count come before those of documents, so that the sum is known when a document is met."""


class Config(Base):
    """Which lines are boilerplate, and what becomes of them."""

    scope: Literal["domain", "host"] = "domain"
    """What a site is: a registered domain, or a host."""
    min_documents: int = Field(default=10, ge=2)
    """A line that fewer documents of the site have is none."""
    min_share: float | None = Field(default=None, gt=0, le=1)
    """A line that a smaller share of the site's documents has is none; null: their number alone decides."""
    min_bytes: int = Field(default=1, ge=1)
    """Shorter lines are let be."""
    max_share: float | None = Field(default=None, ge=0, le=1)
    """A document with a larger share of its bytes in such lines leaves as `boilerplate`."""
    action: Literal["cut", "mark"] = "cut"
    """Cut such lines out of the text, or only report them."""


def _seeds(batch: pa.RecordBatch, config: Config) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(uint64[rows], uint64[rows], bool[rows]): two hashes of the site of each document, and whether it has one and a text."""
    names = batch["domain"] if config.scope == "domain" else pc.utf8_lower(pc.struct_field(pc.extract_regex(batch["url"], HOST), "host"))
    view = utf8(names)
    seeds = np.empty((2, batch.num_rows), dtype=np.uint64)
    for number in range(2):
        hash_rows(view.offsets, view.data, np.uint64(number + 1), seeds[number])
    return seeds[0], seeds[1], view.valid & np.asarray(batch["text"].is_valid())


class _Lines:
    """The lines of a batch: row, start and bytes of each, and 127 bits that tell it apart within its site."""

    def __init__(self, text: Utf8, batch: pa.RecordBatch, config: Config) -> None:
        first, second, known = _seeds(batch, config)
        found, self.key = passages.units(text.offsets, text.data, first, False, config.min_bytes)
        _, sub = passages.units(text.offsets, text.data, second, False, config.min_bytes)
        self.row, self.start, self.size = found.T
        self.sub = sub & ~DOCUMENT
        self.known = known

    def once(self) -> np.ndarray:
        """int64[m]: the first of each different line of each document that has a site."""
        order = np.lexsort((self.start, self.sub, self.key, self.row))
        row, key, sub = self.row[order], self.key[order], self.sub[order]
        fresh = np.r_[True, (row[1:] != row[:-1]) | (key[1:] != key[:-1]) | (sub[1:] != sub[:-1])][: len(row)]
        return order[fresh & self.known[row]]

    def counted(self, row: np.ndarray, key: np.ndarray, sub: np.ndarray, count: np.ndarray) -> np.ndarray:
        """int64[lines]: what `count` says of each line (by row, key and sub), 0 where it says nothing."""
        rows, keys, subs = np.r_[row, self.row], np.r_[key, self.key], np.r_[sub, self.sub]
        order = np.lexsort((subs, keys, rows))
        fresh = np.r_[True, (np.diff(rows[order]) != 0) | (np.diff(keys[order]) != 0) | (np.diff(subs[order]) != 0)][: len(rows)]
        starts = np.flatnonzero(fresh)
        told = np.r_[count, np.zeros(len(self.row), dtype=np.int64)]
        out = np.zeros(len(rows), dtype=np.int64)
        if len(starts):
            out[order] = np.repeat(np.maximum.reduceat(told[order], starts), np.diff(np.r_[starts, len(rows)]))
        return out[len(row) :]


def _rows(key: np.ndarray, sub: np.ndarray, ids: pa.Array, at: np.ndarray, count: np.ndarray, total: np.ndarray) -> pa.Table:
    return keyed(key, sub, ids, at=pa.array(at, pa.uint64()), count=pa.array(count, pa.int64()), total=pa.array(total, pa.int64()))


def _counting(key: np.ndarray, sub: np.ndarray, ids: pa.Array, at: np.ndarray, total: np.ndarray) -> pa.Table:
    """A row for each document, and one that counts it."""
    n = len(key)
    ones, zeros = np.ones(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    counts = _rows(key, sub | COUNT, no_ids(n), np.zeros(n, dtype=np.uint64), ones, zeros)
    return pa.concat_tables([counts, _rows(key, sub | DOCUMENT, ids, at, zeros, total)])


def _sites(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """Each document by its site."""
    first, second, known = _seeds(batch, config)
    rows = np.flatnonzero(known)
    at = one_chunk(batch["at"]).to_numpy()[rows]
    return _counting(first[rows], second[rows] & ~DOCUMENT, batch["id"].take(pa.array(rows)), at, np.zeros(len(rows), dtype=np.int64))


def _lines(batch: pa.RecordBatch, previous: pa.Table | None, config: Config) -> pa.Table:
    """Each different line of each document."""
    lines = _Lines(_text(batch), batch, config)
    once = lines.once()
    row = lines.row[once]
    total = np.zeros(batch.num_rows, dtype=np.int64)
    if previous is not None:
        total[one_chunk(previous["row"]).to_numpy()] = one_chunk(previous["count"]).to_numpy()
    at = one_chunk(batch["at"]).to_numpy()[row]
    return _counting(lines.key[once], lines.sub[once], batch["id"].take(pa.array(row)), at, total[row])


def _combine(table: pa.Table) -> pa.Table:
    """Rows that count one thing become one."""
    counts = np.asarray(one_chunk(table["sub"])) & DOCUMENT == COUNT
    rest = table.take(pa.array(np.flatnonzero(~counts)))
    some = table.take(pa.array(np.flatnonzero(counts)))
    key, sub, count = (one_chunk(some[name]).to_numpy() for name in ("key", "sub", "count"))
    order = np.lexsort((sub, key))
    key, sub, count = key[order], sub[order], count[order]
    starts = np.flatnonzero(np.r_[True, (key[1:] != key[:-1]) | (sub[1:] != sub[:-1])][: len(key)])
    if len(starts) == 0:
        return rest
    zeros = np.zeros(len(starts), dtype=np.int64)
    merged = _rows(key[starts], sub[starts], no_ids(len(starts)), zeros.astype(np.uint64), np.add.reduceat(count, starts), zeros)
    return pa.concat_tables([merged, rest])


def _summed(tables: Iterator[pa.Table]) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """(rows of documents, int64: the sum of what counts their key and sub). Held is one sum."""
    last, held = (-1, -1), 0
    for table in tables:
        if table.num_rows == 0:
            continue
        key, sub, count = (one_chunk(table[name]).to_numpy() for name in ("key", "sub", "count"))
        line = sub & ~DOCUMENT
        starts = np.flatnonzero(np.r_[True, (key[1:] != key[:-1]) | (line[1:] != line[:-1])])
        sums = np.add.reduceat(count, starts)
        if (int(key[0]), int(line[0])) == last:
            sums[0] += held
        last, held = (int(key[-1]), int(line[-1])), int(sums[-1])
        rows = np.flatnonzero(sub & DOCUMENT)
        yield table.take(pa.array(rows)), np.repeat(sums, np.diff(np.r_[starts, len(key)]))[rows]


def _told(rows: pa.Table, sums: np.ndarray) -> pa.Table:
    """Rows on their way to their documents."""
    line = {"line": one_chunk(rows["key"]), "second": pa.array(one_chunk(rows["sub"]).to_numpy() & ~DOCUMENT)}
    return keyed(one_chunk(rows["at"]).to_numpy(), None, one_chunk(rows["id"]), count=pa.array(sums), **line)


def _site_sizes(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Each document learns how many its site has."""
    for rows, sums in _summed(tables):
        yield _told(rows, sums)


def _common(tables: Iterator[pa.Table], config: Config, whole: bool) -> Iterator[pa.Table]:
    """Documents learn which of their lines are boilerplate."""
    least = round((config.min_share or 0) * MILLION)
    for rows, sums in _summed(tables):
        total = one_chunk(rows["total"]).to_numpy()
        often = np.flatnonzero((sums >= config.min_documents) & (sums * MILLION >= total * least))
        yield _told(rows.take(pa.array(often)), sums[often])


def _text(batch: pa.RecordBatch) -> Utf8:
    """The texts; a null is an empty one."""
    return utf8(pc.fill_null(batch["text"], "")) if batch["text"].null_count else utf8(batch["text"])


def _mark(batch: pa.RecordBatch, verdicts: pa.Table, config: Config) -> Columns:
    """The texts without their boilerplate, and how much it was."""
    n, text = batch.num_rows, _text(batch)
    lines = _Lines(text, batch, config)
    count = np.zeros(len(lines.row), dtype=np.int64)
    if verdicts.num_rows and "line" in verdicts.column_names:
        count = lines.counted(*(one_chunk(verdicts[name]).to_numpy() for name in ("row", "line", "second", "count")))
    hit = np.flatnonzero(count)
    row, start, end = lines.row[hit], lines.start[hit], (lines.start + lines.size)[hit]
    spans.following(text.offsets, text.data, row, end)
    sizes = [np.bincount(of, weights=by, minlength=n) for of, by in ((row, lines.size[hit]), (lines.row, lines.size), (row, end - start))]
    share = np.round(sizes[0] / np.maximum(sizes[1], 1), DECIMALS)
    most = np.zeros(n, dtype=np.int64)
    np.maximum.at(most, row, count[hit])
    edits = np.bincount(row, minlength=n)
    bare = (edits > 0) & (sizes[0] == sizes[1]) if config.action == "cut" else np.zeros(n, dtype=bool)
    over = share > config.max_share if config.max_share is not None else np.zeros(n, dtype=bool)
    leaves = bare | over
    return {
        "text": _cut(batch["text"], text, row, start, end, (edits > 0) & ~leaves) if config.action == "cut" else batch["text"],
        "edits": pa.array(edits.astype(np.int32), mask=~lines.known),
        "num_bytes": pa.array(sizes[2].astype(np.int64), mask=~lines.known),
        "share": pa.array(share, mask=~lines.known),
        "most_documents": pa.array(most, mask=edits == 0),
        **_verdict(np.flatnonzero(leaves), over, share, config, n),
    }


def _verdict(rows: np.ndarray, over: np.ndarray, share: np.ndarray, config: Config, n: int) -> dict[str, pa.Array]:
    limit = "all of the text" if config.max_share is None else f"> {written(config.max_share)}"
    told: dict[str, list[Any]] = {
        DROP: [REASON] * len(rows),
        VALUE: [written(float(share[row])) for row in rows],
        THRESHOLD: [limit if over[row] else "all of the text" for row in rows],
    }
    return {name: scatter(pa.array(values, pa.string()), rows, n) for name, values in told.items()}


def _cut(text: pa.Array, view: Utf8, row: np.ndarray, start: np.ndarray, end: np.ndarray, changed: np.ndarray) -> pa.Array:
    """The texts, those that change without their spans (disjoint, in order)."""
    if not changed.any():
        return text
    n = len(text)
    ends, fresh = np.zeros(n + 1, dtype=np.int64), np.empty(int(view.offsets[-1] - view.offsets[0]), dtype=np.uint8)
    spans.cut(view.offsets, view.data, row, start, end, ends, fresh)
    made = pa.LargeStringArray.from_buffers(n, pa.py_buffer(ends), pa.py_buffer(fresh)).cast(text.type)
    return pa.concat_arrays([text, made]).take(pa.array(np.where(changed, np.arange(n) + n, np.arange(n))))


def _rounds(config: Config) -> tuple[Round, ...]:
    sizes = (Round(name="documents", sketch=_sites, resolve=_site_sizes, combine=_combine),) if config.min_share is not None else ()
    return (*sizes, Round(name="lines", sketch=_lines, resolve=_common, combine=_combine))


line_repetition = Barrier(
    name="line_repetition",
    version=1,
    config=Config,
    reads=lambda config: ("text", "domain" if config.scope == "domain" else "url"),
    rounds=_rounds,
    adds={"edits": pa.int32(), "num_bytes": pa.int64(), "share": pa.float64(), "most_documents": pa.int64(), **VERDICT},
    replaces=("text",),
    mark=_mark,
    idempotent=False,
    module=__name__,
)
