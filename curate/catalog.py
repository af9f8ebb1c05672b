"""What `curate list` prints: every stage and barrier with its columns, its rules and its fields, read from the declarations themselves.

Nothing is kept here: a new file in `curate/stages/` or `curate/barriers/` is in the list by existing. The same as JSON: `as_json`.
"""

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from curate import barrier, stage
from curate.barrier import Barrier
from curate.errors import RecipeError
from curate.recipe.parse import IMPLICIT
from curate.recipe.schema import module_of, sentence
from curate.recipe.yaml import nearest, shown
from curate.stage import VERDICT, Config, Rule, Stage

_TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false", "null": "null", "object": "mapping"}
_SENTENCE_END = re.compile(r"(?<!\bal)\. ")
"""The point of "et al." ends no sentence."""
_PLACES = {"train_tokenizer": "tokenizer", "hold_out": "split"}
"""Barriers that keys of their own set; other implicit ones run always."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a config."""

    name: str
    type: str
    """As a user would say it: `number from 0 to 1`, `list of text`, `null` where it may be switched off."""
    default: Any
    """JSON value; None too where `required`."""
    required: bool
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One stage or barrier."""

    name: str
    kind: str
    """`stage` or `barrier`."""
    place: str
    """Where it stands in a recipe: `steps`, `tokenizer`, `split`, or `always` for what the engine runs by itself."""
    version: int
    sentence: str
    """First line of the module's docstring."""
    about: str
    """The whole of it: source, what it misses, price."""
    source: str
    """File of the package that holds it."""
    reads: tuple[str, ...]
    adds: Mapping[str, str]
    """Column by short name → Arrow type; the recipe's name of the step stands before it, joined by two underscores."""
    replaces: tuple[str, ...]
    rules: tuple[Rule, ...]
    judges: bool
    """Whether it can remove documents."""
    fields: tuple[Field, ...]


def entries() -> tuple[Entry, ...]:
    """Everything installed: stages, then barriers, by name."""
    return tuple(_entry(stage.load(name)) for name in stage.names()) + tuple(_entry(barrier.load(name)) for name in barrier.names())


def entry(name: str) -> Entry:
    """The entry of that name; RecipeError with the nearest one where there is none."""
    if name in stage.names():
        return _entry(stage.load(name))
    if name in barrier.names():
        return _entry(barrier.load(name))
    near = nearest(name, [*stage.names(), *barrier.names()])
    advice = f"did you mean {near}?" if near else "`curate list` has all"
    raise RecipeError(f"list: expected a stage or barrier, got {name}; {advice}")


def _entry(declared: Stage | Barrier) -> Entry:
    module = module_of(declared.name)
    place = "steps" if declared.name not in IMPLICIT else _PLACES.get(declared.name, "always")
    adds = {name: str(dtype) for name, dtype in declared.adds.items()}
    if isinstance(declared, Stage) and declared.rules:
        adds |= {name: str(dtype) for name, dtype in VERDICT.items()}
    return Entry(
        name=declared.name,
        kind="stage" if isinstance(declared, Stage) else "barrier",
        place=place,
        version=declared.version,
        sentence=sentence(module),
        about=inspect.getdoc(module) or "",
        source=module.__name__.replace(".", "/") + ".py",
        reads=declared.reads if isinstance(declared, Stage) else _reads(declared),
        adds=adds,
        replaces=declared.replaces,
        rules=declared.rules if isinstance(declared, Stage) else (),
        judges=declared.judges,
        fields=tuple(fields(declared.config)),
    )


def _reads(declared: Barrier) -> tuple[str, ...]:
    """What it reads with its default config; a config with required fields has none, and then nobody can tell."""
    try:
        return tuple(declared.reads(declared.config()))
    except ValidationError:
        return ()


def fields(config: type[Config]) -> Iterator[Field]:
    """The fields of a config, in the order of its file; those of configs inside it as `outer.inner`."""
    schema = config.model_json_schema()
    for name, one in config.model_fields.items():
        if one.default_factory is not None and not one.default_factory_takes_validated_data:
            schema["properties"][name]["default"] = to_jsonable_python(one.get_default(call_default_factory=True))
    yield from _fields(schema, schema.get("$defs", {}), "")


