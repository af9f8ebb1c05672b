"""JSON lines: one object a line, plain, .gz or .zst (told by magic bytes). Names the missing field and the fields that are there.

A plain file is cut anywhere: a line belongs to the span in which it starts. A compressed file is one span. Lines end in LF (a CR
before it is white space to JSON); blank lines are no records. Invalid UTF-8 is read with U+FFFD in its place, as text of the web
is everywhere in this house; a line that is no JSON object is a counted error. origin.offset and .length: bytes of the line in the
unpacked file. Fields: `Source.fields` maps column → field, with dots for nested ones (`metadata.url`); `license` is carried where
it is there. A file whose first character is `[` is one array of objects, one whose first line is `{` has objects over several lines
(json_array.py); both are one span. Price: the standard library's parser,
about 200 MB/s.
"""

import json
from collections.abc import Iterator
from typing import Any

from curate.read import json_array
from curate.read.chunk import Chunk, Limits, Source, Span
from curate.read.fields import Fields, WrongRecordError
from curate.read.packing import DamageError, packing, unpacked
from curate.read.rows import Rows
from curate.read.stored import Stored

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson", ".ndjson.gz", ".ndjson.zst", ".json.gz", ".json.zst", ".json")

HEAD_BYTES = 256
"""Enough to see whether a file begins with `[`, behind blanks."""
_ESCAPED = 6
"""JSON may spend six bytes on one (`\\u0041`); a line may be so many times the payload limit."""


def cut(uri: str, size: int, span_bytes: int) -> list[tuple[int, int]]:
    """Spans of `span_bytes` where the file is plain; otherwise one."""
    if size <= span_bytes:
        return [(0, size)]
    with Stored(uri, size) as stored:
        if packing(stored.at(0, 4), text=True) != "plain" or json_array.begins(stored.at(0, HEAD_BYTES)):
            return [(0, size)]
    return [(at, min(at + span_bytes, size)) for at in range(0, size, span_bytes)]


def read(span: Span, source: Source, limits: Limits) -> Iterator[Chunk]:
    """The lines that start in the span."""
    fields = Fields(source)
    rows = Rows(source, span.container, limits, fields.columns)
    with Stored(span.uri, span.size) as stored:
        packed = packing(stored.at(0, 4), text=True) != "plain"
        if span.start == 0 and json_array.begins(_head(stored, packed)):
            for at, length, value in _values(
                unpacked(stored, text=True) if packed else stored.pieces(), rows, _ESCAPED * limits.document_bytes
            ):
                _record(rows, fields, at, length, value)
                if rows.full:
                    yield rows.take(0 if packed else min(at + length, span.end))
            yield rows.take(span.end)
            return
        start = 0 if packed else _line_start(stored, span.start, span.end)
        end = stored.size if packed else span.end
        lines = _lines(stored, packed, start, end, _ESCAPED * limits.document_bytes + (1 << 20))
        if start < end and (not packed or span.start == 0):
            for at, length, line in lines:
                _place(rows, fields, at, length, line)
                del line  # not held while what was made of it is worked on
                if rows.full:
                    yield rows.take(0 if packed else min(at + length, span.end) - span.start)
    yield rows.take(span.end - span.start)


def _head(stored: Stored, packed: bool) -> bytes:
    try:
        return next(unpacked(stored, text=True), b"")[:HEAD_BYTES] if packed else stored.at(0, HEAD_BYTES)
    except DamageError:
        return b""  # told when it is read


def _values(pieces: Iterator[bytes], rows: Rows, longest: int) -> Iterator[tuple[int, int, Any]]:
    """The values of an array; what ends it too early is an error at the place that was reached."""
    reached = 0
    try:
        for at, length, value in json_array.values(pieces, longest):
            yield at, length, value
            reached = at + length
    except (ValueError, DamageError) as error:
        rows.error(reached, str(error))


def _line_start(stored: Stored, start: int, end: int) -> int:
    """The first line start at or after `start`; `end` or more if there is none before it."""
    if start == 0:
        return 0
    newline = stored.find(b"\n", start - 1, end)
    return end if newline < 0 else newline + 1


def _lines(stored: Stored, packed: bool, start: int, end: int, longest: int) -> Iterator[tuple[int, int, bytes | str]]:
    """(offset, length, line) of the lines that start before `end`; a message in place of a line that is too long or cut off by damage."""
    pieces = unpacked(stored, text=True) if packed else stored.pieces(start)
    at, parts, held = start, [], 0
    while True:
        try:
            piece = next(pieces, b"")
        except DamageError as damage:
            yield at, held, str(damage)
            return
        done = 0
        while (newline := piece.find(b"\n", done)) >= 0:
            length = held + newline - done
            parts.append(piece[done:newline])
            yield at, length, _joined(parts, length, longest)
            at, parts, held, done = at + length + 1, [], 0, newline + 1
            if not packed and at >= end:
                return
        held += len(piece) - done
        if held <= longest:
            parts.append(piece[done:])
        else:
            parts = []
        if not piece:
            if held and (packed or at < end):
                yield at, held, _joined(parts, held, longest)
            return


def _joined(parts: list[bytes], length: int, longest: int) -> bytes | str:
    """The line, or what is wrong with it; `parts` is empty afterwards, so that a long line is not held twice."""
    line = b"".join(parts) if length <= longest else f"expected a line of at most {longest} bytes, got {length}"
    parts.clear()
    return line


def _place(rows: Rows, fields: Fields, at: int, length: int, line: bytes | str) -> None:
    if isinstance(line, str):
        rows.error(at, line)
        return
    if at == 0:
        line = line.removeprefix(b"\xef\xbb\xbf")
    if not line.strip():
        return
    try:
        value: Any = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        rows.error(at, f"expected a JSON object, got {_shown(line)} ({type(error).__name__})")
        return
    if not isinstance(value, dict):
        rows.error(at, f"expected a JSON object, got {_shown(line)}")
        return
    _record(rows, fields, at, length, value)


def _record(rows: Rows, fields: Fields, at: int, length: int, value: Any) -> None:
    if not isinstance(value, dict):
        rows.error(at, f"expected a JSON object, got {type(value).__name__} {repr(value)[:40]}")
        return
    rows.shapes.record(value)
    try:
        found = fields.of(value)
    except WrongRecordError as wrong:
        rows.error(at, str(wrong))
        return
    rows.add(offset=at, length=length, **found)


def _shown(line: bytes) -> str:
    text = line[:40].decode("utf-8", "replace")
    return repr(text + "…" if len(line) > 40 else text)
