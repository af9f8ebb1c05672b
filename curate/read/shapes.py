"""Which fields the records of a file have, and of what type: counted, so that drift between files and sources shows in the card.

A record's shape is the tuple of its field names and types; the counts of fields are made from the shapes that there are, which are few. Sums do
not depend on order or cut. Where a file has more than MAX_FIELDS fields, those with the smallest names are kept, and exactly counted.
Types are JSON's, integers apart from other numbers; of Parquet its own, strings of all widths as `string`. Misses: what is inside objects.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

MAX_FIELDS = 256
TYPES: Mapping[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
    dict: "object",
    list: "array",
    tuple: "array",
}
Counts = Counter[tuple[str, str]]
"""(field, type) → records."""


class Shapes:
    """The records of one container since the last chunk."""

    def __init__(self) -> None:
        self._shapes: Counter[tuple[tuple[str, ...], tuple[type, ...]]] = Counter()
        self._counts: Counts = Counter()
        self._records = 0

    def record(self, record: Mapping[str, Any]) -> None:
        """One record."""
        self._shapes[tuple(record), tuple(map(type, record.values()))] += 1

    def rows(self, schema: pa.Schema, count: int) -> None:
        """`count` rows of a table."""
        self._records += count
        for field in schema:
            self._counts[field.name, "string" if _is_string(field.type) else str(field.type)] += count

    def take(self) -> tuple[int, Counts]:
        """(records, counts) since the last call."""
        for (names, types), count in self._shapes.items():
            self._records += count
            for name, kind in zip(names, types, strict=True):
                self._counts[name, TYPES.get(kind, kind.__name__)] += count
        taken = self._records, bounded(self._counts)
        self._shapes, self._counts, self._records = Counter(), Counter(), 0
        return taken


def bounded(counts: Counts) -> Counts:
    """The counts of the MAX_FIELDS smallest names."""
    names = sorted({name for name, _ in counts})
    if len(names) <= MAX_FIELDS:
        return counts
    kept = set(names[:MAX_FIELDS])
    return Counter({key: count for key, count in counts.items() if key[0] in kept})


class Described:
    """What was counted of the records of several containers."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[int, Counts]] = {}

    def add(self, container: str, records: int, counts: Mapping[tuple[str, str], int]) -> None:
        """Some records of a container."""
        if records:
            before, held = self._files.get(container, (0, Counter()))
            held.update(counts)
            self._files[container] = (before + records, bounded(held))

    def facts(self, source: str) -> dict[str, Any]:
        """For a ledger line, as `schema`: one list of (field, type), and for each container its records and the count of each; nothing where none was added."""
        keys = sorted({key for _, counts in self._files.values() for key in counts})
        files = {name: [records, *(counts[key] for key in keys)] for name, (records, counts) in sorted(self._files.items())}
        return {"schema": {"source": source, "fields": [list(key) for key in keys], "files": files}} if files else {}


def _is_string(dtype: pa.DataType) -> bool:
    if pa.types.is_dictionary(dtype):
        return _is_string(dtype.value_type)
    return pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype)
