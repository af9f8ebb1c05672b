"""Shards to batches: the order of training is a pure function of (shards, held-out share, seed, context, epoch), the state one number.

Documents are held out by a hash of their ids. The rest stand one after the other in an order drawn for each epoch by a keyed hash of
their ids, and the stream is cut into rows of T tokens: nothing is cropped, only the last row of a stream is padded. Row r has the T inputs
[r*T, r*T + T) and the targets one further, so each token is an input exactly once an epoch. The rows are then shuffled, since those of
one long document would otherwise fill a batch. Batches take rows by number through all epochs: {row} is the whole state.

Misses: documents longer than T are cut wherever a row ends, and rows start in the middle of documents.
Costs 48 bytes a document and 8 a row in memory; a stream over a corpus larger than memory reads at random.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import xxhash

from curate.errors import ShardError
from curate.shards.reader import Corpus
from train.config import TrainError

PADDING = -1
ALGORITHM = "concat, rows shuffled/1"
"""Enters plan_id: change it with anything that changes the order."""
MIN_HELD_OUT = 8


@dataclass(frozen=True)
class Documents:
    """Documents of a corpus; document d is rows first[d]:first[d + 1]."""

    first: np.ndarray
    """int64[d + 1]"""
    keys: np.ndarray
    """uint64[d, 2]: the halves of the ids, big-endian."""
    tokens: np.ndarray
    """int64[d]: tokens with the boundary."""
    num_bytes: np.ndarray
    """int64[d]: UTF-8 bytes of the text."""


def documents(corpus: Corpus) -> Documents:
    """Join the pieces of long documents. ShardError where a piece does not follow its document."""
    piece, ids = corpus.column("piece"), corpus.ids()
    starts = np.flatnonzero(piece == 0)
    owner = np.cumsum(piece == 0) - 1
    stray = (owner < 0) | (ids != ids[starts[np.maximum(owner, 0)]]) if len(starts) else np.ones(len(ids), dtype=bool)
    if stray.any():
        row = int(np.flatnonzero(stray)[0])
        raise ShardError(f"row {row}: expected piece {piece[row]} behind its document, got another before it; write the shards again")
    first = np.append(starts, len(ids)).astype(np.int64)
    lengths = corpus.lengths()
    sums = [
        np.add.reduceat(v, starts) if len(starts) else np.empty(0, np.int64) for v in (lengths, corpus.column("n_bytes").astype(np.int64))
    ]
    keys = np.ascontiguousarray(ids[starts]).view(">u8").reshape(-1, 2).astype(np.uint64)
    return Documents(first, keys, *sums)


def mix(words: np.ndarray) -> np.ndarray:
    """splitmix64's finaliser (Steele, Lea & Flood 2014) on uint64: every input bit reaches every output bit."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def keyed_hash(keys: np.ndarray, *purpose: object) -> np.ndarray:
    """uint64[d]: a hash of document ids under a key made of `purpose`."""
    digest = hashlib.sha256("/".join(map(str, purpose)).encode()).digest()
    low, high = (np.uint64(int.from_bytes(digest[i : i + 8], "little")) for i in (0, 8))
    return mix(mix(keys[:, 0] ^ low) ^ keys[:, 1] ^ high)


