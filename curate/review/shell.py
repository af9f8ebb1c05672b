"""The frame of every page, and the pieces that pages are made of. Markup comes from curate/card/html.py, which escapes all text."""

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from curate.card.html import COLOURS, Html, foreign, joined, tag
from curate.card.markdown import size
from curate.review.ask import Ask, Data, Page, address

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""Characters that do not show, or turn the reading direction; the joiners of Indic scripts and emoji stay."""
KEYS = (
    ("j / k", "next, previous"),
    ("1 – 9", "press the numbered button of the chosen one"),
    ("o", "open it"),
    ("n / p", "next, previous page"),
    ("/", "search"),
    ("g …", "go to: the letter beside a name in the menu"),
    ("u", "undo: take the last decision back"),
    ("?", "this list"),
)


def element(name: str, /, *children: Any, **attributes: Any) -> Html:
    """An element that card/html.py does not know to be void."""
    made = tag(name, *children, **attributes)
    return Html(made.removesuffix(f"</{name}>")) if name == "input" else made


def inert(text: str) -> Html:
    """Text of a stranger: escaped, hidden characters written out. Fast enough for megabytes."""
    return Html(html.escape(HIDDEN.sub(_written, text)))


def _written(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape", "surrogatepass").decode("ascii")


def frame(page: Page, pages: Sequence[Page], data: Data, ask: Ask, said: str | None) -> str:
    """A whole page."""
    title = str(data.get("title") or page.title)
    main = [
        tag("h1", foreign(title), id="title"),
        notice(said, "said") if said else None,
        notice(ask.error, "error") if ask.error else None,
        *page.body(data, ask),
    ]
    return document(f"{title} · {ask.desk.name}", _menu(page, pages, ask), main, ask)


def document(title: str, menu: Html | None, main: Iterable[Any], ask: Ask | None, refresh: int | None = None) -> str:
    """`<!doctype html>` and all."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="refresh", content=refresh) if refresh else None,
        tag("title", title),
        tag("link", rel="stylesheet", href="/assets/desk.css"),
        tag("link", rel="icon", href="/assets/desk.svg", type="image/svg+xml"),
        tag("script", src="/assets/desk.js", defer=True),
    )
    body = tag(
        "body",
        tag("a", "To the content", href="#main", class_="skip"),
        _top(ask) if ask else None,
        menu,
        tag("main", *main, id="main", tabindex="-1"),
        _help(),
        tag("div", id="live", class_="toast", role="status", aria_live="polite"),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _top(ask: Ask) -> Html:
    find = tag(
        "form",
        tag("label", "Search", for_="find", class_="hide"),
        element("input", type="search", id="find", name="q", placeholder="URL, domain, id or words", autocomplete="off"),
        action="/search",
        method="get",
        role="search",
    )
    who = tag("p", tag("strong", ask.person.name), " ", tag("span", ask.person.role, class_="chip"), class_="who")
    return tag(
        "header", tag("a", tag("span", "curate"), " ", tag("b", foreign(ask.desk.name)), href="/overview", class_="brand"), find, who
    )


def _menu(page: Page, pages: Sequence[Page], ask: Ask) -> Html:
    items = [
        tag(
            "li",
            tag(
                "a",
                one.menu,
                tag("kbd", one.key, aria_hidden="true") if one.key else None,
                href=one.path,
                aria_current="page" if one.path == page.path or page.path.startswith(f"{one.path}/") else None,
                data_go=one.key,
            ),
        )
        for one in pages
        if one.menu and (one.path != "/pairs" or ask.desk.pairs is not None)
    ]
    return tag("nav", tag("ul", *items), aria_label="Pages")


def _help() -> Html:
    rows = [tag("tr", tag("th", tag("kbd", key), scope="row"), tag("td", what)) for key, what in KEYS]
    return tag(
        "dialog",
        tag("h2", "Keys"),
        tag("table", tag("tbody", *rows)),
        tag("form", tag("button", "Close"), method="dialog"),
        id="keys",
        aria_label="Keys",
    )


# ---------------------------------------------------------------- pieces


def notice(said: str, kind: str = "note") -> Html:
    """A box with a sentence: note, warn, error, said."""
    return tag("p", foreign(said), class_=f"box {kind}", role="alert" if kind == "error" else "status" if kind == "said" else None)


def chip(text: Any, kind: str = "") -> Html:
    """A short word in a rounded box; kind: good, bad, held or nothing."""
    return tag("span", foreign(text), class_=f"chip {kind}".strip())


def verdict(word: str) -> Html:
    """A reason or an outcome as a chip."""
    kind = "good" if word == "kept" else "held" if ":held_" in word else "bad"
    return chip(word, kind)


def form(ask: Ask, *inner: Any, action: str | None = None, **attributes: Any) -> Html:
    """A form that is sent by POST, with this person's token in it."""
    token = element("input", type="hidden", name="token", value=ask.person.form_token)
    return tag("form", token, *inner, method="post", action=action or ask.path, **attributes)


def hidden(**values: Any) -> Html:
    """Hidden fields; None is left out."""
    return joined([element("input", type="hidden", name=name, value=value) for name, value in values.items() if value is not None])


def field(label: str, name: str, value: Any = "", kind: str = "text", **attributes: Any) -> Html:
    """A labelled input."""
    made = element("input", type=kind, name=name, value=value, id=f"f-{name}", **attributes)
    return tag("p", tag("label", label, for_=f"f-{name}"), made, class_="field")


def area(label: str, name: str, value: str = "", **attributes: Any) -> Html:
    """A labelled text of several lines."""
    return tag("p", tag("label", label, for_=f"f-{name}"), tag("textarea", value, name=name, id=f"f-{name}", **attributes), class_="field")


def choice(label: str, name: str, options: Iterable[tuple[str, str]], value: str, **attributes: Any) -> Html:
    """A labelled list of (value, text)."""
    made = [tag("option", text, value=one, selected=one == value) for one, text in options]
    return tag("p", tag("label", label, for_=f"f-{name}"), tag("select", *made, name=name, id=f"f-{name}", **attributes), class_="field")


def buttons(name: str, options: Sequence[tuple[str, str, str]], current: str | None = None) -> Html:
    """Numbered buttons: (value, text, kind). The number is the key that presses it."""
    made = [
        tag(
            "button",
            tag("kbd", number, aria_hidden="true"),
            f" {text}",
            name=name,
            value=value,
            class_=kind,
            data_key=number,
            aria_pressed="true" if value == current else None,
        )
        for number, (value, text, kind) in enumerate(options, 1)
    ]
    return tag("span", *made, class_="buttons")


def pager(ask: Ask, start: int, count: int, more: bool, name: str = "start") -> Html | None:
    """Links to the page before and after."""
    if not start and not more:
        return None
    before = tag("a", "← before", href=ask.link(**{name: max(0, start - count) or None}), rel="prev", data_page="p") if start else None
    after = tag("a", "more →", href=ask.link(**{name: start + count}), rel="next", data_page="n") if more else None
    return tag("p", before, " ", after, class_="pager")


def url(value: str | None) -> Html:
    """An address as text: nothing on the desk leads out to the web."""
    if value is None:
        return tag("span", "no address", class_="dim")
    host = urlsplit(value).netloc if "://" in value else ""
    head, _, rest = value.partition(host) if host else ("", "", value)
    return tag("bdi", tag("span", head, class_="dim"), tag("b", host) if host else None, rest, class_="url", dir="ltr")


def document_link(row: Mapping[str, Any]) -> Html:
    """Where a document's own page is."""
    return tag("a", url(row["url"]) if row.get("url") else row["id"], href=f"/document/{row['id']}", data_open=True)


def document_item(row: Mapping[str, Any], *more: Any, query: str = "") -> Html:
    """A document in a list: its address, what became of it, and the place for its first words."""
    return tag("li", document_link(row), " ", verdict(row["reason"]), *more, lead(row, query), data_item=True, tabindex="-1")


def lead(row: Mapping[str, Any], query: str = "") -> Html:
    """A place for the beginning of a document's text, which a script fills in."""
    return tag("span", class_="lead", data_lead=f"/document/{row['id']}/lead{query}")


def amount(count: int | None) -> Html:
    """Bytes for people."""
    return Html("–" if count is None else size(count))


def tags(items: Iterable[tuple[str, Any]]) -> Html:
    """Names and values in a row."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in items), class_="facts")


def described(problems: Mapping[str, str]) -> Iterator[Html]:
    """What is wrong with files of the run; the rest works."""
    if problems:
        listed = [tag("li", foreign(said)) for said in problems.values()]
        yield tag(
            "div",
            tag(
                "p",
                tag("strong", f"{len(problems)} damaged file{'s' if len(problems) > 1 else ''}. "),
                "Their rows cannot be shown; all else is.",
            ),
            tag("ul", *listed),
            class_="box warn",
            role="note",
        )


def bar(share: float, label: str) -> Html:
    """A share as a bar with its alternative in words."""
    width = f"{100 * min(max(share, 0.0), 1.0):.1f}%"
    track, filled = (
        tag("rect", class_="track", width="100%", height="10", rx="5"),
        tag("rect", class_="b", width=width, height="10", rx="5"),
    )
    return tag("svg", track, filled, width="100%", height="10", role="img", aria_label=label, class_="bar")


def sheet_of_colours() -> str:
    """The card's colours as variables, light and dark."""
    schemes = {name: ";".join(f"--{key}:{value}" for key, value in colours.items()) for name, colours in COLOURS.items()}
    return f":root{{{schemes['light']}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{schemes['dark']}}}}}\n"


def here(ask: Ask) -> str:
    """This page's own address, to come back to."""
    return address(ask.path, **ask.query)
