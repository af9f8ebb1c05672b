"""`curate shards …`: look into the token shards of a run, prove them, and make them forget."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from curate.errors import ShardError, StoreError

if TYPE_CHECKING:
    from curate.shards.reader import Corpus
    from curate.store import Store

app = typer.Typer(
    name="shards",
    help="Look into a run's token shards, prove them, and make them forget.",
    epilog="Example: curate shards stats runs/web",
    no_args_is_help=True,
    rich_markup_mode=None,
)

RunPath = Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run, such as runs/web.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Many = list[str] | None


def opened(run: str) -> "tuple[Store, Corpus]":
    """A local run and its shards."""
    from curate.shards.reader import open_shards
    from curate.store import Store

    store = Store(run)
    if not store.is_local:
        raise StoreError(f"run {run}: expected a local folder, got a remote one; copy it here: shards are memory-mapped")
    return store, open_shards(store.full("shards"))


def said(value: Any) -> None:
    """Print JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


@app.command(epilog="Example: curate shards verify runs/web --sample 1000")
def verify(
    run: RunPath,
    sample: Annotated[int, typer.Option(min=0, help="Documents to decode and encode again.")] = 200,
    tokenizer: Annotated[Path | None, typer.Option(metavar="FILE", help="tokenizer.json, if it does not lie in the run.")] = None,
) -> None:
    """Read every byte: checksums, counts, id range, index; then decode documents and encode them again."""
    from curate.shards.text import Decoder, check_sample
    from curate.tokenizer.encode import Encoder

    _, corpus = opened(run)
    corpus.verify()
    decoder = Decoder(corpus, tokenizer)
    encoder = Encoder(decoder.data)

    def encode(text: str) -> Any:
        import pyarrow as pa

        return encoder.encode(pa.array([text], pa.large_string()))[1]

    checked = check_sample(corpus, decoder, encode, sample)
    totals = corpus.manifest["totals"]
    typer.echo(
        f"{corpus.corpus_id}: {totals['shards']} shards, {totals['rows']:,} rows, {totals['tokens']:,} tokens are as the manifest says"
    )
    how = (
        f"not sampled: {checked.skipped}"
        if checked.skipped
        else f"{checked.documents} documents ({checked.tokens:,} tokens) give their tokens again"
    )
    typer.echo(how)


@app.command(epilog="Example: curate shards stats runs/web --json")
def stats(run: RunPath, as_json: AsJson = False) -> None:
    """Tokens by source and licence, lengths of documents, and what was forgotten."""
    _, corpus = opened(run)
    told = _stats(corpus)
    if as_json:
        said(told)
        return
    for name, value in told.items():
        if isinstance(value, dict):
            typer.echo(name)
            for key, number in value.items():
                typer.echo(f"  {key:<28} {number:>16,}")
        else:
            typer.echo(f"{name:<30} {value:>16,}" if isinstance(value, int) else f"{name:<30} {value}")


def _stats(corpus: "Corpus") -> dict[str, Any]:
    import numpy as np

    from curate.shards.format import SPLITS

    starts = np.flatnonzero(corpus.column("piece") == 0)
    lengths = np.add.reduceat(corpus.lengths(), starts) if len(starts) else np.zeros(1, dtype=np.int64)
    marks = {f"{share}%": int(np.quantile(lengths, share / 100, method="lower")) for share in (1, 10, 50, 90, 99)}
    text_bytes = int(corpus.column("n_bytes").sum(dtype=np.int64))
    deletions, forgotten = corpus.manifest["deletions"] or {"documents": 0, "tokens": 0}, corpus.manifest["forgotten"]
    return {
        "corpus_id": corpus.corpus_id,
        "shards": len(corpus.shards),
        "documents": len(starts),
        "tokens": corpus.num_tokens,
        "text_bytes": text_bytes,
        "bytes_per_token": round(text_bytes / max(1, corpus.num_tokens - corpus.meta.around * len(starts)), 4),
        "token_dtype": corpus.manifest["token_dtype"],
        "vocab_size": corpus.meta.vocab_size,
        "boundary": corpus.meta.boundary_policy,
        "tokens_by_source": _tokens_by(corpus, "source", corpus.meta.sources),
        "tokens_by_license": _tokens_by(corpus, "license", corpus.meta.licenses),
        "tokens_by_split": _tokens_by(corpus, "split", SPLITS),
        "tokens_an_epoch": int((corpus.lengths() * corpus.column("repeats")).sum()),
        "mixture_tokens_an_epoch": {
            one["group"]: one["tokens_an_epoch"] for one in (corpus.manifest["mixture"] or {"groups": []})["groups"]
        },
        "left_out_by_mixing": {name: corpus.manifest["left_out"][name] for name in ("documents", "tokens")},
        "tokens_a_document": {"least": int(lengths.min()), **marks, "most": int(lengths.max())},
        "forgotten_but_still_there": {name: deletions[name] for name in ("documents", "tokens")},
        "forgotten_and_cut_out": {name: forgotten[name] for name in ("documents", "tokens")},
    }


