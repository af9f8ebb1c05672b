"""`curate list`: every stage and barrier is in it, with columns, rules, types and sentences of its fields."""

import json
from typing import Literal

import pytest
from pydantic import Field

from curate import barrier, catalog, stage
from curate.errors import RecipeError
from curate.stage import Config


class Inner(Config):
    """Inside."""

    depth: int = 3
    """How deep."""


class Example(Config):
    """All kinds of fields."""

    needle: str
    """What to look for,
    and where."""
    min_share: float | None = Field(default=0.5, ge=0, le=1)
    """A share."""
    num_rows: int = Field(default=8, gt=0)
    """Rows."""
    step: float = Field(default=1, gt=0, lt=1.5)
    """Step."""
    keep: tuple[str, ...] = ("en",)
    """Languages."""
    pair: tuple[int, float] = (1, 0.5)
    """Two."""
    mode: Literal["fast", "exact"] = "fast"
    """How."""
    names: dict[str, str] = Field(default_factory=dict)
    """Names."""
    strip: bool = True
    """Whether."""
    inner: Inner = Inner()
    """A config."""


def test_fields_are_told_in_words():
    told = {f.name: (f.type, f.default, f.required, f.sentence) for f in catalog.fields(Example)}
    assert told == {
        "needle": ("text", None, True, "What to look for, and where."),
        "min_share": ("number from 0 to 1 or null", 0.5, False, "A share."),
        "num_rows": ("whole number > 0", 8, False, "Rows."),
        "step": ("number > 0, < 1.5", 1, False, "Step."),
        "keep": ("list of text", ["en"], False, "Languages."),
        "pair": ("list of whole number or number", [1, 0.5], False, "Two."),
        "mode": ("fast or exact", "fast", False, "How."),
        "names": ("mapping of text to text", {}, False, "Names."),
        "strip": ("true or false", True, False, "Whether."),
        "inner": ("mapping", {"depth": 3}, False, "A config."),
        "inner.depth": ("whole number", 3, False, "How deep."),
    }


def test_everything_installed_is_listed():
    listed = catalog.entries()
    assert [e.name for e in listed] == [*stage.names(), *barrier.names()]
    for one in listed:
        assert one.sentence, f"{one.name} has no docstring"
        assert one.about.startswith(one.sentence)
        declared = stage.load(one.name) if one.kind == "stage" else barrier.load(one.name)
        assert set(declared.adds) <= set(one.adds)
        assert {f.name for f in one.fields} >= set(declared.config.model_fields)
        assert one.judges == declared.judges


def test_one_entry():
    markup = catalog.entry("markup")
    assert (markup.kind, markup.place, markup.source) == ("stage", "steps", "curate/stages/markup.py")
    assert markup.replaces == ("text",)
    assert markup.adds["title"] == "string"
    assert markup.adds["drop"] == "string"
    assert catalog.entry("same_record").place == "always"
    with pytest.raises(RecipeError, match=r"^list: expected a stage or barrier, got markdup; did you mean markup\?$"):
        catalog.entry("markdup")
    with pytest.raises(RecipeError, match=r"^list: expected a stage or barrier, got qqqq; `curate list` has all$"):
        catalog.entry("qqqq")


def test_the_text_names_rules_and_fields():
    text = catalog.as_text([catalog.entry("markup")], width=80)
    assert text.startswith("markup  (stage, version ")
    assert "\n  removes no_text: chars < min_chars\n" in text
    assert "\n    min_chars: whole number >= 0 or null; default 1\n" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "removes by its own verdict" in catalog.as_text([catalog.entry("exact_dedup")])
    assert catalog.as_text([]) == ""


def test_the_json_is_json():
    listed = catalog.entries()
    again = json.loads(json.dumps(catalog.as_json(listed)))
    assert [one["name"] for one in again] == [e.name for e in listed]
    markup = next(one for one in again if one["name"] == "markup")
    assert {"reason": "no_text", "measure": "chars", "operator": "<", "limit": "min_chars"} in markup["rules"]
