"""Pages of `sample:` as a documentation site would serve them: HTML with navigation around the text, and rights where sites put them.

Each work is one host with one look, chosen by hash of its name: navigation left or on top, with or without a cookie notice, the
licence as `<link rel=license>`, as a footer link, as a `Link` header, as a meta element, or in words alone. What is said is what
the work's metadata says. Docstrings and descriptions become paragraphs, headings, lists and code by their indentation and
underlines. Misses: tables, inline markup of reStructuredText and Markdown, which stay as written.
"""

import re
from html import escape

from blake3 import blake3

from curate.read.sample_texts import Section, Text, Work

_UNDERLINE = re.compile(r"^([=\-~^*#+\"'`:.])\1{2,}\s*$")
_BULLET = re.compile(r"^\s{0,3}(?:[-*+•]|\d{1,2}[.)])\s+")
_HASHES = re.compile(r"^(#{1,5})\s+(.*?)\s*#*$")
_SIMPLE_ID = re.compile(r"^[A-Za-z][A-Za-z0-9.+\-]*$")
LOOKS = 6


def host(work: Work) -> str:
    """The invented host of a work; `.invalid` can never be a real one (RFC 2606)."""
    return f"{work.name}.sample.invalid"


def look(work: Work) -> int:
    """Which of the LOOKS a work's host has."""
    return blake3(work.name.encode()).digest()[0] % LOOKS


def license_url(work: Work) -> str | None:
    """The SPDX page of the licence, where the metadata names one licence by its identifier."""
    return f"https://spdx.org/licenses/{work.license}.html" if _SIMPLE_ID.match(work.license) else None


def headers(work: Work) -> list[tuple[str, str]]:
    """Response headers of a host."""
    found = [("Content-Type", "text/html; charset=utf-8"), ("Content-Language", "en")]
    url = license_url(work)
    if url and look(work) in (1, 4):
        found.append(("Link", f'<{url}>; rel="license"'))
    return found


def page(text: Text, around: list[Text]) -> str:
    """The HTML of a page; `around` are pages of the same host to link to."""
    work = text.work
    body = "\n".join(part for section in text.sections for part in _section(section))
    main = f"<main><article>\n<h1>{escape(text.title)}</h1>\n{body}\n</article></main>"
    nav = _navigation(text, around)
    cookie = (
        '<div class="cookie-banner" role="dialog"><p>This site uses cookies to remember your settings.</p>'
        "<button>Accept</button> <button>Decline</button></div>"
        if look(work) in (2, 5)
        else ""
    )
    top = (
        f'<nav class="navbar"><a href="/">{escape(work.name)}</a> <form role="search"><input name="q"><button>Search</button></form></nav>'
    )
    parts = [top, main, nav] if look(work) % 2 else [top, nav, main]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(text.title)} — {escape(work.name)} {escape(work.version)}</title>\n"
        f"{_head(work)}</head>\n<body>\n{cookie}\n" + "\n".join(parts) + f"\n{_footer(work)}\n</body>\n</html>\n"
    )


def _head(work: Work) -> str:
    lines = ['<link rel="stylesheet" href="/static/style.css">', '<script src="/static/search.js" defer></script>']
    if work.summary:
        lines.append(f'<meta name="description" content="{escape(work.summary)}">')
    url = license_url(work)
    if url and look(work) in (0, 5):
        lines.append(f'<link rel="license" href="{url}">')
    if work.license and look(work) == 2:
        lines.append(f'<meta name="dcterms.license" content="{escape(url or work.license)}">')
    return "\n".join(lines) + "\n"


def _navigation(text: Text, around: list[Text]) -> str:
    links = "\n".join(f'<li><a href="/{escape(other.path)}">{escape(other.title)}</a></li>' for other in around if other is not text)
    crumbs = " › ".join(escape(part) for part in text.title.split("."))
    return f'<nav class="sidebar"><p class="breadcrumbs">Home › {escape(text.kind)} › {crumbs}</p>\n<ul>\n{links}\n</ul></nav>'


def _footer(work: Work) -> str:
    words = f"{escape(work.name)} {escape(work.version)}"
    url = license_url(work)
    if work.license and look(work) in (0, 3):
        stated = f'<a rel="license" href="{url}">{escape(work.license)}</a>' if url else escape(work.license)
        words += f". License: {stated}"
    elif work.license and look(work) == 4:
        words += f". Licensed under {escape(work.license)}"
    return f'<footer><p>{words}</p><p><a href="/">Home</a> | <a href="/search">Search</a> | <a href="#top">Back to top</a></p></footer>'


def _section(section: Section) -> list[str]:
    parts = []
    if section.heading:
        heading = escape(section.heading)
        parts.append(f"<h2><code>{heading}</code></h2>" if section.code else f"<h2>{heading}</h2>")
    return parts + blocks(section.text)


def blocks(text: str) -> list[str]:
    """HTML blocks of plain text: underlined or hashed lines are headings; fenced, indented and prompt lines code; bullets lists."""
    parts: list[str] = []
    fenced: list[str] | None = None
    for block in re.split(r"\n[ \t]*\n", text.expandtabs(4).replace("\r", "")):
        lines = block.split("\n")
        fences = sum(line.lstrip().startswith("```") for line in lines)
        if fenced is not None or fences:
            fenced = (fenced or []) + [*lines, ""]
            if (sum(line.lstrip().startswith("```") for line in fenced)) % 2 == 0:
                parts.append(_code([line for line in fenced if not line.lstrip().startswith("```")]))
                fenced = None
            continue
        parts += _block(lines)
    if fenced:
        parts.append(_code(fenced))
    return parts


def _block(lines: list[str]) -> list[str]:
    lines = [line.rstrip() for line in lines]
    while lines and not lines[0]:
        lines.pop(0)
    if not lines:
        return []
    if len(lines) >= 2 and _UNDERLINE.match(lines[1]) and not _UNDERLINE.match(lines[0]):
        return [f"<h3>{escape(lines[0].strip())}</h3>", *_block(lines[2:])]
    hashes = _HASHES.match(lines[0])
    if hashes:
        level = min(6, len(hashes.group(1)) + 1)
        return [f"<h{level}>{escape(hashes.group(2))}</h{level}>", *_block(lines[1:])]
    if _UNDERLINE.match(lines[0]):
        return ["<hr>", *_block(lines[1:])]
    if lines[0].lstrip().startswith(">>>") or all(line.startswith("    ") for line in lines):
        return [_code(lines)]
    if _BULLET.match(lines[0]):
        return [_list(lines)]
    return [f"<p>{escape(chr(10).join(line.strip() for line in lines))}</p>"]


def _code(lines: list[str]) -> str:
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "<pre><code>" + escape("\n".join(line[margin:] for line in lines).rstrip()) + "</code></pre>"


def _list(lines: list[str]) -> str:
    items: list[str] = []
    for line in lines:
        if _BULLET.match(line) or not items:
            items.append(_BULLET.sub("", line))
        else:
            items[-1] += "\n" + line.strip()
    return "<ul>\n" + "\n".join(f"<li>{escape(item)}</li>" for item in items) + "\n</ul>"
