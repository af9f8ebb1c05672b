"""AdamW (Loshchilov & Hutter 2019) with rates of their own for embedding and head; the learning rate as a pure function of the step.

An embedding row gets a gradient only when its token occurs, so in a short run rare tokens need a far higher rate than matrices that learn
from every token; nanochat's ratios (embedding 0.2, head 0.004, both AdamW) point the same way. Warmup, hold, fall: Hu et al. 2024 (WSD).
"""

import math

import torch
from torch import nn

from train.config import Config
from train.model import Decoder


def make_optimizer(model: Decoder, config: Config) -> torch.optim.AdamW:
    """One fused AdamW; groups carry `peak`, the rate that the schedule scales. Only matrices inside layers decay."""
    embedding: list[nn.Parameter] = []
    head: list[nn.Parameter] = []
    matrices: list[nn.Parameter] = []
    vectors: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if name == "model.embed_tokens.weight":
            embedding.append(parameter)
        elif name == "lm_head.weight":
            head.append(parameter)
        else:
            (matrices if parameter.ndim == 2 else vectors).append(parameter)
    groups = [
        {"params": embedding, "peak": config.lr * (config.head_lr if config.model.tied else config.embedding_lr), "weight_decay": 0.0},
        {"params": head, "peak": config.lr * config.head_lr, "weight_decay": 0.0},
        {"params": matrices, "peak": config.lr, "weight_decay": config.weight_decay},
        {"params": vectors, "peak": config.lr, "weight_decay": 0.0},
    ]
    groups = [{**group, "lr": group["peak"]} for group in groups if group["params"]]
    return torch.optim.AdamW(groups, betas=config.betas, eps=1e-10, fused=True)


def schedule(step: int, config: Config) -> float:
    """Factor on the peak rate at step 0..steps-1: rises over the warmup, holds, falls to 0 one step past the end."""
    rise = min(1.0, (step + 1) / config.warmup_steps)
    if config.schedule == "cosine":
        done = max(0, step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
        return rise * 0.5 * (1 + math.cos(math.pi * done))
    return rise * min(1.0, (config.steps - step) / max(1, config.steps - config.decay_start))


def set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Scale every group's peak."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor
