"""`curate review`: the desk of a run, in a browser on this machine."""

import getpass
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from curate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from curate.review.guard import Guard, Person

LOOPBACK = "127.0.0.1"


def review(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder (or location) of a run, such as runs/web.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of this machine; 0: one that is free.")] = 8400,
    steward: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Who may decide and sign. Repeatable; default: you.")] = None,
    reviewer: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Who may label and comment. Repeatable.")] = None,
    pairs: Annotated[Path | None, typer.Option(metavar="FILE", help="JSONL of model answers to be ranked blindly.")] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where decisions and the index lie; default: review/ in the run's folder.")
    ] = None,
    text: Annotated[bool, typer.Option("--text/--no-text", help="Make the words of all texts searchable.")] = True,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the decisions that hold, for a recipe's `steward:`, and end.")
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the first address in a browser.")] = False,
) -> None:
    """Look at a run and decide: samples with evidence, thresholds, duplicates, rights, domains, labels, sign-off. In your browser, on this machine."""
    if export is not None:
        _export(run, state, export)
        return
    try:
        import uvicorn
    except ImportError:
        raise StoreError("review: expected the packages of the desk, got none; pip install 'curate[review]'") from None
    from curate.review.guard import Person

    people = [Person(name, "steward") for name in steward or ([] if reviewer else [getpass.getuser()])]
    people += [Person(name, "reviewer") for name in reviewer or []]
    if len({one.name for one in people}) < len(people):
        raise StoreError(f"review: expected different names, got {', '.join(one.name for one in people)}; say each once")
    listening = _listen(port)
    port = listening.getsockname()[1]
    console = Console(soft_wrap=True, highlight=False)
    app = application(run, people, port, state, pairs, text, _telling(console))
    links = [f"http://{LOOPBACK}:{port}/?key={one.key}" for one in people]
    for one, link in zip(people, links, strict=True):
        console.print(f"{one.role} {one.name}: {link}", markup=False)
    console.print("each address is a key: give it to that person only; Ctrl-C ends the desk, what was said is kept")
    if open_browser:
        import webbrowser

        threading.Timer(0.5, webbrowser.open, [links[0]]).start()
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listening])


def _export(run: str, state: Path | None, file: Path) -> None:
    """Write what holds, without an index and without a server."""
    from curate.card.folder import open_folder
    from curate.review.decisions import DecisionStore
    from curate.review.desk import reviewed
    from curate.store import Store

    store = Store(run)
    folder = open_folder(store)
    made = DecisionStore.of(store, state).export(reviewed(store, folder.name))
    Store(str(file.parent)).write(file.name, made.encode())
    typer.echo(f"wrote {len(made.documents) + len(made.domains):,} decisions and {len(made.thresholds):,} thresholds to {file}")


def application(
    run: str,
    people: "list[Person]",
    port: int,
    state: Path | None = None,
    pairs: Path | None = None,
    text: bool = True,
    told: "Callable[[str, float], None]" = lambda what, share: None,
) -> "Guard":
    """The desk of a run as an ASGI application that answers to loopback names at a port."""
    from curate.card.folder import LEDGER, RECIPE
    from curate.review.app import make
    from curate.review.desk import Desk
    from curate.store import Store

    store = Store(run)
    if state is None and not store.is_local:
        raise StoreError(f"review {run}: expected --state DIR for a run that is not on this machine, got none; name a folder here")
    if not (store.exists(RECIPE) or store.exists(LEDGER)):
        raise StoreError(f"review {run}: expected the folder of a run, finished or not, got none; make one with `curate run`")
    desk = Desk(store, state or Path(store.full("review")), texts=text, told=told)
    desk.begin()
    if pairs is not None:
        from curate.review.pairs import read

        desk.compare(read(pairs))
    return make(desk, people, [f"{name}:{port}" for name in (LOOPBACK, "localhost")], f"curate_desk_{port}")


def _telling(console: Console) -> "Callable[[str, float], None]":
    """On a terminal one line that says how far the look through the run is."""

    def told(what: str, share: float) -> None:
        if console.is_terminal:
            console.print(f"looking through the run: {what} {share:.0%}   ", end="\r", markup=False)

    return told


def _listen(port: int):  # type: ignore[no-untyped-def]
    """A socket on loopback."""
    import socket

    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((LOOPBACK, port))
        made.listen()
    except OSError as error:
        made.close()
        raise StoreError(f"review: expected port {port} to be free, got '{error.strerror}'; choose another --port, or 0") from None
    return made
