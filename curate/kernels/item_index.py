"""The index of benchmark items: which n-grams find which items, and how many must stand together.

Memory: about 24 bytes for each different n-gram of an item, a slot of 12 to 24 bytes for each different n-gram, and 2 to 4 bytes of filter.
Slow twin: tests/naive_contamination.py.
"""

from typing import NamedTuple

import numpy as np

from curate.kernels.contamination import enter, hash_ngrams, sift, whole_hashes


class Index(NamedTuple):
    """What is looked for. Long items are found by n-grams, short ones by their first words and then whole."""

    ngram: int
    head: int
    """Words by which short items are found."""
    filters: np.ndarray
    """uint64: three bits of one word for every n-gram of a long item, so that one look tells nearly all other n-grams apart."""
    head_filters: np.ndarray
    """The same for the heads of short items."""
    keys: np.ndarray
    """uint64[slots]: n-grams and heads, in open addressing; `slots` names their group."""
    slots: np.ndarray
    groups: np.ndarray
    """int64[g + 1]: postings of each n-gram or head."""
    items: np.ndarray
    """int32: item of each posting."""
    places: np.ndarray
    """int32: which of the item's different n-grams it is; -1 for a head."""
    words: np.ndarray
    """int64[items]: words of each item."""
    needed: np.ndarray
    """int64[items]: n-grams that must stand together."""
    num: np.ndarray
    """int64[items]: different n-grams of a long item; 0 for a short one."""
    whole: np.ndarray
    """uint64[items]: hash of all words of a short item."""
    answer_at: np.ndarray
    """int64[items + 1]: words of the answers."""
    answers: np.ndarray
    must_answer: np.ndarray
    """bool[items]: whether an item counts only with its answer behind it."""


class Rule(NamedTuple):
    """How items are looked for; see `build`."""

    ngram: int
    head: int
    alone: int
    min_overlap: float
    common: int


def build(
    words: np.ndarray, at: np.ndarray, answers: np.ndarray, answer_at: np.ndarray, benchmark: np.ndarray, rule: Rule
) -> tuple[Index, np.ndarray]:
    """The index of items (hashes of their words and of their answers', int64[items + 1] bounds each); bool[items]: which can be found.

    An item of at least `ngram` words is long. A shorter one of at least `head` words must stand whole, with its answer if one is known; one
    without a known answer must have `alone` words. n-grams that more than `common` different items of one benchmark (int64[items]) have are
    phrases of the benchmark and are not counted.
    """
    size, answer_size = np.diff(at), np.diff(answer_at)
    long = size >= rule.ngram
    short = (size >= rule.head) & ~long & ((answer_size > 0) | (size >= rule.alone))
    whole = np.empty(len(size), dtype=np.uint64)
    whole_hashes(words, at, whole)
    key, item = _ngrams_of(words, at, rule.ngram, long)
    told = ~_common(key, benchmark[item], whole[item], rule.common)
    key, item = key[told], item[told]
    num = np.bincount(item, minlength=len(size))
    by_item = np.argsort(item, kind="stable")
    place = np.empty(len(item), dtype=np.int64)
    place[by_item] = np.arange(len(item)) - np.repeat(np.r_[0, np.cumsum(num)[:-1]] if len(num) else num, num)
    heads = np.empty(max(0, len(words) - rule.head + 1), dtype=np.uint64)
    hash_ngrams(words, rule.head, heads)
    head = heads[at[:-1][short]]
    keys, items = np.r_[key, head], np.r_[item, np.flatnonzero(short)]
    places = np.r_[place, np.full(len(head), -1)]
    order = np.lexsort((places, items, keys))
    distinct, counts = np.unique(keys, return_counts=True)
    room = 1 << max(6, (2 * len(distinct)).bit_length())
    table, slots = np.zeros(room, np.uint64), np.full(room, -1, np.int32)
    enter(distinct, table, slots)
    needed = np.where(long, np.maximum(1, np.ceil(num * rule.min_overlap - 1e-9)), 1).astype(np.int64)
    index = Index(
        rule.ngram, rule.head, _filter(key), _filter(head), table, slots, np.r_[0, np.cumsum(counts)].astype(np.int64),
        items[order].astype(np.int32), places[order].astype(np.int32), size.astype(np.int64), needed, num.astype(np.int64), whole,
        answer_at, answers, short & (answer_size > 0),
    )  # fmt: skip
    return index, short | (long & (num > 0))


def _ngrams_of(words: np.ndarray, at: np.ndarray, n: int, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different n-grams of each wanted item, by n-gram and item."""
    hashes = np.empty(max(0, len(words) - n + 1), dtype=np.uint64)
    hash_ngrams(words, n, hashes)
    num = np.where(wanted, np.maximum(0, np.diff(at) - n + 1), 0)
    item = np.repeat(np.arange(len(num)), num)
    key = hashes[np.arange(len(item)) - np.repeat(np.cumsum(num) - num, num) + at[:-1][item]]
    order = np.lexsort((item, key))
    key, item = key[order], item[order]
    once = np.r_[True, (key[1:] != key[:-1]) | (item[1:] != item[:-1])][: len(key)]
    return key[once], item[once]


def _common(key: np.ndarray, benchmark: np.ndarray, whole: np.ndarray, limit: int) -> np.ndarray:
    """bool: whether more than `limit` different items of one benchmark have the n-gram. Sorted by key."""
    order = np.lexsort((whole, benchmark, key))
    of, bench, item = key[order], benchmark[order], whole[order]
    group = np.r_[True, (of[1:] != of[:-1]) | (bench[1:] != bench[:-1])][: len(of)]
    different = group | np.r_[True, item[1:] != item[:-1]][: len(of)]
    starts = np.flatnonzero(group)
    counts = np.add.reduceat(different.astype(np.int64), starts) if len(starts) else starts
    return np.isin(key, of[starts[counts > limit]])


def _filter(keys: np.ndarray) -> np.ndarray:
    """A filter with 16 to 32 bits a key."""
    filters = np.zeros(1 << max(0, (len(keys) // 4).bit_length()), dtype=np.uint64)
    sift(keys, filters)
    return filters
