"""A Ray cluster of three nodes on this machine that loses its driver, and then a node in the middle: the run ends, with the same bytes."""

import os
import subprocess
import sys

import law_corpus
import pytest

from curate.engine.corpus import make
from curate.engine.ray import RayEngine
from curate.recipe import from_dict
from curate.shards.digest import tree_digest
from curate.store import Store


@pytest.fixture
def cluster():
    """A head without cores and two nodes of one core each; whoever speaks to `ray` in this process speaks to it."""
    import ray
    from ray.cluster_utils import Cluster

    assert not ray.is_initialized()
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [made.add_node(num_cpus=1) for _ in range(2)]
    made.wait_for_nodes()
    yield made, nodes
    ray.shutdown()
    made.shutdown()


DRIVER = """
import sys, law_corpus
from pathlib import Path
from curate import ledger
from curate.engine.corpus import make
from curate.engine.ray import RayEngine
from curate.recipe import from_dict
from curate.store import Store
ledger.PUT_SHARE = float("inf")
make(from_dict(law_corpus.recipe(Path(sys.argv[1]))), Store(sys.argv[2]), RayEngine(2, sys.argv[3]))
"""


class KillsANode:
    """Watches the run, and kills a node when so many tasks are done."""

    def __init__(self, cluster, node, after):
        self.cluster, self.node, self.left = cluster, node, after

    def phase(self, label, num_tasks, num_done):
        """Nothing."""

    def task(self, outcome):
        """One task less until the deed."""
        self.left -= 1
        if self.left == 0:
            self.cluster.remove_node(self.node, allow_graceful=False)


@pytest.mark.slow
def test_a_killed_driver_and_then_a_killed_node_change_no_byte(cluster, laws, reference, tmp_path):
    """The driver dies; the cluster, and what is in its ledger, stay; the second driver ends the run, though a node dies under it."""
    made, nodes = cluster
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "CURATE_FAILPOINT": "after_commit:8"}
    command = [sys.executable, "-c", DRIVER, str(laws), str(tmp_path), made.address]
    killed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == 137, killed.stderr[-2000:]
    done = len(Store(str(tmp_path)).list("ledger"))
    engine, watcher = RayEngine(2, made.address), KillsANode(made, nodes[0], after=15)
    make(from_dict(law_corpus.recipe(laws)), Store(str(tmp_path)), engine, watcher)
    engine.close()
    assert done == 8
    assert watcher.left < 0
    assert tree_digest(Store(str(tmp_path)), law_corpus.FOLDERS) == reference[1]
