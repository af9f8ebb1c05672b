"""The loop, top to bottom: plan, model, steps, evaluations, checkpoints, the record of it all.

    OUTPUT/run.json        the run's config; --resume reads it
    OUTPUT/metrics.jsonl   one object a step: step, loss, tokens, row, batch_digest, lr, grad_norm, tokens_per_second, wait_seconds,
                           seconds_left, mfu and mfu_exact (flops.py) of peak_flops;
                           `skipped` where the step was not taken; at evaluations bits_per_byte, unigram_bits_per_byte, and
                           bits_per_byte_by source, licence and language
    OUTPUT/skipped.jsonl   the documents of each batch that was skipped
    OUTPUT/checkpoints/    see checkpoint.py
    OUTPUT/loss.svg, README.md   drawn at the end

A step is the same whether the batch goes through the model at once, in parts, or in several processes: losses are summed and divided by
the whole batch's valid targets. On a CPU a resumed run is the uninterrupted one bit for bit; on a GPU the data is, and the rounding is the
GPU's.
"""

import json
import math
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

from curate.shards.reader import Corpus
from train import checkpoint, flops
from train.config import MAX_EPOCHS, Config, Device, TrainError, refit
from train.distributed import World
from train.evaluate import Evaluation, HeldOut, unigram_log_probabilities
from train.loader import Loader
from train.optim import schedule, set_rate
from train.plan import Plan, TokenLedger, batch_digest, token_ledger
from train.record import Metrics, write_config
from train.report import reporters
from train.skip import Guard
from train.step import clip, gradient, make

LATELY = 50
"""Steps by whose speed the time left is told."""


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
    by_source: dict[str, tuple[int, float]]
    """Source → (tokens that were trained on, how often that reads all it has)."""
    plan_id: str
    num_parameters: int
    tokens_per_second: float
    """Median over the steps of this process; evaluations and checkpoints left out."""
    wait_share: float = 0.0
    """Share of the steps' time in which training waited for data."""
    mfu: float | None = None
    """Model FLOP utilisation by PaLM's count, median over the steps of this process."""
    mfu_exact: float | None = None
    """The same by the arithmetic that causal attention and the document mask leave."""
    peak: flops.Peak | None = None
    """What both are shares of, one device's."""


def train(
    output: Path,
    corpus: Corpus,
    config: Config,
    device: Device,
    show: Show,
    stop_after: int | None = None,
    seconds: float | None = None,
    world: World | None = None,
) -> Summary:
    """Run, or go on with, the run in `output`. stop_after ends it early, with a checkpoint, at that step.

    seconds: time to fill; where the rate begins to fall, or when half of it is gone, the number of steps is fitted to the rest.
    """
    clock = Clock(seconds)
    run = Run(output, corpus, config, device, show, world or World(device=device.type))
    with _asked_to_stop() as stop:
        try:
            run.until(stop_after, clock, stop)
        except BaseException:
            run.close(failed=True)
            raise
        run.close()
    if run.step == run.config.steps and run.evaluation is None:
        run.evaluate()
    if run.step < run.config.steps:
        show.note(f"stopped at step {run.step} of {run.config.steps}; --resume goes on from there")
    return run.summary()


class Clock:
    """When half of the time is gone, and how much is left; a run without a time never looks."""

    def __init__(self, seconds: float | None) -> None:
        self.on = seconds is not None
        now = time.monotonic()
        self.half, self.deadline = (now + share * (seconds or 0.0) for share in (0.5, 1.0))

    def fork(self, config: Config, step: int) -> bool:
        """Whether the rate is to begin its fall here, as planned or as time runs out; before, it did not depend on the steps."""
        # stages of a mix begin at shares of the run: their rows are in the plan, so its length stays
        if not self.on or config.schedule != "wsd" or len(config.mix) > 1 or not config.warmup_steps <= step <= config.decay_start:
            return False
        return step == config.decay_start or time.monotonic() >= self.half


