"""Forms that are not a recipe's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import recipe
from curate.errors import RecipeError
from curate.recipe import parse, yaml
from curate.recipe.model import RecipeFile


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "r0.yaml:1: expected a mapping with the keys input and steps, got null"),
        ("- a", 'r0.yaml:1: expected a mapping with the keys input and steps, got ["a"]'),
        ("steps: []", 'r0.yaml:1: input: expected at least one input, got none; add `input: [{uri: "sample:"}]` or give --input URI'),
        ("input: []", 'r0.yaml:1: input: expected at least one input, got none; add `input: [{uri: "sample:"}]` or give --input URI'),
        ("input: a.jsonl", 'r0.yaml:1: input: expected a list, got "a.jsonl"; write `- uri: …`'),
        ("input: [a.jsonl]", 'r0.yaml:1: input.0: expected a mapping, got "a.jsonl"'),
        ("name: a/b\ninput: [{uri: a}]", 'r0.yaml:1: name: expected text of the form ^[A-Za-z0-9][A-Za-z0-9._-]*$, got "a/b"'),
        ("input: [{uri: a.jsonl}]\nsteps: {wordy: }", "r0.yaml:2: steps: expected a list of steps, got {wordy: null}; write `- name: {…}`"),
        ("input: [{uri: a.jsonl}]\nsteps: [wordy]", 'r0.yaml:2: steps.0: expected `- wordy:`, got "wordy"; add the colon'),
        (
            "input: [{uri: a.jsonl}]\nsteps:\n- wordy:\n  keep: [en]",
            "r0.yaml:3: steps.0: expected one step as `- name: {…}`, got keys [wordy, keep]; indent the fields below the step's name",
        ),
        ("input: [{uri: a.jsonl}]\nsteps: [cut: {as: x}]", "r0.yaml:2: steps.cut: expected no fields, got as; write `- cut: {}`"),
        ("input: [{uri: a.jsonl}]\nsteps: [qqq: ]", "r0.yaml:2: steps.qqq: expected a step, got qqq; `curate list` has all"),
        (
            "input: [{uri: a.jsonl}]\nsteps: [same_record: ]",
            "r0.yaml:2: steps.same_record: expected a step, got same_record; it runs by itself when the inputs have been read",
        ),
        (
            "input: [{uri: a.jsonl}]\nsteps: [train_tokenizer: ]",
            "r0.yaml:2: steps.train_tokenizer: expected a step, got train_tokenizer; say `tokenizer: {…}` at the top level instead",
        ),
        (
            "input: [{uri: a.jsonl}]\nsteps: [wordy: {as: A__b}]",
            'r0.yaml:2: steps.wordy.as: expected a name such as wordy_after (lower case, single underscores), got "A__b"',
        ),
        (
            "input: [{uri: a.jsonl}]\nsteps: [wordy: {as: read}]",
            'r0.yaml:2: steps.wordy.as: expected a free name, got "read", which the engine uses',
        ),
        (
            "input: [{uri: a.jsonl}]\nsteps: [wordy: {only: en}]",
            'r0.yaml:2: steps.wordy.only: expected {source: [names of inputs]}, got "en"',
        ),
        (
            "input: [{uri: a.jsonl, source: books}]\nsteps: [wordy: {only: {source: [boks]}}]",
            "r0.yaml:2: steps.wordy.only.source: expected one of [books], got boks; did you mean books?",
        ),
        ("input: [{uri: a.jsonl}, {uri: a.jsonl}]", 'r0.yaml:1: input.1: expected each location once, got "a.jsonl" again (input.0)'),
        ("input: [{uri: a.jsonl, fields: {a__b: c}}]", 'r0.yaml:1: input.0.fields: expected a column name such as title, got "a__b"'),
        ("input: [{uri: a.jsonl}]\ninput: []", 'r0.yaml:2:1: expected YAML 1.2, got found duplicate key "input" with value "[]"'),
        ("input: [{uri: a.jsonl]", "r0.yaml:1:"),
        ("input: !python/name:os.system x", "r0.yaml:1: input: expected a plain value, got the tag !python/name:os.system; remove the tag"),
        ("&a\ninput: *a", "r0.yaml:2: input: expected a tree, got an alias to what holds it"),
        ("1: x", "r0.yaml:1: recipe: expected text as a key, got 1; put quotes around it"),
        (
            "input: [{uri: a.jsonl}]\ntokenizer: {file: no.json}",
            'r0.yaml:2: tokenizer.file: expected an existing file, got "no.json"; paths are relative to the current directory',
        ),
    ],
)
def test_wrong_forms(refused, text, message):
    lines = refused(text)
    assert len(lines) == 1
    assert lines[0].startswith(message)


def test_files_that_are_no_recipes(tmp_path):
    with pytest.raises(RecipeError, match=r"no\.yaml: expected a recipe file, got No such file or directory; check the path"):
        recipe.load(tmp_path / "no.yaml")
    with pytest.raises(RecipeError, match="expected a recipe file, got Is a directory"):
        recipe.load(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9")
    with pytest.raises(RecipeError, match="expected UTF-8, got byte 0xe9 at offset 9; save it as UTF-8"):
        recipe.load(tmp_path / "latin.yaml")


_WORDS = st.sampled_from(["s", "a.jsonl", "wordy", "sample:"])
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | _WORDS
_KEYS = st.sampled_from(
    ["uri", "source", "fields", "as", "only", "min_words", "keep", "wordy", "cut", "same_text", "file", "vocab_size", "x"]
)
_TREES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=8)
_PIECES = st.sampled_from(["\n", "  ", ": ", "- ", *"[]{}#|%\"'", "&a ", "*a", "!t ", "input", "uri", "steps", "wordy", "a.jsonl"])


def told(make):
    """What a RecipeError says; None where a recipe came out."""
    try:
        make()
    except RecipeError as error:
        return str(error)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*RecipeFile.model_fields, "steps", "tokenizer"]), _TREES, max_size=6))
def test_any_tree_is_a_recipe_or_a_recipe_error(tree):
    for data in (tree, {"input": [{"uri": "a.jsonl"}]} | tree):
        error = told(lambda data=data: recipe.from_dict(data))
        assert error is None or all(": expected " in line and ", got " in line for line in error.splitlines()), error


@settings(deadline=None)
@given(st.lists(_PIECES))
def test_any_text_is_a_recipe_or_a_recipe_error(pieces):
    error = told(lambda: parse.recipe_of(yaml.parse("".join(pieces), "any.yaml"), "any", None))
    assert error is None or error.startswith("any.yaml")


def test_brackets_without_end():
    with pytest.raises(RecipeError, match=r"^any.yaml: expected YAML 1.2, got brackets nested too deep; check them$"):
        yaml.parse("[" * 600, "any.yaml")
