"""The queue of blind double review, and the labels that come of it.

Items are (document, rule) pairs; `rule` is `step:reason` for a document that left by it, or `kept`. A label says whether that was `right`,
`wrong` or `unsure`. `enqueue` draws documents of each rule by BLAKE3(seed, rule, id), and orders items so that any beginning of the queue has
as many of each rule as there are; `next_item` hands them out in that order, each to as many different people as it has raters.
Documents that were not queued can be labelled too; such labels are seen at once, and count neither for agreement nor for precision, since
whoever chose them did not draw them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from sqlite3 import Connection
from typing import Any

from blake3 import blake3

from curate import steward
from curate.errors import ReviewError
from curate.review.decisions import INCOMPLETE, MAX_CHARS, STEWARD, DecisionStore, NotAllowedError, allowed, words

RIGHT, WRONG, UNSURE = "right", "wrong", "unsure"
VERDICTS = (RIGHT, WRONG, UNSURE)
KEPT = "kept"
"""The rule of a document that stayed."""
DISPUTED = "disputed"
"""What an item comes to whose labels differ, while no steward has resolved it."""
LABELS = "SELECT count(*) FROM labels l WHERE l.document = i.document AND l.rule = i.rule"


@dataclass(frozen=True, kw_only=True)
class Item:
    """A document that waits for a reviewer's label."""

    document: str
    """32 hex digits."""
    rule: str
    """step:reason, or kept."""
    rank: int
    raters: int


