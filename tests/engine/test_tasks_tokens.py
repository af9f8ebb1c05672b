"""Where shards are cut: after the document nearest to each multiple of the target, whatever the runs; and the order of documents."""

import io
from dataclasses import asdict

import numpy as np
import pyarrow as pa
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.barrier import keyed
from curate.engine.exchange import RunWriter, plain, read_pieces, read_range
from curate.engine.tasks_doc_index import IndexTask, range_tasks, write_ids
from curate.engine.tasks_tokens import BUCKET_BITS, CutTask, EncodeTask, cuts, shard_ranges
from curate.ledger import files_of
from curate.recipe import SplitConfig
from curate.shards.index import write_doc_index
from curate.shards.order import shuffle_keys
from curate.store import Store


def written(store, keys, lengths, num_runs):
    """Runs of token rows with these keys and lengths, and the histogram."""
    buckets = np.zeros(1 << BUCKET_BITS, dtype=np.int64)
    np.add.at(buckets, (keys >> np.uint64(64 - BUCKET_BITS)).astype(np.int64), lengths)
    runs = []
    for number in range(num_runs):
        writer = RunWriter(store, f"work/{number}", 1 << 30)
        mine = slice(number, None, num_runs)
        tokens = pa.array([[1] * int(n) for n in lengths[mine]], pa.large_list(pa.uint16()))
        ids = pa.array([int(k).to_bytes(16, "big") for k in keys[mine]], pa.binary(16))
        writer.write(keyed(keys[mine], None, ids, tokens=tokens))
        runs += writer.close()
    return runs, buckets


@settings(max_examples=30)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=120),
    target=st.integers(40, 900),
    num_runs=st.integers(1, 4),
    narrow=st.booleans(),
    seed=st.integers(0, 5),
)
def test_every_shard_is_within_a_document_of_its_target(tmp_path_factory, lengths, target, num_runs, narrow, seed):
    store = Store(str(tmp_path_factory.mktemp("cut")))
    keys = np.random.default_rng(seed).choice(1 << 40, len(lengths), replace=False).astype(np.uint64)
    keys = keys if narrow else keys << np.uint64(24)  # narrow: all in one bucket
    runs, buckets = written(store, keys, np.array(lengths), num_runs)
    edges = CutTask(store=store, name="cut", runs=tuple(runs), wanted=tuple(cuts(buckets, target))).run().facts["edges"]
    sizes = []
    for low, high in shard_ranges(edges, sum(lengths)):
        held = [len(tokens) for table in read_range(store, runs, low, high) for tokens in table["tokens"].to_pylist()]
        unmerged = [len(tokens) for table in read_pieces(store, runs, low, high) for tokens in table["tokens"].to_pylist()]
        assert sorted(held) == sorted(unmerged)
        sizes.append(sum(held))
    assert sum(sizes) == sum(lengths)
    assert all(size > 0 for size in sizes)
    ends = np.cumsum([0, *sizes])
    for wanted in range(target, sum(lengths), target):  # one document more or less than wanted, where no cut fell on its neighbour
        assert min(abs(ends - wanted)) <= max(lengths) / 2


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=50), st.integers(0, (1 << 63) - 1), st.integers(0, 3))
def test_the_order_is_blake3_of_seed_and_id(ids, seed, skip):
    column = pa.array(ids, pa.binary(16)).slice(min(skip, len(ids)))
    keys, subs = shuffle_keys(column, seed)
    for one, key, sub in zip(column.to_pylist(), keys, subs, strict=True):
        digest = blake3(seed.to_bytes(8, "little") + one).digest(length=16)
        assert (int(key), int(sub)) == (int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big"))


@settings(max_examples=10)
@given(st.lists(st.integers(0, 40), max_size=4), st.integers(0, 3), st.sampled_from([500, 1 << 30]))
def test_the_index_is_the_same_whatever_fits_into_memory(tmp_path_factory, sizes, seed, range_bytes):
    store = Store(str(tmp_path_factory.mktemp("index")))
    rng = np.random.default_rng(seed)
    shards = [pa.array([rng.choice([0, 1, 255], 2).astype(np.uint8).tobytes() * 8 for _ in range(n)], pa.binary(16)) for n in sizes]
    runs = []
    for number, ids in enumerate(shards):
        runs.append(write_ids(store, f"work/{number}.arrow", ids, number * 1000))
    tasks = range_tasks(store, plain(runs), [number * 1000 for number in range(len(shards))], range_bytes)
    assert len(tasks) == max(1, -(-sum(file.text_bytes for file in runs) // range_bytes))
    outcome = IndexTask(store=store, name="index", parts=tuple(files_of([task.run() for task in tasks], "range"))).run()
    expected = io.BytesIO()
    stat = write_doc_index(expected, shards)
    assert store.read(outcome.files["index"][0].path) == expected.getvalue()
    assert outcome.facts == asdict(stat)


def test_a_family_stands_on_one_side_and_a_document_without_one_by_its_own_id():
    ids = [number.to_bytes(16, "big") for number in range(400)]
    families = [None if number % 4 == 0 else ids[number - number % 4] for number in range(400)]
    batch = pa.RecordBatch.from_pydict({"id": pa.array(ids, pa.binary(16)), "near__family": pa.array(families, pa.binary(16))})
    whole = {"store": None, "name": "", "part": None, "tokenizer": None, "end": "", "seed": 0, "license_column": None, "spill_bytes": 0}
    sides = EncodeTask(**whole, split=SplitConfig(validation=0.3, test=0.2), held_by=("near__family",))._splits(batch)
    assert (sides.reshape(-1, 4) == sides[::4, None]).all()
    assert set(sides.tolist()) == {0, 1, 2}
    alone = EncodeTask(**whole, split=SplitConfig(validation=0.3, test=0.2))._splits(batch)
    assert (alone[::4] == sides[::4]).all()
    assert (alone != sides).any()
