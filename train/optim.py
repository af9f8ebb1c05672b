"""AdamW (Loshchilov & Hutter 2019) with rates of their own for embedding and head, Muon (Jordan et al. 2024) for the matrices by option;
the learning rate as a pure function of the step.

An embedding row gets a gradient only when its token occurs, so in a short run rare tokens need a far higher rate than matrices that learn
from every token; nanochat's ratios (embedding 0.2, head 0.004, both AdamW) point the same way. Warmup, hold, fall: Hu et al. 2024 (WSD).
"""

import math
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from train.config import Config
from train.model import Decoder


def make_optimizers(model: Decoder, config: Config) -> list[Optimizer]:
    """Fused AdamW for everything, or Muon for the matrices inside layers and AdamW for the rest.

    Groups carry `peak`, the rate that the schedule scales. Only matrices inside layers decay. Muon's update is scaled to the size of AdamW's
    (Liu et al. 2025, "Muon is scalable"), so that one rate serves both.
    """
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
        _group(embedding, config.lr * (config.head_lr if config.model.tied else config.embedding_lr), 0.0),
        _group(head, config.lr * config.head_lr, 0.0),
        _group(matrices, config.lr, config.weight_decay),
        _group(vectors, config.lr, 0.0),
    ]
    made: list[Optimizer] = []
    if config.optimizer == "muon":
        made.append(torch.optim.Muon([groups.pop(2)], momentum=0.95, nesterov=True, adjust_lr_fn="match_rms_adamw"))
    groups = [group for group in groups if group["params"]]
    return [torch.optim.AdamW(groups, betas=config.betas, eps=1e-10, fused=True), *made]


def _group(parameters: list[nn.Parameter], peak: float, weight_decay: float) -> dict[str, Any]:
    return {"params": parameters, "peak": peak, "lr": peak, "weight_decay": weight_decay}


def schedule(step: int, config: Config) -> float:
    """Factor on the peak rate at step 0..steps-1: rises over the warmup, holds, falls to 0 one step past the end."""
    rise = min(1.0, (step + 1) / config.warmup_steps)
    if config.schedule == "cosine":
        done = max(0, step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
        return rise * 0.5 * (1 + math.cos(math.pi * done))
    return rise * min(1.0, (config.steps - step) / max(1, config.steps - config.decay_start))


def set_rate(optimizers: list[Optimizer], factor: float) -> None:
    """Scale every group's peak."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor
