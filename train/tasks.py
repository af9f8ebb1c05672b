"""Multiple-choice and cloze tasks from local JSONL files, scored by the probability of the answers.

    {"query": "The sky is", "choices": [" blue", " green"], "gold": 0}        multiple choice
    {"context": "The capital of France is", "continuation": " Paris"}         cloze

Multiple choice: `acc` takes the likeliest choice, `acc_norm` the likeliest a byte (Brown et al. 2020, §2.4; as lm-eval names them), and
`centred` is acc_norm rescaled so that guessing is 0 and knowing 1 (Li et al. 2024, DCLM, CORE). Cloze: `acc` is the share of continuations
that are the greedy ones, `bits_per_byte` what they cost. Intervals are of the bootstrap over items.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from train.answer import Answering
from train.config import TrainError
from train.evaluate import interval


@dataclass(frozen=True)
class Score:
    """A task's figures."""

    task: str
    kind: str
    """choice or cloze"""
    items: int
    acc: float
    acc_norm: float | None
    centred: float | None
    bits_per_byte: float | None
    low: float
    high: float
    """Interval of acc_norm for choices, of acc for cloze."""


def read(path: Path) -> list[dict[str, Any]]:
    """A task's items; TrainError with file and line for one that is not understood."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainError(f"{path}: expected a JSONL file in UTF-8, got {error}; check the path") from None
    items = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except ValueError as error:
            raise TrainError(f"{path}:{number}: expected a JSON object, got {error}; mend the line") from None
        _check(item, f"{path}:{number}")
        items.append(item)
    if not items:
        raise TrainError(f"{path}: expected items, got an empty file; give one JSON object a line")
    if len({"choices" in item for item in items}) > 1:
        raise TrainError(f"{path}: expected items of one kind, got choices and cloze; split the file")
    return items


def _check(item: Any, place: str) -> None:
    if isinstance(item, dict) and isinstance(item.get("context"), str) and isinstance(item.get("continuation"), str):
        return
    if not (isinstance(item, dict) and isinstance(item.get("query"), str) and isinstance(item.get("choices"), list)):
        fields = sorted(item) if isinstance(item, dict) else item
        raise TrainError(f"{place}: expected `query`, `choices` and `gold`, or `context` and `continuation`, got {fields}; see --help")
    gold = item.get("gold")
    if not (isinstance(gold, int) and 0 <= gold < len(item["choices"]) and all(isinstance(choice, str) for choice in item["choices"])):
        raise TrainError(
            f"{place}: expected texts as choices and `gold` a number of one of {len(item['choices'])}, got {gold}; mend the line"
        )


def score(model: Answering, name: str, items: Sequence[dict[str, Any]]) -> Score:
    """The figures of one task."""
    return _choices(model, name, items) if "choices" in items[0] else _cloze(model, name, items)


def _choices(model: Answering, name: str, items: Sequence[dict[str, Any]]) -> Score:
    pairs = [(item["query"], choice) for item in items for choice in item["choices"]]
    found = iter(model.log_probabilities(pairs))
    right, right_norm, chance = [], [], []
    for item in items:
        logs = np.array([next(found)[0] for _ in item["choices"]])
        sizes = np.array([max(1, len(choice.encode())) for choice in item["choices"]])
        right.append(int(logs.argmax()) == item["gold"])
        right_norm.append(int((logs / sizes).argmax()) == item["gold"])
        chance.append(1 / len(item["choices"]))
    norm, guess = float(np.mean(right_norm)), float(np.mean(chance))
    low, high = share_interval(right_norm)
    centred = (norm - guess) / (1 - guess) if guess < 1 else 0.0
    return Score(name, "choice", len(items), float(np.mean(right)), norm, centred, None, low, high)


def _cloze(model: Answering, name: str, items: Sequence[dict[str, Any]]) -> Score:
    found = model.log_probabilities([(item["context"], item["continuation"]) for item in items])
    right = [greedy for _, greedy in found]
    sizes = sum(len(item["continuation"].encode()) for item in items)
    bits = -sum(log for log, _ in found) / math.log(2) / max(1, sizes)
    low, high = share_interval(right)
    return Score(name, "cloze", len(items), float(np.mean(right)), None, None, bits, low, high)


def share_interval(right: Sequence[bool]) -> tuple[float, float]:
    """Bootstrap interval of the share of items that are right."""
    low, high = interval(np.array(right, dtype=float) * math.log(2), np.ones(len(right)))
    return low, high