@dataclass(frozen=True, kw_only=True)
class Label:
    """What one person said."""

    reviewer: str
    verdict: str
    """right, wrong or unsure."""
    blind: str | None
    """What they said before they could see others'; null if they never labelled it blind."""
    note: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The labels of one document and rule, as one viewer may see them."""

    document: str
    rule: str
    labels: tuple[Label, ...]
    """The viewer's own first."""
    hidden: int
    """Labels of others that the viewer may not see yet."""
    raters: int
    """Labels that it waits for; 0 where it is not queued."""
    complete: bool
    verdict: str | None
    """What it comes to: what a steward resolved, or what all said, or `disputed`; null while labels are hidden or there is none."""
    resolved_by: str | None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the queue of one rule is."""

    rule: str
    items: int
    complete: int
    disputed: int
    """Complete ones whose labels differ, unresolved."""
    outcomes: Mapping[str, int]
    """right, wrong, unsure, disputed → complete items."""


class Labels:
    """The queue and the labels of a desk."""

    def __init__(self, store: DecisionStore):
        self.store = store

    def enqueue(self, found: Mapping[str, Sequence[str]], *, per_rule: int, seed: int, by: str, raters: int = 2) -> int:
        """Draw up to `per_rule` documents (hex ids) of each rule that are not queued yet; how many were queued. Stewards only.

        `found`: rule → all its documents, or a random draw of them. The same seed draws the same ones; a longer draw begins with the shorter.
        """
        if raters < 1 or per_rule < 1:
            raise ReviewError(f"queue: expected at least 1 rater and 1 document a rule, got {raters} and {per_rule}; ask for more")
        for rule, ids in found.items():
            words("rule", rule, 400)
            if strange := [one for one in ids if not steward.ID.fullmatch(one)]:
                raise ReviewError(f"queue: expected ids of 32 hex digits, got {strange[0][:60]!r}; give ids as the rows have them")
        with self.store.writing() as db:
            allowed(db, by, steward_only=True)
            queued = {(row[0], row[1]) for row in db.execute("SELECT document, rule FROM items")}
            drawn = {rule: _drawn(ids, rule, seed)[:per_rule] for rule, ids in found.items()}
            new = [[(one, rule) for one in drawn[rule] if (one, rule) not in queued] for rule in _shuffled(drawn, seed)]
            items = [one for layer in zip_longest(*new) for one in layer if one is not None]
            if items:
                said: dict[str, Any] = {"seed": seed, "raters": raters, "items": [list(one) for one in items]}
                self.store.record(db, by, "queue", said)
        return len(items)

    def next_item(self, reviewer: str, rule: str | None = None) -> Item | None:
        """What the person should look at now: what they took and have not labelled, else the first that waits for one more. None: nothing is left.

        Taking is recorded, so that two people who ask at once do not become a third and fourth rater; see `release`.
        """
        wanted, values = ("AND i.rule = ?", (rule,)) if rule is not None else ("", ())
        with self.store.writing() as db:
            allowed(db, reviewer)
            mine = "EXISTS (SELECT 1 FROM {0} c WHERE c.document = i.document AND c.rule = i.rule AND c.reviewer = ?)"
            taken = db.execute(
                f"SELECT i.* FROM items i WHERE {mine.format('claims')} {wanted} ORDER BY rank LIMIT 1", (reviewer, *values)
            ).fetchone()
            if taken is not None:
                return Item(**taken)
            free = db.execute(
                f"""SELECT i.* FROM items i WHERE NOT {mine.format("labels")} {wanted} AND raters >
                ({LABELS}) + (SELECT count(*) FROM claims c WHERE c.document = i.document AND c.rule = i.rule)
                ORDER BY rank LIMIT 1""",
                (reviewer, *values),
            ).fetchone()
            if free is None:
                return None
            item = Item(**free)
            self.store.record(db, reviewer, "claim", {"document": item.document, "rule": item.rule})
        return item

    def release(self, document: str, rule: str, *, by: str, reviewer: str | None = None) -> None:
        """Give an item back that `reviewer` (default: oneself) took and did not label; others' only by stewards."""
        reviewer = reviewer or by
        with self.store.writing() as db:
            allowed(db, by, steward_only=reviewer != by)
            held = "SELECT 1 FROM claims WHERE document = ? AND rule = ? AND reviewer = ?"
            if db.execute(held, (document, rule, reviewer)).fetchone() is None:
                raise ReviewError(f"release {document} {rule}: expected an item that {reviewer} took, got none; look at the queue")
            self.store.record(db, by, "release", {"document": document, "rule": rule, "reviewer": reviewer})

    def label(self, document: str, rule: str, verdict: str, *, by: str, note: str = "") -> Seen:
        """Say whether a document's fate was right; again to change it. What the person may see then."""
        if verdict not in VERDICTS:
            raise ReviewError(f"label: expected one of {list(VERDICTS)}, got {verdict!r}; choose one")
        if not steward.ID.fullmatch(document):
            raise ReviewError(f"label: expected an id of 32 hex digits, got {document[:60]!r}; give it as the row has it")
        said = {
            "document": document,
            "rule": words("rule", rule, 400),
            "verdict": verdict,
            "note": words("note", note, MAX_CHARS, empty=True),
        }
        with self.store.writing() as db:
            allowed(db, by)
            blind = db.execute(f"SELECT 1 FROM items i WHERE document = ? AND rule = ? AND {INCOMPLETE}", (document, rule)).fetchone()
            self.store.record(db, by, "label", said | {"blind": blind is not None})
        return self.seen(document, rule, by)

    def seen(self, document: str, rule: str, viewer: str) -> Seen:
        """The labels of a document and rule as the viewer may see them."""
        with self.store.connection() as db:
            db.execute("BEGIN")
            return _seen(db, document, rule, viewer)

    def resolve(self, document: str, rule: str, verdict: str, *, by: str, note: str = "") -> Seen:
        """Settle labels that differ. Stewards only, once all labels are in."""
        if verdict not in VERDICTS:
            raise ReviewError(f"resolution: expected one of {list(VERDICTS)}, got {verdict!r}; choose one")
        said = {"document": document, "rule": rule, "verdict": verdict, "note": words("note", note, MAX_CHARS, empty=True)}
        with self.store.writing() as db:
            allowed(db, by, steward_only=True)
            here = _seen(db, document, rule, by)
            if not here.complete or len({label.verdict for label in here.labels}) < 2:
                raise ReviewError(
                    f"resolution of {document} {rule}: expected labels that are all in and differ, got others; label it instead"
                )
            self.store.record(db, by, "resolve", said)
        return self.seen(document, rule, by)

    def disputed(self, viewer: str) -> list[Seen]:
        """Items whose labels are in, differ, and are not resolved, in the order of the queue. Stewards only."""
        with self.store.connection() as db:
            db.execute("BEGIN")
            if allowed(db, viewer).role != STEWARD:
                raise NotAllowedError(f"reviewer {viewer}: expected a steward, got a reviewer; ask a steward to decide")
            pairs = [(row[0], row[1]) for row in db.execute(f"SELECT document, rule FROM items i WHERE NOT {INCOMPLETE} ORDER BY rank")]
            found = [_seen(db, *pair, viewer) for pair in pairs]
        return [one for one in found if one.verdict == DISPUTED]

    def ratings(self) -> list[tuple[str, str, str, str]]:
        """(rule, document, reviewer, what they said blind) of all items whose labels are in: what `agreement` reads."""
        query = f"""SELECT r.rule, r.document, r.reviewer, r.blind FROM labels r JOIN items i ON r.document = i.document AND r.rule = i.rule
        WHERE r.blind IS NOT NULL AND NOT ({INCOMPLETE}) ORDER BY i.rank, r.reviewer"""
        with self.store.connection() as db:
            return [tuple(row) for row in db.execute(query)]

    def progress(self) -> list[Progress]:
        """By rule, in the order of their names."""
        with self.store.connection() as db:
            return [_progress(rule, found) for rule, found in sorted(_by_rule(db).items())]


