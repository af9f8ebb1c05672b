"""Compute used: seconds of work by step, from the times that tasks left. In a file of its own, since it is another in every run.

Seconds are of work, summed over workers, not of waiting. A task that ran again counts once, by its last time; what earlier attempts of
other recipes in the folder cost is told apart. Misses: energy, and runs on object stores, which keep no times.
"""

import json
from collections import Counter
from typing import Any

from curate.card.folder import LEDGER
from curate.store import Store

TIMES, COMPUTE = "times.jsonl", "compute.json"
DIGITS = 3


def used(store: Store) -> dict[str, Any] | None:
    """None where no times were kept. A line that a killed run left half is no time."""
    if not store.exists(TIMES):
        return None
    tasks = {json.loads(line)["task"] for line in store.read(LEDGER).decode().splitlines()}
    latest: dict[str, dict[str, float]] = {}
    spent, attempts = 0.0, 0
    for line in store.read(TIMES).decode("utf-8", "replace").splitlines():
        try:
            entry = json.loads(line)
            seconds = {str(step): float(value) for step, value in entry["seconds"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        spent, attempts = spent + sum(seconds.values()), attempts + 1
        latest[entry["task"]] = seconds
    steps: Counter[str] = Counter()
    for task, seconds in latest.items():
        if task in tasks:
            steps.update(seconds)
    return {
        "format": "curate/compute/1",
        "tasks": sum(task in tasks for task in latest),
        "seconds": round(sum(steps.values()), DIGITS),
        "seconds_by_step": {step: round(value, DIGITS) for step, value in sorted(steps.items())},
        "all_attempts": {"tasks": attempts, "seconds": round(spent, DIGITS)},
    }


def write(store: Store) -> None:
    """Write compute.json beside the times."""
    made = used(store)
    if made is not None:
        store.write_json(COMPUTE, made)
