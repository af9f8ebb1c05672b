"""The order of the steps: columns, text, raw bytes, what stands after deduplication."""

import json

import pytest

NO_TEXT = (
    "steps.wordy: expected text, got markup from [{}]; put `- markup:` before it, "
    "or name files of text in the input (*.jsonl, *.csv, *.parquet, *.txt)"
)


def steps_of(*steps, uri="a.jsonl", **top):
    return json.dumps({"input": [{"uri": uri, "source": "s"}], "steps": list(steps), **top})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            steps_of({"after_wordy": {}}),
            "steps.after_wordy: expected column wordy__words, got none of that name before it; add `- wordy:` before it",
        ),
        (
            steps_of({"after_wordy": {}}, {"wordy": {}}),
            "steps.after_wordy: expected column wordy__words, got none of that name before it; put wordy before after_wordy",
        ),
        (
            steps_of({"wordy": {"as": "count"}}, {"after_wordy": {}}),
            "steps.after_wordy: expected column wordy__words, got none of that name before it; did you mean count__words?",
        ),
        (
            steps_of({"wordy": {}}, {"same_text": {"best": ["wordy__wrods"]}}),
            "steps.same_text: expected column wordy__wrods, got none of that name before it; did you mean wordy__words?",
        ),
        (
            steps_of({"same_text": {"best": ["quality"]}}),
            "steps.same_text: expected column quality, got none of that name before it; "
            "add a step that makes it, or name it in an input's `fields`",
        ),
        (
            steps_of({"wordy": {}}, {"tag_strip": {}}, uri="a/*.warc.gz"),
            NO_TEXT.format("s"),
        ),
        (
            steps_of({"wordy": {}}, uri="sample:"),
            NO_TEXT.format("s"),
        ),
        (
            steps_of({"wordy": {}}, uri="pages/"),
            NO_TEXT.format("s"),
        ),
        (
            steps_of({"same_text": {}}, {"wordy": {}}),
            "steps.wordy: expected no removal after same_text, got a step that removes documents whose copies same_text removed; "
            "put it before same_text, set its limits to null, or say accept_orphans: true",
        ),
    ],
)
def test_wrong_walks(refused, text, message):
    (line,) = refused(text)
    assert line == f"r0.yaml:1: {message}"


@pytest.mark.parametrize(
    "text",
    [
        steps_of({"tag_strip": {}}, {"wordy": {}}, {"after_wordy": {}}, uri="sample:"),
        steps_of({"wordy": {}}, uri="dump.txt"),
        steps_of({"same_text": {}}, {"wordy": {"min_words": None, "max_words": None}}),
        steps_of({"same_text": {}}, {"wordy": {}}, accept_orphans=True),
        steps_of({"same_text": {}}, {"same_text": {"as": "same_again"}}),
        steps_of({"tag_strip": {}}, {"raw_look": {"needle": "x"}}, keep_raw=True),
        steps_of({"wordy": {}}, {"same_text": {"best": ["wordy__drop", "url", "fetched_at"]}}),
    ],
)
def test_right_walks(load, text):
    load(text)


def test_only_decides_whose_text_is_missing(load, refused):
    text = """\
        input: [{uri: a.warc.gz, source: web}, {uri: b.warc.gz, source: more}, {uri: c.jsonl, source: books}]
        steps:
          - wordy: {as: for_books, only: {source: [books]}}
          - tag_strip: {only: {source: [web]}}
          - wordy: {as: for_web, only: {source: [web, books]}}
          - wordy: {}
        """
    assert refused(text) == ["r0.yaml:6: " + NO_TEXT.format("more")]
    load(text.replace("[web]}}\n", "[web, more]}}\n", 1))


def test_an_unknown_step_hides_what_it_would_have_brought(refused):
    assert len(refused(steps_of({"tag_stripp": {}}, {"wordy": {}}, {"after_wordy": {}}, uri="sample:"))) == 1
    assert len(refused(steps_of("tag_strip", {"wordy": {}}, uri="sample:"))) == 1


def test_tokens_need_text(load, refused):
    text = "input: [{uri: 'sample:'}]\nsteps: []\ntokenizer: {file: s3://b/tokenizer.json}\n"
    assert refused(text) == ["r0.yaml:3: tokenizer: expected text, got markup from [sample]; put `- markup:` among the steps"]
    load(text.replace("[]", "[tag_strip: ]"))


def test_a_step_that_cannot_be_imported(refused, install):
    with install({"stages/needy.py": "import not_there_at_all\n"}):
        (line,) = refused("input: [{uri: a.jsonl}]\nsteps: [needy: ]")
    assert line == "r0.yaml:2: steps.needy: expected what the step needs to be installed, got No module named 'not_there_at_all'"
