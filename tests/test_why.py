"""`curate why`: for every line of an input, the story that must be told of it."""

import json
import re
import shutil
from io import StringIO

import card_runs
import pytest
from rich.console import Console

from curate.errors import SourceError, StoreError
from curate.shards.reader import open_shards
from curate.store import Store
from curate.why import render, shown, story, variants


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run with shards."""
    folder = tmp_path_factory.mktemp("why")
    recipe = card_runs.recipe(card_runs.write_input(folder / "pages"))
    recipe["steps"].insert(3, {"language": {"as": "other", "only": {"source": [card_runs.SOURCE]}, "min_score": None, "keep": None}})
    card_runs.add_shards(card_runs.run(folder / "run", recipe))
    return Store(str(folder / "run"))


@pytest.fixture(scope="module")
def lines():
    return card_runs.lines()


def printed(told):
    console = Console(width=400, record=True, soft_wrap=True, file=StringIO())
    console.print(render(told))
    return console.export_text()


def steps_of(hit):
    return {step.step: step for step in hit.steps}


def only(store, key):
    """The hit for a key, less second readings of the same record."""
    (hit,) = [hit for hit in story(store, key).hits if hit.removed_by != "read:same_record"]
    return hit


@pytest.fixture(scope="module")
def groups(run, lines):
    """Text → the hits of all lines that have it."""
    found = {}
    for line in lines:
        found.setdefault(line.text, []).append(only(run, line.url))
    return found


def test_every_line_has_its_outcome(groups, lines):
    for text, hits in groups.items():
        first = "tongue:" if text.startswith(card_runs.NOISE) else "kept"
        copies = [hit for hit in hits if hit.removed_by == "exact_dedup:duplicate"]
        (other,) = [hit for hit in hits if hit.removed_by != "exact_dedup:duplicate"]
        assert (other.removed_by or "kept").startswith(first)
        assert len(copies) == len(hits) - 1
        assert {(hit.text_bytes, hit.excerpt) for hit in hits} == {(len(text.encode()), text[:500])}
    years = {hit.url: hit.fetched_at for hits in groups.values() for hit in hits}
    assert years == {line.url: f"{line.year}-05-04T03:02:01+00:00" for line in lines}


def test_a_kept_document(run, lines):
    line = next(line for line in lines[1:] if line.repeats is None and line.language == "de" and line.license == "CC-BY-4.0")
    hit = only(run, line.url)
    assert hit.outcome == "kept"
    assert [step.state for step in hit.steps] == ["passed"] * 5
    measures = {measure.name: measure for measure in steps_of(hit)["tongue"].measures}
    assert measures["label"].value == "de"
    assert measures["label"].rules == ("wrong_language if not in [en, de]",)
    assert measures["score"].rules == ("low_score if <= 0.5",)
    assert {m.name: m.rules for m in steps_of(hit)["other"].measures}["score"] == ("low_score is off",)
    evidence = {measure.name: measure.value for measure in steps_of(hit)["license"].measures}["evidence"]
    assert evidence[0]["value"] == "CC-BY-4.0"
    assert hit.carried == {"license": "CC-BY-4.0"}
    assert re.fullmatch(r"part-\d\.jsonl", hit.origin["container"])
    assert hit.keepers == ()


def test_shard_and_row_are_where_the_document_lies(run, lines):
    corpus = open_shards(f"{run.root}/shards")
    several = 0
    for line in lines[1:40]:
        hit = only(run, line.url)
        found = corpus.find(bytes.fromhex(hit.id))
        assert [(place.shard, place.row) for place in hit.shards] == [(f"shards/shard-{shard:05d}.arrow", row) for shard, row in found]
        assert bool(found) == (hit.outcome == "kept")
        several += len(found) > 1
    assert several > 0


def test_a_document_that_a_rule_removed(run, groups):
    hit = next(hit for hits in groups.values() for hit in hits if (hit.removed_by or "").startswith("tongue:"))
    step = steps_of(hit)["tongue"]
    assert step.state == "removed it"
    assert step.drop == hit.removed_by.partition(":")[2]
    judged = {measure.name: measure.value for measure in step.measures}
    measured, threshold = ("label", "not in [en, de]") if step.drop == "wrong_language" else ("score", "<= 0.5")
    assert (hit.value, hit.threshold) == (str(judged[measured]), threshold)
    assert f"removed by {hit.removed_by}, value {hit.value}, threshold {threshold}" in printed(story(run, hit.url))


def test_a_duplicate_names_what_stands_for_it(run, groups):
    several = 0
    for text, hits in groups.items():
        if text.startswith(card_runs.NOISE) or len(hits) == 1:
            continue
        (keeper,) = [hit for hit in hits if hit.outcome == "kept"]
        assert keeper.keepers == ()
        for hit in hits:
            if hit is not keeper:
                several += 1
                assert [(k.step, k.id, k.url, k.outcome) for k in hit.keepers] == [("exact_dedup", keeper.id, keeper.url, "kept")]
                assert steps_of(hit)["tongue"].state == "not reached"
                assert hit.shards == ()
    assert several > 3
    copy = next(hit for hits in groups.values() for hit in hits if hit.keepers and hit.keepers[0].outcome == "kept")
    assert f"{copy.keepers[0].id} {copy.keepers[0].url}, kept (exact_dedup)" in printed(story(run, copy.id))


def test_the_keeper_of_an_orphan_was_removed(run, groups):
    orphans = [hit for text, hits in groups.items() if text.startswith(card_runs.NOISE) for hit in hits if hit.keepers]
    assert orphans
    for hit in orphans:
        (keeper,) = hit.keepers
        assert keeper.outcome.startswith("tongue:")
        assert f"removed by {keeper.outcome} (exact_dedup)" in printed(story(run, hit.url))


def test_a_record_read_twice_has_two_rows(run, lines):
    told = story(run, lines[0].url)
    assert {hit.id for hit in told.hits} == {told.hits[0].id}
    assert sorted(hit.removed_by or "kept" for hit in told.hits)[-1] == "read:same_record"
    again = next(hit for hit in told.hits if hit.removed_by == "read:same_record")
    first = next(hit for hit in told.hits if hit is not again)
    assert again.value == f"{first.origin['container']}@{first.origin['offset']}"
    assert steps_of(again)["unicode"].state == "passed"  # it ran before records read twice were found
    assert story(run, told.hits[0].id).hits == told.hits


def test_a_line_that_could_not_be_read_is_an_error(run):
    import curate

    errors = [row for row in curate.open(run.root).removed().to_table().to_pylist() if row["removed_by"] == "read:error"]
    assert len(errors) == 3
    hit = only(run, errors[0]["id"].hex().upper())
    assert (hit.outcome, hit.text_bytes, hit.excerpt) == ("error", None, None)
    assert {step.state for step in hit.steps} == {"not reached"}
    assert hit.value == errors[0]["value"]
    assert "error by read:error, value " in printed(story(run, hit.id))


def test_the_story_as_json(run, lines):
    told = story(run, lines[3].url)
    plain = json.loads(json.dumps(told.as_dict()))
    assert plain["hits"][0]["url"] == lines[3].url
    assert plain["num_documents"] + plain["num_removed"] == len(lines) + 1 + 3
    assert [step["step"] for step in plain["hits"][0]["steps"]] == ["unicode", "license", "exact_dedup", "other", "tongue"]


def test_text_of_the_crawl_cannot_steer_the_terminal(run, lines):
    line = next(line for line in lines if "<script>" in line.url and line.repeats is None)
    assert line.url in printed(story(run, line.url))
    assert shown("a\x1b[2J\x07[bold]b\u202e\n") == "a\\x1b[2J\\x07[bold]b\\u202e\\n"
    assert shown(None) == "–"
    assert shown("x" * 1000) == "x" * 299 + "…"
    assert "\x1b" not in printed(story(run, lines[5].url))


def test_unknown_keys_are_told_with_what_was_searched(run, lines):
    count = r"\d+ documents and \d+ removed were searched"
    with pytest.raises(SourceError, match=rf"with URL https://no\.example/, got none; {count}; URLs are compared as fetched"):
        story(run, "https://no.example/")
    with pytest.raises(SourceError, match=rf"expected a document with id {'0' * 32}, got none; {count}$"):
        story(run, "0" * 32)
    with pytest.raises(SourceError, match=r"searched for it as a URL; an id has 32 hex digits"):
        story(run, "0" * 31)
    near = lines[4].url
    with pytest.raises(SourceError, match=re.escape(f"did you mean {near}?")):
        story(run, near.replace("https://", "HTTP://www.") + "/#top")
    with pytest.raises(SourceError, match="expected a URL or 32 hex digits, got ' '"):
        story(run, " ")


def test_variants_of_an_address():
    found = variants("http://www.Shop.example/a/#x")
    assert {"https://shop.example/a", "http://www.Shop.example/a/", "shop.example/a/", "https://www.shop.example/a"} <= set(found)
    assert "http://www.Shop.example/a/#x" not in found
    assert len(found) == len(set(found))


def test_a_run_that_is_not_finished_is_refused(run, tmp_path):
    with pytest.raises(StoreError, match=r"expected the folder of a finished run, got no recipe\.yaml"):
        story(Store(str(tmp_path)), "u")
    shutil.copytree(run.root, tmp_path / "going")
    (tmp_path / "going" / "documents" / "manifest.json").unlink()
    with pytest.raises(StoreError, match=r"got no documents/manifest\.json; make or finish it"):
        story(Store(str(tmp_path / "going")), "u")


def test_measured_after_it_had_left(tmp_path):
    pages = card_runs.write_input(tmp_path / "pages")
    steps = [{"language": {"keep": ["en"]}}, {"language": {"as": "again", "keep": ["en"], "min_score": 0.0}}, {"license": {}}]
    store = Store(str(card_runs.run(tmp_path / "run", card_runs.recipe(pages, steps=steps, after_verdict="measure"))))
    german = next(line for line in card_runs.lines() if line.language == "de")
    hit = only(store, german.url)
    states = {name: step.state for name, step in steps_of(hit).items()}
    assert states == {"language": "removed it", "again": "measured after it had left", "license": "measured after it had left"}
    assert steps_of(hit)["again"].drop == "wrong_language"
    assert "again (language): measured after it had left, would have removed it as wrong_language" in printed(story(store, german.url))


def test_a_step_for_other_sources_says_so(tmp_path):
    pages = card_runs.write_input(tmp_path / "pages", files=2)
    inputs = [{"uri": str(pages / "part-0.jsonl"), "source": "a"}, {"uri": str(pages / "part-1.jsonl"), "source": "b"}]
    steps = [{"language": {"only": {"source": ["b"]}}}]
    store = Store(str(card_runs.run(tmp_path / "run", card_runs.recipe(pages, input=inputs, steps=steps))))
    lines = card_runs.lines()
    assert steps_of(only(store, lines[2].url))["language"].state == "not for this source"
    assert steps_of(only(store, lines[1].url))["language"].state == "passed"
