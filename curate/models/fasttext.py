"""fastText's supervised models, read from .bin and .ftz files (version 12; 11 as the reference reads it).

`curate/kernels/fasttext.py` and `fasttext_text.py` say what is computed. Dense matrices stay in the file, mapped, and are shared by all processes of a machine;
quantized ones are unpacked to float32. Each process keeps the sums of words that it saw (`CACHE_BYTES`).
"""

import mmap
import struct
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

import numpy as np

from curate.errors import SourceError
from curate.kernels import fasttext as kernel
from curate.kernels import fasttext_text as rows_of
from curate.kernels.utf8 import classes

MAGIC, VERSIONS = 793712314, (11, 12)
SUPERVISED = 3
PREFIX = "__label__"
CACHE_BYTES = 32 << 20
MAX_SLOTS = 1 << 18
LINE = 64
"""Bytes of a cache line, at which the slots begin."""
LOSSES = {1: kernel.TREE, 2: kernel.EACH, 3: kernel.FLAT, 4: kernel.EACH}


class FastText:
    """A supervised model: `labels` without their prefix, in the model's order."""

    def __init__(self, labels: list[str], model: rows_of.Model):
        self.labels = labels
        self._model = model
        dim = int(model.args[rows_of.DIM])
        width = -(-4 * (rows_of.NUMBER + 1 + dim) // LINE) * LINE
        slots = MAX_SLOTS
        while slots > 1024 and slots * width > CACHE_BYTES:
            slots //= 2
        room = np.zeros(slots * width + LINE, dtype=np.uint8)
        first = -room.ctypes.data % LINE
        self._cache = rows_of.Cache(room[first : first + slots * width].reshape(slots, width), np.zeros(1 << 12, dtype=np.uint8))

    def best(self, starts: np.ndarray, ends: np.ndarray, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(int64[n], float64[n]): the likeliest label of each text data[starts[i]:ends[i]] (-1 where there is none) and its probability."""
        return self._predict(starts, ends, data, -1)

    def of(self, label: str, starts: np.ndarray, ends: np.ndarray, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(int64[n], float64[n]): the likeliest label of each text, and the probability of `label`; -1 and 0 where a text is blank."""
        return self._predict(starts, ends, data, self.labels.index(label))

    def _predict(self, starts: np.ndarray, ends: np.ndarray, data: np.ndarray, asked: int) -> tuple[np.ndarray, np.ndarray]:
        labels, scores = np.empty(len(starts), dtype=np.int64), np.empty(len(starts))
        kernel.predict(starts, ends, data, classes(), self._model, self._cache, asked, labels, scores)
        return labels, scores


def digest(path: Path) -> str:
    """sha256 of a model file, read once a process while it does not change. SourceError where there is none."""
    try:
        found = path.stat()
    except OSError:
        raise SourceError(f"model: expected a model file, got no file {path}; correct the path") from None
    return _digest(str(path), found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=16)
def _digest(path: str, _changed: int, _size: int) -> str:
    with open(path, "rb") as file:
        made = sha256()
        while piece := file.read(1 << 20):
            made.update(piece)
    return "sha256:" + made.hexdigest()


def load(path: Path, step: str) -> FastText:
    """The model, read once a process while the file does not change. SourceError, which names the step, where it is no supervised model."""
    if not path.is_file():
        raise SourceError(f"{step}: expected a fastText model, got no file {path}; correct the path of `model`")
    found = path.stat()
    try:
        return _load(str(path), found.st_mtime_ns, found.st_size)
    except _NotOneError as error:
        raise SourceError(f"{step}: expected a fastText model, got {path}: {error}; set `model` to a .bin or .ftz file") from None


@lru_cache(maxsize=4)
def _load(path: str, _changed: int, _size: int) -> FastText:
    with open(path, "rb") as file:
        if Path(path).stat().st_size < 8:
            raise _NotOneError("fewer than 8 bytes")
        data = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype=np.uint8)
    return _Reader(data).model()


class _NotOneError(Exception):
    """What is wrong with the file."""


class _Reader:
    """Walks a model file."""

    def __init__(self, data: np.ndarray):
        self.data, self.i = data, 0

    def take(self, form: str) -> tuple[int, ...]:
        size = struct.calcsize("<" + form)
        return struct.unpack("<" + form, self.piece(size).tobytes())

    def piece(self, size: int) -> np.ndarray:
        if size < 0 or self.i + size > len(self.data):
            self.refuse(f"cut short: {size} bytes wanted at {self.i} of {len(self.data)}")
        self.i += size
        return self.data[self.i - size : self.i]

    def refuse(self, why: str) -> NoReturn:
        raise _NotOneError(why)

    def model(self) -> FastText:
        magic, version = self.take("ii")
        if magic != MAGIC or version not in VERSIONS:
            self.refuse(f"begins with {magic}, {version} where {MAGIC}, 12 should stand")
        dim, _, _, _, _, ngrams, loss, kind, bucket, minn, maxn, _ = self.take("12i")
        self.take("d")
        if kind != SUPERVISED or loss not in LOSSES or dim < 1 or bucket < 0:
            self.refuse(f"not a supervised model (model {kind}, loss {loss}, dim {dim}, bucket {bucket})")
        maxn = 0 if version == 11 else maxn
        total, words, labels, _, left = self.take("iiiqq")
        if labels < 1 or words < 0 or total != words + labels:
            self.refuse(f"{words} words and {labels} labels among {total} entries")
        names, counts, at = self.entries(total)
        kept, order = self.pruned(left, bucket)
        rows = self.matrix()
        out = self.matrix()
        held = words + (max(left, 0) if left >= 0 else bucket)
        if rows.shape[1] != 4 * dim or out.shape != (labels, 4 * dim) or len(rows) < held:
            self.refuse(f"matrices of {rows.shape} and {out.shape} for dim {dim}, {held} rows, {labels} labels")
        if left > 0:
            rows = rows[np.r_[np.arange(words), words + order]]
        letters = np.frombuffer(b"".join(names), dtype=np.uint8)
        slots = np.full(1 << (2 * total).bit_length(), -1, dtype=np.int32)
        rows_of.fill_slots(at, letters, slots)
        end = next((n for n, name in enumerate(names[:words]) if name == b"</s>"), -1)
        uses = bucket > 0 and left != 0  # a model without buckets has no n-grams, whatever its settings say
        args = np.array([dim, minn, maxn if uses else 0, ngrams if uses else 1, bucket, words, end, left > 0], dtype=np.int64)
        tree = _tree(counts[words:])
        made = rows_of.Model(args, slots, at, letters, kept, 1.0 / max(bucket, 1), rows, out, *tree, LOSSES[loss])
        return FastText([name.decode("utf-8", "replace").removeprefix(PREFIX) for name in names[words:]], made)

    def entries(self, total: int) -> tuple[list[bytes], np.ndarray, np.ndarray]:
        """Names, counts int64[total] and ends int64[total + 1] of the entries of the dictionary."""
        names, counts = [], np.zeros(total, dtype=np.int64)
        whole = self.data[self.i :].data
        view, at = bytes(whole[: min(len(whole), 4096 + 64 * total)]), 0
        for n in range(total):
            stop = view.find(b"\0", at)
            if stop < 0 or stop + 10 > len(view):
                if len(view) == len(whole):
                    self.refuse(f"cut short in entry {n} of {total}")
                view = bytes(whole)
                stop = view.find(b"\0", at)
            if stop < 0 or stop + 10 > len(view):
                self.refuse(f"cut short in entry {n} of {total}")
            names.append(view[at:stop])
            (counts[n],) = struct.unpack_from("<q", view, stop + 1)
            at = stop + 10
        self.i += at
        return names, counts, np.r_[0, np.cumsum([len(name) for name in names])].astype(np.int64)

    def pruned(self, left: int, bucket: int) -> tuple[np.ndarray, np.ndarray]:
        """(kept uint64[bucket / 64, 2] as in `rows_of.Model`, int64[left]: the place of each row in that order); empty where none was pruned."""
        if left <= 0:
            return np.zeros((0, 2), dtype=np.uint64), np.zeros(0, dtype=np.int64)
        pairs = self.piece(8 * left).copy().view("<i4").reshape(-1, 2).astype(np.int64)
        if pairs.min() < 0 or pairs[:, 0].max() >= bucket or pairs[:, 1].max() >= left or len(np.unique(pairs[:, 0])) < left:
            self.refuse("an index of buckets that points outside")
        bits = np.zeros((bucket + 63) // 64 * 64, dtype=np.bool_)
        bits[pairs[:, 0]] = True
        words = np.packbits(bits, bitorder="little").view("<u8")
        before = np.r_[0, np.cumsum(bits.reshape(-1, 64).sum(axis=1))[:-1]].astype(np.uint64)
        return np.stack([words, before], axis=1), pairs[np.argsort(pairs[:, 0]), 1]

    def matrix(self) -> np.ndarray:
        """uint8[m, 4 n]: the float32 rows of the next matrix; a view of the file where it is dense."""
        (quantized,) = self.take("B")
        if quantized not in (0, 1):
            self.refuse(f"{quantized} at byte {self.i - 1}, where a flag should stand")
        if not quantized:
            m, n = self.take("qq")
            return self.piece(4 * m * n).reshape(m, 4 * n)
        norms, m, n, size = self.take("Bqqi")
        codes = self.piece(size)
        quantizer = self.quantizer()
        if quantizer[0].shape[0] * m != size or quantizer[1] != n:
            self.refuse(f"{size} codes for {m} x {n}")
        unpacked = _unpacked(codes.reshape(m, -1), *quantizer)
        if norms:
            norm_codes = self.piece(m)
            scales = _unpacked(norm_codes.reshape(m, 1), *self.quantizer())
            unpacked *= scales
        return unpacked.view(np.uint8)

    def quantizer(self) -> tuple[np.ndarray, int]:
        """(centroids float32[parts, 256, dsub], the last part padded; dimensions)."""
        dim, parts, dsub, last = self.take("4i")
        if dim < 1 or parts < 1 or dsub < 1 or not 0 < last <= dsub or (parts - 1) * dsub + last != dim:
            self.refuse(f"a quantizer of {dim} dimensions in {parts} parts of {dsub}, the last of {last}")
        values = self.piece(4 * dim * 256).copy().view("<f4")
        centroids = np.zeros((parts, 256, dsub), dtype=np.float32)
        centroids[:-1] = values[: (parts - 1) * 256 * dsub].reshape(parts - 1, 256, dsub)
        centroids[-1, :, :last] = values[(parts - 1) * 256 * dsub :].reshape(256, last)
        return centroids, dim


def _unpacked(codes: np.ndarray, centroids: np.ndarray, dim: int) -> np.ndarray:
    """float32[m, dim]: the rows that uint8[m, parts] codes stand for."""
    parts = [centroids[p][codes[:, p]] for p in range(len(centroids))]
    return np.ascontiguousarray(np.concatenate(parts, axis=1)[:, :dim])


def _tree(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """int32[2 n - 1] each: left and right child, parent, and the order of a depth-first walk, of the Huffman tree over label counts that fall."""
    n = len(counts)
    left, right, parent = (np.full(2 * n - 1, -1, dtype=np.int32) for _ in range(3))
    weight = [int(c) for c in counts] + [10**15] * (n - 1)
    leaf, node = n - 1, n
    for new in range(n, 2 * n - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and weight[leaf] < weight[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        left[new], right[new] = pair
        weight[new] = weight[pair[0]] + weight[pair[1]]
        parent[pair] = new
    rank = np.zeros(2 * n - 1, dtype=np.int32)
    stack, seen = [2 * n - 2], 0
    while stack:
        one = stack.pop()
        rank[one], seen = seen, seen + 1
        if left[one] >= 0:
            stack += [int(right[one]), int(left[one])]
    return left, right, parent, rank
