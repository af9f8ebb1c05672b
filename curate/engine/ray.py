"""The Ray engine: the same tasks on a Ray cluster, a local one started for the run or one that is there. The only file that imports ray.

No data passes through the driver or Ray's object store: a task is a description that names files, its outcome a line of the ledger. Tasks are spread over
the nodes, at most two a worker in flight. A node that dies takes its tasks with it, which start again elsewhere and blame no document; a worker that
dies alone blames the document that it was at. When nothing waits any more, a task that takes far longer than the others of its phase is started a second
time elsewhere: both would write the same bytes, the first to end counts.
"""

import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from curate.engine import worker
from curate.engine.local import Attempt, Task, careful
from curate.engine.worker import ONE_THREAD, Allowance
from curate.errors import StoreError
from curate.ledger import Outcome
from curate.stage import versions

CONNECT_SECONDS = 10.0
LOST_NODES = 20
"""How often a task may lose its node before the run ends: nodes that go are the cluster's business, within reason."""
STRAGGLES = 3.0
"""A task is a straggler when it takes so many times the median of its phase, …"""
STRAGGLER_SECONDS = 30.0
"""… and at least so long."""
CALLS = 500
"""A worker process is replaced after so many tasks, whatever libraries leak in it."""
SAME = ("curate", "numba", "pyarrow", "numpy")
"""Distributions whose versions must be the same on all nodes."""


@dataclass
class _Phase:
    """The tasks of one call of `run`, on their way."""

    waiting: deque[Attempt]
    running: dict[Any, Attempt] = field(default_factory=dict)
    since: dict[Any, float] = field(default_factory=dict)
    """When each reference was submitted (monotonic seconds)."""
    lost: dict[str, int] = field(default_factory=dict)
    """Nodes lost, by task."""
    done: set[str] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)

    def straggler(self) -> Attempt | None:
        """The task that has run longest, if that is far too long and it runs only once."""
        if self.waiting or not self.running or not self.seconds:
            return None
        names = [attempt.task.name for attempt in self.running.values()]
        reference = min(self.running, key=lambda reference: self.since[reference])
        too_long = max(STRAGGLER_SECONDS, STRAGGLES * median(self.seconds))
        attempt = self.running[reference]
        late = time.monotonic() - self.since[reference] > too_long
        return attempt if late and names.count(attempt.task.name) == 1 else None


