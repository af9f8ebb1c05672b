"""Recipes as text: YAML 1.2 with the line of every value, `--set` overrides, and back.

YAML 1.2 because its predecessor reads `[en, no]` as `['en', False]`. Dates stay text, as 1.2's core schema has it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarbool import ScalarBoolean
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from curate.errors import RecipeError

Key = tuple[str | int, ...]
"""Where a value stands in the tree: keys and indices from the top."""
_OLD_BOOLEANS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"])

_LIKE_A_NUMBER = re.compile(r"[-+.\d][-+.,:_\deExXoT Z]*")


class _Constructor(RoundTripConstructor):
    """Reads timestamps as the text that they are."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda self, node: self.construct_scalar(node))


class _Representer(RoundTripRepresenter):
    """Writes null as a word."""


_Representer.add_representer(type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null"))


@dataclass(frozen=True)
class Place:
    """Who said it: a file and line, or an option of the command line."""

    label: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.label}:{self.line}" if self.line else self.label


@dataclass
class Document:
    """A tree of plain values (dict, list, str, int, float, bool, None) and where each was said."""

    label: str
    data: Any
    places: dict[Key, Place] = field(default_factory=dict)

    def place(self, key: Key) -> Place:
        """Where the value at `key` was said, or the nearest one around it."""
        for end in range(len(key), 0, -1):
            if key[:end] in self.places:
                return self.places[key[:end]]
        return self.places.get((), Place(self.label))

    def put(self, key: Key, value: Any, place: Place) -> None:
        """Replace the value at `key`, making the mappings on the way to it."""
        here: Any = self.data
        for i, part in enumerate(key):
            if not isinstance(here, dict) and not (isinstance(here, list) and isinstance(part, int)):
                raise RecipeError(f"{place}: {dotted(key)}: expected a mapping at {dotted(key[:i])}, got {shown(here)}")
            if i + 1 == len(key):
                here[part] = value  # type: ignore[index]
            elif isinstance(here, dict) and here.get(part) is None:
                here[part] = {}
                self.places[key[: i + 1]] = place
            here = here[part]  # type: ignore[index]
        for old in [k for k in self.places if k[: len(key)] == key]:
            del self.places[old]
        self.places[key] = place


def dotted(key: Key) -> str:
    """`input.0.uri`, the form that `--set` takes."""
    return ".".join(str(part) for part in key)


def shown(value: Any, width: int = 80) -> str:
    """A value as YAML would show it, on one line, shortened."""
    text = printable(_flow(value))
    return text if len(text) <= width else text[: width - 1] + "…"


def printable(text: str) -> str:
    """The text with its control characters and line breaks escaped."""
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _flow(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(v) for v in value) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def listed(names: Sequence[str]) -> str:
    """`[a, b]`."""
    return "[" + ", ".join(names) + "]"


def nearest(name: object, names: Sequence[str]) -> str | None:
    """The valid name that looks most like the given one."""
    return next(iter(get_close_matches(str(name), names, n=1, cutoff=0.6)), None)


def unknown(name: object, names: Sequence[str]) -> str:
    """`expected one of [a, b], got c; did you mean a?`."""
    near = nearest(name, names)
    return f"expected one of {listed(names)}, got {name}" + (f"; did you mean {near}?" if near else "")


def read(path: str | Path) -> Document:
    """Parse a recipe file; RecipeError with line and column where it is not YAML."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise RecipeError(f"{path}: expected a recipe file, got {error.strerror or error}; check the path") from None
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"{path}: expected UTF-8, got byte {error.object[error.start]:#04x} at offset {error.start}; save it as UTF-8"
        ) from None
    return parse(text, str(path))


def parse(text: str, label: str) -> Document:
    """Parse recipe text; `label` names it in errors."""
    tree = _yaml(text, label)
    document = Document(label, None, {(): Place(label, 1)})
    document.data = _plain(tree, (), document, ())
    return document


def _yaml(text: str, label: str) -> Any:
    yaml = YAML(typ="rt", pure=True)
    yaml.version = "1.2"
    yaml.Constructor = _Constructor
    try:
        return yaml.load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = f"{label}:{mark.line + 1}:{mark.column + 1}" if mark else label
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise RecipeError(
            f"{where}: expected YAML 1.2, got {' '.join(str(problem).split())}; check indentation, brackets and quotes"
        ) from None
    except RecursionError:
        raise RecipeError(f"{label}: expected YAML 1.2, got brackets nested too deep; check them") from None
    except ValueError as error:  # such as an integer with too many digits
        raise RecipeError(f"{label}: expected YAML 1.2, got {error}") from None


def _plain(node: Any, key: Key, document: Document, above: tuple[int, ...]) -> Any:
    """Plain values from ruamel's, noting lines on the way."""
    place = document.place(key)
    if id(node) in above:
        raise RecipeError(f"{place}: {dotted(key)}: expected a tree, got an alias to what holds it")
    if isinstance(node, TaggedScalar) or (isinstance(node, CommentedMap | CommentedSeq) and str(node.tag.value or "").startswith("!")):
        raise RecipeError(f"{place}: {dotted(key)}: expected a plain value, got the tag {node.tag.value}; remove the tag")
    if isinstance(node, CommentedMap | CommentedSeq):
        entries = node.items() if isinstance(node, CommentedMap) else enumerate(node)
        inner: dict[Any, Any] = {}
        for name, value in entries:
            line = _line(node, name)
            document.places[(*key, name)] = Place(document.label, line) if line else place
            if isinstance(node, CommentedMap) and not isinstance(name, str):
                where = f"{document.place((*key, name))}: {dotted(key) or 'recipe'}"
                raise RecipeError(f"{where}: expected text as a key, got {shown(name)}; put quotes around it")
            inner[name if isinstance(name, int) else str(name)] = _plain(value, (*key, name), document, (*above, id(node)))
        return inner if isinstance(node, CommentedMap) else list(inner.values())
    if isinstance(node, ScalarBoolean):  # a boolean with an anchor; it is an int to Python
        return bool(node)
    kind = next((kind for kind in (bool, int, float, str) if isinstance(node, kind)), None)
    return kind(node) if kind else node


