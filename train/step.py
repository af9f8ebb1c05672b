"""One step, in parts: the untrained model with its optimizers, the gradient of a batch, the update; and how long a step takes here."""

import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

from train.config import Config, Device, TrainError
from train.distributed import World, last_part, shared
from train.model import Decoder
from train.optim import make_optimizers, set_rate


def make(
    config: Config, device: Device, prior: np.ndarray | None = None, world: World | None = None
) -> tuple[Decoder, list[Optimizer], nn.Module]:
    """The untrained model, its optimizers, and the function from rows to the sum of their losses.

    A function of the config's seed and the tokens' frequencies (natural logs), the same in all processes.
    """
    world = world or World(device=device.type)
    if device.shard and config.optimizer == "muon":
        raise TrainError("--shard: expected optimizer adamw, got muon, which needs whole matrices; leave one of them off")
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    model = Decoder(config.model)
    if prior is not None:
        model.start_at_unigram(torch.from_numpy(prior).float())
    model.to(world.device)
    model.model.recompute = device.recompute
    if device.compile:
        for layer in model.model.layers:
            layer.compile(dynamic=False)
    loss = shared(model, world, device.shard)
    return model, make_optimizers(model, config), loss


def gradient(loss: nn.Module, rows: Tensor, valid: int, device: Device, world: World) -> float:
    """Leave in the parameters the gradient of the mean loss over `valid` targets, those of all processes; returns that loss.

    rows int32[rows, T + 1]: this process's.
    """
    total = torch.zeros((), device=rows.device)
    parts = rows.split(device.micro_rows)
    kind = rows.device.type
    for number, part in enumerate(parts, 1):
        with last_part(loss, number == len(parts)), torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            share = loss(part.long()) / valid
            (share * world.size).backward()  # processes take the mean of their gradients, a sum is wanted
        total = total + share.detach()
    return float(world.sum(total))


def clip(model: Decoder, config: Config) -> float:
    """Cut the gradient to the config's norm; returns its norm before."""
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)


def update(
    model: Decoder, optimizers: list[Optimizer], loss: nn.Module, batch: np.ndarray, factor: float, config: Config, device: Device
) -> tuple[float, float]:
    """One step of a single process on batch int32[rows, T + 1]: (loss in nats a valid target, gradient norm before clipping)."""
    rows = torch.from_numpy(batch).to(device.type)
    total = gradient(loss, rows, max(1, int((batch[:, 1:] >= 0).sum())), device, World(device=device.type))
    norm = clip(model, config)
    set_rate(optimizers, factor)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return total, norm


def seconds_per_step(config: Config, device: Device) -> float:
    """Median of up to five steps, for two seconds at most, after one to warm up, on a model of the same shape that is thrown away."""
    model, optimizers, loss = make(config, device)
    rng = np.random.default_rng(config.seed)
    seconds: list[float] = []
    while len(seconds) < 2 or (len(seconds) < 6 and sum(seconds[1:]) < 2.0):
        batch = rng.integers(0, config.model.vocab_size, (config.rows, config.model.context + 1), dtype=np.int32)
        started = time.perf_counter()
        update(model, optimizers, loss, batch, 1e-3, config, device)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[1:]))
