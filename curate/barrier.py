"""What a barrier is: rounds of sketch → exchange → resolve that see all documents, ending in verdicts or in a finding.

    documents ─ sketch ─► keyed rows ─ exchange ─► resolve ─► keyed rows ─ exchange ─► resolve ─► … ─► verdicts, read by part
                                                                                               └──► or a finding: small files

All rows that pass between steps are **keyed rows**: columns `key` uint64, `sub` uint64, `id` fixed_size_binary(16), then the round's payload. The exchange
sorts them by (key, sub, id) and cuts them into key ranges, so many ranges that one fits into the recipe's memory; equal keys are always in one range.
Ids are unique among documents when a barrier runs (records read twice have left), so (key, sub, id) is a total order where a document gives one row a key.

- `sketch(batch, previous, config)` gets documents: the columns that the barrier reads, `id`, and `at` (uint64: part << 32 | row, an address for routing,
  which must not enter any verdict). `previous` holds the rows that the round before resolved for this batch (their `key` was an `at`), with an
  int64 column `row`: the index into the batch; None in the first round. It returns a table of keyed rows, any number a document.
- `resolve(tables, config, whole)` gets one range as an iterator of sorted tables; a key's rows may run on in the next table (`whole_keys` re-cuts them).
  It yields tables of keyed rows: keyed by `at` where documents come next (a round with a sketch, or the verdicts), by anything else where the next
  round has no sketch and continues with these rows. `whole` says that this range is all there is. What it yields must not depend on the cut.
- A round with `repeat=True` feeds its own output to itself until it yields no row with `again=true` (a bool column, which rows do not have when
  they come back). Rows with false pass on to the next round; rows with null come back as long as any other does, and then pass on.

State that is merged is order-free. Memory is bounded by the range, not by the corpus: a key with a million rows must be walked, not collected, where
its number is not bounded by the data's own size.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from curate.arrow import one_chunk, scatter
from curate.errors import StageError
from curate.schema import column
from curate.stage import DROP, Config, rounded

KEYED = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("sub", pa.uint64(), nullable=False),
        pa.field("id", pa.binary(16), nullable=False),
    ]
)
"""The first columns of every keyed row."""

Sketch = Callable[[pa.RecordBatch, pa.Table | None, Any], pa.Table]
Resolve = Callable[[Iterator[pa.Table], Any, bool], Iterator[pa.Table]]


@dataclass(frozen=True, kw_only=True)
class Round:
    """One exchange and what happens on both sides of it."""

    name: str
    resolve: Resolve
    sketch: Sketch | None = None
    """None: the keyed rows are what the round before resolved."""
    combine: Callable[[pa.Table], pa.Table] | None = None
    """Merges the rows of one task before they are written, such as adding counts; must be associative and commutative."""
    repeat: bool = False


INDEXED = np.uint64(1 << 63)
"""Addresses from here on are of documents in the indexes of earlier runs; they take part, but cannot leave."""


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """The earlier runs whose indexes take part in a barrier."""

    runs: tuple[str, ...] = ()
    firsts: tuple[int, ...] = ()
    """The first address of each run's documents, rising."""

    def run_of(self, at: np.ndarray) -> pa.Array:
        """string[n]: the run of each address (uint64); null for a document of this run."""
        number = np.searchsorted(np.array(self.firsts, dtype=np.uint64), at, side="right") - 1
        return pa.array(self.runs, pa.string()).take(pa.array(number, mask=number < 0))


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What a barrier leaves in an index, so that later runs can compare their documents with those that stayed here.

    An index has keyed rows, sorted as a run of the exchange, which join the first round of a later run; and a row a document with what the
    sketch of a later round would otherwise read from its text.
    """

    version: int
    """Of what is stored; another version is another index."""
    parameters: Callable[[Any], Mapping[str, Any]]
    """Config → what two runs must agree in, as plain JSON values."""
    keys: Callable[[pa.RecordBatch, Any], pa.Table]
    """Documents that stay, with `at` (here the number of the document's row in the index) → keyed rows: key, sub, id, at."""
    rounds: Callable[[Any, Earlier], tuple[Round, ...]]
    """The barrier's rounds where earlier runs take part."""
    recall: Callable[[pa.Table, Any], pa.Table]
    """Stored keyed rows, their `at` now an address → rows of the first round, in the same order."""
    holds: Callable[[pa.RecordBatch, Any], Mapping[str, pa.Array]] | None = None
    """Documents that stay → columns of their rows in the index, beside `id`."""
    sketch: Sketch | None = None
    """The sketch of later rounds over rows of the index: `id`, `at`, and what `holds` gave."""


@dataclass(frozen=True, kw_only=True)
class Barrier:
    """A barrier's declaration."""

    name: str
    version: int
    config: type[Config]
    reads: Callable[[Any], tuple[str, ...]]
    """Config → columns that the sketches read."""
    rounds: Callable[[Any], tuple[Round, ...]]
    adds: Mapping[str, pa.DataType] = field(default_factory=dict)
    """Columns of a verdict by short name, from the last round's rows; null where a document has none. `drop`, `value`, `threshold` as in `stage.VERDICT`."""
    replaces: tuple[str, ...] = ()
    mark: Callable[[pa.RecordBatch, pa.Table, Any], Mapping[str, pa.Array]] | None = None
    """(batch, its verdict rows with `row`, config) → columns by short name; the default scatters the verdict rows' columns."""
    finding: Callable[[Iterator[pa.Table], Any], Mapping[str, bytes]] | None = None
    """For a barrier that ends in a finding: all rows of the last round, in order → files by name. Its input must be bounded by the recipe."""
    judge: Callable[[pa.RecordBatch, Mapping[str, bytes], Any], Mapping[str, pa.Array]] | None = None
    """For a barrier that judges by its finding, whose files the run keeps in `findings/`: (batch, files by name, config) → columns by short name."""
    memory: Memory | None = None
    """For a barrier that later runs can continue through an index."""
    hosts: Callable[[pa.RecordBatch, Any], pa.Table] | None = None
    """For a barrier that needs what the reader found of whole hosts: (rows of `curate.read.hosts.HOSTS`, config) → keyed rows of the first round."""
    models: Callable[[Any], Mapping[str, str]] | None = None
    """Config → digests of the files that it names; they enter the tasks' names."""
    distributions: tuple[str, ...] = ()
    idempotent: bool = True
    """Whether running again on the kept marks nothing (a law)."""
    module: str = field(default="")

    def __reduce__(self) -> tuple[Callable, tuple[str]]:
        """A barrier crosses a process boundary as the name of its module, never as code."""
        return _by_module, (self.module,)

    @property
    def judges(self) -> bool:
        """Whether the barrier can remove documents."""
        return DROP in self.adds

    def apply(
        self, batch: pa.RecordBatch, verdicts: pa.Table, config: Config, step: str, found: Mapping[str, bytes] = MappingProxyType({})
    ) -> dict[str, pa.Array]:
        """The columns that the verdicts, or the files of the finding, give this batch, by full name; checked against the declaration."""
        if self.judge:
            marked = dict(self.judge(batch, found, config))
        else:
            marked = dict(self.mark(batch, verdicts, config) if self.mark else spread(verdicts, batch.num_rows, self.adds))
        expected = {name: batch.schema.field(name).type for name in self.replaces} | dict(self.adds)
        if set(marked) != set(expected):
            raise StageError(f"barrier {step}: expected to mark {sorted(expected)}, got {sorted(marked)}; match `adds` and `replaces`")
        for name, dtype in expected.items():
            if marked[name].type != dtype or len(marked[name]) != batch.num_rows:
                got = f"{len(marked[name])} x {marked[name].type}"
                raise StageError(f"barrier {step}: expected {name} as {batch.num_rows} x {dtype}, got {got}; match the declaration")
        return {name if name in self.replaces else column(step, name): rounded(array) for name, array in marked.items()}


def spread(verdicts: pa.Table, num_rows: int, adds: Mapping[str, pa.DataType]) -> dict[str, pa.Array]:
    """The columns of verdict rows at their place in the batch, null elsewhere."""
    at = verdicts["row"].to_numpy()
    return {name: scatter(one_chunk(verdicts[name]).cast(dtype), at, num_rows) for name, dtype in adds.items()}


def keyed(key: np.ndarray, sub: np.ndarray | None, ids: pa.Array, **payload: Any) -> pa.Table:
    """A table of keyed rows from numpy keys (uint64), ids (fixed_size_binary(16)) and payload arrays."""
    sub = np.zeros(len(key), dtype=np.uint64) if sub is None else sub
    return pa.table({"key": pa.array(key, pa.uint64()), "sub": pa.array(sub, pa.uint64()), "id": ids, **payload})


def whole_keys(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows, cut so that every table holds all rows of each of its keys. Memory: one table and the largest key."""
    held: list[pa.Table] = []
    for table in tables:
        if table.num_rows == 0:
            continue
        keys = one_chunk(table["key"]).to_numpy()
        start = int(np.searchsorted(keys, keys[-1], side="left"))
        if start > 0:
            yield pa.concat_tables([*held, table.slice(0, start)])
            held = [table.slice(start)]
        elif held and held[0]["key"][0].as_py() != int(keys[0]):
            yield pa.concat_tables(held)
            held = [table]
        else:
            held.append(table)
    if held:
        yield pa.concat_tables(held)


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Names of all barriers, from the file names in `curate/barriers/`; nothing is imported."""
    package = importlib.import_module("curate.barriers")
    return tuple(sorted(info.name for info in pkgutil.iter_modules(package.__path__)))


def load(name: str) -> Barrier:
    """The barrier of that name."""
    return _by_module(f"curate.barriers.{name}")


@cache
def _by_module(module: str) -> Barrier:
    declared = [v for v in vars(importlib.import_module(module)).values() if isinstance(v, Barrier)]
    if len(declared) != 1:
        raise StageError(f"{module}: expected exactly one barrier, got {len(declared)}; one file declares one barrier")
    return declared[0]
