"""One wrong field at a time: what is told, and where."""

import pytest

# what is wrong with one field: text of the step, expected message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            "{min_scor: 0.5}",
            "expected one of [min_words, max_words, min_score, keep, mode, strip, word, file], got min_scor; did you mean min_score?",
        ),
        ('{min_score: "0.3"}', 'expected a number, got "0.3"; remove the quotes'),
        ("{min_score: 1.5}", "expected a value <= 1, got 1.5"),
        ("{min_words: -1}", "expected a value >= 0, got -1"),
        ("{min_words: 1.5}", "expected a whole number, got 1.5"),
        ("{min_words: true}", "expected a whole number, got true"),
        ("{min_score: .nan}", "expected a finite number, got nan"),
        ("{keep: en}", 'expected a list, got "en"; write [en]'),
        ("{keep: [en, 1]}", "expected text, got 1; put quotes around it"),
        ("{keep: [en, false]}", "expected text, got false; put quotes around it"),
        ("{keep: null}", "expected a list, got null"),
        ("{mode: exakt}", 'expected fast or exact, got "exakt"; did you mean exact?'),
        ("{strip: yes}", 'expected true or false, got "yes"'),
        ("{word: 2026-01-02T3}", None),
        ("{word: 2026-01-02}", None),
        ("{word: twenty-one letters and more}", 'expected at most 20 letters, got "twenty-one letters and more"'),
        ("{file: nowhere.txt}", 'expected an existing file, got "nowhere.txt"; paths are relative to the current directory'),
        ("{min_words: 10, max_words: 5}", "expected a value <= max_words (5), got 10; between them nothing is kept"),
        ("[1]", "expected a mapping of fields, got [1]"),
    ],
)
def test_one_wrong_field(load, refused, fields, message):
    text = f"input: [{{uri: a.jsonl}}]\nsteps:\n  - wordy: {fields}\n"
    if message is None:
        assert load(text).steps[0].config.word.startswith("2026-01-02")
        return
    (line,) = refused(text)
    where, _, told = line.partition(": steps.wordy")
    assert where == "r0.yaml:3"
    assert told.partition(": ")[2] == message


def test_the_line_is_the_fields_own(refused):
    lines = refused("""\
        input: [{uri: a.jsonl}]
        steps:
          - wordy:
              min_words: 3
              keep:
                - en
                - 7
              min_score: high
        """)
    assert lines == [
        "r0.yaml:7: steps.wordy.keep.1: expected text, got 7; put quotes around it",
        'r0.yaml:8: steps.wordy.min_score: expected a number, got "high"',
    ]


def test_a_field_without_default(refused):
    assert refused("input: [{uri: a.warc}]\nsteps: [raw_look: ]") == [
        "r0.yaml:2: steps.raw_look.needle: expected a value, got nothing; this field has no default"
    ]


def test_everything_wrong_is_told_at_once(refused):
    lines = refused("""\
        nme: x
        input: [{uri: a.jsonl, sorce: s}]
        steps:
          - wordie: {}
          - wordy: {min_words: x}
          - wordy: {}
        limits: {part_bytes: 0}
        shards: {}
        """)
    assert [line.split(" ")[0] for line in lines] == [f"r0.yaml:{n}:" for n in (1, 2, 4, 5, 6, 7, 8)]
    assert "nme: expected one of [name, input, steps, tokenizer," in lines[0]
    assert lines[0].endswith("got nme; did you mean name?")
    assert lines[1].endswith(
        "input.0.sorce: expected one of [uri, source, fields, template, query, turns, markers], got sorce; did you mean source?"
    )
    assert lines[2].endswith("steps.wordie: expected a step, got wordie; did you mean wordy?")
    again = "expected each step name once, got wordy again (first at r0.yaml:5); name one of them with `as: wordy_again`"
    assert lines[4] == f"r0.yaml:6: steps.wordy: {again}"
    assert lines[5].endswith("limits.part_bytes: expected a value >= 1, got 0")
    assert lines[6].endswith("shards: expected a tokenizer, got none; add `tokenizer: {vocab_size: 32768}` or {file: …}")
