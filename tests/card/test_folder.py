"""A run's folder as a record: steps, rules and documentation, with or without the modules that made it."""

import pytest

from curate.card.folder import RuleSaid, StepSaid, about, open_folder, read_json
from curate.errors import StoreError
from curate.store import Store


def test_steps_are_those_of_the_recipe(finished):
    folder = open_folder(finished)
    assert [(step.name, step.uses) for step in folder.steps] == [
        ("unicode", "unicode"),
        ("license", "license"),
        ("exact_dedup", "exact_dedup"),
        ("tongue", "language"),
    ]
    assert folder.using("language") == ["tongue"]
    assert len(folder.segments) == 2
    assert folder.segments[0].kept == folder.segments[1].documents


def test_rules_carry_the_limits_of_the_run(finished):
    step = open_folder(finished).steps[-1]
    told = [(rule.reason, rule.text) for rule in step.rules]
    assert told == [("wrong_language", "label not in [en, de]"), ("low_score", "score <= 0.5"), ("mixed_languages", "other_share: off")]
    off = RuleSaid(reason="r", measure="m", operator="<", limit=None)
    assert off.text == "m: off"


def test_a_step_that_is_not_installed_any_more_has_no_rules():
    gone = StepSaid(name="old", uses="no_such_stage", only=None, fields={})
    assert (gone.declared, gone.rules, about(gone)) == (None, (), "")
    changed = StepSaid(name="language", uses="language", only=None, fields={"no_such_field": 1})
    assert changed.rules == ()
    assert "Misses" in about(changed) or "language" in about(changed).lower()


def test_what_is_no_json_object_is_told(tmp_path):
    store = Store(str(tmp_path))
    store.write("a.json", b"{")
    with pytest.raises(StoreError, match=r"a\.json: expected JSON, got"):
        read_json(store, "a.json")
    store.write("a.json", b"[1]")
    with pytest.raises(StoreError, match=r"a\.json: expected a JSON object, got list; delete it"):
        read_json(store, "a.json")


def test_a_run_lies_anywhere_that_fsspec_opens(finished):
    import fsspec

    from curate.card import facts

    memory = fsspec.filesystem("memory")
    memory.put(finished.root, "/runs/harbour", recursive=True)
    try:
        assert facts.compute(Store("memory://runs/harbour")) == facts.compute(finished)
    finally:
        memory.rm("/runs/harbour", recursive=True)
