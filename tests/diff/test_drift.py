"""Distances of corpora: against formulas written out, and at values that are known."""

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.card import facts
from curate.card.folder import open_folder
from curate.diff import drift

words = st.dictionaries(st.sampled_from("abcdefghijklmno"), st.integers(1, 1000), min_size=1)
values = st.lists(st.integers(-100, 100), min_size=1, max_size=200)


def slow(p, q):
    n, m, total = sum(p.values()), sum(q.values()), 0
    for one in p.keys() | q.keys():
        a, b = p.get(one, 0) / n, q.get(one, 0) / m
        total += (a * log2(2 * a / (a + b)) if a else 0) / 2 + (b * log2(2 * b / (a + b)) if b else 0) / 2
    return total


@given(words, words)
def test_divergence_is_that_of_lin(p, q):
    made = drift.divergence(drift.counted(p), drift.counted(q))
    assert made["divergence"] == pytest.approx(slow(p, q), abs=1e-6)
    assert made["divergence"] == drift.divergence(drift.counted(q), drift.counted(p))["divergence"]
    parts = [one["part"] for one in made["contributors"]]
    assert parts == sorted(parts, reverse=True)
    assert sum(parts) <= made["divergence"] + 1e-5


def test_divergence_at_its_ends():
    assert drift.divergence(drift.counted({"a": 3}), drift.counted({"a": 1}))["divergence"] == 0
    assert drift.divergence(drift.counted({"a": 3}), drift.counted({"b": 9}))["divergence"] == 1
    assert drift.divergence(None, drift.counted({"b": 9})) == {"divergence": None, "contributors": []}
    named = drift.divergence(drift.counted({"a": 1, "b": 1}), drift.counted({"a": 1, "c": 1}))["contributors"]
    assert [(one["value"], one["before"], one["after"], one["part"]) for one in named] == [("b", 0.5, 0, 0.25), ("c", 0, 0.5, 0.25)]


@given(values)
def test_a_column_and_itself_are_as_near_as_can_be(numbers):
    ordered = np.sort(np.array(numbers))
    assert drift.stability(ordered, ordered) == 0
    assert drift.quantile_distance(ordered, ordered) == 0


def test_a_column_that_moved():
    before = np.arange(1000.0)
    assert drift.quantile_distance(before, before + 98) == pytest.approx(98 / 980, abs=1e-6)
    assert drift.quantile_distance(np.zeros(9), np.ones(9)) is None
    # half of the second lies beyond the last decile: shares .1 → .5, nine tenths .1 → .5/9
    after = np.sort(np.concatenate([np.arange(0, 900, 1.8), np.full(500, 950.0)]))
    p, q = np.full(10, 0.1), np.array([0.5 / 9] * 9 + [0.5])
    assert drift.stability(before, after) == pytest.approx(float(((q - p) * np.log(q / p)).sum()), abs=0.01)


def test_measures_that_both_runs_have(before, after):
    found = {one["measure"]: one for one in drift.numbers(open_folder(before), open_folder(after))}
    assert {"tongue__score", "license__confidence"} <= set(found)
    assert found["tongue__score"]["before"].keys() == found["tongue__score"]["after"].keys()


def test_words_of_the_dropped_language_move_most(before, after):
    made = drift.vocabulary(open_folder(before), open_folder(after))
    assert made["of"] == "words"
    gone = {one["value"] for one in made["contributors"] if one["after"] == 0}
    assert {"die", "der"} <= gone


def test_rare_words_are_one(before, after, monkeypatch):
    monkeypatch.setattr(drift, "WORDS", 2)
    made = drift.vocabulary(open_folder(before), open_folder(after))
    assert {one["value"] for one in made["contributors"]} & {drift.REST}


def test_tokens_of_one_tokenizer(before, after, tmp_path):
    import shutil

    import card_runs

    from curate.store import Store

    stores = []
    for name, store in (("a", before), ("b", after)):
        shutil.copytree(store.root, tmp_path / name)
        card_runs.add_shards(tmp_path / name)
        stores.append(Store(str(tmp_path / name)))
    made = drift.vocabulary(*(open_folder(store) for store in stores))
    assert made["of"] == "tokens"
    texts = [b"".join(row.encode() for row in _texts(store)) for store in stores]
    counts = [
        {f"token {byte}": text.count(byte) for byte in set(text)} | {"token 256": len(_texts(store))}
        for text, store in zip(texts, stores, strict=True)
    ]
    assert made["divergence"] == pytest.approx(slow(*counts), abs=1e-6)


def _texts(store):
    from curate import api

    return api.open(store.root).documents().to_table(columns=["text"])["text"].to_pylist()


def test_columns_that_both_have_counted(before, after):
    contents = [facts.gather(store)[1] for store in (before, after)]
    found = {one["column"]: one for one in drift.columns(*contents)}
    assert {"languages", "licenses", "domains", "sources", "years", "license: judged"} <= set(found)
    assert found["sources"]["divergence"] == 0
    assert [one["value"] for one in found["languages"]["contributors"]] == ["de", "en"]
