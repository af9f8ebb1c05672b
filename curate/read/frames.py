"""Frames: WARC records cut out of a stream of bytes by their own Content-Length (ISO 28500 §4), nothing decoded yet.

Where a record should begin and does not, the bytes up to the next line that opens one (version line, then a header block with
WARC-Type and Content-Length) are one `Break`; the records behind it are read. Lines may end in LF alone and headers may be
folded, as old crawlers wrote them. Price: about 6 µs a record. Misses: a record whose Content-Length is too long but whose end
lies inside the file takes what follows for its content.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from curate.read.headers import named_fields
from curate.read.tape import Tape

MAX_HEAD = 1 << 16
"""A header block longer than this is damage."""
_VERSION = re.compile(rb"WARC/\d\.\d+[ \t]*\r?\n")
_HEAD_END = re.compile(rb"\r?\n\r?\n")


class Header(dict[str, str]):
    """WARC named fields by lower-case name; the first of equal names counts."""


Wanted = Callable[[Header, int], bool]
"""Whether the content of a record with this header and stated length is to be read."""


class Record(NamedTuple):
    """One record: where it begins and ends in the stream, its fields, its content (None where not wanted), the content's length.

    The content may be a view: it lives as long as the bytes it was cut from.
    """

    at: int
    end: int
    header: Header
    content: bytes | memoryview | None
    length: int


class Break(NamedTuple):
    """Bytes from `at` on that are no whole record; `header` is that of the record that broke, if it got so far."""

    at: int
    message: str
    header: Header | None


def opens_record(head: bytes) -> bool:
    """Whether content starts as a WARC record does."""
    return head.lstrip(b"\r\n").startswith(b"WARC/")


def frames(tape: Tape, wanted: Wanted) -> Iterator[Record | Break]:
    """All records of the stream and the breaks between them, which end where a record opens; content is read where `wanted`."""
    while True:
        while (ahead := tape.ahead(4)) and not ahead.strip(b"\r\n"):
            tape.skip(len(ahead))
        while ahead[:1] in (b"\r", b"\n"):
            tape.skip(1)
            ahead = tape.ahead(4)
        if not ahead:
            if tape.damage:
                yield Break(tape.at, tape.damage, None)
            return
        found = _record(tape, wanted)
        yield found
        if isinstance(found, Break) and not _find_record(tape):
            return


def _record(tape: Tape, wanted: Wanted) -> Record | Break:
    start = tape.at
    opening = tape.ahead(512)
    if not _VERSION.match(opening):
        return Break(start, tape.damage or f"expected a record that begins with WARC/1.0 or WARC/1.1, got {opening[:16]!r}", None)
    size = _head_size(tape)
    if size is None:
        return Break(start, tape.damage or f"expected a record header of at most {MAX_HEAD} bytes, got no end of it", None)
    header = parse_header(tape.ahead(size))
    stated = header.get("content-length", "")
    if not (stated.isascii() and stated.isdigit()):
        tape.skip(5)  # past this opening, so that the search finds the next
        return Break(start, f"expected a Content-Length in digits, got {stated!r}", header)
    length = int(stated)
    tape.skip(size)
    if wanted(header, length):
        content: bytes | None = tape.read(length)
        got = len(content or b"")
    else:
        content, got = None, tape.skip(length)
    if got < length:
        if tape.rewinds:
            tape.rewind(start + size)  # other records may follow inside what the length claimed
        return Break(start, tape.damage or f"expected {length} bytes of record content, got {got}", header)
    return Record(start, start + size + length, header, content, length)


def _head_size(tape: Tape) -> int | None:
    for window in (1 << 10, 1 << 13, MAX_HEAD):
        data = tape.ahead(window)
        found = _HEAD_END.search(data)
        if found:
            return found.end()
        if len(data) < window:
            return None
    return None


def _find_record(tape: Tape) -> bool:
    """Move to the next line that opens a record; False at the end."""
    while True:
        data = tape.ahead(MAX_HEAD * 2)
        if not data:
            return False
        for found in re.finditer(rb"(?<=\n)WARC/\d", data):
            if found.start() >= MAX_HEAD:
                break
            rest = data[found.start() : found.start() + MAX_HEAD]
            end = _HEAD_END.search(rest)
            if _VERSION.match(rest) and end and {"warc-type", "content-length"} <= parse_header(rest[: end.end()]).keys():
                tape.skip(found.start())
                return True
        tape.skip(max(1, min(len(data), MAX_HEAD) - 1))  # one byte stays: the line end before an opening


def parse_header(block: bytes) -> Header:
    """The named fields of a header block, after its version line."""
    return Header({name.lower(): value for name, value in reversed(named_fields(block))})


def single(content: bytes, wanted: Wanted) -> Record | None:
    """The record that fills `content` to the last byte, as `frames` would find it; None where that takes a closer look.

    Of a record that is not wanted only type and length are read: most records of a crawl are, and the fields cost more than all else.
    """
    if not _VERSION.match(content):
        return None
    start = content.find(b"\r\n\r\n", 0, MAX_HEAD) + 4
    if start < 4 or content[-4:] != b"\r\n\r\n":
        return None
    if content.find(b"\n\n", 0, start) >= 0 or content.find(b"\n\r\n", 0, start - 1) >= 0:
        return None  # an end of lone line feeds before this one
    block = content[:start]
    unread = _unread(block, wanted)
    header = unread or parse_header(block)
    stated = header.get("content-length", "")
    if not (stated.isascii() and stated.isdigit()) or start + int(stated) + 4 != len(content):
        return None
    length = int(stated)
    view = None if unread or not wanted(header, length) else memoryview(content)[start : start + length]
    return Record(0, start + length, header, view, length)


def _unread(block: bytes, wanted: Wanted) -> Header | None:
    """Type and length of a record that is not wanted whatever its length, where each stands once and no line is folded; else None."""
    lower = block.lower()
    kind = _once(block, lower, b"\nwarc-type:")
    if kind is None or wanted(Header({"warc-type": kind}), 0) or b"\n " in lower or b"\n\t" in lower:
        return None
    length = _once(block, lower, b"\ncontent-length:")
    return None if length is None else Header({"warc-type": kind, "content-length": length})


def _once(block: bytes, lower: bytes, name: bytes) -> str | None:
    """The value of a field that stands once, in ASCII."""
    at = lower.find(name)
    if at < 0 or lower.find(name, at + 1) >= 0:
        return None
    at += len(name)
    value = block[at : block.find(b"\n", at)]
    return value.decode("ascii").strip() if value.isascii() else None
