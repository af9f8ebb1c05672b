"""Removal-rate ratios: their intervals hold the truth as often as they say, and the card warns of a rule that falls on one group."""

import json
import random

import numpy as np
import pytest

import curate
from curate.card import facts
from curate.card.identity import ratio_of
from curate.store import Store


def test_ratio_and_edges():
    # by hand: 1/20 - 1/100 + 1/10 - 1/100 = 0.13, 1.96 · sqrt(0.13) = 0.70669, e^0.70669 = 2.02727
    assert np.allclose(ratio_of(20, 100, 10, 100), (2.0, 2 / 2.02727, 2 * 2.02727), atol=1e-4)
    assert ratio_of(0, 0, 3, 10) == ratio_of(0, 5, 0, 10) == (1.0, 0.0, float("inf"))
    ratio, low, high = ratio_of(0, 100, 10, 1000)
    assert 0 < low < ratio < high
    assert low < 1 < high
    assert ratio_of(10, 10, 10, 10)[0] == 1.0


@pytest.mark.parametrize(("p", "q", "n", "m"), [(0.1, 0.1, 200, 2000), (0.3, 0.1, 300, 3000), (0.05, 0.2, 400, 400)])
def test_the_interval_holds_the_true_ratio_nineteen_times_in_twenty(p, q, n, m):
    rng = np.random.default_rng(7)
    draws = zip(rng.binomial(n, p, 2000).tolist(), rng.binomial(m, q, 2000).tolist(), strict=True)
    held = [low <= p / q <= high for _, low, high in (ratio_of(a, n, b, m) for a, b in draws)]
    assert 0.93 <= np.mean(held) <= 0.98


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A word list that falls on texts that name one group, and a length limit that falls on all alike."""
    folder, rng = tmp_path_factory.mktemp("run"), random.Random(3)
    rows = []
    for n in range(600):
        group = ("a gay couple", "a lesbian couple", "an old couple", "a tall couple")[n % 4]
        crude = "darn " if rng.random() < (0.5 if n % 4 == 0 else 0.1) else ""
        rows.append({"id": f"d{n}", "text": f"{crude}there lived {group} number {n} " + "so " * rng.choice([1, 30])})
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    steps = [
        {"identity": {"terms": ["gay", "lesbian | lesbians", "absent"]}},
        {"toxicity": {"words": ["darn", "tall"], "max_listed": 1}},
        {"badwords": {"words": ["darn"]}},
        {"length": {"min_words": 20}},
    ]
    curate.run({"name": "r", "input": [{"uri": str(folder / "in.jsonl"), "source": "s"}], "steps": steps}, output=folder / "run", workers=1)
    return folder / "run"


def test_counts_are_what_the_rows_say(run):
    (table,) = facts.compute(Store(str(run)))["identity"]
    kept, left = (getattr(curate.open(run), name)().to_table().to_pylist() for name in ("documents", "removed"))
    assert (table["documents"], table["kept"]) == (600, len(kept))
    assert [(one["term"], one["documents"]) for one in table["terms"]] == [("gay", 150), ("lesbian", 150)]
    assert table["terms"][0]["kept"] == sum("gay" in row["identity__terms"] for row in kept)
    rules = {(one["reason"], one["term"]): one for one in table["rules"]}
    hit = [row for row in left if row["removed_by"] == "badwords:badwords"]
    one = rules["badwords", "gay"]
    early = [row for row in left if row["removed_by"] == "toxicity:listed_words"]
    gay = sum("gay" in row["identity__terms"] for row in early)
    assert (one["reached"], one["others"]) == (150 - gay, 450 - (len(early) - gay))
    assert (one["removed"], one["others_removed"]) == (
        sum("gay" in r["identity__terms"] for r in hit),
        sum("gay" not in r["identity__terms"] for r in hit),
    )
    later = rules["too_few_words", "gay"]
    assert (later["reached"], later["others"]) == (one["reached"] - one["removed"], one["others"] - one["others_removed"])
    assert one["differs"]
    assert one["interval"][0] > 1
    assert not later["differs"]


def test_the_card_warns(run):
    for page in ("README.md", "card.html"):
        text = (run / "card" / page).read_text()
        assert "Warning." in text
        assert "badwords:badwords" in text.replace("\\", "")


def test_toxic_text_is_told_by_language(run):
    (table,) = facts.compute(Store(str(run)))["toxicity"]
    rows = [row for name in ("documents", "removed") for row in getattr(curate.open(run), name)().to_table().to_pylist()]
    (one,) = table["languages"]  # no step told a language
    assert (one["language"], one["documents"], one["likely"]) == (None, 600, None)
    assert one["listed"] == sum(row["toxicity__num_listed"] > 0 for row in rows)
    assert one["removed"] == sum(row["toxicity__num_listed"] > 1 for row in rows) > 0
    assert "Toxic text" in (run / "card" / "README.md").read_text()
