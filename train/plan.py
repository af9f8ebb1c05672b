"""What training reads and in which order: a pure function of (shards, held-out share, seed, context, packing, removals), its state one row.

Documents are held out by a hash of their ids. The rest stand in an order drawn for each epoch by a keyed hash of their ids and are packed
into rows of T inputs (packing.py). Batches take rows by number through all epochs, whoever asks: with W processes, process k takes the
k-th part of each batch, so {plan id, row} is the whole state of any number of them. Documents removed from a row on leave the rows behind
it, which are packed anew; what was read before stays as it was.

A row is int32[T + 1]: T inputs, and the targets one further. A negative value x is no target, and as an input it stands for the token ~x:
PADDING is ~0, and the first token of a piece that starts inside a document is stored as its complement, since what stands before it is of
another document. A document's end predicts the boundary token, which stands behind the last document of a row and counts as padding there.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from threading import RLock

import numpy as np
import xxhash

from curate.errors import ShardError
from curate.shards.reader import Corpus
from train.config import Config, Removal, TrainError
from train.data import PADDING, TEST, Stream, documents, held_out, keyed_hash, stream
from train.packing import Rows, joined, pack, pack_pieces

ALGORITHM = "best fit in windows, rows shuffled/2"
"""Enters plan_id: change it with anything that changes the order."""
COPY = np.uint64(0x9E3779B97F4A7C15)
"""Tells the copies of a repeated document apart (2^64 over the golden ratio)."""


@dataclass(frozen=True)
class Span:
    """A piece of a document in a batch."""

    row: int
    """Through all epochs."""
    doc: int
    """Number of the document in the corpus."""
    start: int
    """Its first token in the document, the boundary token being 0."""
    length: int


class Plan:
    """The plan of a run. Rows are numbered through all epochs."""

    def __init__(
        self, corpus: Corpus, *, context: int, seed: int, share: float, packing: str = "best_fit", removals: Sequence[Removal] = ()
    ) -> None:
        self.corpus, self.context, self.seed, self.share, self.packing = corpus, context, seed, share, packing
        self.docs = documents(corpus)
        out = held_out(self.docs, share)
        self.train_docs = np.flatnonzero(~out & (self.docs.split != TEST))
        hashes = keyed_hash(self.docs.keys, "held out")
        self.held_out_docs = np.flatnonzero(out)[np.argsort(hashes[out], kind="stable")]
        self.num_tokens = int((self.docs.tokens * self.docs.repeats)[self.train_docs].sum())
        """Of one pass, repeats included."""
        self.removals = tuple(sorted(removals, key=lambda removal: removal.row))
        self._removed = [self.numbers(removal.ids) for removal in self.removals]
        said = [ALGORITHM, corpus.corpus_id, context, seed, share, packing, [[removal.row, removal.ids] for removal in self.removals]]
        self.plan_id = "sha256:" + hashlib.sha256(repr(said).encode()).hexdigest()
        self._row_starts, self._token_starts = [0], [0]
        self._lock = RLock()
        """The loader's thread reads batches while the loop asks who was in one."""
        self._open_epoch, self._rows, self._tokens = -1, Rows.none(), np.zeros(1, np.int64)

    @classmethod
    def of(cls, corpus: Corpus, config: Config) -> "Plan":
        """The plan of a run with this config."""
        return cls(
            corpus,
            context=config.model.context,
            seed=config.seed,
            share=config.held_out,
            packing=config.packing,
            removals=config.removals,
        )

    def numbers(self, ids: Sequence[str]) -> np.ndarray:
        """int64: documents of these ids (32 hex digits each); ids that the corpus does not have are left out."""
        halves = np.array([(int(one[:16], 16), int(one[16:], 16)) for one in ids], dtype=np.uint64).reshape(-1, 2)
        pair = [("high", np.uint64), ("low", np.uint64)]
        here, there = (np.ascontiguousarray(keys).view(pair).ravel() for keys in (self.docs.keys, halves))
        return np.flatnonzero(np.isin(here, there))

    def doc_id(self, doc: int) -> str:
        """The id of a document as 32 hex digits."""
        return "".join(f"{int(half):016x}" for half in self.docs.keys[doc])

    # ---------------------------------------------------------------- epochs

    def order(self, epoch: int) -> np.ndarray:
        """int64[k]: training documents in the order of an epoch, each as often as it is to be read."""
        counts = self.docs.repeats[self.train_docs]
        copies = np.repeat(self.train_docs, counts)
        number = (np.arange(len(copies)) - np.repeat(np.cumsum(counts) - counts, counts)).astype(np.uint64)
        keys = self.docs.keys[copies]
        keys[:, 1] += number * COPY
        return copies[np.argsort(keyed_hash(keys, "order", self.seed, epoch), kind="stable")]

    def rows(self, epoch: int) -> Rows:
        """The rows of an epoch, in the order in which they are trained on."""
        with self._lock:
            self._open(epoch)
            return self._rows

    def locate(self, row: int) -> tuple[int, int]:
        """(epoch, row in it)."""
        with self._lock:
            while row >= self._row_starts[-1]:
                self._open(len(self._row_starts) - 1)
        epoch = bisect_right(self._row_starts, row) - 1
        return epoch, row - self._row_starts[epoch]

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
        for removal, docs in zip(self.removals, self._removed, strict=True):
            gone[docs] |= removal.row <= first
        order = self.order(epoch)
        order = order[~gone[order]]
        rows = pack(order, self.docs.tokens[order], self.context, self.packing, self.seed, epoch)
        for removal, docs in zip(self.removals, self._removed, strict=True):
            if first < removal.row < first + len(rows):
                gone[docs] = True
                rows = self._repacked(rows, removal.row - first, gone, epoch)
        if len(rows) == 0:
            raise TrainError("plan: expected documents to train on, got none; give more documents, or remove fewer")
        return rows

    def _repacked(self, rows: Rows, at: int, gone: np.ndarray, epoch: int) -> Rows:
        """The rows before `at` as they were; what stands behind without the documents that are gone, packed anew."""
        rest = rows.taken(np.arange(at, len(rows)))
        stay = ~gone[rest.doc]
        packed = pack_pieces(rest.doc[stay], rest.start[stay], rest.length[stay], self.context, self.seed, epoch, "from", at)
        return joined([rows.taken(np.arange(at)), packed])

    # ---------------------------------------------------------------- batches

    def batch(self, row: int, num_rows: int) -> np.ndarray:
        """int32[num_rows, T + 1]: rows row, row + 1, …"""
        out = np.empty((num_rows, self.context + 1), dtype=np.int32)
        with self._lock:
            for i in range(num_rows):
                self._fill(self._find(row + i), out[i])
        return out

    def _find(self, row: int) -> int:
        """Open the row's epoch; its number in there."""
        epoch, at = self.locate(row)
        self._open(epoch)
        return at

    def _fill(self, at: int, out: np.ndarray) -> None:
        rows, filled = self._rows, 0
        for piece in range(int(rows.first[at]), int(rows.first[at + 1])):
            doc, start, length = int(rows.doc[piece]), int(rows.start[piece]), int(rows.length[piece])
            goes_on = start + length < self.docs.tokens[doc]
            # a piece that goes on fills its row, so its next token is the row's last target
            self.read(doc, start, out[filled : filled + length + goes_on])
            if start and filled:
                out[filled] = ~out[filled]
            filled += length
        if not goes_on:
            out[filled] = self.corpus.meta.eos_id
        out[filled + 1 :] = PADDING

    def read(self, doc: int, start: int, out: np.ndarray) -> None:
        """Fill out with tokens start, start + 1, … of a document."""
        filled = 0
        for row in range(int(self.docs.first[doc]), int(self.docs.first[doc + 1])):
            tokens = self.corpus.row_tokens(row)
            if start < len(tokens):
                taken = tokens[start : start + len(out) - filled]
                out[filled : filled + len(taken)] = taken
                filled += len(taken)
                if filled == len(out):
                    return
            start = max(0, start - len(tokens))

    def held_out_stream(self, max_tokens: int) -> tuple[Stream, np.ndarray]:
        """Whole held-out documents in the order of their hashes, at least one and as many as fit; and which they are."""
        chosen = self.held_out_docs
        fits = max(1, int(np.searchsorted(np.cumsum(self.docs.tokens[chosen]), max_tokens, side="right")))
        return stream(self.corpus, self.docs, chosen[:fits]), chosen[:fits]

    # ---------------------------------------------------------------- who was read when

    def trace(self, row: int, num_rows: int) -> list[Span]:
        """The pieces in these rows, in order."""
        spans = []
        with self._lock:
            for one in range(row, row + num_rows):
                at, rows = self._find(one), self._rows
                for piece in range(int(rows.first[at]), int(rows.first[at + 1])):
                    spans.append(Span(one, int(rows.doc[piece]), int(rows.start[piece]), int(rows.length[piece])))
        return spans

    def exposure(self, doc: int, num_rows: int) -> list[Span]:
        """Where the first `num_rows` rows hold a document."""
        spans = []
        epoch = 0
        while epoch < len(self._row_starts) and self._row_starts[epoch] < num_rows:
            rows, first = self.rows(epoch), self._row_starts[epoch]
            for piece in np.flatnonzero(rows.doc == doc):
                row = first + int(np.searchsorted(rows.first, piece, side="right")) - 1
                if row < num_rows:
                    spans.append(Span(row, doc, int(rows.start[piece]), int(rows.length[piece])))
            epoch += 1
        return sorted(spans, key=lambda span: (span.row, span.start))

    # ---------------------------------------------------------------- books

    def num_trained(self, rows: int) -> int:
        """Inputs in the first `rows` rows that are tokens, not padding."""
        if rows == 0:
            return 0
        with self._lock:
            at = self._find(rows - 1)
            return int(self._tokens[at + 1])

    def num_seen(self, rows: int | None = None) -> int:
        """Tokens that were an input at least once in the first `rows` rows; None: in the whole first epoch, after which none is new."""
        first = self.rows(0)
        at = len(first) if rows is None else min(rows, len(first))
        return covered(first, int(first.first[at]))

    def check(self, batch_rows: int) -> None:
        """Refuse what nothing can be learned from."""
        if self.corpus.num_rows == 0:
            raise ShardError(f"shards {self.corpus.folder}: expected documents, got 0; run `curate run` with a recipe that keeps some")
        if len(self.held_out_docs) == 0 or len(self.train_docs) == 0:
            raise ShardError(
                f"shards {self.corpus.folder}: expected documents on both sides of the held-out split, "
                f"got {len(self.train_docs)} to train on and {len(self.held_out_docs)} held out; give more documents or change --held-out"
            )
        if self.num_tokens < batch_rows * self.context:
            raise TrainError(
                f"shards {self.corpus.folder}: expected at least one batch of {batch_rows * self.context} tokens, got {self.num_tokens}; "
                "lower --batch-tokens and --context"
            )


