"""A run on a Ray cluster of three nodes on this machine, one of them killed in the middle: its digests beside those of a run in one process.

    python -m tests.bench.node_death [--recipe pipelines/web.yaml] [--input URI] [--after 10]

Prints what happened and when; exit code 1 if a byte differs.
"""

import argparse
import sys
import tempfile
import time

from ray.cluster_utils import Cluster
from rich.console import Console
from rich.table import Table

from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.engine.ray import RayEngine
from curate.recipe import load
from curate.shards.digest import tree_digest
from curate.store import Store

FOLDERS = ("documents", "removed", "tokenizer", "shards", "card", "ledger.jsonl")


class Killer:
    """Kills a node when so many tasks are done, and says so."""

    def __init__(self, cluster, node, after, console):
        self.cluster, self.node, self.after, self.console = cluster, node, after, console
        self.done, self.started = 0, time.perf_counter()

    def phase(self, label, num_tasks, num_done):
        """Say where the run is."""
        self.say(f"{label}: {num_tasks} tasks")

    def task(self, outcome):
        """Count, and kill once."""
        self.done += 1
        if self.done == self.after:
            self.cluster.remove_node(self.node, allow_graceful=False)
            self.say(f"node killed after {self.done} tasks")

    def say(self, text):
        """A line with the seconds since the start."""
        self.console.print(f"{time.perf_counter() - self.started:7.1f} s  {text}", highlight=False)


def main():
    """Both runs, and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="pipelines/web.yaml")
    parser.add_argument("--input", action="append", default=[])
    parser.add_argument("--after", type=int, default=10)
    options = parser.parse_args()
    recipe, console = load(options.recipe, ["limits.part_bytes=500000"], options.input), Console(width=120)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(3)]
    cluster.wait_for_nodes()
    with tempfile.TemporaryDirectory() as folder:
        killer = Killer(cluster, nodes[1], options.after, console)
        engine = RayEngine(3, cluster.address)
        make(recipe, Store(f"{folder}/ray"), engine, killer)
        engine.close()
        killer.say("done")
        cluster.shutdown()
        make(recipe, Store(f"{folder}/local"), LocalEngine(1))
        ways = [tree_digest(Store(f"{folder}/{way}"), FOLDERS) for way in ("ray", "local")]
    differing = sorted(path for path in ways[0].keys() | ways[1].keys() if ways[0].get(path) != ways[1].get(path))
    table = Table("file", "three nodes, one killed", "one process")
    for path in sorted(ways[0]):
        table.add_row(path, ways[0][path][:16], ways[1].get(path, "")[:16])
    console.print(table)
    console.print("the same" if not differing else f"NOT the same: {differing}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
