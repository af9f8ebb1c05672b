from collections import Counter

import numpy as np
import pytest

import curate
from curate.card import facts
from curate.card.balance import wilson


@pytest.mark.parametrize(("right", "of", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (1, 29, 0.0061, 0.1718)])
def test_wilson_as_published(right, of, low, high):
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3
    assert np.allclose(wilson(right, of), (low, high), atol=6e-5)


@pytest.mark.parametrize(("by", "key"), [("source", "source"), ("region", "domain"), ("year", "fetched_at")])
def test_groups_are_what_the_rows_say(finished, by, key):
    def group(row):
        value = row[key]
        return value and (str(value.year) if by == "year" else value.rpartition(".")[2] if by == "region" else value)

    opened = curate.open(finished.root)
    kept = Counter(map(group, opened.documents().to_table().to_pylist()))
    left = Counter(group(row) for row in opened.removed().to_table().to_pylist() if not row["removed_by"].startswith("read:"))
    whole = kept + left
    table = next(one for one in facts.compute(finished)["balance"] if one["by"] == by)
    assert {one["value"]: (one["documents"], one["kept"]) for one in table["groups"]} == {
        value: (count, kept[value]) for value, count in whole.items() if value
    }
    assert table["missing"] == whole[None]
    assert all(one["interval"][0] <= one["ratio"] <= one["interval"][1] for one in table["groups"])
    assert any(one["kept"] < one["documents"] for one in table["groups"])


def test_region_and_language_together(finished):
    opened = curate.open(finished.root)
    language = next(name for name in opened.documents().schema.names if name.endswith("__label"))

    def place(row):
        return row["domain"] and row[language] and f"{row['domain'].rpartition('.')[2]}, {row[language]}"

    kept = Counter(map(place, opened.documents().to_table().to_pylist()))
    left = Counter(place(row) for row in opened.removed().to_table().to_pylist() if not row["removed_by"].startswith("read:"))
    table = next(one for one in facts.compute(finished)["balance"] if one["by"] == "region and language")
    found = {one["value"]: (one["documents"], one["kept"]) for one in table["groups"]}
    assert len(found) > 1
    assert found == {value: (count, kept[value]) for value, count in (kept + left).items() if value}