class RayEngine:
    """Tasks as Ray tasks. Raises StoreError where there is no cluster, or one that cannot run them."""

    def __init__(self, workers: int | None = None, address: str | None = None, allowance: Allowance = Allowance()):
        import logging

        import ray

        self._ray = ray
        self._started = not ray.is_initialized()
        if self._started:
            _reached(address)
            try:
                # `local` says: one of our own, whatever cluster may be running on this machine
                alone: dict[str, Any] = {"address": "local", "num_cpus": workers, "include_dashboard": False}
                options = {"address": address} if address else alone
                ray.init(logging_level=logging.ERROR, log_to_driver=False, configure_logging=False, **options)
            except ConnectionError as error:
                raise StoreError(f"ray: expected a cluster at {address}, got '{error}'; start one with `ray start --head`") from error
        self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self.allowance = allowance
        # runtime_env starts workers of their own for these variables: they are one core each and nobody else's
        self._remote = ray.remote(num_cpus=1, max_retries=0, max_calls=CALLS, runtime_env={"env_vars": ONE_THREAD})(_run)

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Outcomes as they come; a task that was started twice gives one."""
        phase = _Phase(deque(Attempt(careful(task)) for task in tasks))
        while phase.waiting or phase.running:
            while phase.waiting and len(phase.running) < 2 * self.workers:
                self._start(phase, phase.waiting.popleft())
            if late := phase.straggler():
                self._start(phase, late)
            ready, _ = self._ray.wait(list(phase.running), num_returns=1, timeout=STRAGGLER_SECONDS / 3)
            for reference in ready:
                attempt, since = phase.running.pop(reference), phase.since.pop(reference)
                outcome = self._ended(phase, attempt, reference)
                if outcome is not None and outcome.task not in phase.done:
                    phase.done.add(outcome.task)
                    phase.seconds.append(time.monotonic() - since)
                    self._stop_twins(phase, outcome.task)
                    yield outcome

    def _start(self, phase: _Phase, attempt: Attempt) -> None:
        task = attempt.task
        gpus = {"num_gpus": task.resources["gpu"]} if task.resources.get("gpu") else {}
        memory = {"memory": self.allowance.memory_bytes} if self.allowance.memory_bytes and self._fits() else {}
        remote = self._remote.options(name=task.phase or "task", scheduling_strategy="SPREAD", **gpus, **memory)
        reference = remote.remote(task, self.allowance, versions(SAME))
        phase.running[reference], phase.since[reference] = attempt, time.monotonic()

    def _fits(self) -> bool:
        """Whether the nodes have what all workers may take; on smaller ones Ray would run fewer, and the watch of each worker is enough."""
        memory = self._ray.cluster_resources().get("memory", 0.0)
        return bool(memory >= self.workers * (self.allowance.memory_bytes or 0))

    def _ended(self, phase: _Phase, attempt: Attempt, reference: Any) -> Outcome | None:
        """The outcome, or None where the task has to run again."""
        dead = self._ray.exceptions
        try:
            outcome: Outcome = self._ray.get(reference)
            return outcome
        except (dead.NodeDiedError, dead.ObjectLostError, dead.TaskCancelledError) as error:
            self._again(phase, attempt, type(error).__name__)
        except (dead.WorkerCrashedError, dead.OutOfMemoryError) as error:
            # Ray kills one worker a task: a death is always this task's own
            if not self._runs(phase, attempt):
                phase.waiting.append(attempt.after_death(type(error).__name__))
        except dead.RayTaskError as error:
            raise error.cause if isinstance(error.cause, Exception) else error from error
        return None

    def _again(self, phase: _Phase, attempt: Attempt, how: str) -> None:
        """A task that lost its node starts again, with what it suspected before."""
        name = attempt.task.name
        phase.lost[name] = phase.lost.get(name, 0) + 1
        if phase.lost[name] > LOST_NODES:
            raise StoreError(
                f"ray: expected a node to stay for task {name} ({attempt.task.phase}), got {how} {LOST_NODES} times; look at the cluster, then run again"
            )
        if not self._runs(phase, attempt):
            phase.waiting.append(attempt)

    @staticmethod
    def _runs(phase: _Phase, attempt: Attempt) -> bool:
        """Whether the task is done, or on its way a second time."""
        name = attempt.task.name
        return name in phase.done or any(other.task.name == name for other in phase.running.values())

    def _stop_twins(self, phase: _Phase, name: str) -> None:
        """End the other attempt of a finished task; a process killed while it writes leaves nothing that counts."""
        for reference, attempt in list(phase.running.items()):
            if attempt.task.name == name:
                del phase.running[reference], phase.since[reference]
                self._ray.cancel(reference, force=True)

    def close(self) -> None:
        """Stop the cluster if this run started it."""
        if self._started and self._ray.is_initialized():
            self._ray.shutdown()


def _reached(address: str | None) -> None:
    """StoreError where nobody listens at HOST:PORT: ray itself would try for many minutes."""
    host, _, port = (address or "").rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        except OSError as error:
            raise StoreError(f"ray: expected a cluster at {address}, got '{error}'; start one with `ray start --head`") from error


_prepared: list[int] = []
"""The one process of this module that was made a worker."""


def _run(task: Task, allowance: Allowance, expected: dict[str, str]) -> Outcome:
    """On a node: one task, in a process that stays for the next ones."""
    import os

    import ray

    found = versions(SAME)
    if found != expected:
        raise StoreError(
            f"ray: expected {expected} on node {ray.util.get_node_ip_address()}, got {found}; install the same on all nodes: other versions, other bytes"
        )
    if not _prepared:
        worker.prepare(allowance)
        _prepared.append(os.getpid())
    return worker.run(task)
