"""Rows: hosts, times, and the sums of a chunk."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from curate import schema
from curate.read.chunk import Limits, Source
from curate.read.rows import Rows, document_schema, host, moment


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://User@WWW.Example.org:80/a?b#c", "www.example.org"),
        ("https://example.org./", "example.org"),
        ("http://[::1]:8080/x", "::1"),
        ("http://[bad", ""),
        ("urn:x:y", ""),
        ("", ""),
    ],
)
def test_host(url, found):
    assert host(url) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-02T03:04:05.123456+02:00", datetime(2024, 1, 2, 1, 4, 5, 123456, tzinfo=UTC)),
        ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        (datetime(2024, 1, 2, 3, tzinfo=timezone(timedelta(hours=3))), datetime(2024, 1, 2, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
        (1e300, None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_moment(value, found):
    assert moment(value) == found


def test_a_chunk_holds_what_came_since_the_last_one():
    rows = Rows(Source(name="s"), "box", Limits(batch_rows=2), ("license",))
    assert not rows.full
    rows.add(payload=b"a", key="k", offset=0, length=1, text="a", carried=("MIT",))
    rows.skip("request")
    rows.error(5, "expected x, got y", "http://a.org/", "r")
    rows.add(payload=b"b", key="k", offset=7, length=1, raw=b"b", headers=[("Link", "l"), ("Date", "d")], carried=(None,))
    assert rows.full
    chunk = rows.take(100)
    assert chunk.documents.schema == document_schema(("license",))
    assert chunk.documents.schema.names[: len(schema.DOCUMENT)] == schema.DOCUMENT.names
    assert [row["license"] for row in chunk.documents.to_pylist()] == ["MIT", None]
    assert chunk.documents.to_pylist()[1]["headers"] == [{"name": "Link", "value": "l"}]
    assert (chunk.skipped["request"], len(chunk.errors), chunk.stored_bytes) == (1, 1, 100)
    rest = rows.take(130)
    assert (rest.documents.num_rows, sum(rest.skipped.values()), rest.errors, rest.stored_bytes) == (0, 0, [], 30)
