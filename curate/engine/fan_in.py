"""Fewer runs for a reader to open: where an exchange has many, tasks merge them first, some runs and a range of keys each.

Without it every one of R readers would open every one of N runs, N · R small reads: the wall that a shuffle of 10^5 tasks runs into. With it a reader opens
N / FAN_IN files of its range, and no read is smaller than a batch. Rows and their order stay what they were, so no result depends on it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from curate.engine.exchange import KEY_SPACE, Runs, RunWriter, plain, read_range, run_bytes
from curate.engine.tasks import name_of
from curate.ledger import Outcome
from curate.store import File, Store

FAN_IN = 256
"""Runs that one task opens, at most, before there is a merge."""


@dataclass(frozen=True, kw_only=True)
class MergeTask:
    """Some runs, as far as they are in a range of keys, made few."""

    store: Store
    name: str
    runs: tuple[File, ...]
    low: int
    high: int
    spill_bytes: int
    step: str
    phase: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Stream the range; what is written is sorted already."""
        started = time.perf_counter()
        writer = RunWriter(self.store, f"work/{self.name}/rows", self.spill_bytes)
        for table in read_range(self.store, self.runs, self.low, self.high):
            writer.write(table)
        files = writer.close()
        seconds = {self.step: time.perf_counter() - started}
        return Outcome(
            task=self.name, kind="merge", files={"rows": files}, facts={"rows": sum(file.rows for file in files)}, seconds=seconds
        )


def gathered(
    runs: Sequence[File],
    *,
    store: Store,
    spill_bytes: int,
    step: str,
    phase: Callable[[str, Sequence[MergeTask]], list[Outcome]],
    space: int = KEY_SPACE,
) -> Runs:
    """The runs, merged where they are too many for a task to open. Keys are spread over [0, space), as far as anybody knows."""
    held = [file for file in runs if file.rows]
    if len(held) <= FAN_IN:
        return plain(held)
    groups = [tuple(held[at : at + FAN_IN]) for at in range(0, len(held), FAN_IN)]
    count = max(1, -(-run_bytes(held) // (len(groups) * spill_bytes)))
    edges = [space * number // count for number in range(count)]
    tasks = [
        MergeTask(
            store=store,
            name=name_of("merge", [[file.digest for file in group], low, high]),
            runs=group,
            low=low,
            high=high,
            spill_bytes=spill_bytes,
            step=step,
            phase=f"{step}: merge",
        )
        for low, high in pairwise([*edges, KEY_SPACE])
        for group in groups
    ]
    outcomes = phase(f"{step}: merge {len(held)} runs", tasks)
    merged = [outcomes[at : at + len(groups)] for at in range(0, len(outcomes), len(groups))]
    return Runs(tuple(edges), tuple(tuple(file for outcome in of for file in outcome.files["rows"]) for of in merged))
