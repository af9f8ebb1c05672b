"""The rows of an SQL query, by DuckDB: over a database file, or over a table file that the query calls `input`.

`uri` is a DuckDB database (opened for reading only), or a Parquet, CSV or JSON-lines file. Columns of the result are fields as in `fields.py`, nested
ones too. One thread and insertion order, so that a query without ORDER BY gives the same rows in the same order every time; what the query
itself makes random stays random. origin.offset: row number in the result. DuckDB is the extra `query`. Misses: files that are not
local, databases of other makers (attach them in the query, where DuckDB has an extension for them).
Price: rows become Python objects, about 100,000 a second.
"""

from collections.abc import Iterator
from typing import Any

from curate.errors import SourceError
from curate.read.chunk import Chunk, Limits, Source, Span
from curate.read.fields import Fields, WrongRecordError
from curate.read.rows import Rows
from curate.read.stored import Stored

_CALLS = {
    (".parquet", ".pq"): "read_parquet({})",
    (".csv",): "read_csv({}, header=true, skip=0)",
    (".tsv",): "read_csv({}, header=true, skip=0, delim='\t')",
    (".jsonl", ".ndjson", ".json"): "read_json({})",
}
"""Endings of table files → what reads them. Left to guess, DuckDB passes over lines of a CSV file that do not fit the others."""
_PACKED = ("", ".gz", ".zst")
_READERS = {
    end + packed: call for ends, call in _CALLS.items() for end in ends for packed in _PACKED if not (packed and end in (".parquet", ".pq"))
}
SUFFIXES = (".duckdb", *_READERS)


def cut(uri: str, size: int, span_bytes: int) -> list[tuple[int, int]]:
    """One span: a result cannot be entered in the middle."""
    return [(0, size)]


def read(span: Span, source: Source, limits: Limits) -> Iterator[Chunk]:
    """The rows of the source's query."""
    fields = Fields(source)
    rows = Rows(source, span.container, limits, fields.columns)
    if span.start == 0:
        with Stored(span.uri, span.size) as stored:
            if not stored.local:
                raise SourceError(
                    f"input {span.uri}: expected a local file for a query, got a remote one; copy it or read it without a query"
                )
        for number, record in enumerate(_records(span.uri, source.query or "select * from input", limits)):
            rows.shapes.record(record)
            try:
                rows.add(offset=number, length=None, **fields.of(record))
            except WrongRecordError as wrong:
                rows.error(number, str(wrong))
            if rows.full:
                yield rows.take(0)
    yield rows.take(span.end - span.start)


def _records(uri: str, query: str, limits: Limits) -> Iterator[dict[str, Any]]:
    try:
        import duckdb
    except ImportError as error:
        raise SourceError(
            f"input {uri}: expected DuckDB for a query, got no such module; install the extra: pip install 'curate[query]'"
        ) from error
    suffix = next((end for end in SUFFIXES if uri.lower().endswith(end)), None)
    if suffix is None:
        raise SourceError(f"input {uri}: expected a name that ends with one of {' '.join(SUFFIXES)} for a query, got another; rename it")
    settings: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "preserve_insertion_order": True}
    try:
        with duckdb.connect(uri if suffix == ".duckdb" else ":memory:", read_only=suffix == ".duckdb", config=settings) as connection:
            if suffix != ".duckdb":
                quoted = "'" + uri.replace("'", "''") + "'"
                connection.execute(f"create view input as select * from {_READERS[suffix].format(quoted)}")
            result = connection.execute(query)
            names = [column[0] for column in result.description or ()]
            while batch := result.fetchmany(limits.batch_rows):
                for row in batch:
                    yield dict(zip(names, row, strict=True))
    except duckdb.Error as error:
        told = " ".join(str(error).split())
        raise SourceError(f"input {uri}: expected a query that DuckDB can run, got {told[:300]}; check the query") from error
