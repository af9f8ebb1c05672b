"""Documents to rows of T inputs: every token is an input exactly once an epoch, nothing is cropped.

`best_fit`: a document longer than T is cut into pieces of T and a tail, and pieces are packed by best-fit decreasing inside windows of
WINDOW pieces of the shuffled documents, so that a row starts where a document or a piece starts (Ding et al. 2024, "Fewer truncations").
`concat`: documents stand one behind the other and are cut every T tokens, with no padding but in the last row.

In both, the rows of a window are shuffled, since those of one long document would otherwise fill a batch. All is a pure function of
(lengths, T, key), drawn anew for each epoch. Costs 24 bytes a piece and 8 a row.
"""

from dataclasses import dataclass

import numpy as np

from train.data import keyed_hash

WINDOW = 1 << 16
KINDS = ("best_fit", "concat")


@dataclass(frozen=True)
class Rows:
    """Packed rows: row r holds pieces first[r]:first[r + 1], each `length` tokens of document `doc` from token `start` on."""

    first: np.ndarray
    """int64[rows + 1]"""
    doc: np.ndarray
    """int64[pieces]"""
    start: np.ndarray
    """int64[pieces]"""
    length: np.ndarray
    """int64[pieces]"""

    @classmethod
    def none(cls) -> "Rows":
        """No row."""
        nothing = np.empty(0, np.int64)
        return cls(np.zeros(1, np.int64), nothing, nothing, nothing)

    def __len__(self) -> int:
        return len(self.first) - 1

    def tokens(self) -> np.ndarray:
        """int64[rows + 1]: tokens in the rows before each."""
        sums = np.concatenate([[0], np.cumsum(self.length)])
        return np.asarray(sums[self.first], dtype=np.int64)

    def taken(self, rows: np.ndarray) -> "Rows":
        """The rows of these numbers, in that order."""
        counts = self.first[rows + 1] - self.first[rows]
        ahead = np.cumsum(counts) - counts
        pieces = np.repeat(self.first[rows] - ahead, counts) + np.arange(int(counts.sum()))
        return Rows(np.append(ahead, counts.sum()).astype(np.int64), self.doc[pieces], self.start[pieces], self.length[pieces])


def pieces(order: np.ndarray, lengths: np.ndarray, context: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(doc, start, length), int64 each: documents `order` of `lengths` tokens cut every `context` tokens, pieces of each in sequence."""
    counts = -(-lengths // context)
    doc = np.repeat(order, counts)
    number = np.arange(len(doc)) - np.repeat(np.cumsum(counts) - counts, counts)
    start = number * context
    return doc, start, np.minimum(np.repeat(lengths, counts) - start, context)


def pack(order: np.ndarray, lengths: np.ndarray, context: int, kind: str, *key: object) -> Rows:
    """Rows of the documents `order` int64[d] of `lengths` int64[d], each at least 1."""
    if kind == "concat":
        return _shuffled(_concat(order, lengths, context), *key, 0)
    return pack_pieces(*pieces(order, lengths, context), context, *key)


def pack_pieces(doc: np.ndarray, start: np.ndarray, length: np.ndarray, context: int, *key: object) -> Rows:
    """Best-fit rows of pieces of at most `context` tokens, window by window."""
    parts = [
        _shuffled(_best_fit(doc[low : low + WINDOW], start[low : low + WINDOW], length[low : low + WINDOW], context), *key, low // WINDOW)
        for low in range(0, len(doc), WINDOW)
    ]
    return joined(parts)


def joined(parts: list[Rows]) -> Rows:
    """One behind the other."""
    empty = np.empty(0, np.int64)
    ends = np.cumsum([0, *(len(part.doc) for part in parts)])
    first = [part.first[:-1] + end for part, end in zip(parts, ends[:-1], strict=True)]
    columns = [np.concatenate([getattr(part, name) for part in parts] or [empty]) for name in ("doc", "start", "length")]
    return Rows(np.concatenate([*first, [ends[-1]]]).astype(np.int64), *columns)


def _best_fit(doc: np.ndarray, start: np.ndarray, length: np.ndarray, context: int) -> Rows:
    from train.kernels import best_fit_decreasing  # numba comes with it: `--help` need not wait for that

    row_of = np.empty(len(doc), dtype=np.int64)
    rows = best_fit_decreasing(np.ascontiguousarray(length), context, row_of)
    by_row = np.argsort(row_of, kind="stable")
    first = np.searchsorted(row_of[by_row], np.arange(rows + 1))
    return Rows(first.astype(np.int64), doc[by_row], start[by_row], length[by_row])


def _concat(order: np.ndarray, lengths: np.ndarray, context: int) -> Rows:
    """The stream of documents, cut where a document or a row ends."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    cuts = np.union1d(np.concatenate([[0], ends]), np.arange(0, total, context))
    begin, length = cuts[:-1], np.diff(cuts)
    at = np.searchsorted(ends, begin, side="right")
    first = np.searchsorted(begin, np.arange(0, total + context, context)[: -(-total // context) + 1])
    return Rows(first.astype(np.int64), order[at], (begin - (ends - lengths)[at]).astype(np.int64), length.astype(np.int64))


def _shuffled(rows: Rows, *key: object) -> Rows:
    numbers = np.stack([np.arange(len(rows), dtype=np.uint64), np.zeros(len(rows), dtype=np.uint64)], axis=1)
    return rows.taken(np.argsort(keyed_hash(numbers, "rows", *key), kind="stable"))
