"""A steward's decisions as a file that a recipe can apply: `steward: decisions.json`. The review desk writes it; so can a script or an editor.

    {"format": "curate/decisions/1",
     "run": {"recipe": "web", "manifest": "blake3:…"},
     "log": {"entries": 17, "head": "blake3:…"},
     "documents": [{"id": "<32 hex digits>", "decision": "keep", "reason": "good_prose", "note": "…", "by": "Ada", "date": "2026-11-27"}],
     "domains": [{"host": "example.org", "path": "/blog/", "decision": "deny", "reason": "owner_objects", "note": "…", "by": "…", "date": "…",
                  "until": "2027-01-01", "scope": null, "licence": null}],
     "thresholds": [{"step": "gopher_quality", "field": "min_words", "value": 30, "reason": "…", "by": "…", "date": "…"}]}

field       meaning
run         the run that was reviewed: its recipe's name, and the digest of its `documents/manifest.json`; null for a file that was made by hand
log         how many entries the desk's audit log had, and the hash of the last; null for a file that was made by hand
documents   `keep` stays, whatever later rules say; `remove` leaves as `steward:<reason>`; `hold` leaves as `steward:held_<reason>`
domains     of a host and all hosts below it, or of a path of a host and all that begins with it: `deny` leaves as `steward:<reason>`,
            `quarantine` as `steward:held_<reason>`; `approve` clears what its `scope` says (below)
thresholds  what the stewards accepted; told, not applied: a threshold belongs into the recipe

scope       what an approval clears; the evidence stays on the row, and what was outweighed goes to `overridden`
licence     (also if none is given) whatever `license` and `repository_license` have against the row
consent     what waits: `consent:held_consent` and `host_consent:held_consent`, pages of hosts that nobody asked or that say what nobody can read. A
            reservation (`opted_out`) stands: a steward's word does not outweigh the owner's
agreement   all of both, `opted_out` too, since the owner agreed; the note has to say where that is written

licence     an SPDX expression that an approval of scope licence or agreement states: `license` then takes it for the licence of the row, before all that
            it detects, with confidence 1; the claims of the page stay as evidence. The file's digest is part of the recipe's fingerprint

A decision on the document comes before one on its domain; of domains the longest host, then the longest path. `until` is the last day on
which a decision of a domain was meant to hold; verdicts do not depend on the clock, so a recipe applies it until the file is written anew.
Misses: documents whose id changed, since an id is made of source, URL, time and payload; ids that are not in a run are passed over in silence.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from curate.errors import RecipeError
from curate.stage import HELD

FORMAT = "curate/decisions/1"
KEEP, REMOVE, HOLD = "keep", "remove", "hold"
APPROVE, DENY, QUARANTINE = "approve", "deny", "quarantine"
DOCUMENT_DECISIONS = (KEEP, REMOVE, HOLD)
DOMAIN_DECISIONS = (APPROVE, DENY, QUARANTINE)
LICENCE, CONSENT, AGREEMENT = "licence", "consent", "agreement"
SCOPES = (LICENCE, CONSENT, AGREEMENT)
_LICENCE_STEPS, _CONSENT_STEPS = ("license", "repository_license"), ("consent", "host_consent")
ID = re.compile(r"[0-9a-f]{32}")
REASON = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
MAX_CHARS = 2000
STEP = "steward"
"""The stage that applies decisions, and its step: others find its columns by this name."""
OVERRIDDEN = "overridden"
"""Column of a run with decisions: the verdicts, `step:reason, …`, that a steward's decision outweighs."""


@dataclass(frozen=True, kw_only=True)
class DocumentDecision:
    """What a steward decided on one document."""

    id: str
    """32 hex digits."""
    decision: str
    """keep, remove or hold."""
    reason: str
    """Two or three words in snake case; the word with which it leaves."""
    note: str = ""
    """In the steward's own words."""
    by: str
    date: str
    """ISO 8601 day."""


