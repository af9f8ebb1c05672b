"""The removed rows of all segments made one table."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from curate.engine.tasks import BATCH_ROWS, Bounds, with_types
from curate.ledger import Outcome
from curate.shards.settle import REMOVED_COLUMNS, PartWriter, read_documents
from curate.store import File, Store


@dataclass(frozen=True, kw_only=True)
class RemovedTask:
    """Removed rows of several segments, each with its own columns, written under one schema."""

    store: Store
    name: str
    files: tuple[File, ...]
    schema: pa.Schema
    bounds: Bounds
    phase: str = "removed"

    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Copy the rows, filling columns that a segment did not have yet with nulls."""
        started = time.perf_counter()
        writer = PartWriter(
            self.store,
            f"work/{self.name}/removed",
            file_rows=self.bounds.file_rows,
            file_bytes=self.bounds.file_bytes,
            group_rows=self.bounds.row_group_rows,
        )
        for batch in read_documents(self.store, self.files, None, BATCH_ROWS):
            writer.write(with_types(batch, self.schema))
        files = writer.close(self.schema)
        seconds = {"removed": time.perf_counter() - started}
        return Outcome(task=self.name, kind="removed", files={"removed": files}, facts={"rows": writer.rows}, seconds=seconds)


def removed_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """All columns of the segments' removed files, first seen first; the verdict at the end."""
    fields: dict[str, pa.Field] = {}
    for schema in schemas:
        for item in schema:
            fields.setdefault(item.name, item)
    verdict = [pa.field(name, dtype) for name, dtype in REMOVED_COLUMNS.items()]
    return pa.schema([item for name, item in fields.items() if name not in REMOVED_COLUMNS] + verdict)
