"""What keys of a recipe's top level mean for its steps: `kind` (the stage that looks after turns; what inputs and tokenizer need), `steward`, `suppress`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from curate import stage, steward, suppress
from curate.recipe.fields import Problems, checked
from curate.recipe.model import ChatConfig, Input, Recipe, RecipeFile, Step, TokenizerFile
from curate.recipe.parse import Draft
from curate.recipe.yaml import Document, listed
from curate.stage import Config
from curate.steward import STEP as STEWARD
from curate.turns import MESSAGES

TURNS = "turns"
SPECIAL = re.compile(r"<\|[^|<>]+\|>")
"""What looks like a special token in a chat template, and so must be one; as in `curate.tokenizer.chat`."""


def with_turns(drafts: Sequence[Draft]) -> list[Draft]:
    """The steps, with `turns` behind the last that replaces text; as they are where none does, or the recipe has it."""
    replacing = [i for i, draft in enumerate(drafts) if "text" in getattr(draft.declaration, "replaces", ())]
    if not replacing or any(draft.uses == TURNS for draft in drafts):
        return list(drafts)
    declared = stage.load(TURNS)
    added = Draft(name=TURNS, uses=TURNS, key=drafts[replacing[-1]].key, kind="stage", declaration=declared, config=declared.config())
    return [*drafts[: replacing[-1] + 1], added, *drafts[replacing[-1] + 1 :]]


def with_steward(drafts: Sequence[Draft], top: RecipeFile, name: str, document: Document, problems: Problems) -> list[Draft]:
    """The steps, with the steward's decisions before them where the recipe names a file of some."""
    for draft in drafts:
        if draft.uses == STEWARD != draft.name:
            here = document.place(draft.key)
            problems.add(
                here, f"steps.{draft.name}: expected {STEWARD} under its own name, got as: {draft.name}; later steps look for its columns"
            )
    if top.steward is None or any(draft.uses == STEWARD for draft in drafts):
        return list(drafts)
    declared = stage.load(STEWARD)
    config = checked(declared.config, {"file": top.steward}, document, ("steward",), "steward", problems)
    if config is None:
        return list(drafts)
    run = steward.decode(Path(top.steward).read_bytes(), top.steward).run if Path(top.steward).is_file() else None
    if run and run.get("recipe") != name:
        problems.add(
            document.place(("steward",)),
            f"steward: expected decisions on a run of recipe {name}, got {top.steward} on one of {run.get('recipe')}; "
            f"review this recipe's run, or set `run` in the file to null if they are meant for both",
        )
    return [Draft(name=STEWARD, uses=STEWARD, key=("steward",), kind="stage", declaration=declared, config=config), *drafts]


def with_suppression(drafts: Sequence[Draft], top: RecipeFile, document: Document, problems: Problems) -> list[Draft]:
    """The steps, with `suppress` before them and `suppress_text` before the first that compares documents, where the recipe names lists."""
    if not top.suppress or any(draft.uses == suppress.STEP for draft in drafts):
        return list(drafts)
    declared, made = stage.load(suppress.STEP), []
    for name, by in ((suppress.STEP, "record"), (suppress.TEXT_STEP, "text")):
        config = checked(declared.config, {"files": list(top.suppress), "by": by}, document, ("suppress",), "suppress", problems)
        if config is None:
            return list(drafts)
        made.append(Draft(name=name, uses=suppress.STEP, key=("suppress",), kind="stage", declaration=declared, config=config))
    at = next((i for i, draft in enumerate(drafts) if draft.kind == "barrier"), len(drafts))
    return [made[0], *drafts[:at], made[1], *drafts[at:]]


def suppressing(recipe: Recipe, path: str) -> Recipe:
    """The recipe with one more suppression list: that of the run's own folder, which is read whenever the run is made again."""
    steps = list(recipe.steps)
    if not any(step.uses == suppress.STEP for step in steps):
        declared = stage.load(suppress.STEP)
        first, second = (
            Step(name=name, uses=suppress.STEP, kind="stage", config=declared.config.model_validate({"files": [], "by": by}))
            for name, by in ((suppress.STEP, "record"), (suppress.TEXT_STEP, "text"))
        )
        at = next((i for i, step in enumerate(steps) if step.kind == "barrier"), len(steps))
        steps = [first, *steps[:at], second, *steps[at:]]
    for number, step in enumerate(steps):
        files = getattr(step.config, "files", ()) if step.uses == suppress.STEP else (path,)
        if step.config is not None and path not in files:
            config = type(step.config).model_validate(step.config.model_dump() | {"files": [*files, path]})
            steps[number] = replace(step, config=config)
    return replace(recipe, steps=tuple(steps))


def check_kind(top: RecipeFile, inputs: Sequence[Input], tokenizer: Config | None, document: Document, problems: Problems) -> None:
    """Note inputs that have no turns, roles that the chat template lacks, and special tokens that the tokenizer is not to have."""
    chat = top.chat or ChatConfig()
    for i, one in enumerate(inputs):
        place = document.place(("input", i))
        if one.can_be_markup:
            problems.add(
                place, f"input.{i}.uri: expected JSON lines, CSV, Parquet or a query with kind {top.kind}, got {one.uri}; name such a file"
            )
        if one.template is not None:
            problems.add(place, f"input.{i}.template: expected none with kind {top.kind}, got {one.template!r}; say `turns`")
        if one.turns and top.kind != MESSAGES:
            problems.add(place, f"input.{i}.turns: expected kind messages, got {top.kind}; its fields are prompt, chosen and rejected")
        for role in [*(turn.role for turn in one.turns), *one.markers]:
            if role not in chat.roles:
                problems.add(
                    place, f"input.{i}: expected roles of the chat template {sorted(chat.roles)}, got {role}; add it to chat.roles"
                )
    if tokenizer is None or isinstance(tokenizer, TokenizerFile):
        return
    special = getattr(tokenizer, "special_tokens", ())
    wanted = dict.fromkeys(name for frame in chat.roles.values() for name in SPECIAL.findall(frame.before + frame.after))
    if missing := [name for name in wanted if name not in special]:
        problems.add(
            document.place(("tokenizer",)),
            f"tokenizer.special_tokens: expected the special tokens of the chat template, got {list(special)}; add {missing}",
        )


def check_boundary(top: RecipeFile, tokenizer: Config | None, document: Document, problems: Problems) -> None:
    """Note a boundary that the kind of documents cannot have, and a `bos` that the tokenizer to be trained will not have."""
    if top.shards is None:
        return
    if top.kind != "text" and top.shards.boundary != "first":
        place = document.place(("shards", "boundary"))
        problems.add(
            place,
            f"shards.boundary: expected first with kind {top.kind}, got {top.shards.boundary}; put what stands around turns into `chat.roles`",
        )
    special = getattr(tokenizer, "special_tokens", ())
    if top.shards.bos is not None and not isinstance(tokenizer, TokenizerFile | None) and top.shards.bos not in special:
        place = document.place(("shards", "bos"))
        problems.add(place, f"shards.bos: expected one of tokenizer.special_tokens {listed(special)}, got {top.shards.bos}; add it there")
