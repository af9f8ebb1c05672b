"""How much arithmetic a token takes, and how much of what the machine can do a speed is.

PaLM's count (Chowdhery et al. 2022, appendix B): 6 per weight of a matrix product plus 12 · layers · width · context for attention, forward
and backward, with the output head once and the input embedding not at all. The exact count takes for attention what is computed: each position
with those that it sees, which causality and the document mask limit. Padding counts in both: it is computed.

The peak is the maker's for dense bfloat16 on a GPU that is known here; on any other GPU it is what one large matrix product reaches, measured at
the start; on a CPU what one thread reaches with one, times the threads of the run: several at once would measure how busy the machine is.
"""

import time
from dataclasses import dataclass
from functools import cache

import numpy as np

from train.config import ModelConfig

PEAKS = {"H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12, "RTX 4090": 165e12}
"""Dense bfloat16 FLOP/s by a part of the GPU's name, the first that fits, from the makers' data sheets."""


@dataclass(frozen=True)
class Peak:
    """FLOP/s that a share is of."""

    flops: float
    of: str
    """What that is."""

    def __str__(self) -> str:
        return f"{self.flops / 1e12:,.3g} TFLOP/s, {self.of}"


def weights(model: ModelConfig) -> int:
    """Weights of matrix products, the output head included."""
    head_width = model.width // model.heads
    attention = 2 * model.width * model.heads * head_width + 2 * model.width * model.kv_heads * head_width
    return model.depth * (attention + 3 * model.width * model.hidden) + model.vocab_size * model.width


def per_token(model: ModelConfig) -> int:
    """FLOPs of one token, forward and backward, by PaLM's count."""
    return 6 * weights(model) + 12 * model.depth * model.width * model.context


def exact(model: ModelConfig, tokens: int, attended: float) -> float:
    """FLOPs of so many positions, of which attention computes `attended` pairs, forward and backward."""
    return 6 * weights(model) * tokens + 12 * model.depth * model.width * attended


def attended(rows: np.ndarray, model: ModelConfig) -> int:
    """Pairs of positions (one that looks, one that it sees, itself included) in rows int32[B, T + 1] of a plan."""
    num, T = rows.shape[0], rows.shape[1] - 1
    if not model.document_mask:
        return num * T * (T + 1) // 2
    ids = rows[:, :-1]
    starts = (ids == model.boundary_id) | (ids < 0)  # as documents_of in model.py
    starts[:, 0] = True
    lengths = np.diff(np.append(np.flatnonzero(starts), num * T))
    return int((lengths * (lengths + 1) // 2).sum())


def peak(device: str, threads: int = 1) -> Peak:
    """What a device can do; threads: of the run, on a CPU."""
    import torch

    if not device.startswith("cuda"):
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        one = _measured("cpu")
        torch.set_num_threads(before)
        times = f", times {threads} threads" if threads > 1 else ""
        return Peak(threads * one, f"a float32 matrix product on one thread of this CPU, measured{times}")
    name = torch.cuda.get_device_name(device)
    known = next((value for part, value in PEAKS.items() if part in name), None)
    if known is not None:
        return Peak(known, f"dense bfloat16 of an {name} by its data sheet")
    return Peak(_measured(device), f"a bfloat16 matrix product of an {name}, measured")


@cache
def _measured(device: str) -> float:
    """FLOP/s of a square matrix product, the best of several, for a seventh of a second at least."""
    import torch

    size, dtype = (512, torch.float32) if device == "cpu" else (8192, torch.bfloat16)
    left, right = (torch.ones(size, size, device=device, dtype=dtype) for _ in range(2))
    seconds: list[float] = []
    began = time.perf_counter()
    while len(seconds) < 4 or time.perf_counter() - began < 0.15:
        started = time.perf_counter()
        torch.mm(left, right)
        if device != "cpu":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds)