class Run:
    """A run in progress."""

    def __init__(self, output: Path, corpus: Corpus, config: Config, device: Device, show: Show, world: World) -> None:
        self.output, self.corpus, self.config, self.device, self.show, self.world = output, corpus, config, device, show, world
        self.plan = Plan.of(corpus, config)
        self.plan.check(config.rows)
        world.rows(config.rows)
        prior = unigram_log_probabilities(self.plan)
        self.held_out = HeldOut(self.plan, config, prior)
        self.model, self.optimizers, self.loss = make(config, device, prior, world)
        self.step = self._restore()
        self.metrics = Metrics(output / "metrics.jsonl", self.step, world.leads)
        self.reports = reporters(output, device, config) if world.leads else []
        self.peak = flops.peak(world.device, config.threads) if world.leads else None
        self.guard = Guard.of(self.metrics.kept)
        self.saver = checkpoint.Saver(output / "checkpoints", device.keep, world, device.parts, corpus.meta.eos_id)
        self.last = self.metrics.last
        self.evaluation: Evaluation | None = None
        self.eval_seconds = 0.0
        self.speeds: list[float] = []
        self.shares: dict[str, list[float]] = {"mfu": [], "mfu_exact": []}
        self.waited = self.spent = 0.0

    def until(self, stop_after: int | None, clock: Clock, stop: threading.Event) -> None:
        """Steps up to the end, or to `stop_after`, or to a signal."""
        stopped = False
        while self.step < (end := min(self.config.steps, stop_after or self.config.steps)) and not stopped:
            loader = Loader(self.plan, self.config, self.world.rank, self.world.size, self.world.device, self.step, end)
            try:
                while self.step < end and not stopped:
                    if self.world.said_by_lead(clock.fork(self.config, self.step)) and len(self.speeds) > 1:
                        self._refit(clock)
                        break  # the end may be another one now
                    self.take(loader, clock)
                    # the event is read once: a signal that comes later ends the run a step later, with its checkpoint
                    stopped, failed = self.world.said_by_lead((stop.is_set(), self.saver.failure()))
                    if failed is not None:
                        raise TrainError(failed)
                    self._after(self.step == end or stopped)
            finally:
                loader.close()

    def take(self, loader: Loader, clock: Clock) -> None:
        """One step."""
        started, waited = time.perf_counter(), loader.seconds
        batch = loader.next()
        valid, attended = self.world.sum(torch.tensor([batch.num_targets, batch.attended])).tolist()
        loss = gradient(self.loss, batch.rows, max(1, valid), self.device, self.world)
        norm = clip(self.model, self.config)
        skipped = self.guard.reason(loss, norm, valid)
        self._update(skipped is None)
        self.guard.note(loss, norm, skipped, self.step + 1)
        spent, waited = time.perf_counter() - started, loader.seconds - waited
        if self.speeds:  # the first batch is waited for: the plan of its epoch is made then
            self.spent, self.waited = self.spent + spent, self.waited + waited
        self.speeds.append(self.config.batch_tokens / spent)
        digests = self.world.gather(torch.from_numpy(batch.digests.view(np.int64)))
        digest = batch_digest(digests.numpy().view(np.uint64))
        row = (self.step + 1) * self.config.rows
        self.last = {"step": self.step + 1, "loss": loss, "tokens": batch.num_trained, "row": row, "batch_digest": digest}
        self.last |= {"lr": self.config.lr * schedule(self.step, self.config), "grad_norm": norm}
        self.last |= {"tokens_per_second": round(self.speeds[-1], 1), "wait_seconds": round(waited, 6)}
        self.last |= self._use(spent, attended, clock)
        if skipped:
            self.last["skipped"] = skipped
            self._name_documents(skipped)
        self.step += 1

    def _use(self, spent: float, attended: int, clock: Clock) -> dict[str, float]:
        """How much of the peak a step used by both counts, and the time until the end, evaluations included."""
        to_go = self.config.steps - self.step - 1
        every = self.config.eval_every or self.config.steps
        evaluations = -(-self.config.steps // every) - (self.step + 1) // every if to_go else 0
        left = to_go * self.config.batch_tokens / float(np.median(self.speeds[-LATELY:])) + evaluations * self.eval_seconds
        if clock.on:  # the number of steps is still to be fitted to the time
            left = min(left, max(0.0, clock.deadline - time.monotonic()))
        told = {"seconds_left": round(left, 3)}
        if self.peak is not None:
            top, tokens = self.peak.flops * self.world.size, self.config.batch_tokens
            told["mfu"] = float(f"{tokens * flops.per_token(self.config.model) / spent / top:.4g}")
            told["mfu_exact"] = float(f"{flops.exact(self.config.model, tokens, attended) / spent / top:.4g}")
            told["peak_flops"] = round(top)
            for name, past in self.shares.items():
                past.append(told[name])
        return told

    def _update(self, wanted: bool) -> None:
        if wanted:
            set_rate(self.optimizers, schedule(self.step, self.config))
        for optimizer in self.optimizers:
            if wanted:
                optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def _name_documents(self, reason: str) -> None:
        """A line in skipped.jsonl, and one for whoever watches."""
        if not self.world.leads:
            return
        spans = self.plan.trace(self.step * self.config.rows, self.config.rows)
        named = [{"row": span.row, "doc_id": self.plan.doc_id(span.doc), "start": span.start, "length": span.length} for span in spans]
        with (self.output / "skipped.jsonl").open("a") as file:
            file.write(json.dumps({"step": self.step + 1, "reason": reason, "documents": named}) + "\n")
        self.show.note(f"step {self.step + 1} is skipped: {reason}; its {len(named)} pieces of documents are named in skipped.jsonl")

    def _after(self, last: bool) -> None:
        """What follows a step: an evaluation or a checkpoint where one is due, the record."""
        config, step = self.config, self.step
        if step == config.steps or (config.eval_every and step % config.eval_every == 0):
            result = self.evaluate()
            self.last |= {"bits_per_byte": result.bits_per_byte, "unigram_bits_per_byte": result.unigram_bits_per_byte}
            self.last["bits_per_byte_by"] = result.by_group()
        self.metrics.write(self.last)
        for report in self.reports:
            report.write(self.last)
        self.show.step(self.last, config.steps)
        if last or (config.checkpoint_every and step % config.checkpoint_every == 0):
            if self.world.leads:
                self.metrics.sync()
            self.saver.save(self.model, self.optimizers, _state(step, self.plan, config))

    def evaluate(self) -> Evaluation:
        """Held-out bits per byte, now."""
        started = time.monotonic()
        self.evaluation = self.held_out.evaluate(lambda rows: self.loss(rows, each=True), self.world.device, self.device.micro_rows)
        self.eval_seconds = time.monotonic() - started
        return self.evaluation

    def close(self, failed: bool = False) -> None:
        """Until the last checkpoint is written; after a failure nobody waits for the others, which may be gone."""
        try:
            self.saver.wait()
        except TrainError:
            if not failed:  # else it is told already
                raise
        finally:
            for report in self.reports:
                report.close()
            if not failed:
                self.world.wait()

    def summary(self) -> Summary:
        """How it stands."""
        speed = float(np.median(self.speeds)) if self.speeds else 0.0
        return Summary(
            config=self.config,
            step=self.step,
            loss=math.nan if self.last.get("loss") is None else float(self.last["loss"]),
            evaluation=self.evaluation if self.step == self.config.steps else None,
            ledger=token_ledger(self.plan, self.step * self.config.rows),
            by_source=self.plan.trained_by_source(self.step * self.config.rows),
            plan_id=self.plan.plan_id,
            num_parameters=self.model.num_parameters(),
            tokens_per_second=speed,
            wait_share=self.waited / self.spent if self.spent else 0.0,
            mfu=self._typical("mfu"),
            mfu_exact=self._typical("mfu_exact"),
            peak=self.peak,
        )

    def _typical(self, name: str) -> float | None:
        """The median of a share of the peak over this process's steps."""
        return float(np.median(self.shares[name])) if self.shares[name] else None

    def _refit(self, clock: Clock) -> None:
        """Another number of steps, so that the run ends when it was asked to."""
        step_seconds = self.config.batch_tokens / float(np.median(self.speeds))
        left = clock.deadline - time.monotonic() - 2 * self.eval_seconds
        most = max(1, self.plan.most_tokens(MAX_EPOCHS) // self.config.batch_tokens)
        fitted = self.world.said_by_lead(refit(self.config, self.step, left, step_seconds, most))
        clock.on = False
        if fitted != self.config:
            if self.world.leads:
                write_config(self.output, fitted)
            self.show.note(f"a step takes {step_seconds:.3f} s by now: {fitted.steps} steps in place of {self.config.steps}")
            self.config = fitted

    def _restore(self) -> int:
        """The step to go on from; 0 where there is no checkpoint."""
        found, passed = checkpoint.newest(self.output / "checkpoints")
        for line in passed:
            self.show.note(line)
        if found is None:
            if passed:
                raise TrainError(
                    f"{self.output}: expected a whole checkpoint, got {len(passed)} damaged ones; start again in a new --output"
                )
            return 0
        if found.state["plan_id"] != self.plan.plan_id:
            raise TrainError(
                f"checkpoint {found.path}: expected plan {self.plan.plan_id}, got {found.state['plan_id']}; "
                "the shards are not those it was trained on: restore them, or start a new --output"
            )
        checkpoint.restore(found, self.model, self.optimizers)
        self.show.note(f"resumed from {found.path.name}")
        return int(found.state["step"])


def _state(step: int, plan: Plan, config: Config) -> dict[str, Any]:
    identity = {"step": step, "row": step * config.rows, "plan_id": plan.plan_id, "corpus_id": plan.corpus.corpus_id}
    return identity | {"tokenizer_fingerprint": plan.corpus.meta.tokenizer_fingerprint, "config": config.to_json()}


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
