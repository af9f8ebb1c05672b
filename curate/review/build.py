"""The desk's index, made once for a run, so that a page is looked up and never counted.

The narrow columns are read first (census), then each judged measure (thresholds), then all texts once, for the words and for the samples.
Price: about 100 bytes a row beside the words of the texts; memory about 100 bytes a row while it is made.
"""

import json
import re
import shutil
import sqlite3
import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.card.folder import Folder
from curate.review import census, choose, layout, thresholds
from curate.review.census import Census
from curate.review.parts import Parts
from curate.why import plain

Told = Callable[[str, float], None]
SAMPLE_CHARS = 40_000
"""So much of a sampled text is at hand; the rest is read when somebody asks for it."""
WORD_CHARS = 20_000
"""So much of each text can be searched for."""
CJK = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0002ffff])")
"""Letters of scripts without spaces: each is searched for as a word."""


def build(folder: Folder, target: Path, told: Told, texts: bool = True) -> None:
    """Make the index at `target`, whole or not at all."""
    work = target.with_name(f"{target.name}.{uuid.uuid4().hex[:12]}.tmp")
    for name in ("rows", "values"):
        (work / name).mkdir(parents=True)
    try:
        database = layout.connect(work / layout.DATABASE, write=True)
        _fill(folder, work, database, told, texts)
        database.close()
        shutil.rmtree(target, ignore_errors=True)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fill(folder: Folder, work: Path, database: sqlite3.Connection, told: Told, texts: bool) -> None:
    parts = Parts(folder)
    database.executescript(layout.TABLES + (layout.FULL_TEXT if texts else ""))
    rows = work / "rows"
    taken = census.take(parts, rows / "urls", lambda share: told("addresses and reasons", share))
    for rule, side, found, values in thresholds.write(taken, work / "values", lambda share: told("measures", share)):
        pairs = zip(found.tolist(), values.tolist(), strict=True)
        database.executemany("insert into near values (?, ?, ?, ?)", ((rule, side, row, value) for row, value in pairs))
    _orders(taken, rows)
    chosen = _strata(taken, database)
    lengths = _texts(parts, chosen, database, told, texts)
    np.save(rows / "bytes.npy", lengths)
    _tables(taken, lengths, database)
    _clusters(taken, database, rows)
    told("tables", 1.0)
    database.executescript(layout.ORDERS)
    database.commit()
    made = {"digest": layout.digest(folder.store, texts), "version": layout.VERSION, "rows": parts.num_rows, "texts": texts}
    names = {name: codes.names for name, codes in taken.names.items() if name != "domain"}
    (work / layout.META).write_text(json.dumps(made | {"damage": parts.damage, "names": names}))


def _orders(taken: Census, rows: Path) -> None:
    """Arrays, and the orders in which they are searched."""
    np.save(rows / "ids.npy", taken.ids)
    for name in ("reason", "source", "domain"):
        np.save(rows / f"{name}.npy", getattr(taken, name))
    for name, keys in (("id", taken.ids[:, 0]), ("url", taken.url_hash)):
        order = np.argsort(keys, kind="stable").astype(np.uint32)
        np.save(rows / f"{name}_order.npy", order)
        np.save(rows / f"{name}_keys.npy", keys[order])
    order = np.lexsort((taken.ids[:, 0], taken.domain)).astype(np.uint32)
    np.save(rows / "domain_order.npy", order)
    ends = np.searchsorted(taken.domain[order], np.arange(len(taken.names["domain"].names) + 1))
    np.save(rows / "domain_starts.npy", ends.astype(np.int64))


def _strata(taken: Census, database: sqlite3.Connection) -> np.ndarray:
    """Rows whose text is wanted, rising."""
    chosen = []
    for kind, key, size, found in choose.strata(taken):
        database.execute("insert into sizes values (?, ?, ?)", (kind, key, size))
        database.executemany("insert into strata values (?, ?, ?, ?)", ((kind, key, i, row) for i, row in enumerate(found.tolist())))
        chosen.append(found)
    return np.unique(np.concatenate(chosen)) if chosen else np.empty(0, np.int64)


def _texts(parts: Parts, chosen: np.ndarray, database: sqlite3.Connection, told: Told, texts: bool) -> np.ndarray:
    """int64[rows]: bytes of each text. On the way: rows at hand, and words."""
    lengths = np.zeros(parts.num_rows, np.int64)
    for number, part in enumerate(parts.all):
        for first, table in parts.groups(part):
            here = chosen[np.searchsorted(chosen, first) : np.searchsorted(chosen, first + table.num_rows)]
            database.executemany("insert into samples values (?, ?, ?)", _held(table, here, first))
            if "text" in table.column_names:
                lengths[first : first + table.num_rows] = pc.fill_null(pc.binary_length(table["text"]), 0).to_numpy()
                if texts:
                    database.executemany("insert into words (rowid, url, text) values (?, ?, ?)", _words(table, first))
        told("texts", (number + 1) / len(parts.all))
    return lengths


def _held(table: pa.Table, rows: np.ndarray, first: int) -> Iterator[tuple[int, float | None, bytes]]:
    found = table.take(pa.array(rows - first)).to_pylist() if len(rows) else []
    for row, held in zip(rows.tolist(), found, strict=True):
        yield row, _number(held.get("value")), pack(held)


def _number(said: str | None) -> float | None:
    """The measured value of a removed row, where it is a number."""
    try:
        return None if said is None else float(said)
    except ValueError:
        return None


