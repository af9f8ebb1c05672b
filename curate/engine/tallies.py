"""What the encoding of a part leaves beside its rows, added up for all parts: histograms, tokens used, counts. No order or partition changes a sum.

A histogram is 128 KB. Of many parts, tasks add up FAN_IN at a time, so that the driver reads a few of them however many parts there are.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from curate.engine import fan_in
from curate.engine.tasks import name_of
from curate.ledger import Outcome, files_of
from curate.store import File, Store
from curate.tokenizer.usage import Sums, merge

ROLES = ("histogram", "used")


@dataclass(frozen=True, kw_only=True)
class AddTask:
    """Some histograms and bits made one of each."""

    store: Store
    name: str
    histogram: tuple[File, ...]
    """int64[n] each."""
    used: tuple[File, ...]
    """Bits, one a token."""
    phase: str = "encode: add"
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Holds two of each."""
        started = time.perf_counter()
        sums = {"histogram.i8": added(self.store, self.histogram).tobytes(), "used.bits": seen(self.store, self.used)}
        files = {role: [self.store.write(f"work/{self.name}/{name}", data)] for role, (name, data) in zip(ROLES, sums.items(), strict=True)}
        return Outcome(task=self.name, kind="add", files=files, seconds={"encode": time.perf_counter() - started})


def added(store: Store, files: Sequence[File]) -> np.ndarray:
    """The sum of histograms int64[n]; at least one file."""
    total = np.zeros(files[0].bytes // 8, dtype="<i8")
    for data in store.read_all([file.path for file in files]):
        total += np.frombuffer(data, dtype="<i8")
    return total


def seen(store: Store, files: Sequence[File]) -> bytes:
    """Every bit that is set in one of the files."""
    total = np.zeros(files[0].bytes, dtype=np.uint8)
    for data in store.read_all([file.path for file in files]):
        total |= np.frombuffer(data, dtype=np.uint8)
    return total.tobytes()


@dataclass
class Tallies:
    """Sums over the outcomes of encoding, taken as they come; their files are left."""

    names: dict[str, set[str]] = field(default_factory=lambda: {"sources": set(), "licenses": set(), "containers": set()})
    groups: Counter[str] = field(default_factory=Counter)
    """Tokens by group of the mixture."""
    sums: Sums = field(default_factory=dict)
    compared: dict[str, list[int]] = field(default_factory=dict)

    def taken(self, outcome: Outcome) -> Outcome:
        """Add a task's; what is left of the outcome."""
        facts: Mapping[str, Any] = outcome.facts
        for name, values in self.names.items():
            values.update(facts[name])
        self.groups.update(facts.get("groups", {}))
        merge(self.sums, self.compared, facts["usage"])
        return Outcome(task=outcome.task, kind=outcome.kind, files=outcome.files)

    def codes(self, table: str) -> tuple[str, ...]:
        """All names of a code table, sorted: a name's code does not depend on who saw it first."""
        return tuple(sorted(self.names[table]))


def few(store: Store, encoded: Sequence[Outcome], phase: Callable[[str, Sequence[AddTask]], list[Outcome]]) -> list[Outcome]:
    """The outcomes themselves, or where they are many those of tasks that added them up: with the files of ROLES, FAN_IN at most."""
    outcomes = list(encoded)
    while len(outcomes) > fan_in.FAN_IN:
        groups = [outcomes[at : at + fan_in.FAN_IN] for at in range(0, len(outcomes), fan_in.FAN_IN)]
        tasks = []
        for some in groups:
            histogram, used = (tuple(files_of(some, role)) for role in ROLES)
            name = name_of("add", [[file.digest for file in files] for files in (histogram, used)])
            tasks.append(AddTask(store=store, name=name, histogram=histogram, used=used))
        outcomes = phase("encode: add", tasks)
    return outcomes
