"""Delimited text: .csv and .tsv, plain, .gz or .zst, after RFC 4180: the first line names the fields, and quotes may hold line ends.

Tabs part the fields of a .tsv; those of a .csv are parted by whichever of `,` `;` `|` and tab its first line has most of. Fields are as in
`fields.py`, all of them text. UTF-8, or what the first 256 KiB look like (`curate/web/charset.py`). A row with more or fewer fields than the first line
is a counted error, as is one whose quotes do not match. A file without the text field is refused as a whole, with the fields that are there.
origin.offset and .length: bytes of the row in the unpacked file. One span. SQL over such a file is a `query`. Price: about 50 MB/s.
Misses: files without a first line of names; comments; quotes that are escaped by a backslash; damage that opens a quote takes the
rows up to the next one, or to twice the payload limit, for one.
"""

import csv
from collections.abc import Iterator

from curate.errors import SourceError
from curate.read.chunk import Chunk, Limits, Source, Span
from curate.read.fields import Fields, WrongRecordError
from curate.read.packing import DamageError, packing, unpacked
from curate.read.rows import Rows
from curate.read.stored import Stored
from curate.web.charset import decode

_PACKED = ("", ".gz", ".zst")
SUFFIXES = tuple(end + packed for end in (".csv", ".tsv") for packed in _PACKED)
HEAD_BYTES = 1 << 18
"""What a charset is guessed from."""
_MARK = b"\xef\xbb\xbf"


def cut(uri: str, size: int, span_bytes: int) -> list[tuple[int, int]]:
    """One span: whether a line end is one of a row or within quotes is only known from the start."""
    return [(0, size)]


def read(span: Span, source: Source, limits: Limits) -> Iterator[Chunk]:
    """The rows of the file, if it starts in the span."""
    fields = Fields(source)
    rows = Rows(source, span.container, limits, fields.columns)
    if span.start == 0:
        with Stored(span.uri, span.size) as stored:
            tabs = span.container.lower().removesuffix(".gz").removesuffix(".zst").endswith(".tsv")
            for _ in _rows(_Lines(stored, 2 * limits.document_bytes + (1 << 20)), "\t" if tabs else None, fields, rows, span.uri):
                yield rows.take(0)
    yield rows.take(span.end - span.start)


class _Lines:
    """The lines of a file as text, with their ends; `at` is the byte after the last one given."""

    def __init__(self, stored: Stored, longest: int) -> None:
        self._pieces = unpacked(stored, text=True) if packing(stored.at(0, 4), text=True) != "plain" else stored.pieces()
        self._held, self.longest = bytearray(), longest
        self.at = 0
        self.damage: str | None = None
        """Why the file ends before its time."""
        while len(self._held) < HEAD_BYTES and self._more():
            pass
        if self._held.startswith(_MARK):
            del self._held[: len(_MARK)]
            self.at = len(_MARK)
        head = bytes(self._held[:HEAD_BYTES])
        self._charset = decode(head[: head.rfind(b"\n") + 1] or head).charset

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        start = 0
        while (end := self._held.find(b"\n", start)) < 0:
            start = len(self._held)
            if start > self.longest:
                self.damage = f"expected lines of at most {self.longest} bytes, got a longer one; what follows is not read"
                raise StopIteration
            if not self._more():
                break
        line = bytes(self._held[: end + 1] if end >= 0 else self._held)
        if not line:
            raise StopIteration
        del self._held[: len(line)]
        self.at += len(line)
        return line.decode(self._charset, "replace")

    def _more(self) -> bool:
        try:
            piece = next(self._pieces, b"")
        except DamageError as damage:
            piece, self.damage = b"", str(damage)
        self._held += piece
        return bool(piece)


def _rows(lines: _Lines, delimiter: str | None, fields: Fields, rows: Rows, uri: str) -> Iterator[None]:
    """Put all rows in place, pausing whenever a chunk is full."""
    csv.field_size_limit(min(lines.longest, 2**31 - 1))
    first = next(lines, "")
    names = next(csv.reader([first], delimiter=delimiter or _delimiter(first)), [])
    if not names:
        return
    try:
        _check(names, fields, uri)
    except SourceError as error:
        if first.endswith("\n"):
            raise
        rows.error(0, str(error).partition(": ")[2])  # cut short in its first line
        return
    table = csv.reader(lines, delimiter=delimiter or _delimiter(first), strict=True)
    while True:
        start = lines.at
        try:
            values = next(table, None)
            if values is None:
                break
            if not values:
                continue  # an empty line
            if len(values) != len(names):
                raise WrongRecordError(f"expected {len(names)} fields as in the first line, got {len(values)} ({str(values)[:60]}…)")
            record = dict(zip(names, values, strict=True))
            rows.shapes.record(record)
            rows.add(offset=start, length=lines.at - start, **fields.of(record))
        except (WrongRecordError, csv.Error) as wrong:
            rows.error(start, str(wrong) if isinstance(wrong, WrongRecordError) else f"expected a row of delimited text, got {wrong}")
        if rows.full:
            yield
    if lines.damage:
        rows.error(lines.at, lines.damage)


def _delimiter(first: str) -> str:
    return max(",;\t|", key=first.count)


def _check(names: list[str], fields: Fields, uri: str) -> None:
    """SourceError for a first line that has a name twice, or not the fields that are needed."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SourceError(f"input {uri}: expected a first line of different names, got {twice[:5]} more than once; rename them")
    needed = fields.needed or [fields.names["text"]]
    if not any(name in names for name in needed):
        what = f"the column {needed[0]!r}" if len(needed) == 1 else f"one of the columns {needed}"
        raise SourceError(f"input {uri}: expected {what} in the first line, got {names[:20]}; map it with `fields: {{text: NAME}}`")
