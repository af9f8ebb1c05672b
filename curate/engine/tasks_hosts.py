"""Rows that files of whole hosts send to a barrier: they are no documents, but take part in its first round."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow.parquet as pq

from curate.engine.exchange import RunWriter
from curate.engine.steps import BarrierCall
from curate.engine.tasks_barrier import check_keyed
from curate.ledger import Outcome
from curate.store import File, Store

BATCH_ROWS = 256


@dataclass(frozen=True, kw_only=True)
class HostsTask:
    """What one file of the host table says in the first round of a barrier, sorted into runs."""

    store: Store
    name: str
    call: BarrierCall
    file: File
    spill_bytes: int
    phase: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Sketch its rows, a few at a time: a file may be half a megabyte."""
        started = time.perf_counter()
        sketch = self.call.barrier.hosts
        assert sketch is not None
        writer = RunWriter(self.store, f"work/{self.name}/rows", self.spill_bytes)
        with self.store.open(self.file.path) as source:
            for batch in pq.ParquetFile(source).iter_batches(BATCH_ROWS):
                writer.write(check_keyed(sketch(batch, self.call.config), f"{self.call.step}, hosts"))
        files = writer.close()
        seconds = {self.call.step: time.perf_counter() - started}
        return Outcome(task=self.name, kind="hosts", files={"rows": files}, facts={"rows": sum(f.rows for f in files)}, seconds=seconds)
