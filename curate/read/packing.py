"""Compressed streams, opened so that damage is a fact to be counted and not an exception that loses the good prefix.

`unpacked` gives the content of a whole file (.gz, .zst, .lz4 or plain, told by magic bytes, not by name; with `text` UTF-16 as UTF-8) in pieces; where the
data is damaged or cut short the pieces end with `DamageError`. Codecs: zlib, zstandard, and fastwarc's LZ4. A `.warc.zst` may
begin with a skippable frame that holds its dictionary (IIPC "WARC zstd" draft, frame magic 0x184D2A5D). Misses: data after a
damaged gzip member of a file that cannot be cut (JSONL).
"""

import codecs
import struct
import zlib
from collections.abc import Iterator
from itertools import chain

import zstandard
from fastwarc.stream_io import Lz4Reader

from curate.read.stored import Stored

GZIP, ZSTD, LZ4 = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"
ZSTD_DICTIONARY = b"\x5d\x2a\x4d\x18"
OUT = 1 << 20
"""Most bytes that one step may unpack, so that a bomb does not fill the memory."""


class DamageError(Exception):
    """Compressed data that ends or breaks before its time; the message completes `expected …, got …`."""


def packing(head: bytes, text: bool = False) -> str:
    """gzip, zstd, lz4 or plain, by the first four bytes; of what is to be text also utf-16."""
    if head.startswith(GZIP):
        return "gzip"
    if head.startswith((ZSTD, ZSTD_DICTIONARY)):
        return "zstd"
    if text and head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "lz4" if head.startswith(LZ4) else "plain"


def unpacked(stored: Stored, text: bool = False) -> Iterator[bytes]:
    """The content of the whole file in pieces; raises DamageError after the last good piece."""
    kind = packing(stored.at(0, 4), text)
    if kind == "gzip":
        at = 0
        while at < stored.size:
            if at and stored.at(at, 2) != GZIP:
                raise DamageError(f"expected another gzip member or the end of the file, got {stored.at(at, 8)!r} at stored byte {at}")
            member = Inflated(stored, at)
            yield from member
            at = member.end
    elif kind == "zstd":
        yield from _zstd(stored)
    elif kind == "lz4":
        yield from _lz4(stored)
    elif kind == "utf-16":
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
        for piece in chain(stored.pieces(), (b"",)):
            if read := decoder.decode(piece, final=not piece):
                yield read.encode("utf-8", "replace")
    else:
        yield from stored.pieces()


class Inflated:
    """The content of the gzip member at stored byte `at`, in pieces of at most OUT bytes; `end` is the byte after it once all are read."""

    def __init__(self, stored: Stored, at: int) -> None:
        self._stored = stored
        self.end = at

    def __iter__(self) -> Iterator[bytes]:
        decoder = zlib.decompressobj(31)
        step = 1 << 14
        while not decoder.eof:
            piece = self._stored.at(self.end, step)
            if not piece:
                raise DamageError("expected a whole gzip member, got one cut short at the end of the file")
            self.end += len(piece)
            step = 1 << 18
            while piece and not decoder.eof:
                try:
                    out = decoder.decompress(piece, OUT)
                except zlib.error as error:
                    raise DamageError("expected a sound gzip member, got damaged data") from error
                piece = decoder.unconsumed_tail
                if out:
                    yield out
        self.end -= len(decoder.unused_data)


def _zstd(stored: Stored) -> Iterator[bytes]:
    start, dictionary = _zstd_dictionary(stored)
    decompressor = zstandard.ZstdDecompressor(dict_data=dictionary) if dictionary else zstandard.ZstdDecompressor()
    stored.file.seek(start)
    reader = decompressor.stream_reader(stored.file, read_size=1 << 18, read_across_frames=True, closefd=False)
    try:
        while piece := reader.read(OUT):
            yield piece
    except zstandard.ZstdError as error:
        raise DamageError("expected sound zstd data, got damaged data") from error
    if _zstd_cut_short(stored, start):
        raise DamageError("expected a whole zstd frame, got one cut short at the end of the file")


def _zstd_cut_short(stored: Stored, start: int) -> bool:
    """Whether the last frame is incomplete. The stream reader ends silently there, so the frames are walked (RFC 8878 §3.1.1)."""
    at = start
    while at < stored.size:
        head = stored.at(at, 18)
        if len(head) >= 8 and head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F:
            at += 8 + struct.unpack("<I", head[4:8])[0]
            continue
        if not head.startswith(ZSTD) or len(head) < 6:
            return True
        checksum = bool(head[4] & 4)
        at += zstandard.frame_header_size(head)
        while True:
            block = stored.at(at, 3)
            if len(block) < 3:
                return True
            word = int.from_bytes(block, "little")
            at += 3 + (1 if (word >> 1) & 3 == 1 else word >> 3)
            if word & 1:
                break
        at += 4 if checksum else 0
    return at > stored.size


def _zstd_dictionary(stored: Stored) -> tuple[int, zstandard.ZstdCompressionDict | None]:
    head = stored.at(0, 8)
    if not head.startswith(ZSTD_DICTIONARY) or len(head) < 8:
        return 0, None
    length = struct.unpack("<I", head[4:])[0]
    if length > 1 << 26:
        raise DamageError(f"expected a zstd dictionary of at most {1 << 26} bytes, got {length}")
    data = stored.at(8, length)
    if data.startswith(ZSTD):
        data = zstandard.ZstdDecompressor().decompress(data, max_output_size=1 << 27)
    return 8 + length, zstandard.ZstdCompressionDict(data)


def _lz4(stored: Stored) -> Iterator[bytes]:
    stored.file.seek(0)
    reader = Lz4Reader(stored.file)
    try:
        while piece := reader.read(OUT):
            yield piece
    except OSError as error:
        raise DamageError("expected sound lz4 data, got damaged data") from error
