"""A step's `thresholds: file.yaml`, read and checked: every setting is the step's config with some fields changed."""

from typing import Any

from curate.errors import RecipeError
from curate.recipe import yaml
from curate.recipe.fields import Problems, checked
from curate.recipe.yaml import Document, Key, listed, nearest, shown
from curate.stage import Config, Stage
from curate.thresholds import ThresholdFile, Thresholds


def thresholds_of(
    file: Any, name: str, declared: Stage, config: Config, document: Document, key: Key, problems: Problems
) -> Thresholds | None:
    """The settings of step `name`, or None after noting what is wrong. `config`: what the recipe says of the step; `key`: its place there."""
    place = document.place((*key, "thresholds"))
    where = f"steps.{name}.thresholds"
    if not isinstance(file, str) or not file:
        problems.add(place, f"{where}: expected the path of a YAML file, got {shown(file)}")
        return None
    try:
        said = yaml.read(file)
    except RecipeError as error:
        problems.add(place, f"{where}: {error}")
        return None
    held = checked(ThresholdFile, said.data, said, (), "", problems)
    if held is None:
        return None
    section = next((one for one in (name, declared.name) if one in held.steps), None)
    if section is None:
        near = nearest(name, list(held.steps))
        advice = f"did you mean {near}?" if near else "add them, or leave `thresholds` out"
        problems.add(place, f"{where}: expected thresholds for {name} in {file}, got {listed(list(held.steps))}; {advice}")
        return None
    given = config.model_dump(mode="json")
    configs = []
    for value, fields in held.steps[section].items():
        made = checked(declared.config, given | fields, said, ("steps", section, value), f"steps.{section}.{value}", problems)
        if made is not None:
            configs.append((value, made))
    return Thresholds(file=file, by=held.by, configs=tuple(sorted(configs, key=lambda pair: pair[0])))
