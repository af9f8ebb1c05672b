"""`curate perplexity`: make an n-gram model from good text."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(name="perplexity", help="N-gram models for the step `perplexity`: train.", no_args_is_help=True)
SHOWN = (1, 10, 30, 50, 60, 90, 99)


@app.callback()
def family() -> None:
    """N-gram models for the step `perplexity`."""


@app.command(epilog="Example: curate perplexity train --text wikipedia.jsonl.gz --pool 'crawl/*.jsonl.gz' --output models/en.arrow")
def train(
    text: Annotated[list[str], typer.Option(metavar="URI", help="Good text: JSONL, Parquet or text files. Repeatable.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The model, an Arrow file.")],
    pool: Annotated[
        list[str] | None,
        typer.Option(metavar="URI", help="Documents that will be filtered: head and tail are percentiles of theirs. Repeatable."),
    ] = None,
    order: Annotated[int, typer.Option(min=1, max=8, help="Words in the longest n-gram; CCNet and KenLM: 5.")] = 3,
    min_count: Annotated[int, typer.Option(min=1, help="Words that come less often are one unknown word.")] = 2,
    field: Annotated[str, typer.Option(metavar="FIELD", help="Field of the text in JSONL and Parquet.")] = "text",
) -> None:
    """Train an n-gram model (interpolated modified Kneser-Ney), and take the percentiles of a pool for head, middle and tail."""
    import dataclasses

    import numpy as np
    import pyarrow as pa

    from curate.arrow import utf8
    from curate.cli.documents import texts
    from curate.errors import StoreError
    from curate.models import ngram

    console = Console(soft_wrap=True, highlight=False)
    with console.status("training"):
        view = utf8(pa.array([one for _, one, _ in texts(text, "text", field)], pa.large_string()))
        words, at = ngram.words_of(view.offsets, view.data)
        model = ngram.train(words, at, order, min_count)
    console.print(f"{len(at) - 1:,} documents, {len(words):,} words, {len(model.key):,} n-grams up to {order} words")
    if pool:
        with console.status("judging the pool"):
            view = utf8(pa.array([one for _, one, _ in texts(pool, "pool", field)], pa.large_string()))
            value = np.sort(model.perplexities(view.offsets, view.data))
        value = value[: int(np.isfinite(value).sum())]
        if len(value):
            ranks = [-(-percent * (len(value) - 1) // 100) for percent in range(101)]
            percentiles = [float(one) for one in np.round(value[ranks], 4)]
            model = dataclasses.replace(model, percentiles=percentiles)
            console.print("perplexity of the pool: " + ", ".join(f"{percentiles[p]:.1f} at {p} %" for p in SHOWN))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        ngram.save(model, output)
    except OSError as error:
        raise StoreError(f"perplexity train: expected to write {output}, got {error.strerror}; name another --output") from None
    console.print(f"wrote {output} ({output.stat().st_size / 1e6:.1f} MB)", markup=False)
