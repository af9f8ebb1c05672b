"""Personal data: documents in which something was replaced, by type. What stood there is kept nowhere; what stands around it is shown."""

from collections.abc import Iterator

from curate.card.html import Html, foreign, tag
from curate.review import evidence, said, shell
from curate.review.ask import Ask, Data, Page, address
from curate.review.shell import document_link, verdict

PER_PAGE = 20
PLACES = 4
AROUND = 90


def data(ask: Ask) -> Data:
    index = ask.index
    kinds = index.keys("pii")
    names = [one["key"] for one in kinds]
    kind = ask.word("type") if ask.word("type") in names else (names[0] if names else "")
    start = ask.number("start", 0, 0, 1 << 30)
    rows = index.sample("pii", kind, ask.seed)
    shown = index.told(rows[start : start + PER_PAGE])
    talked = said.about_rows(ask, shown)
    for one in shown:
        one["said"] = talked[one["id"]]
        held = index.held(one["row"]) or {}
        one["counts"] = _counts(held, index.folder.using("pii"))
        text = held.get("text") or ""
        one["places"] = _places(text, evidence.personal(index.folder, held, text))
    replaced = [step.fields.get("replace") for step in index.folder.steps if step.uses == "pii"]
    return {"types": kinds, "type": kind, "start": start, "at_hand": len(rows), "replaced_by": replaced, "documents_shown": shown}


def _counts(held: Data, steps: list[str]) -> Data:
    return {
        name.partition("__num_")[2]: value
        for name, value in held.items()
        if value and "__num_" in name and name.partition("__")[0] in steps
    }


def _places(text: str, spans: list[evidence.Span]) -> list[list[str]]:
    """[before, what stands there now, after] of the first places."""
    return [[text[max(0, start - AROUND) : start], text[start:end], text[end : end + AROUND]] for start, end in spans[:PLACES]]


def body(found: Data, ask: Ask) -> Iterator[Html]:
    if not found["types"]:
        yield shell.notice("no personal data was replaced in this run; a `pii` step does that")
        return
    links = [
        tag(
            "li",
            tag("a", foreign(one["key"]), href=address(ask.path, type=one["key"])),
            tag("span", f"{one['rows']:,}", class_="n"),
            class_="on" if one["key"] == found["type"] else None,
        )
        for one in found["types"]
    ]
    yield tag("ul", *links, class_="counts wide-list")
    yield tag("p", "Look for what was missed beside it, and for what was none. What stood there is kept nowhere.", class_="dim")
    for one in found["documents_shown"]:
        counts = [shell.chip(f"{count:,} {name}") for name, count in one["counts"].items()]
        places = [
            tag("blockquote", shell.inert(before), tag("mark", shell.inert(now), class_="pii"), shell.inert(after), dir="auto")
            for before, now, after in one["places"]
        ]
        yield tag(
            "article",
            tag("header", tag("h3", document_link(one)), tag("p", verdict(one["reason"]), *counts)),
            *(places or [tag("p", "The place lies beyond what is at hand, or was cut by a later step.", class_="dim")]),
            said.label_form(ask, one, f"/document/{one['id']}", one["said"]),
            data_item=True,
            tabindex="-1",
        )
    yield shell.pager(ask, found["start"], PER_PAGE, found["start"] + PER_PAGE < found["at_hand"]) or Html("")


PAGE = Page(path="/personal", title="Personal data", data=data, body=body, menu="Personal data", key="p")
