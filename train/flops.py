"""How much arithmetic a token takes, and how much of a GPU's peak a speed is.

PaLM's count (Chowdhery et al. 2022, appendix B): 6 per weight of a matrix product plus 12 · layers · width · context for attention, forward
and backward, with the output head once and the input embedding not at all. The exact count halves attention, which is causal.
"""

from train.config import ModelConfig

PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12, "RTX 4090": 165e12}
"""Dense bfloat16 FLOP/s by a part of the GPU's name, from the makers' data sheets."""


def weights(model: ModelConfig) -> int:
    """Weights of matrix products, the output head included."""
    head_width = model.width // model.heads
    attention = 2 * model.width * model.heads * head_width + 2 * model.width * model.kv_heads * head_width
    return model.depth * (attention + 3 * model.width * model.hidden) + model.vocab_size * model.width


def per_token(model: ModelConfig, causal: bool = False) -> int:
    """FLOPs of one token, forward and backward; `causal` counts what is computed where future positions are left out."""
    attention = 12 * model.depth * model.width * model.context
    return 6 * weights(model) + (attention // 2 if causal else attention)


def peak(device: str) -> float | None:
    """bfloat16 FLOP/s of the GPU; None on a CPU and where it is not known."""
    if not device.startswith("cuda"):
        return None
    import torch

    name = torch.cuda.get_device_name(device)
    return next((value for part, value in PEAKS.items() if part in name), None)


def mfu(model: ModelConfig, tokens_per_second: float, device: str, num_devices: int = 1, causal: bool = False) -> float | None:
    """Share of the peak that a speed is; None where there is none to compare with."""
    top = peak(device)
    return None if top is None else tokens_per_second * per_token(model, causal) / (top * num_devices)
