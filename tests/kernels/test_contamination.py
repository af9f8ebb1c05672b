"""Words and n-grams of decontaminate against their slow twin; the index against dictionaries."""

import naive_contamination as naive
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels import contamination, item_index
from curate.kernels.fold import tables

texts = st.text(alphabet="aBé1½ß.,-\n\\ntr’漢字ทีुहिきが\u0301\u200d٣한😀_", max_size=40)


def hashed(text):
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    hashes, starts, ends = np.empty(len(data), np.uint64), np.empty(len(data), np.int64), np.empty(len(data), np.int64)
    count = contamination.hash_words(data, 0, len(data), *tables()[:3], hashes, starts, ends)
    return hashes[:count].tolist(), starts[:count].tolist(), ends[:count].tolist()


@given(st.lists(texts, min_size=1, max_size=4))
def test_words(rows):
    told = {}
    for text in rows:
        hashes, starts, ends = hashed(text)
        expected = naive.words(text)
        assert list(zip(starts, ends, strict=True)) == [(start, end) for _, start, end in expected]
        for number, (word, _, _) in zip(hashes, expected, strict=True):
            assert told.setdefault(word, number) == number
    assert len(set(told.values())) == len(told)
    packed = np.frombuffer("".join(rows).encode(), dtype=np.uint8)
    words, at = contamination.all_words(np.cumsum([0] + [len(text.encode()) for text in rows]), packed, *tables()[:3])
    assert [words[a:b].tolist() for a, b in zip(at[:-1], at[1:], strict=True)] == [hashed(text)[0] for text in rows]  # noqa: RUF007


@given(st.lists(st.integers(0, 3), max_size=30), st.integers(1, 6))
def test_equal_ngrams_have_equal_hashes(values, n):
    words = np.array([0x9E3779B97F4A7C15 * (value + 1) % 2**64 for value in values], dtype=np.uint64)
    out = np.empty(max(0, len(words) - n + 1), dtype=np.uint64)
    contamination.hash_ngrams(words, n, out)
    grams = [tuple(values[i : i + n]) for i in range(len(out))]
    assert len(set(zip(grams, out.tolist(), strict=True))) == len(set(grams)) == len(set(out.tolist()))


@given(st.lists(st.tuples(st.integers(0, 1), st.lists(st.integers(1, 4), max_size=8)), max_size=8), st.integers(1, 3))
def test_index(items, common):
    rule = item_index.Rule(ngram=4, head=2, alone=3, min_overlap=0.5, common=common)
    words = np.array([word for _, item in items for word in item], dtype=np.uint64)
    at = np.cumsum([0] + [len(item) for _, item in items])
    none = np.zeros(len(items) + 1, dtype=np.int64)
    benchmark = np.array([number for number, _ in items], dtype=np.int64)
    index, searchable = item_index.build(words, at, np.empty(0, dtype=np.uint64), none, benchmark, rule)
    users = {}
    for number, item in items:
        for gram in naive.ngrams(item, 4):
            users.setdefault((gram, number), set()).add(tuple(item))
    shared = {gram for (gram, _), those in users.items() if len(those) > common}
    wanted = [set(naive.ngrams(item, 4)) - shared for _, item in items]
    assert index.num.tolist() == [len(grams) for grams in wanted]
    assert searchable.tolist() == [bool(grams) or len(item) == 3 for grams, (_, item) in zip(wanted, items, strict=True)]
    postings = sorted((index.items[j], index.places[j]) for j in range(len(index.items)) if index.places[j] >= 0)
    assert postings == [(item, place) for item, grams in enumerate(wanted) for place in range(len(grams))]
