"""A run's figures for TensorBoard, beside metrics.jsonl."""

from pathlib import Path
from typing import Any

from train.config import TrainError

NAMES = ("loss", "lr", "grad_norm", "tokens_per_second", "wait_seconds", "bits_per_byte", "unigram_bits_per_byte")


class TensorBoard:
    """Writes scalars by step to a folder; TrainError where the package is not installed."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise TrainError("--tensorboard: expected the package tensorboard, got none; install it, or leave the option off") from None
        self._writer = SummaryWriter(str(folder))

    def write(self, metrics: dict[str, Any]) -> None:
        """One line of metrics.jsonl."""
        for name in NAMES:
            if isinstance(metrics.get(name), int | float):
                self._writer.add_scalar(name, metrics[name], metrics["step"])

    def close(self) -> None:
        """To the disk."""
        self._writer.close()
