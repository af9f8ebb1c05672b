"""The command `train`: learn from a folder of token shards.

    train --shards runs/web/shards

Exit code 0: done, or stopped with a checkpoint; 2: shards, options or output folder do not fit, and the message says what to do.
"""

import os
import sys
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.errors import CurateError
from curate.shards.reader import Corpus, open_shards
from train import commands
from train.config import DEFAULTS, Device, TrainError

if TYPE_CHECKING:
    from train.choose import Wanted

STEADY_END = 0.9
"""Share of the given minutes after which a run should be done; the rest is for loading torch before and drawing the plot after."""

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)
commands.add_to(app)

EXAMPLE = """Learn from the token shards of a run of `curate`.

A small model on a CPU in about two minutes, from the shards that `curate run pipelines/web.yaml` made:

    train --shards runs/web/shards

A larger one on a GPU, and the same run again after it was stopped:

    train --shards runs/web/shards --output runs/d12 --device cuda --depth 12

    train --shards runs/web/shards --output runs/d12 --resume

Sources by weight, and other weights for the last fifth of the run:

    train --shards runs/web/shards --steps 1000 --mix "web=0.8,books=0.2" --mix "0.8: web=0.3,books=0.7"

On several GPUs, or two processes of a CPU:

    torchrun --nproc-per-node 8 -m train --shards runs/web/shards --output runs/d12 --depth 12
"""


