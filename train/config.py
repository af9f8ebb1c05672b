"""What a run of `train` is: sizes from one dial (`depth`), defaults that suit the machine, everything in one frozen record.

Sizes: width 64 * depth and head width 64, hidden 8/3 of the width as in Llama (Touvron et al. 2023). The record is written to the
run's folder and a resumed run reads it there, so that the order of documents and the learning rate never depend on when or how often
a run was stopped.
"""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from curate.errors import CurateError

MAX_EPOCHS = 4
"""Up to four passes repeated text teaches almost as much as new text (Muennighoff et al. 2023); a run without --steps stops there."""
TOKENS_PER_PARAMETER = 20
"""A GPU run without --steps or --minutes trains this many tokens a parameter (Hoffmann et al. 2022)."""


class TrainError(CurateError):
    """A run that cannot start or go on; messages read `where: expected, got VALUE; what to do`."""


@dataclass(frozen=True)
class Removal:
    """Documents that no row from `row` on may hold."""

    row: int
    ids: tuple[str, ...]
    """As 32 hex digits, sorted."""


@dataclass(frozen=True)
class MixStage:
    """Weights of sources from a row of the run on."""

    row: int
    weights: tuple[tuple[str, int], ...]
    """(source, weight of its tokens), sorted by source; see mixture.py."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The shape of the decoder."""

    vocab_size: int
    context: int
    """Positions in a row."""
    depth: int
    width: int
    heads: int
    kv_heads: int
    """Key and value heads; heads must be a multiple of it."""
    hidden: int
    """Width inside the MLP."""
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-5
    tied: bool = False
    """Whether embedding and output head are one matrix."""
    qk_norm: bool = False
    """Whether queries and keys are normed, as in Qwen3; such a checkpoint opens as Qwen3ForCausalLM."""
    document_mask: bool = False
    """Whether a token sees its own document alone, and not what stands before that in its row."""
    boundary_id: int = 0
    """The token that opens a document."""

    def __post_init__(self) -> None:
        if min(self.depth, self.context, self.heads, self.kv_heads) < 1:
            raise TrainError(
                f"model: expected depth, context and heads of at least 1, got {self.depth}, {self.context}, {self.heads}; raise them"
            )
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise TrainError(f"model: expected a width of heads times an even number, got {self.width} and {self.heads}; change --width")
        if self.heads % self.kv_heads:
            raise TrainError(f"model: expected heads to be a multiple of kv_heads, got {self.heads} and {self.kv_heads}; change --kv-heads")


