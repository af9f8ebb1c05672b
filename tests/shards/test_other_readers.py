"""Shards and index open in the readers that people have: pyarrow, polars, duckdb, Hugging Face datasets, Ray Data."""

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pytest
import token_corpora


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return token_corpora.small(tmp_path_factory.mktemp("other") / "run")


@pytest.fixture(scope="module")
def paths(shards):
    return sorted(map(str, shards.glob("shard-*.arrow")))


EXPECTED = [tokens.tolist() for tokens in token_corpora.documents(120)]


def test_pyarrow(shards, paths):
    table = pyarrow.dataset.dataset(paths, format="ipc").to_table()
    assert table["tokens"].to_pylist() == EXPECTED
    with pa.memory_map(paths[0]) as source:
        before = pa.total_allocated_bytes()
        batch = pa.ipc.open_file(source).get_batch(0)
        assert len(batch["tokens"].values) == sum(map(len, EXPECTED[:60]))
        assert pa.total_allocated_bytes() - before < 4096  # mapped, not copied
    index = pyarrow.dataset.dataset(str(shards / "doc_index.arrow"), format="ipc").to_table()
    assert index["doc_id"].to_pylist() == sorted(table["doc_id"].to_pylist())


def test_polars(paths):
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = polars.scan_ipc(paths).select("tokens", "doc_id", "source").collect()
    assert frame["tokens"].to_list() == EXPECTED
    assert frame["tokens"].dtype == polars.List(polars.UInt16)
    lazy = polars.scan_ipc(paths).group_by("source").agg(polars.col("tokens").list.len().sum()).sort("source").collect()
    assert lazy["tokens"].sum() == sum(map(len, EXPECTED))


def test_duckdb(paths):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    shards = pyarrow.dataset.dataset(paths, format="ipc")  # noqa: F841, duckdb finds it by its name
    assert [row[0] for row in duckdb.sql("select tokens from shards").fetchall()] == EXPECTED
    ((total,),) = duckdb.sql("select sum(len(tokens)) from shards where split = 0 and repeats = 1").fetchall()
    assert total == sum(map(len, EXPECTED))


def test_hugging_face_datasets(paths):
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    with pa.memory_map(paths[0]) as source:
        found = datasets.Dataset(pa.ipc.open_file(source).read_all())
        assert found[3]["tokens"] == EXPECTED[3]
        assert found.with_format("numpy")[5]["tokens"].tolist() == EXPECTED[5]
        assert len(found) == 60


def test_the_stream_inside_a_shard(paths):
    """An IPC file holds an IPC stream from byte 8 on, for readers that know streams only."""
    with open(paths[1], "rb") as file:
        file.seek(8)
        batches = list(pa.ipc.open_stream(file))
    assert [row for batch in batches for row in batch["tokens"].to_pylist()] == EXPECTED[60:]


@pytest.mark.slow
def test_ray_data(paths):
    ray = pytest.importorskip("ray", reason="ray is not installed")
    data = pytest.importorskip("ray.data", reason="ray.data's packages are not installed")
    if not ray.is_initialized():
        ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        tables = [pa.ipc.open_file(pa.memory_map(path)).read_all() for path in paths]
        found = data.from_arrow(tables)
        assert found.count() == 120
        assert [row["tokens"] for row in found.take(3)] == EXPECTED[:3] or [
            np.asarray(r["tokens"]).tolist() for r in found.take(3)
        ] == EXPECTED[:3]
    finally:
        ray.shutdown()
