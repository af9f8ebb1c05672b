"""An index over several runs: a later run keeps what it would keep if it had read the earlier ones too, and reads no old text."""

import json
import multiprocessing
import os
import shutil
from io import StringIO

import pytest
from rich.console import Console

import curate
from curate.engine.corpus import make
from curate.engine.index import digest_of_json
from curate.engine.local import LocalEngine
from curate.engine.outlook import outlook
from curate.errors import DedupIndexError, RecipeError
from curate.recipe import from_dict, to_yaml
from curate.shards.digest import tree_digest
from curate.store import Store
from curate.why import render, story
from tests.text_families import texts

MONTHS = ("a", "b", "c")
STEPS = [
    {"exact_dedup": {"keep": ["fetched_at"]}},
    {"near_dedup": {"keep": ["fetched_at", "-bytes"], "bands": 20, "rows": 4, "min_similarity": 0.7}},
]
LIMITS = {"part_bytes": 12_000, "range_bytes": 200_000}


@pytest.fixture(scope="module")
def crawls(tmp_path_factory):
    """Three crawls of one source, each later than the last."""
    folder = tmp_path_factory.mktemp("crawls")
    for number, text in enumerate(texts()):
        month = number % 3
        row = {"id": f"doc-{number}", "url": f"https://a.example/{number}", "fetched_at": f"2026-0{month + 1}-01T00:00:00Z", "text": text}
        with open(folder / f"{MONTHS[month]}.jsonl", "a") as file:
            file.write(json.dumps(row) + "\n")
    return folder


def recipe(crawls, months, index=None, limits=LIMITS, steps=STEPS):
    inputs = [{"uri": f"{crawls}/{month}.jsonl", "source": "crawl"} for month in months]
    return from_dict({"name": "months", "input": inputs, "steps": steps, "index": index, "limits": limits})


def run(crawls, root, month, index, **given):
    """A run of one month into root/month."""
    engine = given.pop("engine", None) or LocalEngine(1)
    ranges = given.pop("min_ranges", 1)
    make(recipe(crawls, [month], str(index), **given), Store(str(root / month)), engine, min_ranges=ranges)
    engine.close()
    return curate.open(root / month)


def kept(run, month=None):
    """Ids of the kept documents, of one month if given."""
    rows = run.documents().to_table(columns=["id", "fetched_at"]).to_pylist()
    return {row["id"] for row in rows if month is None or row["fetched_at"].month == MONTHS.index(month) + 1}


@pytest.fixture(scope="module")
def apart(crawls, tmp_path_factory):
    """The three months one after the other, over one index: (root, index)."""
    root = tmp_path_factory.mktemp("apart")
    for month in MONTHS:
        run(crawls, root, month, root / "index")
    return root


@pytest.fixture(scope="module")
def together(crawls, tmp_path_factory):
    """One run over all three, earlier months ranking first."""
    root = tmp_path_factory.mktemp("together")
    make(recipe(crawls, MONTHS), Store(str(root)), LocalEngine(1))
    return curate.open(root)


@pytest.mark.parametrize("month", MONTHS)
def test_the_same_documents_stay_as_in_one_run_over_all(month, apart, together):
    alone = kept(curate.open(apart / month))
    assert alone == kept(together, month)
    assert alone


def test_removed_documents_name_their_keeper_and_its_run(apart):
    by_month = {month: kept(curate.open(apart / month)) for month in MONTHS}
    runs = []
    for row in curate.open(apart / "c").removed().to_table().to_pylist():
        step, _, reason = row["removed_by"].partition(":")
        assert reason in ("duplicate", "near_duplicate")
        whose = row[f"{step}__run"] or "c"
        runs.append((step, whose))
        if step == "near_dedup":
            assert row["near_dedup__keeper"] in by_month[whose]
            assert row["near_dedup__similarity"] >= 0.7
            assert row["near_dedup__family"] <= min(row["id"], row["near_dedup__keeper"])
    assert {("exact_dedup", "a"), ("near_dedup", "a"), ("near_dedup", "b"), ("near_dedup", "c")} <= set(runs)


