"""What tests of readers share: making archives by hand, and reading a file whole or in spans."""

import gzip
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

from curate.read import open_span
from curate.read.chunk import Limits, ReadError, Source, Span
from curate.read.files import kind_of, reader


class Outcome(NamedTuple):
    """All that came out of some spans, in order."""

    rows: list[dict]
    skipped: Counter
    errors: list[ReadError]
    hosts: list[dict]

    @property
    def records(self):
        return len(self.rows) + sum(self.skipped.values()) + len(self.errors)


def read(path, span_bytes=None, *, borders=None, kind=None, source=None, limits=None, container=None):
    """Read a file whole (`span_bytes` None), as its reader cuts it, or at given borders; checks every chunk's sums on the way."""
    size = path.stat().st_size
    kind = kind or kind_of(path.name)
    if borders is None:
        borders = reader(kind).cut(str(path), size, span_bytes) if span_bytes else [(0, size)]
    assert borders[0][0] == 0
    assert borders[-1][1] == size
    assert all(a[1] == b[0] for a, b in pairwise(borders))
    rows, skipped, errors, hosts = [], Counter(), [], []
    for start, end in borders:
        span = Span(uri=str(path), container=container or path.name, start=start, end=end, size=size, etag="", kind=kind)
        for chunk in open_span(span, source or Source(name="test"), limits or Limits()):
            chunk.documents.validate(full=True)
            assert chunk.stored_bytes >= 0
            rows += chunk.documents.to_pylist()
            skipped += chunk.skipped
            errors += chunk.errors
            hosts += chunk.hosts.to_pylist() if chunk.hosts is not None else []
    return Outcome(rows, skipped, errors, hosts)


def warc(kind, content=b"", url="http://a.example.org/", *, length=None, record_id=None, **fields):
    """One WARC record as bytes."""
    lines = [f"WARC-Type: {kind}", "WARC-Date: 2024-02-03T04:05:06Z"]
    lines += [f"WARC-Record-ID: <urn:x:{record_id}>"] if record_id else []
    lines += [f"WARC-Target-URI: {url}"] if url else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    lines.append(f"Content-Length: {len(content) if length is None else length}")
    return b"WARC/1.0\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n\r\n"


def response(body, url="http://a.example.org/", *, status="200 OK", mime="text/html", headers=(), **fields):
    """One response record."""
    head = f"HTTP/1.1 {status}\r\n" + (f"Content-Type: {mime}\r\n" if mime else "") + "".join(f"{n}: {v}\r\n" for n, v in headers) + "\r\n"
    return warc("response", head.encode() + body, url, Content_Type="application/http; msgtype=response", **fields)


def members(*records):
    """A gzip member for each record."""
    return b"".join(gzip.compress(record, mtime=0) for record in records)


def arc(url, content, mime="text/html", date="20080430204825"):
    """One ARC 1 record."""
    return f"{url} 1.2.3.4 {date} {mime} {len(content)}\n".encode() + content + b"\n"


def page(word, size=300):
    """HTML that compresses, with a word to know it by."""
    return f"<!DOCTYPE html><html><body><p>{word} {'text of some length ' * (size // 20)}</p></body></html>".encode()
