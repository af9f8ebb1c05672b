"""An HTTP message as archives store it: status, headers, and the body as its author wrote it.

Transfer coding (RFC 9112 §7.1) is undone where it is really there: many archives keep `Transfer-Encoding: chunked` on bodies that
are no longer chunked. Content codings gzip, deflate, br and zstd likewise; a body that breaks off gives what was there. MIME: as
declared, and by the rules of the WHATWG MIME Sniffing Standard §7.1 where absent or generic. Price: about 5 µs and one copy of
the body. Misses: scriptable types other than HTML and XHTML, and HTML served as text/plain (browsers do not render it either).
"""

import io
import re
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import zstandard
from fastwarc.stream_io import BrotliReader

from curate.read.headers import named_fields
from curate.web.charset import decode

HTML = frozenset(["text/html", "application/xhtml+xml"])
_GENERIC = frozenset(
    ["", "application/octet-stream", "application/unknown", "unknown/unknown", "*/*", "application/x-unknown-content-type"]
)
_STATUS = re.compile(rb"HTTP/\d(?:\.\d+)?[ \t]+(\d{3})(?!\d)")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_TAGS = rb"!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p"
_MARKUP = re.compile(rb"[\t\n\x0c\r ]*(?:<(?:" + _TAGS + rb")[ \t\n\x0c\r>]|<!--)", re.IGNORECASE)
_SNIFFED = 1445
"""How much of a body the sniffing rules look at."""
_USUAL_HEAD = 4096

_SOLID = re.compile(rb"\S")
Headers = list[tuple[str, str]]
Block = bytes | memoryview
"""Bytes, or a view of them: bodies are not copied until something is done to them."""


class Message(NamedTuple):
    """A response: status code, headers in order as written, body as stored."""

    status: int
    headers: Headers
    body: Block


class Page(NamedTuple):
    """A body that is a document: `raw` for markup, `text` for plain text."""

    mime: str
    payload: Block
    headers: Headers
    raw: Block | None
    text: str | None
    status: int | None


class TooLargeError(Exception):
    """A body that unpacks to more than the limit; the message completes `expected …, got …`."""


def parse(block: Block) -> Message | None:
    """The response in a record's content; None where it does not begin with a status line."""
    status = _STATUS.match(block)
    if not status:
        return None
    start = bytes(block[:_USUAL_HEAD])  # a view has no `find`, and `find` is ten times as fast as the expression
    at = start.find(b"\r\n\r\n")
    if at >= 0 and start.find(b"\n\n", 0, at) < 0 and start.find(b"\n\r\n", 0, at) < 0:
        return Message(int(status.group(1)), named_fields(start[:at]), block[at + 4 :])
    end = _HEAD_END.search(block)
    head, body = (block[: end.start()], block[end.end() :]) if end else (block, b"")
    return Message(int(status.group(1)), named_fields(bytes(head)), body)


def field(headers: Headers, name: str) -> str:
    """The first header of that lower-case name; empty where there is none."""
    for key, value in headers:
        if len(key) == len(name) and key.lower() == name:
            return value
    return ""


def content(message: Message, limit: int) -> Block:
    """The body with its transfer and content codings undone; TooLargeError beyond `limit` bytes."""
    body = message.body
    if "chunked" in field(message.headers, "transfer-encoding").lower():
        body = dechunked(bytes(body))
    if codings := field(message.headers, "content-encoding").lower():
        for coding in reversed(codings.split(",")):
            body = _uncoded(bytes(body), coding.strip(), limit)
    return body


def dechunked(body: bytes) -> bytes:
    """The body without its chunk framing; as it is where it does not begin with a chunk; what was there where it breaks off."""
    parts: list[bytes] = []
    at = 0
    while (size := _CHUNK.match(body, at)) is not None:
        length = int(size.group(1), 16)
        start = size.end()
        if (
            not parts
            and length
            and body[start + length : start + length + 2] not in (b"\r\n", b"\r", b"")
            and body[start + length : start + length + 1] != b"\n"
        ):
            return body  # a text that begins with a hexadecimal word
        if length == 0:
            return b"".join(parts) if parts or not body[start:].strip() else body
        parts.append(body[start : start + length])
        at = start + length
        at += 2 if body[at : at + 2] == b"\r\n" else 1 if body[at : at + 1] == b"\n" else 0
        if at >= len(body):
            break
    return b"".join(parts) if parts else body


