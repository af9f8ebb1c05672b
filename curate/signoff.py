"""Sign-offs: who looked at a card and stands for it. One JSON line each in `review/signoff.jsonl`, every line bound to the one before it.

    {"card_digest", "corpus_digest", "date", "hash", "name", "previous", "role", "statement"}

`card_digest` is `blake3:<hex>` of `card/facts.json` as it was signed, so that a sign-off of other facts is seen to be one; `corpus_digest` that of
the digests of the manifests of documents, removed and shards (`CORPUS`; lines of earlier versions have none). Where the corpus is another one now,
the sign-off does not hold any more, and the card says so; where only the card was written anew, it is of an earlier card. `previous` is the
`hash` of the line before, null in the first. `hash` is `blake3:<hex>` of all other fields as canonical JSON (keys sorted, no blanks, UTF-8).
Lines are only added: a sign-off that is withdrawn is another line that says so.
Misses: who a person is. A chain shows that no line was changed, taken out or put between, not that a name is true; nor that the last lines
are still there, which only a copy of the last hash elsewhere can show.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from blake3 import blake3

from curate.errors import StoreError
from curate.store import Store

SIGNOFF = "review/signoff.jsonl"
SIGNED = "card/facts.json"
CORPUS = ("documents/manifest.json", "removed/manifest.json", "shards/manifest.json")
CURRENT, EARLIER, CHANGED = "this card", "an earlier card of this corpus", "no longer holds: the corpus changed after it"
UNBOUND = "an earlier card"
ASKED = ("name", "role", "date", "statement")
MAX_CHARS = 2000


@dataclass(frozen=True, kw_only=True)
class Signoff:
    """One line."""

    name: str
    role: str
    date: str
    """As the signer gave it, ISO 8601 (2026-11-24)."""
    statement: str
    card_digest: str
    previous: str | None
    hash: str
    corpus_digest: str | None = None
    """None in lines of earlier versions."""

    def state(self, card: str, corpus: str) -> str:
        """What of the run as it lies there was signed."""
        if self.corpus_digest not in (None, corpus):
            return CHANGED
        if self.card_digest == card:
            return CURRENT
        return EARLIER if self.corpus_digest else UNBOUND


States = Sequence[tuple[Signoff, str]]
"""Sign-offs, each with its `state`."""


def card_digest(store: Store) -> str:
    """What a sign-off of the card as it lies there would name. StoreError without a card."""
    if not store.exists(SIGNED):
        raise StoreError(f"run {store.root}: expected {SIGNED} to sign, got no card; write it with `curate card`")
    return "blake3:" + blake3(store.read(SIGNED)).hexdigest()


def corpus_digest(store: Store) -> str:
    """What stands for the corpus as it lies there: of the digest of each manifest, null for one that is not there."""
    found = {path: "blake3:" + blake3(store.read(path)).hexdigest() if store.exists(path) else None for path in CORPUS}
    return "blake3:" + blake3(json.dumps(found, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def hash_of(line: Mapping[str, Any]) -> str:
    """The hash that a line must have."""
    rest = {name: value for name, value in line.items() if name != "hash"}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return "blake3:" + blake3(text.encode("utf-8", "surrogatepass")).hexdigest()


def read(store: Store) -> tuple[Signoff, ...]:
    """All sign-offs of a run, in order, the chain checked; none without the file. StoreError at the first line that does not fit."""
    if not store.exists(SIGNOFF):
        return ()
    found: list[Signoff] = []
    for number, raw in enumerate(store.read(SIGNOFF).decode("utf-8", "replace").splitlines(), 1):
        where = f"{store.root}/{SIGNOFF}:{number}"
        try:
            line = json.loads(raw)
            one = Signoff(**line)
        except (ValueError, TypeError) as error:
            raise StoreError(f"{where}: expected a sign-off, got {raw[:60]!r} ({str(error)[:80]}); restore the file from a copy") from None
        previous = found[-1].hash if found else None
        if one.previous != previous:
            raise StoreError(
                f"{where}: expected previous {previous}, got {one.previous}; a line was taken out or put between, ask who signed"
            )
        if one.hash != hash_of(line):
            raise StoreError(f"{where}: expected hash {hash_of(line)}, got {one.hash}; the line was changed after it was signed")
        found.append(one)
    return tuple(found)


def sign(store: Store, *, name: str, role: str, date: str, statement: str) -> Signoff:
    """Add a sign-off of the card as it lies there. StoreError where there is no card, a field is empty or too long, or the chain is broken.

    The caller sees to it that nobody else signs at the same moment.
    """
    said = dict(zip(ASKED, (name, role, date, statement), strict=True))
    for field, value in said.items():
        if not value.strip() or len(value) > MAX_CHARS:
            got = repr(value) if len(value) <= MAX_CHARS else f"{len(value)} characters"
            raise StoreError(f"sign-off: expected {field} of 1 to {MAX_CHARS} characters, got {got}; say it anew")
    before = read(store)
    line: dict[str, Any] = said | {
        "card_digest": card_digest(store),
        "corpus_digest": corpus_digest(store),
        "previous": before[-1].hash if before else None,
    }
    made = Signoff(**line, hash=hash_of(line))
    lines = store.read(SIGNOFF).rstrip(b"\n") + b"\n" if before else b""  # earlier lines as they are: their hashes are of their own fields
    added = json.dumps(asdict(made), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    store.write(SIGNOFF, lines + (added + "\n").encode("utf-8", "surrogatepass"))
    return made
