"""Gzip members of a web archive: the places where a file may be entered, and their content.

An **opening** is a stored byte where a gzip member begins whose content starts as a record does (magic bytes, then inflate a
little, then ask `opens`). The walk goes from member to member; where the chain breaks it goes on at the next opening, so that
good records after damage are read. A span that starts inside the file finds the chain again: from the first opening up to WINDOW
bytes before it, walking on (an archive that lies uncompressed inside a record, as crawls of archives hold them, is stepped over
that way).

Fast path: members that lie wholly in a slab are inflated together by fastwarc (490 MB/s against 260 with zlib here); their
borders are believed only if the sizes that the members state add up and each begins as a record; otherwise zlib walks them one by
one, with the same result. Misses: an archive of more than WINDOW stored bytes that lies uncompressed inside a record, when a span
starts in it.
"""

import io
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from fastwarc.stream_io import GzipReader

from curate.read.packing import DamageError, inflated
from curate.read.stored import Stored

MAGIC = b"\x1f\x8b\x08"
WINDOW = 1 << 20
SLAB = 1 << 20
SLAB_CONTENT = 1 << 26
"""A slab that states more content than this is walked by zlib, in pieces."""

Opens = Callable[[bytes], bool]


class Member(NamedTuple):
    """A member that opens a record, with those behind it that open none: its stored byte, its content in pieces, and the
    stored byte after it (known once the pieces are read; empty if it is damaged)."""

    at: int
    pieces: Iterator[bytes]
    end: list[int]


class Gap(NamedTuple):
    """Stored bytes [at, end) after a whole member that are none."""

    at: int
    end: int
    head: bytes


def is_opening(stored: Stored, at: int, opens: Opens) -> bool:
    """Whether a member begins at `at` whose content starts as a record does."""
    for length in (1 << 11, 1 << 17):  # the second try is for headers with a long name, and blocks with a long Huffman table
        data = stored.at(at, length)
        if data[:3] != MAGIC or (len(data) > 3 and data[3] & 0xE0):
            return False
        try:
            head = zlib.decompressobj(31).decompress(data, 512)
        except zlib.error:
            return False
        if head.strip(b"\r\n"):
            return opens(head)
    return False


def next_opening(stored: Stored, start: int, end: int, opens: Opens) -> int:
    """The first opening in [start, end), or `end`."""
    while (at := stored.find(MAGIC, start, end)) >= 0:
        if is_opening(stored, at, opens):
            return at
        start = at + 1
    return end


def entry(stored: Stored, start: int, end: int, opens: Opens) -> int:
    """Where a span [start, end) enters the chain of members: the first one of the chain at or after `start`; `end` if there is none."""
    if start <= 0:
        return 0
    at = next_opening(stored, max(0, start - WINDOW), start, opens)
    while at < start:
        after = _end(stored, at, opens)
        if after is None or not (after == stored.size or is_opening(stored, after, opens)):
            after = next_opening(stored, at + 1 if after is None else after, end, opens)
        at = after
    return next_opening(stored, at, end, opens) if at < end else end


def _content(stored: Stored, at: int, opens: Opens) -> Generator[bytes, None, int]:
    """The content of the member at `at` and of those behind it that open no record (block gzip); returns the byte after them."""
    after = yield from inflated(stored, at)
    while stored.at(after, 3) == MAGIC and not is_opening(stored, after, opens):
        after = yield from inflated(stored, after)
    return after


def _end(stored: Stored, at: int, opens: Opens) -> int | None:
    pieces = _content(stored, at, opens)
    try:
        while True:
            next(pieces)
    except StopIteration as done:
        return done.value
    except DamageError:
        return None


def walk(stored: Stored, start: int, end: int, opens: Opens) -> Iterator[Member | Gap]:
    """The members that begin in [start, end), and the gaps behind them. A member's pieces must be read to their end."""
    at = entry(stored, start, end, opens)
    if at < end and not is_opening(stored, at, opens):  # only at the start of the file
        found = next_opening(stored, at, stored.size, opens)
        yield Gap(at, found, stored.at(at, 8))
        at = found
    careful = 0  # below this byte a slab has been tried in vain
    while at < end:
        slab = _slab(stored, at, end, opens) if at >= careful else None
        if slab is not None:
            yield from slab
            after: int | None = slab[-1].end[0]
        else:
            careful = max(careful, at + SLAB)
            member = _streamed(stored, at, opens)
            yield member
            after = member.end[0] if member.end else None
        if after is None:
            at = next_opening(stored, at + 1, end, opens)
        elif after == stored.size or is_opening(stored, after, opens):
            at = after
        else:
            at = next_opening(stored, after, stored.size, opens)
            yield Gap(after, at, stored.at(after, 8))


def _streamed(stored: Stored, at: int, opens: Opens) -> Member:
    end: list[int] = []

    def pieces() -> Iterator[bytes]:
        end.append((yield from _content(stored, at, opens)))

    return Member(at, pieces(), end)


def _slab(stored: Stored, at: int, end: int, opens: Opens) -> list[Member] | None:
    """The members from `at` that begin before `end` and lie wholly in one slab, inflated together; None if sums do not agree."""
    data = stored.at(at, SLAB)
    starts = [0]
    while (found := data.find(MAGIC, starts[-1] + 18)) >= 0:
        starts.append(found)
    if at + len(data) == stored.size:
        starts.append(len(data))
    while len(starts) > 1 and at + starts[-2] >= end:
        starts.pop()
    if len(starts) < 2 or not (at + starts[-1] == stored.size or is_opening(stored, at + starts[-1], opens)):
        return None
    sizes = [int.from_bytes(data[s - 4 : s], "little") for s in starts[1:]]
    if sum(sizes) > SLAB_CONTENT:
        return None
    try:
        content = GzipReader(io.BytesIO(data[: starts[-1]])).read(sum(sizes) + 1)
    except OSError:
        return None
    if len(content) != sum(sizes):
        return None
    members, done = [], 0
    for start, after, size in zip(starts, starts[1:], sizes, strict=False):
        part = content[done : done + size]
        if not opens(part[:512]):
            return None
        members.append(Member(at + start, iter([part]), [at + after]))
        done += size
    return members
