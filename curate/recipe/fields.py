"""Checking plain values against a config, strictly: `"0.3"` is not a number and `1` is not true. Every finding names its place.

Values are checked in pydantic's strict JSON mode, in which a list is a tuple and 1 is a float, but nothing is guessed from text.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from os.path import exists
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from curate.errors import RecipeError
from curate.recipe.yaml import Document, Key, Place, nearest, printable, shown, unknown
from curate.stage import Config

C = TypeVar("C", bound=Config)


@dataclass
class Problems:
    """What is wrong with a recipe, gathered so that one run tells all of it."""

    found: list[tuple[Place, str]] = field(default_factory=list)

    def add(self, place: Place, what: str) -> None:
        """Note one problem: `name: expected, got VALUE; what to do`."""
        what = printable(what)
        if (place, what) not in self.found:
            self.found.append((place, what))

    def settle(self) -> None:
        """Raise them all, in the order of the file."""
        if self.found:
            ordered = sorted(self.found, key=lambda problem: problem[0].line)
            raise RecipeError("\n".join(f"{place}: {what}" for place, what in ordered))


def plain(value: Any) -> Any:
    """JSON-like values from Python ones (tuples, configs, paths, numpy-free); RecipeError for anything else."""
    try:
        return to_jsonable_python(value)
    except (PydanticSerializationError, ValueError) as error:
        raise RecipeError(f"recipe: expected plain values, got {error}") from None


def checked(config: type[C], values: Any, document: Document, key: Key, name: str, problems: Problems) -> C | None:
    """The config made of `values` (null means all defaults), or None after noting what is wrong. `name` is how errors call it."""
    values = {} if values is None else values
    if not isinstance(values, dict):
        problems.add(document.place(key), _named(name, f"expected a mapping of fields, got {shown(values)}"))
        return None
    try:
        made = config.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            if one["type"] == "default_factory_not_called":
                continue  # it waits for a field that is told on its own
            loc = _real(values, one["loc"])
            place = document.place((*key, *loc))
            problems.add(place, _named(".".join([name, *map(str, loc)] if name else map(str, loc)), _told(one, config, values, loc)))
        return None
    for text, inner in (*_crossed(made), *_missing_files(made)):
        problems.add(document.place((*key, inner)), _named(f"{name}.{inner}", text))
    return made


def _named(name: str, text: str) -> str:
    return f"{name}: {text}" if name else text


def _real(values: Any, loc: tuple[str | int, ...]) -> Key:
    """pydantic's location without the names of union members, which no user wrote."""
    key: list[str | int] = []
    here = values
    for i, part in enumerate(loc):
        if (isinstance(here, Mapping) and part in here) or (isinstance(here, list) and isinstance(part, int) and part < len(here)):
            here = here[part]  # type: ignore[index]
            key.append(part)
        elif i == len(loc) - 1 and isinstance(here, Mapping):
            key.append(part)
    return tuple(key)


def _told(error: Any, config: type[Config], values: Any, loc: Key) -> str:
    """One pydantic finding in our words."""
    value = values
    for part in loc:
        value = value.get(part) if isinstance(value, Mapping) else value[part]  # type: ignore[index]
    kind, message = error["type"], error["msg"]
    if kind == "extra_forbidden":
        return unknown(loc[-1], _siblings(config, loc))
    if kind == "missing":
        return "expected a value, got nothing; this field has no default"
    if kind in ("value_error", "assertion_error"):
        said = re.sub(r"^(Value error|Assertion failed), ", "", message)
        return said if "got" in said else f"{said}, got {shown(value)}"
    expected = _WORDS.get(kind) or message.removeprefix("Input should be ").removeprefix("a valid ")
    if kind in _BOUNDS:
        sign, bound = _BOUNDS[kind]
        expected = f"a value {sign} {error['ctx'][bound]:.15g}"
    if kind in ("literal_error", "enum"):
        expected = expected.replace("'", "")
    if kind == "string_pattern_mismatch":
        expected = f"text of the form {error['ctx']['pattern']}"
    if kind in _LENGTHS:
        word, bound = _LENGTHS[kind]
        expected = f"{word} {error['ctx'][bound]} {'characters' if isinstance(value, str) else 'items'}"
    if expected == message:
        expected = message[:1].lower() + message[1:]
    return f"expected {expected}, got {shown(value)}" + _advice(kind, value, error)


_BOUNDS = {"greater_than": (">", "gt"), "greater_than_equal": (">=", "ge"), "less_than": ("<", "lt"), "less_than_equal": ("<=", "le")}
_LENGTHS = {
    "string_too_short": ("at least", "min_length"),
    "string_too_long": ("at most", "max_length"),
    "too_short": ("at least", "min_length"),
    "too_long": ("at most", "max_length"),
}
_WORDS = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "tuple_type": "a list",
    "list_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def _advice(kind: str, value: Any, error: Any) -> str:
    if kind == "string_type" and not isinstance(value, dict | list | None):
        return "; put quotes around it"
    if kind in ("int_type", "float_type") and isinstance(value, str) and re.fullmatch(r"[-+\d._eE]+", value):
        return "; remove the quotes"
    if _WORDS.get(kind) == "a list" and isinstance(value, str | int | float):
        return f"; write [{value}]"
    if kind in ("literal_error", "enum"):
        near = nearest(value, re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", ""))))
        return f"; did you mean {near}?" if near else ""
    return ""


def _siblings(config: type[Config], loc: Key) -> list[str]:
    """The fields that may stand where an unknown one was found."""
    model: Any = config
    for part in loc[:-1]:
        if isinstance(part, str) and part in model.model_fields:  # else it is a key of a mapping of configs
            model = next(iter(_models(model.model_fields[part].annotation)), None)
        if model is None:
            return []
    return list(model.model_fields)


def _models(annotation: Any) -> list[Any]:
    """The configs inside an annotation such as `tuple[Input, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models(inner)]


def _crossed(config: Config) -> list[tuple[str, str]]:
    """Pairs of limits that leave nothing between them."""
    crossed = []
    for low in (name for name in type(config).model_fields if name.startswith("min_")):
        high = "max_" + low.removeprefix("min_")
        pair = getattr(config, low), getattr(config, high, None)
        if all(isinstance(v, int | float) for v in pair) and pair[0] > pair[1]:
            crossed.append((f"expected a value <= {high} ({shown(pair[1])}), got {shown(pair[0])}; between them nothing is kept", low))
    return crossed


def _missing_files(config: Config) -> list[tuple[str, str]]:
    """Fields called `file` or `…_file` that name no local file; remote ones are looked at when the run starts."""
    missing = []
    for name in type(config).model_fields:
        value = getattr(config, name)
        if (name == "file" or name.endswith("_file")) and isinstance(value, str) and "://" not in value and not exists(value):
            missing.append((f"expected an existing file, got {shown(value)}; paths are relative to the current directory", name))
    return missing
