"""Mixing and splitting in a real run: what the shards hold is what a walk over all documents says, whatever the parts."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pytest
import small_run

from curate.errors import RecipeError
from curate.recipe import from_dict, to_yaml
from curate.shards.digest import tree_digest
from curate.shards.order import shuffle_keys, splits
from curate.shards.reader import bytes_id, open_shards
from curate.store import Store

MIX = {"by": "source", "weights": {"one": 1, "two": 3}, "tokens": 14_000}
SPLIT = {"validation": 0.15, "test": 0.1}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    return small_run.write(tmp_path_factory.mktemp("mixed"), mix=MIX, split=SPLIT)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return small_run.write(tmp_path_factory.mktemp("plain"))


def by_id(run):
    """id → (source, tokens, split, repeats) of every document in the shards."""
    corpus = open_shards(run / "shards")
    ids, lengths = corpus.ids(), corpus.lengths()
    source, split, repeats = (corpus.column(name) for name in ("source", "split", "repeats"))
    return {
        bytes_id(ids, row): (corpus.meta.sources[source[row]], int(lengths[row]), int(split[row]), int(repeats[row]))
        for row in range(corpus.num_rows)
    }


def test_split_is_by_hash_and_every_side_is_counted(mixed):
    found = by_id(mixed)
    ids = sorted(found)
    expected = splits(pa.array(ids, pa.binary(16)), 0, **SPLIT)
    assert [found[one][2] for one in ids] == expected.tolist()
    totals = json.loads((mixed / "shards" / "manifest.json").read_text())["totals"]
    for code, name in enumerate(("train", "validation", "test")):
        assert totals["split_tokens"].get(name, 0) == sum(one[1] for one in found.values() if one[2] == code)
        assert any(one[2] == code for one in found.values())


def test_every_group_has_its_tokens_to_within_one_document(mixed, plain):
    found, everything = by_id(mixed), by_id(plain)
    manifest = json.loads((mixed / "shards" / "manifest.json").read_text())
    draws = splits(pa.array(sorted(everything), pa.binary(16)), 0, **SPLIT)
    side = dict(zip(sorted(everything), draws.tolist(), strict=True))
    for group in manifest["mixture"]["groups"]:
        available = [n for one, (source, n, _, _) in everything.items() if source == group["group"] and side[one] == 0]
        given = sum(n * repeats for source, n, split, repeats in found.values() if source == group["group"] and split == 0)
        assert group["tokens_available"] == sum(available)
        assert group["tokens_an_epoch"] == given
        assert abs(given - group["tokens_wanted"]) <= max(available)
    wanted = {group["group"]: group["tokens_wanted"] for group in manifest["mixture"]["groups"]}
    assert wanted == {"one": 3500, "two": 10_500}


def test_nothing_vanishes(mixed, plain):
    manifest = json.loads((mixed / "shards" / "manifest.json").read_text())
    assert manifest["totals"]["documents"] + manifest["left_out"]["documents"] == small_run.NUM
    assert manifest["totals"]["tokens"] + manifest["left_out"]["tokens"] == open_shards(plain / "shards").num_tokens
    assert manifest["left_out"]["documents"] > 0
    assert manifest["totals"]["epoch_tokens"] == sum(n * repeats for _, n, _, repeats in by_id(mixed).values())


def test_which_come_once_more_is_a_hash_of_the_id(mixed, plain):
    found, everything = by_id(mixed), by_id(plain)
    for source in ("one", "two"):
        ids = [one for one in everything if everything[one][0] == source and found.get(one, (0, 0, 0, 0))[2] == 0]
        keys, _ = shuffle_keys(pa.array(ids, pa.binary(16)), 0, b"mix")
        ids = [one for one, split in zip(ids, splits(pa.array(ids, pa.binary(16)), 0, **SPLIT), strict=True) if split == 0]
        keys, _ = shuffle_keys(pa.array(ids, pa.binary(16)), 0, b"mix")
        repeats = np.array([found[one][3] if one in found else 0 for one in ids])[np.argsort(keys)]
        assert (np.diff(repeats) <= 0).all()
        assert repeats[0] - repeats[-1] <= 1


def test_parts_and_cuts_make_no_difference(mixed, tmp_path):
    other = small_run.write(tmp_path / "other", mix=MIX, split=SPLIT, limits={"part_bytes": 3_000, "file_rows": 7})
    assert tree_digest(Store(str(other)), ["shards"]) == tree_digest(Store(str(mixed)), ["shards"])


def test_shards_are_as_long_as_asked_though_documents_are_left_out(mixed):
    corpus = open_shards(mixed / "shards")
    sizes = [shard.entry["tokens"] for shard in corpus.shards]
    longest = int(corpus.lengths().max())
    assert all(abs(size - 4000) <= longest for size in sizes[:-1])


def recipe(**more):
    base = {"input": [{"uri": "x.jsonl", "source": "x"}], "tokenizer": {"vocab_size": 300}, "shards": {}}
    return from_dict(base | more)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"mix": {"by": "sourcee"}}, "mix.by: expected a column of the documents, got sourcee; did you mean source?"),
        ({"mix": {"weights": {"a": 1}, "temperature": 2}}, "expected weights or a temperature, got both; leave one out"),
        ({"mix": {"edges": [0.5, 0.2]}}, r"expected rising edges, got \[0.5, 0.2\]"),
        ({"mix": {"weights": {"a": -1}}}, "mix.weights.a: expected a value >= 0, got -1"),
        ({"split": {"validation": 0.6, "test": 0.5}}, r"expected validation \+ test below 1, got 1.1"),
        ({"mix": {}, "shards": None}, "mix: expected shards, got none; add `shards: {}`: it is written into them"),
        ({"split": {}, "shards": None}, "split: expected shards, got none"),
    ],
)
def test_recipes_that_cannot_be_mixed(more, said):
    with pytest.raises(RecipeError, match=said):
        recipe(**more)


def test_a_recipe_with_both_is_written_and_read_again():
    one = recipe(mix={"by": "source", "weights": {"x": 2}, "caps": {"x": 5}}, split={"test": 0.1})
    from ruamel.yaml import YAML

    assert from_dict(YAML(typ="safe").load(to_yaml(one))) == one


def test_the_card_tells_the_mixture_beside_what_was_wanted(mixed):
    page = (mixed / "card" / "README.md").read_text()
    assert "| Mixed by source | Tokens there | Wanted | Share wanted | In an epoch | Share |" in page
    assert "| two | " in page
    assert "| 10,500 | 75.0 % |" in page
    assert "documents out of the shards; they are in documents/." in page
    assert "validation" in page
