"""What was forgotten since the run was made, for the card: how often, how many documents, and what that makes of the version.

Read from the receipts that `curate forget` leaves in `forgotten/`. The version that people gave is raised by every request that took a document out of
documents/, until they give another: its first number goes up, those behind it become zero. Where they gave none, the revision tells as much.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from curate.errors import StoreError
from curate.store import Store

RECEIPT = "forgotten/request-"
RECEIPT_FORMAT = "curate/forget-request/1"


def receipts(store: Store) -> list[dict[str, Any]]:
    """All receipts of requests, the first one first. StoreError for one that cannot be read."""
    folder, _, start = RECEIPT.partition("/")
    made = []
    for name in store.list(folder):
        if name.startswith(start) and name.endswith(".json"):
            try:
                one = json.loads(store.read(f"{folder}/{name}"))
                one["counts"]["documents"], one["version"]["after"]
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError(f"{store.root}/{folder}/{name}: expected a receipt, got {error!r}; restore it or take it away") from None
            made.append(one)
    return made


def raised(version: str) -> str:
    """The next version after a removal: 1.2.3 → 2.0.0, v3 → v4; one without a number gets ` (2)`, ` (3)`, …"""
    first = re.search(r"\d+", version)
    if first is None:
        return f"{version} (2)"
    rest = re.sub(r"\d+", "0", version[first.end() :])
    return f"{version[: first.start()]}{int(first.group()) + 1}{rest}"


def version_now(said: str | None, done: Sequence[Mapping[str, Any]]) -> str | None:
    """The version that holds: what people said, raised by the requests since they said it."""
    for receipt in reversed(done):
        if receipt["version"]["said"] is not None:
            return receipt["version"]["after"] if receipt["version"]["said"] == said else said
    return said


def forgotten(store: Store, said: str | None) -> dict[str, Any] | None:
    """`requests`, `documents`, `removed` (rows that had left already), `revision`, and the version before and after; None where nothing was asked."""
    done = receipts(store)
    if not done:
        return None
    return {
        "requests": len(done),
        "documents": sum(one["counts"]["documents"] for one in done),
        "removed": sum(one["counts"].get("removed", 0) for one in done),
        "revision": 1 + sum(one["counts"]["documents"] > 0 for one in done),
        "version_before": done[0]["version"]["before"],
        "version": version_now(said, done),
    }