def pack(row: dict[str, Any]) -> bytes:
    """A row as the database holds it: plain values, the text cut."""
    text = row.get("text")
    cut = {"text": text[:SAMPLE_CHARS], "chars": len(text)} if text is not None else {"text": None, "chars": 0}
    return zlib.compress(json.dumps(plain(row) | cut, ensure_ascii=False).encode("utf-8", "surrogatepass"), 1)


def unpack(held: bytes) -> dict[str, Any]:
    """The row again; `chars` is the length of the whole text."""
    return dict(json.loads(zlib.decompress(held).decode("utf-8", "surrogatepass")))


def _words(table: pa.Table, first: int) -> Iterator[tuple[int, str | None, str]]:
    texts = pc.utf8_slice_codeunits(table["text"], 0, WORD_CHARS)
    for row, (url, text) in enumerate(zip(table["url"].to_pylist(), texts.to_pylist(), strict=True)):
        if text is not None:
            yield first + row + 1, url, text if text.isascii() else CJK.sub(r" \1 ", text)


def _tables(taken: Census, lengths: np.ndarray, database: sqlite3.Connection) -> None:
    """Reasons and domains with their sums."""
    reasons = taken.names["reason"].names
    counted, size = np.bincount(taken.reason, minlength=len(reasons)), np.bincount(taken.reason, lengths, len(reasons))
    summed = zip(reasons, counted.tolist(), size.astype(np.int64).tolist(), strict=True)
    database.executemany("insert into reasons values (?, ?, ?, ?)", ((code, *one) for code, one in enumerate(summed) if code))
    names = taken.names["domain"].names
    kept = taken.reason == taken.names["reason"].of(census.KEPT)
    denied = np.isin(taken.consent, [code for code, name in enumerate(taken.names["consent"].names) if name == "deny"])
    sums = [np.bincount(taken.domain[mask], weights, len(names)).astype(np.int64) for mask, weights in _asked(kept, denied, lengths)]
    licence, licensed = _main_licence(taken)
    rows = zip(range(len(names)), names, *(one.tolist() for one in sums[:4]), licence, licensed.tolist(), sums[4].tolist(), strict=True)
    database.executemany("insert into domains values (?, ?, ?, ?, ?, ?, ?, ?, ?)", (row for row in rows if row[0]))


def _asked(kept: np.ndarray, denied: np.ndarray, lengths: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """(rows, weights) of the sums that a domain gets: kept, removed, bytes of both, rows whose page denies."""
    yield kept, None
    yield ~kept, None
    yield kept, lengths[kept]
    yield ~kept, lengths[~kept]
    yield denied, None


def _main_licence(taken: Census) -> tuple[list[str | None], np.ndarray]:
    """Each domain's most frequent licence, and in how many rows it stands."""
    names, count = taken.names["licence"].names, len(taken.names["domain"].names)
    pairs, rows = np.unique(taken.domain.astype(np.int64) * len(names) + taken.licence, return_counts=True)
    domain, licence = np.divmod(pairs, len(names))
    order = np.lexsort((licence, -rows, domain))
    order = order[licence[order] > 0]
    first = order[np.concatenate([[True], domain[order][1:] != domain[order][:-1]])] if len(order) else order
    best, licensed = np.zeros(count, np.int64), np.zeros(count, np.int64)
    best[domain[first]], licensed[domain[first]] = licence[first], rows[first]
    return [names[code] for code in best.tolist()], licensed


def _clusters(taken: Census, database: sqlite3.Connection, rows: Path) -> None:
    """Who stands for whom: one line a keeper; its members lie together in members.npy, most similar first."""
    found = taken.clusters
    if not found.row:
        np.save(rows / "members.npy", np.empty(0, np.uint32))
        np.save(rows / "alike.npy", np.empty(0, np.float32))
        return
    step, row, keeper, alike = (np.concatenate(one) for one in (found.step, found.row, found.keeper, found.similarity))
    order = np.lexsort((row, -np.nan_to_num(alike, nan=2.0), keeper[:, 1], keeper[:, 0], step))
    step, row, keeper, alike = step[order], row[order], keeper[order], alike[order]
    new = np.concatenate([[True], (step[1:] != step[:-1]) | np.any(keeper[1:] != keeper[:-1], axis=1)])
    starts = np.flatnonzero(new)
    sizes = np.diff([*starts.tolist(), len(row)])
    ordered = np.argsort(taken.ids[:, 0], kind="stable")
    places = np.searchsorted(taken.ids[:, 0], keeper[starts, 0], sorter=ordered)
    stands = ordered[np.minimum(places, len(ordered) - 1)]
    known = np.all(taken.ids[stands] == keeper[starts], axis=1)
    names = [one.name for one in taken.parts.folder.steps]
    least = np.fmin.reduceat(alike, starts)
    database.executemany(
        "insert into clusters values (?, ?, ?, ?, ?, ?, ?)",
        (
            (
                number,
                names[step[start]],
                int(stands[number]) if known[number] else None,
                keeper[start].astype(">u8").tobytes(),
                int(sizes[number]) + 1,
                None if np.isnan(least[number]) else float(least[number]),
                int(start),
            )
            for number, start in enumerate(starts.tolist())
        ),
    )
    np.save(rows / "members.npy", row.astype(np.uint32))
    np.save(rows / "alike.npy", alike.astype(np.float32))
