"""Overrides and inputs of the command line."""

import pytest

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


def test_overrides(load):
    r = load(
        WHOLE,
        "steps.wordy.keep=[de, no]",
        "steps.wordy_after.min_score=0.1",
        "steps.after_wordy={as: last}",
        "limits.part_bytes=5",
        "card={title: t}",
        "input.0.source=other",
        "steps.tag_strip.only.source=[other]",
        "name=renamed",
    )
    named = {s.name: s for s in r.steps}
    assert named["wordy"].config.keep == ("de", "no")
    assert named["wordy"].config.min_score == 1.0
    assert named["wordy_after"].config.min_score == 0.1
    assert "last" in named
    assert (r.limits.part_bytes, r.card.title, r.card.contact, r.name) == (5, "t", None, "renamed")
    assert r.inputs[0].source == "other"


def test_an_override_makes_the_mappings_on_its_way(load):
    r = load("input: [{uri: a.jsonl}]\nsteps: [wordy: ]", "steps.wordy.min_words=7", "limits.part_bytes=9")
    assert (r.steps[0].config.min_words, r.limits.part_bytes) == (7, 9)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("steps.wordy.keep", '--set: expected KEY=VALUE, got "steps.wordy.keep"; write for example steps.language.keep=[de]'),
        ("a..b=1", '--set: expected names joined by dots, got "a..b"'),
        ("steps.wrdy.keep=[de]", "--set: steps.wrdy.keep: expected one of [wordy], got wrdy; did you mean wordy?"),
        ("input.3.uri=x", "--set: input.3.uri: expected one of [0], got 3"),
        ("steps.wordy.keep=de", '--set: steps.wordy.keep: expected a list, got "de"; write [de]'),
        ("steps.wordy.kep=[de]", "--set: steps.wordy.kep: expected one of [min_words, max_words, min_score, keep,"),
        ("limts.part_bytes=1", "--set: limts: expected one of [name, input, steps,"),
        ("steps.wordy.keep.x.y=1", '--set: steps.0.wordy.keep.x.y: expected a mapping at steps.0.wordy.keep, got ["en"]'),
        ("card=[", "--set card:1:"),
    ],
)
def test_wrong_overrides(refused, assignment, message):
    (line,) = refused("input: [{uri: a.jsonl}]\nsteps: [wordy: {keep: [en]}]", assignment)
    assert line.startswith(message)


def test_inputs_of_the_command_line_replace_the_recipes(load, refused):
    r = load("steps: [tag_strip: ]", inputs=["x/a.warc.gz", "b.jsonl"])
    assert [(i.uri, i.source) for i in r.inputs] == [("x/a.warc.gz", "a"), ("b.jsonl", "b")]
    (line,) = refused(WHOLE.replace("best: [wordy__words, shelf]", "best: []"), inputs=["b.jsonl"])
    assert line.endswith("steps.tag_strip.only.source: expected one of [b], got my-crawl")
