"""What training reads and in which order: a pure function of (shards, held-out share, mix, seed, context, packing, removals), its state one row.

Documents are held out by a hash of their ids. The rest stand in an order drawn for each epoch by a keyed hash of their ids and are packed
into rows of T inputs (epochs.py, packing.py); a mix gives each source rows of its own, which take turns (mixture.py). Batches take rows by
number, whoever asks: with W processes, process k takes the k-th part of each batch, so {plan id, row} is the whole state of any number of
them. Documents removed from a row on leave the rows behind it, which are packed anew; what was read before stays as it was.

A row is int32[T + 1]: T inputs, and the targets one further. A negative value x is no target, and as an input it stands for the token ~x:
PADDING is ~0, and the first token of a piece that starts inside a document is stored as its complement, since what stands before it is of
another document. A document's end predicts the boundary token, which stands behind the last document of a row and counts as padding there.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from threading import RLock

import numpy as np
import xxhash

from curate.errors import ShardError
from curate.shards.reader import Corpus
from train.config import Config, MixStage, Removal, TrainError
from train.data import PADDING, TEST, Stream, documents, held_out, keyed_hash, stream
from train.epochs import Epochs
from train.mixture import REST, Alone, Share, Turns, groups, most_tokens
from train.packing import Rows

ALGORITHM = "best fit in windows, rows shuffled/2"
"""Enters plan_id: change it with anything that changes the order."""
MIXING = "largest deficit in tokens/1"
"""The same for plans with a mix."""


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
    """The plan of a run. Rows are numbered through all of it."""

    def __init__(
        self,
        corpus: Corpus,
        *,
        context: int,
        seed: int,
        share: float,
        packing: str = "best_fit",
        removals: Sequence[Removal] = (),
        mix: Sequence[MixStage] = (),
    ) -> None:
        self.corpus, self.context, self.seed, self.share, self.packing = corpus, context, seed, share, packing
        self.docs = documents(corpus)
        out = held_out(self.docs, share)
        self.train_docs = np.flatnonzero(~out & (self.docs.split != TEST))
        hashes = keyed_hash(self.docs.keys, "held out")
        self.held_out_docs = np.flatnonzero(out)[np.argsort(hashes[out], kind="stable")]
        self.num_tokens = int((self.docs.tokens * self.docs.repeats)[self.train_docs].sum())
        """Of one pass, repeats included."""
        self.mix = tuple(mix)
        self.removals = tuple(sorted(removals, key=lambda removal: removal.row))
        said: list[object] = [ALGORITHM, corpus.corpus_id, context, seed, share, packing]
        said += [[[removal.row, removal.ids] for removal in self.removals]]
        said += [MIXING, [[stage.row, stage.weights] for stage in mix]] if mix else []
        self.plan_id = "sha256:" + hashlib.sha256(repr(said).encode()).hexdigest()
        self.streams = {name: Epochs(self.docs, members, context, packing, seed) for name, members in self._members(mix).items()}
        """Rows of each source of the mix; of all documents, under the name `*`, where there is none."""
        self._streams = list(self.streams.values())
        self._turns = self._dealt(mix)
        self._closed = corpus.meta.before is not None and corpus.meta.behind is not None
        """Whether a document has tokens of its own on either side, so that what follows it is not predicted from it."""
        self._lock = RLock()
        """The loader's thread reads batches while the loop asks who was in one."""

    def _members(self, mix: Sequence[MixStage]) -> dict[str, np.ndarray]:
        if not mix:
            return {REST: self.train_docs}
        sources = self.corpus.meta.sources
        of = self.docs.source[self.train_docs]
        known = [sources[code] for code in np.unique(of).tolist()]
        return {name: self.train_docs[at] for name, at in groups(mix, sources, of, known).items()}

    def _dealt(self, mix: Sequence[MixStage]) -> Alone:
        removed = [(removal.row, self.numbers(removal.ids)) for removal in self.removals]
        if mix:
            return Turns(self._streams, mix, removed)
        for row, docs in removed:
            self._streams[0].remove(row, docs)
        return Alone()

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
            mix=config.mix,
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

    # ---------------------------------------------------------------- batches

    def batch(self, row: int, num_rows: int) -> np.ndarray:
        """int32[num_rows, T + 1]: rows row, row + 1, …"""
        out = np.empty((num_rows, self.context + 1), dtype=np.int32)
        with self._lock:
            for i in range(num_rows):
                self._fill(*self._find(row + i), out[i])
        return out

    def _find(self, row: int) -> tuple[Rows, int]:
        """The rows among which a row is, and its number there."""
        number, at = self._turns.where(row)
        return self._streams[number].find(at)

    def _fill(self, rows: Rows, at: int, out: np.ndarray) -> None:
        filled = 0
        for piece in range(int(rows.first[at]), int(rows.first[at + 1])):
            doc, start, length = int(rows.doc[piece]), int(rows.start[piece]), int(rows.length[piece])
            goes_on = start + length < self.docs.tokens[doc]
            # a piece that goes on fills its row, so its next token is the row's last target
            self.read(doc, start, out[filled : filled + length + goes_on])
            if filled and (start or self._closed):
                out[filled] = ~out[filled]
            filled += length
        if not goes_on:
            out[filled] = PADDING if self._closed else self.corpus.meta.eos_id
        out[filled + 1 :] = PADDING

    def read(self, doc: int, start: int, out: np.ndarray) -> None:
        """Fill out with tokens start, start + 1, … of a document; the token behind it stands before it (data.py)."""
        filled = 0
        if self.corpus.meta.before is None:
            filled = int(start == 0)
            out[:filled] = self.corpus.meta.eos_id
            start = max(0, start - 1)
            if filled == len(out):
                return
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
                rows, at = self._find(one)
                for piece in range(int(rows.first[at]), int(rows.first[at + 1])):
                    spans.append(Span(one, int(rows.doc[piece]), int(rows.start[piece]), int(rows.length[piece])))
        return spans

    def exposure(self, doc: int, num_rows: int) -> list[Span]:
        """Where the first `num_rows` rows hold a document."""
        spans = []
        with self._lock:
            for number, (taken, epochs) in enumerate(zip(self._turns.taken(num_rows).tolist(), self._streams, strict=True)):
                if doc in epochs.members:
                    rows = self._turns.rows_of(number, num_rows)
                    spans += [Span(int(rows[row]), doc, start, length) for row, start, length in epochs.exposure(doc, taken)]
        return sorted(spans, key=lambda span: (span.row, span.start))

    def times_read(self, num_rows: int) -> np.ndarray:
        """int64[d]: in how many epochs of its source the first `num_rows` rows hold a document."""
        with self._lock:
            taken = self._turns.taken(num_rows).tolist()
            return np.asarray(sum(epochs.times_read(rows) for epochs, rows in zip(self._streams, taken, strict=True)))

    # ---------------------------------------------------------------- books

    def num_trained(self, rows: int) -> int:
        """Inputs in the first `rows` rows that are tokens, not padding."""
        with self._lock:
            taken = self._turns.taken(rows).tolist()
            return sum(epochs.num_trained(count) for epochs, count in zip(self._streams, taken, strict=True))

    def trained_by_source(self, rows: int) -> dict[str, tuple[int, float]]:
        """(inputs in the first `rows` rows, how often that reads its training documents) of each source that has some."""
        sources, of = self.corpus.meta.sources, self.docs.source
        have = np.bincount(of[self.train_docs], self.docs.tokens[self.train_docs], len(sources)).astype(np.int64)
        with self._lock:
            taken = self._turns.taken(rows).tolist()
            parts = [epochs.trained_by(count, of, len(sources)) for epochs, count in zip(self._streams, taken, strict=True)]
        trained = np.sum(parts, axis=0)
        return {sources[code]: (int(trained[code]), float(trained[code] / have[code])) for code in np.flatnonzero(have).tolist()}

    def most_tokens(self, epochs: int, shares: Sequence[Share] = ()) -> int:
        """Tokens of a run in which no source is read more than `epochs` times; shares: its stages, where their rows are not known yet."""
        if not self.mix:
            return epochs * self.num_tokens
        return most_tokens(shares or (Share(Fraction(0), self.mix[0].weights),), self.streams, epochs)

    def num_seen(self, rows: int | None = None) -> int:
        """Tokens that were an input at least once in the first `rows` rows; None: in the first epoch of each source, after which none is new."""
        with self._lock:
            self._turns.settle()
            taken = [None] * len(self._streams) if rows is None else self._turns.taken(rows).tolist()
            return sum(epochs.num_seen(count) for epochs, count in zip(self._streams, taken, strict=True))

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
