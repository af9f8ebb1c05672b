"""HTML made of small functions: what goes in as text comes out as text.

`tag` escapes every child that is not `Html` already, so text of a crawl can neither open an element nor close one; characters that do not
show are written out (markdown.visible). Values of strangers stand in `<bdi>`, so that their reading direction ends where they end. A page
needs nothing from a network: one style sheet inside, no script, no font, no image; a Content-Security-Policy in it says so to the browser.
"""

import html
from collections.abc import Iterable, Sequence
from typing import Any

from curate.card.markdown import visible

VOID = frozenset(["meta", "link", "br", "hr", "rect", "line", "circle"])
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
COLOURS = {
    "light": {"fg": "#1d2129", "dim": "#515a68", "bg": "#ffffff", "band": "#f2f4f7", "line": "#c9d0da", "link": "#0b5394", "bar": "#2f6db3",
              "other": "#b3541e", "warn": "#8a1f11", "warnbg": "#fdecea"},
    "dark": {"fg": "#e8eaee", "dim": "#a9b2c0", "bg": "#15181d", "band": "#20252d", "line": "#3a4250", "link": "#8ab8f0", "bar": "#6aa5e8",
             "other": "#e8a06a", "warn": "#ffb4a8", "warnbg": "#3a1d19"},
}  # fmt: skip
"""Text against its ground has a contrast of at least 4.5, bars of at least 3 (WCAG 2.2, 1.4.3 and 1.4.11); a test computes it."""
STYLE = """
*{box-sizing:border-box}
html{font:16px/1.5 system-ui,sans-serif;-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:62rem;padding:1rem;color:var(--fg);background:var(--bg)}
a{color:var(--link)} a:focus-visible{outline:3px solid var(--link);outline-offset:2px}
h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0} h2{font-size:1.3rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
h3{font-size:1.05rem;margin:1.2rem 0 .3rem} p{margin:.5rem 0}
code,pre{font:.9em/1.4 ui-monospace,monospace;overflow-wrap:anywhere} pre{background:var(--band);padding:.7rem;overflow-x:auto;white-space:pre-wrap}
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1rem} nav a{display:inline-block;padding:.2rem 0}
.wide{overflow-x:auto;max-width:100%} .wide:focus-visible{outline:3px solid var(--link)}
table{border-collapse:collapse;font-size:.92rem;margin:.5rem 0} caption{text-align:left;color:var(--dim);padding:.2rem 0}
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;overflow-wrap:anywhere}
th,td{min-width:6.5rem} th[scope=row]{font-weight:500;min-width:8.5rem}
td.n,th.n{min-width:0;text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap} td.n code{white-space:normal}
thead th{background:var(--band)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.6rem;margin:1rem 0}
dl div{background:var(--band);padding:.6rem .8rem;border-radius:.3rem} dt{color:var(--dim);font-size:.85rem} dd{margin:0;font-size:1.25rem}
.draft{background:var(--warnbg);color:var(--warn);border-left:.3rem solid var(--warn);padding:.6rem .9rem}
.dim{color:var(--dim)} figure{margin:.8rem 0} figcaption{color:var(--dim);font-size:.9rem} svg{display:block;max-width:100%;overflow:visible}
svg text{fill:var(--fg);font:13px system-ui,sans-serif}
svg tspan{fill:var(--dim)} .b{fill:var(--bar)} .o{fill:var(--other)} .t{stroke:var(--warn);stroke-width:2}
.k{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 .8em} .k.b{background:var(--bar)} .k.o{background:var(--other)}
.skip{position:absolute;left:-999px} .skip:focus{position:static}
details summary{cursor:pointer}
@media print{html{font-size:10pt} body{max-width:none;padding:0} nav,.skip{display:none} h2,h3{break-after:avoid} tr,figure,dl div{break-inside:avoid}
 .wide{overflow:visible} a{color:inherit;text-decoration:none}}
"""


class Html(str):
    """Markup of our own."""


def tag(name: str, /, *children: Any, **attributes: Any) -> Html:
    """An element. `class_` and names with underscores become `class` and dashes; an attribute of None is left out, of True has no value."""
    said = "".join(
        _attribute(key.rstrip("_").replace("_", "-"), value)
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Html(f"<{name}{said}>" if name in ("meta", "link", "br", "hr") else f"<{name}{said}/>")
    return Html(f"<{name}{said}>{joined(children)}</{name}>")


def _attribute(name: str, value: Any) -> str:
    return f" {name}" if value is True else f' {name}="{html.escape(visible(str(value)), quote=True)}"'


def joined(children: Iterable[Any]) -> Html:
    """Children in a row: `Html` as it is, all else as text; None is nothing."""
    return Html("".join(one if isinstance(one, Html) else html.escape(visible(str(one), keep="\n")) for one in children if one is not None))


def foreign(value: Any) -> Html:
    """A value from the crawl, its reading direction its own. None is an en dash."""
    return Html("–") if value is None else tag("bdi", value)


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[Any]], numbers_from: int = 1) -> Html:
    """A table with a caption; columns from `numbers_from` on are numbers; the first cell of a row is its header. Scrolls on its own."""

    def kind(column: int) -> str | None:
        return "n" if column >= numbers_from else None

    heads = [tag("th", one, scope="col", class_=kind(i)) for i, one in enumerate(head)]
    body = [
        tag(
            "tr", *(tag("th" if i == 0 else "td", _cell(one), scope="row" if i == 0 else None, class_=kind(i)) for i, one in enumerate(row))
        )
        for row in rows
    ]
    inner = tag("table", tag("caption", caption), tag("thead", tag("tr", *heads)), tag("tbody", *body))
    return tag("div", inner, class_="wide", tabindex="0", role="region", aria_label=caption)


def _cell(value: Any) -> Html:
    if isinstance(value, Html):
        return value
    return joined([f"{value:,}"]) if isinstance(value, int) and not isinstance(value, bool) else foreign(value)


def figures(pairs: Iterable[tuple[str, Any]]) -> Html:
    """A few numbers in boxes."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", _cell(value))) for name, value in pairs))


def bulleted(items: Iterable[Any]) -> Html:
    """A list."""
    return tag("ul", *(tag("li", item) for item in items))


def section(anchor: str, heading: str, *body: Any, level: int = 2) -> Html:
    """A part of the page that the table of contents can name."""
    return tag("section", tag(f"h{level}", heading, id=anchor), *body, aria_labelledby=anchor)


def page(title: str, lead: Sequence[Any], parts: Sequence[tuple[str, str, Sequence[Any]]], foot: Sequence[Any] = ()) -> str:
    """A whole page. `parts`: (anchor, heading, body) of each section."""
    schemes = {name: ";".join(f"--{key}:{value}" for key, value in colours.items()) for name, colours in COLOURS.items()}
    dark = f"@media(prefers-color-scheme:dark){{:root{{{schemes['dark']}}}}}"
    sheet = f":root{{color-scheme:light dark;{schemes['light']}}}\n@media screen{{{dark}}}{STYLE}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Html(sheet)),
    )
    contents = tag("ul", *(tag("li", tag("a", heading, href=f"#{anchor}")) for anchor, heading, _ in parts))
    body = tag(
        "body",
        tag("a", "To the content", href="#main", class_="skip"),
        tag("header", tag("h1", foreign(title)), *lead),
        tag("nav", contents, aria_label="Contents"),
        tag("main", *(section(anchor, heading, *inner) for anchor, heading, inner in parts), id="main"),
        tag("footer", *foot),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"
