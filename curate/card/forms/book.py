"""A form being filled in: fields with values, and where each value comes from.

computed  from the facts that it names; they must be there
said      an answer of people, word for word
open      a question that nobody has answered; the field has no value
fixed     the form's own wording (a version, a type), the same for every corpus
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from curate.card.questions import NAMES

Origin = Literal["computed", "said", "open", "fixed"]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a form."""

    section: str
    name: str
    value: Any
    """None where the question is open."""
    origin: Origin
    basis: tuple[str, ...]
    """Paths in the facts, or the question's name."""


@dataclass
class Book:
    """A form as it fills."""

    form: str
    facts: Mapping[str, Any]
    fields: list[Field] = field(default_factory=list)
    section: str = ""

    def computed(self, name: str, value: Any, *basis: str) -> Any:
        """A value made from these facts."""
        for path in basis:
            if lookup(self.facts, path) is None:
                raise KeyError(f"form {self.form}: expected the fact {path} for {name}, got none; this is a bug")
        if value is None or not basis:
            raise ValueError(f"form {self.form}: expected a value with its facts for {name}, got {value} from {basis}; this is a bug")
        return self._put(name, value, "computed", basis)

    def asked(self, name: str, question: str) -> str | None:
        """An answer, or None and an open field."""
        if question not in NAMES:
            raise KeyError(f"form {self.form}: expected a question, got {question}; this is a bug")
        said = self.facts["people"]["said"].get(question)
        return self._put(name, said, "open" if said is None else "said", (question,))

    def fixed(self, name: str, value: Any) -> Any:
        """The form's own."""
        return self._put(name, value, "fixed", ())

    def _put(self, name: str, value: Any, origin: Origin, basis: tuple[str, ...]) -> Any:
        self.fields.append(Field(section=self.section, name=name, value=value, origin=origin, basis=basis))
        return value

    @property
    def open(self) -> list[str]:
        """Questions that this form asks and that are open and required by it: it is a draft as long as there are any."""
        needed = {one["name"] for one in self.facts["people"]["questions"] if one["open"] and self.form in one["required"]}
        return sorted(needed, key=NAMES.index)

    def counts(self) -> dict[str, int]:
        """Fields by origin."""
        return {origin: sum(one.origin == origin for one in self.fields) for origin in ("computed", "said", "open", "fixed")}

    def plain(self) -> dict[str, Any]:
        """As card/forms.json has it."""
        fields = [{"section": one.section, "field": one.name, "origin": one.origin, "basis": list(one.basis)} for one in self.fields]
        return {"draft": bool(self.open), "open": self.open, "counts": self.counts(), "fields": fields}


def lookup(facts: Mapping[str, Any], path: str) -> Any:
    """The fact at a dotted path (`content.domains`); None where there is none."""
    value: Any = facts
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
