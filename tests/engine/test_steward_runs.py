"""A steward's decisions in a run: kept documents stay under every rule, with what would have removed them; the books balance; the same bytes on any engine."""

import json
from collections import Counter

import law_corpus
import pytest

import curate
from curate import steward
from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.recipe import from_dict
from curate.shards.digest import tree_digest
from curate.store import Store
from curate.why import story

WHO = {"by": "Ada", "date": "2026-11-27"}


@pytest.fixture(scope="module")
def decided(reference, tmp_path_factory):
    """A file that keeps what each rule removed, removes one kept document, holds another; and the ids."""
    root, _ = reference
    removed = curate.open(root).removed().to_table(columns=["id", "removed_by"]).to_pylist()
    saved = {row["removed_by"]: row["id"].hex() for row in removed if not row["removed_by"].startswith("read:")}
    kept = [row["id"].hex() for row in curate.open(root).documents().to_table(columns=["id"]).slice(0, 2).to_pylist()]
    made = [steward.DocumentDecision(id=one, decision="keep", reason="good", **WHO) for one in saved.values()]
    made += [
        steward.DocumentDecision(id=one, decision=what, reason="spam", **WHO) for one, what in zip(kept, ("remove", "hold"), strict=True)
    ]
    path = tmp_path_factory.mktemp("decided") / "decisions.json"
    path.write_bytes(steward.Decisions(documents=tuple(made)).encode())
    return path, saved, kept


@pytest.fixture(scope="module")
def run(laws, decided, tmp_path_factory):
    root = tmp_path_factory.mktemp("run")
    make(from_dict(law_corpus.recipe(laws, steward=str(decided[0]))), Store(str(root)), LocalEngine(1))
    return root


def test_kept_rows_stay_with_what_was_outweighed(run, decided):
    _, saved, _ = decided
    assert set(saved) == {"gopher_quality:short_doc", "exact_dedup:duplicate", "near_dedup:near_duplicate"}
    rows = {row["id"].hex(): row for row in curate.open(run).documents().to_table().to_pylist()}
    for reason, identity in saved.items():
        row = rows[identity]
        assert reason in row["overridden"].split(", ")
        assert row["steward__decision"] == "keep"
    others = [row["overridden"] for identity, row in rows.items() if identity not in saved.values()]
    assert set(others) == {None}


def test_removed_rows_say_who_and_held_rows_wait(run, decided):
    _, _, (gone, held) = decided
    rows = {row["id"].hex(): row for row in curate.open(run).removed().to_table().to_pylist()}
    assert rows[gone]["removed_by"] == "steward:spam"
    assert rows[held]["removed_by"] == "steward:held_spam"
    assert rows[gone]["steward__by"] == "Ada, 2026-11-27"


def test_the_books_balance_and_the_card_counts(run):
    lines = [json.loads(line) for line in (run / "ledger.jsonl").read_text().splitlines()]
    segments = [line for line in lines if line["kind"] == "segment"]
    assert sum(line["removed"].get("steward:spam", 0) for line in segments) == 1
    for line in segments:
        assert line["documents"] == line["kept"] + sum(line["removed"].values()) - line["read_errors"]
        assert line["bytes_in"] + sum(line["added"].values()) == line["bytes_kept"] + line["bytes_removed"] + sum(line["cut"].values())
    facts = json.loads((run / "card" / "facts.json").read_text())
    assert any(step["step"] == "steward" for step in facts["steps"])
    assert facts["decided"]["decisions"] == {"hold": 1, "keep": 3, "remove": 1}
    rows = curate.open(run).documents().to_table(["overridden"])["overridden"].drop_null().to_pylist()
    assert facts["decided"]["overridden"] == dict(sorted(Counter(reason for row in rows for reason in row.split(", ")).items()))
    assert len(facts["decided"]["overridden"]) >= 3
    for page in ("README.md", "card.html"):
        text = (run / "card" / page).read_text()
        assert "What stewards decided" in text


def test_any_engine_makes_the_same_bytes(run, laws, decided, tmp_path):
    engine = LocalEngine(2)
    make(from_dict(law_corpus.recipe(laws, steward=str(decided[0]))), Store(str(tmp_path)), engine)
    engine.close()
    assert tree_digest(Store(str(tmp_path)), law_corpus.FOLDERS) == tree_digest(Store(str(run)), law_corpus.FOLDERS)


def test_why_tells_who_decided(run, decided):
    from rich.console import Console

    from curate.why import render

    _, saved, (gone, _) = decided
    console = Console(width=200, record=True)
    console.print(render(story(Store(str(run)), next(iter(saved.values())))))
    console.print(render(story(Store(str(run)), gone)))
    text = console.export_text()
    assert "Ada, 2026-11-27" in text
    assert "gopher_quality:short_doc" in text or "exact_dedup:duplicate" in text


def test_diff_shows_what_the_decisions_flipped(run, laws, decided, tmp_path):
    from curate.card.folder import open_folder
    from curate.diff.flips import flips

    make(from_dict(law_corpus.recipe(laws)), Store(str(tmp_path)), LocalEngine(1))
    found, _ = flips(open_folder(Store(str(tmp_path))), open_folder(Store(str(run))))
    pairs = {(flip.before, flip.after): flip for flip in found}
    _, saved, _ = decided
    for reason, identity in saved.items():
        assert identity in [one["id"] for one in pairs[reason, "kept"].samples] or pairs[reason, "kept"].documents > 3
    assert pairs["kept", "steward:spam"].documents == 1
    assert pairs["kept", "steward:held_spam"].documents == 1
