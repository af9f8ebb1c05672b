"""`train --processes` on a Ray cluster is `train`."""

import json
import os
from pathlib import Path

import processes
import pytest

from train.config import TrainError
from train.ray import launch

ROOT = Path(__file__).parents[2]
WORDS = ["--steps", "3", "--context", "16", "--batch-tokens", "128", "--depth", "1", "--width", "64", "--device", "cpu", "--threads", "1"]


@pytest.fixture(scope="module")
def address():
    """A cluster of two cores that outlives those who use it."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)  # what its workers start with
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
        yield made.address
        made.shutdown()


@pytest.mark.slow
def test_two_processes_on_ray(address, shards, tmp_path):
    """Losses of one process and of two on Ray, from the command as a person gives it."""
    found = {}
    for name, more in {"one": [], "two": ["--processes", "2", "--ray-address", address]}.items():
        (tmp_path / name).mkdir()
        words = ["--shards", str(shards), "--output", str(tmp_path / name / "run"), *WORDS, *more]
        assert processes.start([{}], words, tmp_path / name)[0] == [0], (tmp_path / name / "said-0.txt").read_text()
        lines = [json.loads(line) for line in (tmp_path / name / "run" / "metrics.jsonl").read_text().splitlines()]
        found[name] = [(line["batch_digest"], round(line["loss"], 4)) for line in lines]
    assert found["one"] == found["two"]


@pytest.mark.slow
def test_no_room(address):
    with pytest.raises(TrainError, match=r"--processes: expected room for 9999 times \{'CPU': 1.0\} on the Ray cluster, got \{'CPU': 2.0"):
        launch([], 9999, address, False)
