"""Gzip members of a web archive: the places where a file may be entered, and their content.

An **opening** is a stored byte where a gzip member begins whose content starts as a record does (magic bytes, then inflate a
little, then ask `opens`). The walk goes from member to member; where the chain breaks it goes on at the next opening, so that
good records after damage are read. A span that starts inside the file finds the chain again: from the first opening up to WINDOW
bytes before it, walking on (an archive that lies uncompressed inside a record, as crawls of archives hold them, is stepped over
that way).

Fast path: members that lie wholly in a slab are inflated by libdeflate; their borders are believed only if no other magic bytes lie between them,
each holds what it states and begins as a record; otherwise zlib walks them one by one, with the same result. Misses: an archive of more
than WINDOW stored bytes that lies uncompressed inside a record, when a span starts in it; bytes without magic behind a member that end as it does count
as its own, where zlib would tell of them.
"""

import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from deflate import DeflateError, crc32, gzip_decompress

from curate.read.packing import DamageError, Inflated
from curate.read.stored import Stored

MAGIC = b"\x1f\x8b\x08"
_WARC = b"WARC/"
WINDOW = 1 << 20
SLAB = 1 << 22
"""Stored bytes that are looked at together. Each slab costs a millisecond of columns, whatever is in it: with a quarter of this reading takes a sixth longer
and 55 MB less."""
SLAB_CONTENT = 1 << 26
"""A slab ends before the member with which it would hold more content than this; a member that alone states more is walked by zlib, in pieces."""

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


class Slab(NamedTuple):
    """Whole members, one behind the other, that open a record each. Its content lives until the walk goes on, which fills the same memory again."""

    at: np.ndarray
    """int64[n + 1]: stored byte of each, and of the end."""
    content: np.ndarray
    """uint8: their content."""
    starts: np.ndarray
    """int64[n + 1]: where in it each begins, and the end."""

    @property
    def end(self) -> int:
        """The stored byte after the last."""
        return int(self.at[-1])

    def member(self, number: int) -> Member:
        """One of them."""
        content = self.content[self.starts[number] : self.starts[number + 1]].tobytes()
        return Member(int(self.at[number]), content=content, sound=[(len(content), int(self.at[number + 1]))], ended=True)


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


def walk(stored: Stored, start: int, end: int, opens: Opens) -> Iterator[Member | Slab | Gap]:
    """The members that begin in [start, end), many together where they are whole, and the gaps behind them. A member's pieces must be read to their end."""
    at = entry(stored, start, end, opens)
    if at < end and not is_opening(stored, at, opens):  # only at the start of the file
        found = next_opening(stored, at, stored.size, opens)
        yield Gap(at, found, stored.at(at, 8))
        at = found
    careful = 0  # below this byte a slab has been tried in vain
    memory = pa.allocate_buffer(0)
    while at < end:
        slab, memory = _slab(stored, at, end, opens, memory) if at >= careful else (None, memory)
        if slab is not None:
            yield slab
            after: int | None = slab.end
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


def _slab(stored: Stored, at: int, end: int, opens: Opens, memory: pa.Buffer) -> tuple[Slab | None, pa.Buffer]:
    """The members from `at` that begin before `end` and lie wholly in one slab, inflated together; None if sums do not agree. And the memory to use next."""
    data = stored.at(at, SLAB)
    starts, doubtful = _magics(data)
    if at + len(data) == stored.size:
        starts.append(len(data))
    sizes = [int.from_bytes(data[s - 4 : s], "little") for s in starts[1:]]
    ends = np.cumsum([0, *sizes])
    count = min(len(sizes), int(np.searchsorted(ends, SLAB_CONTENT, "right")) - 1, bisect_left(starts, end - at))
    if count < 1 or not (at + starts[count] == stored.size or is_opening(stored, at + starts[count], opens)):
        return None, memory
    if memory.size < ends[count]:
        memory = pa.allocate_buffer(int(min(SLAB_CONTENT, 2 * ends[count])))
    content = np.frombuffer(memory, dtype=np.uint8)[: ends[count]]
    view = memoryview(data)
    pieces = [view[start:end] for start, end in pairwise(starts[: count + 1])]
    if not _inflate(pieces, content, ends[1 : count + 1].tolist(), doubtful) or not _all_open(content, ends[: count + 1], opens):
        return None, memory
    return Slab(np.array(starts[: count + 1], dtype=np.int64) + at, content, ends[: count + 1]), memory


def _magics(data: bytes) -> tuple[list[int], set[int]]:
    """Where gzip members may begin, the first byte included: magic bytes, flags that there are, an operating system that there is (RFC 1952 §2.3.1).

    And which of these, by number, have other magic bytes in what is theirs.
    """
    octets = np.frombuffer(data, dtype=np.uint8)
    at = np.flatnonzero(octets[:-2] == MAGIC[0])
    starts, doubtful = [0], set[int]()
    for start in at[(octets[at + 1] == MAGIC[1]) & (octets[at + 2] == MAGIC[2])].tolist():
        head = data[start : start + 10]
        if start >= starts[-1] + 18 and (len(head) < 10 or (head[3] < 0x20 and (head[9] <= 13 or head[9] == 255))):
            starts.append(start)
        elif start:
            doubtful.add(len(starts) - 1)
    return starts, doubtful


def _all_open(content: np.ndarray, ends: np.ndarray, opens: Opens) -> bool:
    """Whether each member, ends[i] to ends[i + 1], begins as a record does; most begin with what alone opens a WARC record, and are compared at once."""
    looked = np.arange(len(ends) - 1)
    if opens(_WARC) and len(content) >= len(_WARC):
        at = np.minimum(ends[:-1], len(content) - len(_WARC))
        same = (content[at[:, None] + np.arange(len(_WARC))] == np.frombuffer(_WARC, dtype=np.uint8)).all(axis=1)
        looked = np.flatnonzero(~same | (np.diff(ends) < len(_WARC)))
    return all(opens(content[ends[i] : min(ends[i] + 512, ends[i + 1])].tobytes()) for i in looked.tolist())


def _inflate(pieces: list[memoryview], content: np.ndarray, ends: list[int], doubtful: set[int]) -> bool:
    """Fill `content` up to each of `ends` with a gzip member; False where one is damaged, or holds more or less than that.

    libdeflate stops at the end of a member and does not say where that is: the checksum must stand at the end of the piece, and zlib looks after
    pieces that may be two members.
    """
    view, at = content.data, 0
    try:
        for number, (piece, end) in enumerate(zip(pieces, ends, strict=True)):
            held = _alone(piece, end - at) if number in doubtful else gzip_decompress(piece, end - at)
            if len(held) != end - at or piece[-8:-4] != crc32(held).to_bytes(4, "little"):
                return False
            view[at:end] = held
            at = end
    except (DeflateError, ValueError, zlib.error):
        return False
    return True


def _alone(piece: memoryview, size: int) -> bytes:
    """The content of one gzip member; ValueError where there is more than that, or more content than `size`."""
    decoder = zlib.decompressobj(31)
    held = decoder.decompress(piece, size + 1)
    if not decoder.eof or decoder.unused_data:
        raise ValueError("not one member")
    return held
