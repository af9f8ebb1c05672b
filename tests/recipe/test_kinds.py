"""Recipes of dialogues: what their inputs, their template and their tokenizer must have."""

import json

import pytest

from curate.errors import RecipeError
from curate.recipe import from_dict, to_yaml

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
ASK = {"role": "user", "text": "{q}"}


def recipe(kind="messages", uri="a.jsonl", steps=(), one=None, **top):
    return {"kind": kind, "input": [{"uri": uri, "source": "s"} | (one or {})], "steps": list(steps), **top}


def test_kind_and_template_are_written_out_and_read_again():
    made = from_dict(recipe(one={"turns": [ASK]}))
    assert made.chat.roles["user"].before == "<|im_start|>user\n"
    assert "kind: messages" in to_yaml(made)
    from ruamel.yaml import YAML

    assert from_dict(YAML(typ="safe").load(to_yaml(made))) == made


def test_turns_are_looked_after_behind_the_last_step_that_replaces_text():
    made = from_dict(recipe(steps=[{"unicode": {}}, {"pii": {}}, {"near_dedup": {}}]))
    assert [step.name for step in made.steps] == ["unicode", "pii", "turns", "near_dedup"]
    assert [step.name for step in from_dict(recipe(steps=[{"near_dedup": {}}])).steps] == ["near_dedup"]
    texts = from_dict(recipe("text", steps=[{"unicode": {}}]))
    assert [step.name for step in texts.steps] == ["unicode"]


def test_a_trained_tokenizer_knows_of_the_marks():
    assert from_dict(recipe(tokenizer={"special_tokens": SPECIALS})).tokenizer.dialogue
    assert not from_dict(recipe("text", tokenizer={})).tokenizer.dialogue


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (recipe("text", chat={}), "chat: expected kind messages or preference, got kind text; add `kind: messages`"),
        (recipe("chat"), 'kind: expected text, messages or preference, got "chat"'),
        (recipe(uri="a.warc.gz"), "input.0.uri: expected JSON lines, CSV, Parquet or a query with kind messages, got a.warc.gz"),
        (recipe(one={"template": "{a}"}), r"input.0.template: expected none with kind messages, got '{a}'; say `turns`"),
        (recipe("preference", one={"turns": [ASK]}), "input.0.turns: expected kind messages, got preference"),
        (
            recipe(one={"markers": {"tool": "T:"}}),
            r"input.0: expected roles of the chat template \['assistant', 'system', 'user'\], got tool; add it to chat.roles",
        ),
        (recipe(one={"turns": [{"role": "user", "text": "x"}]}), r"expected field names in braces such as {title}, got 'x'"),
        (recipe(chat={"roles": {"user": {}}}), r"chat: expected roles with assistant and those that are learned, got \['user'\]"),
        (recipe(chat={"roles": {"assistant": {}, "chosen": {}}}), r"chat: expected other roles, got \['chosen'\]"),
        (
            recipe(tokenizer={"special_tokens": SPECIALS[:2]}),
            r"tokenizer.special_tokens: expected the special tokens of the chat template, got .*; add \['<\|im_end\|>'\]",
        ),
    ],
)
def test_what_does_not_fit_is_told(given, message):
    with pytest.raises(RecipeError, match=message):
        from_dict(json.loads(json.dumps(given)))
