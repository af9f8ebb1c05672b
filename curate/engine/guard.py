"""Notes of what a worker is at, so that a document which kills it (a crash in native code, memory) is set aside instead of ending the run.

Before each call of a stage the worker writes step and batch into `work/notes/<task>.json`. If it dies, the next attempt runs that batch row by row and notes
each row; a row that is noted at a second death is set aside: it leaves as an error of that step, a recorded fact of the task. Notes are on a local
output only; elsewhere a task is just tried again.
"""

import json
import os
from dataclasses import dataclass, field, replace
from typing import Any

from curate.store import Store

STRIKES = 2
"""How often a worker must die on a row before the row is set aside."""
DEATH = "expected the step to return, got the death of its worker"


@dataclass(frozen=True)
class Suspicion:
    """What earlier attempts of a task died of."""

    careful: tuple[tuple[int, str], ...] = ()
    """(batch, step) pairs that are run row by row."""
    strikes: tuple[tuple[str, str, int], ...] = ()
    """(step, id, number of deaths)."""

    @property
    def aside(self) -> frozenset[tuple[str, str]]:
        """(step, id) of the rows that are not given to the step any more."""
        return frozenset((step, identity) for step, identity, count in self.strikes if count >= STRIKES)

    def after(self, note: dict[str, Any]) -> "Suspicion":
        """What to suspect after one more death, given the note that it left."""
        place = (int(note["batch"]), str(note["step"]))
        careful = self.careful if place in self.careful else (*self.careful, place)
        counts = {(step, identity): count for step, identity, count in self.strikes}
        if note.get("row"):
            key = (place[1], str(note["row"]))
            counts[key] = counts.get(key, 0) + 1
        return replace(self, careful=careful, strikes=tuple((step, identity, count) for (step, identity), count in sorted(counts.items())))


@dataclass
class Guard:
    """The note of a running task."""

    store: Store
    task: str
    suspicion: Suspicion = field(default_factory=Suspicion)

    def __post_init__(self) -> None:
        self.batch = -1
        self.set_aside: list[list[str]] = []
        self._file: int | None = None
        if self.store.is_local:
            path = self.store.full(_path(self.task))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)

    def is_careful(self, step: str) -> bool:
        """Whether this step runs row by row over the current batch."""
        return (self.batch, step) in self.suspicion.careful

    def note(self, step: str, row: str | None = None) -> None:
        """Write what comes next. Survives the death of the process, not of the machine."""
        if self._file is None:
            return
        known = {"strikes": self.suspicion.strikes, "careful": self.suspicion.careful}
        data = json.dumps({"step": step, "batch": self.batch, "row": row, "known": known}).encode()
        os.pwrite(self._file, data, 0)
        os.ftruncate(self._file, len(data))

    def close(self, *, finished: bool) -> None:
        """End the note; it is removed when the task is finished."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            if finished:
                self.store.remove(_path(self.task))


def _path(task: str) -> str:
    return f"work/notes/{task}.json"


def suspect(store: Store, task: str) -> Suspicion:
    """What a dead attempt's note says; nothing if there is none, or if it was cut short."""
    if not store.is_local or not store.exists(_path(task)):
        return Suspicion()
    try:
        note = json.loads(store.read(_path(task)))
        known = note["known"]
        before = Suspicion(
            careful=tuple((int(batch), str(step)) for batch, step in known["careful"]),
            strikes=tuple((str(step), str(row), int(count)) for step, row, count in known["strikes"]),
        )
        return before.after(note)
    except (ValueError, KeyError, TypeError):
        return Suspicion()
