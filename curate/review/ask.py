"""What a page is asked with, and what a page is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from curate.card.html import Html
from curate.errors import CurateError
from curate.review.desk import Desk
from curate.review.guard import Person
from curate.review.index import Index

Data = dict[str, Any]
SEED_LIMIT = 1 << 31


class MissingError(CurateError):
    """A page about something that is not there."""


@dataclass(frozen=True)
class Ask:
    """One request, understood."""

    desk: Desk
    person: Person
    path: str
    """Of the page, without `.json`."""
    params: Mapping[str, str]
    """Parts of the path."""
    query: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)
    """What was sent, and has not been taken."""
    error: str | None = None
    """Why it was not taken."""
    held: Data = field(default_factory=dict, compare=False)
    """What was looked up for this request already."""

    @property
    def index(self) -> Index:
        return self.desk.index

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number of the query within bounds; the default for anything else."""
        try:
            return min(max(int(self.query.get(name, default)), low), high)
        except ValueError:
            return default

    def real(self, name: str) -> float | None:
        """A number of the query."""
        try:
            value = float(self.query[name])
        except (KeyError, ValueError):
            return None
        return value if abs(value) < float("inf") else None

    def word(self, name: str, default: str = "") -> str:
        return self.query.get(name, default).strip()

    @property
    def seed(self) -> int:
        return self.number("seed", 1, 0, SEED_LIMIT)

    def link(self, **changes: Any) -> str:
        """This page with another query; None takes a field out."""
        return address(self.path, **(dict(self.query) | changes))


def address(path: str, **query: Any) -> str:
    """A path of the desk with a query; fields of None or nothing are left out."""
    said = {name: value for name, value in query.items() if value is not None and value != ""}
    return path + ("?" + urlencode(said) if said else "")


def part(value: str) -> str:
    """A value as a part of a path."""
    return quote(value, safe="")


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of the desk."""

    path: str
    """As Starlette writes routes."""
    title: str
    data: Callable[[Ask], Data]
    """What is on it, as plain JSON values."""
    body: Callable[[Data, Ask], Iterator[Html]]
    post: Callable[[Ask], tuple[str, str]] | None = None
    """Takes a form; returns where to go and what to say there."""
    role: str | None = None
    """Who may send its form; None: everybody with a key."""
    menu: str | None = None
    """Its name in the menu; None: it is reached from other pages."""
    key: str | None = None
    """The letter behind `g` that goes to it."""
