"""What a whole host says to machines: robots.txt, ai.txt and tdmrep.json, as they lie in the same archives as the pages.

Such records are no documents. They go into a table of their own, one row a record, whatever their status: that a robots.txt was missing or
out of reach is evidence too (RFC 9309 §2.3.1). `text` is there where a 2xx answer is plain text or JSON and not a page that a server sends for
everything; of it the first MAX_TEXT bytes, as much as RFC 9309 §2.5 asks crawlers to read. Evidence only: what follows from it is a policy's
business. Misses: files that a redirect led elsewhere (the redirect itself is a row, with its `location`), records other than responses.
"""

from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from curate import schema
from curate.read import http
from curate.read.encoding import charset, decoded, utf8_safe

PATHS = {"robots.txt": "robots", "ai.txt": "ai", ".well-known/tdmrep.json": "tdmrep"}
"""Path on the host → kind."""
MAX_TEXT = 512_000
HOSTS = pa.schema(
    [
        pa.field("id", pa.binary(16), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("scheme", pa.string()),
        pa.field("host", pa.string()),
        pa.field("port", pa.int32()),
        pa.field("url", pa.string()),
        pa.field("observed_at", pa.timestamp("us", tz="UTC")),
        pa.field("origin", schema.ORIGIN, nullable=False),
        pa.field("location", pa.string()),
        pa.field("headers", schema.HEADERS),
        pa.field("payload_digest", pa.string()),
        pa.field("text", pa.large_string()),
    ]
)
"""One row a record. `origin` holds status and MIME; `port` is null where the URL names none."""


def kind_of(url: str | None) -> str | None:
    """robots, ai or tdmrep, where the URL is that of a host's own file; None for everything else."""
    if url is None or not url.endswith((".txt", ".json")):
        return None
    parts = url.split("/", 3)
    return PATHS.get(parts[3]) if len(parts) == 4 and parts[0].lower() in ("http:", "https:") and not parts[1] else None


def row(block: http.Block, url: str, kind: str, limit: int) -> dict[str, Any]:
    """Columns of HOSTS that the response itself tells; ValueError if it is no HTTP, TooLargeError beyond `limit` bytes."""
    message = http.parse(block)
    if message is None:
        raise ValueError(f"expected an HTTP status line, got {bytes(block[:24])!r}")
    body = bytes(http.content(message, limit))
    declared = http.field(message.headers, "content-type")
    readable = 200 <= message.status <= 299 and http.essence(declared) not in http.HTML and http.sniffed(body) == "text/plain"
    try:
        split = urlsplit(url)
        host, port = (split.hostname or "").rstrip(".") or None, split.port
    except ValueError:
        host, port = None, None
    return {
        "kind": kind,
        "scheme": url.split(":", 1)[0].lower(),
        "host": host,
        "port": port,
        "url": utf8_safe(url),
        "location": utf8_safe(http.field(message.headers, "location")) or None,
        "headers": [{"name": n, "value": utf8_safe(v)} for n, v in message.headers if schema.keeps_header(n)],
        "payload_digest": schema.payload_digest(body),
        "text": decoded(body[:MAX_TEXT], charset(declared)) if readable else None,
        "status": message.status,
        "mime": http.essence(declared) or http.sniffed(body),
        "payload": body,
    }
