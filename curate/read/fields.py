"""Which field of an input record becomes which column: `Source.fields`, and the names that are tried without it.

Used for JSON lines and Parquet. A field is a name, or names joined by dots for nested objects; a field whose own name holds dots
is tried first. `text` must be there and be a string; `id`, `url` and `fetched_at` may be absent. What else the map names becomes
a carried column of strings, and `license` always does.
"""

from collections.abc import Mapping
from typing import Any

from curate.read.chunk import Source
from curate.read.encoding import utf8_safe
from curate.read.rows import moment

COLUMNS = ("text", "id", "url", "fetched_at")
CARRIED = ("license",)
_ABSENT = object()


class WrongRecordError(Exception):
    """A record that is no document; the message completes `expected …, got …`."""


class Fields:
    """The field map of one source."""

    def __init__(self, source: Source) -> None:
        self.names = {column: source.fields.get(column, column) for column in COLUMNS}
        self.carried = tuple(sorted({*CARRIED, *source.fields} - set(COLUMNS)))
        self.names |= {column: source.fields.get(column, column) for column in self.carried}

    def of(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments for `Rows.add` from one record; WrongRecordError where it has no text. Its id is made of its own id, else its URL."""
        field = self.names["text"]
        text = lookup(record, field)
        if text is _ABSENT:
            raise WrongRecordError(
                f"expected a field {field!r} with the text, got {sorted(map(str, record))[:20]}; map it with `fields: {{text: NAME}}`"
            )
        if not isinstance(text, str):
            raise WrongRecordError(f"expected a string in field {field!r}, got {_kind(text)}")
        text = utf8_safe(text)
        url = string(lookup(record, self.names["url"])) or None
        native = string(lookup(record, self.names["id"]))
        return {
            "payload": text.encode(),
            "text": text,
            "key": native or url or "",
            "url": url,
            "record_id": native or None,
            "fetched_at": moment(lookup(record, self.names["fetched_at"])),
            "mime": None,
            "carried": tuple(string(lookup(record, self.names[column])) for column in self.carried),
        }


def lookup(record: Mapping[str, Any], field: str) -> Any:
    """The value of a field, dots leading into nested objects; a private marker where it is absent."""
    if field in record:
        return record[field]
    value: Any = record
    for name in field.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return _ABSENT
        value = value[name]
    return value


def string(value: Any) -> str | None:
    """Strings as they are, numbers and booleans written out, lists of strings joined by commas; None for the rest."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        return ", ".join(value)
    return None


def _kind(value: Any) -> str:
    shown = repr(value)
    return f"{type(value).__name__} {shown[:40]}{'…' if len(shown) > 40 else ''}"
