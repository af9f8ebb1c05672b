"""The model of a run inside lm-eval (EleutherAI's harness, extra `lm-eval`): no conversion, no second copy of the weights.

    train eval runs/web/train --harness arc_easy,my_task --include tasks/

Texts stand behind one boundary token, as documents do in training, and never behind two; rows go through the model `answer.ROWS` at a time,
which changes no figure, since padding stands behind what is scored. Both are in the output of `--json`, because scores of one harness
under other rules are not comparable.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from train.answer import ROWS, Answering
from train.config import TrainError

MAX_NEW_TOKENS = 256
"""Of a generation, where a task does not say."""


def adapter(model: Answering) -> Any:
    """An `lm_eval.api.model.LM` that asks the model. TrainError where the package is not installed."""
    try:
        from lm_eval.api.model import LM
    except ImportError:
        raise TrainError("--harness: expected the package lm-eval, got none; install it, or score JSONL files with --task") from None

    class InMemory(LM):  # type: ignore[misc]  # its base class is known at run time only
        """The three questions that the harness asks."""

        def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
            return model.log_probabilities([request.args for request in requests])

        def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
            return [model.log_probability(request.args[0]) for request in requests]

        def generate_until(self, requests: Sequence[Any]) -> list[str]:
            return [_generated(model, *request.args) for request in requests]

    return InMemory()


def _generated(model: Answering, context: str, options: dict[str, Any]) -> str:
    """The continuation up to the first of the strings that end it."""
    until = options.get("until") or []
    ends = [until] if isinstance(until, str) else list(until)
    temperature = float(options.get("temperature", 0.0)) if options.get("do_sample") else 0.0
    tokens = int(options.get("max_gen_toks", MAX_NEW_TOKENS))
    text = model.continue_text(context, tokens, temperature, until=ends)
    return text[: min([len(text), *(text.find(end) for end in ends if end in text)])]


def evaluate(model: Answering, tasks: Sequence[str], include: Path | None, shots: int | None, limit: int | None) -> list[dict[str, Any]]:
    """(task, metric, value, stderr, …) of each metric. TrainError for tasks that the harness does not know."""
    asked = adapter(model)
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=None if include is None else str(include))
    if strange := [name for name in tasks if name not in manager.all_tasks]:
        raise TrainError(
            f"--harness: expected tasks that lm-eval knows, got {strange}; `lm-eval ls tasks` has them, --include adds a folder"
        )
    found = simple_evaluate(model=asked, tasks=list(tasks), task_manager=manager, num_fewshot=shots, limit=limit, bootstrap_iters=1000)
    rules = {"step": model.step, "boundary": "once, before the text", "batch_rows": ROWS}
    rows = []
    for task, figures in sorted(found["results"].items()):
        for key, value in figures.items():
            metric, _, kind = key.partition(",")
            if kind and not metric.endswith("_stderr") and isinstance(value, int | float):
                error = figures.get(f"{metric}_stderr,{kind}")
                stderr = float(error) if isinstance(error, int | float) else None
                rows.append({"task": task, "metric": metric, "filter": kind, "value": float(value), "stderr": stderr} | rules)
    return rows
