"""Notes of what a worker is at, so that a document which kills it (a crash in native code, memory, no end) is set aside instead of ending the run.

Before each call of a stage the worker writes step and batch into `work/notes/<task>.json`. If it dies, the next attempt runs that batch row by row and notes
each row; a row that is noted at a second death is set aside: it leaves as an error of that step, a recorded fact of the task. On a local output a note
costs a microsecond, and every attempt takes them; on an object store each is a request, so there the attempts after the first death take them.
A step that does not return is ended by a watchdog of the interpreter's, which needs no lock of its: a regular expression that holds it is ended too.
"""

import faulthandler
import json
import os
from dataclasses import dataclass, field, replace
from typing import Any

from curate.store import Store

STRIKES = 2
"""How often a worker must die on a row before the row is set aside."""
DEATH = "expected the step to return, got the death of its worker"
stall_seconds: float | None = None
"""How long a step of this process may be at a batch, or a document, before the process is ended; set by who makes it a worker."""
current: "Guard | None" = None
"""The guard of the task that this process is at."""


@dataclass(frozen=True)
class Suspicion:
    """What earlier attempts of a task died of."""

    careful: tuple[tuple[int, str], ...] = ()
    """(batch, step) pairs that are run row by row."""
    strikes: tuple[tuple[str, str, int, str], ...] = ()
    """(step, id, number of deaths, what the worker said of the last one)."""
    deaths: int = 0
    """How many attempts have died, with or without a note."""

    @property
    def aside(self) -> dict[tuple[str, str], str]:
        """(step, id) of the rows that are not given to the step any more → why."""
        return {(step, identity): why for step, identity, count, why in self.strikes if count >= STRIKES}

    def after(self, note: dict[str, Any]) -> "Suspicion":
        """What to suspect after one more death, given the note that it left."""
        place = (int(note["batch"]), str(note["step"]))
        careful = self.careful if place in self.careful else (*self.careful, place)
        struck = {(step, identity): (count, why) for step, identity, count, why in self.strikes}
        if note.get("row"):
            key = (place[1], str(note["row"]))
            struck[key] = (struck.get(key, (0, ""))[0] + 1, str(note.get("why") or DEATH))
        strikes = tuple((*key, *told) for key, told in sorted(struck.items()))
        return replace(self, careful=careful, strikes=strikes, deaths=self.deaths + 1)


@dataclass
class Guard:
    """The note of a running task."""

    store: Store
    task: str
    suspicion: Suspicion = field(default_factory=Suspicion)

    def __post_init__(self) -> None:
        self.batch = -1
        self.set_aside: list[list[str]] = []
        self._note: dict[str, Any] = {}
        self._file: int | None = None
        self._hung: Any = None
        self._puts = not self.store.is_local and self.suspicion.deaths > 0
        if self.store.is_local:
            path = self.store.full(_path(self.task))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
        if stall_seconds is not None:
            self._hung = open(self.store.full(_hung(self.task)) if self.store.is_local else os.devnull, "wb")  # noqa: SIM115
        globals()["current"] = self

    def is_careful(self, step: str) -> bool:
        """Whether this step runs row by row over the current batch."""
        return (self.batch, step) in self.suspicion.careful

    def note(self, step: str, row: str | None = None) -> None:
        """Write what comes next. On a local output it survives the death of the process, not of the machine."""
        if stall_seconds is not None:
            faulthandler.dump_traceback_later(stall_seconds, exit=True, file=self._hung)
        known = {"strikes": self.suspicion.strikes, "careful": self.suspicion.careful, "deaths": self.suspicion.deaths}
        self._note = {"step": step, "batch": self.batch, "row": row, "stall": stall_seconds, "known": known}
        self._write()

    def blame(self, why: str) -> None:
        """Add to the note why this worker is about to end itself."""
        self._note["why"] = why
        self._write()

    def _write(self) -> None:
        data = json.dumps(self._note).encode()
        if self._file is not None:
            os.pwrite(self._file, data, 0)
            os.ftruncate(self._file, len(data))
        elif self._puts:
            self.store.write(_path(self.task), data)

    def close(self, *, finished: bool) -> None:
        """End the note; it is removed when the task is finished."""
        globals()["current"] = None
        if self._hung is not None:
            faulthandler.cancel_dump_traceback_later()
            self._hung.close()
            if self.store.is_local:
                self.store.remove(_hung(self.task))
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if finished and (self.store.is_local or self._puts):
            self.store.remove(_path(self.task))


def _path(task: str) -> str:
    return f"work/notes/{task}.json"


def _hung(task: str) -> str:
    """Where the watchdog writes what hung; empty unless it ended the process."""
    return f"work/notes/{task}.hung"


def suspect(store: Store, task: str, before: Suspicion | None = None) -> Suspicion:
    """What a dead attempt's note says; what was known before, and one death more, if there is none, or if it was cut short.

    `before` is what the dead attempt suspected; None asks on behalf of a first attempt, after notes of an earlier driver.
    """
    unknown = Suspicion() if before is None else replace(before, deaths=before.deaths + 1)
    if (before is None and not store.is_local) or not store.exists(_path(task)):
        return unknown
    try:
        note = json.loads(store.read(_path(task)))
        known = note["known"]
        earlier = Suspicion(
            careful=tuple((int(batch), str(step)) for batch, step in known["careful"]),
            strikes=tuple((str(step), str(row), int(count), str(why)) for step, row, count, why in known["strikes"]),
            deaths=int(known["deaths"]),
        )
        if before is not None and earlier.deaths < before.deaths:
            return unknown  # the note of an earlier death: this one left none
        if store.size(_hung(task)):
            note["why"] = f"expected the step to return within {note['stall']:g} s, got nothing"
        return earlier.after(note)
    except (ValueError, KeyError, TypeError):
        return unknown
