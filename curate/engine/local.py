"""The local engine: tasks in this process, or in several."""

import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from curate.engine import worker
from curate.engine.worker import ONE_THREAD, Allowance
from curate.errors import CurateError, StoreError
from curate.ledger import Outcome

ATTEMPTS = 3
"""How often a task is started before its worker's death counts as its own fault."""


class Task(Protocol):
    """What an engine runs: data with a name, that can be pickled."""

    @property
    def name(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def resources(self) -> Mapping[str, float]: ...
    def run(self) -> Outcome: ...


class Engine(Protocol):
    """Runs tasks in any order and place, each at least once; yields outcomes as they come."""

    workers: int

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]: ...
    def close(self) -> None: ...


def died(task: Task, how: str) -> CurateError:
    """The error for a task whose worker died again and again."""
    return StoreError(
        f"task {task.name} ({task.phase}): expected its worker to live, got {how} {ATTEMPTS} times; "
        f"look for memory limits or crashes in native code, then run again: finished tasks are kept"
    )


@dataclass
class Attempt:
    """A task on its way, and how often its worker has died without a row to blame."""

    task: Task
    deaths: int = 0
    alone: bool = False
    """Run by itself: if a worker dies now, it is this task's doing."""

    def after_death(self, how: str) -> "Attempt":
        """The next attempt: careful where the dead one left a note; an error if there is nothing left to try."""
        suspecting = getattr(self.task, "suspecting", None)
        task = suspecting(died=True) if suspecting else self.task
        deaths = 0 if _suspected(task) != _suspected(self.task) else self.deaths + 1
        if deaths >= ATTEMPTS:
            raise died(task, how)
        return Attempt(task, deaths, alone=True)


def _suspected(task: Task) -> Any:
    """The documents and batches that are suspected."""
    suspicion = getattr(task, "suspicion", None)
    return suspicion and (suspicion.careful, suspicion.strikes)


def careful(task: Task) -> Task:
    """The task as an earlier, dead run's notes advise."""
    suspecting = getattr(task, "suspecting", None)
    return suspecting() if suspecting else task


class LocalEngine:
    """`workers` processes, or this one. In this one nothing is watched: a document that ends it is found when the run is started again."""

    def __init__(self, workers: int = 1, allowance: Allowance = Allowance()):
        self.workers, self.allowance = workers, allowance
        self._pool: ProcessPoolExecutor | None = None
        self._swollen = False
        """Whether a worker holds so much memory between tasks that all are to be started anew."""

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Outcomes as they come. A dead worker's tasks are started again, one by one, until one finishes or `ATTEMPTS` deaths are unexplained."""
        if self.workers == 1:
            for task in tasks:
                yield careful(task).run()
            return
        waiting = deque(Attempt(careful(task)) for task in tasks)
        running: dict[Future[Outcome], Attempt] = {}
        try:
            while waiting or running:
                if self._swollen and not running:
                    self._discard_pool()
                while waiting and not self._swollen and len(running) < (1 if _alone(waiting, running) else 2 * self.workers):
                    attempt = waiting.popleft()
                    running[self._submit(attempt.task)] = attempt
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    if isinstance(future.exception(), BrokenProcessPool):
                        self._discard_pool()
                        waiting.extendleft(attempt.after_death("it dead") for attempt in list(running.values()))
                        running.clear()
                        break
                    running.pop(future)
                    outcome = future.result()
                    self._swollen |= self.allowance.leaks(outcome.memory)
                    yield outcome
        finally:
            for future in running:
                future.cancel()

    def _submit(self, task: Task) -> Future[Outcome]:
        if self._pool is None:
            for name, value in ONE_THREAD.items():
                os.environ.setdefault(name, value)
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=context, initializer=worker.prepare, initargs=(self.allowance, os.getpid())
            )
        with main_unseen():
            return self._pool.submit(worker.run, task)

    def _discard_pool(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        self._swollen = False

    def close(self) -> None:
        """Stop the workers."""
        self._discard_pool()


@contextmanager
def main_unseen() -> Iterator[None]:
    """Start workers without importing the caller's script again: they need nothing of it, and it may have no `__main__` guard."""
    main = sys.modules["__main__"]
    hidden: dict[str, Any] = {name: main.__dict__.pop(name) for name in ("__file__", "__spec__") if name in main.__dict__}
    main.__spec__ = None
    try:
        yield
    finally:
        main.__dict__.update(hidden)


def _alone(waiting: deque[Attempt], running: dict[Future[Outcome], Attempt]) -> bool:
    return waiting[0].alone or any(attempt.alone for attempt in running.values())
