"""`curate classifier`: make a quality classifier from documents that are good and documents of the pool."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(name="classifier", help="Quality classifiers for the step `classifier`: train.", no_args_is_help=True)


@app.callback()
def family() -> None:
    """Quality classifiers for the step `classifier`."""


@app.command(
    epilog="Example: curate classifier train --positive good.jsonl --negative 'crawl/*.jsonl.gz' --output models/quality.bin --keep 0.1"
)
def train(
    positive: Annotated[list[str], typer.Option(metavar="URI", help="Documents to be like: JSONL, Parquet or text. Repeatable.")],
    negative: Annotated[list[str], typer.Option(metavar="URI", help="Documents of the pool that is to be filtered. Repeatable.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The model; a folder of its name with the report stands beside it.")
    ],
    keep: Annotated[float | None, typer.Option(min=0, max=1, help="Say which min_score keeps this share of the pool.")] = None,
    labels: Annotated[tuple[str, str], typer.Option(help="Names of the two labels.")] = ("hq", "cc"),
    dim: Annotated[int, typer.Option(min=1, help="Dimensions.")] = 32,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the documents.")] = 5,
    rate: Annotated[float, typer.Option(min=0, help="Learning rate at the beginning.")] = 0.5,
    word_ngrams: Annotated[int, typer.Option(min=1, max=8, help="Words in the longest n-gram.")] = 2,
    buckets: Annotated[int, typer.Option(min=1, help="Buckets that n-grams are hashed to; 4 x dim bytes each.")] = 200_000,
    min_count: Annotated[int, typer.Option(min=1, help="Words that come less often are seen in n-grams only.")] = 2,
    held_out: Annotated[
        float, typer.Option(min=0.001, max=0.9, help="Share of documents, by the hash of the id, that the report is made from.")
    ] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="The same documents, options and seed give the same bytes.")] = 0,
    text: Annotated[str, typer.Option(metavar="FIELD", help="Field of the text in JSONL and Parquet.")] = "text",
) -> None:
    """Train a fastText model, and report on held-out documents: precision and recall, AUC, the threshold for a wanted keep rate."""
    import numpy as np

    from curate.cli.documents import texts
    from curate.errors import StoreError
    from curate.models import evaluation, fasttext, train_classifier

    options = train_classifier.Options(
        dim=dim, epochs=epochs, rate=rate, word_ngrams=word_ngrams, buckets=buckets, min_count=min_count, seed=seed, held_out=held_out
    )
    console = Console(soft_wrap=True, highlight=False)
    with console.status("reading"):
        learn, test = train_classifier.split((*texts(positive, "positive", text, 1), *texts(negative, "negative", text, 0)), held_out)
    with console.status(f"training on {len(learn.texts):,} documents"):
        file = train_classifier.train(learn, labels, options)
    folder = output.with_suffix(".report")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        output.write_bytes(file)
    except OSError as error:
        raise StoreError(f"classifier train: expected to write {output}, got {error.strerror}; name another --output") from None
    offsets, data = test.joined()
    _, scores = fasttext.load(output, "classifier train").of(labels[0], offsets[:-1], offsets[1:], data)
    figures = evaluation.report(scores, np.array(test.labels), keep)
    made = {"model": output.name, "labels": labels, "options": vars(options), "digest": fasttext.digest(output), **figures}
    said = evaluation.markdown(figures, output.name)
    for name, content in (
        ("report.json", json.dumps(made, indent=2) + "\n"),
        ("README.md", said),
        ("curve.svg", evaluation.svg(figures, output.name)),
    ):
        (folder / name).write_text(content, encoding="utf-8")
    console.print(said.rpartition("\n\n![")[0].partition("\n\n")[2], markup=False)
    console.print(f"wrote {output} ({len(file) / 1e6:.1f} MB) and {folder}/", markup=False)