def test_documents_that_stay_name_no_run(apart):
    rows = curate.open(apart / "c").documents().to_table(columns=["near_dedup__run", "exact_dedup__run"]).to_pylist()
    assert {value for row in rows for value in row.values()} == {None}


@pytest.mark.parametrize(("num_ranges", "engine"), [(64, "local"), (2, "ray")])
def test_ranges_and_engines_change_nothing(num_ranges, engine, crawls, apart, tmp_path):
    if engine == "ray":
        from curate.engine.ray import RayEngine

        chosen = RayEngine(2)
    else:
        chosen = LocalEngine(1)
    index = tmp_path / "index"
    for month in "ab":
        shutil.copytree(apart / "index" / month, index / month)
    run(crawls, tmp_path, "c", index, engine=chosen, min_ranges=num_ranges)
    folders = ("documents", "removed")
    assert tree_digest(Store(str(tmp_path / "c")), folders) == tree_digest(Store(str(apart / "c")), folders)
    names = {path.name for path in (apart / "index/c").iterdir()} - {"manifest.json"}
    assert {path.name for path in (index / "c").iterdir()} - {"manifest.json"} == names


def test_other_parts_keep_the_same_documents(crawls, apart, tmp_path):
    for month in MONTHS:
        run(crawls, tmp_path, month, tmp_path / "index", limits={"part_bytes": 10_000_000, "range_bytes": 3_000})
    assert kept(curate.open(tmp_path / "c")) == kept(curate.open(apart / "c"))


def test_no_text_of_an_earlier_run_is_read(crawls, apart, tmp_path):
    shutil.copytree(apart / "index", tmp_path / "index")
    shutil.rmtree(tmp_path / "index/c")
    only = tmp_path / "crawls"
    only.mkdir()
    shutil.copy(crawls / "c.jsonl", only / "c.jsonl")
    assert kept(run(only, tmp_path, "c", tmp_path / "index")) == kept(curate.open(apart / "c"))


def test_an_earlier_run_made_again_is_what_it_was(crawls, apart, tmp_path):
    """Run a is not compared with the runs that came after it, in the same folder or from nothing."""
    shutil.copytree(apart, tmp_path, dirs_exist_ok=True)
    before = (tmp_path / "index/a/manifest.json").read_bytes()
    shutil.rmtree(tmp_path / "a")
    again = recipe(crawls, ["a"], {"path": str(tmp_path / "index"), "run": "a"})
    make(again, Store(str(tmp_path / "a")), LocalEngine(1))
    folders = ("documents", "removed", "ledger.jsonl")
    assert tree_digest(Store(str(tmp_path / "a")), folders) == tree_digest(Store(str(apart / "a")), folders)
    changed = json.loads((tmp_path / "index/a/manifest.json").read_text())
    said = json.loads(before)
    assert (changed["steps"], changed["against"]) == (said["steps"], [])


def test_a_changed_segment_replaces_itself_and_makes_its_followers_run_again(crawls, apart, tmp_path):
    index = tmp_path / "index"
    for month in "ab":
        run(crawls, tmp_path, month, index)
    files = {path.name for path in (index / "b").iterdir()}
    first = (tmp_path / "b/times.jsonl").read_text().splitlines()
    sketched = sum(json.loads(line)["kind"] == "sketch" for line in first)
    fewer = tmp_path / "fewer"
    fewer.mkdir()
    (fewer / "a.jsonl").write_text("".join((crawls / "a.jsonl").read_text().splitlines(keepends=True)[:10]))
    run(fewer, tmp_path, "a", index)
    assert {path.name for path in (index / "b").iterdir()} == files
    listed = json.loads((index / "a/manifest.json").read_text())["steps"]
    names = {one["path"] for step in listed.values() for slot in step["slots"] for one in [*slot["keys"], slot["entries"]] if one}
    assert {path.name for path in (index / "a").iterdir()} == names | {"manifest.json"}
    more = kept(run(crawls, tmp_path, "b", index))
    assert len(more) > len(kept(curate.open(apart / "b")))
    done = [json.loads(line)["task"] for line in (tmp_path / "b/times.jsonl").read_text().splitlines()][len(first) :]
    assert not [name for name in done if name.startswith("segment0")]
    assert 0 < sum(name.startswith("sketch") for name in done) < sketched, "the first sketch does not depend on what is in the index"


