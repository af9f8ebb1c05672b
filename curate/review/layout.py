"""Where the desk keeps what it has looked up beforehand, and the tables of its SQLite file.

    review/index/meta.json    what it was made of: digests of manifests and recipe, version
                 index.sqlite reasons, sources, domains, clusters, samples with their text, words of all texts
                 rows/*.npy   arrays of one entry a row, and orders of them
                 values/      all values of each judged measure

Made anew whenever the run is another one; nothing in it was said by people, so it can be deleted at any time.
"""

import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from curate.store import Store

VERSION = 2
DATABASE = "index.sqlite"
META = "meta.json"
MANIFESTS = ("documents/manifest.json", "removed/manifest.json", "recipe.yaml")
TABLES = """
create table reasons (code integer primary key, name text, rows integer, bytes integer);
create table domains (code integer primary key, name text, kept integer, removed integer, bytes integer, removed_bytes integer,
                      licence text, licensed integer, denied integer);
create table clusters (no integer primary key, step text, keeper integer, keeper_id blob, size integer, least real, first integer);
create table samples (row integer primary key, value real, held blob);
create table strata (kind text, key text, rank integer, row integer, primary key (kind, key, rank)) without rowid;
create table sizes (kind text, key text, rows integer, primary key (kind, key)) without rowid;
create table near (rule text, side text, row integer, value real);
create table claims (kind text, spdx text, locator text, rows integer);
"""
FULL_TEXT = """
create virtual table words using fts5(url, text, content='', columnsize=0, detail=column, tokenize="unicode61 remove_diacritics 2");
"""
ORDERS = """
create index domains_by_bytes on domains (bytes desc, code);
create index domains_by_removed on domains (removed desc, code);
create index domains_by_name on domains (name);
create index clusters_by_size on clusters (size desc, no);
create index clusters_by_step on clusters (step, size desc, no);
create index clusters_by_keeper on clusters (keeper_id);
create index near_by_rule on near (rule, side, value);
create virtual table domain_names using fts5(name, content='domains', content_rowid='code', tokenize='trigram', detail=none);
insert into domain_names (rowid, name) select code, name from domains;
"""


def digest(store: Store, texts: bool) -> str:
    """What an index is of: another digest, another index."""
    hasher = hashlib.blake2b(f"{VERSION} {texts}".encode(), digest_size=16)
    for path in MANIFESTS:
        data = store.read(path) if store.exists(path) else b""
        hasher.update(len(data).to_bytes(8, "little") + data)
    return hasher.hexdigest()


def connect(path: Path, *, write: bool = False) -> sqlite3.Connection:
    """The database: to be filled (and thrown away if that is interrupted), or read-only."""
    if not write:
        return sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    opened = sqlite3.connect(path, check_same_thread=False)
    opened.executescript("pragma journal_mode=off; pragma synchronous=off; pragma locking_mode=exclusive; pragma cache_size=-200000;")
    return opened


def whole(path: Path) -> bool:
    """Whether the database can be read to its end."""
    try:
        with closing(connect(path)) as opened:
            return bool(opened.execute("pragma quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False


def rows(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    """Rows as mappings."""
    names = [one[0] for one in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def first(cursor: sqlite3.Cursor) -> Mapping[str, Any] | None:
    """The first row."""
    found = rows(cursor)
    return found[0] if found else None
