"""Rows of documents on their way into record batches, with the counts of what was skipped and what could not be read.

A reader adds documents, skips and errors in file order and takes a chunk whenever `full`. Price: one BLAKE3 for the id and one
for the digest of each payload, and one Python object a field: the reader is the one place (with the DOM) where a document costs
objects.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate import schema
from curate.read.chunk import Chunk, Limits, ReadError, Source
from curate.read.encoding import utf8_safe
from curate.read.hosts import HOSTS
from curate.read.shapes import Shapes


def document_schema(carried: tuple[str, ...] = ()) -> pa.Schema:
    """`schema.DOCUMENT`, then the carried columns as nullable strings."""
    return pa.schema([*schema.DOCUMENT, *(pa.field(name, pa.string()) for name in carried)])


class Plain(NamedTuple):
    """What could be told of a slab's members: documents, skips by word, the members that are to be looked at, and the place of each document."""

    documents: pa.RecordBatch
    """Without their payloads: `raw` is null."""
    bodies: list[memoryview]
    """The payloads: views into the slab."""
    skipped: Counter[str]
    members: np.ndarray
    """int64: the member of each document."""
    look: np.ndarray
    """int64: members that are not plain."""


class Rows:
    """Documents of one container, gathered until a batch is full."""

    def __init__(self, source: Source, container: str, limits: Limits, carried: tuple[str, ...] = ()) -> None:
        self.container = container
        self.limits = limits
        self.source = source.name
        self._schema = document_schema(carried)
        self._carried = carried
        self._taken = 0
        self.shapes = Shapes()
        self._clear()

    def _clear(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._origins: list[tuple[Any, ...]] = []
        self._bytes = 0
        self._skipped: Counter[str] = Counter()
        self._errors: list[ReadError] = []
        self._hosts: list[dict[str, Any]] = []

    def add(
        self,
        *,
        payload: bytes | memoryview,
        key: str,
        offset: int,
        length: int | None,
        raw: bytes | memoryview | None = None,
        text: str | None = None,
        url: str | None = None,
        fetched_at: datetime | None = None,
        record_id: str | None = None,
        http_status: int | None = None,
        mime: str | None = None,
        headers: list[tuple[str, str]] | None = None,
        carried: tuple[str | None, ...] = (),
    ) -> None:
        """One document. A payload above the limit becomes an error instead; `headers` are filtered by `schema.keeps_header`."""
        if len(payload) > self.limits.document_bytes:
            self.error(offset, f"expected at most {self.limits.document_bytes} bytes of payload, got {len(payload)}", url, record_id)
            return
        kept = None if headers is None else [{"name": n, "value": utf8_safe(v)} for n, v in headers if _keeps(n)]
        url = None if url is None else utf8_safe(url)
        whole = cast(bytes, payload)  # hashes take views as well
        values = (
            schema.document_id(self.source, key, fetched_at, whole),
            self.source,
            url,
            schema.registered_domain(host(url)) if url else None,
            fetched_at,
            schema.payload_digest(whole),
            kept,
            raw,
            None if text is None else utf8_safe(text),
            *(None if value is None else utf8_safe(value) for value in carried),
        )
        self._rows.append(values)
        self._origins.append((self.container, offset, length, None if record_id is None else utf8_safe(record_id), http_status, mime))
        self._bytes += len(payload)

    def host(self, found: dict[str, Any], offset: int, length: int | None, observed_at: datetime | None, record_id: str | None) -> None:
        """A file of a whole host, as `hosts.row` gives it: a row of the host table, and a record skipped as `response_<kind>`."""
        payload, status, mime = found.pop("payload"), found.pop("status"), found.pop("mime")
        values = (self.container, offset, length, None if record_id is None else utf8_safe(record_id), status, mime)
        self._hosts.append(
            {
                **found,
                "id": schema.document_id(self.source, found["url"], observed_at, payload),
                "source": self.source,
                "observed_at": observed_at,
                "origin": dict(zip((field.name for field in schema.ORIGIN), values, strict=True)),
            }
        )
        self._bytes += len(payload)
        self.skip(f"response_{found['kind']}")

    def skip(self, word: str) -> None:
        """One record that is no document, by type."""
        self._skipped[word] += 1

    def error(self, offset: int, message: str, url: str | None = None, record_id: str | None = None) -> None:
        """One record that could not be read."""
        self._errors.append(ReadError(container=self.container, offset=offset, message=message, url=url, record_id=record_id))

    @property
    def count(self) -> int:
        """Documents since the last chunk."""
        return len(self._rows)

    @property
    def empty(self) -> bool:
        """Whether nothing was gathered since the last chunk."""
        return not (self._rows or self._skipped or self._errors or self._hosts)

    @property
    def full(self) -> bool:
        """Whether it is time to take a chunk."""
        return (
            len(self._rows) + len(self._hosts) >= self.limits.batch_rows
            or self._bytes >= self.limits.batch_bytes
            or len(self._errors) >= self.limits.batch_rows
        )

    def take(self, reached: int) -> Chunk:
        """What was gathered since the last chunk; `reached` is how far in stored bytes the reader has come, from the start of its span."""
        placed = _columns(self._origins, list(schema.ORIGIN))
        columns = _columns(self._rows, [field for field in self._schema if field.name != "origin"])
        columns.insert(self._schema.get_field_index("origin"), pa.StructArray.from_arrays(placed, fields=list(schema.ORIGIN)))
        described, fields = self.shapes.take()
        chunk = Chunk(
            documents=pa.RecordBatch.from_arrays(columns, schema=self._schema),
            skipped=self._skipped,
            errors=self._errors,
            hosts=pa.RecordBatch.from_pylist(self._hosts, schema=HOSTS) if self._hosts else None,
            described=described,
            fields=fields,
            stored_bytes=max(0, reached - self._taken),
        )
        self._taken = max(self._taken, reached)
        self._clear()
        return chunk

    def take_with(self, plain: Plain, at: list[int], reached: int) -> Iterator[Chunk]:
        """What was gathered, and the plain records of a slab, as chunks within the limits; at: the member of each gathered document, ascending."""
        chunk = self.take(reached)
        documents, bodies = plain.documents, plain.bodies
        if at:
            order = np.argsort(np.concatenate([plain.members, np.array(at, dtype=np.int64)]), kind="stable")
            own = [one.as_buffer() for one in chunk.documents["raw"]]
            both = pa.Table.from_batches([documents, _without_raw(chunk.documents)], schema=self._schema).take(pa.array(order))
            (documents,) = both.combine_chunks().to_batches()
            bodies = [bodies[row] if row < len(bodies) else own[row - len(bodies)] for row in order.tolist()]
        documents = documents.set_column(self._schema.get_field_index("raw"), self._schema.field("raw"), _joined(bodies))
        borders = _borders(pc.binary_length(documents["raw"]), pc.binary_length(documents["text"]), self.limits)
        for start, end in pairwise(borders[:-1]):
            yield Chunk(documents=documents.slice(start, end - start), skipped=Counter(), errors=[])
        yield replace(chunk, documents=documents.slice(borders[-2]), skipped=chunk.skipped + plain.skipped)


def _without_raw(documents: pa.RecordBatch) -> pa.RecordBatch:
    place = documents.schema.get_field_index("raw")
    return documents.set_column(place, documents.schema.field(place), pa.nulls(documents.num_rows, pa.large_binary()))


def _borders(raw: pa.Array, text: pa.Array, limits: Limits) -> list[int]:
    """Row numbers at which batches begin, and the end: a batch closes with the row that brings it to a limit."""
    sizes = pc.add(pc.coalesce(raw, 0), pc.coalesce(text, 0)).to_numpy(zero_copy_only=False)
    ends = np.cumsum(sizes)
    borders = [0]
    while borders[-1] < len(ends):
        before = ends[borders[-1] - 1] if borders[-1] else 0
        closes = int(np.searchsorted(ends, before + limits.batch_bytes)) + 1
        borders.append(min(len(ends), borders[-1] + limits.batch_rows, closes))
    return borders if len(borders) > 1 else [0, 0]


def _columns(rows: list[tuple[Any, ...]], fields: list[pa.Field]) -> list[pa.Array]:
    values = zip(*rows, strict=True) if rows else [()] * len(fields)
    return [
        _joined(column) if field.type == pa.large_binary() else pa.array(column, field.type)
        for column, field in zip(values, fields, strict=True)
    ]


def _joined(values: Sequence[bytes | memoryview | pa.Buffer | None]) -> pa.Array:
    """A large_binary array by one copy, where `pa.array` would grow its buffer as it goes, at a third of the speed.

    The memory is Arrow's own, which it keeps for the next: fresh pages from the system cost more than the copy.
    """
    offsets = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum([0 if value is None else len(value) for value in values], out=offsets[1:])
    data = pa.allocate_buffer(int(offsets[-1]))
    view = memoryview(data).cast("B")
    for value, start, end in zip(values, offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        if value is not None:
            view[start:end] = memoryview(value).cast("B")
    valid = pa.array([value is not None for value in values], pa.bool_())
    return pa.Array.from_buffers(pa.large_binary(), len(values), [valid.buffers()[1], pa.py_buffer(offsets), data])


@lru_cache(maxsize=4096)
def _keeps(name: str) -> bool:
    return schema.keeps_header(name)


@lru_cache(maxsize=65_536)
def _host(authority: str) -> str:
    return (urlsplit(authority).hostname or "").rstrip(".")


def host(url: str) -> str:
    """The host of a URL, lower case; empty where there is none or it cannot be told."""
    try:
        return _host("/".join(url.split("/", 3)[:3]))
    except ValueError:
        return ""


def moment(value: Any) -> datetime | None:
    """A point in time from ISO 8601 text, seconds since 1970, a date or a datetime; UTC where no zone is given; None where it is none of these."""
    try:
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip())
        if not isinstance(value, datetime):
            if not isinstance(value, date):
                return None
            value = datetime(value.year, value.month, value.day)
        return (value.replace(tzinfo=UTC) if value.tzinfo is None else value).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
