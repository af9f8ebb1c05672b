"""fastText's supervised models, slow and plain: made at random, written as the reference's files, and judged by."""

import math
import struct
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

HS, NS, SOFTMAX, OVA = 1, 2, 3, 4


@dataclass
class Made:
    """A model: float32 rows (words, then buckets) and output rows; pruned: bucket → row after the words, or None."""

    words: list[bytes]
    labels: list[bytes]
    counts: list[int]
    rows: np.ndarray
    out: np.ndarray
    loss: int
    minn: int
    maxn: int
    ngrams: int
    bucket: int
    pruned: dict | None
    file: bytes


def quantized(rng, m, dim, dsub, norms):
    """A matrix by codes, as a file has it, and its rows."""
    parts = -(-dim // dsub)
    last = dim - (parts - 1) * dsub
    centroids = [rng.normal(size=(256, last if p == parts - 1 else dsub)).astype(np.float32) for p in range(parts)]
    codes = rng.integers(0, 256, (m, parts), dtype=np.uint8)
    rows = np.concatenate([centroids[p][codes[:, p]] for p in range(parts)], axis=1)
    data = struct.pack("<Bqqi", norms, m, dim, m * parts) + codes.tobytes() + struct.pack("<4i", dim, parts, dsub, last)
    data += b"".join(c.tobytes() for c in centroids)
    if norms:
        scale = rng.uniform(0.2, 2, 256).astype(np.float32)
        norm_codes = rng.integers(0, 256, m, dtype=np.uint8)
        data += norm_codes.tobytes() + struct.pack("<4i", 1, 1, 1, 1) + scale.tobytes()
        rows = rows * scale[norm_codes][:, None]
    return data, rows


def make(seed, words, labels, loss, dim, minn, maxn, ngrams, bucket, kind, end=True):
    """A model of random weights. kind: "dense", "quantized", "norms", "pruned" (with norms), "both" (the output quantized as well)."""
    rng = np.random.default_rng(seed)
    words = [*words, b"</s>"] if end else list(words)
    counts = sorted((int(c) for c in rng.integers(1, 50, len(labels))), reverse=True)
    left = sorted(rng.choice(bucket, bucket // 3, replace=False).tolist()) if kind == "pruned" else None
    rng.shuffle(left) if left else None
    pruned = {b: i for i, b in enumerate(left)} if left is not None else None
    m = len(words) + (len(left) if left is not None else bucket)
    data = struct.pack("<ii", 793712314, 12)
    data += struct.pack("<12id", dim, 5, 5, 1, 5, ngrams, loss, 3, bucket, minn, maxn, 100, 1e-4)
    data += struct.pack("<iiiqq", len(words) + len(labels), len(words), len(labels), 1000, len(left) if left is not None else -1)
    for name, count, sort in [(w, 1, 0) for w in words] + [(b"__label__" + x, c, 1) for x, c in zip(labels, counts, strict=True)]:
        data += name + b"\0" + struct.pack("<qb", count, sort)
    for bucket_, row in (pruned or {}).items():
        data += struct.pack("<ii", bucket_, row)
    made = []
    for size, packed in ((m, kind != "dense"), (len(labels), kind == "both")):
        data += struct.pack("<B", packed)
        if packed:
            body, rows = quantized(rng, size, dim, 2, kind != "quantized")
        else:
            rows = rng.normal(size=(size, dim)).astype(np.float32)
            body = struct.pack("<qq", size, dim) + rows.tobytes()
        data += body
        made.append(rows)
    return Made(words, list(labels), counts, *made, loss, minn, maxn, ngrams, bucket, pruned, data)


def fnv(word):
    h = 2166136261
    for byte in word:
        h = ((h ^ ((byte - 256 if byte > 127 else byte) & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
    return h


def characters(word):
    """The characters of a word as the reference cuts it: a byte and the continuation bytes behind it; a word that begins with some has none there."""
    cut = [i for i, b in enumerate(word) if b & 0xC0 != 0x80] + [len(word)]
    return [word[a:b] for a, b in pairwise(cut)]


def features(model, text):
    """Row numbers of a text."""
    rows, hashes = [], []

    def bucket(h):
        b = h % model.bucket
        if model.pruned is None or b in model.pruned:
            rows.append(len(model.words) + (b if model.pruned is None else model.pruned[b]))

    flat = text
    for blank in b"\n\r\t\v\f\0":
        flat = flat.replace(bytes([blank]), b" ")
    for token in [*(t for t in flat.split(b" ") if t), b"</s>"]:
        known = token in model.words
        if token in [b"__label__" + x for x in model.labels] or (not known and token.startswith(b"__label__")):
            continue
        if known:
            rows.append(model.words.index(token))
        if token != b"</s>":
            chars = characters(b"<" + token + b">")
            for i in range(len(chars)):
                for n in range(1, model.maxn + 1):
                    if i + n <= len(chars) and n >= model.minn and not (n == 1 and i in (0, len(chars) - 1)):
                        bucket(fnv(b"".join(chars[i : i + n])))
        hashes.append((fnv(token) ^ 0x80000000) - 0x80000000)
        if token == b"</s>":
            break
    for i in range(len(hashes)):
        h = hashes[i] % 2**64
        for j in range(i + 1, min(len(hashes), i + model.ngrams)):
            h = (h * 116049371 + hashes[j]) % 2**64
            bucket(h)
    return rows


def probabilities(model, text):
    """[probability] of all labels, or None where the text has no features."""
    rows = features(model, text)
    if not rows or not text.decode("utf-8", "replace").strip():
        return None
    hidden = model.rows[rows].astype(np.float64).mean(axis=0)
    if model.loss == HS:
        return [math.exp(leaf) for leaf in leaves(model, hidden)]
    scores = model.out.astype(np.float64) @ hidden
    if model.loss == SOFTMAX:
        e = np.exp(scores - scores.max())
        return list(e / e.sum() + 1e-5)
    return [(0.0 if x < -8 else 1.0 if x > 8 else 1 / (1 + math.exp(-(math.floor((x + 8) * 32) / 32 - 8)))) + 1e-5 for x in scores.tolist()]


def leaves(model, hidden):
    """Log probabilities of the leaves of the Huffman tree: the two rarest unite first, a united pair before a label as rare."""
    n = len(model.labels)
    nodes = [(count, i, None) for i, count in enumerate(model.counts)][::-1]
    united = []
    for new in range(n - 1):
        pair = []
        for _ in range(2):
            take = nodes if nodes and (not united or nodes[0][0] < united[0][0]) else united
            pair.append(take.pop(0))
        united.append((pair[0][0] + pair[1][0], n + new, pair))
    found = [0.0] * n

    def walk(node, score):
        _, number, pair = node
        if pair is None:
            found[number] = score
            return
        right = 1 / (1 + math.exp(-float(model.out[number - n].astype(np.float64) @ hidden)))
        walk(pair[0], score + math.log(1 - right + 1e-5))
        walk(pair[1], score + math.log(right + 1e-5))

    walk(united[0] if united else nodes[0], 0.0)
    return found
