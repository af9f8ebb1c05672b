"""The verbs of `train` beside training: trace, exposure, remove, eval, sample, losses, export."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from curate.errors import CurateError
from train.config import TrainError

Run = Annotated[Path, typer.Argument(help="Folder of a run, what --output named.")]
Shards = Annotated[Path | None, typer.Option(help="Its shards, where they were moved. [default: where the run found them]")]
Step = Annotated[int | None, typer.Option(help="The checkpoint of this step. [default: the newest]")]
AsJson = Annotated[bool, typer.Option("--json", help="A JSON object a line.")]


def add_to(app: typer.Typer) -> None:
    """Give the app its verbs."""
    for verb in (trace, exposure, remove, evaluate, sample, losses, export):
        app.command("eval" if verb is evaluate else verb.__name__)(verb)


@contextmanager
def _told() -> Iterator[None]:
    """Errors that a person can act on, as a line and exit code 2."""
    try:
        yield
    except CurateError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


def trace(run: Run, step: Annotated[int, typer.Option(help="Which step, from 1.")], shards: Shards = None, as_json: AsJson = False) -> None:
    """Which documents a step was made of.

    train trace runs/web/train --step 100
    """
    from train import trace as tracing

    _lines(lambda: tracing.trace(tracing.open_run(run, shards), step), as_json)


def exposure(
    run: Run, doc_id: Annotated[str, typer.Argument(help="32 hex digits.")], shards: Shards = None, as_json: AsJson = False
) -> None:
    """Which steps saw a document.

    train exposure runs/web/train 00a1b2c3d4e5f60718293a4b5c6d7e8f
    """
    from train import trace as tracing

    _lines(lambda: tracing.exposure(tracing.open_run(run, shards), doc_id), as_json)


def remove(
    run: Run,
    output: Annotated[Path, typer.Option(help="Folder of the new run.")],
    doc_id: Annotated[list[str] | None, typer.Option("--id", help="A document, 32 hex digits; may be repeated.")] = None,
    file: Annotated[Path | None, typer.Option(help="A file with an id a line.")] = None,
    step: Step = None,
    steps: Annotated[int | None, typer.Option(help="Updates in all. [default: as many as the run has]")] = None,
    shards: Shards = None,
) -> None:
    """A new run that goes on from a checkpoint without some documents; `train --resume` continues it.

    train remove runs/web/train --id 00a1b2c3d4e5f60718293a4b5c6d7e8f --output runs/web/train-2
    """
    from train import trace as tracing

    with _told():
        if file is not None and not file.is_file():
            raise TrainError(f"--file: expected a file with an id a line, got {file}, which is not there; check the path")
        ids = [*(doc_id or []), *(file.read_text().split() if file else [])]
        if not ids:
            raise TrainError("remove: expected documents, got none; give --id or --file")
        opened = tracing.open_run(run, shards)
        at, count = tracing.remove(opened, ids, output, step, steps)
    typer.echo(f"{count} documents leave the plan from step {at + 1} on; what was learned from them before stays in the checkpoint")
    typer.echo(f"go on with: train --shards {opened.shards} --output {output} --resume")


def evaluate(
    run: Run,
    task: Annotated[list[Path] | None, typer.Option(help="A JSONL file of items; may be repeated. Without one: bits per byte.")] = None,
    harness: Annotated[str | None, typer.Option(help="Tasks of lm-eval, such as arc_easy,piqa; needs that package.")] = None,
    include: Annotated[Path | None, typer.Option(help="A folder of your own tasks for lm-eval, as YAML.")] = None,
    shots: Annotated[
        int | None, typer.Option(min=0, help="Solved examples before each item of lm-eval. [default: as the task says]")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Items of each task of lm-eval, at most.")] = None,
    step: Step = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    shards: Shards = None,
    as_json: AsJson = False,
) -> None:
    """Held-out bits per byte by source, licence and language, or scores of multiple-choice and cloze tasks.

    Items: {"query": "The sky is", "choices": [" blue", " green"], "gold": 0}, or {"context": "2 and 2 is", "continuation": " 4"}

    train eval runs/web/train --task tasks/sky.jsonl

    train eval runs/web/train --harness arc_easy --limit 200
    """
    from train import answer, tasks
    from train.evaluate import HeldOut, unigram_log_probabilities
    from train.plan import Plan

    with _told():
        items = [(path.stem, tasks.read(path)) for path in task or []]
        model = answer.load(run, step, shards, device)
        if harness is not None:
            from train.harness import evaluate as ask

            rows = ask(model, harness.split(","), include, shots, limit)
        elif items:
            rows = [vars(tasks.score(model, name, of)) for name, of in items]
        else:
            plan = Plan.of(model.corpus, model.config)
            held_out = HeldOut(plan, model.config, unigram_log_probabilities(plan))
            result = held_out.evaluate(model.model.losses, device, answer.ROWS)
            every = {name: getattr(result, name) for name in ("documents", "bytes", "bits_per_byte", "low", "high")}
            rows = [{"kind": "all", "name": "held out"} | every, *(vars(group) for group in result.groups)]
    _print(rows, as_json)


def sample(
    run: Run,
    prompt: Annotated[list[str] | None, typer.Option(help="What to continue; may be repeated. [default: a document's beginning]")] = None,
    tokens: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    temperature: Annotated[float, typer.Option(min=0.0, help="0: always the likeliest token.")] = 0.8,
    top_k: Annotated[int, typer.Option(min=1, help="Drawn from so many of the likeliest.")] = 50,
    seed: Annotated[int, typer.Option(help="Another one, another text.")] = 0,
    step: Step = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    shards: Shards = None,
) -> None:
    """Text that the model writes.

    train sample runs/web/train --prompt "The function returns"
    """
    from train import answer

    with _told():
        model = answer.load(run, step, shards, device)
        for text in prompt or [""]:
            typer.echo(text + model.continue_text(text, tokens, temperature, top_k, seed))


def losses(
    run: Run,
    output: Annotated[Path, typer.Option(help="A Parquet file.")],
    by: Annotated[str, typer.Option(help="A row a document, or a row a source, license, language, domain or host.")] = "document",
    step: Step = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    shards: Shards = None,
) -> None:
    """What each document costs the model, trained on or held out: a Parquet file with bits per byte and how often it was read.

    train losses runs/web/train --output losses.parquet

    train losses runs/web/train --output hosts.parquet --by host

    A recipe of `curate` takes it as columns: `- join: {table: losses.parquet, on: id}`, `- join: {table: hosts.parquet, on: host}`
    """
    from train.losses import write

    with _told():
        count = write(run, output, step, shards, device, by)
    typer.echo(f"{count:,} {'documents' if by == 'document' else 'rows'} in {output}")


def export(
    run: Run,
    output: Annotated[Path, typer.Option(help="A folder, empty or not there.")],
    step: Step = None,
    shards: Shards = None,
) -> None:
    """The model with its tokenizer as a folder that `transformers` opens, from whole or sharded checkpoints.

    train export runs/web/train --output models/web
    """
    from train.export import export as write

    with _told():
        at = write(run, output, step, shards)
    typer.echo(f"the model of step {at} in {output}; open it with AutoModelForCausalLM.from_pretrained and AutoTokenizer.from_pretrained")


def _lines(rows: Callable[[], list[dict[str, Any]]], as_json: bool) -> None:
    with _told():
        found = rows()
    _print(
        [row if as_json else _shown(row) for row in found],
        as_json,
        ("step", "row", "doc_id", "start", "length", "source", "license", "url"),
    )


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row of trace without what is for machines; the container where there is no URL."""
    return {name: value for name, value in row.items() if name not in ("container", "offset")} | {"url": row["url"] or row["container"]}


def _print(rows: list[dict[str, Any]], as_json: bool, names: tuple[str, ...] = ()) -> None:
    """JSON lines, or columns."""
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    heads = list(names) or list(rows[0])
    cells = [[_cell(row[name]) for name in heads] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for line in [heads, *cells]:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
