"""What the audit log amounts to: the tables that a review desk reads. Each is made from the log, entry by entry, and from nothing else.

`apply` puts one entry into the tables; playing all entries into an empty database gives the same tables, which is how a change behind the
log's back is found.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from curate.review.chain import Entry, read

SCHEMA = """
CREATE TABLE IF NOT EXISTS reviewers (name TEXT PRIMARY KEY, role TEXT NOT NULL, contact TEXT NOT NULL, at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS items (
    document TEXT, rule TEXT, rank INTEGER NOT NULL, raters INTEGER NOT NULL, PRIMARY KEY (document, rule)
) STRICT;
CREATE INDEX IF NOT EXISTS items_by_rank ON items (rank);
CREATE TABLE IF NOT EXISTS claims (document TEXT, rule TEXT, reviewer TEXT, at TEXT NOT NULL, PRIMARY KEY (document, rule, reviewer)) STRICT;
CREATE TABLE IF NOT EXISTS labels (
    document TEXT, rule TEXT, reviewer TEXT, verdict TEXT NOT NULL, blind TEXT, note TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (document, rule, reviewer)
) STRICT;
CREATE TABLE IF NOT EXISTS resolutions (
    document TEXT, rule TEXT, verdict TEXT NOT NULL, note TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (document, rule)
) STRICT;
CREATE TABLE IF NOT EXISTS comments (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS comments_by_subject ON comments (kind, key);
CREATE TABLE IF NOT EXISTS documents (
    id TEXT PRIMARY KEY, decision TEXT NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL, by TEXT NOT NULL, date TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS domains (
    host TEXT, path TEXT, decision TEXT NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL, by TEXT NOT NULL, date TEXT NOT NULL, until TEXT,
    scope TEXT, licence TEXT, PRIMARY KEY (host, path)
) STRICT;
CREATE TABLE IF NOT EXISTS thresholds (
    number INTEGER PRIMARY KEY, step TEXT NOT NULL, field TEXT NOT NULL, before TEXT NOT NULL, value TEXT NOT NULL, note TEXT NOT NULL,
    effect TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL, settled_by TEXT, settled_at TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS signoffs (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, date TEXT NOT NULL, statement TEXT NOT NULL, signed TEXT NOT NULL,
    by TEXT NOT NULL
) STRICT;
"""


def grown(db: sqlite3.Connection) -> None:
    """Add what tables of an earlier version lack: a domain's scope and licence."""
    held = {row[1] for row in db.execute("PRAGMA table_info(domains)")}
    for name in (one for one in ("scope", "licence") if one not in held):
        db.execute(f"ALTER TABLE domains ADD COLUMN {name} TEXT")


TABLES = ("reviewers", "items", "claims", "labels", "resolutions", "comments", "documents", "domains", "thresholds", "signoffs")

Apply = Callable[[sqlite3.Connection, Entry, Mapping[str, Any]], object]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _queued(db: sqlite3.Connection, entry: Entry, said: Mapping[str, Any]) -> None:
    first = db.execute("SELECT coalesce(max(rank), -1) + 1 FROM items").fetchone()[0]
    rows = [(document, rule, first + n, said["raters"]) for n, (document, rule) in enumerate(said["items"])]
    db.executemany("INSERT INTO items VALUES (?, ?, ?, ?)", rows)


def _labelled(db: sqlite3.Connection, entry: Entry, said: Mapping[str, Any]) -> None:
    key = (said["document"], said["rule"], entry.by)
    old = db.execute("SELECT blind FROM labels WHERE document = ? AND rule = ? AND reviewer = ?", key).fetchone()
    blind = said["verdict"] if said["blind"] else old[0] if old else None
    db.execute("INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?, ?, ?, ?)", (*key, said["verdict"], blind, said["note"], entry.at))
    db.execute("DELETE FROM claims WHERE document = ? AND rule = ? AND reviewer = ?", key)


def _document(db: sqlite3.Connection, entry: Entry, said: Mapping[str, Any]) -> None:
    if said["decision"] is None:
        db.execute("DELETE FROM documents WHERE id = ?", (said["id"],))
    else:
        row = (said["id"], said["decision"], said["reason"], said["note"], entry.by, entry.at[:10])
        db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?)", row)


def _domain(db: sqlite3.Connection, entry: Entry, said: Mapping[str, Any]) -> None:
    if said["decision"] is None:
        db.execute("DELETE FROM domains WHERE host = ? AND path = ?", (said["host"], said["path"]))
    else:
        row = (said["host"], said["path"], said["decision"], said["reason"], said["note"], entry.by, entry.at[:10], said["until"])
        db.execute("INSERT OR REPLACE INTO domains VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, said.get("scope"), said.get("licence")))


def _proposed(db: sqlite3.Connection, entry: Entry, said: Mapping[str, Any]) -> None:
    values = (_text(said["before"]), _text(said["value"]), said["note"], _text(said["effect"]))
    row = (entry.number, said["step"], said["field"], *values, entry.by, entry.at, "open", None, None)
    db.execute("INSERT INTO thresholds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def _settled(db: sqlite3.Connection, entry: Entry, said: Mapping[str, Any]) -> None:
    row = (said["state"], entry.by, entry.at, said["number"])
    db.execute("UPDATE thresholds SET state = ?, settled_by = ?, settled_at = ? WHERE number = ?", row)


def _signed(db: sqlite3.Connection, entry: Entry, said: Mapping[str, Any]) -> None:
    row = (entry.number, said["name"], said["role"], said["date"], said["statement"], _text(said["signed"]), entry.by)
    db.execute("INSERT INTO signoffs VALUES (?, ?, ?, ?, ?, ?, ?)", row)


ACTIONS: Mapping[str, Apply] = {
    "reviewer": lambda db, e, s: db.execute(
        "INSERT OR REPLACE INTO reviewers VALUES (?, ?, ?, ?)", (s["name"], s["role"], s["contact"], e.at)
    ),
    "queue": _queued,
    "claim": lambda db, e, s: db.execute("INSERT INTO claims VALUES (?, ?, ?, ?)", (s["document"], s["rule"], e.by, e.at)),
    "release": lambda db, e, s: db.execute(
        "DELETE FROM claims WHERE document = ? AND rule = ? AND reviewer = ?", (s["document"], s["rule"], s["reviewer"])
    ),
    "label": _labelled,
    "resolve": lambda db, e, s: db.execute(
        "INSERT OR REPLACE INTO resolutions VALUES (?, ?, ?, ?, ?, ?)", (s["document"], s["rule"], s["verdict"], s["note"], e.by, e.at)
    ),
    "comment": lambda db, e, s: db.execute(
        "INSERT INTO comments VALUES (?, ?, ?, ?, ?, ?)", (e.number, s["kind"], s["key"], s["text"], e.by, e.at)
    ),
    "document": _document,
    "domain": _domain,
    "threshold": _proposed,
    "settle_threshold": _settled,
    "sign": _signed,
}
"""What each action of the log does to the tables. `note` puts nothing in them."""


def apply(db: sqlite3.Connection, entry: Entry) -> None:
    """Put one entry into the tables."""
    if act := ACTIONS.get(entry.action):
        act(db, entry, entry.said)


def differs(db: sqlite3.Connection) -> str | None:
    """The first table that is not what the log, played into an empty database, makes of it."""
    played = sqlite3.connect(":memory:")
    played.executescript(SCHEMA)
    for entry in read(db):
        apply(played, entry)
    for table in TABLES:
        held, said = (sorted(map(tuple, one.execute(f"SELECT * FROM {table}")), key=repr) for one in (db, played))
        if held != said:
            odd = next(row for row in (*held, *said) if row not in held or row not in said)
            return (
                f"table {table}: expected what the log says, got another row about {str(odd[0])[:80]}; it was changed behind the log's back"
            )
    return None
