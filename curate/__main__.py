"""The command line: one verb a function. Errors that a user can act on end with exit code 2, a run that keeps nothing with 3."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from curate.cli import classifier, diff, export, forget, perplexity, review, shards
from curate.engine.worker import STALL_SECONDS
from curate.errors import CurateError, StoreError

KEPT_NOTHING = 3

app = typer.Typer(
    name="curate",
    help="Turn crawls and collections into a training corpus in which every document can be explained.",
    epilog="Example: curate run pipelines/web.yaml --input 'crawl/*.warc.gz' --output runs/mine",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(shards.app)
app.add_typer(classifier.app)
app.add_typer(perplexity.app)
app.command(epilog="Example: curate export runs/web --to megatron --output out --where 'license in (CC0-1.0, CC-BY-4.0)'")(export.export)
app.command(epilog="Example: curate forget runs/web --domain example.org --with-copies 0.8 --dry-run")(forget.forget)
app.command(epilog="Example: curate diff runs/web runs/web-strict --html diff.html")(diff.diff)
app.command(epilog="Example: curate review runs/web --steward Ada --reviewer Ben --reviewer Cy")(review.review)

RecipePath = Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe: a YAML file such as pipelines/web.yaml.")]
RunPath = Annotated[str, typer.Argument(metavar="RUN", help="The folder (or location) of a run, such as runs/web.")]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input", "-i", metavar="URI", help="Read this instead of the recipe's inputs: a file, glob, folder or s3:// location. Repeatable."
    ),
]
Output = Annotated[str | None, typer.Option("--output", "-o", metavar="DIR", help="Where the run lies; default runs/<recipe's name>.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Override a field: --set steps.language.keep=[de]. Repeatable.")
]


@app.command(epilog="Example: curate run pipelines/web.yaml --input 'crawl/*.warc.gz' --workers 4 --set steps.language.keep=[de]")
def run(
    recipe: RecipePath,
    inputs: Inputs = None,
    output: Output = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="local: processes of this machine. ray: tasks on a Ray cluster.")
    ] = "local",
    ray_address: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A running Ray cluster, such as auto; default: start one here.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default: one a core. Changes speed, never the result.")] = None,
    stall: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, help="Set a document aside when a step does not return from it for so long; 0: never."),
    ] = STALL_SECONDS,
    settings: Settings = None,
) -> None:
    """Run a recipe, or finish a run that was interrupted. What is already done is not repeated."""
    from curate import api, progress
    from curate.kernels import locator

    console = Console(stderr=True)
    if not locator.any_compiled():
        console.print("first run on this machine: kernels are compiled on the way, once, two to three minutes in all", highlight=False)
    started = time.monotonic()
    try:
        with progress.watcher(console) as watcher:
            summary = api.run(
                recipe,
                inputs=inputs or (),
                output=output,
                overrides=settings or (),
                engine_kind=engine,
                workers=workers,
                ray_address=ray_address,
                stall_seconds=stall or None,
                watcher=watcher,
            )
    except KeyboardInterrupt:
        console.print("stopped; finished tasks are kept, run the same command to go on", highlight=False)
        raise typer.Exit(130) from None
    progress.report(summary, Console(width=None if sys.stdout.isatty() else 140), time.monotonic() - started)
    if summary.last.kept == 0:
        console.print("this run kept no document: see removed/ for the reasons", highlight=False)
        raise typer.Exit(KEPT_NOTHING)


@app.command(epilog="Example: curate plan pipelines/web.yaml --set steps.language.min_score=0.8")
def plan(recipe: RecipePath, inputs: Inputs = None, output: Output = None, settings: Settings = None) -> None:
    """Show what a run would do, and what of it is already done. Nothing is read but the lists of input files."""
    from curate.engine.outlook import outlook
    from curate.recipe import load
    from curate.store import Store

    loaded = load(recipe, settings or (), inputs or ())
    typer.echo(outlook(loaded, Store(output or f"runs/{loaded.name}")))


@app.command(epilog="Example: curate why runs/web https://example.org/page")
def why(
    run: RunPath,
    key: Annotated[str, typer.Argument(metavar="URL_OR_ID", help="A document's URL, or its id as 32 hex digits.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell one document's whole story: origin, every measure and verdict, keeper if it was a duplicate, shard and row if it was kept."""
    from curate.store import Store
    from curate.why import render, story

    found = story(Store(run), key)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
    else:
        Console(soft_wrap=True).print(render(found))


@app.command("list", epilog="Example: curate list gopher_quality")
def list_(
    name: Annotated[str | None, typer.Argument(metavar="[STEP]", help="One stage or barrier; default: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the stages and barriers that a recipe may name, with their fields, thresholds and sources."""
    from curate import catalog

    chosen = catalog.entries() if name is None else (catalog.entry(name),)
    typer.echo(json.dumps(catalog.as_json(chosen), indent=2, ensure_ascii=False) if as_json else catalog.as_text(chosen))


@app.command(epilog="Example: curate schema > recipe.schema.json")
def schema() -> None:
    """Print the JSON Schema of recipes, for editors that complete and check YAML."""
    from curate.recipe import json_schema

    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@app.command(epilog="Example: curate card runs/web --questions > runs/web/card.yaml")
def card(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="The folder (or location) of a run, such as runs/web.")] = None,
    ask: Annotated[bool, typer.Option("--questions", help="Print the questions that only people can answer, to be filled in.")] = False,
    form: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of card/facts.json.")] = False,
    final: Annotated[
        list[str] | None,
        typer.Option(
            "--final", metavar="FORM", help="Fail while this form is a draft or nobody has signed: card, croissant, … Repeatable."
        ),
    ] = None,
) -> None:
    """Write the data card of a finished run anew, from its ledger, tables and shards, card.yaml, and the desk's sign-offs."""
    from curate.card import facts, manifest, publish, questions
    from curate.store import Store

    if form:
        typer.echo(json.dumps(manifest.json_schema(), indent=2, ensure_ascii=False))
        return
    if run is None:
        raise StoreError("card: expected the folder of a run, got none; give one, such as runs/web")
    store = Store(run)
    if ask:
        typer.echo(questions.sheet(facts.load(store)["people"]["said"]), nl=False)
        return
    made = publish.publish(store)
    if final:
        publish.check_final(store, made, final)
    drafts = [book.form for book in publish.forms(made) if book.open]
    typer.echo(f"wrote {run}/{publish.PAGE} and what lies beside it" + (f"; drafts: {', '.join(drafts)}" if drafts else ""))


@app.command(epilog="Example: curate clean runs/web")
def clean(run: RunPath) -> None:
    """Empty a run's work folder. The corpus stays; a changed recipe will then start from the input again."""
    from curate.engine.outlook import clean as empty
    from curate.progress import size
    from curate.store import Store

    typer.echo(f"freed {size(empty(Store(run)))} in {run}/work")


def main() -> None:
    """Entry point: errors that a user can act on are one line on stderr."""
    try:
        app()
    except CurateError as error:
        kind = type(error).__name__.removesuffix("Error").lower()
        sys.stderr.write(f"curate: {kind} error: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
