"""Laws of every engine (promise 2): the same bytes from any engine and after any death; the same rows from any cut of the input."""

import json
import random
import time
from collections import Counter

import pytest
from law_corpus import FOLDERS, recipe, run_child

from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.recipe import from_dict
from curate.shards.digest import row_digest, tree_digest
from curate.store import Store


@pytest.fixture(params=["local-2", "ray"])
def engine(request):
    """Every engine but the one that made the reference."""
    if request.param == "ray":
        from curate.engine.ray import RayEngine

        made = RayEngine(2)
    else:
        made = LocalEngine(2)
    yield made
    made.close()


def rows(root):
    """Row digests of documents and removed."""
    import curate

    run = curate.open(root)
    return row_digest(run.documents().to_batches()), row_digest(run.removed().to_batches())


def test_the_reference_is_worth_comparing(reference):
    root, digests = reference
    ledger = [json.loads(line) for line in (root / "ledger.jsonl").read_text().splitlines()]
    reasons = Counter()
    for line in ledger:
        reasons.update(line.get("removed", {}))
    assert set(reasons) == {"read:error", "gopher_quality:short_doc", "exact_dedup:duplicate", "near_dedup:near_duplicate"}
    assert sum(path.startswith("documents/part") for path in digests) > 1
    assert sum(path.startswith("shards/shard") for path in digests) > 2


def test_every_engine_makes_the_same_bytes(engine, laws, reference, tmp_path):
    make(from_dict(recipe(laws)), Store(str(tmp_path)), engine)
    assert tree_digest(Store(str(tmp_path)), FOLDERS) == reference[1]


@pytest.mark.parametrize("num_ranges", [7, 64])
def test_ranges_change_no_byte_of_the_corpus(num_ranges, laws, reference, tmp_path):
    make(from_dict(recipe(laws)), Store(str(tmp_path)), LocalEngine(1), min_ranges=num_ranges)
    folders = [folder for folder in FOLDERS if folder not in ("ledger.jsonl", "card")]
    assert tree_digest(Store(str(tmp_path)), folders) == {k: v for k, v in reference[1].items() if k.split("/")[0] in folders}


def test_merging_runs_changes_no_byte_of_the_corpus(laws, reference, tmp_path, monkeypatch):
    monkeypatch.setattr("curate.engine.fan_in.FAN_IN", 2)
    changes = {"limits": {"part_bytes": 20_000, "range_bytes": 4_000}}
    summary = make(from_dict(recipe(laws, **changes)), Store(str(tmp_path)), LocalEngine(1))
    kinds = Counter(json.loads(line)["kind"] for line in (tmp_path / "ledger.jsonl").read_text().splitlines())
    assert kinds["merge"] > 20
    assert kinds["add"] > 2
    assert kinds["index"] > 2
    assert summary.last.kept
    folders = ("tokenizer", "shards")
    assert rows(tmp_path) == rows(reference[0])
    assert tree_digest(Store(str(tmp_path)), folders) == {k: v for k, v in reference[1].items() if k.split("/")[0] in folders}


@pytest.mark.parametrize("part_bytes", [3_000, 70_000, 10_000_000])
def test_other_parts_and_another_order_of_inputs_give_the_same_rows(part_bytes, laws, reference, tmp_path):
    files = sorted(laws.glob("*.jsonl"))
    random.Random(part_bytes).shuffle(files)
    changes = {
        "input": [{"uri": str(file), "source": "laws"} for file in files],
        "limits": {"part_bytes": part_bytes, "range_bytes": 20_000, "row_group_rows": 17, "file_rows": 100},
    }
    make(from_dict(recipe(laws, **changes)), Store(str(tmp_path)), LocalEngine(1))
    assert rows(tmp_path) == rows(reference[0])
    folders = ("tokenizer", "shards")
    assert tree_digest(Store(str(tmp_path)), folders) == {k: v for k, v in reference[1].items() if k.split("/")[0] in folders}


EDGES = [
    "before_put:3",
    "before_rename:9",
    "after_put:20",
    "before_commit:1",
    "after_commit:1",
    "before_commit:30",
    "after_commit:17",
    "before_publish",
    "before_manifest_documents",
    "after_manifest_documents",
    "before_manifest_removed",
    "after_tokenizer",
    "before_manifest_shards",
    "between_ledgers",
    "before_journal_removed",
]


@pytest.mark.parametrize("edge", EDGES)
def test_killed_at_a_commit_edge_and_resumed(edge, laws, reference, tmp_path):
    child = run_child(laws, tmp_path, edge)
    child.join()
    assert child.exitcode == 137, f"the run never passed {edge}"
    done = set(Store(str(tmp_path)).list("ledger"))
    again = run_child(laws, tmp_path)
    again.join()
    assert again.exitcode == 0
    assert tree_digest(Store(str(tmp_path)), FOLDERS) == reference[1]
    assert not list(tmp_path.rglob("*.tmp"))
    runs = Counter(json.loads(line)["task"] for line in (tmp_path / "times.jsonl").read_text().splitlines())
    assert all(runs[name.removesuffix(".json")] <= 1 for name in done), "a finished task was repeated"


def test_killed_at_twenty_random_times(laws, reference, tmp_path):
    rng = random.Random(20)
    started = time.monotonic()
    child = run_child(laws, tmp_path / "timing")
    child.join()
    length = time.monotonic() - started
    kills = rounds = 0
    while kills < 20:
        rounds += 1
        root = tmp_path / str(rounds)
        while True:
            child = run_child(laws, root)
            child.join(timeout=rng.uniform(0.01, 0.6) * length)
            if child.exitcode is not None:
                assert child.exitcode == 0
                break
            child.kill()
            child.join()
            kills += 1
        assert tree_digest(Store(str(root)), FOLDERS) == reference[1], f"after {kills} kills"


def test_a_second_run_repeats_nothing(laws, reference, tmp_path):
    for _ in range(2):
        make(from_dict(recipe(laws)), Store(str(tmp_path)), LocalEngine(1))
    tasks = [json.loads(line)["task"] for line in (tmp_path / "times.jsonl").read_text().splitlines()]
    assert len(tasks) == len(set(tasks))
    assert tree_digest(Store(str(tmp_path)), FOLDERS) == reference[1]


def test_a_changed_threshold_repeats_only_what_depends_on_it(laws, reference, tmp_path):
    changed = recipe(laws)
    make(from_dict(changed), Store(str(tmp_path)), LocalEngine(1))
    first = [json.loads(line) for line in (tmp_path / "times.jsonl").read_text().splitlines()]
    changed["steps"][2]["gopher_quality"]["min_words"] = 40
    make(from_dict(changed), Store(str(tmp_path)), LocalEngine(1))
    lines = [json.loads(line) for line in (tmp_path / "times.jsonl").read_text().splitlines()][len(first) :]
    assert not [line for line in lines if line["task"].startswith("segment0")], "reading and unicode stand before the cut"
    changed["steps"][2]["gopher_quality"]["min_words"] = 20
    make(from_dict(changed), Store(str(tmp_path)), LocalEngine(1))
    assert tree_digest(Store(str(tmp_path)), FOLDERS) == reference[1], "going back gives what was there"


def test_a_run_on_memory_is_the_same_corpus(laws, reference):
    store = Store("memory://laws-run")
    make(from_dict(recipe(laws)), store, LocalEngine(1))
    assert tree_digest(store, FOLDERS) == reference[1]