def _tokens_by(corpus: "Corpus", column: str, names: Sequence[str]) -> dict[str, int]:
    import numpy as np

    sums = np.zeros(len(names), dtype=np.int64)
    np.add.at(sums, corpus.column(column), corpus.lengths())
    return {name: count for name, count in Counter(dict(zip(names, sums.tolist(), strict=True))).most_common() if count}


@app.command(epilog="Example: curate shards cat runs/web 0b3cc9c51b2f9d53a1e6f3a4de0c9d11")
def cat(
    run: RunPath,
    doc_id: Annotated[str, typer.Argument(metavar="DOC_ID", help="A document's id: 32 hex digits.")],
    tokens: Annotated[bool, typer.Option("--tokens", help="Print token ids instead of text.")] = False,
) -> None:
    """Print one document as the shards hold it."""
    from curate.cli.select import ID
    from curate.shards.text import Decoder

    _, corpus = opened(run)
    if not ID.fullmatch(doc_id.lower()):
        raise ShardError(f"cat: expected an id of 32 hex digits, got {doc_id!r}; `curate shards find` gives the id of a URL")
    found = corpus.document_tokens(bytes.fromhex(doc_id))
    if found is None:
        raise ShardError(f"cat: expected the id of a document in {corpus.folder}, got {doc_id}; it is unknown or forgotten")
    typer.echo(" ".join(map(str, found.tolist())) if tokens else Decoder(corpus).text(found))
    if corpus.meta.kind == "preference":
        rejected = corpus.rejected_of(bytes.fromhex(doc_id))
        typer.echo("\nrejected:\n" + (" ".join(map(str, rejected.tolist())) if tokens else Decoder(corpus).spelled(rejected)))


@app.command(epilog="Example: curate shards find runs/web https://example.org/page")
def find(
    run: RunPath, url: Annotated[str, typer.Argument(metavar="URL_OR_ID", help="A document's URL, or its id.")], as_json: AsJson = False
) -> None:
    """Say in which shard and row a document stands, and how many tokens it has."""
    from curate.cli.select import ID, Asked, ids_of

    store, corpus = opened(run)
    asked = Asked(ids=[url]) if ID.fullmatch(url.lower()) else Asked(urls=[url])
    places = [
        {
            "id": one.hex(),
            "shard": corpus.shards[shard].path.name,
            "row": row,
            "tokens": int(corpus.shards[shard].offsets[row + 1] - corpus.shards[shard].offsets[row]),
        }
        for one in ids_of(asked, store, corpus)
        for shard, row in corpus.find(one)
    ]
    if not places:
        raise ShardError(f"find: expected a document in {corpus.folder}, got {url}, which no shard holds; it is unknown or forgotten")
    if as_json:
        said(places)
        return
    for place in places:
        typer.echo(f"{place['id']}  {place['shard']} row {place['row']}, {place['tokens']:,} tokens")


@app.command(epilog="Example: curate shards forget runs/web --domain example.org --erase")
def forget(
    run: RunPath,
    ids: Annotated[Many, typer.Option("--id", metavar="HEX", help="A document's id. Repeatable.")] = None,
    urls: Annotated[Many, typer.Option("--url", metavar="URL", help="All documents of a URL. Repeatable.")] = None,
    domains: Annotated[Many, typer.Option("--domain", metavar="DOMAIN", help="All documents of a registered domain. Repeatable.")] = None,
    sources: Annotated[Many, typer.Option("--source", metavar="NAME", help="All documents of a source. Repeatable.")] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="A file with an id, URL or domain on each line.")] = None,
    erase: Annotated[
        bool, typer.Option("--erase", help="Cut them out of the files at once, for readers that know no deletion vectors.")
    ] = False,
) -> None:
    """Remove documents from the shards: our readers pass over them at once, `compact` cuts them out. Prints the receipt."""
    from curate.cli.select import Asked, ids_of
    from curate.shards import compact as compacting
    from curate.shards import forget as forgetting
    from curate.store import Lease

    store, corpus = opened(run)
    asked = Asked(ids=ids or [], urls=urls or [], domains=domains or [], sources=sources or [])
    if file is not None:
        asked.read(file)
    with Lease(store):
        receipt = forgetting.forget(store, ids_of(asked, store, corpus), asked.as_dict(), erase=compacting.compact if erase else None)
    said(receipt)
    if receipt["unknown"]:
        typer.echo(f"{len(receipt['unknown'])} ids are not in these shards; they are listed under `unknown`", err=True)


@app.command(epilog="Example: curate shards compact runs/web")
def compact(run: RunPath) -> None:
    """Cut forgotten documents out of the files that hold them; other shards are not touched. Prints what was rewritten."""
    from curate.shards.compact import compact as compacting
    from curate.store import Lease

    store, _ = opened(run)
    with Lease(store):
        said(compacting(store))


@app.command(epilog="Example: curate shards attribution runs/web --format markdown > ATTRIBUTION.md")
def attribution(
    run: RunPath,
    form: Annotated[Literal["jsonl", "csv", "markdown"], typer.Option("--format", help="How the list is written.")] = "jsonl",
) -> None:
    """List the works in the shards whose licences ask to be named: title, author, address, licence and its link."""
    from curate.cli.works import listed, written

    store, corpus = opened(run)
    lines: Iterator[str] = written(listed(store, corpus), form)
    for line in lines:
        typer.echo(line)