def held_out(docs: Documents, share: float) -> np.ndarray:
    """bool[d]: documents kept for evaluation. By id alone, so that no seed and no other document moves one to the other side.

    Where fewer than MIN_HELD_OUT hashes fall below the share, the smallest hashes are taken, up to a tenth of the documents.
    """
    hashes = keyed_hash(docs.keys, "held out")
    chosen = hashes < np.uint64(min(share, 0.999) * 2.0**64)
    floor = min(MIN_HELD_OUT, max(1, len(hashes) // 10)) if len(hashes) > 1 else 0
    if chosen.sum() < floor:
        chosen[np.argsort(hashes, kind="stable")[:floor]] = True
    return chosen


@dataclass(frozen=True)
class Stream:
    """Corpus rows, one behind the other, as one sequence of tokens."""

    corpus: Corpus
    rows: np.ndarray
    """int64[n]: corpus rows in the order of the stream."""
    starts: np.ndarray
    """int64[n + 1]: where each starts in the stream."""

    def __len__(self) -> int:
        return int(self.starts[-1])

    def read(self, begin: int, out: np.ndarray) -> None:
        """Fill out int32[k] with tokens begin, begin + 1, …; PADDING past the end."""
        end = min(begin + len(out), len(self))
        at = int(np.searchsorted(self.starts, begin, side="right")) - 1
        position = begin
        while position < end:
            tokens = self.corpus.row_tokens(int(self.rows[at]))[position - int(self.starts[at]) :][: end - position]
            out[position - begin : position - begin + len(tokens)] = tokens
            position, at = position + len(tokens), at + 1
        out[max(0, end - begin) :] = PADDING


def stream(corpus: Corpus, docs: Documents, order: np.ndarray) -> Stream:
    """The stream of documents `order` int64[k]; pieces of each in sequence."""
    counts = docs.first[order + 1] - docs.first[order]
    ahead = np.cumsum(counts) - counts
    rows = np.repeat(docs.first[order] - ahead, counts) + np.arange(int(counts.sum()))
    starts = np.concatenate([[0], np.cumsum(corpus.lengths()[rows])]).astype(np.int64)
    return Stream(corpus, rows.astype(np.int64), starts)


class Plan:
    """What training reads, and in which order."""

    def __init__(self, corpus: Corpus, *, context: int, seed: int, share: float) -> None:
        self.corpus, self.context, self.seed, self.share = corpus, context, seed, share
        self.docs = documents(corpus)
        out = held_out(self.docs, share)
        self.train_docs = np.flatnonzero(~out)
        hashes = keyed_hash(self.docs.keys, "held out")
        self.held_out_docs = np.flatnonzero(out)[np.argsort(hashes[out], kind="stable")]
        self.num_tokens = int(self.docs.tokens[self.train_docs].sum())
        self.num_rows = -(-self.num_tokens // context)
        self.plan_id = "sha256:" + hashlib.sha256(f"{ALGORITHM}/{corpus.corpus_id}/{context}/{seed}/{share!r}".encode()).hexdigest()
        self._epoch, self._rows, self._stream = -1, np.empty(0, np.int64), Stream(corpus, np.empty(0, np.int64), np.zeros(1, np.int64))

    def order(self, epoch: int) -> np.ndarray:
        """int64[k]: training documents in the order of an epoch; a permutation of train_docs."""
        return self.train_docs[np.argsort(keyed_hash(self.docs.keys[self.train_docs], "order", self.seed, epoch), kind="stable")]

    def row_order(self, epoch: int) -> np.ndarray:
        """int64[num_rows]: rows of the epoch's stream in the order in which they are trained on."""
        numbers = np.stack([np.arange(self.num_rows, dtype=np.uint64), np.zeros(self.num_rows, dtype=np.uint64)], axis=1)
        return np.argsort(keyed_hash(numbers, "rows", self.seed, epoch), kind="stable")

    def _open(self, epoch: int) -> None:
        if epoch != self._epoch:
            self._epoch, self._rows = epoch, self.row_order(epoch)
            self._stream = stream(self.corpus, self.docs, self.order(epoch))

    def batch(self, row: int, num_rows: int) -> np.ndarray:
        """int32[num_rows, T + 1]: rows row, row + 1, … through all epochs; inputs [:, :-1], targets [:, 1:], PADDING past a stream."""
        out = np.empty((num_rows, self.context + 1), dtype=np.int32)
        for i in range(num_rows):
            epoch, at = divmod(row + i, self.num_rows)
            self._open(epoch)
            self._stream.read(int(self._rows[at]) * self.context, out[i])
        return out

    def num_trained(self, rows: int) -> int:
        """Inputs in the first `rows` rows that are tokens, not padding."""
        epochs, rest = divmod(rows, self.num_rows)
        trained = epochs * self.num_tokens + rest * self.context
        if rest:
            self._open(epochs)
            if self.num_rows - 1 in self._rows[:rest]:
                trained -= self.num_rows * self.context - self.num_tokens
        return trained

    def held_out_stream(self, max_tokens: int) -> tuple[Stream, np.ndarray]:
        """Whole held-out documents in the order of their hashes, at least one and as many as fit; and which they are."""
        chosen = self.held_out_docs
        fits = max(1, int(np.searchsorted(np.cumsum(self.docs.tokens[chosen]), max_tokens, side="right")))
        return stream(self.corpus, self.docs, chosen[:fits]), chosen[:fits]

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
    """Where the tokens went. corpus = held_out + train; fed = trained + padding; train = seen + not_reached."""

    corpus: int
    held_out: int
    train: int
    fed: int
    trained: int
    """Inputs that were tokens, repeats counted."""
    padding: int
    seen: int
    """Tokens that were an input at least once."""
    not_reached: int


def token_ledger(plan: Plan, rows: int) -> TokenLedger:
    """The ledger after `rows` rows; TrainError if it does not balance with the shards."""
    trained = plan.num_trained(rows)
    ledger = TokenLedger(
        corpus=plan.corpus.num_tokens,
        held_out=int(plan.docs.tokens[plan.held_out_docs].sum()),
        train=plan.num_tokens,
        fed=rows * plan.context,
        trained=trained,
        padding=rows * plan.context - trained,
        seen=min(trained, plan.num_tokens),
        not_reached=plan.num_tokens - min(trained, plan.num_tokens),
    )
    if ledger.corpus != ledger.held_out + ledger.train:
        raise TrainError(
            f"token ledger: expected {ledger.corpus} tokens, got {ledger.held_out + ledger.train}; the plan loses documents: report it"
        )
    return ledger


def batch_digest(batch: np.ndarray) -> str:
    """xxh3-64 of a batch's tokens as little-endian int32, padding included: equal digests, same data."""
    return xxhash.xxh3_64(np.ascontiguousarray(batch, dtype="<i4").tobytes()).hexdigest()
