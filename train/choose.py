"""From what a person asked for to a whole config: the machine's defaults for the rest, and a number of steps that fits the time.

The speed is measured once, before the run, and only the number of steps that follows is kept: from there on the clock decides nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import torch

from curate.shards.reader import Corpus
from train.config import DEFAULTS, MAX_EPOCHS, TOKENS_PER_PARAMETER, Config, Device, MixStage, TrainError, model_config
from train.data import opening
from train.mixture import Share, passes, resolved
from train.plan import Plan
from train.step import make, seconds_per_step

T = TypeVar("T")

STEADY = 0.8
"""Share of the given time that steps may fill; the rest is for start, evaluations, checkpoints and a machine that gets slower."""
MUCH_FASTER = 1.2
"""One thread is taken where it is faster than all by this factor."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Options as given; None where the machine's default holds."""

    steps: int | None = None
    minutes: float | None = None
    depth: int | None = None
    width: int | None = None
    kv_heads: int | None = None
    context: int | None = None
    batch_tokens: int | None = None
    seed: int | None = None
    lr: float | None = None
    schedule: str | None = None
    packing: str | None = None
    optimizer: str | None = None
    document_mask: bool | None = None
    qk_norm: bool | None = None
    held_out: float | None = None
    eval_every: int | None = None
    checkpoint_every: int | None = None
    threads: int | None = None
    mix: tuple[Share, ...] | None = None


def choose(corpus: Corpus, wanted: Wanted, device: Device, note: Callable[[str], None]) -> Config:
    """The config of a new run on these shards. TrainError for options that do not fit together, ShardError for shards too small."""
    defaults = DEFAULTS[device.type]
    width = wanted.width or (defaults.width if wanted.depth is None else None)
    context = _or(wanted.context, defaults.context)
    model = model_config(
        corpus.meta.vocab_size,
        context,
        _or(wanted.depth, defaults.depth),
        width,
        wanted.kv_heads,
        qk_norm=bool(wanted.qk_norm),
        document_mask=bool(wanted.document_mask),
        boundary_id=opening(corpus.meta),
    )
    config = Config(
        model=model,
        corpus_id=corpus.corpus_id,
        steps=1 if wanted.steps is None else wanted.steps,
        batch_tokens=_or(wanted.batch_tokens, max(1, defaults.batch_tokens // context) * context),
        seed=_or(wanted.seed, 0),
        held_out=_or(wanted.held_out, Config.held_out),
        lr=_or(wanted.lr, defaults.lr),
        schedule=_or(wanted.schedule, Config.schedule),
        packing=_or(wanted.packing, Config.packing),
        optimizer=_or(wanted.optimizer, Config.optimizer),
        eval_tokens=defaults.eval_tokens,
        threads=_or(wanted.threads, torch.get_num_threads()),
        mix=(MixStage(0, wanted.mix[0].weights),) if wanted.mix else (),
    )
    plan = Plan.of(corpus, config)
    plan.check(config.rows)
    if wanted.steps is None:
        minutes = defaults.minutes if wanted.minutes is None else wanted.minutes
        most = plan.most_tokens(MAX_EPOCHS, wanted.mix or ()) // config.batch_tokens
        config = fit(config, plan, minutes, device, wanted.threads is None, note, max(1, most))
    mix = resolved(wanted.mix or (), config.steps, config.rows)
    if mix:
        times = passes(mix, config.steps * config.rows, context, plan.streams)
        told = ", ".join(f"{name} {often:.2f}" for name, often in times.items())
        advice = f"; over {MAX_EPOCHS} passes text teaches little" if max(times.values()) > MAX_EPOCHS else ""
        note(f"passes over each source: {told}{advice}")
    return replace(
        config,
        mix=mix,
        eval_every=_or(wanted.eval_every, -(-config.steps // 2)),
        checkpoint_every=_or(wanted.checkpoint_every, -(-config.steps // 10)),
    )


def fit(
    config: Config, plan: Plan, minutes: float | None, device: Device, any_threads: bool, note: Callable[[str], None], most: int
) -> Config:
    """The config with its steps: what the minutes hold, else 20 tokens a parameter; never more than `most`, which are MAX_EPOCHS passes."""
    if minutes is None:
        wanted = TOKENS_PER_PARAMETER * make(config, Device())[0].num_parameters() // config.batch_tokens
        return replace(config, steps=min(most, max(1, wanted)))
    if minutes <= 0:
        raise TrainError(f"--minutes: expected more than 0, got {minutes}; raise it")
    seconds = seconds_per_step(config, device)
    if any_threads and device.type == "cpu" and config.threads > 1:
        # threads that wait for one another are slower than one alone where other processes hold the cores
        alone = replace(config, threads=1)
        if (one := seconds_per_step(alone, device)) * MUCH_FASTER < seconds:
            config, seconds = alone, one
    # two evaluations, each token of which costs about two thirds of a trained one: the head is most of a small model
    evaluations = min(config.eval_tokens, int(plan.docs.tokens[plan.held_out_docs].sum())) / config.batch_tokens * seconds * 4 / 3
    fits = max(1, int((STEADY * 60 * minutes - evaluations) / seconds))
    note(
        f"a step takes {seconds:.3f} s on {config.threads} threads: {fits} fit into {minutes:g} minutes, "
        f"{most} would be {MAX_EPOCHS} passes over the corpus"
    )
    return replace(config, steps=min(most, fits))


def check_same(config: Config, wanted: Wanted, output: str) -> None:
    """Refuse options that contradict the run which is resumed."""
    stored = {field.name: getattr(config, field.name, getattr(config.model, field.name, None)) for field in fields(wanted)}
    for name, value in vars(wanted).items():
        if name == "mix" and value is not None:
            value = resolved(value, config.steps, config.rows)
        if value is not None and name != "minutes" and stored[name] != value:
            raise TrainError(
                f"--{name.replace('_', '-')}: expected {stored[name]} as in the run in {output}, got {value}; "
                "leave it off, or start a new --output"
            )


def _or(value: T | None, default: T) -> T:
    return default if value is None else value