def _uncoded(body: bytes, coding: str, limit: int) -> bytes:
    """One content coding undone; a body that is not so coded stays as it is."""
    if not body or coding not in _DECODERS:
        return body
    parts: list[bytes] = []
    size = 0
    try:
        for part in _DECODERS[coding](body):
            parts.append(part)
            size += len(part)
            if size > limit:
                raise TooLargeError(
                    f"expected at most {limit} bytes of payload, got more than {limit} out of {len(body)} bytes of {coding}"
                )
    except (zlib.error, OSError, zstandard.ZstdError):
        pass  # what came before the damage is the body
    return b"".join(parts) if parts else body


def _gzip(body: bytes) -> Iterator[bytes]:
    yield from _inflate(zlib.decompressobj(31), body)


def _deflate(body: bytes) -> Iterator[bytes]:
    # "deflate" means zlib, but some servers send it bare
    wrapped = len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    yield from _inflate(zlib.decompressobj(15 if wrapped else -15), body)


def _inflate(decoder: "zlib._Decompress", body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 1 << 12):  # small steps: all that lies before damage comes out
        piece = body[start : start + (1 << 12)]
        while piece and not decoder.eof:
            yield decoder.decompress(piece, 1 << 20)
            piece = decoder.unconsumed_tail


def _brotli(body: bytes) -> Iterator[bytes]:
    reader = BrotliReader(io.BytesIO(body))
    while part := reader.read(1 << 16):
        yield part


def _zstd(body: bytes) -> Iterator[bytes]:
    reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(io.BytesIO(body), read_across_frames=True)
    while part := reader.read(1 << 16):
        yield part


_DECODERS = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate, "br": _brotli, "zstd": _zstd}


@lru_cache(maxsize=4096)
def essence(content_type: str) -> str:
    """The MIME type without parameters, lower case."""
    return content_type.split(";", 1)[0].split(",", 1)[0].strip().lower()


def sniffed(body: Block) -> str:
    """text/html, text/plain or application/octet-stream, by the first bytes."""
    head = bytes(body[:_SNIFFED])
    if _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "text/html"
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) or not _BINARY.search(head):
        return "text/plain"
    return "application/octet-stream"


def page_of_response(block: Block, identified: str | None, limit: int) -> Page | str:
    """The document in a response record, or the word under which it is skipped. ValueError if it is no HTTP, TooLargeError."""
    message = parse(block)
    if message is None:
        raise ValueError(f"expected an HTTP status line, got {bytes(block[:24])!r}")
    if not 200 <= message.status <= 299:
        return "response_status"
    if not _SOLID.search(message.body):
        return "response_empty"
    declared = field(message.headers, "content-type")
    mime = essence(declared)
    if mime not in _GENERIC and mime not in HTML and mime != "text/plain":
        return "response_mime"  # before the codings are undone: most bytes of a crawl end here
    return page(content(message, limit), declared or identified or "", message.headers, "response", message.status)


def page(body: Block, content_type: str, headers: Headers, kind: str, status: int | None = None) -> Page | str:
    """A document from a body and its declared type, or the word `<kind>_mime` or `<kind>_empty` under which it is skipped."""
    if not _SOLID.search(body):
        return f"{kind}_empty"
    mime = essence(content_type)
    if mime in _GENERIC:
        mime = sniffed(body)
    if mime in HTML:
        return Page(mime, body, headers, body, None, status)
    if mime != "text/plain" or sniffed(body) == "application/octet-stream":
        return f"{kind}_mime"
    text = decode(bytes(body), content_type).text
    return Page(mime, body, headers, None, text, status) if text.strip() else f"{kind}_empty"