@dataclass(frozen=True, kw_only=True)
class DomainDecision:
    """What a steward decided on a host, or on a part of it."""

    host: str
    """Lower case, ASCII (punycode); covers hosts below it."""
    path: str = ""
    """Begins with a slash; covers all that begins with it. Empty: the whole host."""
    decision: str
    """approve, deny or quarantine."""
    reason: str
    note: str = ""
    by: str
    date: str
    until: str | None = None
    """Last day on which it was meant to hold."""
    scope: str | None = None
    """What an approval clears: licence (also for None), consent or agreement."""
    licence: str | None = None
    """The licence that an approval states, as an SPDX expression; before all that is detected."""


@dataclass(frozen=True, kw_only=True)
class ThresholdDecision:
    """A threshold that the stewards accepted."""

    step: str
    field: str
    """Of the step's config."""
    value: Any
    reason: str
    by: str
    date: str


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """A whole file."""

    run: Mapping[str, str] | None = None
    log: Mapping[str, Any] | None = None
    documents: tuple[DocumentDecision, ...] = ()
    """By id."""
    domains: tuple[DomainDecision, ...] = ()
    """By host and path."""
    thresholds: tuple[ThresholdDecision, ...] = ()

    def encode(self) -> bytes:
        """The file: sorted, two spaces of indent, the same bytes for the same decisions."""
        plain = {
            "format": FORMAT,
            "run": self.run,
            "log": self.log,
            "documents": [asdict(one) for one in sorted(self.documents, key=lambda one: one.id)],
            "domains": [asdict(one) for one in sorted(self.domains, key=lambda one: (one.host, one.path))],
            "thresholds": [asdict(one) for one in sorted(self.thresholds, key=lambda one: (one.step, one.field))],
        }
        return (json.dumps(plain, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def decode(data: bytes, where: str) -> Decisions:
    """A file as it was written. RecipeError, naming `where` and the entry, for anything that is none."""
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{where}: expected JSON, got {str(error)[:80]}; write it with `curate review RUN --export {where}`") from None
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        got = plain.get("format") if isinstance(plain, dict) else type(plain).__name__
        raise RecipeError(f"{where}: expected decisions in format {FORMAT}, got {str(got)[:60]!r}; write it with a desk of this version")
    known = {one.name for one in fields(Decisions)} | {"format"}
    if strange := sorted(set(plain) - known):
        raise RecipeError(f"{where}: expected the keys {sorted(known)}, got {strange}; take them out")
    made = Decisions(
        run=_mapping(plain, "run", where),
        log=_mapping(plain, "log", where),
        documents=_entries(plain, "documents", DocumentDecision, where),
        domains=_entries(plain, "domains", DomainDecision, where),
        thresholds=_entries(plain, "thresholds", ThresholdDecision, where),
    )
    _once([one.id for one in made.documents], f"{where}: documents")
    _once([f"{one.host}{one.path}" for one in made.domains], f"{where}: domains")
    return made


def _mapping(plain: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any] | None:
    value = plain.get(key)
    if value is not None and not isinstance(value, dict):
        raise RecipeError(f"{where}: {key}: expected an object or null, got {str(value)[:60]!r}; leave it out")
    return value


def _entries(plain: Mapping[str, Any], key: str, kind: type, where: str) -> tuple[Any, ...]:
    listed = plain.get(key) or []
    if not isinstance(listed, list):
        raise RecipeError(f"{where}: {key}: expected a list, got {type(listed).__name__}; write one object a decision")
    made = []
    for number, entry in enumerate(listed, 1):
        place = f"{where}: {key}[{number}]"
        try:
            one = kind(**entry)
        except TypeError:
            wanted = [field.name for field in fields(kind)]
            got = sorted(entry) if isinstance(entry, dict) else entry
            raise RecipeError(f"{place}: expected an object with {wanted}, got {str(got)[:200]}; name them all, and no others") from None
        check(one, place)
        made.append(one)
    return tuple(made)


def _once(keys: Sequence[str], where: str) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise RecipeError(f"{where}: expected one decision each, got two on {key}; leave one out")
        seen.add(key)


def check(one: DocumentDecision | DomainDecision | ThresholdDecision, where: str) -> None:
    """RecipeError where a decision does not say what it must."""
    for field in fields(one):
        value = getattr(one, field.name)
        if field.name == "value" or (field.name in ("until", "scope", "licence") and value is None):
            continue
        if not isinstance(value, str) or len(value) > MAX_CHARS:
            raise RecipeError(
                f"{where}: {field.name}: expected text of at most {MAX_CHARS} characters, got {str(value)[:60]!r}; say it anew"
            )
    if isinstance(one, DocumentDecision):
        _fits(where, "id", one.id, ID.fullmatch(one.id), "32 hex digits")
        _fits(where, "decision", one.decision, one.decision in DOCUMENT_DECISIONS, f"one of {list(DOCUMENT_DECISIONS)}")
    if isinstance(one, DomainDecision):
        _fits(where, "host", one.host, HOST.fullmatch(one.host), "a host in lower case, without scheme or port")
        _fits(where, "path", one.path, not one.path or one.path.startswith("/"), "a path that begins with a slash")
        _fits(where, "decision", one.decision, one.decision in DOMAIN_DECISIONS, f"one of {list(DOMAIN_DECISIONS)}")
        _fits(where, "until", one.until, one.until is None or DATE.fullmatch(one.until), "a day as 2026-11-27")
        _fits(where, "scope", one.scope, one.scope is None or one.scope in SCOPES, f"one of {list(SCOPES)}")
        _fits(where, "scope", one.scope, one.scope is None or one.decision == APPROVE, f"none with {one.decision}, which has no scope")
        states = one.licence is None or (one.licence.strip() and one.decision == APPROVE and one.scope != CONSENT)
        _fits(where, "licence", one.licence, states, "a licence only with an approval of scope licence or agreement")
        _fits(where, "note", one.note, one.scope != AGREEMENT or one.note.strip(), "where the owner's agreement is written")
    if not isinstance(one, ThresholdDecision):
        fits = REASON.fullmatch(one.reason) and not one.reason.startswith(HELD)
        _fits(where, "reason", one.reason, fits, f"words in snake case, such as owner_objects, without {HELD}")
    _fits(where, "by", one.by, one.by.strip(), "the name of who decided")
    _fits(where, "date", one.date, DATE.fullmatch(one.date), "a day as 2026-11-27")


def _fits(where: str, field: str, value: Any, fits: Any, expected: str) -> None:
    if not fits:
        raise RecipeError(f"{where}: {field}: expected {expected}, got {str(value)[:80]!r}; say it anew")


def cleared(uses: str) -> dict[str, str | None]:
    """Scope of an approval → the reason of a step that it outweighs, None for any; nothing for a step that it does not touch."""
    if uses in _LICENCE_STEPS:
        return {LICENCE: None, AGREEMENT: None}
    return {CONSENT: f"{HELD}consent", AGREEMENT: None} if uses in _CONSENT_STEPS else {}


class Domains:
    """Looks up which decision holds for an address."""

    def __init__(self, decided: Sequence[DomainDecision]):
        self._by_host: dict[str, list[DomainDecision]] = {}
        for one in sorted(decided, key=lambda one: -len(one.path)):
            self._by_host.setdefault(one.host, []).append(one)

    def of(self, url: str | None) -> DomainDecision | None:
        """Of the longest host that is the address's or above it, then of the longest path that its path begins with."""
        host, path = _place(url)
        while host:
            for one in self._by_host.get(host, ()):
                if path.startswith(one.path):
                    return one
            host = host.partition(".")[2] if not host.startswith("[") else ""
        return None


def _place(url: str | None) -> tuple[str, str]:
    """Host in lower case and path of an address; ("", "") for what has none."""
    try:
        parts = urlsplit(url or "")
        host = parts.hostname or ""
    except ValueError:
        return "", ""
    return (f"[{host}]" if ":" in host else host.lower().rstrip(".")), parts.path or "/"
