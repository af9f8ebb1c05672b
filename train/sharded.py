"""Checkpoints of which each process writes its own part: torch.distributed.checkpoint (`--sharded-checkpoints`).

    checkpoints/step-00000120/
      .metadata, __0_0.distcp, __1_0.distcp …   weights.<name>, optimizer.<kind>.<name>, cut as the processes had them
      config.json, state.json                   as in checkpoint.py, which finishes the folder

No process ever holds the whole model, and any other number of processes, with copies or with parts of the parameters, reads them: the
metadata say which part of which tensor lies where. `train export` makes of one what `transformers` opens.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.optim import Optimizer

from train.model import Decoder

METADATA = ".metadata"
FAILURES = (OSError, RuntimeError, dcp.api.CheckpointException)
"""What writing can raise; the last is no Exception, and names the processes that failed."""


def group() -> dist.ProcessGroup | None:
    """A group of all processes for the writing threads, so that they do not talk across the training; every process must call it."""
    return dist.new_group(backend="gloo") if dist.is_initialized() else None


def begin(part: Path, model: Decoder, optimizers: list[Optimizer], of: dist.ProcessGroup | None) -> Callable[[], None]:
    """Copy this process's part of parameters and moments; returns what waits until all processes have written theirs to `part`."""
    state: dict[str, Tensor] = {f"weights.{name}": parameter.detach() for name, parameter in model.named_parameters()}
    for name, parameter in model.named_parameters():
        for optimizer in optimizers:
            state |= {f"optimizer.{kind}.{name}": value for kind, value in optimizer.state.get(parameter, {}).items()}
    if of is None:
        copies = {name: value.to("cpu", copy=True) for name, value in state.items()}
        return lambda: _alone(copies, part)
    future: Any = dcp.async_save(state, checkpoint_id=part, process_group=of)
    return lambda: _until(future)


def _alone(state: dict[str, Tensor], part: Path) -> None:
    with warnings.catch_warnings(action="ignore"):  # that there is one process is no news
        dcp.save(state, checkpoint_id=part, no_dist=True)


def _until(future: Any) -> None:
    future.result()


def _stored(path: Path) -> dict[str, TensorStorageMetadata]:
    found = dcp.FileSystemReader(path).read_metadata().state_dict_metadata
    return {name: one for name, one in found.items() if isinstance(one, TensorStorageMetadata)}


def sizes(path: Path) -> dict[str, list[int]]:
    """The shape of each parameter in a checkpoint."""
    return {name.removeprefix("weights."): list(one.size) for name, one in _stored(path).items() if name.startswith("weights.")}


def restore(path: Path, model: Decoder, optimizers: list[Optimizer]) -> None:
    """Fill model and optimizers in place, each process its own part; every process must call it."""
    own = dict(model.named_parameters())
    state: dict[str, Tensor] = {f"weights.{name}": parameter.detach() for name, parameter in own.items()}
    for key, stored in _stored(path).items():
        if not optimizers or not key.startswith("optimizer."):
            continue
        kind, _, name = key.removeprefix("optimizer.").partition(".")
        parameter = own[name]
        # a counter is not cut, moments are cut as their parameter is
        if stored.size == parameter.shape:
            empty = torch.zeros_like(parameter.detach())
        else:
            empty = torch.zeros(stored.size, dtype=stored.properties.dtype, device=parameter.device)
        state[key] = empty
        for optimizer in optimizers:
            if any(parameter is one for group in optimizer.param_groups for one in group["params"]):
                optimizer.state[parameter][kind] = empty
    with warnings.catch_warnings(action="ignore"):
        dcp.load(state, checkpoint_id=path, no_dist=not dist.is_initialized())


def reason(error: BaseException) -> str:
    """What went wrong, in a line: of several processes the first that failed."""
    if isinstance(error, dcp.api.CheckpointException):
        rank, (cause, _) = sorted(error.failures.items())[0]
        return f"{cause} in process {rank}" if len(error.failures) and dist.is_initialized() else str(cause)
    return str(error)
