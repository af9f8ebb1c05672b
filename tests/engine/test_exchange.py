"""The exchange: every row comes out once, in order, whatever the runs, the spills and the ranges."""

import subprocess
import sys
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.barrier import keyed
from curate.engine.exchange import KEY_SPACE, RunWriter, ranges, read_range, run_bytes, take_rows
from curate.store import Store


def rows(triples, payload=None):
    """A keyed table from (key, sub, id byte) triples."""
    key, sub, last = (
        (np.array(column, dtype=np.uint64) for column in zip(*triples, strict=True)) if triples else (np.array([], np.uint64),) * 3
    )
    ids = pa.array([bytes(15) + bytes([int(b)]) for b in last], pa.binary(16))
    return keyed(key, sub, ids, payload=pa.array(payload if payload is not None else range(len(triples)), pa.int64()))


KEYS = st.sampled_from([0, 1, 2, 1 << 63, KEY_SPACE - 1]) | st.integers(0, KEY_SPACE - 1)
TRIPLES = st.lists(st.tuples(KEYS, st.integers(0, 2), st.integers(0, 3)), max_size=40)


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(TRIPLES, min_size=1, max_size=4), num_ranges=st.sampled_from([1, 2, 7, 64]), spill=st.sampled_from([1, 500, 1 << 20]))
def test_all_rows_once_and_in_order(tmp_path_factory, parts, num_ranges, spill):
    store = Store(str(tmp_path_factory.mktemp("exchange")))
    runs, number = [], 0
    for index, triples in enumerate(parts):
        writer = RunWriter(store, f"run{index}", spill)
        for triple in triples:
            writer.write(rows([triple], [number]))
            number += 1
        runs += writer.close()
    read = []
    for low, high in ranges(1, 1, num_ranges):
        for table in read_range(store, runs, low, high):
            assert all(low <= key < high for key in table["key"].to_pylist())
            read += list(zip(*(table[name].to_pylist() for name in ("key", "sub", "id", "payload")), strict=True))
    flat = [(key, sub, bytes(15) + bytes([last])) for triples in parts for key, sub, last in triples]
    assert [row[:3] for row in read] == sorted(flat)
    assert sorted(row[3] for row in read) == list(range(number))


def test_small_batches_merge_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr("curate.engine.exchange.BATCH_ROWS", 3)
    store = Store(str(tmp_path))
    rng = np.random.default_rng(5)
    runs, expected = [], []
    for index in range(5):
        triples = [(int(k), 0, int(i)) for k, i in zip(rng.integers(0, 6, 50), rng.integers(0, 256, 50), strict=True)]
        expected += triples
        writer = RunWriter(store, f"run{index}", 1 << 20)
        writer.write(rows(triples))
        runs += writer.close()
    got = [
        (k, s, i[-1]) for t in read_range(store, runs) for k, s, i in zip(*(t[c].to_pylist() for c in ("key", "sub", "id")), strict=True)
    ]
    assert got == sorted(expected)
    middle = [k for t in read_range(store, runs, 2, 4) for k in t["key"].to_pylist()]
    assert middle == sorted(k for k, _, _ in expected if 2 <= k < 4)


@pytest.mark.parametrize(("num_bytes", "range_bytes", "expected"), [(0, 10, 1), (10, 10, 1), (11, 10, 2), (1000, 10, 100)])
def test_ranges_cover_the_key_space(num_bytes, range_bytes, expected):
    cut = ranges(num_bytes, range_bytes)
    assert len(cut) == expected
    assert cut[0][0] == 0
    assert cut[-1][1] == KEY_SPACE
    assert all(a[1] == b[0] for a, b in pairwise(cut))


LIMIT_BYTES = 120 << 20
CHILD = """
import resource, sys
import pyarrow as pa
from curate.barriers import exact_dedup  # what a worker has loaded anyway
from curate.engine.exchange import ranges, read_range, run_bytes
from curate.store import File, Store

pa.set_cpu_count(1)
store = Store(sys.argv[1])
runs = [File(**f) for f in __import__("json").loads(sys.argv[2])]
for table in read_range(store, runs, 0, 1 << 40):  # warm up what is loaded lazily
    pass
now = next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (now + int(sys.argv[3]), now + int(sys.argv[3])))
total = rows = 0
for low, high in ranges(run_bytes(runs), 16 << 20):
    for table in read_range(store, runs, low, high):
        total += table.nbytes
        rows += table.num_rows
print(total, rows)
"""


def test_memory_is_bounded_by_the_range_not_by_the_sketches(tmp_path):
    """300 MB of sketches pass through a process that may not allocate more than 120 MB beyond what it had."""
    import json

    store = Store(str(tmp_path))
    rng = np.random.default_rng(1)
    runs = []
    for index in range(12):
        writer = RunWriter(store, f"run{index}", 32 << 20)
        count = 25_000
        payload = pa.FixedSizeBinaryArray.from_buffers(pa.binary(1000), count, [None, pa.py_buffer(rng.bytes(count * 1000))])
        ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), count, [None, pa.py_buffer(rng.bytes(count * 16))])
        writer.write(keyed(rng.integers(0, 1 << 64, count, dtype=np.uint64), None, ids, payload=payload))
        runs += writer.close()
    assert run_bytes(runs) > LIMIT_BYTES
    arguments = [str(tmp_path), json.dumps([asdict(file) for file in runs]), str(LIMIT_BYTES)]
    child = subprocess.run([sys.executable, "-c", CHILD, *arguments], capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr[-2000:]
    total, count = map(int, child.stdout.split())
    assert count == 300_000
    assert total >= 300_000 * 1000


def test_rows_of_lists_are_taken_from_any_chunk():
    """Chunks, slices, empty lists, a column without a chunk, and lists with nulls, which pyarrow moves."""
    whole = pa.array([[1, 2], [], [3], [4, 5, 6], [7], []], pa.large_list(pa.uint16()))
    nulls = pa.array([[1, None], None, [], [2], [3], None], pa.large_list(pa.uint16()))
    lists = {
        "a": pa.chunked_array([whole.slice(0, 2), whole.slice(2, 1), whole.slice(3)]),
        "b": pa.chunked_array([nulls.slice(0, 4), nulls.slice(4)]),
    }
    table = pa.table(lists)
    for rows in ([5, 0, 3, 3, 1], [], [2]):
        taken = take_rows(table, np.array(rows, dtype=np.int64))
        assert taken.schema == table.schema
        assert taken.to_pydict() == {name: [column.to_pylist()[row] for row in rows] for name, column in lists.items()}
    none = take_rows(table.slice(0, 0), np.empty(0, dtype=np.int64))
    assert none.to_pydict() == {"a": [], "b": []}
