"""The local engine: tasks in this process, or in several."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from curate.errors import CurateError, StoreError
from curate.ledger import Outcome

ATTEMPTS = 3
"""How often a task is started before its worker's death counts as its own fault."""
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""A worker is one core: libraries must not start threads of their own."""


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
        task = suspecting() if suspecting else self.task
        progress = getattr(task, "suspicion", None) != getattr(self.task, "suspicion", None)
        deaths = 0 if progress else self.deaths + 1
        if deaths >= ATTEMPTS:
            raise died(task, how)
        return Attempt(task, deaths, alone=True)


def careful(task: Task) -> Task:
    """The task as an earlier, dead run's notes advise."""
    suspecting = getattr(task, "suspecting", None)
    return suspecting() if suspecting else task


class LocalEngine:
    """`workers` processes, or this one."""

    def __init__(self, workers: int = 1):
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

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
                while waiting and len(running) < (1 if _alone(waiting, running) else 2 * self.workers):
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
                    yield future.result()
        finally:
            for future in running:
                future.cancel()

    def _submit(self, task: Task) -> Future[Outcome]:
        if self._pool is None:
            for name, value in ONE_THREAD.items():
                os.environ.setdefault(name, value)
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=prepare_child, initargs=(os.getpid(),))
        with _main_unseen():
            return self._pool.submit(run_task, task)

    def _discard_pool(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def close(self) -> None:
        """Stop the workers."""
        self._discard_pool()


@contextmanager
def _main_unseen() -> Iterator[None]:
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


def prepare_child(driver: int) -> None:
    """A worker does not outlive its driver, even one that was killed."""
    prepare_worker()

    def watch() -> None:
        while os.getppid() == driver:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def prepare_worker() -> None:
    """One core a worker; Ctrl-C is the driver's."""
    import pyarrow as pa

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    pa.set_cpu_count(1)


def run_task(task: Task) -> Outcome:
    """What a worker does."""
    return task.run()
