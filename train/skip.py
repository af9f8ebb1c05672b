"""Steps that are not taken: a loss or a gradient that is no number, or one far above those before it.

After OLMo 2 (2024, §3.2 of the report and its SkipStepOptimizer): a step is skipped where its loss or gradient norm lies SIGMAS standard
deviations above the mean of the last WINDOW steps that were taken. The batch is read, its documents are named in the log, and the
parameters stay as they were. What is skipped is a function of the losses alone, so a resumed run skips the same.

A norm that is high for batch after batch while the loss is as before tells of the parameters' place, not of a batch: who never steps never leaves it.
After PATIENCE such steps the next is taken, as far as clipping lets it, and its norm is among those that the following are measured by.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from train.config import TrainError

WINDOW = 128
LEAST = 32
"""Steps before a spike can be told from noise."""
SIGMAS = 6.0
PATIENCE = 3
"""So many steps one after the other may be skipped for a high norm alone."""
IN_A_ROW = 10
"""So many skipped steps one after the other end the run."""

NO_TARGETS = "no target in the batch"
"""Every row is masked: there is nothing to predict."""


class Guard:
    """Remembers the steps that were taken."""

    def __init__(self) -> None:
        self._losses: deque[float] = deque(maxlen=WINDOW)
        self._norms: deque[float] = deque(maxlen=WINDOW)
        self._in_a_row = 0
        self._high = 0
        """Steps skipped one after the other for a high norm alone."""

    @classmethod
    def of(cls, metrics: Iterable[Mapping[str, Any]]) -> "Guard":
        """What a run's record leaves."""
        guard = cls()
        for line in metrics:
            guard.note(line["loss"], line["grad_norm"], line.get("skipped"), line["step"])
        return guard

    def reason(self, loss: float, norm: float, targets: int = 1) -> str | None:
        """Why a step is to be skipped; None where it is not. targets: valid ones of the whole batch."""
        if targets == 0:
            return NO_TARGETS
        for name, value, past in (("loss", loss, self._losses), ("gradient norm", norm, self._norms)):
            if not math.isfinite(value):
                return f"{name} {value}"
            patient = past is self._losses or self._high < PATIENCE
            if patient and len(past) >= LEAST and value > (limit := _limit(past)):
                return f"{name} {value:.4g} over {limit:.4g}"
        return None

    def note(self, loss: float, norm: float, skipped: str | None, step: int) -> None:
        """Remember a step; TrainError after IN_A_ROW skipped ones."""
        if skipped is None:
            self._losses.append(loss)
            self._norms.append(norm)
            self._in_a_row = self._high = 0
            return
        self._in_a_row += 1
        self._high = self._high + 1 if skipped.startswith("gradient norm") and math.isfinite(norm) else 0
        if self._in_a_row == IN_A_ROW:
            advice = "start a new --output with a lower --lr" if skipped != NO_TARGETS else "give documents of two tokens and more"
            raise TrainError(
                f"step {step}: expected steps that can be taken, got {IN_A_ROW} skipped in a row, the last for {skipped}; {advice}"
            )


def _limit(past: deque[float]) -> float:
    mean = sum(past) / len(past)
    return mean + SIGMAS * math.sqrt(sum((value - mean) ** 2 for value in past) / len(past))
