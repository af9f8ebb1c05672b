"""JSON Schema of a recipe file, so that an editor completes and explains steps and fields.

Steps are properties of a list item of which exactly one may be given: editors complete those, where a union of a hundred forms
tells them nothing.
"""

import inspect
from importlib import import_module
from types import ModuleType
from typing import Any

from curate import barrier, stage
from curate.recipe.model import RecipeFile, TokenizerFile
from curate.recipe.parse import CUT, step_names, training_config
from curate.stage import Config

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ALIAS = {
    "type": "string",
    "pattern": "^[a-z][a-z0-9]*(_[a-z0-9]+)*$",
    "description": "Another name for this step, so that it may stand twice.",
}
_ONLY = {
    "type": "object",
    "description": "Which documents the step sees; it passes the others by.",
    "properties": {"source": {"type": "array", "items": {"type": "string"}, "minItems": 1, "description": "Names of inputs."}},
    "required": ["source"],
    "additionalProperties": False,
}

_THRESHOLDS = {
    "type": "string",
    "description": "YAML file with fields of this step that differ by language, as the barrier percentile writes it.",
}


def module_of(name: str) -> ModuleType:
    """The module of a step."""
    return import_module(f"curate.{'stages' if name in stage.names() else 'barriers'}.{name}")


def sentence(module: ModuleType) -> str:
    """The first line of a module's docstring."""
    return (inspect.getdoc(module) or "").partition("\n")[0]


def build() -> dict[str, Any]:
    """The schema, as plain JSON values."""
    defs: dict[str, Any] = {}
    schema = _schema(RecipeFile, "recipe", defs)
    schema["title"] = "curate recipe"
    steps = {name: _step(name, defs) for name in step_names()}
    item = {"type": "object", "minProperties": 1, "maxProperties": 1, "properties": steps, "additionalProperties": False}
    schema["properties"]["steps"] = {"type": ["array", "null"], "description": "The steps of the walk, in order.", "items": item}
    schema["properties"]["tokenizer"] = _tokenizer(defs)
    return {"$schema": DIALECT} | schema | {"$defs": dict(sorted(defs.items()))}


def _schema(config: type[Config], owner: str, defs: dict[str, Any]) -> dict[str, Any]:
    """One config's schema; its inner definitions move to `defs` under the owner's name, since every stage's is called Config."""
    schema = config.model_json_schema(ref_template=f"#/$defs/{owner}.{{model}}")
    defs.update({f"{owner}.{name}": inner for name, inner in schema.pop("$defs", {}).items()})
    return schema


def _step(name: str, defs: dict[str, Any]) -> dict[str, Any]:
    if name == CUT:
        return {"type": ["object", "null"], "description": "Keeps what was made so far.", "maxProperties": 0}
    module = module_of(name)
    declared = stage.load(name) if name in stage.names() else barrier.load(name)
    schema = _schema(declared.config, name, defs)
    schema |= {"title": name, "description": sentence(module)}
    schema["type"] = "object" if schema.get("required") else ["object", "null"]
    schema["properties"] = (
        {"as": _ALIAS, "only": _ONLY}
        | ({"thresholds": _THRESHOLDS} if isinstance(declared, stage.Stage) else {})
        | schema.get("properties", {})
    )
    return schema


def _tokenizer(defs: dict[str, Any]) -> dict[str, Any]:
    training = training_config()
    forms = [_schema(TokenizerFile, "tokenizer_file", defs)]
    forms += [_schema(training, "train_tokenizer", defs)] if training else []
    return {
        "description": "A tokenizer to train on the kept text, or a file; left out: no tokens are made.",
        "anyOf": [*forms, {"type": "null"}],
    }
