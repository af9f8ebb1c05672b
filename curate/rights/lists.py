"""Lists of licences in a recipe: classes and SPDX expressions, and which entry of them decides on a document.

An SPDX expression is judged leaf by leaf: `A OR B` is allowed if either is and denied if both are, `A AND B` is allowed if both are and denied
if either is; a leaf is allowed by its name or by all of its obligations, denied by its name or by any of them.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Self

from pydantic import model_validator

from curate.rights import CLASSES, bits_of, expression, parsed
from curate.stage import Config

CONFLICT, CUSTOM, UNKNOWN = "conflict", "custom", "unknown"
NAMES = (*CLASSES, UNKNOWN, CONFLICT)
"""Entries that are classes."""


@lru_cache(maxsize=4096)
def normal(entry: str, where: str) -> str:
    """A class as it is, or an expression as SPDX writes it. ValueError for anything else."""
    if entry in NAMES or entry.startswith("LicenseRef-"):
        return entry
    found = expression(entry)
    if found is None:
        raise ValueError(
            f"{where}: expected a class ({', '.join(NAMES)}) or an SPDX expression, got {entry!r}; see https://spdx.org/licenses for the names"
        )
    return found.spdx


class Listing(Config):
    """A config with the lists `allow`, `deny` and `quarantine`; after it is read their entries are normal."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in ("allow", "deny", "quarantine"):
            if (listed := getattr(self, name)) is not None:
                object.__setattr__(self, name, [normal(entry, name) for entry in listed])
        return self


class Lists:
    """What is allowed, denied and held; entries are normal."""

    def __init__(self, allow: Sequence[str] | None, deny: Sequence[str] | None, quarantine: Sequence[str] | None):
        self.allow, self.deny, self.quarantine = (None if one is None else frozenset(one) for one in (allow, deny, quarantine))
        self.judged = lru_cache(maxsize=8192)(self._judged)

    def _judged(self, name: str, spdx: str, bits: frozenset[str]) -> str:
        """The entry that denies, else the one that holds, else an obligation that is not allowed, else the entry that allows."""
        for listed in (self.deny, self.quarantine):
            if listed is not None and (entry := _forbids(listed, name, spdx, bits)):
                return entry
        if self.allow is None or not bits or name == CONFLICT or bits <= self.allow:
            return name
        tree, allow = parsed(spdx), self.allow
        if tree is None:  # LicenseRef-…
            return spdx if spdx in allow else next(bit for bit in sorted(bits) if bit not in allow)
        missing: list[str] = []

        def allowed(leaf: Any) -> bool:
            lacks = [] if str(leaf) in allow else sorted(bits_of(leaf) - allow)
            missing.extend(lacks[:1])
            return not lacks

        if _holds(tree, allowed, any, all):
            return spdx if spdx in allow else min(bits & allow or allow)
        return min(missing)


def _forbids(listed: frozenset[str], name: str, spdx: str, bits: frozenset[str]) -> str | None:
    """The entry of a list that speaks against a document."""
    if name in listed or spdx in listed:
        return name if name in listed else spdx
    if name == CONFLICT:  # the claims differ, so that any of them may be the true one
        return next((bit for bit in sorted(bits) if bit in listed), None)
    tree = parsed(spdx) if bits else None
    if tree is None:
        return next((bit for bit in sorted(bits) if bit in listed), None)
    said: list[str] = []

    def against(leaf: Any) -> bool:
        entry = str(leaf) if str(leaf) in listed else next((bit for bit in sorted(bits_of(leaf)) if bit in listed), None)
        said.extend([entry] if entry else [])
        return entry is not None

    return sorted(said)[0] if _holds(tree, against, all, any) else None


def _holds(tree: Any, leaf: Callable[[Any], bool], either: Callable[[Any], bool], both: Callable[[Any], bool]) -> bool:
    """A predicate of leaves carried up: `either` at OR, `both` at AND."""
    kind = type(tree).__name__
    if kind in ("OR", "AND"):
        return (either if kind == "OR" else both)([_holds(side, leaf, either, both) for side in tree.args])
    return leaf(tree)
