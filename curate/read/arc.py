"""ARC (Internet Archive, 1996; versions 1 and 2): the web archives before WARC, as pages with their headers.

A record is one line (URL, IP address, date, MIME, length; version 2 has five more fields before the length), then so many bytes,
then a line end. The first record (`filedesc:`) counts as `warcinfo`; the others are read as WARC `response` records. Rows have no
record id. Everything else is as in `warc.py`, whose walk this reader shares. Misses: nothing known; plain files are cut as plain
WARC is.
"""

import re
from collections.abc import Iterator

from curate.read.chunk import Chunk, Limits, Source, Span
from curate.read.frames import Break, Header, Record, Wanted
from curate.read.tape import Tape
from curate.read.warc import Form, cut_archive, read_archive

SUFFIXES = (".arc.gz", ".arc")

_LINE = re.compile(rb"([a-z][a-z0-9+.\-]*:[^\r\n]*?) (\S+) (\d{12,14}) ([^\r\n]*?)(?: \S+ \S+ \S+ \d+ \S+)? (\d+)\r?\n", re.IGNORECASE)
_MAX_LINE = 1 << 14


def opens(head: bytes) -> bool:
    """Whether content starts as an ARC record does."""
    return _LINE.match(head.lstrip(b"\r\n")) is not None or head.lstrip(b"\r\n").startswith(b"filedesc:")


def cut(uri: str, size: int, span_bytes: int) -> list[tuple[int, int]]:
    """Spans of about `span_bytes`: anywhere in a gzip file, at record starts in a plain local one; otherwise one."""
    return cut_archive(uri, size, span_bytes, ARC)


def read(span: Span, source: Source, limits: Limits) -> Iterator[Chunk]:
    """The records that start in the span."""
    return read_archive(span, source, limits, ARC)


def frames(tape: Tape, wanted: Wanted) -> Iterator[Record | Break]:
    """All records of the stream, with fields named as in WARC, and the breaks between them."""
    while True:
        while tape.ahead(1) in (b"\r", b"\n"):
            tape.skip(1)
        if not tape.ahead(1):
            if tape.damage:
                yield Break(tape.at, tape.damage, None)
            return
        found = _record(tape, wanted)
        yield found
        if isinstance(found, Break) and not _find_record(tape):
            return


def _record(tape: Tape, wanted: Wanted) -> Record | Break:
    start = tape.at
    line = _LINE.match(tape.ahead(_MAX_LINE))
    if not line:
        return Break(start, tape.damage or f"expected an ARC record line, got {tape.ahead(24)!r}", None)
    header = _header(*line.groups()[:4])
    length = int(line.group(5))
    tape.skip(line.end())
    content = tape.read(length) if wanted(header, length) else None
    got = tape.skip(length) if content is None else len(content)
    if got < length:
        if tape.rewinds:
            tape.rewind(start + line.end())
        return Break(start, tape.damage or f"expected {length} bytes of record content, got {got}", header)
    return Record(start, start + line.end() + length, header, content, length)


def _header(url: bytes, address: bytes, date: bytes, mime: bytes) -> Header:
    digits = date.decode().ljust(14, "0")
    uri = url.decode("utf-8", "replace")
    return Header(
        {
            "warc-type": "warcinfo" if uri.lower().startswith("filedesc:") else "response",
            "warc-target-uri": uri,
            "warc-ip-address": address.decode("utf-8", "replace"),
            "warc-date": f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:14]}Z",
            "content-type": mime.decode("utf-8", "replace"),
        }
    )


def _find_record(tape: Tape) -> bool:
    """Move to the next line that opens a record; False at the end."""
    while data := tape.ahead(_MAX_LINE * 8):
        for newline in re.finditer(rb"\n", data):
            if _LINE.match(data, newline.end()):
                tape.skip(newline.end())
                return True
        tape.skip(max(1, len(data) - _MAX_LINE))
    return False


ARC = Form(opens, frames, lambda content, wanted: None)
