"""The local engine: tasks in this process, or in several."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol

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


class LocalEngine:
    """`workers` processes, or this one."""

    def __init__(self, workers: int = 1):
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Outcomes as they come. A dead worker's tasks are started again, `ATTEMPTS` times at most."""
        if self.workers == 1:
            for task in tasks:
                yield task.run()
            return
        waiting = deque((task, 1) for task in tasks)
        running: dict[Future[Outcome], tuple[Task, int]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < 2 * self.workers:
                    task, attempt = waiting.popleft()
                    running[self._submit(task)] = (task, attempt)
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    task, attempt = running.pop(future)
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        self._restart(waiting, running, task, attempt)
                        break
        finally:
            for future in running:
                future.cancel()

    def _restart(
        self, waiting: deque[tuple[Task, int]], running: dict[Future[Outcome], tuple[Task, int]], task: Task, attempt: int
    ) -> None:
        """A worker died: every task in flight goes back to the queue, in a new pool."""
        lost = [(task, attempt), *running.values()]
        running.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        for one, tried in lost:
            if tried >= ATTEMPTS:
                raise died(one, "it dead")
            waiting.append((one, tried + 1))

    def _submit(self, task: Task) -> Future[Outcome]:
        if self._pool is None:
            for name, value in ONE_THREAD.items():
                os.environ.setdefault(name, value)
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=prepare_worker)
        return self._pool.submit(run_task, task)

    def close(self) -> None:
        """Stop the workers."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def prepare_worker() -> None:
    """One core a worker; Ctrl-C is the driver's."""
    import pyarrow as pa

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pa.set_cpu_count(1)


def run_task(task: Task) -> Outcome:
    """What a worker does."""
    return task.run()
