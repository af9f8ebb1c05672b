"""What people said about a run: labels, comments, decisions, proposals, sign-offs; one SQLite file, `review/decisions.sqlite`.

Several processes and reviewers may write at once: WAL, one write transaction a decision. Each is an entry of the audit log (`chain`) from
which the tables are made (`tables`); nothing else writes them. Stewards decide, reviewers label, comment and propose.

**Blind double review.** Documents are queued by rule (`step:reason`, or `kept`), drawn and ordered by a seed; each waits for labels of so many
`raters`. Until they are in, nobody sees another's label, note or comment on that document, neither here nor in the log. A label that is
changed afterwards keeps what was said blind beside it, and only that counts for agreement.

A run in a folder has its file there. SQLite cannot lie in an object store: for such a run name a local folder, which has to be kept (and can
be one that is backed up); `publish` writes the log and the decisions into the store beside the run.
Misses: who a person is; names are as the desk knows them.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from curate import steward
from curate.errors import RecipeError, ReviewError, StoreError
from curate.review import chain, tables
from curate.store import Store

FILE = "review/decisions.sqlite"
LOG, EXPORT = "review/audit.jsonl", "review/decisions.json"
REVIEWER, STEWARD = "reviewer", "steward"
ROLES = (REVIEWER, STEWARD)
MAX_CHARS = steward.MAX_CHARS
WAIT_SECONDS = 30.0
"""How long a decision waits for another process that is writing."""
SUBJECTS = ("document", "rule", "domain", "cluster", "run")


class NotAllowedError(ReviewError):
    """Only a steward may do that."""


@dataclass(frozen=True, kw_only=True)
class Reviewer:
    """A person at the desk."""

    name: str
    role: str
    """reviewer or steward."""
    contact: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Comment:
    """Something said about a subject; text is as it was typed: escape it."""

    number: int
    kind: str
    """document, rule, domain, cluster or run."""
    key: str
    text: str
    by: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A threshold that somebody wants changed."""

    number: int
    step: str
    field: str
    before: Any
    value: Any
    note: str
    effect: Mapping[str, Any]
    """What the desk showed to come of it, such as documents that flip."""
    by: str
    at: str
    state: str
    """open, accepted or declined."""
    settled_by: str | None
    settled_at: str | None


