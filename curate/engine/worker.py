"""What every worker process does, on any engine: one core, one task at a time, and a watch over itself.

A worker ends itself where its driver is gone, where it holds more memory than the recipe allows it, and where a step does not return for `stall_seconds`
(`guard.py`). The engine then goes on as after any death: the document that it was at is found and set aside. What a document does to
memory or time cannot be recomputed alike on another machine, so it is a recorded fact of the task, never a rule's verdict.
"""

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.engine import guard
from curate.ledger import Outcome

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""A worker is one core: libraries must not start threads of their own."""
LOOK_SECONDS = 0.2
STALL_SECONDS = 600.0
STATM = Path("/proc/self/statm")


@dataclass(frozen=True)
class Allowance:
    """What a worker may take."""

    memory_bytes: int | None = None
    """Memory of its own, mapped files aside; None: whatever there is. Watched where the system tells it (Linux)."""
    stall_seconds: float | None = STALL_SECONDS
    """How long a step may be at one batch, or later at one document, before it counts as hung; None: for ever."""

    def leaks(self, held: int) -> bool:
        """Whether a worker that holds so many bytes between tasks is to be replaced: half of what it may take at work."""
        return self.memory_bytes is not None and held > self.memory_bytes // 2


def prepare(allowance: Allowance, driver: int | None = None) -> None:
    """Make this process a worker: one core, Ctrl-C is the driver's, and a thread that watches. `driver`: the process not to outlive."""
    import pyarrow as pa

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    pa.set_cpu_count(1)
    guard.stall_seconds = allowance.stall_seconds
    threading.Thread(target=_watch, args=(allowance.memory_bytes, driver), daemon=True).start()


def _watch(memory_bytes: int | None, driver: int | None) -> None:
    """End the process where its driver is gone or its memory is over."""
    while driver is None or os.getppid() == driver:
        time.sleep(LOOK_SECONDS)
        if memory_bytes is not None and resident() > memory_bytes:
            if guard.current is not None:
                guard.current.blame(f"expected the step to stay within limits.worker_bytes = {memory_bytes}, got more")
            os._exit(70)
    os._exit(1)


def resident() -> int:
    """Bytes of memory that this process holds for itself, mapped files aside; 0 where the system does not tell."""
    try:
        _, whole, shared, *_ = STATM.read_text().split()
    except OSError:
        return 0
    return (int(whole) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def run(task: Any) -> Outcome:
    """One task, as a worker runs it; the outcome says how much memory the worker holds at its end."""
    from curate.kernels import locator

    with locator.first_of(task.phase):
        outcome: Outcome = task.run()
    outcome.memory = resident()
    return outcome
