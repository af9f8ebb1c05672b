"""Runs with passage_dedup and decontaminate: the books balance over replaced text, no cut of the work shows, and a killed run goes on."""

import json
import multiprocessing
import os
import random

import law_corpus
import pytest

import curate
from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.recipe import from_dict
from curate.shards.digest import row_digest, tree_digest
from curate.store import Store

FOLDERS = ("documents", "removed", "card", "ledger.jsonl", "recipe.yaml")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(input folder, recipe, run of one worker): passages of earlier documents stand in later ones, a benchmark's items in a few."""
    folder = tmp_path_factory.mktemp("passages")
    texts = law_corpus.texts(100)
    rng = random.Random(1)
    items = [law_corpus.sentence(rng) + " " + law_corpus.sentence(rng) for _ in range(6)]
    for number in range(20, 100, 4):
        pieces = rng.choice(texts[:number]).split("\n\n")
        texts[number] += f"\n\n{rng.choice(pieces)} {rng.choice(pieces)[:90]}" + (f" {rng.choice(items)}" if number % 5 == 0 else "")
    rows = [{"id": str(number), "url": f"https://host{number % 5}.example/{number}", "text": text} for number, text in enumerate(texts)]
    for part in range(3):
        (folder / f"part-{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[part::3]))
    benchmark = folder / "items.bench.jsonl"
    benchmark.write_text("".join(json.dumps({"question": item}) + "\n" for item in items))
    inputs = [{"uri": str(path), "source": "laws"} for path in sorted(folder.glob("part-*.jsonl"))]
    steps = [
        {"decontaminate": {"against": [str(benchmark)], "action": "cut"}},
        {"passage_dedup": {"as": "paragraphs", "unit": "paragraph", "min_length": 80, "keep": ["-bytes"]}},
        {"passage_dedup": {"min_length": 60}},
        {"near_dedup": {}},
    ]
    recipe = {"name": "passages", "input": inputs, "steps": steps, "limits": {"part_bytes": 20_000}}
    root = tmp_path_factory.mktemp("reference")
    make(from_dict(recipe), Store(str(root)), LocalEngine(1))
    return recipe, root


def rows(root):
    run = curate.open(root)
    return row_digest(run.documents().to_batches()), row_digest(run.removed().to_batches())


def test_the_reference_is_worth_comparing(made):
    root = made[1]
    ledger = [json.loads(line) for line in (root / "ledger.jsonl").read_text().splitlines()]
    cut = {step: sum(line.get("cut", {}).get(step, 0) for line in ledger) for step in ("decontaminate", "paragraphs", "passage_dedup")}
    assert all(count > 200 for count in cut.values()), cut
    table = curate.open(root).documents().to_table().to_pylist()
    assert sum(bool(row["passage_dedup__spans"]) for row in table) > 3
    gone = {row["removed_by"] for row in curate.open(root).removed().to_table(columns=["removed_by"]).to_pylist()}
    assert "paragraphs:repeated" in gone
    facts = json.loads((root / "card" / "facts.json").read_text())
    assert facts["contamination"][0]["benchmarks"][0]["benchmark"] == "items.bench"


@pytest.mark.parametrize(("workers", "ranges"), [(2, 1), (1, 7)])
def test_workers_and_ranges_change_nothing(workers, ranges, made, tmp_path):
    engine = LocalEngine(workers)
    make(from_dict(made[0]), Store(str(tmp_path)), engine, min_ranges=ranges)
    engine.close()
    assert rows(tmp_path) == rows(made[1])
    folders = FOLDERS if ranges == 1 else ("documents", "removed")
    reference = tree_digest(Store(str(made[1])), FOLDERS)
    assert tree_digest(Store(str(tmp_path)), folders) == {path: one for path, one in reference.items() if path.split("/")[0] in folders}


def test_other_parts_and_another_order_give_the_same_rows(made, tmp_path):
    limits = {"part_bytes": 5_000, "range_bytes": 20_000, "row_group_rows": 17, "file_rows": 100}
    make(from_dict(made[0] | {"input": made[0]["input"][::-1], "limits": limits}), Store(str(tmp_path)), LocalEngine(1))
    assert rows(tmp_path) == rows(made[1])


@pytest.mark.parametrize("edge", ["before_commit:9", "before_put:30"])
def test_killed_among_the_rounds_and_resumed(edge, made, tmp_path):
    for failpoint, code in ((edge, 137), ("", 0)):
        child = multiprocessing.get_context("fork").Process(target=_run, args=(made[0], str(tmp_path), failpoint))
        child.start()
        child.join()
        assert child.exitcode == code
    assert tree_digest(Store(str(tmp_path)), FOLDERS) == tree_digest(Store(str(made[1])), FOLDERS)


def _run(recipe, root, failpoint):
    os.environ["CURATE_FAILPOINT"] = failpoint
    make(from_dict(recipe), Store(root), LocalEngine(1))
