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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from fastwarc.stream_io import GzipReader

from curate.read.packing import DamageError, Inflated
from curate.read.stored import Stored

MAGIC = b"\x1f\x8b\x08"
WINDOW = 1 << 20
SLAB = 1 << 20
SLAB_CONTENT = 1 << 26
"""A slab that states more content than this is walked by zlib, in pieces."""

Opens = Callable[[bytes], bool]


_NOTHING: Iterator[bytes] = iter(())


@dataclass(slots=True)
class Member:
    """A gzip member that opens a record, with those behind it that open none (block gzip, or a record spread over several)."""

    at: int
    """Its stored byte."""
    pieces: Iterator[bytes] = _NOTHING
    """Its content, where it is streamed."""
    content: bytes | None = None
    """Its content, where it is there already."""
    sound: list[tuple[int, int]] = field(default_factory=list)
    """(content byte, stored byte) where each of its gzip members ended well, as far as the pieces were read."""
    ended: bool = False
    """Whether all ended well; false until the pieces are read."""

    @property
    def end(self) -> int | None:
        """The stored byte after it; None if it is damaged."""
        return self.sound[-1][1] if self.ended else None

    @property
    def resume(self) -> int:
        """Where to look for the next opening if it is damaged."""
        return self.sound[-1][1] if self.sound else self.at + 1

    def place(self, content: int) -> int:
        """The stored byte of the gzip member that holds this byte of the content, which must have been read."""
        return next((stored for byte, stored in reversed(self.sound) if byte <= content), self.at)


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
        member = _streamed(stored, at, opens)
        try:
            for _ in member.pieces:
                pass
        except DamageError:
            pass
        at = next_opening(stored, member.resume, end, opens)
    return next_opening(stored, at, end, opens) if at < end else end


def _streamed(stored: Stored, at: int, opens: Opens) -> Member:
    member = Member(at)

    def pieces() -> Iterator[bytes]:
        after, content = at, 0
        while not member.sound or (stored.at(after, 3) == MAGIC and not is_opening(stored, after, opens)):
            inflating = Inflated(stored, after)
            for piece in inflating:
                content += len(piece)
                yield piece
            after = inflating.end
            member.sound.append((content, after))
        member.ended = True

    member.pieces = pieces()
    return member


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
            after: int | None = slab[-1].end
            resume = 0
        else:
            careful = max(careful, at + SLAB)
            member = _streamed(stored, at, opens)
            yield member
            after, resume = member.end, member.resume
        if after is None:
            at = next_opening(stored, resume, end, opens)
        elif after == stored.size or is_opening(stored, after, opens):
            at = after
        else:
            at = next_opening(stored, after, stored.size, opens)
            yield Gap(after, at, stored.at(after, 8))


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
    members = []
    try:
        read = GzipReader(io.BytesIO(data[: starts[-1]])).read
        for start, after, size in zip(starts, starts[1:], sizes, strict=False):
            content = read(size)
            if len(content) != size or not opens(content[:512]):
                return None
            members.append(Member(at + start, content=content, sound=[(size, at + after)], ended=True))
        return None if read(1) else members
    except OSError:
        return None