def _line(node: CommentedMap | CommentedSeq, name: Any) -> int:
    try:
        return int((node.lc.key(name) if isinstance(node, CommentedMap) else node.lc.item(name))[0]) + 1
    except (KeyError, TypeError, AttributeError):  # merged keys have no place of their own
        return 0


def override(document: Document, assignment: str) -> None:
    """Apply one `--set KEY=VALUE`: a dotted path (steps by their names) and a YAML value."""
    place = Place("--set")
    path, equals, text = assignment.partition("=")
    if not equals or not path.strip():
        raise RecipeError(f"{place}: expected KEY=VALUE, got {shown(assignment)}; write for example steps.language.keep=[de]")
    value = parse(text, f"--set {path}").data
    key: Key = tuple(path.strip().split("."))
    if not all(key):
        raise RecipeError(f"{place}: expected names joined by dots, got {shown(path)}")
    if key[0] == "steps":
        key = _step_key(document, key, place)
    elif key[0] == "input":
        key = _input_key(document, key, place)
    document.put(key, value, place)


def _step_key(document: Document, key: Key, place: Place) -> Key:
    """(steps, alias, field…) → (steps, index, name, field…)."""
    steps = document.data.get("steps")
    known: dict[str, Key] = {}
    for i, step in enumerate(steps if isinstance(steps, list) else []):
        if isinstance(step, dict) and len(step) == 1:
            uses, fields = next(iter(step.items()))
            alias = fields.get("as") if isinstance(fields, dict) else None
            known.setdefault(alias if isinstance(alias, str) else uses, ("steps", i, uses))
    if len(key) < 2 or key[1] not in known:
        raise RecipeError(f"{place}: {dotted(key)}: " + unknown(key[1] if len(key) > 1 else "nothing", list(known)))
    return known[str(key[1])] + key[2:]


def _input_key(document: Document, key: Key, place: Place) -> Key:
    inputs = document.data.get("input")
    indices = [str(i) for i in range(len(inputs) if isinstance(inputs, list) else 0)]
    if len(key) == 1:
        return key
    if key[1] not in indices:
        raise RecipeError(f"{place}: {dotted(key)}: " + unknown(key[1], indices))
    return (key[0], int(key[1]), *key[2:])


def dump(data: Mapping[str, Any]) -> str:
    """YAML text of plain values: the same text for the same values; lists of scalars on one line, mappings in the order given."""
    yaml = YAML(typ="rt", pure=True)
    yaml.Representer = _Representer
    yaml.width = 1 << 20  # lines are never folded
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(_styled(data), out)
    return out.getvalue()


def _styled(value: Any) -> Any:
    if isinstance(value, Mapping):
        styled = CommentedMap((_styled(k), _styled(v)) for k, v in value.items())
        if not value:
            styled.fa.set_flow_style()
        return styled
    if isinstance(value, list | tuple):
        items = CommentedSeq(_styled(v) for v in value)
        if not any(isinstance(v, Mapping | list | tuple) for v in value):
            items.fa.set_flow_style()
        return items
    return DoubleQuotedScalarString(value) if isinstance(value, str) and _wants_quotes(value) else value


def _wants_quotes(text: str) -> bool:
    """Whether readers would take it for something else bare: those of YAML 1.1 a word or number, this one `[?a]` for a key; or lose a U+0085."""
    return text.lower() in _OLD_BOOLEANS or text.startswith("?") or bool(_LIKE_A_NUMBER.fullmatch(text)) or not text.isprintable()
