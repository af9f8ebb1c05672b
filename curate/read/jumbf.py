"""JUMBF boxes (ISO/IEC 19566-5) as C2PA keeps its manifests in them, and the CBOR (RFC 8949) inside: as much as an assertion about training needs.

A store is superboxes (`jumb`) in superboxes, each with a description box (`jumd`) that holds its label, and content boxes. Looked for are assertions
whose label is `c2pa.training-mining` or `cawg.training-mining` (C2PA 1.x §18.21, CAWG 1.1), and digital source types of `c2pa.actions`. Signatures are not
verified. Hostile input is bounded: MAX_BOXES boxes, MAX_DEPTH levels, MAX_ITEMS items of CBOR, lengths never trusted beyond the bytes that are there;
what cannot be read is no assertion, except one whose label was read: that is given without content (None), so that it is not taken for silence.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_BOXES = 4096
MAX_DEPTH = 16
MAX_ITEMS = 20_000
LABEL = re.compile(r"(?:c2pa|cawg)\.training-mining(?:__\d+)?|c2pa\.actions(?:\.v2)?(?:__\d+)?")


class BrokenError(ValueError):
    """Bytes that are no CBOR, or more of it than is read."""


def assertions(store: bytes) -> Iterator[tuple[str, Any]]:
    """(label, content) of the assertions that are looked for; None for a content that cannot be read."""
    left = [MAX_BOXES]
    yield from _within(store, 0, left)


def _within(data: bytes, depth: int, left: list[int]) -> Iterator[tuple[str, Any]]:
    for kind, content in _boxes(data, left):
        if kind != b"jumb" or depth >= MAX_DEPTH:
            continue
        inner = list(_boxes(content, left))
        label = _label(inner[0][1]) if inner and inner[0][0] == b"jumd" else ""
        if LABEL.fullmatch(label):
            yield label, _content(inner[1:])
        else:
            yield from _within(content, depth + 1, left)


def _boxes(data: bytes, left: list[int]) -> Iterator[tuple[bytes, bytes]]:
    """(type, content) of the boxes that stand one after the other; a length beyond the end is the end."""
    at = 0
    while at + 8 <= len(data) and left[0] > 0:
        left[0] -= 1
        size, kind, head = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16]), 16
        elif size == 0:
            size = len(data) - at
        if size < head:
            return
        yield kind, data[at + head : at + size]
        at += size


def _label(description: bytes) -> str:
    """UUID, toggles, and where these say so a label that ends in NUL."""
    if len(description) < 18 or not description[16] & 2:
        return ""
    return description[17:].partition(b"\0")[0][:200].decode("utf-8", "replace")


def _content(boxes: list[tuple[bytes, bytes]]) -> Any:
    for kind, content in boxes:
        try:
            if kind == b"cbor":
                return cbor(content)
            if kind == b"json":
                return json.loads(content)
        except (ValueError, RecursionError):
            return None
    return None


def cbor(data: bytes) -> Any:
    """The first item of CBOR; BrokenError for anything else. Byte strings become their length: nothing here needs them. Tags are taken off."""
    return _Reader(data).item(0)


class _Reader:
    def __init__(self, data: bytes):
        self.data, self.at, self.items = data, 0, 0

    def item(self, depth: int) -> Any:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise BrokenError("expected less CBOR, got more than is read")
        head = self.take(1)[0]
        major, short = head >> 5, head & 31
        if major == 7:
            return self.simple(short)
        number = self.number(short)
        if major == 0:
            return number
        if major == 1:
            return None if number is None else -1 - number
        if major in (2, 3):
            return self.string(major, number, depth)
        if major == 4:
            return [self.item(depth + 1) for _ in self.entries(number)]
        if major == 5:
            return {str(self.item(depth + 1)): self.item(depth + 1) for _ in self.entries(number)}
        return self.item(depth + 1)  # a tag

    def take(self, count: int) -> bytes:
        held = self.data[self.at : self.at + count]
        if len(held) < count:
            raise BrokenError("expected more CBOR, got its end")
        self.at += count
        return held

    def number(self, short: int) -> int | None:
        """The argument of a head; None where the length is not told."""
        if short < 24:
            return short
        if short == 31:
            return None
        if short > 27:
            raise BrokenError(f"expected a length, got {short}")
        return int.from_bytes(self.take(1 << (short - 24)))

    def string(self, major: int, length: int | None, depth: int) -> Any:
        if length is None:
            parts = [self.item(depth + 1) for _ in self.entries(None)]
            return "".join(map(str, parts)) if major == 3 else sum(part for part in parts if isinstance(part, int))
        held = self.take(length)
        return held.decode("utf-8", "replace") if major == 3 else length

    def entries(self, count: int | None) -> Iterator[int]:
        """As many steps as there are entries, or up to the break."""
        number = 0
        while count is None or number < count:
            if count is None and self.data[self.at : self.at + 1] == b"\xff":
                self.at += 1
                return
            yield number
            number += 1

    def simple(self, short: int) -> Any:
        if short in (20, 21):
            return short == 21
        if short in (24, 25, 26, 27):
            self.take(1 << (short - 24))
        elif short == 31:
            raise BrokenError("expected an item, got a break")
        return None
