"""A small executor of the barrier contract, all in memory: parts, batches, key ranges, and tables of a few rows, as the engine would cut
them.

Used by the laws, the benchmarks and the tests of single barriers. Rows of the exchange are shuffled before they are sorted, so that
nothing can rely on the order in which equal rows arrive.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curate.arrow import one_chunk
from curate.schema import column, id_words


@dataclass(frozen=True)
class Cut:
    """How the work is cut; no result may depend on it."""

    parts: int = 1
    batch_rows: int = 1024
    ranges: int = 1
    table_rows: int = 10_000
    seed: int = 0


def parts_of(documents: pa.Table, cut: Cut) -> list[list[pa.RecordBatch]]:
    """Parts as lists of batches with their addresses; part sizes differ on purpose."""
    n = documents.num_rows
    edges = sorted(np.random.RandomState(cut.seed).randint(0, n + 1, cut.parts - 1)) if cut.parts > 1 else []
    edges = [0, *edges, n]
    parts = []
    for number, (start, end) in enumerate(itertools.pairwise(edges)):
        at = (np.uint64(number) << np.uint64(32)) | np.arange(end - start, dtype=np.uint64)
        part = documents.slice(start, end - start).append_column("at", pa.array(at, pa.uint64()))
        parts.append([b for b in part.combine_chunks().to_batches(max_chunksize=cut.batch_rows) if b.num_rows])
    return parts


def exchange(rows: pa.Table, cut: Cut) -> pa.Table:
    """The rows in (key, sub, id) order; equal ones in any order."""
    assert rows.column_names[:3] == ["key", "sub", "id"]
    rows = rows.take(pa.array(np.random.RandomState(cut.seed).permutation(rows.num_rows)))
    ids = id_words(one_chunk(rows["id"]))
    return rows.take(pa.array(np.lexsort((ids[:, 1], ids[:, 0], rows["sub"].to_numpy(), rows["key"].to_numpy()))))


def ranges_of(rows: pa.Table, cut: Cut) -> list[pa.Table]:
    """Equal slices of the key space, those without rows left out."""
    edges = np.array([(number << 64) // cut.ranges for number in range(1, cut.ranges)], dtype=np.uint64)
    places = [0, *np.searchsorted(rows["key"].to_numpy(), edges, side="left").tolist(), rows.num_rows]
    return [rows.slice(a, b - a) for a, b in itertools.pairwise(places) if b > a]


def resolved(round_, rows: pa.Table, config, cut: Cut) -> list[pa.Table]:
    """All tables that a round resolves from the rows."""
    out = []
    for part in ranges_of(exchange(rows, cut), cut):
        tables = (part.slice(start, cut.table_rows) for start in range(0, part.num_rows, cut.table_rows))
        out += [t for t in round_.resolve(tables, config, cut.ranges == 1) if t.num_rows]
    return out


def previous_of(batch: pa.RecordBatch, rows: pa.Table | None) -> pa.Table | None:
    """The rows whose key is an address of this batch, with `row`."""
    if rows is None:
        return None
    first = batch["at"][0].as_py()
    keys = rows["key"].to_numpy()
    start, end = np.searchsorted(keys, np.array([first, first + batch.num_rows], dtype=np.uint64))
    piece = rows.slice(start, end - start)
    return piece.append_column("row", pa.array((piece["key"].to_numpy() - np.uint64(first)).astype(np.int64)))


def last_rows(barrier, config, parts: list[list[pa.RecordBatch]], cut: Cut) -> pa.Table | None:
    """What the last round resolves, in order; None if it resolves nothing."""
    rows: pa.Table | None = None
    for number, round_ in enumerate(barrier.rounds(config)):
        if round_.sketch is not None:
            if number and rows is None:
                return None
            before = None if rows is None else exchange(rows, cut)
            sketched = [_sketched(round_, part, before, config) for part in parts]
            tables = [t for t in sketched if t is not None and t.num_rows]
        else:
            tables = [] if rows is None else [rows]
        rows = _run_round(round_, tables, config, cut)
    return None if rows is None else exchange(rows, cut)


def _sketched(round_, part, before, config) -> pa.Table | None:
    """One part's rows, combined where the round says how."""
    tables = []
    for batch in part:
        previous = previous_of(batch, before)
        if previous is None or previous.num_rows:
            tables.append(round_.sketch(batch, previous, config))
    if not tables:
        return None
    table = pa.concat_tables(tables)
    return round_.combine(table) if round_.combine else table


def _run_round(round_, tables: list[pa.Table], config, cut: Cut) -> pa.Table | None:
    """One round, repeated while it asks for it."""
    passed = []
    while tables:
        out = resolved(round_, pa.concat_tables(tables), config, cut)
        if not round_.repeat:
            passed += out
            break
        tables, waiting = [], []
        for table in out:
            bare, again = table.drop_columns(["again"]), table["again"].to_pylist()
            for rows, flag in ((tables, True), (passed, False), (waiting, None)):
                piece = bare.take(pa.array([row for row, comes in enumerate(again) if comes is flag], pa.int64()))
                rows += [piece] if piece.num_rows else []
        if tables:
            tables += waiting
        else:
            passed += waiting
    passed = [t for t in passed if t.num_rows]
    return pa.concat_tables(passed) if passed else None


def run(barrier, config, documents: pa.Table, cut: Cut | None = None, step: str | None = None) -> pa.Table:
    """The documents with the columns that the barrier marks."""
    cut = cut or Cut()
    step = step or barrier.name
    parts = parts_of(documents, cut)
    verdicts = last_rows(barrier, config, parts, cut)
    found = dict(barrier.finding(iter([] if verdicts is None else [verdicts]), config)) if barrier.judge else {}
    verdicts = None if barrier.judge else verdicts
    marked = []
    for batch in [b for part in parts for b in part] or [_no_rows(documents)]:
        rows = previous_of(batch, verdicts)
        bare = batch.drop_columns(["at"])
        if barrier.judge:
            columns = barrier.apply(batch, batch, config, step, found)
        elif rows is None:
            columns = {column(step, name): pa.nulls(batch.num_rows, dtype) for name, dtype in barrier.adds.items()}
        else:
            columns = barrier.apply(batch, rows, config, step)
        for name, array in columns.items():
            if name in bare.schema.names:
                bare = bare.set_column(bare.schema.get_field_index(name), name, array)
            else:
                bare = bare.append_column(name, array)
        marked.append(bare)
    return pa.Table.from_batches(marked)


def _no_rows(documents: pa.Table) -> pa.RecordBatch:
    """A batch without rows, so that a table without rows gets its columns too."""
    empty = documents.schema.append(pa.field("at", pa.uint64())).empty_table()
    return pa.RecordBatch.from_arrays([c.combine_chunks() for c in empty.columns], schema=empty.schema)


def kept(marked: pa.Table, step: str) -> np.ndarray:
    """bool[n]: the rows that the step leaves in."""
    return np.asarray(one_chunk(marked[column(step, "drop")]).is_null())
