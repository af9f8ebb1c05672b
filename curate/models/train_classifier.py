"""A quality classifier from documents that are good and documents of the pool, in fastText's file format, after DCLM (Li et al. 2024, §4.4).

The trainer is ours (`curate/kernels/fasttext_train.py`), so that the same documents, options and seed give the same bytes; `fasttext` reads the
file. A document is held out by the hash that is its id, so that it is held out in every training.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from curate.errors import SourceError
from curate.kernels import fasttext_text as text
from curate.kernels import fasttext_train as kernel
from curate.models.fasttext import MAGIC, PREFIX, SUPERVISED

SOFTMAX = 3
BLANKS = bytes.maketrans(b"\n\r\t\v\f\0", b"      ")
END = b"</s>"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to train. DCLM: dim 100, epochs 5, rate 0.1, word_ngrams 2, 2 000 000 buckets."""

    dim: int = 32
    epochs: int = 5
    rate: float = 0.5
    word_ngrams: int = 2
    buckets: int = 200_000
    min_count: int = 2
    seed: int = 0
    held_out: float = 0.1


@dataclass
class Documents:
    """Texts as bytes with the label of each: 1 positive, 0 negative."""

    texts: list[bytes]
    labels: list[int]

    def joined(self) -> tuple[np.ndarray, np.ndarray]:
        """(offsets int64[n + 1], data uint8)."""
        ends = np.cumsum([0, *(len(one) for one in self.texts)]).astype(np.int64)
        return ends, np.frombuffer(b"".join(self.texts), dtype=np.uint8)


def split(documents: Iterable[tuple[bytes, str, int]], held_out: float) -> tuple[Documents, Documents]:
    """(to learn from, held out) of (id, text, label): held out where the first eight bytes of the id are below that share of their range."""
    parts = Documents([], []), Documents([], [])
    for name, written, label in documents:
        side = parts[int.from_bytes(name[:8], "big") < held_out * 2**64]
        side.texts.append(written.encode("utf-8", "replace"))
        side.labels.append(label)
    for part, which in zip(parts, ("training", "held-out"), strict=True):
        for label, named in ((1, "positive"), (0, "negative")):
            if label not in part.labels:
                raise SourceError(f"classifier train: expected {named} documents in the {which} part, got none; give more documents")
    return parts


def words_of(data: bytes) -> Iterator[bytes]:
    """Words as fastText cuts them, up to a `</s>`."""
    for word in data.translate(BLANKS).split(b" "):
        if word == END:
            return
        if word:
            yield word


def train(documents: Documents, names: tuple[str, str], options: Options) -> bytes:
    """The model's file. names: labels of positive and negative documents."""
    counts: Counter[bytes] = Counter({END: len(documents.texts)})
    for one in documents.texts:
        counts.update(words_of(one))
    prefix = PREFIX.encode()
    words = sorted((w for w, n in counts.items() if n >= options.min_count and not w.startswith(prefix)), key=lambda w: (-counts[w], w))
    positive = sum(documents.labels)
    labels = sorted([(names[0], positive, 1), (names[1], len(documents.labels) - positive, 0)], key=lambda one: (-one[1], one[0]))
    entries = [*words, *(prefix + name.encode() for name, _, _ in labels)]
    rows, starts = _rows(documents, entries, len(words), words.index(END), options)
    weights = np.zeros((len(words) + options.buckets, options.dim), dtype=np.float32)
    out = np.zeros((2, options.dim), dtype=np.float32)
    kernel.begin(rows, options.seed, weights)
    truth = np.array(documents.labels, dtype=np.int64)
    number = len(truth)
    keys = np.empty(number, dtype=np.uint64)
    for turn in range(options.epochs):
        kernel.shuffle_keys(number, options.seed, turn, keys)
        order = np.argsort(keys, kind="stable")
        kernel.epoch(rows, starts, truth, order, options.rate, turn * number, options.epochs * number, weights, out)
    listed = [(word, counts[word], 0) for word in words] + [(prefix + n.encode(), count, 1) for n, count, _ in labels]
    return _file(listed, weights, out[[which for _, _, which in labels]], options)


def _rows(documents: Documents, entries: list[bytes], words: int, end: int, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """(int32: rows of all documents, int64[n + 1]: where each begins)."""
    at = np.cumsum([0, *(len(one) for one in entries)]).astype(np.int64)
    letters = np.frombuffer(b"".join(entries), dtype=np.uint8)
    slots = np.full(1 << (2 * len(entries)).bit_length(), -1, dtype=np.int32)
    text.fill_slots(at, letters, slots)
    args = np.array([options.dim, 0, 0, options.word_ngrams, options.buckets, words, end, 0], dtype=np.int64)
    offsets, data = documents.joined()
    parts, starts = [], [0]
    room = np.empty(1 << 16, dtype=np.int32)
    for i in range(len(documents.texts)):
        found = kernel.rows_of(data, offsets[i], offsets[i + 1], args, slots, at, letters, room)
        if found > len(room):
            room = np.empty(found, dtype=np.int32)
            kernel.rows_of(data, offsets[i], offsets[i + 1], args, slots, at, letters, room)
        parts.append(room[:found].copy())
        starts.append(starts[-1] + found)
    return np.concatenate(parts), np.array(starts, dtype=np.int64)


def _file(entries: list[tuple[bytes, int, int]], weights: np.ndarray, out: np.ndarray, options: Options) -> bytes:
    """fastText's file, version 12."""
    words = sum(kind == 0 for _, _, kind in entries)
    args = (
        options.dim,
        5,
        options.epochs,
        options.min_count,
        5,
        options.word_ngrams,
        SOFTMAX,
        SUPERVISED,
        options.buckets,
        0,
        0,
        100,
        1e-4,
    )
    parts = [
        struct.pack("<ii12id", MAGIC, 12, *args),
        struct.pack("<iiiqq", len(entries), words, len(entries) - words, sum(count for _, count, kind in entries if kind == 0), -1),
        *(name + b"\0" + struct.pack("<qb", count, kind) for name, count, kind in entries),
    ]
    for matrix in (weights, out):
        parts += [struct.pack("<Bqq", 0, *matrix.shape), matrix.astype("<f4").tobytes()]
    return b"".join(parts)
