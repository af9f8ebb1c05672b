"""The loop, top to bottom: plan, model, steps, evaluations, checkpoints, the record of it all.

    OUTPUT/run.json        the run's config; --resume reads it
    OUTPUT/metrics.jsonl   one object a step: step, loss, tokens, row, batch_digest, lr, grad_norm, tokens_per_second;
                           bits_per_byte and unigram_bits_per_byte at evaluations
    OUTPUT/checkpoints/    see checkpoint.py
    OUTPUT/loss.svg, README.md   drawn at the end

A step is the same whether the batch goes through the model at once or in parts: losses are summed and divided by the batch's valid targets.
On a CPU a resumed run is the uninterrupted one bit for bit; on a GPU the data is, and the rounding is the GPU's.
"""

import json
import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from curate.shards.reader import Corpus
from train import checkpoint
from train.config import MAX_EPOCHS, Config, Device, TrainError, refit
from train.evaluate import Evaluation, HeldOut, unigram_log_probabilities
from train.model import Decoder
from train.optim import make_optimizer, schedule, set_rate
from train.plan import Plan, TokenLedger, batch_digest, row_digests, token_ledger


class Show(Protocol):
    """Who watches: a terminal, a log, or nobody."""

    def note(self, line: str) -> None: ...

    def step(self, metrics: dict[str, Any], steps: int) -> None: ...


@dataclass(frozen=True)
class Summary:
    """How a run ended."""

    config: Config
    step: int
    loss: float
    """Of the last step, nats a token."""
    evaluation: Evaluation | None
    """None where the run stopped before its last step."""
    ledger: TokenLedger
    plan_id: str
    num_parameters: int
    tokens_per_second: float
    """Median over the steps of this process; evaluations and checkpoints left out."""


def train(
    output: Path, corpus: Corpus, config: Config, device: Device, show: Show, stop_after: int | None = None, seconds: float | None = None
) -> Summary:
    """Run, or go on with, the run in `output`. stop_after ends it early, with a checkpoint, at that step.

    seconds: time to fill; where the rate begins to fall, or when half of it is gone, the number of steps is fitted to the rest.
    """
    half, deadline = (time.monotonic() + share * (math.inf if seconds is None else seconds) for share in (0.5, 1.0))
    plan = Plan.of(corpus, config)
    plan.check(config.rows)
    prior = unigram_log_probabilities(plan)
    held_out = HeldOut(plan, config, prior)
    model, optimizer = make(config, device, prior)
    step = _restore(output, plan, config, model, optimizer, show)
    metrics_file = Metrics(output / "metrics.jsonl", step)
    last, evaluation, eval_seconds, stopped = metrics_file.last, None, 0.0, False
    speeds: list[float] = []
    with _asked_to_stop() as stop:
        while step < (end := min(config.steps, stop_after or config.steps)) and not stopped:
            if deadline < math.inf and _at_the_fork(config, step, time.monotonic() >= half) and len(speeds) > 1:
                left = deadline - time.monotonic() - 2 * eval_seconds
                config, deadline = _refit(output, config, plan, step, left, config.batch_tokens / float(np.median(speeds)), show), math.inf
                continue
            started = time.perf_counter()
            batch = plan.batch(step * config.rows, config.rows)
            loss, norm = update(model, optimizer, batch, schedule(step, config), config, device)
            if not math.isfinite(loss):
                raise TrainError(
                    f"step {step + 1}: expected a finite loss, got {loss} on batch {batch_digest(row_digests(batch))}; "
                    "start a new --output with a lower --lr"
                )
            speeds.append(config.batch_tokens / (time.perf_counter() - started))
            ledger = token_ledger(plan, (step + 1) * config.rows)
            last = {
                "step": step + 1,
                "loss": loss,
                "tokens": ledger.trained,
                "row": (step + 1) * config.rows,
                "batch_digest": batch_digest(row_digests(batch)),
            }
            last |= {"lr": config.lr * schedule(step, config), "grad_norm": norm, "tokens_per_second": round(speeds[-1], 1)}
            step += 1
            if step == config.steps or (config.eval_every and step % config.eval_every == 0):
                evaluated = time.monotonic()
                evaluation = held_out.evaluate(model, device.type, device.micro_rows)
                eval_seconds = time.monotonic() - evaluated
                last |= {"bits_per_byte": evaluation.bits_per_byte, "unigram_bits_per_byte": evaluation.unigram_bits_per_byte}
            metrics_file.write(last)
            show.step(last, config.steps)
            # the event is read once: a signal that comes later ends the run a step later, with its checkpoint
            stopped = stop.is_set()
            if step == end or stopped or (config.checkpoint_every and step % config.checkpoint_every == 0):
                metrics_file.sync()
                checkpoint.save(output / "checkpoints", model, optimizer, _state(step, plan, config), corpus.meta.eos_id, device.keep)
    if step == config.steps and evaluation is None:
        evaluation = held_out.evaluate(model, device.type, device.micro_rows)
    if step < config.steps:
        show.note(f"stopped at step {step} of {config.steps}; --resume goes on from there")
    return Summary(
        config=config,
        step=step,
        loss=float(last["loss"]) if last else math.nan,
        evaluation=evaluation if step == config.steps else None,
        ledger=token_ledger(plan, step * config.rows),
        plan_id=plan.plan_id,
        num_parameters=model.num_parameters(),
        tokens_per_second=float(np.median(speeds)) if speeds else 0.0,
    )


