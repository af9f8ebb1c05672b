"""The JSON Schema: every step and field, with its sentence."""

import json

from curate import recipe


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