def _fields(schema: Mapping[str, Any], defs: Mapping[str, Any], prefix: str) -> Iterator[Field]:
    for name, one in schema.get("properties", {}).items():
        yield Field(
            name=prefix + name,
            type=spoken(one, defs),
            default=one.get("default"),
            required=name in schema.get("required", ()),
            sentence=" ".join(one.get("description", "").split()),
        )
        for path, inner in _inside(one, defs, f"{prefix}{name}."):
            yield from _fields(inner, defs, path)


def _inside(schema: Mapping[str, Any], defs: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(where, config) of the configs inside a field; `*` stands for any key of a mapping, or number in a list."""
    if "$ref" in schema:
        yield path, _resolved(schema, defs)
    for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _inside(one, defs, path)
    for one in (schema.get("additionalProperties"), schema.get("items")):
        if isinstance(one, Mapping):
            yield from _inside(one, defs, f"{path}*.")


def _resolved(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    return defs[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def spoken(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """A JSON Schema type in words."""
    schema = _resolved(schema, defs)
    if "anyOf" in schema or "oneOf" in schema:
        return " or ".join(dict.fromkeys(spoken(one, defs) for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ()))))
    if "enum" in schema or "const" in schema:
        return " or ".join(str(one) for one in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "")
    if kind == "array":
        items = schema.get("items") or {"anyOf": schema["prefixItems"]} if "prefixItems" in schema else schema.get("items") or {}
        return f"list of {spoken(items, defs)}" if items else "list"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"mapping of text to {spoken(schema['additionalProperties'], defs)}"
    return _TYPES.get(kind, "any value") + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    signs = (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<"))
    return ",".join(f" {sign} {schema[key]:.15g}" for key, sign in signs if key in schema)


def as_json(listed: Sequence[Entry]) -> list[dict[str, Any]]:
    """Plain JSON values, one mapping an entry."""
    return [asdict(one) for one in listed]


def as_text(listed: Sequence[Entry], width: int = 100) -> str:
    """For people: a block an entry, no line longer than `width` where words allow."""
    return "\n\n".join("\n".join(_block(one, width)) for one in listed) + "\n" if listed else ""


_NOTES = {name: f", set by the top-level key `{name}`" for name in ("tokenizer", "split")} | {"always": ", runs by itself"}


def _block(one: Entry, width: int) -> Iterator[str]:
    yield f"{one.name}  ({one.kind}, version {one.version}{_NOTES.get(one.place, '')}, {one.source})"
    yield from _wrapped(one.sentence, width, "  ")
    if one.reads:
        yield from _wrapped("reads " + ", ".join(one.reads), width, "  ")
    if one.replaces:
        yield from _wrapped("replaces " + ", ".join(one.replaces), width, "  ")
    if one.adds:
        yield from _wrapped("adds " + ", ".join(f"{name} {dtype}" for name, dtype in one.adds.items()), width, "  ")
    for rule in one.rules:
        yield f"  removes {rule.reason}: {rule.measure} {rule.operator} {rule.limit}"
    if one.judges and not one.rules:
        yield "  removes by its own verdict"
    for field in one.fields:
        default = "required" if field.required else f"default {shown(field.default)}"
        yield from _wrapped(f"{field.name}: {field.type}; {default}", width, "    ")
        yield from _wrapped(field.sentence, width, "      ")


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    hang = indent + "  "
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)


def as_table(listed: Sequence[Entry]) -> str:
    """A Markdown table of steps: name, kind, what it does, why it removes; the README's is made by this."""
    lines = ["| step | kind | what it does | removes a document as |", "|---|---|---|---|"]
    for one in listed:
        if one.place != "steps":
            continue
        reasons = ", ".join(f"`{rule.reason}`" for rule in one.rules) or ("its own verdict" if one.judges else "–")
        what = _SENTENCE_END.split(one.sentence.partition(": ")[2] or one.sentence)[0].rstrip(".")
        lines.append(f"| `{one.name}` | {one.kind} | {what} | {reasons} |")
    return "\n".join(lines)
