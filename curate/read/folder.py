"""A folder of .html, .txt and .md files: each file is one document; its id is made of its name below the folder.

Markup goes to `raw`, text to `text`, its charset found as that of pages (`curate/web/charset.py`). An empty file is
skipped as `empty`. Rows have neither URL nor fetch time: what a file system knows about either would differ on the next machine.
Price: one open a file; small files share a part. Misses: front matter in Markdown stays text.
"""

import os
from collections.abc import Iterator

from curate.read.chunk import Chunk, Limits, Source, Span
from curate.read.http import HTML, sniffed
from curate.read.rows import Rows
from curate.read.stored import Stored
from curate.web.charset import decode

_MIME = {".html": "text/html", ".htm": "text/html", ".xhtml": "application/xhtml+xml", ".txt": "text/plain", ".md": "text/markdown"}
SUFFIXES = tuple(_MIME)


def cut(uri: str, size: int, span_bytes: int) -> list[tuple[int, int]]:
    """One span: a file is one document."""
    return [(0, size)]


def read(span: Span, source: Source, limits: Limits) -> Iterator[Chunk]:
    """The file, if it starts in the span."""
    rows = Rows(source, span.container, limits)
    if span.start == 0:
        with Stored(span.uri, span.size) as stored:
            _place(rows, stored, span.container)
    yield rows.take(span.end - span.start)


def _place(rows: Rows, stored: Stored, container: str) -> None:
    limit = rows.limits.document_bytes
    if stored.size > limit:
        rows.error(0, f"expected at most {limit} bytes of payload, got {stored.size}")
        return
    payload = stored.at(0, stored.size)
    if not payload.strip():
        rows.skip("empty")
        return
    suffix = os.path.splitext(container.lower())[1]
    mime = _MIME.get(suffix) or sniffed(payload)  # sniffed where the recipe names the kind and the file another suffix
    if mime == "application/octet-stream":
        rows.skip("binary")
        return
    markup = mime in HTML
    rows.add(
        payload=payload,
        key=container,
        offset=0,
        length=stored.size,
        raw=payload if markup else None,
        text=None if markup else decode(payload).text,
        mime=mime,
    )
