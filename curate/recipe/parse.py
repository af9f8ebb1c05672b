"""From a tree of plain values to a `Recipe`, with everything that is wrong told at once."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from curate import barrier, stage
from curate.barrier import Barrier
from curate.errors import RecipeError
from curate.recipe.fields import Problems, checked
from curate.recipe.model import NAME, ChatConfig, Input, Recipe, RecipeFile, Step, TokenizerFile, root_parts, source_name
from curate.recipe.thresholds import thresholds_of
from curate.recipe.yaml import Document, Key, listed, nearest, shown, unknown
from curate.stage import Config, Stage
from curate.thresholds import Thresholds
from curate.turns import TEXT

CUT = "cut"
IMPLICIT = {
    "hold_out": "say `split: {…}` at the top level instead",
    "same_record": "it runs by itself when the inputs have been read",
    "train_tokenizer": "say `tokenizer: {…}` at the top level instead",
}
"""Barriers that are no steps, and what to do instead."""
TAKEN = frozenset({"read", *IMPLICIT})
"""Names under which the engine runs steps of its own."""


@dataclass
class Draft:
    """A step on its way to a `Step`; the declaration is None where the recipe names none that exists."""

    name: str
    uses: str
    key: Key
    kind: Literal["stage", "barrier", "cut"] = "cut"
    declaration: Stage | Barrier | None = None
    config: Config | None = None
    only: tuple[str, ...] | None = None
    thresholds: Thresholds | None = None

    def step(self, line: int) -> Step:
        """The finished step."""
        return Step(
            name=self.name, uses=self.uses, kind=self.kind, config=self.config, only=self.only, thresholds=self.thresholds, line=line
        )


def step_names() -> tuple[str, ...]:
    """Everything that may stand under `steps`."""
    return tuple(sorted({*stage.names(), *barrier.names(), CUT} - set(IMPLICIT)))


@lru_cache(maxsize=1)
def training_config() -> type[Config] | None:
    """The config of tokenizer training; None where that barrier is not installed."""
    return barrier.load("train_tokenizer").config if "train_tokenizer" in barrier.names() else None


def recipe_of(document: Document, name: str, path: str | None) -> Recipe:
    """The recipe in a document, or RecipeError with one line for each problem."""
    from curate.recipe.checks import check
    from curate.recipe.kinds import check_boundary, check_kind, with_steward, with_suppression, with_turns

    data = document.data
    if not isinstance(data, dict):
        raise RecipeError(f"{document.place(())}: expected a mapping with the keys input and steps, got {shown(data)}")
    problems = Problems()
    known = [*RecipeFile.model_fields, "steps", "tokenizer"]
    for key in [k for k in data if k not in known]:
        problems.add(document.place((key,)), f"{key}: {unknown(key, _in_order(known))}")
    top = _top(document, problems)
    drafts = _steps(document, problems)
    tokenizer = _tokenizer(document, problems)
    inputs = _inputs(top, document, problems) if top else ()
    if data.get("shards") is not None and data.get("tokenizer") is None:
        problems.add(
            document.place(("shards",)), "shards: expected a tokenizer, got none; add `tokenizer: {vocab_size: 32768}` or {file: …}"
        )
    for key in ("mix", "split"):
        if data.get(key) is not None and data.get("shards") is None:
            problems.add(document.place((key,)), f"{key}: expected shards, got none; add `shards: {{}}`: it is written into them")
    if top:
        drafts = with_steward(drafts, top, top.name or name, document, problems)
        if top.kind != TEXT:
            drafts = with_turns(drafts)
            check_kind(top, inputs, tokenizer, document, problems)
        elif top.chat is not None:
            problems.add(document.place(("chat",)), "chat: expected kind messages or preference, got kind text; add `kind: messages`")
        check_boundary(top, tokenizer, document, problems)
        drafts = with_suppression(drafts, top, document, problems)
        check(drafts, inputs, top, document, problems)
    problems.settle()
    if tokenizer is not None and "dialogue" in type(tokenizer).model_fields and top and top.kind != TEXT:
        tokenizer = tokenizer.model_copy(update={"dialogue": True})
    assert top is not None  # a recipe without a top level has problems
    return Recipe(
        name=top.name or name,
        inputs=inputs,
        steps=tuple(draft.step(document.place(draft.key).line) for draft in drafts),
        tokenizer=tokenizer,
        chat=top.chat or (ChatConfig() if top.kind != TEXT else None),
        path=path,
        **{
            field: getattr(top, field)
            for field in ("kind", "shards", "mix", "split", "index", "card", "limits", "keep_raw", "after_verdict", "accept_orphans")
        },
    )


def _in_order(known: list[str]) -> list[str]:
    return ["name", "input", "steps", "tokenizer", *[k for k in known if k not in ("name", "input", "steps", "tokenizer")]]


def _top(document: Document, problems: Problems) -> RecipeFile | None:
    values = {key: value for key, value in document.data.items() if key in RecipeFile.model_fields}
    if not values.get("input") and not isinstance(values.get("input"), str | dict):
        here = document.place(("input",))
        problems.add(here, 'input: expected at least one input, got none; add `input: [{uri: "sample:"}]` or give --input URI')
        return None
    if not isinstance(values["input"], list):
        problems.add(document.place(("input",)), f"input: expected a list, got {shown(values['input'])}; write `- uri: …`")
        return None
    for empty in [k for k, v in values.items() if v is None and k not in ("name", "shards", "index", "chat")]:
        del values[empty]  # `limits:` with nothing under it means the defaults
    if isinstance(values.get("index"), str):
        values["index"] = {"path": values["index"]}
    if isinstance(values.get("suppress"), str):
        values["suppress"] = [values["suppress"]]
    return checked(RecipeFile, values, document, (), "", problems)


def _inputs(top: RecipeFile, document: Document, problems: Problems) -> tuple[Input, ...]:
    """The inputs; derived source names that clash are lengthened by the folders above, whatever the order of the inputs."""
    derived = [i for i, given in enumerate(document.data["input"]) if given.get("source") is None]
    names = {i: one.source for i, one in enumerate(top.input)}
    for i in derived:
        uri = top.input[i].uri
        rivals = [one.uri for j, one in enumerate(top.input) if j != i and root_parts(one.uri) != root_parts(uri)]
        for depth in range(1, len(root_parts(uri)) + 1):
            names[i] = source_name(uri, depth)
            if all(source_name(rival, depth) != names[i] for rival in rivals):
                break
    seen: dict[str, int] = {}
    for i, one in enumerate(top.input):
        first = seen.setdefault(one.uri, i)
        if first != i:
            problems.add(
                document.place(("input", i)), f"input.{i}: expected each location once, got {shown(one.uri)} again (input.{first})"
            )
        for name in one.fields:
            if not NAME.fullmatch(name) or name in ("removed_by", "value", "threshold"):
                place = document.place(("input", i, "fields", name))
                problems.add(place, f"input.{i}.fields: expected a column name such as title, got {shown(name)}")
    return tuple(one.model_copy(update={"source": names[i]}) for i, one in enumerate(top.input))


def _steps(document: Document, problems: Problems) -> list[Draft]:
    steps = document.data.get("steps")
    if steps is None:
        return []
    if not isinstance(steps, list):
        problems.add(document.place(("steps",)), f"steps: expected a list of steps, got {shown(steps)}; write `- name: {{…}}`")
        return []
    drafts = [_step(step, i, document, problems) for i, step in enumerate(steps)]
    seen: dict[str, Draft] = {}
    cuts = 0
    for draft in drafts:
        if draft.uses == CUT:  # cuts have no columns, so they are only counted
            cuts += 1
            draft.name = CUT if cuts == 1 else f"{CUT}_{cuts}"
        if seen.setdefault(draft.name, draft) is not draft:
            line = document.place(seen[draft.name].key)
            again = f"{draft.name} again (first at {line}); name one of them with `as: {draft.name}_again`"
            problems.add(document.place(draft.key), f"steps.{draft.name}: expected each step name once, got {again}")
    return drafts


def _step(step: Any, index: int, document: Document, problems: Problems) -> Draft:
    """One list item; without a declaration where it is not what a step should be."""
    key: Key = ("steps", index)
    nothing = Draft(name=f"{index}", uses="", key=key)
    if isinstance(step, str):
        problems.add(document.place(key), f"steps.{index}: expected `- {step}:`, got {shown(step)}; add the colon")
        return nothing
    if not isinstance(step, dict) or len(step) != 1:
        found = f"keys {listed(list(step))}; indent the fields below the step's name" if isinstance(step, dict) and step else shown(step)
        problems.add(document.place(key), f"steps.{index}: expected one step as `- name: {{…}}`, got {found}")
        return nothing
    uses, fields = next(iter(step.items()))
    key = (*key, uses)
    draft = Draft(name=uses, uses=uses, key=key)
    if fields is not None and not isinstance(fields, dict):
        problems.add(document.place(key), f"steps.{uses}: expected a mapping of fields, got {shown(fields)}")
        fields = {}
    fields = dict(fields or {})
    if uses == CUT:
        for name in fields:
            problems.add(document.place((*key, name)), f"steps.cut: expected no fields, got {name}; write `- cut: {{}}`")
        return draft
    draft.name = _alias(fields.pop("as", uses), uses, document, key, problems)
    draft.only = _only(fields.pop("only", None), draft.name, document, key, problems)
    file = fields.pop("thresholds", None)
    _declare(draft, fields, document, problems)
    if file is not None and draft.kind != "stage":
        problems.add(document.place((*key, "thresholds")), f"steps.{draft.name}.thresholds: expected none on a barrier, got {shown(file)}")
    elif file is not None and isinstance(draft.declaration, Stage) and draft.config is not None:
        draft.thresholds = thresholds_of(file, draft.name, draft.declaration, draft.config, document, key, problems)
    return draft


def _alias(alias: Any, uses: str, document: Document, key: Key, problems: Problems) -> str:
    place = document.place((*key, "as"))
    if not isinstance(alias, str) or (not NAME.fullmatch(alias) and alias != uses):
        problems.add(place, f"steps.{uses}.as: expected a name such as {uses}_after (lower case, single underscores), got {shown(alias)}")
        return uses
    if alias != uses and (alias in TAKEN or re.fullmatch(r"cut(_\d+)?", alias)):
        problems.add(place, f"steps.{uses}.as: expected a free name, got {shown(alias)}, which the engine uses")
        return uses
    return alias


def _only(only: Any, name: str, document: Document, key: Key, problems: Problems) -> tuple[str, ...] | None:
    """The sources of `only: {source: […]}`."""
    if only is None:
        return None
    place = document.place((*key, "only"))
    sources = only.get("source") if isinstance(only, dict) else None
    for other in [k for k in only if k != "source"] if isinstance(only, dict) else []:
        problems.add(document.place((*key, "only", other)), f"steps.{name}.only.{other}: {unknown(other, ['source'])}")
    if not isinstance(sources, list) or not sources or not all(isinstance(s, str) for s in sources):
        problems.add(place, f"steps.{name}.only: expected {{source: [names of inputs]}}, got {shown(only)}")
        return None
    return tuple(sources)


def _declare(draft: Draft, fields: dict[str, Any], document: Document, problems: Problems) -> None:
    """Find the stage or barrier and check its fields."""
    place = document.place(draft.key)
    if draft.uses in IMPLICIT:
        problems.add(place, f"steps.{draft.uses}: expected a step, got {draft.uses}; {IMPLICIT[draft.uses]}")
    elif draft.uses not in step_names():
        near = nearest(draft.uses, step_names())
        problems.add(
            place,
            f"steps.{draft.uses}: expected a step, got {draft.uses}; " + (f"did you mean {near}?" if near else "`curate list` has all"),
        )
    else:
        draft.kind = "stage" if draft.uses in stage.names() else "barrier"
        try:
            draft.declaration = stage.load(draft.uses) if draft.kind == "stage" else barrier.load(draft.uses)
        except ImportError as error:
            problems.add(place, f"steps.{draft.name}: expected what the step needs to be installed, got {error}")
            return
        draft.config = checked(draft.declaration.config, fields, document, draft.key, f"steps.{draft.name}", problems)
        for lack in draft.config.lacks() if draft.config else ():
            problems.add(place, f"steps.{draft.name}.{lack}")


def _tokenizer(document: Document, problems: Problems) -> Config | None:
    values = document.data.get("tokenizer")
    if values is None:
        return None
    if isinstance(values, dict) and "file" in values:
        return checked(TokenizerFile, values, document, ("tokenizer",), "tokenizer", problems)
    config = training_config()
    if config is None:
        problems.add(
            document.place(("tokenizer",)), f"tokenizer: expected {{file: tokenizer.json}}, got {shown(values)}; training is not installed"
        )
        return None
    return checked(config, values, document, ("tokenizer",), "tokenizer", problems)
