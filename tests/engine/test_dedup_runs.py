"""near_dedup in whole runs: killed while it resolves, cut into many parts, told by `curate why`."""

import json
import random
from io import StringIO

import pytest
from law_corpus import FOLDERS, recipe, run_child
from rich.console import Console

import curate
from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.recipe import from_dict
from curate.shards.digest import tree_digest
from curate.shards.reader import bytes_id, open_shards
from curate.store import Store
from curate.why import render, story


@pytest.mark.parametrize("name", ["bands", "pairs", "sets", "decide", "keepers", "clusters", "families", "kin"])
def test_killed_while_it_resolves_and_resumed(name, laws, reference, tmp_path):
    """The process dies when a resolving task has worked and nothing of it is committed; the same command makes the same corpus."""
    child = run_child(laws, tmp_path, f"resolving_near_dedup_{name}")
    child.join()
    assert child.exitcode == 137, f"the run never passed {name}"
    assert not (tmp_path / "documents").exists()
    again = run_child(laws, tmp_path)
    again.join()
    assert again.exitcode == 0
    assert tree_digest(Store(str(tmp_path)), FOLDERS) == reference[1]


@pytest.fixture(scope="module")
def near(tmp_path_factory):
    """A run over two near copies and one other document."""
    folder = tmp_path_factory.mktemp("near")
    shared = " ".join(f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(300))
    texts = {
        "long": f"{shared} and a few words more",
        "copy": shared.replace("wcc wcd", "[brackets] wcd"),
        "other": "all of it is different here",
    }
    rows = [{"id": name, "url": f"https://a.example/{name}", "text": text} for name, text in texts.items()]
    (folder / "in.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    steps = {"input": [{"uri": f"{folder}/in.jsonl", "source": "near"}], "steps": [{"near_dedup": {}}]}
    make(from_dict(recipe(folder, **steps, tokenizer=None, shards=None)), Store(str(folder / "run")), LocalEngine(1))
    return Store(str(folder / "run"))


def test_why_tells_a_near_duplicate_with_keeper_similarity_and_passages(near):
    (hit,) = story(near, "https://a.example/copy").hits
    (keeper,) = hit.keepers
    assert (hit.removed_by, keeper.url, keeper.outcome) == ("near_dedup:near_duplicate", "https://a.example/long", "kept")
    assert 0.9 < keeper.similarity < 1
    assert [(one.here, one.there) for one in keeper.differences.passages] == [("[brackets]", "wcc"), ("", "and a few words more")]
    console = Console(width=400, record=True, soft_wrap=True, file=StringIO())
    console.print(render(story(near, "https://a.example/copy")))
    told = console.export_text()
    for line in (f"similarity {keeper.similarity} (near_dedup)", "2 passages differ", "- [brackets]", "+ wcc", "+ and a few words more"):
        assert line in told
    (kept,) = story(near, "https://a.example/long").hits
    measures = {measure.name: measure.value for step in kept.steps if step.step == "near_dedup" for measure in step.measures}
    assert measures["copies"] == 2
    assert measures["cluster"] == kept.id


def windows(rng, starts, lengths):
    """Texts that are windows over one row of words of six letters."""
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(200)]
    return [" ".join(words[start : start + length]) for start, length in zip(starts, lengths, strict=True)]


def test_near_duplicates_never_stand_on_two_sides_after_several_dedups(tmp_path):
    """Of each row of windows three stay: one step ties the first two, by one that leaves between them; a later step the second and the third."""
    rng = random.Random(0)
    names = ("first", "between", "second", "beyond", "third")
    rows = []
    for number in range(40):
        texts = windows(rng, (0, 8, 16, 28, 40), (104, 101, 100, 99, 98))
        rows += [
            {"id": f"{number}-{name}", "url": f"https://a.example/{number}/{name}", "text": text}
            for name, text in zip(names, texts, strict=True)
        ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    steps = [{"exact_dedup": {}}]
    steps += [
        {"near_dedup": {"as": name, "bands": 60, "rows": 4, "min_similarity": least}} for name, least in (("near", 0.8), ("nearer", 0.77))
    ]
    split = {"validation": 0.3, "test": 0.2}
    asked = recipe(tmp_path, input=[{"uri": f"{tmp_path}/in.jsonl", "source": "s"}], steps=steps, split=split)
    make(from_dict(asked), Store(str(tmp_path / "run")), LocalEngine(1), min_ranges=3)
    kept = curate.open(tmp_path / "run").documents().to_table().to_pylist()
    assert sorted(row["url"].rpartition("/")[2] for row in kept) == sorted(["first", "second", "third"] * 40)
    corpus = open_shards(tmp_path / "run" / "shards")
    side = {bytes_id(corpus.ids(), row): int(where) for row, where in enumerate(corpus.column("split"))}
    found = {}
    for row in kept:
        found.setdefault(row["url"].split("/")[3], []).append((row["id"], row["near__family"], row["nearer__family"]))
    for group in found.values():
        assert len({near for _, near, _ in group if near}) == len({nearer for _, _, nearer in group if nearer}) == 1
        assert len({side[one] for one, *_ in group}) == 1
    assert len(set(side.values())) == 3
