"""From a column of texts to the spans of personal data in them, by type."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from curate.kernels import personal as kernel
from curate.personal import addresses, names, numbers, secrets

TYPES = ("secret", "email", "ip", "iban", "card", "national_id", "phone", "name")
"""In this order: of two that overlap the earlier type stands."""
Found = tuple[int, int, str]
"""First byte, end and type."""


@dataclass(frozen=True)
class Wanted:
    """What is looked for: types, regions in which telephone numbers may be written without a country's code, national numbers."""

    types: frozenset[str]
    regions: tuple[str, ...]
    national: tuple[str, ...]


@lru_cache(maxsize=1)
def _tables() -> tuple[np.ndarray, np.ndarray]:
    return kernel.table(), kernel.prefixes()


def candidates(offsets: np.ndarray, data: np.ndarray) -> np.ndarray:
    """int64[k, 4]: (row, kind, first byte, end) of each place worth a look."""
    out = np.empty((max(1024, (len(data) if len(data) < 1 << 16 else len(data) >> 6)), 4), dtype=np.int64)
    count = kernel.scan(offsets, data, *_tables(), out)
    if count > len(out):
        out = np.empty((count, 4), dtype=np.int64)
        kernel.scan(offsets, data, *_tables(), out)
    out = out[:count]
    at = np.array([one.start() for one in addresses.WIDE_SIGN.finditer(data.data[: offsets[-1]], int(offsets[0]))], dtype=np.int64)
    if not len(at):
        return out
    rows = np.searchsorted(offsets, at, "right") - 1
    whole = np.concatenate([out, np.stack([rows, np.full(len(at), kernel.AT), at, at + 3], axis=1)])
    return whole[np.argsort(whole[:, 2], kind="stable")]


def find(offsets: np.ndarray, data: np.ndarray, wanted: Wanted) -> dict[int, list[Found]]:
    """Row → its spans in bytes of the row, disjoint, in order; rows without any are not there."""
    found = _marked(offsets, data, wanted)
    if "name" in wanted.types:
        for row in range(len(offsets) - 1):
            if named := names.find(data[offsets[row] : offsets[row + 1]].tobytes()):
                found[row] = disjoint([*found.get(row, ()), *((start, end, "name") for start, end in named)])
    return found


def _marked(offsets: np.ndarray, data: np.ndarray, wanted: Wanted) -> dict[int, list[Found]]:
    """The same for all types whose places the kernel marks."""
    places = candidates(offsets, data)
    if not len(places):
        return {}
    cuts = np.flatnonzero(np.diff(places[:, 0])) + 1
    found = {}
    for part in np.split(places, cuts):
        row = int(part[0, 0])
        start, end = int(offsets[row]), int(offsets[row + 1])
        text = _Text(data, start, end, wanted)
        spans = disjoint([one for _, kind, at, stop in part.tolist() for one in text.at(kind, at - start, stop - start)])
        if spans:
            found[row] = spans
    return found


def disjoint(spans: Sequence[Found]) -> list[Found]:
    """The spans in order; of overlapping ones that of the earlier type, then the longer, then the first."""
    taken: list[Found] = []
    for span in sorted(set(spans), key=lambda s: (TYPES.index(s[2]), s[0] - s[1], s[0])):
        at = bisect_left(taken, span)
        if (at == 0 or taken[at - 1][1] <= span[0]) and (at == len(taken) or taken[at][0] >= span[1]):
            taken.insert(at, span)
    return taken


class _Text:
    """One row, looked at in places. Everything looked for is ASCII, so bytes are read as Latin-1: a byte is a character."""

    def __init__(self, data: np.ndarray, start: int, end: int, wanted: Wanted):
        self.data, self.start, self.size, self.wanted = data, start, end - start, wanted
        self.done = 0

    def piece(self, start: int, end: int) -> str:
        """Characters [start, end), cut to the row."""
        start, end = max(0, start), min(self.size, end)
        return self.data[self.start + start : self.start + end].tobytes().decode("latin-1")

    def before(self, at: int, size: int = numbers.CONTEXT) -> str:
        return self.piece(at - size, at)

    def at(self, kind: int, start: int, end: int) -> Iterator[Found]:
        """The spans at one candidate."""
        types = self.wanted.types
        if kind == kernel.AT:
            yield from self._sign(start)
        elif kind == kernel.DIGITS:
            yield from self._digits(start, end)
        elif kind == kernel.COLONS and "ip" in types and addresses.is_public6(self.piece(start, end)):
            yield start, end, "ip"
        elif kind == kernel.IBAN and "iban" in types and (got := numbers.iban(self.piece(start, end))):
            yield start, start + got[1], "iban"
        elif "secret" in types:
            if kind == kernel.TOKEN:
                span = secrets.token(self.piece(start, start + secrets.MAX_TOKEN))
            elif kind == kernel.VALUE:
                span = secrets.value(self.before(start, 80), self.piece(start, min(end, start + 4096)))
            elif kind == kernel.NAMED:
                span = secrets.named(self.before(start, 80), self.piece(start, end))
            elif kind == kernel.KEY:
                span = secrets.private_key(self.piece(start, start + secrets.MAX_KEY))
            else:
                span = None
            if span:
                yield start + span[0], start + span[1], "secret"

    def _sign(self, at: int) -> Iterator[Found]:
        """E-mail addresses and passwords around an `@`."""
        if "secret" in self.wanted.types and (got := secrets.password(self.before(at, 180))):
            yield at + got[0], at, "secret"
        if "email" not in self.wanted.types or at < self.done:
            return
        low, tail = max(self.done, at - addresses.MAX_LOCAL), self.piece(at, at + addresses.MAX_HOST)
        first = max(0, low - 1)  # a boundary needs the character before it
        window = self.piece(first, at + addresses.MAX_HOST)
        if not window.isascii():
            got = addresses.disguised(window.encode("latin-1"), at - first, low - first)
        else:
            match = addresses.EMAIL.search(window, low - first) if addresses.HOST.match(tail) else None
            got = match.span() if match else None
        if got:
            self.done = first + got[1]
            yield first + got[0], self.done, "email"

    def _digits(self, start: int, end: int) -> Iterator[Found]:
        """Everything that numbers can be in a run of digits and separators."""
        types, run, before = self.wanted.types, self.piece(start, end), self.before(start).lower()
        if "ip" in types and run.count(".") >= 3:
            low = max(0, start - 2)
            for match in addresses.IP.finditer(self.piece(low, end + 2)):
                if addresses.is_public(match.group()):
                    yield low + match.start(), low + match.end(), "ip"
        tail = self.piece(end, end + 16)
        more = numbers.EXTENSION.match(tail)
        if (tail[:1].isalnum() or tail[:1] == "_") and not more:
            return
        makers = (
            ("card", lambda: numbers.cards(run)),
            ("national_id", lambda: numbers.national(run, before, self.wanted.national)),
            ("phone", lambda: numbers.phones(run, before, tail, self.wanted.regions)),
        )
        for name, make in makers:
            if name in types and end - start < 4096:
                for low, high in make():
                    longer = more.end() if more and name == "phone" and high == len(run) else 0
                    yield start + low, start + high + longer, name
