"""A set of documents, read again and again: each epoch its own order and its own packing, rows numbered through all of them.

The order of an epoch is drawn by a keyed hash of the documents' ids. Documents removed from a row on leave the rows behind it, which are
packed anew; what was read before stays as it was. One epoch's rows are kept in memory; another one is built when it is asked for.
"""

from bisect import bisect_right

import numpy as np

from train.config import TrainError
from train.data import Documents, keyed_hash
from train.packing import Rows, joined, pack, pack_pieces

COPY = np.uint64(0x9E3779B97F4A7C15)
"""Tells the copies of a repeated document apart (2^64 over the golden ratio)."""


class Epochs:
    """The rows of some documents of a corpus through all epochs."""

    def __init__(self, docs: Documents, members: np.ndarray, context: int, packing: str, seed: int) -> None:
        """members int64[k]: which documents, rising."""
        self.docs, self.members, self.context, self.packing, self.seed = docs, members, context, packing, seed
        self.num_tokens = int((docs.tokens * docs.repeats)[members].sum())
        """Of one epoch, repeats included."""
        self._removals: list[tuple[int, np.ndarray]] = []
        self._row_starts, self._token_starts = [0], [0]
        self._open_epoch, self._rows, self._tokens = -1, Rows.none(), np.zeros(1, np.int64)

    def remove(self, row: int, docs: np.ndarray) -> None:
        """Documents int64[k] that no row from `row` on may hold; rows must not fall from call to call."""
        self._removals.append((row, docs))
        while self._row_starts[-1] > row:  # epochs that were built before this was known
            self._row_starts.pop()
            self._token_starts.pop()
        self._open_epoch = -1

    def order(self, epoch: int) -> np.ndarray:
        """int64[k]: the documents in the order of an epoch, each as often as it is to be read."""
        counts = self.docs.repeats[self.members]
        copies = np.repeat(self.members, counts)
        number = (np.arange(len(copies)) - np.repeat(np.cumsum(counts) - counts, counts)).astype(np.uint64)
        keys = self.docs.keys[copies]
        keys[:, 1] += number * COPY
        return copies[np.argsort(keyed_hash(keys, "order", self.seed, epoch), kind="stable")]

    def rows(self, epoch: int) -> Rows:
        """The rows of an epoch, in the order in which they are trained on."""
        self._open(epoch)
        return self._rows

    def locate(self, row: int) -> tuple[int, int]:
        """(epoch, row in it). TrainError where no document is left."""
        while row >= self._row_starts[-1]:
            epoch = len(self._row_starts) - 1
            self._open(epoch)
            if self._row_starts[epoch + 1] == self._row_starts[epoch]:
                raise TrainError("plan: expected documents to train on, got none; give more documents, or remove fewer")
        epoch = bisect_right(self._row_starts, row) - 1
        return epoch, row - self._row_starts[epoch]

    def find(self, row: int) -> tuple[Rows, int]:
        """The rows of the epoch that has a row, and its number in there."""
        epoch, at = self.locate(row)
        return self.rows(epoch), at

    def num_trained(self, rows: int) -> int:
        """Inputs in the first `rows` rows that are tokens, not padding."""
        if rows == 0:
            return 0
        epoch, at = self.locate(rows - 1)
        self._open(epoch)
        return int(self._tokens[at + 1])

    def lengths(self, row: int, most: int) -> np.ndarray:
        """int64[k]: tokens in each row from `row` on, `most` of them or to the end of the epoch."""
        epoch, at = self.locate(row)
        self._open(epoch)
        return np.diff(self._tokens[at : at + most + 1])

    def trained_by(self, rows: int, label: np.ndarray, labels: int) -> np.ndarray:
        """int64[labels]: inputs in the first `rows` rows by the label int64[d] of their document."""
        found = np.zeros(labels, dtype=np.int64)
        if rows == 0:
            return found
        last, at = self.locate(rows - 1)
        for epoch in range(last + 1):
            packed = self.rows(epoch)
            pieces = int(packed.first[at + 1] if epoch == last else packed.first[-1])
            np.add.at(found, label[packed.doc[:pieces]], packed.length[:pieces])
        return found

    def num_seen(self, rows: int | None = None) -> int:
        """Tokens that were an input at least once in the first `rows` rows; None: in the whole first epoch, after which none is new."""
        first = self.rows(0)
        at = len(first) if rows is None else min(rows, len(first))
        return covered(first, int(first.first[at]))

    def exposure(self, doc: int, num_rows: int) -> list[tuple[int, int, int]]:
        """(row, start, length) of each piece of a document in the first `num_rows` rows."""
        found = []
        epoch = 0
        while epoch < len(self._row_starts) and self._row_starts[epoch] < num_rows:
            rows, first = self.rows(epoch), self._row_starts[epoch]
            for piece in np.flatnonzero(rows.doc == doc):
                row = first + int(np.searchsorted(rows.first, piece, side="right")) - 1
                if row < num_rows:
                    found.append((row, int(rows.start[piece]), int(rows.length[piece])))
            epoch += 1
        return found

    def times_read(self, num_rows: int) -> np.ndarray:
        """int64[documents of the corpus]: in how many epochs the first `num_rows` rows hold a document."""
        times = np.zeros(len(self.docs.tokens), dtype=np.int64)
        if num_rows == 0:
            return times
        last, at = self.locate(num_rows - 1)
        for epoch in range(last + 1):
            packed = self.rows(epoch)
            pieces = packed.first[at + 1] if epoch == last else packed.first[-1]
            times[np.unique(packed.doc[:pieces])] += 1
        return times

    def _open(self, epoch: int) -> None:
        """Build an epoch's rows, after those before it where it is not known yet where they end."""
        while epoch >= len(self._row_starts):
            self._open(len(self._row_starts) - 1)
        if epoch == self._open_epoch:
            return
        rows = self._build(epoch, self._row_starts[epoch])
        self._open_epoch, self._rows, self._tokens = epoch, rows, rows.tokens() + self._token_starts[epoch]
        if len(self._row_starts) == epoch + 1:
            self._row_starts.append(self._row_starts[epoch] + len(rows))
            self._token_starts.append(int(self._tokens[-1]))

    def _build(self, epoch: int, first: int) -> Rows:
        gone = np.zeros(len(self.docs.tokens), dtype=bool)
        for row, docs in self._removals:
            gone[docs] |= row <= first
        order = self.order(epoch)
        order = order[~gone[order]]
        rows = pack(order, self.docs.tokens[order], self.context, self.packing, self.seed, epoch)
        for row, docs in self._removals:
            if first < row < first + len(rows):
                gone[docs] = True
                rows = self._repacked(rows, row - first, gone, epoch)
        return rows

    def _repacked(self, rows: Rows, at: int, gone: np.ndarray, epoch: int) -> Rows:
        """The rows before `at` as they were; what stands behind without the documents that are gone, packed anew."""
        rest = rows.taken(np.arange(at, len(rows)))
        stay = ~gone[rest.doc]
        packed = pack_pieces(rest.doc[stay], rest.start[stay], rest.length[stay], self.context, self.seed, epoch, "from", at)
        return joined([rows.taken(np.arange(at)), packed])


def covered(rows: Rows, pieces: int) -> int:
    """Tokens in the first `pieces` pieces, those that stand in several counted once."""
    order = np.lexsort((rows.start[:pieces], rows.doc[:pieces]))
    doc, start, length = (values[:pieces][order] for values in (rows.doc, rows.start, rows.length))
    base = doc << 40  # documents one behind the other on a line; none has 2^40 tokens
    begin, end = base + start, base + start + length
    reached = np.maximum.accumulate(np.append(-1, end))[:-1]
    return int(np.maximum(end - np.maximum(begin, reached), 0).sum())
