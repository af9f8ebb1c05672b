"""The document index over all shards, in as many tasks as it has ranges of ids; the last one puts the ranges one behind the other.

Each shard leaves its ids as a sorted run, each with the first key of its shard: what a shard's number will be, it does not know, and a number would change
with every cut before it. A range is sorted by id, then shard, then row, so that the file does not depend on how it was made.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa

from curate.arrow import one_chunk
from curate.barrier import keyed
from curate.engine.exchange import Runs, ranges, read_pieces, run_bytes, sort, write_run
from curate.engine.tasks import name_of
from curate.ledger import Outcome
from curate.schema import id_words
from curate.shards.index import write_index
from curate.store import File, Store

COLUMNS = {"ids": np.dtype("S16"), "shards": np.dtype("<u4"), "rows": np.dtype("<u4")}
"""Of a row of the index; a range is written column by column."""


def write_ids(store: Store, path: str, ids: pa.Array, shard: int) -> File:
    """The ids of the rows of a shard as a sorted run; `shard`: the first key of its range."""
    words = id_words(ids)
    keys, subs = (np.ascontiguousarray(words[:, half]) for half in (0, 1))
    rows = pa.array(np.arange(len(ids), dtype=np.uint32))
    return write_run(store, path, sort(keyed(keys, subs, ids, shard=pa.array(np.full(len(ids), shard, dtype=np.uint64)), row=rows)))


@dataclass(frozen=True, kw_only=True)
class IndexRangeTask:
    """One range of ids of all shards, sorted. Memory: the range."""

    store: Store
    name: str
    runs: tuple[File, ...]
    low: int
    high: int
    shards: tuple[int, ...]
    """The first key of each shard, in their order."""
    phase: str = "index: sort"
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """`range`: all ids, then all numbers of shards, then all rows."""
        started = time.perf_counter()
        columns = self._sorted()
        path = f"work/{self.name}/range.bin"
        with self.store.put(path) as sink:
            for column in columns:
                sink.write(column.tobytes())
        seconds = {"shards": time.perf_counter() - started}
        return Outcome(task=self.name, kind="index", files={"range": [sink.file(path, len(columns[0]))]}, seconds=seconds)

    def _sorted(self) -> list[np.ndarray]:
        pieces = list(self._pieces()) or [tuple(np.zeros(0, dtype=dtype) for dtype in COLUMNS.values())]
        ids, shards, rows = (np.concatenate([piece[i] for piece in pieces]) for i in range(3))
        words = ids.view(">u8").reshape(-1, 2)
        order = np.lexsort((rows, shards, words[:, 1], words[:, 0]))
        return [column[order].astype(dtype, copy=False) for column, dtype in zip((ids, shards, rows), COLUMNS.values(), strict=True)]

    def _pieces(self) -> Iterator[tuple[np.ndarray, ...]]:
        """(ids, numbers of shards, rows), run after run."""
        firsts = np.array(self.shards, dtype=np.uint64)
        for piece in read_pieces(self.store, self.runs, self.low, self.high):
            ids = one_chunk(piece["id"])
            raw = np.frombuffer(ids.buffers()[1], dtype="S16")[ids.offset : ids.offset + len(ids)]
            yield raw, np.searchsorted(firsts, one_chunk(piece["shard"]).to_numpy()), one_chunk(piece["row"]).to_numpy()


@dataclass(frozen=True, kw_only=True)
class IndexTask:
    """The file: 24 bytes a row copied, range by range; it is one task since it is one file, with its columns one behind the other.

    Memory: one range. Where there are several, the columns lie in mapped temporary files until they are written.
    """

    store: Store
    name: str
    parts: tuple[File, ...]
    """Sorted ranges, in order."""
    phase: str = "index"
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Copy and write."""
        started = time.perf_counter()
        ends = np.cumsum([0, *(part.rows for part in self.parts)]).tolist()
        with tempfile.TemporaryDirectory() as scratch:
            whole = [_room(scratch, name, dtype, ends[-1], len(self.parts) > 1) for name, dtype in COLUMNS.items()]
            for part, (start, end) in zip(self.parts, pairwise(ends), strict=True):
                data, at = self.store.read(part.path), 0
                for column in whole:
                    column[start:end] = np.frombuffer(data, dtype=column.dtype, count=part.rows, offset=at)
                    at += part.rows * column.itemsize
            path = f"work/{self.name}/doc_index.arrow"
            with self.store.put(path) as sink:
                stat = write_index(sink, *whole)  # type: ignore[arg-type]
        seconds = {"shards": time.perf_counter() - started}
        return Outcome(task=self.name, kind="index", files={"index": [sink.file(path, 0)]}, facts=asdict(stat), seconds=seconds)


def range_tasks(store: Store, ids: Runs, shards: Sequence[int], range_bytes: int) -> list[IndexRangeTask]:
    """The ranges in order, each of about `range_bytes`; `ids`: the runs that all shards left."""
    held = list(dict.fromkeys(file for files in ids.files for file in files))
    same = name_of("shards", list(shards))
    tasks = []
    for low, high in ranges(run_bytes(held), range_bytes):
        runs = ids.within(low, high)
        name = name_of("indexrange", [same, [file.digest for file in runs], low, high])
        tasks.append(IndexRangeTask(store=store, name=name, runs=runs, low=low, high=high, shards=tuple(shards)))
    return tasks


def _room(folder: str, name: str, dtype: np.dtype, num_rows: int, mapped: bool) -> np.ndarray:
    """Room for a column of the index: in a mapped file, or in memory where it is one range anyway."""
    if not mapped or num_rows == 0:
        return np.zeros(num_rows, dtype=dtype)
    return np.memmap(f"{folder}/{name}", dtype=dtype, mode="w+", shape=num_rows)
