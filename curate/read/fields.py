"""Which field of an input record becomes which column: `Source.fields`, and the names that are tried without it.

Used for JSON lines, CSV and Parquet. A field is a name, or names joined by dots for nested objects; a field whose own name holds dots
is tried first. `text` must be there and be a string; `id`, `url` and `fetched_at` may be absent. What else the map names becomes
a carried column of strings, and `license` always does.

A template puts the text together from several fields: `{name}` stands for a field's value (numbers and times written out, objects as JSON, nothing for
what is absent or null), `{{` and `}}` for braces. A record that has none of its fields is no document.
"""

import json
from collections.abc import Mapping
from datetime import date, time
from functools import partial
from string import Formatter
from typing import Any

from curate.read.chunk import Source
from curate.read.dialogue import OWN, Dialogue, WrongTurnsError
from curate.read.encoding import utf8_safe
from curate.read.rows import moment
from curate.turns import ROLES, TEXT, joined

COLUMNS = ("text", "id", "url", "fetched_at")
CARRIED = ("license",)
_ABSENT = object()


class WrongRecordError(Exception):
    """A record that is no document; the message completes `expected …, got …`."""


class Fields:
    """The field map of one source."""

    def __init__(self, source: Source) -> None:
        self.names = {column: source.fields.get(column, column) for column in COLUMNS}
        self.dialogue = Dialogue(source) if source.kind != TEXT else None
        own = OWN if self.dialogue else ()
        self.carried = tuple(sorted({*CARRIED, *source.fields} - set(COLUMNS) - set(own)))
        self.names |= {column: source.fields.get(column, column) for column in self.carried}
        self.template = parsed(source.template) if source.template is not None else None
        turns = [(role, parsed(template)) for role, template in source.turns]
        if self.template or self.dialogue:
            del self.names["text"]
        used = [name for parts in (self.template or [], *(parts for _, parts in turns)) for _, name in parts if name]
        self.wanted = {*self.names.values(), *used, *(self.dialogue.names.values() if self.dialogue else ())}
        """All fields that are read."""
        self.needed = used or (sorted(self.dialogue.names.values()) if self.dialogue else [])
        """Fields of which one must be there, where the text is not one field."""
        if self.dialogue:
            self.dialogue.templates = [(role, partial(_filled, parts, or_none=True)) for role, parts in turns]
            self.columns = (*self.carried, ROLES)
        else:
            self.columns = self.carried

    def of(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments for `Rows.add` from one record; WrongRecordError where it has no text. Its id is made of its own id, else its URL."""
        text, roles = self._turns(record) if self.dialogue else (utf8_safe(self._text(record)), None)
        address = lookup(record, self.names["url"])
        url = address if isinstance(address, str) and address else None
        native = string(lookup(record, self.names["id"]))
        return {
            "payload": text.encode() if roles is None else f"{roles}\n{text}".encode(),
            "text": text,
            "key": native or url or "",
            "url": url,
            "record_id": native or None,
            "fetched_at": moment(lookup(record, self.names["fetched_at"])),
            "mime": None,
            "carried": (*(string(lookup(record, self.names[column])) for column in self.carried), *(() if roles is None else (roles,))),
        }

    def _turns(self, record: Mapping[str, Any]) -> tuple[str, str]:
        """(text, roles) of a dialogue."""
        assert self.dialogue is not None
        try:
            roles, contents = self.dialogue.of(record, _value)
        except WrongTurnsError as wrong:
            raise WrongRecordError(str(wrong)) from None
        return joined(contents), ",".join(roles)

    def _text(self, record: Mapping[str, Any]) -> str:
        if self.template:
            return _filled(self.template, record)
        field = self.names["text"]
        text = lookup(record, field)
        if text is _ABSENT:
            raise WrongRecordError(
                f"expected a field {field!r} with the text, got {sorted(map(str, record))[:20]}; map it with `fields: {{text: NAME}}`"
            )
        if not isinstance(text, str):
            raise WrongRecordError(f"expected a string in field {field!r}, got {_kind(text)}")
        return text


def parsed(template: str) -> list[tuple[str, str | None]]:
    """(literal, field after it) of a template; ValueError where it is none."""
    try:
        parts = [(literal, name, spec, conversion) for literal, name, spec, conversion in Formatter().parse(template)]
    except ValueError as error:
        raise ValueError(f"expected a template such as '{{title}} {{body}}', got {template!r} ({error})") from error
    if any(name == "" or spec or conversion for _, name, spec, conversion in parts) or not any(name for _, name, *_ in parts):
        raise ValueError(f"expected a template with field names in braces and nothing else there, got {template!r}")
    return [(literal, name) for literal, name, *_ in parts]


def _value(record: Mapping[str, Any], field: str) -> Any:
    value = lookup(record, field)
    return None if value is _ABSENT else value


def _filled(template: list[tuple[str, str | None]], record: Mapping[str, Any], or_none: bool = False) -> str:
    made, some = [], False
    for literal, name in template:
        made.append(literal)
        if name:
            value = string(lookup(record, name))
            some = some or value is not None
            made.append(value or "")
    if not some and or_none:
        return ""
    if not some:
        names = [name for _, name in template if name]
        raise WrongRecordError(f"expected one of the template's fields {names}, got {sorted(map(str, record))[:20]}")
    return "".join(made)


def lookup(record: Mapping[str, Any], field: str) -> Any:
    """The value of a field, dots leading into nested objects and, by number, into lists; a private marker where it is absent."""
    if field in record:
        return record[field]
    value: Any = record
    for name in field.split("."):
        if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, Mapping) and name in value:
            value = value[name]
        else:
            return _ABSENT
    return value


def string(value: Any) -> str | None:
    """Strings as they are, numbers, booleans and points in time (ISO 8601) written out, lists of strings joined by commas, other lists and objects as
    JSON; None for null and what is absent."""
    if isinstance(value, str):
        return value
    if value is None or value is _ABSENT:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple) and value and all(isinstance(v, str) for v in value):
        return ", ".join(value)
    if isinstance(value, list | tuple | Mapping):
        try:
            return json.dumps(value, ensure_ascii=False, default=_written)
        except (TypeError, RecursionError):  # keys that JSON has not, such as dates
            return str(value)
    return _written(value)


def _written(value: Any) -> str:
    """What JSON has no form for: times, decimals, UUIDs, bytes (in hex where they are no UTF-8)."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    return str(value)


def _kind(value: Any) -> str:
    shown = repr(value)
    return f"{type(value).__name__} {shown[:40]}{'…' if len(shown) > 40 else ''}"
