"""Who stands for a duplicate: in this run, or in an earlier one that its index remembers.

The earlier run is looked up in the folder that it had when it was remembered; where that is gone, its name and the id are what is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from curate.card.folder import READ, Folder, Rows, open_folder
from curate.card.lookup import Found, find
from curate.differing import Differences, differences
from curate.errors import CurateError
from curate.schema import column
from curate.stage import Stage
from curate.store import Store

MAX_KEEPERS = 20
"""Keepers of keepers that are followed; there is one at most for each step that looks for duplicates."""
GONE = ("in no table of this run", "out of reach")
"""What is said of a keeper that no row is found of: a bug in this run; a folder that was moved, where it was an earlier one."""

SEGMENTS = "kept in segments"
"""What is said of a keeper that a later step cut; its URL is that of its segments."""


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """What stands for a duplicate."""

    step: str
    id: str
    url: str | None
    outcome: str
    """kept, SEGMENTS, the `step:reason` that removed it later, or one of GONE."""
    similarity: float | None
    differences: Differences | None
    """Where the duplicate's text and the keeper's go apart; None where one of them is not there."""
    run: str | None = None
    """The earlier run whose document it is; None: of this run."""


def keepers(folder: Folder, row: Mapping[str, Any]) -> list[Keeper]:
    """Who stands for a removed row, followed until one is kept, left for another reason or is of an earlier run."""
    chain: list[Keeper] = []
    while len(chain) < MAX_KEEPERS:
        step = (row.get("removed_by") or "").partition(":")[0]
        keeper = row.get(column(step, "keeper"))
        run = row.get(column(step, "run"))
        if keeper is None or (keeper == row["id"] and run is None):
            break
        found = _found(folder if run is None else _earlier(folder, run), keeper)
        other = found.columns if found else {}
        cut = found is not None and other["id"] != keeper
        mine, its = row.get("text"), None if cut else other.get("text")
        chain.append(
            Keeper(
                step=step,
                id=keeper.hex(),
                url=other.get("url"),
                outcome=GONE[run is not None] if found is None else SEGMENTS if cut else other.get("removed_by") or "kept",
                similarity=row.get(column(step, "similarity")),
                differences=differences(mine, its) if mine is not None and its is not None else None,
                run=run,
            )
        )
        if found is None or run is not None or cut:
            break
        row = other
    return chain


def _found(folder: Folder | None, keeper: bytes) -> Found | None:
    if folder is None:
        return None
    found = next(find(folder.documents, "id", keeper), None) or _left(folder.removed, keeper)
    segments = (part for name in cutting(folder) for rows in (folder.documents, folder.removed) for part in find(rows, name, keeper))
    return found or next(segments, None)


def cutting(folder: Folder) -> list[str]:
    """The columns that name the document that a segment was cut from, one a step that cuts."""
    names = [column(step.name, "parent") for step in folder.steps if isinstance(step.declared, Stage) and step.declared.splits]
    return [name for name in names if name in folder.documents.names]


def _earlier(folder: Folder, run: str) -> Folder | None:
    """The folder of an earlier run, from this run's index; None where either cannot be read any more."""
    index = (folder.recipe.get("index") or {}).get("path")
    try:
        return open_folder(Store(Store(index).read_json(f"{run}/manifest.json")["folder"])) if index else None
    except (CurateError, OSError, ValueError, KeyError):
        return None


def _left(removed: Rows, keeper: bytes) -> Found | None:
    """The row under which a document left; a second reading of the same record has its id too and is not meant."""
    rows = list(find(removed, "id", keeper))
    others = [found for found in rows if not found.columns["removed_by"].startswith(f"{READ}:")]
    return next(iter(others or rows), None)
