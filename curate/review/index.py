"""The desk's index, opened: from an id, URL, domain, reason or word to rows, and from rows to what a page shows of them."""

import hashlib
import json
import re
import sqlite3
import threading
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from curate.card.folder import Folder
from curate.review import layout
from curate.review.build import CJK, SAMPLE_CHARS, pack, unpack
from curate.review.census import url_key
from curate.review.parts import Parts
from curate.review.thresholds import Judged, Spread, judged
from curate.why import plain, variants

Row = dict[str, Any]
WORD = re.compile(r"\w+", re.UNICODE)
MOST_STEPS = 4_000_000
"""Steps of SQLite's machine after which a search gives up: about half a second."""
COUNTED = 1000
"""Hits are counted up to so many."""


class Index:
    """Read-only, for any number of threads."""

    def __init__(self, folder: Folder, path: Path):
        self.folder, self.path = folder, path
        self.meta: dict[str, Any] = json.loads((path / layout.META).read_text())
        self.parts = Parts(folder, dict(self.meta["damage"]))
        self._local = threading.local()
        self.spread = lru_cache(maxsize=64)(self._spread)

    # ------------------------------------------------------------ arrays and tables

    def __getattr__(self, name: str) -> np.ndarray:
        """An array of `rows/`, mapped when first asked for."""
        if name.startswith("_") or not (path := self.path / "rows" / f"{name}.npy").exists():
            raise AttributeError(name)
        array = np.load(path, mmap_mode="r")
        setattr(self, name, array)
        return array

    @property
    def database(self) -> sqlite3.Connection:
        """This thread's connection."""
        if not hasattr(self._local, "database"):
            self._local.database = layout.connect(self.path / layout.DATABASE)
        connection: sqlite3.Connection = self._local.database
        return connection

    def query(self, sql: str, *values: Any) -> list[Row]:
        return layout.rows(self.database.execute(sql, values))

    @cached_property
    def _url_bytes(self) -> np.ndarray:
        path = self.path / "rows" / "urls.bin"
        return np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)

    @cached_property
    def rules(self) -> list[Judged]:
        """Rules over numbers."""
        return judged(self.folder, self.parts.schema)

    def _spread(self, column: str) -> Spread:
        return Spread.load(self.path / "values" / f"{column}.npz")

    @cached_property
    def cluster_steps(self) -> list[str]:
        """Steps that found duplicates."""
        return [one["step"] for one in self.query("select distinct step from clusters")]

    @cached_property
    def totals(self) -> Row:
        """bytes kept under a domain, and domains."""
        return self.query("select coalesce(sum(bytes), 0) as bytes, count(*) as domains from domains")[0]

    @cached_property
    def reasons(self) -> list[Row]:
        """name, rows, bytes of every reason (`kept` among them), in the order of the recipe, largest first within a step."""
        place = {step.name: number for number, step in enumerate(self.folder.steps)}
        found = self.query("select name, rows, bytes from reasons where rows > 0")
        return sorted(found, key=lambda one: (place.get(one["name"].partition(":")[0], -1), -one["rows"], one["name"]))

    # ------------------------------------------------------------ rows

    def told(self, numbers: Sequence[int]) -> list[Row]:
        """What is known of rows without reading a file: row, id, url, domain, source, reason, removed_by (null: kept), bytes."""
        names = self.meta["names"]
        domains = self._domains([int(self.domain[number]) for number in numbers])
        return [
            {
                "row": int(number),
                "id": self.hex(number),
                "url": self.url(number),
                "domain": domains.get(int(self.domain[number])),
                "source": names["source"][int(self.source[number])],
                "reason": names["reason"][int(self.reason[number])],
                "removed_by": None if self.parts.part_of(number).kept else names["reason"][int(self.reason[number])],
                "bytes": int(self.bytes[number]),
            }
            for number in numbers
        ]

    def _domains(self, codes: Sequence[int]) -> dict[int, str]:
        found = self.query("select code, name from domains where code in (select value from json_each(?))", json.dumps(codes))
        return {one["code"]: one["name"] for one in found}

    def hex(self, number: int) -> str:
        return self.ids[number].astype(">u8").tobytes().hex()

    def url(self, number: int) -> str | None:
        start = int(self.urls[number - 1]) if number else 0
        text = self._url_bytes[start : int(self.urls[number])].tobytes().decode("utf-8", "replace")
        return text or None

    def held(self, number: int) -> Row | None:
        """A row with all columns, the text cut at SAMPLE_CHARS; from the samples, else from its file; None if that is damaged."""
        found = layout.first(self.database.execute("select held from samples where row = ?", (number,)))
        if found:
            return unpack(found["held"])
        row = self.parts.row(number)
        return None if row is None else unpack(pack(row))

    def some(self, number: int, columns: Sequence[str]) -> Row | None:
        """Some columns of a row, but never its text; None if its file is damaged."""
        found = layout.first(self.database.execute("select held from samples where row = ?", (number,)))
        row = unpack(found["held"]) if found else self.parts.row(number, columns)
        return None if row is None else {name: plain(row.get(name)) for name in columns}

    def text(self, number: int, start: int = 0, end: int | None = None) -> str | None:
        """Characters of a text."""
        if end is not None and end <= SAMPLE_CHARS:
            found = layout.first(self.database.execute("select held from samples where row = ?", (number,)))
            if found:
                text = unpack(found["held"])["text"]
                return None if text is None else str(text[start:end])
        text = self.parts.text(number)
        return None if text is None else text[start:end]

    # ------------------------------------------------------------ looking up

    def by_id(self, key: str) -> list[int]:
        """Rows with an id of 32 hex digits: kept before removed."""
        raw = bytes.fromhex(key)
        first, second = int.from_bytes(raw[:8]), int.from_bytes(raw[8:])
        found = self._equal(self.id_keys, self.id_order, np.uint64(first))
        return sorted(number for number in found if int(self.ids[number][1]) == second)

    def by_url(self, url: str) -> list[int]:
        """Rows with exactly this URL, or else with one of the ways in which people write it."""
        for one in (url, *variants(url)):
            found = self._equal(self.url_keys, self.url_order, np.uint64(url_key(one.encode("utf-8", "replace"))))
            if found := sorted(number for number in found if self.url(number) == one):
                return found
        return []

    @staticmethod
    def _equal(keys: np.ndarray, order: np.ndarray, value: np.uint64) -> list[int]:
        low, high = (int(np.searchsorted(keys, value, side=side)) for side in ("left", "right"))  # type: ignore[call-overload]
        return [int(one) for one in order[low:high]]

    def of_domain(self, code: int, start: int, count: int) -> list[int]:
        """Rows of a domain in the order of their ids."""
        low, high = int(self.domain_starts[code]), int(self.domain_starts[code + 1])
        return [int(one) for one in self.domain_order[min(low + start, high) : min(low + start + count, high)]]

    def sample(self, kind: str, key: str, seed: int, count: int | None = None) -> list[int]:
        """Rows of a stratum in an order that the seed draws."""
        rows = [one["row"] for one in self.query("select row from strata where kind = ? and key = ? order by rank", kind, key)]
        return sorted(rows, key=lambda row: (drawn(seed, self.hex(row)), row))[:count]

    def nearest(self, reason: str, limit: float) -> list[int]:
        """Rows at hand that left for a reason, those whose value is nearest to the limit first."""
        sql = """select row from strata join samples using (row) where kind = 'reason' and key = ?
        order by value is null, abs(value - ?), rank"""
        return [one["row"] for one in self.query(sql, reason, limit)]

    def size(self, kind: str, key: str) -> int:
        """Rows of a stratum, at hand or not."""
        found = self.query("select rows from sizes where kind = ? and key = ?", kind, key)
        return int(found[0]["rows"]) if found else 0

    def keys(self, kind: str) -> list[Row]:
        """key, rows of all strata of a kind, largest first."""
        return self.query("select key, rows from sizes where kind = ? order by rows desc, key", kind)

    # ------------------------------------------------------------ words

    def search(self, words: str, count: int = 30, start: int = 0, where: str = "") -> tuple[list[int], int | None]:
        """Rows whose text (or `where`: `url`, `text`) has all the words, and how many, counted up to COUNTED; None: not counted in time."""
        terms = [f'"{word}"' for word in WORD.findall(CJK.sub(r" \1 ", words))]
        if not terms or not self.meta["texts"]:
            return [], 0
        match = f"{{{where}}} : ({' AND '.join(terms)})" if where in ("url", "text") else " AND ".join(terms)
        sql = "select rowid as number from words where words match ? limit ? offset ?"
        connection = self.database
        connection.set_progress_handler(_after(MOST_STEPS), 1000)
        try:
            found = [one["number"] - 1 for one in self.query(sql, match, count, start)]
            counted = self.query(f"select count(*) as hits from ({sql})", match, COUNTED, 0)
            return found, int(counted[0]["hits"])
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            return [], None
        finally:
            connection.set_progress_handler(None, 0)


def _after(steps: int) -> Any:
    """Stops a query after so many steps, asked every thousand."""
    left = [steps // 1000]

    def asked() -> int:
        left[0] -= 1
        return int(left[0] < 0)

    return asked


def drawn(seed: int, key: str) -> bytes:
    """A place in a random order: the same for the same seed and key, everywhere."""
    return hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=8).digest()
