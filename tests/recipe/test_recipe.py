"""The public face: files and mappings to recipes and back to YAML, sources, tokenizers."""

import itertools
import textwrap

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curate import recipe
from curate.errors import RecipeError
from curate.recipe import Input, TokenizerFile
from curate.recipe.model import source_name
from curate.recipe.parse import training_config

WHOLE = """\
    name: whole
    input:
      - uri: "crawl/*.warc.gz"
        source: my-crawl
      - uri: books.jsonl.gz
        fields: {text: body, shelf: shelf_mark}
    steps:
      - tag_strip: {only: {source: [my-crawl]}}
      - cut: {}
      - wordy: {keep: [en, no], min_score: 1, min_words: 50_000}
      - wordy:
          as: wordy_after
          max_words: null
      - after_wordy:
      - cut:
      - same_text: {best: [wordy__words, shelf]}
    card: {title: "no", contact: a@b.example}
    limits: {part_bytes: 1_000_000}
    after_verdict: measure
"""


def test_a_whole_recipe(load):
    r = load(WHOLE)
    assert r.name == "whole"
    assert [i.source for i in r.inputs] == ["my-crawl", "books"]
    assert r.inputs[1].fields == {"text": "body", "shelf": "shelf_mark"}
    assert [(s.name, s.uses, s.kind) for s in r.steps] == [
        ("tag_strip", "tag_strip", "stage"),
        ("cut", "cut", "cut"),
        ("wordy", "wordy", "stage"),
        ("wordy_after", "wordy", "stage"),
        ("after_wordy", "after_wordy", "stage"),
        ("cut_2", "cut", "cut"),
        ("same_text", "same_text", "barrier"),
    ]
    assert [s.line for s in r.steps] == [8, 9, 10, 11, 14, 15, 16]
    assert r.steps[0].only == ("my-crawl",)
    assert r.steps[1].config is None
    assert r.steps[2].config.keep == ("en", "no")
    assert r.steps[2].config.min_score == 1.0
    assert r.steps[2].config.min_words == 50_000
    assert r.steps[3].config.max_words is None
    assert (r.card.title, r.limits.part_bytes, r.limits.file_rows, r.after_verdict) == ("no", 1_000_000, 65_536, "measure")
    assert r.tokenizer is None
    assert r.shards is None
    assert r.path.endswith(".yaml")


def test_the_file_names_a_recipe_without_a_name(load):
    assert load("input: [{uri: a.jsonl}]").name == "r0"
    assert load("input: [{uri: a.jsonl}]\nsteps: []").steps == ()


def test_to_yaml_loads_to_an_equal_recipe(load, tmp_path):
    r = load(WHOLE)
    text = recipe.to_yaml(r)
    (tmp_path / "again.yaml").write_text(text)
    again = recipe.load(tmp_path / "again.yaml")
    assert again == r
    assert recipe.to_yaml(again) == text
    assert "only:\n        source: [my-crawl]" in text
    assert "file_rows: 65536" in text
    assert 'title: "no"' in text  # readers of YAML 1.1 must not take it for false


def test_recipes_that_do_something_else_are_not_equal(load):
    assert load(WHOLE) != load(WHOLE, "steps.wordy.min_score=0.5")
    assert load(WHOLE) == load("# a comment moves the lines\n" + textwrap.dedent(WHOLE))


@example("", 0.0, ["?0", "?;", "? a", "-", ":", "- a"], None)
@given(st.text(max_size=20), st.floats(0, 1), st.lists(st.text(max_size=8), max_size=3), st.integers(0, 10**15) | st.none())
def test_any_value_survives_the_way_through_yaml(tmp_path_factory, title, score, keep, words):
    data = {
        "input": [{"uri": "a.jsonl"}],
        "steps": [{"wordy": {"min_score": score, "keep": keep, "min_words": words, "max_words": None}}],
        "card": {"title": title},
    }
    try:
        title.encode()
    except UnicodeEncodeError:
        return  # a lone surrogate is no text
    r = recipe.from_dict(data)
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(recipe.to_yaml(r).encode())
    assert recipe.load(path) == r