def test_an_index_may_lie_anywhere(crawls, apart, tmp_path):
    """Runs and index in a store without links and renames."""
    for month in "ab":
        make(recipe(crawls, [month], "memory://index-of-runs"), Store(f"memory://index-runs/{month}"), LocalEngine(1))
    make(recipe(crawls, ["c"], "memory://index-of-runs"), Store(str(tmp_path / "c")), LocalEngine(1))
    folders = ("documents", "removed")
    assert tree_digest(Store(str(tmp_path / "c")), folders) == tree_digest(Store(str(apart / "c")), folders)


def test_a_run_that_is_not_remembered_is_compared_all_the_same(crawls, apart, tmp_path):
    shutil.copytree(apart / "index", tmp_path / "index")
    shutil.rmtree(tmp_path / "index/c")
    listed = sorted(os.listdir(tmp_path / "index"))
    make(recipe(crawls, ["c"], {"path": str(tmp_path / "index"), "write": False}), Store(str(tmp_path / "c")), LocalEngine(1))
    assert kept(curate.open(tmp_path / "c")) == kept(curate.open(apart / "c"))
    assert sorted(os.listdir(tmp_path / "index")) == listed


def test_only_the_named_steps_take_part(crawls, apart, tmp_path):
    index = {"path": str(tmp_path / "index"), "steps": ["exact_dedup"]}
    for month in "ab":
        make(recipe(crawls, [month], index), Store(str(tmp_path / month)), LocalEngine(1))
    assert set(json.loads((tmp_path / "index/b/manifest.json").read_text())["steps"]) == {"exact_dedup"}
    removed = curate.open(tmp_path / "b").removed().to_table().to_pylist()
    assert {row["exact_dedup__run"] for row in removed} == {None, "a"}
    assert {row["near_dedup__run"] for row in removed} == {None}


EDGES = ["before_manifest_index", "after_manifest_index", "after_put:25", "resolving_near_dedup_bands", "resolving_near_dedup_sets"]


@pytest.mark.parametrize("edge", EDGES)
def test_killed_and_resumed(edge, crawls, apart, tmp_path):
    index = tmp_path / "index"
    for month in "ab":
        shutil.copytree(apart / "index" / month, index / month)

    def child(failpoint):
        def target():
            os.environ["CURATE_FAILPOINT"] = failpoint
            run(crawls, tmp_path, "c", index)

        process = multiprocessing.get_context("fork").Process(target=target)
        process.start()
        process.join()
        return process.exitcode

    assert child(edge) == 137, f"the run never passed {edge}"
    assert child("") == 0
    folders = ("documents", "removed", "ledger.jsonl")
    assert tree_digest(Store(str(tmp_path / "c")), folders) == tree_digest(Store(str(apart / "c")), folders)
    steps = [json.loads((root / "c/manifest.json").read_text())["steps"] for root in (index, apart / "index")]
    assert steps[0] == steps[1]


def near_copies_of_a(run):
    return [row for row in run.removed().to_table().to_pylist() if row["near_dedup__run"] == "a" and row["near_dedup__similarity"] < 1]


