"""Documents of shards, keyed hashes of their ids, and which of them are held out: what the plan (plan.py) is made of.

Costs 56 bytes a document in memory; a stream over a corpus larger than memory reads at random.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from curate.errors import ShardError
from curate.shards.format import ShardMeta
from curate.shards.reader import Corpus

PADDING = -1
MIN_HELD_OUT = 8
VALIDATION, TEST = 1, 2


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
    repeats: np.ndarray
    """int64[d]: how often one pass over the corpus reads it."""
    split: np.ndarray
    """int64[d]: 0 train, 1 validation, 2 test, as the recipe of the corpus says."""
    source: np.ndarray
    """int64[d]: its code in the corpus's table of sources."""


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
    marks = [corpus.column(name)[starts].astype(np.int64) for name in ("repeats", "split", "source")]
    return Documents(first, keys, *sums, *marks)


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
    """bool[d]: documents kept for evaluation: the validation side where the corpus has one, so that near duplicates stand on one side.

    Else by id alone, so that no seed and no other document moves one to the other side. Where fewer than MIN_HELD_OUT hashes fall below
    the share, the smallest hashes are taken, up to a tenth of the documents.
    """
    if (docs.split == VALIDATION).any():
        return np.asarray(docs.split == VALIDATION)
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
        if self.corpus.meta.before is None and begin < len(self):
            # the token behind a document is read before it, and all of them are one: so the whole is moved by one
            if begin == 0 and len(out):
                out[0] = self.corpus.meta.eos_id
            self._fill(max(0, begin - 1), out[begin == 0 :], len(self) - 1)
        else:
            self._fill(begin, out, len(self))

    def _fill(self, begin: int, out: np.ndarray, stop: int) -> None:
        end = min(begin + len(out), stop)
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


def opening(meta: ShardMeta) -> int:
    """The token that is read before a document's text."""
    return meta.eos_id if meta.before is None else meta.before


def no_text(meta: ShardMeta) -> tuple[int, ...]:
    """The tokens that stand around texts; they are predicted, but carry no bytes."""
    return tuple(sorted({opening(meta), meta.eos_id}))
