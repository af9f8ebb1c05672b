"""Processes of one training run on a Ray cluster, the one that `curate` ran on: `train --processes 8 --ray-address auto`.

Ray places them and starts each as torchrun would, with the address of the first; what they do from there on is train/distributed.py. The
shards and the output must lie where every node sees them under the same path. A process that dies ends the run with its message, and
`--resume` goes on, with as many processes as there are then.
"""

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import ray
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from train.config import TrainError

LINES = 40
"""Of a failed process's output, the last that are shown."""


class Process:
    """One process of the run, held by an actor."""

    def address(self) -> tuple[str, int]:
        """This node's address and a port that is free on it."""
        with socket.socket() as found:
            found.bind(("", 0))
            return ray.util.get_node_ip_address(), found.getsockname()[1]

    def run(self, arguments: Sequence[str], rank: int, size: int, master: tuple[str, int], folder: str) -> tuple[int, str]:
        """(exit code, the end of the output) of `train` as process `rank` of `size`; the lead's output is shown as it comes."""
        world = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": 0, "MASTER_ADDR": master[0], "MASTER_PORT": master[1]}
        environment = os.environ | {key: str(value) for key, value in world.items()}
        command = [sys.executable, "-m", "train", *arguments]
        child = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert child.stdout is not None
        said: list[str] = []
        for line in child.stdout:
            said = [*said[-LINES:], line]
            if rank == 0:
                print(line, end="", flush=True)
        return child.wait(), "".join(said)


def launch(arguments: Sequence[str], processes: int, address: str | None, gpus: bool) -> None:
    """Run `train ARGUMENTS` in so many processes, each with a core or a GPU of its own; TrainError where one fails or there is no room."""
    ray.init(address=address, ignore_reinit_error=True, log_to_driver=True, logging_level=logging.ERROR)
    need = {"CPU": 1.0} | ({"GPU": 1.0} if gpus else {})
    there = ray.cluster_resources()
    if any(there.get(name, 0.0) < processes * amount for name, amount in need.items()):
        ray.shutdown()
        has = {name: there.get(name, 0.0) for name in need}
        raise TrainError(f"--processes: expected room for {processes} times {need} on the Ray cluster, got {has} in all; ask for fewer")
    group = placement_group([need] * processes, strategy="PACK")
    try:
        ray.get(group.ready())  # waits for what others hold now
        actor: Any = ray.remote(num_cpus=1, num_gpus=int(gpus))(Process)
        places = [PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=i) for i in range(processes)]
        made = [actor.options(scheduling_strategy=place).remote() for place in places]
        master = ray.get(made[0].address.remote())
        waiting = {one.run.remote(list(arguments), rank, processes, master, os.getcwd()): rank for rank, one in enumerate(made)}
        while waiting:
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            rank = waiting.pop(done)
            code, said = ray.get(done)
            if code:
                raise TrainError(f"process {rank} of {processes}: expected exit code 0, got {code}; it said:\n{said}")
    finally:
        remove_placement_group(group)
        ray.shutdown()
