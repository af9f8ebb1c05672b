"""Rights: what pages claim about their licence, and what they say about machine use, with the places that say so."""

from collections.abc import Iterator, Mapping
from typing import Any

from curate.card.html import Html, foreign, tag
from curate.review import shell
from curate.review.ask import Ask, Data, Page, address, part
from curate.review.shell import amount, chip, document_link, verdict
from curate.schema import column

PER_PAGE = 15
SNIPPET_CHARS = 300
BASIS = ("verdict", "basis")


def data(ask: Ask) -> Data:
    index = ask.index
    kinds = {"licence": index.keys("licence"), "consent": index.keys("consent")}
    kind = ask.word("kind", "licence" if kinds["licence"] or not kinds["consent"] else "consent")
    kind = kind if kind in kinds else "licence"
    names = [one["key"] for one in kinds[kind]]
    key = ask.word("key") or _first(names)
    start = ask.number("start", 0, 0, 1 << 30)
    rows = index.sample(kind, key, ask.seed)
    return {
        "kinds": kinds,
        "kind": kind,
        "key": key,
        "documents": index.size(kind, key),
        "at_hand": len(rows),
        "start": start,
        "claims": [one for one in (_claim(ask, row) for row in rows[start : start + PER_PAGE]) if one is not None],
    }


def _first(names: list[str]) -> str:
    """What to look at first: what is claimed, rather than that nothing is."""
    return next((name for name in names if name not in ("NOASSERTION", "unknown")), names[0] if names else "")


def _claim(ask: Ask, number: int) -> Data | None:
    index = ask.index
    row = index.held(number)
    if row is None:
        return None
    found = index.told([number])[0]
    licence = [_of(row, name, ("class", "scope", "confidence")) for name in index.folder.using("license")]
    return found | {
        "licence": licence[-1] if licence else None,
        "others": [
            (name, _of(row, name, said))
            for uses, said in (
                ("repository_license", ("spdx", "class", "scope", "licensed_by")),
                ("consent", BASIS),
                ("host_consent", BASIS),
            )
            for name in index.folder.using(uses)
        ],
        "media": [found for name in index.folder.using("media_consent") for found in row.get(column(name, "media")) or ()],
        "evidence": [one for name in index.folder.using("license") for one in row.get(column(name, "evidence")) or ()],
        "signals": [
            one
            for uses in ("consent", "host_consent")
            for name in index.folder.using(uses)
            for one in row.get(column(name, "signals")) or ()
        ],
        "headers": row.get("headers") or [],
    }


def _of(row: Mapping[str, Any], step: str, names: tuple[str, ...]) -> Data:
    return {name: row.get(column(step, name)) for name in names}


def body(found: Data, ask: Ask) -> Iterator[Html]:
    if not any(found["kinds"].values()):
        yield shell.notice("this run has neither a license step nor a consent step; put them into its recipe")
        return
    lists = [_keys(name, heading, found) for name, heading in (("licence", "Licences claimed"), ("consent", "Wishes about machine use"))]
    yield tag("div", *lists, class_="columns")
    yield tag("h2", foreign(found["key"]), tag("small", f" {found['documents']:,} documents, {found['at_hand']:,} at hand"))
    for one in found["claims"]:
        yield _article(one)
    yield shell.pager(ask, found["start"], PER_PAGE, found["start"] + PER_PAGE < found["at_hand"]) or Html("")


def _keys(kind: str, heading: str, found: Data) -> Html:
    items = [
        tag(
            "li",
            tag("a", foreign(one["key"]), href=address("/rights", kind=kind, key=one["key"])),
            tag("span", f"{one['rows']:,}", class_="n"),
            class_="on" if (kind, one["key"]) == (found["kind"], found["key"]) else None,
        )
        for one in found["kinds"][kind]
    ]
    return tag(
        "section",
        tag("h2", heading),
        tag("ul", *items, class_="counts") if items else tag("p", "no such step", class_="dim"),
        class_="panel",
    )


def _article(one: Data) -> Html:
    domain = tag("a", foreign(one["domain"]), href=f"/domains/{part(one['domain'])}") if one["domain"] else None
    about = [f"{name}: {value}" for name, value in (one["licence"] or {}).items() if value is not None]
    about += [f"{step}: {', '.join(str(v) for v in said.values() if v is not None)}" for step, said in one["others"] if any(said.values())]
    places = [_evidence(found) for found in one["evidence"]] + [_signal(found) for found in one["signals"]]
    places += [_picture(found) for found in one["media"]]
    return tag(
        "article",
        tag(
            "header",
            tag("h3", document_link(one)),
            tag("p", verdict(one["reason"]), domain, *(chip(text) for text in about), chip(amount(one["bytes"]))),
        ),
        tag("ul", *places, class_="claims") if places else tag("p", "Nothing on the page says anything.", class_="dim"),
        data_item=True,
        tabindex="-1",
    )


def _evidence(found: Mapping[str, Any]) -> Html:
    """One claim: where it stands, what it is read as, and the words around it with the claim marked."""
    snippet, value = str(found.get("snippet") or ""), str(found.get("value") or "")
    head = [
        tag("b", found.get("kind")),
        " at ",
        tag("code", found.get("locator")),
        " read as ",
        chip(found.get("spdx") or "no known licence"),
    ]
    return tag("li", tag("p", *head), tag("blockquote", _marked(snippet, value), dir="auto") if snippet or value else None)


def _marked(snippet: str, value: str) -> Html:
    said = snippet[:SNIPPET_CHARS]
    at = said.find(value) if value else -1
    if at < 0:
        both = [shell.inert(said)] + ([tag("br"), tag("mark", shell.inert(value[:SNIPPET_CHARS]), class_="claim")] if value else [])
        return tag("span", *both)
    return tag("span", shell.inert(said[:at]), tag("mark", shell.inert(value), class_="claim"), shell.inert(said[at + len(value) :]))


def _signal(found: Mapping[str, Any]) -> Html:
    says = str(found.get("says") or "–")
    kind = {"deny": "bad", "allow": "good"}.get(says, "")
    place = [tag("b", found.get("mechanism")), " in ", foreign(found.get("carrier")), " says ", chip(says, kind)]
    return tag("li", tag("p", *place), tag("blockquote", foreign(found.get("value"))))


def _picture(found: Mapping[str, Any]) -> Html:
    """What an image of the page says of itself."""
    says = str(found.get("verdict") or "–")
    place = [tag("b", "image"), " ", foreign(found.get("url")), " says ", chip(says, {"deny": "bad", "allow": "good"}.get(says, ""))]
    return tag("li", tag("p", *place), tag("blockquote", foreign(found.get("basis")), foreign(f" {found.get('license') or ''}")))


PAGE = Page(path="/rights", title="Licences and consent", data=data, body=body, menu="Rights", key="r")