def now() -> str:
    """The time as the log writes it: UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def place(store: Store, local: str | Path | None = None) -> Path:
    """Where the file of a run lies: in its folder, or in `local`. StoreError for a run in an object store without `local`."""
    if local is not None:
        return Path(local) / "decisions.sqlite"
    if not store.is_local:
        raise StoreError(
            f"review of {store.root}: expected a local folder for decisions, got a run in an object store; name one that is kept and backed up"
        )
    return Path(store.full(FILE))


class DecisionStore:
    """The open file. Any thread may call any method; each takes a connection of its own."""

    def __init__(self, path: Path, clock: Callable[[], str] = now):
        self.path, self.clock = path, clock
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self.connection() as db:
                db.executescript(chain.SCHEMA + tables.SCHEMA)
                tables.grown(db)
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{path}: expected a review desk's SQLite file, got '{error}'; restore it from a copy") from error

    @classmethod
    def of(cls, store: Store, local: str | Path | None = None) -> Self:
        """The file of a run; made if it is not there."""
        return cls(place(store, local))

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with; every statement sees what was committed before it."""
        db = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.row_factory = sqlite3.Row
            yield db
        finally:
            db.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction, begun at once so that nobody writes between looking and writing."""
        with self.connection() as db:
            try:
                db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                raise StoreError(f"{self.path}: expected to write, got '{error}'; see who holds the file, and try again") from error
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise

    def record(self, db: sqlite3.Connection, by: str | None, action: str, said: Mapping[str, Any]) -> chain.Entry:
        """Add an entry to the log and put it into the tables, inside `writing`."""
        entry = chain.append(db, at=self.clock(), by=by, action=action, said=said)
        tables.apply(db, entry)
        return entry

    # ---------------------------------------------------------------- people

    def join(self, name: str, role: str = REVIEWER, contact: str = "", by: str | None = None) -> Reviewer:
        """Add a person, or give one another role. `by`: a steward, or None for whoever started the desk on this machine."""
        name, contact = words("name", name, 200), words("contact", contact, 200, empty=True)
        if role not in ROLES:
            raise ReviewError(f"reviewer {name}: expected a role of {list(ROLES)}, got {role!r}; choose one")
        with self.writing() as db:
            if by is not None:
                allowed(db, by, steward_only=True)
            self.record(db, by, "reviewer", {"name": name, "role": role, "contact": contact})
        return self.reviewer(name)

    def reviewer(self, name: str) -> Reviewer:
        """ReviewError for nobody of that name."""
        with self.connection() as db:
            return allowed(db, name)

    def reviewers(self) -> list[Reviewer]:
        """All, by name."""
        with self.connection() as db:
            return [Reviewer(**row) for row in db.execute("SELECT * FROM reviewers ORDER BY name")]

    # ---------------------------------------------------------------- comments

    def comment(self, kind: str, key: str, text: str, by: str) -> Comment:
        """Say something about a document (hex id), rule (step:reason), domain, cluster (hex id of the keeper) or the run."""
        if kind not in SUBJECTS:
            raise ReviewError(f"comment: expected a subject of {list(SUBJECTS)}, got {kind!r}; choose one")
        said = {"kind": kind, "key": words("key", key, 4096, empty=kind == "run"), "text": words("text", text, 20_000)}
        with self.writing() as db:
            allowed(db, by)
            entry = self.record(db, by, "comment", said)
        return Comment(number=entry.number, **said, by=by, at=entry.at)

    def comments(self, kind: str, key: str, viewer: str) -> list[Comment]:
        """In order. Others' on a document that waits for blind labels are left out until these are in."""
        with self.connection() as db:
            found = [Comment(**row) for row in db.execute("SELECT * FROM comments WHERE kind = ? AND key = ? ORDER BY number", (kind, key))]
            waiting = kind == "document" and key in waits(db)
        return [one for one in found if not waiting or one.by == viewer]

    # ---------------------------------------------------------------- decisions

    def decide_document(
        self, id: str, decision: str | None, *, reason: str = "", note: str = "", by: str
    ) -> steward.DocumentDecision | None:
        """keep, remove or hold; None takes an earlier decision back. Stewards only."""
        with self.writing() as db:
            allowed(db, by, steward_only=True)
            if decision is None:
                _there(db, "SELECT 1 FROM documents WHERE id = ?", (id,), f"document {id}")
                self.record(db, by, "document", {"id": id, "decision": None})
                return None
            said = {"id": id, "decision": decision, "reason": reason, "note": note}
            made = steward.DocumentDecision(**said, by=by, date=self.clock()[:10])
            fits(made, f"document {id}")
            self.record(db, by, "document", said)
        return made

    def document_decisions(self) -> list[steward.DocumentDecision]:
        """All that hold, by id."""
        with self.connection() as db:
            return [steward.DocumentDecision(**row) for row in db.execute("SELECT * FROM documents ORDER BY id")]

    def document_decision(self, id: str) -> steward.DocumentDecision | None:
        """The one on a document."""
        with self.connection() as db:
            row = db.execute("SELECT * FROM documents WHERE id = ?", (id,)).fetchone()
        return steward.DocumentDecision(**row) if row else None

    def decide_domain(
        self,
        host: str,
        decision: str | None,
        *,
        path: str = "",
        reason: str = "",
        note: str = "",
        until: str | None = None,
        scope: str | None = None,
        licence: str | None = None,
        by: str,
    ) -> steward.DomainDecision | None:
        """approve, deny or quarantine a host with all hosts below it, or a path prefix of it; None takes it back. Stewards only.
        `scope`: what an approval clears, `licence`: what it states (`curate.steward`)."""
        host = host.strip().lower().rstrip(".")
        with self.writing() as db:
            allowed(db, by, steward_only=True)
            if decision is None:
                _there(db, "SELECT 1 FROM domains WHERE host = ? AND path = ?", (host, path), f"domain {host}{path}")
                self.record(db, by, "domain", {"host": host, "path": path, "decision": None})
                return None
            said: dict[str, Any] = {"host": host, "path": path, "decision": decision, "reason": reason, "note": note, "until": until}
            said |= {name: value for name, value in (("scope", scope), ("licence", licence)) if value}
            made = steward.DomainDecision(**said, by=by, date=self.clock()[:10])
            fits(made, f"domain {host}{path}")
            self.record(db, by, "domain", said)
        return made

    def domain_decisions(self) -> list[steward.DomainDecision]:
        """All that hold, by host and path: the table that rights read."""
        with self.connection() as db:
            return [steward.DomainDecision(**row) for row in db.execute("SELECT * FROM domains ORDER BY host, path")]

    def domain_decision(self, url: str) -> steward.DomainDecision | None:
        """The one that holds for an address: of the longest host, then the longest path."""
        return steward.Domains(self.domain_decisions()).of(url)

    # ---------------------------------------------------------------- thresholds

    def propose_threshold(
        self, step: str, field: str, *, before: Any, value: Any, note: str = "", effect: Mapping[str, Any] | None = None, by: str
    ) -> Proposal:
        """Ask for another limit of a step's config field; `effect` is what the desk showed to come of it (plain JSON)."""
        said = {"step": words("step", step, 200), "field": words("field", field, 200), "before": before, "value": value}
        said |= {"note": words("note", note, MAX_CHARS, empty=True), "effect": dict(effect or {})}
        with self.writing() as db:
            allowed(db, by)
            number = self.record(db, by, "threshold", said).number
        return self.threshold(number)

    def settle_threshold(self, number: int, *, accept: bool, by: str) -> Proposal:
        """Accept or decline a proposal that is open. Stewards only."""
        with self.writing() as db:
            allowed(db, by, steward_only=True)
            _there(db, "SELECT 1 FROM thresholds WHERE number = ? AND state = 'open'", (number,), f"proposal {number}", "an open one")
            self.record(db, by, "settle_threshold", {"number": number, "state": "accepted" if accept else "declined"})
        return self.threshold(number)

    def threshold(self, number: int) -> Proposal:
        """One proposal; ReviewError if there is none of that number."""
        found = [one for one in self.thresholds() if one.number == number]
        if not found:
            raise ReviewError(f"proposal {number}: expected one of the thresholds proposed, got none; look at the list")
        return found[0]

    def thresholds(self) -> list[Proposal]:
        """All, in order."""
        with self.connection() as db:
            rows = [dict(row) for row in db.execute("SELECT * FROM thresholds ORDER BY number")]
        return [Proposal(**row | {name: json.loads(row[name]) for name in ("before", "value", "effect")}) for row in rows]

    # ---------------------------------------------------------------- the log

    def audit(self, viewer: str, first: int = 1, limit: int = 200) -> list[chain.Entry]:
        """Entries from number `first` on; what others said about documents that wait for blind labels is left out (`hidden`)."""
        with self.connection() as db:
            hidden = waits(db)
            return [_masked(entry, viewer, hidden) for entry in chain.read(db, first, limit)]

    def head(self) -> tuple[int, str | None]:
        """(entries, hash of the last)."""
        with self.connection() as db:
            row = db.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1").fetchone()
        return (row[0], row[1]) if row else (0, None)

    def verify(self) -> str | None:
        """What is wrong, in words that name the first broken entry of the log, or the first table that is not what the log says; None if all is well."""
        with self.connection() as db:
            db.execute("BEGIN")
            if found := chain.broken(chain.read(db)):
                return found
            return tables.differs(db)

    # ---------------------------------------------------------------- the file for recipes

    def export(self, run: Mapping[str, str]) -> steward.Decisions:
        """All that holds, as a recipe applies it. `run`: {"recipe": its name, "manifest": digest of documents/manifest.json}."""
        entries, head = self.head()
        accepted = [
            steward.ThresholdDecision(
                step=one.step, field=one.field, value=one.value, reason=one.note, by=one.settled_by or "", date=(one.settled_at or "")[:10]
            )
            for one in self.thresholds()
            if one.state == "accepted"
        ]
        latest = {(one.step, one.field): one for one in accepted}
        return steward.Decisions(
            run=dict(run),
            log={"entries": entries, "head": head},
            documents=tuple(self.document_decisions()),
            domains=tuple(self.domain_decisions()),
            thresholds=tuple(latest.values()),
        )

    def publish(self, store: Store, run: Mapping[str, str]) -> None:
        """Put the log and the decisions into a run's store, as `review/audit.jsonl` and `review/decisions.json`."""
        with self.connection() as db:
            lines = b"".join(chain.canonical(vars(entry)) + b"\n" for entry in chain.read(db))
        store.write(LOG, lines)
        store.write(EXPORT, self.export(run).encode())


