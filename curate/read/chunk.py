"""What passes from a reader to the engine."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class Span:
    """A piece of one file: the records that start in stored bytes [start, end)."""

    uri: str
    """Full fsspec location, for opening."""
    container: str
    """The name that goes into rows: below the input's glob root, never an absolute path."""
    start: int
    end: int
    size: int
    """Size of the whole file in stored bytes."""
    etag: str
    """What tells versions of the file apart: etag, or mtime and size."""
    kind: str
    """Name of the reader module: warc, jsonl, parquet, folder, …"""


@dataclass(frozen=True, kw_only=True)
class Source:
    """How one input of the recipe is to be read."""

    name: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """Column → field of the input record, for JSONL and Parquet: text, id, url, fetched_at, license, … (default: fields of the same name)."""
    template: str | None = None
    """How the text is put together from fields, such as `{title}\\n\\n{body}`; None: it is one field."""
    kind: str = "text"
    """What a document is: text, messages or preference (`curate.turns`)."""
    turns: tuple[tuple[str, str], ...] = ()
    """(role, template) of the turns of a record; empty: they are in fields."""
    markers: Mapping[str, str] = field(default_factory=dict)
    """Role → what its turns begin with in a text."""
    roles: tuple[str, ...] = ()
    """Roles that the recipe's chat template has."""
    query: str | None = None
    """SQL whose rows are the records; the file is its table `input`, or the database that it asks."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds that the recipe sets; all are bytes or rows, never seconds."""

    document_bytes: int = 256 << 20
    """A payload above this becomes a read error."""
    batch_rows: int = 1024
    """Rows of a batch, at most; a matter of memory only."""
    batch_bytes: int = 16 << 20
    """Payload bytes after which a batch is closed; one document may be larger."""


@dataclass(frozen=True, kw_only=True)
class ReadError:
    """A record that could not be read."""

    container: str
    offset: int
    message: str
    """Why, in the form `expected, got VALUE`, without paths of the machine."""
    url: str | None = None
    record_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Some records of a span. records == documents.num_rows + sum(skipped) + len(errors)."""

    documents: pa.RecordBatch
    """Columns of `schema.DOCUMENT`, then columns carried from the source (such as `license`), each nullable string."""
    skipped: Counter[str]
    errors: list[ReadError]
    hosts: pa.RecordBatch | None = None
    """Files of whole hosts found on the way (`curate.read.hosts.HOSTS`); their records are counted as skipped. None where there are none."""
    described: int = 0
    """Records that have fields."""
    fields: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(field, type) → how many of these have it (`curate.read.shapes`)."""
    stored_bytes: int = 0
    """How far the reader has come in the span since the last chunk, in stored bytes, for progress."""