@app.callback(invoke_without_command=True, help=EXAMPLE)
def command(
    called: typer.Context,
    shards: Annotated[Path | None, typer.Option(help="Folder with manifest.json and shards. Needed.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder of the run. [default: `train` beside the shards' folder]")] = None,
    steps: Annotated[int | None, typer.Option(help="Updates. [default: what fits into --minutes]")] = None,
    minutes: Annotated[float | None, typer.Option(help="Time to fill, measured once at the start. [default: 2 on a CPU]")] = None,
    depth: Annotated[
        int | None, typer.Option(help="Layers, the dial for the size: width is 64 times it. [default: small on a CPU, 12]")
    ] = None,
    width: Annotated[int | None, typer.Option(help="Width of the model, where the dial does not suit.")] = None,
    kv_heads: Annotated[int | None, typer.Option(help="Key and value heads, fewer than query heads. [default: as many]")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the weights and of the order of documents. [default: 0]")] = None,
    batch_tokens: Annotated[int | None, typer.Option(help="Tokens between two updates; a multiple of --context.")] = None,
    micro_rows: Annotated[int | None, typer.Option(help="Rows that go through the model at a time; less needs less memory.")] = None,
    context: Annotated[int | None, typer.Option(help="Tokens in a row, the longest context.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate of the layers' matrices.")] = None,
    schedule: Annotated[str | None, typer.Option(help="wsd or cosine. [default: wsd]")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw, or muon for the layers' matrices. [default: adamw]")] = None,
    document_mask: Annotated[
        bool | None, typer.Option("--document-mask", help="A token sees its own document alone, not what stands before that in its row.")
    ] = None,
    qk_norm: Annotated[bool | None, typer.Option("--qk-norm", help="Norm queries and keys; opens as Qwen3ForCausalLM.")] = None,
    packing: Annotated[
        str | None, typer.Option(help="best_fit: rows start where documents do; concat: cut wherever a row ends. [default: best_fit]")
    ] = None,
    mix: Annotated[
        list[str] | None,
        typer.Option(
            help="Weights of sources, in tokens: web=0.7,books=0.3; `*` is all the rest. Again with a share of the run before it, "
            '"0.8: web=0.2,books=0.8", where they change. [default: every document once an epoch]'
        ),
    ] = None,
    held_out: Annotated[float | None, typer.Option(help="Share of documents kept for evaluation. [default: 0.05]")] = None,
    eval_every: Annotated[int | None, typer.Option(help="Steps between evaluations. [default: half of the run]")] = None,
    checkpoint_every: Annotated[int | None, typer.Option(help="Steps between checkpoints. [default: a tenth of the run]")] = None,
    keep: Annotated[int, typer.Option(min=1, help="Checkpoints kept.")] = 2,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --output, exactly where its last checkpoint is.")] = False,
    stop_after: Annotated[int | None, typer.Option(help="Stop at this step with a checkpoint, as if asked to; --resume goes on.")] = None,
    tokenizer: Annotated[Path | None, typer.Option(help="tokenizer.json of the shards. [default: where the manifest says]")] = None,
    recompute: Annotated[bool, typer.Option("--recompute", help="Compute layers twice, to need less memory.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Figures for TensorBoard in OUTPUT/tensorboard too.")] = False,
    wandb: Annotated[str | None, typer.Option(help="A project of Weights & Biases that gets the figures too.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Several processes on a Ray cluster, a core or a GPU each.")] = None,
    ray_address: Annotated[str | None, typer.Option(help="The cluster, such as auto. [default: a local one, started now]")] = None,
    shard: Annotated[bool, typer.Option("--shard", help="Under torchrun: share parameters over processes (FSDP2). [default: DDP]")] = False,
    sharded_checkpoints: Annotated[
        bool,
        typer.Option("--sharded-checkpoints", help="Each process writes its own part of a checkpoint; any number of processes reads them."),
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads. [default: one a core, fewer if that is faster now]")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda. [default: cuda where there is one]")] = None,
    compile: Annotated[bool | None, typer.Option("--compile/--no-compile", help="torch.compile. [default: on a GPU]")] = None,
) -> None:
    given = dict(locals())
    if called.invoked_subcommand is not None:
        return
    if shards is None:
        raise typer.BadParameter("expected a folder of token shards, got none; give --shards runs/web/shards", param_hint="--shards")
    try:
        corpus = _of_texts(open_shards(shards))
        corpus.check_tokenizer(tokenizer)
        where = _device(device, compile, micro_rows, keep)
        where = replace(where, recompute=recompute, shard=shard, parts=sharded_checkpoints, tensorboard=tensorboard, wandb=wandb)
        if processes is not None and "WORLD_SIZE" not in os.environ:
            from train.ray import launch

            launch(sys.argv[1:], processes, ray_address, where.type == "cuda")
            return
        from train.choose import Wanted  # torch comes with it: --help and bad shards need not wait for that
        from train.mixture import parse

        options = {field.name: given[field.name] for field in fields(Wanted)} | {"mix": parse(mix) if mix else None}
        wanted = Wanted(**options)
        _run(corpus, output or shards.resolve().parent / "train", wanted, where, resume, stop_after)
    except CurateError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


def _of_texts(corpus: Corpus) -> Corpus:
    """The corpus, if loss on every token is what it is for."""
    if corpus.meta.kind != "text":
        raise TrainError(
            f"--shards: expected shards of kind text, got {corpus.meta.kind} in {corpus.folder}; this loop takes loss on every token, "
            "and would learn the questions too"
        )
    return corpus


def _device(name: str | None, compile: bool | None, micro_rows: int | None, keep: int) -> Device:
    import torch

    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    if name not in DEFAULTS:
        raise TrainError(f"--device: expected cpu or cuda, got {name}; choose one")
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainError("--device: expected a GPU that torch can see, got none; use --device cpu")
    rows = DEFAULTS[name].micro_rows if micro_rows is None else micro_rows
    if rows < 1:
        raise TrainError(f"--micro-rows: expected at least 1, got {rows}; raise it")
    return Device(type=name, compile=name == "cuda" if compile is None else compile, micro_rows=rows, keep=keep)


def _run(corpus: Corpus, output: Path, wanted: "Wanted", device: Device, resume: bool, stop_after: int | None) -> None:
    from train import card, choose, loop, record, show
    from train.distributed import world

    began, seconds = time.monotonic(), None
    if not resume and (output / "run.json").exists():
        raise TrainError(
            f"{output}: expected no run in the output folder, got one; add --resume to go on with it, or choose another --output"
        )
    with world(device.type) as here, show.Watch(quiet=not here.leads) as watch:
        if resume:
            config = record.read_config(output, corpus)
            choose.check_same(config, wanted, str(output))
        else:
            here.wait()  # all have looked into the output folder
            config = here.said_by_lead(choose.choose(corpus, wanted, device, watch.note) if here.leads else None)
            if here.leads:
                record.write_config(output, config, corpus)
            if wanted.steps is None and (minutes := wanted.minutes or DEFAULTS[device.type].minutes) is not None:
                seconds = STEADY_END * 60 * minutes - (time.monotonic() - began)
        watch.note(f"{corpus.num_tokens:,} tokens; {config.steps} steps of {config.batch_tokens:,}; output {output}")
        summary = loop.train(output, corpus, config, device, watch, stop_after, seconds, here)
        if not here.leads:
            return
    card.write_card(output, corpus, summary)
    if card.plot(output) is None:
        watch.note("no loss.svg: matplotlib is not installed; install it, and --resume draws the plot")
    watch.summary(summary)


def main() -> None:
    """Entry point of the `train` command."""
    # read by OpenMP when torch is loaded: threads that wait asleep. Spinning ones took four times as long beside one busy process
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    app()


if __name__ == "__main__":
    main()
