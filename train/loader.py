"""Batches ahead of time: a thread reads and packs the next ones while the model works on this one.

On a GPU rows are copied through page-locked memory on a stream of their own, so that neither reading nor copying is waited for. A batch
is the plan's, whoever reads it; the thread has the plan to itself until `close`.
"""

import queue
import threading
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.config import Config
from train.flops import attended
from train.plan import Plan, row_digests

AHEAD = 2


@dataclass(frozen=True)
class Batch:
    """This process's part of one batch."""

    step: int
    rows: Tensor
    """int32[rows, T + 1], on the device."""
    num_targets: int
    digests: np.ndarray
    """uint64[rows]"""
    attended: int
    """Pairs of positions in the attention of these rows (flops.py)."""
    num_trained: int
    """Tokens that all rows up to the end of the whole batch hold."""
    ready: torch.cuda.Event | None = None


class Loader:
    """Iterates over the batches from `step` on."""

    def __init__(self, plan: Plan, config: Config, rank: int, size: int, device: str, step: int, end: int) -> None:
        self.plan, self.batch_rows, self.model, self.rank, self.size, self.device = plan, config.rows, config.model, rank, size, device
        self.seconds = 0.0
        """Time that training waited for data."""
        self._queue: queue.Queue[Batch | BaseException] = queue.Queue(AHEAD)
        self._closed = threading.Event()
        self._stream = torch.cuda.Stream(device) if device.startswith("cuda") else None
        self._thread = threading.Thread(target=self._run, args=(step, end), daemon=True)
        self._thread.start()

    def next(self) -> Batch:
        """The next batch; what went wrong while reading it is raised here."""
        started = time.perf_counter()
        item = self._queue.get()
        if isinstance(item, BaseException):
            raise item
        if item.ready is not None:
            current = torch.cuda.current_stream()
            current.wait_event(item.ready)
            item.rows.record_stream(current)
        self.seconds += time.perf_counter() - started
        return item

    def close(self) -> None:
        """Stop the thread and give the plan back."""
        self._closed.set()
        while self._thread.is_alive():
            try:
                self._queue.get_nowait()
            except queue.Empty:
                self._thread.join(0.01)

    def _run(self, step: int, end: int) -> None:
        try:
            while step < end and not self._closed.is_set():
                self._put(self._read(step))
                step += 1
        except BaseException as error:
            self._put(error)

    def _put(self, item: Batch | BaseException) -> None:
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=0.05)
                return
            except queue.Full:
                continue

    def _read(self, step: int) -> Batch:
        mine = self.batch_rows // self.size
        batch = self.plan.batch(step * self.batch_rows + self.rank * mine, mine)
        trained = self.plan.num_trained((step + 1) * self.batch_rows)
        targets, digests = int((batch[:, 1:] >= 0).sum()), row_digests(batch)
        pairs = attended(batch, self.model)
        rows = torch.from_numpy(batch)
        if self._stream is None:
            return Batch(step, rows, targets, digests, pairs, trained)
        with torch.cuda.stream(self._stream):
            moved = rows.pin_memory().to(self.device, non_blocking=True)
            event = torch.cuda.Event()
            event.record(self._stream)
        return Batch(step, moved, targets, digests, pairs, trained, event)
