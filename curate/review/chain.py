"""The audit log of a review desk: what was done, by whom, when; each entry bound to the one before it by BLAKE3.

    hash = blake3(canonical JSON of {"number", "at", "by", "action", "said", "previous"})

`previous` is the hash of the entry before, null in the first. The table refuses UPDATE and DELETE; whoever gets around that, by an editor of
databases, is found by `broken`, which names the first entry that does not fit.
Misses: that the last entries are still there, which only a copy of the last hash elsewhere can show; sign-offs and decision files hold one.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from blake3 import blake3

SCHEMA = """
CREATE TABLE IF NOT EXISTS audit (
    number INTEGER PRIMARY KEY CHECK (number > 0), at TEXT NOT NULL, by TEXT, action TEXT NOT NULL, said TEXT NOT NULL, previous TEXT,
    hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_in_order BEFORE INSERT ON audit
WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM audit) OR NEW.previous IS NOT (SELECT hash FROM audit ORDER BY number DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the log."""

    number: int
    """From 1, without gaps."""
    at: str
    """ISO 8601, UTC, seconds."""
    by: str | None
    """Name of a reviewer; null for whoever started the desk on this machine."""
    action: str
    said: Mapping[str, Any]
    previous: str | None
    hash: str


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no blanks, UTF-8: the same bytes for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "surrogatepass")


def hash_of(entry: Mapping[str, Any]) -> str:
    """The hash that an entry with these fields must have."""
    bound = {name: entry[name] for name in ("number", "at", "by", "action", "said", "previous")}
    return "blake3:" + blake3(canonical(bound)).hexdigest()


def append(db: sqlite3.Connection, *, at: str, by: str | None, action: str, said: Mapping[str, Any]) -> Entry:
    """Add an entry; the caller holds the write transaction."""
    last = db.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    number, previous = (last[0] + 1, last[1]) if last else (1, None)
    fields: dict[str, Any] = {"number": number, "at": at, "by": by, "action": action, "said": dict(said), "previous": previous}
    made = Entry(**fields, hash=hash_of(fields))
    values = (number, at, by, action, canonical(fields["said"]).decode("utf-8", "surrogatepass"), previous, made.hash)
    db.execute("INSERT INTO audit (number, at, by, action, said, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    return made


def read(db: sqlite3.Connection, first: int = 1, limit: int = -1) -> Iterator[Entry]:
    """Entries from number `first` on, in order; a `said` that is no JSON any more reads as {"unreadable": its text}."""
    rows = db.execute(
        "SELECT number, at, by, action, said, previous, hash FROM audit WHERE number >= ? ORDER BY number LIMIT ?", (first, limit)
    )
    for number, at, by, action, said, previous, hash_ in rows:
        try:
            value = json.loads(said)
        except ValueError:
            value = {"unreadable": said}
        yield Entry(number=number, at=at, by=by, action=action, said=value, previous=previous, hash=hash_)


def broken(entries: Iterator[Entry]) -> str | None:
    """What is wrong with the first entry that does not fit, in words; None if all do."""
    previous: str | None = None
    for expected, entry in enumerate(entries, 1):
        if entry.number != expected:
            return f"entry {expected}: expected it after entry {expected - 1}, got entry {entry.number}; one was taken out"
        if entry.previous != previous:
            return f"entry {expected}: expected previous {previous}, got {entry.previous}; an entry was taken out or put between"
        if entry.hash != hash_of(vars(entry)):
            return f"entry {expected}: expected hash {hash_of(vars(entry))}, got {entry.hash}; it was changed after it was written"
        previous = entry.hash
    return None