def make(config: Config, device: Device, prior: np.ndarray | None = None) -> tuple[Decoder, torch.optim.AdamW]:
    """The untrained model and its optimizer, a function of the config's seed and the tokens' frequencies (natural logs)."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    model = Decoder(config.model)
    if prior is not None:
        model.start_at_unigram(torch.from_numpy(prior).float())
    model.to(device.type)
    if device.compile:
        model.model.compile(dynamic=False)
    return model, make_optimizer(model, config)


def update(
    model: Decoder, optimizer: torch.optim.Optimizer, batch: np.ndarray, factor: float, config: Config, device: Device
) -> tuple[float, float]:
    """One step on batch int32[rows, T + 1]: (loss in nats a valid target, gradient norm before clipping)."""
    valid = max(1, int((batch[:, 1:] >= 0).sum()))
    total: Tensor | float = 0.0
    for start in range(0, len(batch), device.micro_rows):
        tokens = torch.from_numpy(batch[start : start + device.micro_rows])
        if device.type == "cuda":
            tokens = tokens.pin_memory().to("cuda", non_blocking=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = model.loss_sum(tokens.long()) / valid
        loss.backward()
        total = total + loss.detach()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    set_rate(optimizer, factor)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(total), float(norm)


def seconds_per_step(config: Config, device: Device) -> float:
    """Median of up to five steps, for two seconds at most, after one to warm up, on a model of the same shape that is thrown away."""
    model, optimizer = make(config, device)
    rng = np.random.default_rng(config.seed)
    seconds: list[float] = []
    while len(seconds) < 2 or (len(seconds) < 6 and sum(seconds[1:]) < 2.0):
        batch = rng.integers(0, config.model.vocab_size, (config.rows, config.model.context + 1), dtype=np.int32)
        started = time.perf_counter()
        update(model, optimizer, batch, 1e-3, config, device)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[1:]))


class Metrics:
    """metrics.jsonl; steps after the checkpoint are cut off first, so that a resumed run's file reads like an uninterrupted one's."""

    def __init__(self, path: Path, step: int) -> None:
        kept = []
        if path.is_file():
            for line in path.read_text().splitlines():
                try:
                    if json.loads(line)["step"] <= step:
                        kept.append(line)
                except ValueError:
                    break  # a line cut by a crash, the last one
        path.write_text("".join(line + "\n" for line in kept))
        self.last: dict[str, Any] = json.loads(kept[-1]) if kept else {}
        self._file = path.open("a")

    def write(self, metrics: dict[str, Any]) -> None:
        self._file.write(json.dumps(metrics) + "\n")
        self._file.flush()

    def sync(self) -> None:
        """To the disk, before a checkpoint says that these steps are done."""
        os.fsync(self._file.fileno())


def _state(step: int, plan: Plan, config: Config) -> dict[str, Any]:
    identity = {"step": step, "row": step * config.rows, "plan_id": plan.plan_id, "corpus_id": plan.corpus.corpus_id}
    return identity | {"tokenizer_fingerprint": plan.corpus.meta.tokenizer_fingerprint, "config": config.to_json()}


def _restore(output: Path, plan: Plan, config: Config, model: Decoder, optimizer: torch.optim.Optimizer, show: Show) -> int:
    """The step to go on from; 0 where there is no checkpoint."""
    found, passed = checkpoint.newest(output / "checkpoints")
    for line in passed:
        show.note(line)
    if found is None:
        if passed:
            raise TrainError(f"{output}: expected a whole checkpoint, got {len(passed)} damaged ones; start again in a new --output")
        return 0
    if found.state["plan_id"] != plan.plan_id:
        raise TrainError(
            f"checkpoint {found.path}: expected plan {plan.plan_id}, got {found.state['plan_id']}; "
            "the shards are not those it was trained on: restore them, or start a new --output"
        )
    checkpoint.restore(found, model, optimizer)
    show.note(f"resumed from {found.path.name}")
    return int(found.state["step"])


def _at_the_fork(config: Config, step: int, half_gone: bool) -> bool:
    """Whether the rate is to begin its fall here, as planned or because time runs out; before, it did not depend on the number of steps."""
    return config.schedule == "wsd" and config.warmup_steps <= step <= config.decay_start and (half_gone or step == config.decay_start)


def _refit(output: Path, config: Config, plan: Plan, step: int, left: float, step_seconds: float, show: Show) -> Config:
    most = max(1, MAX_EPOCHS * plan.num_tokens // config.batch_tokens)
    fitted = refit(config, step, left, step_seconds, most)
    if fitted != config:
        write_config(output, fitted)
        show.note(f"a step takes {step_seconds:.3f} s by now: {fitted.steps} steps in place of {config.steps}")
    return fitted


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set: the step is finished, a checkpoint written, then the run ends."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = {number: signal.signal(number, lambda *_: event.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def write_config(output: Path, config: Config) -> None:
    """run.json, in one rename."""
    output.mkdir(parents=True, exist_ok=True)
    part = output / ".run.json.part"
    part.write_text(json.dumps(config.to_json(), indent=1) + "\n")
    part.replace(output / "run.json")


def read_config(output: Path, corpus: Corpus) -> Config:
    """The config of the run in `output`; TrainError if there is none, or it is of other shards."""
    path = output / "run.json"
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise TrainError(f"{output}: expected a run to resume, got no run.json; leave --resume off") from None
    except ValueError as error:
        raise TrainError(f"{path}: expected JSON, got {error}; start a new --output") from None
    config = Config.from_json(values)
    if config.corpus_id != corpus.corpus_id:
        raise TrainError(
            f"{path}: expected shards {config.corpus_id}, got {corpus.corpus_id}; give the shards of that run, or start a new --output"
        )
    return config
