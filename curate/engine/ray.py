"""The Ray engine: the same tasks on a Ray cluster, a local one started for the run or one that is there. The only file that imports ray."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from curate.engine.local import ONE_THREAD, Attempt, Task, careful, prepare_worker, run_task
from curate.errors import StoreError
from curate.ledger import Outcome


class RayEngine:
    """Tasks as Ray tasks; no data passes through the driver, only task descriptions and outcomes."""

    def __init__(self, workers: int | None = None, address: str | None = None):
        import logging

        import ray

        self._ray = ray
        self._started = not ray.is_initialized()
        if self._started:
            try:
                options: dict[str, Any] = {"address": address} if address else {"num_cpus": workers, "include_dashboard": False}
                ray.init(logging_level=logging.ERROR, log_to_driver=False, configure_logging=False, **options)
            except ConnectionError as error:
                raise StoreError(f"ray: expected a cluster at {address}, got '{error}'; start one with `ray start --head`") from error
        self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._remote = ray.remote(num_cpus=1, max_retries=0, runtime_env={"env_vars": ONE_THREAD})(_run)

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Outcomes as they come; at most two tasks a worker are in flight. A dead worker's task is started again."""
        ray = self._ray
        waiting = deque(Attempt(careful(task)) for task in tasks)
        running: dict[Any, Attempt] = {}
        while waiting or running:
            while waiting and len(running) < 2 * self.workers:
                attempt = waiting.popleft()
                running[self._submit(attempt.task)] = attempt
            ready, _ = ray.wait(list(running), num_returns=1)
            attempt = running.pop(ready[0])
            try:
                yield ray.get(ready[0])
            except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError) as error:
                # Ray kills one worker a task: a death is always this task's own
                waiting.append(attempt.after_death(type(error).__name__))
            except ray.exceptions.RayTaskError as error:
                raise error.cause if isinstance(error.cause, Exception) else error from error

    def _submit(self, task: Task) -> Any:
        gpus = task.resources.get("gpu", 0)
        options = {"num_gpus": gpus} if gpus else {}
        return self._remote.options(name=task.phase or "task", **options).remote(task)

    def close(self) -> None:
        """Stop the cluster if this run started it."""
        if self._started and self._ray.is_initialized():
            self._ray.shutdown()


def _run(task: Task) -> Outcome:
    prepare_worker()
    return run_task(task)