def model_config(
    vocab_size: int, context: int, depth: int, width: int | None = None, kv_heads: int | None = None, **more: Any
) -> ModelConfig:
    """The shape that belongs to a depth; width is 64 * depth unless given, the MLP's width a multiple of 64."""
    width = width or 64 * depth
    heads = max(1, width // 64)
    hidden = -(-8 * width // (3 * 64)) * 64
    return ModelConfig(
        vocab_size=vocab_size, context=context, depth=depth, width=width, heads=heads, kv_heads=kv_heads or heads, hidden=hidden, **more
    )


@dataclass(frozen=True, kw_only=True)
class Config:
    """A run. What stands here decides every number in it, on one machine; where it runs and how it is shown does not."""

    model: ModelConfig
    corpus_id: str
    """Which shards."""
    steps: int
    batch_tokens: int
    """Tokens between two updates; a multiple of the context."""
    seed: int = 0
    packing: str = "best_fit"
    """best_fit (rows start where documents do) or concat (documents cut wherever a row ends)."""
    removals: tuple[Removal, ...] = ()
    """Documents that were removed on the way."""
    mix: tuple[MixStage, ...] = ()
    """Weights of sources by stage, the first at row 0; none: every document once an epoch."""
    held_out: float = 0.05
    """Share of documents kept for evaluation, by a hash of their ids."""
    optimizer: str = "adamw"
    """adamw for everything, or muon for the matrices inside layers and adamw for the rest."""
    lr: float = 5e-3
    """Peak learning rate of the matrices inside the layers."""
    embedding_lr: float = 20.0
    """Factor on lr for the embedding: a token's row moves only where the token occurs."""
    head_lr: float = 2.0
    """Factor on lr for the output head."""
    warmup: int | None = None
    """Steps in which the rate rises; None: a twentieth of all."""
    decay_from: int | None = None
    """Step from which it falls, in the wsd schedule; None: half of all."""
    schedule: str = "wsd"
    """wsd (rise, hold, fall linearly) or cosine (rise, then half a cosine)."""
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.8, 0.95)
    clip: float = 1.0
    """Norm to which gradients are cut."""
    eval_every: int = 0
    """Steps between evaluations; 0: at the end only."""
    eval_tokens: int = 1 << 20
    """Held-out tokens that are evaluated, whole documents in the order of their hashes."""
    checkpoint_every: int = 0
    """Steps between checkpoints; 0: at the end only."""
    threads: int = 1
    """Of the CPU. Stored, because sums come out in another order with another number of threads."""

    def __post_init__(self) -> None:
        if self.batch_tokens % self.model.context or self.batch_tokens < self.model.context:
            raise TrainError(
                f"config: expected batch tokens as a multiple of the context {self.model.context}, got {self.batch_tokens}; "
                "change --batch-tokens"
            )
        if self.steps < 1:
            raise TrainError(f"config: expected at least 1 step, got {self.steps}; raise --steps or --minutes")
        if self.schedule not in ("wsd", "cosine"):
            raise TrainError(f"config: expected schedule wsd or cosine, got {self.schedule}; change --schedule")
        if self.optimizer not in ("adamw", "muon"):
            raise TrainError(f"config: expected optimizer adamw or muon, got {self.optimizer}; change --optimizer")
        if self.packing not in ("best_fit", "concat"):
            raise TrainError(f"config: expected packing best_fit or concat, got {self.packing}; change --packing")
        if not 0 < self.held_out < 1:
            raise TrainError(f"config: expected a held-out share between 0 and 1, got {self.held_out}; change --held-out")

    @property
    def warmup_steps(self) -> int:
        return max(1, round(self.steps / 20)) if self.warmup is None else self.warmup

    @property
    def decay_start(self) -> int:
        return self.steps // 2 if self.decay_from is None else self.decay_from

    @property
    def rows(self) -> int:
        """Rows of `context` tokens in a batch."""
        return self.batch_tokens // self.model.context

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Config":
        """The inverse of to_json."""
        try:
            removals = tuple(Removal(one["row"], tuple(one["ids"])) for one in values["removals"])
            mix = tuple(MixStage(one["row"], tuple((name, weight) for name, weight in one["weights"])) for one in values.get("mix", ()))
            read = {"model": ModelConfig(**values["model"]), "betas": tuple(values["betas"]), "removals": removals, "mix": mix}
            return cls(**values | read)
        except (TypeError, KeyError, ValueError) as error:
            raise TrainError(f"config: expected the fields {[f.name for f in fields(cls)]}, got {error}; start a new --output") from None


def refit(config: Config, step: int, seconds_left: float, seconds_per_step: float, most: int) -> Config:
    """The config with another number of steps, chosen where the rate begins to fall: until then it did not depend on it.

    So a machine that became slower or faster changes where the run ends, and nothing before; the new config is written down, and a
    resumed run reads it. Changes of less than a tenth are not worth it.
    """
    steps = max(step + 1, min(most, step + int(seconds_left / seconds_per_step)))
    if abs(steps - config.steps) < 0.1 * config.steps:
        return config
    return replace(config, steps=steps, warmup=config.warmup_steps, decay_from=step)


@dataclass(frozen=True, kw_only=True)
class Device:
    """Where a run takes place; changes its speed, and on a GPU its rounding."""

    type: str = "cpu"
    compile: bool = False
    micro_rows: int = 8
    """Rows that go through the model at a time; gradients add up over the batch."""
    keep: int = field(default=2)
    """Checkpoints kept, the newest ones."""
    recompute: bool = False
    """Whether layers are computed a second time for the gradient, in place of keeping what is inside them."""
    tensorboard: bool = False
    """Whether figures are written for TensorBoard too."""
    wandb: str | None = None
    """Project of Weights & Biases that gets the figures too."""
    parts: bool = False
    """Whether each process writes its own part of a checkpoint (torch.distributed.checkpoint), in place of whole safetensors files."""
    shard: bool = False
    """Whether several processes share parameters and optimizer (FSDP2), in place of one copy each (DDP)."""


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a machine gets unless the command says otherwise."""

    depth: int
    width: int | None
    context: int
    batch_tokens: int
    micro_rows: int
    minutes: float | None
    eval_tokens: int
    lr: float


DEFAULTS = {
    "cpu": Defaults(depth=4, width=128, context=256, batch_tokens=1024, micro_rows=8, minutes=2.0, eval_tokens=1 << 15, lr=5e-3),
    "cuda": Defaults(depth=12, width=None, context=1024, batch_tokens=1 << 19, micro_rows=32, minutes=None, eval_tokens=1 << 21, lr=6e-4),
}