def covered(rows: Rows, pieces: int) -> int:
    """Tokens in the first `pieces` pieces, those that stand in several counted once."""
    order = np.lexsort((rows.start[:pieces], rows.doc[:pieces]))
    doc, start, length = (values[:pieces][order] for values in (rows.doc, rows.start, rows.length))
    base = doc << 40  # documents one behind the other on a line; none has 2^40 tokens
    begin, end = base + start, base + start + length
    reached = np.maximum.accumulate(np.append(-1, end))[:-1]
    return int(np.maximum(end - np.maximum(begin, reached), 0).sum())


@dataclass(frozen=True, kw_only=True)
class TokenLedger:
    """Where the tokens went. corpus = held_out + set_aside + train; fed = trained + padding; train = seen + not_reached + removed."""

    corpus: int
    held_out: int
    set_aside: int
    """Of the test side of the corpus."""
    train: int
    fed: int
    trained: int
    """Inputs that were tokens, repeats counted."""
    padding: int
    seen: int
    """Tokens that were an input at least once."""
    not_reached: int
    removed: int
    """Tokens of removed documents that were never an input."""


def token_ledger(plan: Plan, rows: int) -> TokenLedger:
    """The ledger after `rows` rows; TrainError if it does not balance with the shards."""
    trained = plan.num_trained(rows)
    aside = np.setdiff1d(np.flatnonzero(plan.docs.split == TEST), plan.held_out_docs)
    ledger = TokenLedger(
        corpus=plan.corpus.num_tokens,
        held_out=int(plan.docs.tokens[plan.held_out_docs].sum()),
        set_aside=int(plan.docs.tokens[aside].sum()),
        train=int(plan.docs.tokens[plan.train_docs].sum()),
        fed=rows * plan.context,
        trained=trained,
        padding=rows * plan.context - trained,
        seen=plan.num_seen(rows),
        not_reached=plan.num_seen() - plan.num_seen(rows),
        removed=int(plan.docs.tokens[plan.train_docs].sum()) - plan.num_seen(),
    )
    if ledger.corpus != (found := ledger.held_out + ledger.set_aside + ledger.train):
        raise TrainError(f"token ledger: expected {ledger.corpus} tokens, got {found}; the plan loses documents: report it")
    return ledger


def row_digests(batch: np.ndarray) -> np.ndarray:
    """uint64[rows]: xxh3-64 of each row's T + 1 numbers as little-endian int32."""
    return np.array([xxhash.xxh3_64_intdigest(row.tobytes()) for row in np.ascontiguousarray(batch, dtype="<i4")], dtype=np.uint64)


def batch_digest(rows: np.ndarray) -> str:
    """xxh3-64 over the rows' digests: equal, same data; each process brings those of its own rows."""
    return xxhash.xxh3_64(rows.astype("<u8").tobytes()).hexdigest()
