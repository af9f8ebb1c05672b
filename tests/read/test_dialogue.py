"""Turns out of records: lists, templates, markers; and what is no dialogue."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.read.chunk import Source
from tests.read.reading import read

ROLES = ("system", "user", "assistant")
ASKED = [{"role": "user", "content": "why?"}, {"role": "assistant", "content": "because"}]


def source(kind="messages", **given):
    return Source(name="s", kind=kind, roles=ROLES, **given)


def records(tmp_path, rows, given):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read(path, source=given)


def turns(found):
    return [list(zip(row["roles"].split(","), row["text"].split("\n\n\uf8fe"), strict=True)) for row in found.rows]


@pytest.mark.parametrize(
    "record",
    [
        {"messages": ASKED},
        {"messages": [{"from": "human", "value": "why?"}, {"from": "gpt", "value": "because"}]},
        {"messages": [{"role": "system", "content": " "}, *ASKED]},
        {"messages": [ASKED[0], {"role": "Assistant", "content": [{"type": "text", "text": "be"}, {"type": "text", "text": "cause"}]}]},
    ],
)
def test_a_list_of_turns(record, tmp_path):
    assert turns(records(tmp_path, [record], source())) == [[("user", "why?"), ("assistant", "because")]]


def test_turns_from_templates(tmp_path):
    given = source(turns=(("user", "{ask}\n\n{more.0.input}"), ("assistant", "{answer}")))
    rows = [{"ask": "why?", "more": [{"input": ""}], "answer": "because"}, {"ask": "a", "more": [{"input": "b"}], "answer": "c"}]
    assert turns(records(tmp_path, rows, given)) == [[("user", "why?"), ("assistant", "because")], [("user", "a\n\nb"), ("assistant", "c")]]


MARKERS = {"user": "\n\nHuman: ", "assistant": "\n\nAssistant: "}


def test_turns_from_markers(tmp_path):
    given = source(markers=MARKERS)
    assert turns(records(tmp_path, [{"messages": "\n\nHuman: why?\n\nAssistant: because\n\nso."}], given)) == [
        [("user", "why?"), ("assistant", "because\n\nso.")]
    ]


@pytest.mark.parametrize(
    ("record", "markers"),
    [
        ({"prompt": "why?", "chosen": "good", "rejected": "bad"}, {}),
        ({"prompt": [ASKED[0]], "chosen": "good", "rejected": [{"role": "assistant", "content": "bad"}]}, {}),
        ({"chosen": "\n\nHuman: why?\n\nAssistant: good", "rejected": "\n\nHuman: why?\n\nAssistant: bad"}, MARKERS),
        (
            {
                "chosen": [ASKED[0], {"role": "assistant", "content": "good"}],
                "rejected": [ASKED[0], {"role": "assistant", "content": "bad"}],
            },
            {},
        ),
    ],
)
def test_a_preference(record, markers, tmp_path):
    found = records(tmp_path, [record], source("preference", markers=markers))
    assert turns(found) == [[("user", "why?"), ("chosen", "good"), ("rejected", "bad")]]


def test_a_mark_inside_a_turn_is_no_mark(tmp_path):
    (found,) = turns(records(tmp_path, [{"messages": [ASKED[0], {"role": "assistant", "content": "a\n\n\uf8feb"}]}], source()))
    assert found == [("user", "why?"), ("assistant", "a\n\n\ufffdb")]


def test_a_document_of_the_same_words_but_other_speakers_is_another(tmp_path):
    swapped = [{"role": "assistant", "content": "why?"}, {"role": "user", "content": "because"}]
    a, b = records(tmp_path, [{"messages": ASKED}, {"messages": swapped}], source()).rows
    assert a["text"] == b["text"]
    assert a["id"] != b["id"]


def test_fields_that_hold_turns_are_not_carried(tmp_path):
    given = source(fields={"messages": "talk", "topic": "about"})
    (row,) = records(tmp_path, [{"talk": ASKED, "about": "x", "license": "MIT"}], given).rows
    assert (row["topic"], row["license"], row["roles"]) == ("x", "MIT", "user,assistant")
    assert "messages" not in row


def test_dialogues_in_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"messages": [ASKED, None], "n": [1, 2]}), path)
    found = read(path, source=source())
    assert turns(found) == [[("user", "why?"), ("assistant", "because")]]
    assert found.errors[0].message.startswith("expected a field 'messages' with turns, got")


@pytest.mark.parametrize(
    ("kind", "record", "message"),
    [
        ("messages", {"text": "x"}, "expected a field 'messages' with turns, got ['text']; map it with `fields`"),
        ("messages", {"messages": "x"}, "expected a list of turns in field 'messages', got str 'x'"),
        ("messages", {"messages": ["x"]}, "expected a turn with role and content, got 'x'"),
        ("messages", {"messages": [{"role": "user", "content": None}]}, "expected a turn with role and content, got {'role'"),
        ("messages", {"messages": [ASKED[0]]}, "expected a turn of the assistant, got ['user']"),
        ("messages", {"messages": [*ASKED, {"role": "tool", "content": "x"}]}, "expected roles of the chat template ['assistant', "),
        ("messages", {"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "expected a turn with role and content, got {"),
        ("preference", {"prompt": "p", "chosen": "a"}, "expected a field 'rejected' with turns, got ['chosen', 'prompt']"),
        ("preference", {"prompt": "p", "chosen": "a", "rejected": "a"}, "expected two answers, got equal ones"),
        ("preference", {"prompt": "p", "chosen": "a", "rejected": " "}, "expected two answers, got an empty one"),
        (
            "preference",
            {"chosen": ASKED, "rejected": ASKED[:1]},
            "expected chosen and rejected to part in one last turn of the assistant, got",
        ),
    ],
)
def test_what_is_no_dialogue_is_a_counted_error(kind, record, message, tmp_path):
    found = records(tmp_path, [record, {"messages": ASKED, "prompt": "p", "chosen": "a", "rejected": "b"}], source(kind))
    assert len(found.rows) == 1
    assert found.errors[0].message.startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [("no marker", "expected one of the markers"), ("before\n\nHuman: x\n\nAssistant: y", "expected a marker first, got 'before")],
)
def test_a_text_without_its_markers(text, message, tmp_path):
    assert records(tmp_path, [{"messages": text}], source(markers=MARKERS)).errors[0].message.startswith(message)
