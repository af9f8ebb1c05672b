"""A form as a Markdown page. Values are escaped whole, whoever they come from; open questions stand where their answers belong."""

from collections.abc import Mapping
from typing import Any

from curate.card.forms.book import Book
from curate.card.markdown import MAX_CHARS, cell


def page(book: Book, title: str, lead: str) -> str:
    """The page."""
    facts = book.facts
    asks = {one["name"]: one["asks"] for one in facts["people"]["questions"]}
    counts = book.counts()
    parts = [f"# {title}: {whole(facts['people']['said'].get('title') or facts['name'])}", lead]
    if book.open:
        parts.insert(
            1, "> **DRAFT.** Questions that only people can answer are open: " + ", ".join(f"`{name}`" for name in book.open) + "."
        )
    section = None
    for one in book.fields:
        if one.section != section:
            section = one.section
            parts.append(f"## {section}")
        parts.append(f"**{one.name}.** {_value(one.value, one.basis, asks)}")
    parts.append(
        f"*{counts['computed']} fields were computed from the run, {counts['said']} answered by people, {counts['open']} are open; "
        "`forms.json` says from which facts and questions each was made.*"
    )
    return "\n\n".join(parts) + "\n"


def _value(value: Any, basis: tuple[str, ...], asks: Mapping[str, str]) -> str:
    if value is None:
        return f"*Open (`{basis[0]}`): {whole(asks[basis[0]])}*"
    return whole(str(value))


def whole(text: str) -> str:
    """Escaped like a table's cell, but not cut; lines are joined."""
    line = " ".join(text.split())
    return "".join(cell(line[at : at + MAX_CHARS]) for at in range(0, len(line), MAX_CHARS))
