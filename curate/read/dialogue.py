"""Turns out of a record: for inputs of kind `messages` and `preference`.

`messages`: the list in field `messages` (objects with `role` and `content`, or `from` and `value`; `human`, `gpt` and `bot` are the user and the
assistant), or `turns` of the recipe, each a role and a template over the record's fields, or a text in which markers tell who speaks (`markers`).
`preference`: fields `chosen` and `rejected`, with or without `prompt`. Each is a text, a list of turns, or a text with markers. Where `chosen` and
`rejected` are whole dialogues, the turns that they share are the prompt's.

A turn whose content is empty is no turn. A record without an answer to learn from, with a role that the chat template does not have, or with two
equal answers is a counted error. Contents given as parts (`[{"type": "text", "text": …}]`) are joined; other parts are an error.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from curate.read.chunk import Source
from curate.read.encoding import utf8_safe
from curate.turns import CHOSEN, MESSAGES, REJECTED

SAME = {"human": "user", "gpt": "assistant", "bot": "assistant"}
ANSWER, ASK = "assistant", "user"
OWN = ("messages", "prompt", CHOSEN, REJECTED)
"""Names in the field map that are not columns to be carried."""
Turn = tuple[str, str]


class WrongTurnsError(Exception):
    """A record that is no dialogue; the message completes `expected …, got …`."""


class Dialogue:
    """How the turns of one source's records are found."""

    def __init__(self, source: Source) -> None:
        self.kind, self.roles = source.kind, source.roles
        self.names = {name: source.fields.get(name, name) for name in OWN}
        self.markers = dict(source.markers)
        self.templates: list[tuple[str, Callable[[Mapping[str, Any]], str]]] = []
        """(role, what its turn says of a record), where the recipe has `turns`."""
        self.pattern = re.compile("|".join(f"(?P<m{i}>{re.escape(mark)})" for i, mark in enumerate(self.markers.values())) or r"(?!)")

    def of(self, record: Mapping[str, Any], find: Any) -> tuple[list[str], list[str]]:
        """(roles, contents) of a record; `find` looks a field up and gives None where it is not there. WrongTurnsError where it is none."""
        turns = self._messages(record, find) if self.kind == MESSAGES else self._preference(find, record)
        for role, _ in turns:
            if role not in (*self.roles, CHOSEN, REJECTED):
                raise WrongTurnsError(f"expected roles of the chat template {sorted(self.roles)}, got {role!r}")
        return [role for role, _ in turns], [utf8_safe(content) for _, content in turns]

    def _messages(self, record: Mapping[str, Any], find: Any) -> list[Turn]:
        if self.templates:
            turns = [(role, fill(record).strip()) for role, fill in self.templates]
        else:
            turns = self._dialogue(find(record, self.names["messages"]), self.names["messages"], record)
        turns = [(role, content) for role, content in turns if content.strip()]
        if not any(role == ANSWER for role, _ in turns):
            raise WrongTurnsError(f"expected a turn of the {ANSWER}, got {[role for role, _ in turns]}")
        return turns

    def _preference(self, find: Any, record: Mapping[str, Any]) -> list[Turn]:
        prompt, chosen, rejected = (find(record, self.names[name]) for name in ("prompt", CHOSEN, REJECTED))
        before = [] if prompt is None else self._dialogue(prompt, self.names["prompt"], record, ASK)
        sides = [self._dialogue(side, self.names[name], record, ANSWER) for name, side in ((CHOSEN, chosen), (REJECTED, rejected))]
        shared = 0
        while shared < min(map(len, sides)) - 1 and sides[0][shared] == sides[1][shared]:
            shared += 1
        answers = [side[shared:] for side in sides]
        if any(len(answer) != 1 or answer[0][0] != ANSWER for answer in answers):
            got = [[role for role, _ in answer] for answer in answers]
            raise WrongTurnsError(f"expected {CHOSEN} and {REJECTED} to part in one last turn of the {ANSWER}, got {got}")
        (_, good), (_, bad) = answers[0][0], answers[1][0]
        if not good.strip() or not bad.strip() or good == bad:
            raise WrongTurnsError(f"expected two answers, got {'equal ones' if good == bad else 'an empty one'}")
        turns = [(role, content) for role, content in [*before, *sides[0][:shared]] if content.strip()]
        return [*turns, (CHOSEN, good), (REJECTED, bad)]

    def _dialogue(self, value: Any, field: str, record: Mapping[str, Any], alone: str | None = None) -> list[Turn]:
        """Turns of a list, of a text with markers, or of a text that is one turn of the role `alone`."""
        if isinstance(value, list):
            return [_turn(one) for one in value]
        if isinstance(value, str) and self.markers:
            return self._marked(value)
        if isinstance(value, str) and alone is not None:
            return [(alone, value)]
        if value is None:
            raise WrongTurnsError(f"expected a field {field!r} with turns, got {sorted(map(str, record))[:20]}; map it with `fields`")
        raise WrongTurnsError(f"expected a list of turns in field {field!r}, got {type(value).__name__} {repr(value)[:40]}")

    def _marked(self, text: str) -> list[Turn]:
        """Turns of a text; what stands before the first marker is nobody's, unless there is none at all."""
        found = list(self.pattern.finditer(text))
        if not found:
            raise WrongTurnsError(f"expected one of the markers {list(self.markers.values())}, got {text[:40]!r}")
        names = list(self.markers)
        ends = [*(match.start() for match in found[1:]), len(text)]
        if text[: found[0].start()].strip():
            raise WrongTurnsError(f"expected a marker first, got {text[:40]!r}")
        return [(names[int(str(match.lastgroup)[1:])], text[match.end() : end].strip()) for match, end in zip(found, ends, strict=True)]


def _turn(value: Any) -> Turn:
    """One turn of a list."""
    role = value.get("role", value.get("from")) if isinstance(value, Mapping) else None
    content = value.get("content", value.get("value")) if isinstance(value, Mapping) else None
    if isinstance(content, list) and all(isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in content):
        content = "".join(part["text"] for part in content)
    if not isinstance(role, str) or not isinstance(content, str):
        raise WrongTurnsError(f"expected a turn with role and content, got {repr(value)[:60]}")
    return SAME.get(role.lower(), role.lower()), content
