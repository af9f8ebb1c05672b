"""The desk's routes: each page at its address, and the same as JSON with `.json` behind it."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from curate.errors import CurateError
from curate.review import shell
from curate.review.ask import Ask, Data, MissingError, Page
from curate.review.decisions import NotAllowedError
from curate.review.desk import Desk, NotReadyError
from curate.review.guard import Guard, Person, honest
from curate.review.pages import (
    comparing,
    decisions,
    document,
    domains,
    duplicates,
    labelling,
    overview,
    personal,
    rights,
    rules,
    samples,
    search,
    signing,
)

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    samples.PAGE,
    rules.LIST,
    rules.PAGE,
    duplicates.LIST,
    duplicates.PAGE,
    rights.PAGE,
    domains.LIST,
    domains.PAGE,
    personal.PAGE,
    search.PAGE,
    document.PAGE,
    labelling.LIST,
    labelling.PAGE,
    decisions.PAGE,
    signing.PAGE,
    comparing.PAGE,
    decisions.LOG,
)
ASSETS = {"desk.css": "text/css", "desk.js": "text/javascript", "desk.svg": "image/svg+xml"}
REFRESH_SECONDS = 2
MAX_FIELDS = 200


def make(desk: Desk, people: Sequence[Person], hosts: Sequence[str], cookie: str = "curate_desk") -> Guard:
    """The application. `hosts`: what a Host header may say; `cookie`: one name for each desk of a machine, since cookies know no ports."""
    desk.welcome(people)
    routes = [Route("/", lambda request: RedirectResponse("/overview"))]
    for page in PAGES:
        methods = ["GET", "POST"] if page.post else ["GET"]
        routes.append(Route(page.path + ".json", partial(_answer, desk, page, True), methods=["GET"]))
        routes.append(Route(page.path, partial(_answer, desk, page, False), methods=methods))
    routes.append(Route("/document/{id}/lead", partial(_small, desk, document.lead)))
    routes.append(Route("/rules/{step}/{reason}/flips.csv", partial(_flips, desk)))
    routes.append(Route("/card", partial(_card, desk)))
    routes.append(Route("/decisions/export.json", partial(_export, desk)))
    routes.append(Route("/assets/{name}", _asset))
    return Guard(Starlette(routes=routes, exception_handlers={404: _missing, 500: _broken}), people, hosts, cookie)


def _ask(desk: Desk, page: Page | None, request: Request, form: Data | None = None, error: str | None = None) -> Ask:
    path = request.url.path.removesuffix(".json")
    return Ask(
        desk=desk,
        person=request.state.person,
        path=path,
        params=dict(request.path_params),
        query=dict(request.query_params),
        form=form or {},
        error=error,
    )


async def _answer(desk: Desk, page: Page, as_json: bool, request: Request) -> Response:
    if request.method == "POST":
        form = await _form(request)
        return await run_in_threadpool(_post, desk, page, request, form)
    return await run_in_threadpool(_get, desk, page, as_json, _ask(desk, page, request))


def _get(desk: Desk, page: Page, as_json: bool, ask: Ask, status: int = 200) -> Response:
    try:
        data = page.data(ask)
        if as_json:
            return JSONResponse(data)
        return HTMLResponse(shell.frame(page, PAGES, data, ask, desk.flash(ask.person)), status)
    except NotReadyError as error:
        return _unready(error.state, as_json, ask)
    except sqlite3.DatabaseError as error:
        if desk.doubt():
            return _get(desk, page, as_json, ask, status)
        return _plain(ask, f"a file of the desk cannot be read: {error}; {desk.local} has it", 500)
    except CurateError as error:
        status = 404 if isinstance(error, MissingError) else 500
        return JSONResponse({"error": str(error)}, status) if as_json else _plain(ask, str(error), status)


def _post(desk: Desk, page: Page, request: Request, form: dict[str, str]) -> Response:
    """Take a form; on success go on by GET, so that a reload sends nothing twice; else show the page again with what was written."""
    person: Person = request.state.person
    if page.post is None or not honest(person, form.pop("token", "")):
        return PlainTextResponse("form: expected the desk's own, with its token, got another; open the page again", 403)
    ask = _ask(desk, page, request, form)
    if page.role is not None and person.role != page.role:
        said = f"{person.name} is a {person.role}: expected a {page.role} for this decision; leave a comment, or ask one"
        return _get(desk, page, False, _ask(desk, page, request, form, said), 403)
    try:
        target, said = page.post(ask)
    except NotReadyError as error:
        return _unready(error.state, False, ask)
    except CurateError as error:
        status = 403 if isinstance(error, NotAllowedError) else 409
        return _get(desk, page, False, _ask(desk, page, request, form, str(error)), status)
    desk.say(person, said)
    return RedirectResponse(_inside(target), 303)


def _inside(target: str) -> str:
    """An address of the desk; nothing that a browser takes for another host."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/overview"


