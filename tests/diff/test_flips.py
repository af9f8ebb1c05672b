"""Flips against a join made by hand, in one pass and in many."""

import itertools
from collections import Counter

import pyarrow.parquet as pq
import pytest

from curate.card.folder import open_folder
from curate.diff import flips as module
from curate.diff.flips import ABSENT, KEPT, flips, rows_of


def fates(store):
    """id → fate, by hand."""
    found = {}
    for name in ("documents", "removed"):
        for entry in store.read_json(f"{name}/manifest.json")["files"]:
            for row in pq.read_table(store.full(f"{name}/{entry['path']}")).to_pylist():
                if not row.get("removed_by", "").startswith("read:"):
                    assert row["id"] not in found
                    found[row["id"]] = row.get("removed_by", KEPT)
    return found


@pytest.fixture(scope="module")
def expected(before, after):
    was, is_ = fates(before), fates(after)
    return {one: (was.get(one, ABSENT), is_.get(one, ABSENT)) for one in was.keys() | is_.keys()}


@pytest.mark.parametrize("rows", [1_500_000, 20])
def test_every_document_is_counted_by_its_two_fates(before, after, expected, rows, monkeypatch):
    monkeypatch.setattr(module, "PASS_ROWS", rows)
    found, same = flips(open_folder(before), open_folder(after))
    counted = Counter(pair for pair in expected.values() if pair[0] != pair[1])
    assert {(one.before, one.after): one.documents for one in found} == counted
    assert same == len(expected) - counted.total()
    assert {(KEPT, ABSENT), (KEPT, "tongue:wrong_language")} <= set(counted)
    assert [one.documents for one in found] == sorted(counted.values(), reverse=True)


@pytest.mark.parametrize("rows", [1_500_000, 20])
def test_samples_are_the_smallest_ids_with_their_rows(before, after, expected, rows, monkeypatch):
    monkeypatch.setattr(module, "PASS_ROWS", rows)
    found, _ = flips(open_folder(before), open_folder(after), samples=2)
    for one in found:
        mine = sorted(key for key, pair in expected.items() if pair == (one.before, one.after))
        assert one.ids == mine[:2]
        assert [sample["id"] for sample in one.samples] == [key.hex() for key in mine[:2]]
        assert all(sample["text"] and sample["url"] for sample in one.samples)
    wrong = next(one for one in found if one.after == "tongue:wrong_language")
    assert {(sample["value"], sample["threshold"]) for sample in wrong.samples} == {("de", "not in [en]")}


def test_the_other_way_round_is_the_mirror(before, after, expected):
    found, _same = flips(open_folder(after), open_folder(before))
    counted = Counter((was, is_) for is_, was in expected.values() if was != is_)
    assert {(one.before, one.after): one.documents for one in found} == counted
    assert (ABSENT, KEPT) in counted
    assert all(sample["text"] for one in found for sample in one.samples)
    back = next(one for one in found if one.before == "tongue:wrong_language")
    assert {sample["value"] for sample in back.samples} == {"de"}


def test_a_run_and_itself_have_no_flips(before):
    folder = open_folder(before)
    assert flips(folder, folder) == ([], len(fates(before)))


def test_no_sample_reads_no_row(before):
    assert list(rows_of(open_folder(before).documents, [])) == []


def test_ranges_hold_every_id_once(before, after):
    both = open_folder(before), open_folder(after)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PASS_ROWS", 30)
        cut = list(module.passes(*both))
    assert len(cut) > 3
    assert (cut[0][0], cut[-1][1]) == (0, 1 << 64)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(cut))