def test_why_tells_of_the_keeper_in_an_earlier_run(apart):
    row = near_copies_of_a(curate.open(apart / "b"))[0]
    (hit,) = story(Store(str(apart / "b")), row["id"].hex()).hits
    (keeper,) = hit.keepers
    assert (keeper.run, keeper.outcome, keeper.id) == ("a", "kept", row["near_dedup__keeper"].hex())
    assert keeper.url.startswith("https://a.example/")
    assert keeper.differences.num_passages
    out = StringIO()
    Console(file=out, width=300).print(render(story(Store(str(apart / "b")), row["id"].hex())))
    assert f"{keeper.id} {keeper.url}, kept in run a, similarity" in out.getvalue()


def test_why_names_an_earlier_run_whose_folder_is_gone(crawls, apart, tmp_path):
    shutil.copytree(apart / "index/a", tmp_path / "index/a")
    path = tmp_path / "index/a/manifest.json"
    path.write_text(path.read_text().replace(f"{apart}/a", f"{apart}/gone"))
    copied = json.loads(path.read_text())
    copied["digest"] = digest_of_json({name: value for name, value in copied.items() if name != "digest"})
    path.write_text(json.dumps(copied))
    made = run(crawls, tmp_path, "b", tmp_path / "index")
    (keeper,) = story(Store(str(tmp_path / "b")), near_copies_of_a(made)[0]["id"].hex()).hits[0].keepers
    assert (keeper.run, keeper.outcome, keeper.url, keeper.differences) == ("a", "out of reach", None, None)


# ---------------------------------------------------------------- what does not fit


@pytest.fixture
def damaged(apart, tmp_path):
    """A copy of the index with two runs."""
    for month in "ab":
        shutil.copytree(apart / "index" / month, tmp_path / "index" / month)
    return tmp_path / "index"


def files(index, kind):
    steps = json.loads((index / "a/manifest.json").read_text())["steps"]["near_dedup"]["slots"]
    slot = max(steps, key=lambda slot: slot["entries"]["bytes"])
    return index / "a" / (slot["entries"] if kind == "entries" else slot["keys"][0])["path"]


@pytest.mark.parametrize("kind", ["keys", "entries"])
def test_a_flipped_byte_in_an_index_is_told(kind, damaged, crawls, tmp_path):
    path = files(damaged, kind)
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 4, len(data) * 3 // 4, 512):
        data[place] ^= 1
    path.unlink()
    path.write_bytes(data)
    with pytest.raises(
        DedupIndexError, match=rf"index .*{path.name}: expected \d+ rows in \d+ bytes as in its manifest, got .*; run a again"
    ):
        run(crawls, tmp_path, "c", damaged)


@pytest.mark.parametrize("kind", ["keys", "entries"])
def test_a_file_cut_short_or_gone_is_told(kind, damaged, crawls, tmp_path):
    path = files(damaged, kind)
    data = path.read_bytes()
    path.unlink()
    with pytest.raises(DedupIndexError, match="as in its manifest, got no file; run a again, or take its folder out of the index"):
        run(crawls, tmp_path, "c", damaged)
    path.write_bytes(data[:-9])
    with pytest.raises(DedupIndexError, match=rf"as in its manifest, got {len(data) - 9} bytes"):
        run(crawls, tmp_path, "c", damaged)


def test_a_damaged_manifest_is_told_before_anything_is_read(damaged, crawls, tmp_path):
    path = damaged / "a/manifest.json"
    text = path.read_text()
    path.write_text(text.replace('"rows": ', '"rows": 1', 1))
    with pytest.raises(DedupIndexError, match=r"a/manifest.json: expected the manifest of a run, got ValueError: its digest is another"):
        run(crawls, tmp_path, "c", damaged)
    path.write_text(text[:100])
    with pytest.raises(DedupIndexError, match=r"a/manifest.json: expected the manifest of a run, got JSONDecodeError"):
        run(crawls, tmp_path, "c", damaged)
    path.write_text(text.replace("curate/index/1", "curate/index/9"))
    with pytest.raises(DedupIndexError, match="expected format curate/index/1, got curate/index/9; run a again with this version"):
        run(crawls, tmp_path, "c", damaged)


