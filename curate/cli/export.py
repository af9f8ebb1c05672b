"""`curate export`: token shards as other trainers read them."""

import json
from typing import Annotated, Literal

import typer


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run, such as runs/web.")],
    to: Annotated[Literal["megatron", "datatrove", "nanogpt", "llmc"], typer.Option(help="Whose files to write.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="An empty folder for them.")],
    where: Annotated[
        str | None,
        typer.Option(metavar="CONDITION", help="Which documents: source, license, license_class, split, tokens, n_bytes, repeats."),
    ] = None,
    boundary: Annotated[
        Literal["first", "last", "both", "none"] | None,
        typer.Option(help="Where the tokens between documents stand; default: as the recipe says, else as the format's own tools have it."),
    ] = None,
) -> None:
    """Write the token shards as Megatron, datatrove (nanotron), nanoGPT or llm.c read them, with a side-car that keeps the ids."""
    from curate.cli.shards import opened
    from curate.export.run import export as write
    from curate.export.run import note
    from curate.rights import expression

    store, corpus = opened(run)
    known = {name: expression(name) for name in corpus.meta.licenses}
    classes = {name: one.strictest if one else "unknown" for name, one in known.items()}
    done = write(corpus, output, to, where, classes, boundary)
    note(store, output, done)
    typer.echo(json.dumps(done, indent=2, ensure_ascii=False))