def test_from_dict_is_the_file(load):
    data = {
        "name": "whole",
        "input": ({"uri": "a.jsonl"},),
        "steps": [{"wordy": {"keep": ("en", "no")}}, {"cut": None}],
        "limits": recipe.Limits(part_bytes=5),
    }
    r = recipe.from_dict(data)
    assert r == load("{name: whole, input: [{uri: a.jsonl}], limits: {part_bytes: 5}, steps: [wordy: {keep: [en, no]}, cut: ]}")
    assert r.path is None
    assert r.steps[0].line == 0


def test_from_dict_names_no_line():
    with pytest.raises(
        RecipeError, match=r"^<python>: steps.wordy.min_wrods: expected one of \[min_words, .*got min_wrods; did you mean min_words\?$"
    ):
        recipe.from_dict({"input": [{"uri": "a.jsonl"}], "steps": [{"wordy": {"min_wrods": 1}}]})
    with pytest.raises(RecipeError, match=r"recipe: expected plain values, got .*object"):
        recipe.from_dict({"input": [{"uri": object()}]})


# sources


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("sample:", "sample"),
        ("crawl/*.warc.gz", "crawl"),
        ("/data/a.b/books.jsonl.zst", "books"),
        ("s3://bucket/deep/x-*.parquet", "deep"),
        ("s3://bucket/*.parquet", "bucket"),
        ("folder/", "folder"),
        ("../up/page.html", "page"),
        ("*.jsonl", "input"),
        (".", "input"),
        ("v1.2/**/*.html", "v1.2"),
    ],
)
def test_the_source_is_named_after_the_location(uri, source):
    assert Input(uri=uri).source == source == source_name(uri)


def test_names_that_clash_are_lengthened_whatever_the_order():
    uris = ["a/x/pages.jsonl", "b/x/pages.jsonl", "c/other.jsonl"]
    expected = {"a/x/pages.jsonl": "a/x/pages", "b/x/pages.jsonl": "b/x/pages", "c/other.jsonl": "other"}
    for order in itertools.permutations(uris):
        r = recipe.from_dict({"input": [{"uri": uri} for uri in order]})
        assert {i.uri: i.source for i in r.inputs} == expected


def test_two_globs_of_one_folder_are_one_source():
    r = recipe.from_dict({"input": [{"uri": "crawl/a-*.warc"}, {"uri": "crawl/b-*.warc"}]})
    assert [i.source for i in r.inputs] == ["crawl", "crawl"]


# tokenizer and shards


def test_a_tokenizer_from_a_file(load, tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    r = load(f"input: [{{uri: a.jsonl}}]\ntokenizer: {{file: {tmp_path / 'tokenizer.json'}}}\nshards: {{tokens_per_shard: 50_000_000}}")
    assert r.tokenizer == TokenizerFile(file=str(tmp_path / "tokenizer.json"))
    assert r.shards.tokens_per_shard == 50_000_000
    assert load("input: [{uri: a.jsonl}]\ntokenizer: {file: s3://b/tokenizer.json}").tokenizer.file.startswith("s3:")


def test_a_tokenizer_to_train(load, refused):
    if training_config() is None:
        (line,) = refused("input: [{uri: a.jsonl}]\ntokenizer: {vocab_size: 300}")
        assert "expected {file: tokenizer.json}, got {vocab_size: 300}; training is not installed" in line
        return
    assert load("input: [{uri: a.jsonl}]\ntokenizer: {vocab_size: 32_768}\nshards: {}").tokenizer.vocab_size == 32768
    (line,) = refused("input: [{uri: a.jsonl}]\ntokenizer: {vocab_siz: 300}")
    assert line.endswith("got vocab_siz; did you mean vocab_size?")


def test_a_template_and_a_query_make_text(load):
    made = load("""\
        name: t
        input:
          - {uri: "a/*.jsonl", template: "{title}: {body}"}
          - {uri: b.duckdb, query: "select id, text from pages"}
        steps: [{wordy: {}}]
    """)
    assert [(one.template, one.query) for one in made.inputs] == [("{title}: {body}", None), (None, "select id, text from pages")]
    assert not any(one.can_be_markup for one in made.inputs)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"template": "title"}, r"template: expected field names in braces such as \{title\}, got 'title'; name at least one field"),
        ({"template": "{"}, r"template: expected braces that match, got '\{'"),
        ({"query": ""}, r"query: expected at least 1 characters"),
    ],
)
def test_bad_templates_and_queries(given, message):
    with pytest.raises(RecipeError, match=message):
        recipe.from_dict({"name": "x", "input": [{"uri": "a.jsonl", **given}], "steps": []})