@pytest.mark.parametrize(
    ("step", "fields", "message"),
    [
        (
            1,
            {"ngram": 4},
            "expected run a to have compared by ngram 4 at near_dedup, got ngram 5; use the same parameters, or another index",
        ),
        (1, {"bands": 9, "rows": 8}, "compared by bands 9, rows 8 at near_dedup, got bands 20, rows 4"),
        (0, {"normalize": "words"}, "compared by normalize words at exact_dedup, got normalize none"),
        (0, {"by": "url"}, r"compared by by \['url'\] at exact_dedup, got by \['text'\]"),
    ],
)
def test_an_index_of_other_parameters_is_refused(step, fields, message, damaged, crawls, tmp_path):
    steps = [dict(one) for one in STEPS]
    ((name, config),) = steps[step].items()
    steps[step] = {name: config | fields}
    with pytest.raises(DedupIndexError, match=message):
        run(crawls, tmp_path, "c", damaged, steps=steps)


def test_a_step_that_earlier_runs_lack_is_told(damaged, crawls, tmp_path):
    steps = [STEPS[0], {"near_dedup": {"as": "near_again"}}]
    with pytest.raises(
        DedupIndexError, match=r"expected a step near_again in run a, got \['exact_dedup', 'near_dedup'\]; say under `index`"
    ):
        run(crawls, tmp_path, "c", damaged, steps=steps)


def test_a_run_of_the_same_name_from_another_folder_is_refused(crawls, apart, tmp_path):
    with pytest.raises(
        DedupIndexError, match=r"expected run a to be the one in .*, got one in .*; choose another --output, or say `run: a`"
    ):
        run(crawls, tmp_path, "a", apart / "index")


def test_a_run_whose_forerunner_is_gone_is_told(crawls, apart, tmp_path):
    shutil.copytree(apart / "index", tmp_path / "index")
    shutil.rmtree(tmp_path / "index/a")
    index = {"path": str(tmp_path / "index"), "run": "b"}
    with pytest.raises(DedupIndexError, match="expected run a, with which b was compared, got none; put it back, or remove"):
        make(recipe(crawls, ["b"], index), Store(str(tmp_path / "b")), LocalEngine(1))


def test_a_recipe_whose_steps_cannot_take_part_is_refused(crawls, tmp_path):
    with pytest.raises(RecipeError, match="index: expected a step that an index can continue, got none; add"):
        run(crawls, tmp_path, "a", tmp_path / "index", steps=[{"passage_dedup": {}}])
    named = recipe(crawls, ["a"], {"path": str(tmp_path / "index"), "steps": ["near"]})
    with pytest.raises(
        RecipeError, match=r"index.steps: expected steps that an index can continue \(\['exact_dedup', 'near_dedup'\]\), got near"
    ):
        make(named, Store(str(tmp_path / "a")), LocalEngine(1))


def test_the_plan_says_with_whom_a_run_is_compared(crawls, apart, tmp_path):
    told = outlook(recipe(crawls, ["c"], str(apart / "index")), Store(str(apart / "c")))
    assert f"index: {apart}/index, this run as c, compared with a, b\n" in told
    told = outlook(recipe(crawls, ["a"], {"path": str(tmp_path / "new"), "write": False}), Store(str(tmp_path / "a")))
    assert f"index: {tmp_path}/new, this run as a, not written, compared with none: it is the first\n" in told


def test_the_plan_of_a_run_writes_nothing_into_the_index(crawls, tmp_path):
    assert "near_dedup" in outlook(recipe(crawls, ["a"], str(tmp_path / "index")), Store(str(tmp_path / "a")))
    assert not (tmp_path / "index").exists()


def test_a_path_alone_is_an_index(crawls):
    made = recipe(crawls, ["a"], "some/index")
    assert made.index.path == "some/index"
    assert "path: some/index" in to_yaml(made)
    assert recipe(crawls, ["a"]).index is None
