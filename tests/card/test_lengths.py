"""Lengths by id: those of the shards, also where two ids begin alike, and none for an id that is not there."""

import pyarrow as pa
import pytest

from curate import api
from curate.card import lengths
from curate.card.facts import SHARDS
from curate.card.folder import open_folder
from curate.errors import ShardError


def test_lengths_are_those_of_the_texts(tokenized):
    folder = open_folder(tokenized)
    known = lengths.of_shards(folder, folder.json(SHARDS))
    rows = api.open(tokenized.root).documents().to_table(columns=["id", "text"]).to_pylist()
    ids = pa.array([row["id"] for row in rows] + [b"?" * 16], pa.binary(16))
    text, tokens = known.of(ids)
    assert text.tolist() == [*(len(row["text"].encode()) for row in rows), 0]
    assert tokens.tolist() == [*(1 + len(row["text"].encode()) for row in rows), 0]
    assert known.of(ids.slice(3))[0].tolist() == text.tolist()[3:]


def test_ids_that_begin_alike_are_told_apart():
    ids = [b"a" * 8 + bytes([n]) * 8 for n in (2, 1)] + [b"b" * 16]
    columns = {
        "doc_id": pa.array(ids, pa.binary(16)),
        "piece": pa.array([0, 0, 0]),
        "n_bytes": pa.array([20, 10, 30]),
        "tokens": pa.array([[1], [2], [3]], pa.large_list(pa.uint16())),
    }
    known = lengths.of_batches(lambda: [pa.record_batch(columns)])
    assert known.keys.dtype == lengths.SIXTEEN
    assert known.of(pa.array([ids[1], ids[2], b"a" * 16], pa.binary(16)))[0].tolist() == [10, 30, 0]


def test_no_shards_no_lengths(tokenized, copy):
    store = copy(tokenized)
    folder = open_folder(store)
    empty = lengths.of_shards(folder, {"shards": []})
    assert empty.of(pa.array([b"x" * 16], pa.binary(16)))[0].tolist() == [0]
    path = folder.json(SHARDS)["shards"][0]["path"]
    store.write(f"shards/{path}", b"ARROW1")
    with pytest.raises(ShardError, match=rf"{path}: expected an Arrow IPC file, got"):
        lengths.of_shards(folder, folder.json(SHARDS))