async def _form(request: Request) -> dict[str, str]:
    pairs = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    return dict(pairs)


def _unready(state: dict[str, Any], as_json: bool, ask: Ask) -> Response:
    if as_json:
        return JSONResponse(state, 503)
    refresh = REFRESH_SECONDS if state["state"] in ("building", "running") else None
    head = shell.tag("h1", "Not yet" if refresh else "No run to show")
    return HTMLResponse(shell.document(f"{ask.desk.name}", None, [head, *overview.unready(state)], None, refresh), 503)


def _plain(ask: Ask, said: str, status: int) -> Response:
    head = shell.tag("h1", "Not here" if status == 404 else "This cannot be shown")
    back = shell.tag("p", shell.tag("a", "to the overview", href="/overview"))
    return HTMLResponse(shell.document(ask.desk.name, None, [head, shell.notice(said, "warn"), back], ask), status)


async def _small(desk: Desk, found: Callable[[Ask], Data], request: Request) -> Response:
    try:
        return JSONResponse(await run_in_threadpool(found, _ask(desk, None, request)))
    except (CurateError, NotReadyError) as error:
        return JSONResponse({"error": str(error)}, 404)


async def _flips(desk: Desk, request: Request) -> Response:
    try:
        lines = await run_in_threadpool(rules.flipped, _ask(desk, None, request))
    except (CurateError, NotReadyError) as error:
        return PlainTextResponse(str(error), 404)
    name = f"flips-{request.path_params['step']}-{request.path_params['reason']}.csv"
    safe = "".join(char if char.isalnum() or char in "-_." else "_" for char in name)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers={"content-disposition": f'attachment; filename="{safe}"'})


CARD_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The card brings its own style sheet and needs nothing else; no script runs on it at all."""


async def _card(desk: Desk, request: Request) -> Response:
    try:
        text = await run_in_threadpool(signing.card, _ask(desk, None, request))
    except CurateError as error:
        return PlainTextResponse(str(error), 404)
    return HTMLResponse(text, headers={"content-security-policy": CARD_POLICY})


async def _export(desk: Desk, request: Request) -> Response:
    """The file that a recipe applies."""
    try:
        made = await run_in_threadpool(lambda: desk.decisions.export(desk.reviewed()).encode())
    except NotReadyError as error:
        return JSONResponse(error.state, 503)
    return Response(made, media_type="application/json", headers={"content-disposition": 'attachment; filename="decisions.json"'})


async def _asset(request: Request) -> Response:
    """One of the desk's own files, by name; no path of the client is opened."""
    name = request.path_params["name"]
    if name not in ASSETS:
        return PlainTextResponse("nothing here", 404)
    content = (files("curate.review") / "assets" / name).read_text("utf-8")
    if name == "desk.css":
        content = shell.sheet_of_colours() + content
    return Response(content, media_type=ASSETS[name], headers={"cache-control": "private, max-age=600"})


async def _broken(request: Request, error: Exception) -> Response:
    """A mistake of ours: its trace is in the terminal."""
    return PlainTextResponse(
        "the desk made a mistake; the terminal that it was started in tells more, and nothing that was said is lost", 500
    )


async def _missing(request: Request, error: Exception) -> Response:
    return PlainTextResponse("nothing here; see /overview", 404)
