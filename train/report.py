"""A run's figures where people look at them beside metrics.jsonl: TensorBoard, Weights & Biases."""

from pathlib import Path
from typing import Any, Protocol

from train.config import Config, Device, TrainError

LEFT_OUT = ("step", "row", "batch_digest", "skipped", "peak_flops")
"""What metrics.jsonl has and no curve shows."""


class Report(Protocol):
    """Takes figures by step."""

    def write(self, metrics: dict[str, Any]) -> None:
        """One line of metrics.jsonl."""

    def close(self) -> None:
        """Until all is written."""


def reporters(output: Path, device: Device, config: Config) -> list[Report]:
    """Those that were asked for; TrainError where their package is not installed."""
    made: list[Report] = []
    if device.tensorboard:
        made.append(TensorBoard(output / "tensorboard"))
    if device.wandb is not None:
        made.append(WeightsAndBiases(output, device.wandb, config))
    return made


def figures(metrics: dict[str, Any]) -> dict[str, float]:
    """Name → number of what can be drawn; groups of held-out documents as `bits_per_byte/source: web`."""
    found = {name: value for name, value in metrics.items() if name not in LEFT_OUT and isinstance(value, int | float)}
    return found | {f"bits_per_byte/{name}": value for name, value in metrics.get("bits_per_byte_by", {}).items()}


class TensorBoard:
    """Writes scalars by step to a folder."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise TrainError("--tensorboard: expected the package tensorboard, got none; install it, or leave the option off") from None
        self._writer = SummaryWriter(str(folder))

    def write(self, metrics: dict[str, Any]) -> None:
        for name, value in figures(metrics).items():
            self._writer.add_scalar(name, value, metrics["step"])

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run in a project of Weights & Biases, named after the output folder; a resumed run goes on there.

    WANDB_MODE=offline keeps it on this machine, as the package's own documentation says.
    """

    def __init__(self, output: Path, project: str, config: Config) -> None:
        try:
            import wandb
        except ImportError:
            raise TrainError("--wandb: expected the package wandb, got none; install it, or leave the option off") from None
        kept = output / "wandb_id"
        if not kept.exists():
            kept.write_text(wandb.util.generate_id())
        try:
            self._run = wandb.init(
                project=project, name=output.resolve().name, dir=str(output), id=kept.read_text(), resume="allow", config=config.to_json()
            )
        except Exception as error:  # what the package raises without an account or a network changes with its versions
            raise TrainError(f"--wandb: expected a run in {project}, got {error}; log in, or set WANDB_MODE=offline") from None

    def write(self, metrics: dict[str, Any]) -> None:
        self._run.log(figures(metrics), step=metrics["step"])

    def close(self) -> None:
        self._run.finish()
