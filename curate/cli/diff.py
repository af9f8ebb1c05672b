"""`curate diff`: two runs compared."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def diff(
    before: Annotated[str, typer.Argument(metavar="RUN_A", help="The folder of a run.")],
    after: Annotated[str, typer.Argument(metavar="RUN_B", help="The folder of another, or of the same recipe changed.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page as well.")] = None,
    samples: Annotated[int, typer.Option(min=0, help="Documents shown of each kind of flip.")] = 3,
) -> None:
    """Say what a change of recipe or input did: documents that flipped, by rule, with samples; how far apart the corpora are."""
    from curate.diff import page, report, text
    from curate.store import Store

    made = report.compare(Store(before), Store(after), samples)
    if html is not None:
        Store(str(html.parent)).write(html.name, page.render(made).encode("utf-8", "replace"))
    if as_json:
        typer.echo(json.dumps(made, indent=2, ensure_ascii=False))
    else:
        Console().print(text.render(made))
