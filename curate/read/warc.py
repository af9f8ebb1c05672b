"""WARC (ISO 28500): pages with their headers; everything else is skipped by type, a bad record is counted, not fatal.

Documents are `response` records with status 2xx and HTML, XHTML or plain text (declared, or sniffed where undeclared), `resource`
records of these types, and `conversion` records of plain text (WET). Compression is told by magic bytes: gzip with a member a
record (cut into spans anywhere), gzip as one member (one span reads all), plain (cut at record starts, local files only), lz4 and
zstd (one span). Files of a whole host (`/robots.txt` and its kin) go to the host table, and so does what images, PDFs and EPUBs say of their rights
(`media`), of which nothing else is read.
Plain records of whole members become columns at once (`columns.py`), all others are read one by one. fastwarc supplies codecs, libdeflate inflates; the
framing is ours because fastwarc's iterator neither says where damage lies nor reports a cut-off record, and cannot enter a file in the middle.

origin.offset: stored byte of the record; for gzip that of its member; for lz4, zstd: byte in the unpacked stream. origin.length:
stored bytes of the record, null where several records share a member or the stream is lz4 or zstd. Price: see
tests/bench/bench_read.py. Misses: segmented records (`continuation` is skipped, and counted), pages that exist only as `revisit`.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from curate.read import hosts, http, media, members
from curate.read.chunk import Chunk, Limits, Source, Span
from curate.read.columns import plain
from curate.read.frames import Break, Header, Record, Wanted, frames, opens_record, single
from curate.read.members import Gap, Member
from curate.read.packing import packing, unpacked
from curate.read.rows import Plain, Rows, moment
from curate.read.stored import Stored
from curate.read.tape import Jumping, Tape

SUFFIXES = (".warc.gz", ".warc", ".warc.zst", ".warc.lz4", ".wet.gz", ".wet", ".wat.gz", ".wat")

_TYPES = frozenset(["warcinfo", "request", "metadata", "revisit", "continuation"])
_PAGES = frozenset(["response", "resource", "conversion"])
_SLACK = 1 << 20
"""How much longer than the payload limit a record may be: its HTTP header."""


class Found(NamedTuple):
    """A record or break, where it begins in stored bytes, and its stored length if it has one of its own."""

    item: Record | Break
    offset: int
    length: int | None


class Form(NamedTuple):
    """What tells one archive format from another: how content begins, and how a stream is cut into records."""

    opens: members.Opens
    frames: Callable[[Tape, Wanted], Iterator[Record | Break]]
    single: Callable[[bytes, Wanted], Record | None]
    """The same for content that is one record and nothing else: the common case, made fast."""
    plain: Callable[[members.Slab, str, str, int], Plain] | None = None
    """The same for plain records of a slab, all at once."""


WARC = Form(opens_record, frames, single, plain)


def cut(uri: str, size: int, span_bytes: int) -> list[tuple[int, int]]:
    """Spans of about `span_bytes`: anywhere in a gzip file, at record starts in a plain local one; otherwise one."""
    return cut_archive(uri, size, span_bytes, WARC)


def read(span: Span, source: Source, limits: Limits) -> Iterator[Chunk]:
    """The records that start in the span."""
    return read_archive(span, source, limits, WARC)


def cut_archive(uri: str, size: int, span_bytes: int, form: Form) -> list[tuple[int, int]]:
    """Spans of a web archive of this form."""
    if size <= span_bytes:
        return [(0, size)]
    with Stored(uri, size) as stored:
        kind = _packing(stored, form)
        if kind == "gzip":
            return [(at, min(at + span_bytes, size)) for at in range(0, size, span_bytes)]
        if kind != "plain" or not stored.local:
            return [(0, size)]
        starts = [0]
        for item in form.frames(Tape(Jumping(stored.at, size, 0)), lambda header, length: False):
            if isinstance(item, Record) and item.at >= starts[-1] + span_bytes:
                starts.append(item.at)
    return list(zip(starts, [*starts[1:], size], strict=True))


def read_archive(span: Span, source: Source, limits: Limits, form: Form) -> Iterator[Chunk]:
    """The records of a web archive of this form that start in the span."""
    rows = Rows(source, span.container, limits)
    with Stored(span.uri, span.size) as stored:
        for found in _records(stored, span, limits, form):
            if isinstance(found, Found):
                _place(found, rows)
                if rows.full:
                    reached = found.offset + (found.length or 0)
                    yield rows.take(min(reached, span.end) - span.start)
            else:
                yield from _of_slab(found, rows, form, span, limits)
    yield rows.take(span.end - span.start)


def _packing(stored: Stored, form: Form) -> str:
    kind = packing(stored.at(0, 4))
    if kind == "plain" and not form.opens(stored.at(0, 512)):
        limit = min(stored.size, members.WINDOW)
        if members.next_opening(stored, 0, limit, form.opens) < limit:
            return "gzip"  # only its first member has lost its head
    return kind


def _wanted(limits: Limits) -> Wanted:
    return lambda header, length: header.get("warc-type", "").lower() in _PAGES and length <= limits.document_bytes + _SLACK


def _records(stored: Stored, span: Span, limits: Limits, form: Form) -> Iterator[Found | members.Slab]:
    wanted = _wanted(limits)
    kind = _packing(stored, form)
    if kind == "gzip":
        yield from _in_members(stored, span, form, wanted)
    elif kind == "plain":
        for item in form.frames(Tape(Jumping(stored.at, stored.size, span.start, 1 << 18), span.start), wanted):
            if item.at >= span.end:
                return
            yield Found(item, item.at, item.end - item.at if isinstance(item, Record) else None)
    elif span.start == 0:
        for item in form.frames(Tape(unpacked(stored)), wanted):
            yield Found(item, item.at, None)


def _in_members(stored: Stored, span: Span, form: Form, wanted: Wanted) -> Iterator[Found | members.Slab]:
    """Records of the gzip members that begin in the span, each with the offset of its member; slabs whole where their plain records are read at once."""
    for walked in members.walk(stored, span.start, span.end, form.opens):
        if isinstance(walked, Gap):
            message = f"expected a gzip member that opens a record, got {walked.head!r} and {walked.end - walked.at} bytes to the next"
            yield Found(Break(walked.at, message, None), walked.at, None)
        elif isinstance(walked, Member):
            yield from _in_member(walked, form, wanted)
        elif form.plain:
            yield walked
        else:
            for number in range(len(walked.starts) - 1):
                yield from _in_member(walked.member(number), form, wanted)


def _in_member(member: Member, form: Form, wanted: Wanted) -> Iterator[Found]:
    if member.content is not None and (record := form.single(member.content, wanted)) is not None:
        yield Found(record, member.at, member.sound[-1][1] - member.at)
        return
    tape = Tape(member.pieces if member.content is None else iter([member.content]))
    yield from _of_member(member, tape, form.frames(tape, wanted))


def _of_slab(slab: members.Slab, rows: Rows, form: Form, span: Span, limits: Limits) -> Iterator[Chunk]:
    """The records of a slab in their order: those that are plain at once, the others one by one."""
    if not rows.empty:
        yield rows.take(int(slab.at[0]) - span.start)
    assert form.plain
    found = form.plain(slab, rows.source, span.container, limits.document_bytes)
    wanted, at = _wanted(limits), list[int]()
    for number in found.look.tolist():
        for one in _in_member(slab.member(number), form, wanted):
            _place(one, rows)
        at += [number] * (rows.count - len(at))
    yield from rows.take_with(found, at, min(slab.end, span.end) - span.start)


def _of_member(member: Member, tape: Tape, items: Iterator[Record | Break]) -> Iterator[Found]:
    held: Record | None = None  # the first record, until it is known whether the member is all its own
    count = 0
    for item in items:
        count += 1
        if count == 1 and isinstance(item, Record):
            held = item
            continue
        if held is not None:
            sound = member.sound[-1][0] if member.sound else 0
            if isinstance(item, Break) and item.header is None and tape.damage and sound < held.end:
                item = Break(held.at, item.message, held.header)  # its checksum is wrong: the record is not to be trusted
            else:
                yield Found(held, member.at, None)
            held = None
        yield Found(item, member.place(item.at), None)
    while tape.skip(1 << 20):  # what is left after a break, so that the member's end is known
        pass
    if held is not None:
        yield Found(held, member.at, None if member.end is None else member.end - member.at)


def _place(found: Found, rows: Rows) -> None:
    """Turn a record into a document, a skip or an error."""
    item = found.item
    header = item.header or Header()
    kind = header.get("warc-type", "").lower()
    if isinstance(item, Record) and kind not in _PAGES:
        rows.skip(kind if kind in _TYPES else "unknown")
        return
    url = _bare(header.get("warc-target-uri"))
    record_id = _bare(header.get("warc-record-id"))
    if isinstance(item, Break):
        rows.error(found.offset, item.message, url, record_id)
        return
    limit = rows.limits.document_bytes
    if item.content is None:
        rows.error(found.offset, f"expected at most {limit} bytes of payload, got a record of {item.length}", url, record_id)
        return
    file = hosts.kind_of(url) if kind == "response" else None
    try:
        if file and url:
            rows.host(hosts.row(item.content, url, file, limit), found.offset, found.length, moment(header.get("warc-date")), record_id)
            return
        page = _page(kind, header, item.content, url, limit)
    except (ValueError, http.TooLargeError) as error:
        rows.error(found.offset, str(error), url, record_id)
        return
    if isinstance(page, str):
        if page == "response_mime" and url and (said := media.row(item.content, url, limit)):
            rows.host(said, found.offset, found.length, moment(header.get("warc-date")), record_id)
        else:
            rows.skip(page)
        return
    rows.add(
        payload=page.payload,
        key=url or record_id or "",
        offset=found.offset,
        length=found.length,
        raw=page.raw,
        text=page.text,
        url=url,
        fetched_at=moment(header.get("warc-date")),
        record_id=record_id,
        http_status=page.status,
        mime=page.mime,
        headers=page.headers,
    )


def _bare(value: str | None) -> str | None:
    """A URI without the angle brackets that WARC 1.0 grammars put around it."""
    return (value or "").strip().removeprefix("<").removesuffix(">") or None


def _page(kind: str, header: Header, block: http.Block, url: str | None, limit: int) -> http.Page | str:
    declared = header.get("content-type", "")
    if kind == "response":
        if (url or "").startswith("dns:") or http.essence(declared) == "text/dns":
            return "dns"
        if not (url or "http").lower().startswith("http") and bytes(block[:5]) != b"HTTP/":
            return "response_scheme"
        return http.page_of_response(block, header.get("warc-identified-payload-type"), limit)
    page = http.page(block, declared, [("content-type", declared)] if declared else [], kind)
    return "conversion_mime" if kind == "conversion" and isinstance(page, http.Page) and page.raw is not None else page
