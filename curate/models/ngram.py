"""An n-gram model of words with interpolated modified Kneser-Ney smoothing (Chen & Goodman 1999; Heafield et al. 2013), trained and stored by us.

A text is one sequence of words, folded as `near_dedup` folds them, without marks of sentences; where it begins, contexts are shorter, and the beginning
counts as one more word to the left. Words that come less than `min_count` times are one unknown word. An n-gram is known by a hash of 64 bits.
The file is an Arrow file with columns key, log and back, and its order and percentiles in the metadata; the same texts give the same bytes.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.errors import SourceError
from curate.kernels import contamination
from curate.kernels import ngram_model as kernel
from curate.kernels.fold import tables

FORMAT = "curate-ngram-1"


@dataclass(frozen=True)
class Ngrams:
    """A model in memory: key uint64[m], log and back int32[m]; percentiles float64[101] of the perplexity of reference texts, or None."""

    order: int
    key: np.ndarray
    log: np.ndarray
    back: np.ndarray
    slots: np.ndarray
    percentiles: list[float] | None

    def perplexities(self, offsets: np.ndarray, data: np.ndarray) -> np.ndarray:
        """float64[n], not rounded; nan where a text has no words."""
        words, at = words_of(offsets, data)
        total, number = np.zeros(len(at) - 1, dtype=np.int64), np.diff(at)
        kernel.score(words, at, self.order, self.key, self.slots, self.log, self.back, total)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(number > 0, 10.0 ** (-total / kernel.UNIT / number), np.nan)


def words_of(offsets: np.ndarray, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(uint64: hashes of all words, int64[n + 1]: where each text begins)."""
    words, at = contamination.all_words(offsets, data, *tables()[:3])
    words[words <= kernel.START] += np.uint64(3)  # the small numbers have a meaning of their own
    return words, at


def train(words: np.ndarray, at: np.ndarray, order: int, min_count: int) -> Ngrams:
    """The model of texts as `words_of` gives them. SourceError where there are no words."""
    if not len(words):
        raise SourceError("perplexity train: expected texts with words, got none; give other documents")
    _, inverse, counts = np.unique(words, return_inverse=True, return_counts=True)
    words = np.where(counts[inverse] < min_count, kernel.UNKNOWN, words)
    place = np.arange(len(words)) - np.repeat(at[:-1], np.diff(at))
    grams = _grams(words, place, order)
    keys: list[np.ndarray] = []
    logs: list[np.ndarray] = []
    backs: list[np.ndarray] = []
    lower = np.zeros(0)
    for n, (key, adjusted, context, suffix) in enumerate(grams, 1):
        discount = _discounts(adjusted)[np.minimum(adjusted, 3)]
        groups, of = np.unique(context, return_inverse=True)
        total = np.bincount(of, weights=adjusted)
        spared = np.bincount(of, weights=discount)
        below = 1.0 / (len(key)) if n == 1 else lower[np.searchsorted(grams[n - 2][0], suffix)]
        lower = (adjusted - discount) / total[of] + (spared / total)[of] * below
        if n > 1:
            backs[-1][np.searchsorted(grams[n - 2][0], groups)] = _fixed(spared / total)
        keys.append(key)
        logs.append(_fixed(lower))
        backs.append(np.zeros(len(key), dtype=np.int32))
    return opened(order, np.concatenate(keys), np.concatenate(logs), np.concatenate(backs), None)


def _grams(words: np.ndarray, place: np.ndarray, order: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """By n: (keys, sorted; adjusted counts: occurrences for the longest, else different words to the left; key of the first n - 1 words; of the last)."""
    every = []
    key = np.full(len(words), kernel.ROOT, dtype=np.uint64)
    before = key
    for n in range(1, order + 1):
        last, key = key, np.zeros(len(words), dtype=np.uint64)
        kernel.extend_all(before, words, key)
        there = np.flatnonzero(place >= n - 1)
        kinds, first, counts = np.unique(key[there], return_index=True, return_counts=True)
        begins = np.isin(kinds, key[place == n - 1])
        every.append((kinds, counts, before[there][first], last[there][first], begins))
        before = np.r_[kernel.ROOT, key[:-1]]
    made = []
    for n, (kinds, counts, context, suffix, begins) in enumerate(every, 1):
        if n < order:
            counts = begins.astype(np.int64)
            seen, left = np.unique(every[n][3], return_counts=True)
            counts[np.searchsorted(kinds, seen)] += left
        if n == 1 and (unknown := kernel.extended(kernel.ROOT, kernel.UNKNOWN)) not in kinds:
            at = np.searchsorted(kinds, unknown)
            kinds, counts = np.insert(kinds, at, unknown), np.insert(counts, at, 0)
            context, suffix = (np.insert(one, at, kernel.ROOT) for one in (context, suffix))
        made.append((kinds, counts, context, suffix))
    return made


def _discounts(adjusted: np.ndarray) -> np.ndarray:
    """float64[4]: what is taken from an n-gram of adjusted count 0, 1, 2, 3 and more (equation 26 of Chen & Goodman); where counts of counts are missing,
    0.5, 1 and 1.5."""
    n = np.bincount(np.minimum(adjusted, 5), minlength=6)[:5].astype(np.float64)
    if not n[1:5].all():
        return np.array([0.0, 0.5, 1.0, 1.5])
    y = n[1] / (n[1] + 2 * n[2])
    made = np.array([0.0, *(k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3))])
    return made if (made[1:] > 0).all() and (made[1:] < (1, 2, 3)).all() else np.array([0.0, 0.5, 1.0, 1.5])


def _fixed(probability: np.ndarray) -> np.ndarray:
    return np.round(np.log10(probability) * kernel.UNIT).astype(np.int32)


def opened(order: int, key: np.ndarray, log: np.ndarray, back: np.ndarray, percentiles: list[float] | None) -> Ngrams:
    """A model with its table."""
    slots = np.full(1 << (2 * len(key)).bit_length(), -1, dtype=np.int32)
    kernel.fill_slots(key, slots)
    for array in (key, log, back):
        array.setflags(write=False)  # as those of a mapped file, so that the kernel compiles once
    return Ngrams(order, key, log, back, slots, percentiles)


def save(model: Ngrams, path: Path) -> None:
    """Write the model."""
    facts = {"format": FORMAT, "order": model.order, "percentiles": model.percentiles}
    table = pa.table({"key": model.key, "log": model.log, "back": model.back}).replace_schema_metadata({"ngram": json.dumps(facts)})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def load(path: Path, step: str) -> Ngrams:
    """The model, read once a process while the file does not change. SourceError, which names the step, where it is none."""
    try:
        found = path.stat()
        return _load(str(path), found.st_mtime_ns, found.st_size)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{step}: expected a model of `curate perplexity train`, got {path}: {error}; correct `model`") from None


@lru_cache(maxsize=4)
def _load(path: str, _changed: int, _size: int) -> Ngrams:
    table = pa.ipc.open_file(pa.memory_map(path)).read_all()
    facts: dict[str, Any] = json.loads((table.schema.metadata or {})[b"ngram"])
    if facts["format"] != FORMAT:
        raise ValueError(f"format {facts['format']}")
    key, log, back = (table[name].combine_chunks().to_numpy() for name in ("key", "log", "back"))
    return opened(facts["order"], key, log, back, facts["percentiles"])
