"""The comparison of two finished runs as one JSON value: changed recipe, flips, drift. The same two folders give the same bytes.

Price: the cards' passes over both runs, those of flips.py, and the tokens of the shards or a sample of texts.
"""

from collections.abc import Iterator
from typing import Any

from curate.card import facts
from curate.card.folder import Folder, open_folder
from curate.diff import drift, flips
from curate.store import Store

FORMAT = "curate/diff/1"
ASIDE = ("card", "limits", "name")
"""Keys of a recipe that change no row."""


def compare(before: Store, after: Store, samples: int = 3) -> dict[str, Any]:
    """Everything. StoreError, LedgerError, ShardError: a folder that is no finished run, or is damaged."""
    folders = open_folder(before), open_folder(after)
    found, same = flips.flips(folders[0], folders[1], samples)
    gathered = [facts.gather(store) for store in (before, after)]
    return {
        "format": FORMAT,
        "runs": [_run(made) for made, _ in gathered],
        "recipe": list(changes(*folders)),
        "same": same,
        "flips": [{"before": flip.before, "after": flip.after, "documents": flip.documents, "samples": flip.samples} for flip in found],
        "columns": drift.columns(gathered[0][1], gathered[1][1]),
        "measures": drift.numbers(*folders),
        "vocabulary": drift.vocabulary(*folders),
    }


def _run(made: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": made["name"],
        "recipe": made["recipe"]["digest"],
        "read": made["read"]["documents"],
        "kept": made["kept"]["documents"],
        "text_bytes": made["kept"]["text_bytes"],
        "ids": made["kept"]["ids"],
        "tokens": made["tokens"]["tokens"] if made["tokens"] else None,
    }


def changes(before: Folder, after: Folder) -> Iterator[dict[str, Any]]:
    """Fields of the recipe that differ, by path; a side that does not have one has null."""
    sides = [dict(_fields(folder)) for folder in (before, after)]
    for path in dict.fromkeys([*sides[0], *sides[1]]):
        if sides[0].get(path) != sides[1].get(path):
            yield {"field": path, "before": sides[0].get(path), "after": sides[1].get(path)}


def _fields(folder: Folder) -> Iterator[tuple[str, Any]]:
    for number, one in enumerate(folder.recipe["input"]):
        yield from _flat(f"input[{number}]", one)
    for number, step in enumerate(folder.steps):
        yield f"steps.{step.name}", f"{step.uses}, number {number + 1}"
        yield f"steps.{step.name}.only", list(step.only) if step.only is not None else None
        yield f"steps.{step.name}.thresholds", step.thresholds
        yield from _flat(f"steps.{step.name}", dict(step.fields))
    for key, value in folder.recipe.items():
        if key not in (*ASIDE, "input", "steps"):
            yield from _flat(key, value)


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}", inner)
    else:
        yield path, value
