"""Host files that were fetched elsewhere or later, as a table that a recipe names: Parquet (also `hosts/` of a run) or JSON lines.

column       meaning
kind         robots, ai, tdmrep or rsl; without it, what the address says
url          the file's address
observed_at  when it was fetched, ISO 8601 in JSON; null counts as ever
status       HTTP status, 200 if it is not given; in a run's host table `origin.http_status`
text         the file; null where there was none
"""

import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from curate.consent.hosts import FILES, Seen
from curate.errors import RecipeError

_ENDINGS = {"/robots.txt": "robots", "/ai.txt": "ai", "/.well-known/tdmrep.json": "tdmrep"}


class Table:
    """Observations by host."""

    def __init__(self, seen: Iterator[tuple[str, Seen]] | tuple[()]):
        self._by_host: dict[str, list[Seen]] = {}
        self._rsl: list[Seen] = []
        for host, one in seen:
            if one.kind == "rsl":
                self._rsl.append(one)  # licences may lie on another host
            else:
                self._by_host.setdefault(host, []).append(one)

    def of(self, host: str) -> list[Seen]:
        """Files of a host, and all licences."""
        return [*self._by_host.get(host, ()), *self._rsl]


NOTHING = Table(())


def _files(path: str) -> tuple[fsspec.AbstractFileSystem, list[str]]:
    """The file, or those of a folder by name. ValueError for a folder without any."""
    fs, root = fsspec.core.url_to_fs(path)
    if not fs.isdir(root):
        return fs, [root]
    files = sorted(name for name in fs.find(root) if name.endswith(".parquet"))
    if not files:
        raise ValueError("a folder without Parquet files")
    return fs, files


def digest(path: str) -> str:
    """sha256 of the table's bytes; those of a file that has not changed are not read twice."""
    fs, files = _files(path)
    return _digest(path, tuple(str(fs.ukey(name)) for name in files))


@lru_cache(maxsize=16)
def _digest(path: str, _state: tuple[str, ...]) -> str:
    fs, files = _files(path)
    hasher = sha256()
    for name in files:
        hasher.update(fs.cat_file(name))
    return hasher.hexdigest()


def read(path: str) -> Table:
    """The table of a path. RecipeError, naming the row, for what is none."""
    try:
        rows = list(_rows(path))
    except (OSError, pa.ArrowException, ValueError) as error:
        raise RecipeError(
            f"{path}: expected a table of host files (Parquet or JSON lines), got {' '.join(str(error).split())[:120]}; "
            "give it the columns kind, url, observed_at, status, text"
        ) from None
    return Table(_seen(row, f"{path}: row {number}") for number, row in enumerate(rows, 1))


def _rows(path: str) -> Iterator[Mapping[str, Any]]:
    fs, files = _files(path)
    for name in files:
        held = fs.cat_file(name)
        if held[:4] == b"PAR1":
            yield from (row for row in pq.read_table(io.BytesIO(held)).to_pylist() if row.get("kind") != "media")
        else:
            for line in held.decode().splitlines():
                if line.strip():
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise ValueError(f"a line that is no object: {line[:60]}")
                    yield row


def _seen(row: Mapping[str, Any], where: str) -> tuple[str, Seen]:
    url = row.get("url")
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        host, port = (parts.hostname or "").rstrip(".").lower(), parts.port
    except ValueError:
        host, port = "", None
    if not host:
        raise RecipeError(f"{where}: expected an address with a host as `url`, got {str(url)[:80]!r}; write https://example.org/robots.txt")
    kind = row.get("kind") or _ENDINGS.get(parts.path)
    if kind not in FILES:
        raise RecipeError(f"{where}: expected a kind of {list(FILES)}, got {str(kind)[:40]!r}; write it as `kind`")
    status = row.get("status", (row.get("origin") or {}).get("http_status"))
    return host, Seen(kind, _moment(row.get("observed_at"), where), parts.scheme.lower(), port, status, row.get("text"), url)


def _moment(said: Any, where: str) -> datetime | None:
    if said is None or isinstance(said, datetime):
        return said
    try:
        moment = datetime.fromisoformat(str(said))
    except ValueError:
        raise RecipeError(f"{where}: expected `observed_at` in ISO 8601, got {str(said)[:40]!r}; write 2026-11-27T00:00:00Z") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
