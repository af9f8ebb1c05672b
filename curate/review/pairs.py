"""Answers of models to be compared blindly: a JSONL file of pairs, the order in which people get them, and what they said.

    {"prompt": "…", "a": {"model": "base", "text": "…"}, "b": {"model": "curated", "text": "…"}}
    {"prompt": "…", "model_a": "base", "response_a": "…", "model_b": "curated", "response_b": "…"}

A pair is known by the BLAKE3 of its content, so a vote stays with it wherever its line stands. Which answer is on the left is drawn for each
person and pair, so that whoever prefers the left prefers no model. A vote is an entry of the desk's log, action `vote`; a later one of the same
person on the same pair replaces it.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blake3 import blake3

from curate.errors import ReviewError, SourceError
from curate.review.chain import canonical
from curate.review.decisions import DecisionStore, allowed

VOTE = "vote"
LEFT, RIGHT, TIE, BAD = "left", "right", "tie", "bad"
CHOICES = (LEFT, RIGHT, TIE, BAD)
"""`bad`: both are bad; counted as a tie for the scores, and told apart."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two answers to one prompt."""

    id: str
    """32 hex digits."""
    prompt: str
    models: tuple[str, str]
    texts: tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What one person preferred."""

    pair: str
    by: str
    winner: str | None
    """The model; None: neither."""
    loser: str | None
    bad: bool


def read(path: Path) -> list[Pair]:
    """All pairs of a file, each once. SourceError with the line for anything that is none."""
    found: dict[str, Pair] = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"pairs {path}: expected a JSONL file, got {error}; name one that can be read") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            made = _pair(line, f"{path}:{number}")
            found[made.id] = made
    if not found:
        raise SourceError(f"pairs {path}: expected at least one pair, got none; write one object a line")
    return list(found.values())


def _pair(line: str, where: str) -> Pair:
    try:
        plain = json.loads(line)
    except ValueError as error:
        raise SourceError(f"{where}: expected JSON, got {line[:60]!r} ({error}); write one object a line") from None
    said = _sides(plain) if isinstance(plain, dict) else None
    if said is None or not all(isinstance(one, str) for one in said) or not said[1] or not said[3]:
        keys = sorted(plain) if isinstance(plain, dict) else type(plain).__name__
        raise SourceError(
            f'{where}: expected {{"prompt", "a": {{"model", "text"}}, "b": {{"model", "text"}}}}, got {str(keys)[:120]}; name both models and texts'
        )
    prompt, model_a, text_a, model_b, text_b = said
    if model_a == model_b:
        raise SourceError(f"{where}: expected two models, got {model_a[:60]!r} twice; compare different ones")
    digest = blake3(canonical([prompt, *sorted([[model_a, text_a], [model_b, text_b]])])).hexdigest()[:32]
    return Pair(id=digest, prompt=prompt, models=(model_a, model_b), texts=(text_a, text_b))


def _sides(plain: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """prompt, model and text of both, from either form."""
    a, b = plain.get("a"), plain.get("b")
    if isinstance(a, dict) and isinstance(b, dict):
        return plain.get("prompt", ""), a.get("model"), a.get("text"), b.get("model"), b.get("text")
    names = ("model_a", "response_a", "model_b", "response_b")
    return (plain.get("prompt", ""), *(plain[name] for name in names)) if all(name in plain for name in names) else None


def order(pair: str, person: str) -> tuple[int, int]:
    """Which answer this person sees left, and which right."""
    first = blake3(canonical([pair, person])).digest()[0] & 1
    return (1, 0) if first else (0, 1)


class Pairs:
    """The pairs of a desk and the votes on them."""

    def __init__(self, pairs: Sequence[Pair], store: DecisionStore):
        self.all = {one.id: one for one in pairs}
        self.store = store

    def next(self, person: str) -> Pair | None:
        """The first pair, of those with fewest votes, on which the person has none; drawn for each person, so that two begin elsewhere."""
        said = self.votes()
        mine = {one.pair for one in said if one.by == person}
        counts = Counter(one.pair for one in said)
        left = [one for one in self.all.values() if one.id not in mine]
        return min(left, key=lambda one: (counts[one.id], blake3(canonical([person, one.id])).digest()), default=None)

    def vote(self, pair: str, choice: str, by: str) -> None:
        """Record what a person prefers. ReviewError for no such pair or choice."""
        if pair not in self.all:
            raise ReviewError(f"vote: expected a pair of this file, got {pair[:40]!r}; look at the one that is shown now")
        if choice not in CHOICES:
            raise ReviewError(f"vote: expected one of {list(CHOICES)}, got {choice[:20]!r}; choose one")
        one = self.all[pair]
        left, right = (one.models[side] for side in order(pair, by))
        winner, loser = {LEFT: (left, right), RIGHT: (right, left)}.get(choice, (None, None))
        with self.store.writing() as db:
            allowed(db, by)
            self.store.record(
                db, by, VOTE, {"pair": pair, "choice": choice, "winner": winner, "loser": loser, "models": sorted(one.models)}
            )

    def votes(self) -> list[Vote]:
        """The last vote of each person on each pair of this file, in the order of the log."""
        latest: dict[tuple[str, str], Vote] = {}
        for by, said in self._log():
            if said.get("pair") in self.all:
                key = (said["pair"], by)
                latest.pop(key, None)
                bad = said.get("choice") == BAD
                latest[key] = Vote(pair=said["pair"], by=by, winner=said.get("winner"), loser=said.get("loser"), bad=bad)
        return list(latest.values())

    def _log(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        with self.store.connection() as db:
            for by, said in db.execute("SELECT by, said FROM audit WHERE action = ? ORDER BY number", (VOTE,)):
                yield by, json.loads(said)

    def games(self) -> list[tuple[str, str, float]]:
        """(model, other model, share of the win of the first) of all votes: 1, 0 or a half."""
        found = []
        for one in self.votes():
            a, b = sorted(self.all[one.pair].models)
            found.append((a, b, 0.5 if one.winner is None else float(one.winner == a)))
        return found
