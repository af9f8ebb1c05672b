"""The recipe: what a person writes to say how a corpus is made. Read here, checked whole before a byte of data is read.

    recipe = load("pipelines/web.yaml", overrides=["steps.language.keep=[de]"])

A recipe is YAML 1.2 (form: `json_schema()`, `curate schema`). An error names file, line, field, what was expected, what was found and the
nearest valid name; all that one look can find are told together, one a line. Locations in a recipe are relative to the current directory.

model.py    what a recipe is, typed            yaml.py    text ↔ plain values with lines, `--set`
parse.py    plain values → recipe              fields.py  values against a config, strictly
checks.py   columns and order of the steps     schema.py  JSON Schema for editors
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curate.recipe import schema, yaml
from curate.recipe.fields import plain
from curate.recipe.kinds import suppressing
from curate.recipe.model import (
    CardConfig,
    ChatConfig,
    IndexConfig,
    Input,
    Limits,
    MixConfig,
    Recipe,
    ShardsConfig,
    SplitConfig,
    Step,
    TokenizerFile,
)
from curate.recipe.parse import recipe_of
from curate.recipe.yaml import Document, Place

__all__ = [
    "CardConfig",
    "ChatConfig",
    "IndexConfig",
    "Input",
    "Limits",
    "MixConfig",
    "Recipe",
    "ShardsConfig",
    "SplitConfig",
    "Step",
    "TokenizerFile",
    "from_dict",
    "json_schema",
    "load",
    "suppressing",
    "to_yaml",
]


def load(path: str | Path, overrides: Sequence[str] = (), inputs: Sequence[str] = ()) -> Recipe:
    """The recipe in a file. `overrides` are `KEY=VALUE` as after `--set`, applied in order; `inputs` replace the recipe's own.

    RecipeError: one line for each problem.
    """
    document = yaml.read(path)
    if isinstance(document.data, dict):
        if inputs:
            document.put(("input",), [{"uri": uri} for uri in inputs], Place("--input"))
        for assignment in overrides:
            yaml.override(document, assignment)
    return recipe_of(document, name=Path(path).stem, path=str(path))


def from_dict(data: Mapping[str, Any], *, name: str = "<python>") -> Recipe:
    """The recipe that a file with this content would be; tuples, paths and configs may stand in it. `name` is what errors call it."""
    return recipe_of(Document(name, plain(data)), name=name.strip("<>"), path=None)


def to_yaml(recipe: Recipe) -> str:
    """The recipe as run, defaults filled in: the same text for equal recipes, and it loads again to an equal one."""
    data: dict[str, Any] = {
        "name": recipe.name,
        "kind": recipe.kind,
        "input": [one.model_dump(mode="json") for one in recipe.inputs],
        "steps": [_step(step) for step in recipe.steps],
    }
    for key in ("chat", "tokenizer", "mix", "split", "shards", "index", "card", "limits"):
        config = getattr(recipe, key)
        data[key] = None if config is None else config.model_dump(mode="json")
    for key in ("keep_raw", "after_verdict", "accept_orphans"):
        data[key] = getattr(recipe, key)
    return yaml.dump(data)


def _step(step: Step) -> dict[str, Any]:
    fields: dict[str, Any] = {"as": step.name} if step.kind != "cut" and step.name != step.uses else {}
    if step.only is not None:
        fields["only"] = {"source": list(step.only)}
    if step.thresholds is not None:
        fields["thresholds"] = step.thresholds.file
    return {step.uses: fields | (step.config.model_dump(mode="json") if step.config else {})}


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a recipe file with the installed steps; the sentences under the fields are its descriptions."""
    return schema.build()
