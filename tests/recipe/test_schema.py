"""The JSON Schema: every step and field, with its sentence."""

import json

import pytest

from curate import recipe
from curate.recipe import yaml


def test_the_schema_carries_steps_and_sentences():
    schema = recipe.json_schema()
    json.dumps(schema)
    steps = schema["properties"]["steps"]["items"]["properties"]
    assert set(steps) >= {"wordy", "tag_strip", "same_text", "cut"}
    assert not {"same_record", "train_tokenizer"} & set(steps)
    assert steps["wordy"]["description"] == "Counts words."
    assert steps["wordy"]["properties"]["keep"]["description"] == "Languages."
    assert steps["wordy"]["properties"]["min_score"]["maximum"] == 1
    assert steps["raw_look"]["required"] == ["needle"]
    assert steps["raw_look"]["type"] == "object"
    assert {"as", "only"} <= set(steps["wordy"]["properties"])
    assert schema["properties"]["keep_raw"]["description"].startswith("Whether the payload bytes stay")
    references = [part.split('"')[0] for part in json.dumps(schema).split('"#/$defs/')[1:]]
    assert references
    assert set(references) <= set(schema["$defs"])


def test_every_top_level_key_is_in_the_schema_and_only_those(refused):
    keys = set(recipe.json_schema()["properties"])
    (line,) = refused("input: [{uri: a.jsonl}]\nzzz: 1")
    assert set(line.partition("[")[2].partition("]")[0].split(", ")) == keys


@pytest.mark.parametrize(
    ("data", "right"),
    [
        (
            {"input": [{"uri": "a.jsonl"}], "steps": [{"wordy": {"keep": ["en"], "as": "w", "only": {"source": ["a"]}}}, {"cut": None}]},
            True,
        ),
        ({"input": [{"uri": "a.jsonl"}], "steps": [{"wordy": None}], "tokenizer": {"file": "t.json"}, "shards": None}, True),
        ({"input": []}, False),
        ({"input": [{"uri": "a.jsonl"}], "steps": [{"wordie": {}}]}, False),
        ({"input": [{"uri": "a.jsonl"}], "steps": [{"wordy": {"min_score": 2}}]}, False),
        ({"input": [{"uri": "a.jsonl"}], "steps": [{"wordy": {}, "cut": {}}]}, False),
        ({"input": [{"uri": "a.jsonl"}], "steps": [{"raw_look": None}]}, False),
        ({"input": [{"uri": "a.jsonl"}], "limts": {}}, False),
    ],
)
def test_a_validator_agrees(data, right):
    jsonschema = pytest.importorskip("jsonschema", reason="comes with ray")
    jsonschema.Draft202012Validator.check_schema(recipe.json_schema())
    assert jsonschema.Draft202012Validator(recipe.json_schema()).is_valid(data) == right


def test_what_is_written_is_valid():
    jsonschema = pytest.importorskip("jsonschema", reason="comes with ray")
    r = recipe.from_dict({"input": [{"uri": "a.jsonl"}], "steps": [{"wordy": {}}, {"cut": {}}, {"same_text": {}}], "shards": None})
    jsonschema.validate(yaml.parse(recipe.to_yaml(r), "r").data, recipe.json_schema(), jsonschema.Draft202012Validator)