def words(field: str, value: str, most: int, *, empty: bool = False) -> str:
    """Text without blanks around it. ReviewError where it is empty or too long."""
    value = value.strip()
    if (not value and not empty) or len(value) > most:
        raise ReviewError(f"{field}: expected {0 if empty else 1} to {most} characters, got {len(value)}; say it anew")
    return value


def allowed(db: sqlite3.Connection, name: str, *, steward_only: bool = False) -> Reviewer:
    """The person, if they are at this desk. ReviewError for a stranger, NotAllowedError for a reviewer where a steward is needed."""
    row = db.execute("SELECT * FROM reviewers WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise ReviewError(f"reviewer {name!r}: expected somebody at this desk, got a stranger; let a steward add them")
    if steward_only and row["role"] != STEWARD:
        raise NotAllowedError(f"reviewer {name}: expected a steward, got a {row['role']}; ask a steward to decide")
    return Reviewer(**row)


def fits(decision: Any, where: str) -> None:
    """ReviewError where a decision does not say what its file asks."""
    try:
        steward.check(decision, where)
    except RecipeError as error:
        raise ReviewError(str(error)) from None


def waits(db: sqlite3.Connection) -> set[str]:
    """Documents in the queue that still wait for labels."""
    return {row[0] for row in db.execute(f"SELECT document FROM items i WHERE {INCOMPLETE}")}


INCOMPLETE = "raters > (SELECT count(*) FROM labels l WHERE l.document = i.document AND l.rule = i.rule)"
"""Of an item `i` of the queue."""


def _there(
    db: sqlite3.Connection, query: str, values: tuple[Any, ...], what: str, expected: str = "an earlier decision to take back"
) -> None:
    if db.execute(query, values).fetchone() is None:
        raise ReviewError(f"{what}: expected {expected}, got none; look at the list")


def _masked(entry: chain.Entry, viewer: str, hidden: set[str]) -> chain.Entry:
    """The entry without what the viewer may not see yet."""
    said = entry.said
    document = said.get("document") if entry.action == "label" else said.get("key") if said.get("kind") == "document" else None
    if entry.by == viewer or document not in hidden:
        return entry
    return replace(entry, said={name: value for name, value in said.items() if name not in ("verdict", "note", "text")} | {"hidden": True})