def _drawn(ids: Sequence[str], rule: str, seed: int) -> list[str]:
    return sorted(set(ids), key=lambda one: (blake3(f"{seed}\0{rule}\0{one}".encode()).digest(), one))


def _shuffled(rules: Mapping[str, Any], seed: int) -> list[str]:
    return sorted(rules, key=lambda rule: (blake3(f"{seed}\0{rule}".encode()).digest(), rule))


def _seen(db: Connection, document: str, rule: str, viewer: str) -> Seen:
    item = db.execute("SELECT raters FROM items WHERE document = ? AND rule = ?", (document, rule)).fetchone()
    query = "SELECT reviewer, verdict, blind, note, at FROM labels WHERE document = ? AND rule = ? ORDER BY reviewer <> ?, at, reviewer"
    labels = [Label(**row) for row in db.execute(query, (document, rule, viewer))]
    resolved = db.execute("SELECT verdict, by FROM resolutions WHERE document = ? AND rule = ?", (document, rule)).fetchone()
    complete = item is None or len(labels) >= item[0]
    shown = tuple(label for label in labels if complete or label.reviewer == viewer)
    said = {label.verdict for label in labels}
    verdict = None if not complete or not said else next(iter(said)) if len(said) == 1 else resolved[0] if resolved else DISPUTED
    return Seen(
        document=document,
        rule=rule,
        labels=shown,
        hidden=len(labels) - len(shown),
        raters=item[0] if item else 0,
        complete=complete,
        verdict=verdict,
        resolved_by=resolved[1] if resolved and verdict == resolved[0] and len(said) > 1 else None,
    )


def _by_rule(db: Connection) -> dict[str, list[str | None]]:
    """Rule → what each of its items comes to; None while labels are missing."""
    same = "ON {0}.document = i.document AND {0}.rule = i.rule"
    query = f"""SELECT i.rule, NOT ({INCOMPLETE}), count(DISTINCT s.verdict), min(s.verdict), r.verdict
    FROM items i LEFT JOIN labels s {same.format("s")} LEFT JOIN resolutions r {same.format("r")} GROUP BY i.document, i.rule"""
    found: dict[str, list[str | None]] = {}
    for rule, complete, different, said, resolved in db.execute(query):
        found.setdefault(rule, []).append(None if not complete else said if different == 1 else resolved or DISPUTED)
    return found


def _progress(rule: str, found: Sequence[str | None]) -> Progress:
    outcomes = {word: sum(one == word for one in found) for word in (*VERDICTS, DISPUTED)}
    complete = sum(outcomes.values())
    return Progress(rule=rule, items=len(found), complete=complete, disputed=outcomes[DISPUTED], outcomes=outcomes)


def outcomes(progress: Sequence[Progress]) -> Iterator[tuple[str, int, int]]:
    """(rule, right, wrong) of what is decided: what `agreement.precision` takes."""
    for one in progress:
        yield one.rule, one.outcomes[RIGHT], one.outcomes[WRONG]
