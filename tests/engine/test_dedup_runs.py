"""near_dedup in whole runs: killed while it resolves, cut into many parts, told by `curate why`."""

import json
from io import StringIO

import pytest
from law_corpus import FOLDERS, recipe, run_child
from rich.console import Console

from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.recipe import from_dict
from curate.shards.digest import tree_digest
from curate.store import Store
from curate.why import render, story


@pytest.mark.parametrize("name", ["bands", "pairs", "sets", "decide", "keepers", "clusters"])
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
