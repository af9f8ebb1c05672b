"""Several processes on one run, as `torchrun` starts them: who is who, sums over all, a model that they share.

Each takes its part of every batch (plan.py) and the gradient is that of the whole batch's mean over its valid targets, so the run is the
same with any number of processes up to the order of float sums. DDP keeps a copy of the model in each; `shard` cuts parameters, gradients
and optimizer state over all (FSDP2, Zhao et al. 2023).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn.parallel import DistributedDataParallel

from train.config import TrainError
from train.model import Decoder


@dataclass(frozen=True)
class World:
    """This process among all."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"
    """`cpu`, or this process's own GPU, such as `cuda:1`."""

    @property
    def leads(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    def rows(self, batch_rows: int) -> int:
        """Rows of a batch that this process takes; TrainError where they cannot be shared out evenly."""
        if batch_rows % self.size:
            raise TrainError(
                f"--batch-tokens: expected a multiple of {self.size} rows, one part a process, got {batch_rows} rows; change it, or the processes"
            )
        return batch_rows // self.size

    def sum(self, value: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.size > 1:
            value = value.clone()
            dist.all_reduce(value)
        return value

    def gather(self, values: Tensor) -> Tensor:
        """int64[n] of every process, one behind the other."""
        if self.size == 1:
            return values
        parts = [torch.empty_like(values) for _ in range(self.size)]
        dist.all_gather(parts, values)
        return torch.cat(parts)

    def said_by_lead(self, value: Any) -> Any:
        """The lead's value, everywhere: clocks and signals differ between processes."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def world(device: str) -> Iterator[World]:
    """The world that torchrun's environment describes; this process alone where there is none."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    rank, local = int(os.environ.get("RANK", "0")), int(os.environ.get("LOCAL_RANK", "0"))
    own = f"cuda:{local}" if device == "cuda" else device
    if device == "cuda":
        torch.cuda.set_device(local)
    if size == 1:
        yield World(device=own)
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", rank=rank, world_size=size)
    try:
        yield World(rank, size, own)
    finally:
        dist.destroy_process_group()


class Loss(nn.Module):
    """The model as one function from rows to their losses or the sum of them: what DDP and FSDP wrap."""

    def __init__(self, model: Decoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, rows: Tensor, each: bool = False) -> Tensor:
        return self.model.losses(rows) if each else self.model.loss_sum(rows)


def shared(model: Decoder, world: World, shard: bool) -> nn.Module:
    """rows → sum of losses, its gradient averaged over all processes at the last part of a batch (`last_part`)."""
    loss = Loss(model)
    if world.size == 1:
        return loss
    if shard:
        for layer in model.model.layers:
            fully_shard(layer)
        fully_shard(loss)
        return loss
    return DistributedDataParallel(loss, device_ids=[world.device] if world.device != "cpu" else None, gradient_as_bucket_view=True)


@contextmanager
def last_part(loss: nn.Module, last: bool) -> Iterator[None]:
    """Gradients travel with the last part of a batch only."""
    if isinstance(loss, FSDPModule):
        loss.set_requires_gradient_sync(last)
    with loss.no_sync() if isinstance(loss, DistributedDataParallel) and not last else nullcontext():
        yield
