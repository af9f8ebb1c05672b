"""`curate forget`: take what somebody objects to out of a run, everywhere, and keep it out."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

Many = list[str] | None
SHOWN = 20


def forget(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A finished run, such as runs/web or s3://bucket/runs/web.")],
    ids: Annotated[Many, typer.Option("--id", metavar="HEX", help="A document's id. Repeatable.")] = None,
    urls: Annotated[Many, typer.Option("--url", metavar="URL", help="All documents of an address. Repeatable.")] = None,
    domains: Annotated[
        Many, typer.Option("--domain", metavar="HOST", help="All documents of a host and of those below it. Repeatable.")
    ] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="An owner's list: an id, address or domain on each line.")] = None,
    with_copies: Annotated[
        float | None,
        typer.Option(
            "--with-copies", metavar="SIMILARITY", min=0, max=1, help="Forget copies of at least this similarity too, such as 0.8."
        ),
    ] = None,
    export: Annotated[Many, typer.Option("--export", metavar="DIR", help="An export that the run does not know of. Repeatable.")] = None,
    list_: Annotated[
        str | None, typer.Option("--list", metavar="FILE", help="A suppression list shared by several recipes that gets the entries too.")
    ] = None,
    erase: Annotated[bool, typer.Option(help="Cut the tokens out of the shards; --no-erase hides them by a deletion vector.")] = True,
    in_advance: Annotated[bool, typer.Option("--in-advance", help="Keep out what is asked for even if no document of it is here.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be forgotten where, and change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Forget documents: out of documents/, removed/, shards, index and exports, work/ emptied, and barred from later runs.

    Copies that the run found are listed; --with-copies takes them too. A receipt without personal values stays in forgotten/, and the card
    says that its version went up. Shards of a run in an object store are copied here, treated and put back. Other recipes keep the same
    documents out with `suppress: RUN/forgotten/suppress.txt`.
    """
    from curate.cli.select import Asked
    from curate.forget import run as forgetting
    from curate.store import Store

    store = Store(run)
    asked = Asked(ids=ids or [], urls=urls or [], domains=domains or [])
    if file is not None:
        asked.read(file)
    request = forgetting.request_of(asked.ids, asked.urls, asked.domains)
    options = forgetting.Options(erase=erase, with_copies=with_copies, in_advance=in_advance, exports=export or (), list_path=list_)
    if dry_run:
        seen = forgetting.outlook(store, request, options)
        _said(seen.as_dict(), as_json, {"would be forgotten": seen.by_place}, seen.copies)
        return
    receipt, copies = forgetting.forget(store, request, options)
    told = {
        "forgotten": receipt["counts"],
        "not met by any document": receipt["unmet"],
        "suppression list": receipt["suppression"]["list"],
        "version": f"{receipt['version']['before']} → {receipt['version']['after']}" if receipt["version"]["after"] else "none was given",
        "left alone": receipt["left"],
        "receipt": f"{run}/{receipt['path']}",
    }
    _said(receipt | {"copies": [vars(one) for one in copies]}, as_json, told, copies)
    if lost := [one["folder"] for one in receipt["exports"] if one.get("not_found")]:
        typer.echo(
            f"exports that were not found, and may still hold what was forgotten: {', '.join(lost)}; give them with --export", err=True
        )
    if receipt.get("index", {}).get("not_found"):
        typer.echo(f"index {receipt['index']['path']} was not found, and may still hold hashes of what was forgotten", err=True)


def _said(plain: Any, as_json: bool, told: dict[str, Any], copies: list[Any]) -> None:
    """The same as JSON, or as lines."""
    if as_json:
        typer.echo(json.dumps(plain, indent=2, ensure_ascii=False))
        return
    for name, value in told.items():
        if value == {}:
            continue
        if isinstance(value, dict):
            typer.echo(name)
            for key, number in value.items():
                typer.echo(f"  {key:<16} {json.dumps(number, ensure_ascii=False) if not isinstance(number, str) else number}")
        else:
            typer.echo(f"{name:<24} {value}")
    if copies:
        typer.echo(f"{len(copies)} copies of these remain; --with-copies 0.8 forgets those that are at least so similar:")
        for one in copies[:SHOWN]:
            typer.echo(f"  {one.id}  {one.similarity:.4f} by {one.step}, in {one.place}  {one.url or ''}")
        if len(copies) > SHOWN:
            typer.echo(f"  and {len(copies) - SHOWN} more; --json lists all")
