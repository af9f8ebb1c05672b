"""Overview: what came in, what left at each step and why, and what waits for a person."""

from collections.abc import Iterator
from typing import Any

from curate.card.facts import FACTS, flow
from curate.card.html import Html, figures, foreign, tag
from curate.card.markdown import share
from curate.card.plots import bars
from curate.errors import CurateError
from curate.review import said, shell
from curate.review.ask import Ask, Data, Page, address
from curate.review.shell import amount
from curate.stage import HELD


def data(ask: Ask) -> Data:
    index = ask.index
    folder = index.folder
    steps = list(flow(folder))
    gone = {one["name"]: one for one in index.reasons}
    limits = {one.name: one for one in index.rules}
    reasons = [
        {
            "reason": name,
            "step": name.partition(":")[0],
            "rule": limits[name].rule.text if name in limits else None,
            "documents": one["rows"],
            "bytes": one["bytes"],
            "precision": said.precision(ask, name),
        }
        for name, one in gone.items()
        if name != "kept"
    ]
    return {
        "run": folder.name,
        "read": folder.segments[0].documents,
        "kept": folder.documents.num_rows,
        "removed": folder.removed.num_rows,
        "bytes_kept": folder.segments[-1].bytes_kept,
        "steps": [{name: one[name] for name in ("step", "documents_in", "documents_out", "text_bytes_out")} for one in steps],
        "reasons": reasons,
        "waits": _waits(ask),
        "damage": index.parts.damage,
        "strangers": ask.desk.strangers(),
    }


def _waits(ask: Ask) -> list[dict[str, str]]:
    """What a person should see to: a sentence, and where."""
    index, found = ask.index, []
    for one in index.reasons:
        if one["name"].partition(":")[2].startswith(HELD):
            found.append(
                {"said": f"{one['rows']:,} documents are held for a steward: {one['name']}", "path": address("/samples", rule=one["name"])}
            )
    try:
        facts = index.folder.json(FACTS) or {}
    except CurateError:
        facts = {}
    open_ = [one["name"] for one in (facts.get("people") or {}).get("questions", []) if one["open"] and "card" in one["required"]]
    if open_:
        found.append({"said": f"the card is a draft: {', '.join(open_)} not answered (card.yaml)", "path": "/signoff"})
    return found + said.waits(ask)


def body(found: Data, ask: Ask) -> Iterator[Html]:
    yield from shell.described(found["damage"])
    yield from strange(found["strangers"])
    yield figures(
        [
            ("Documents read", found["read"]),
            ("Kept", found["kept"]),
            ("Of those read", Html(share(found["kept"], found["read"]))),
            ("Removed", found["removed"]),
            ("Text kept", amount(found["bytes_kept"])),
        ]
    )
    if found["waits"]:
        items = [tag("li", tag("a", one["said"], href=one["path"])) for one in found["waits"]]
        yield tag("section", tag("h2", "Waits for you"), tag("ul", *items, class_="waits"), class_="panel")
    if not found["kept"]:
        yield shell.notice("this run kept no document; the reasons are below", "warn")
    whole = found["read"]
    drawn = [("read", whole, f"{whole:,}")]
    drawn += [
        (one["step"], one["documents_out"], f"{one['documents_out']:,} ({share(one['documents_out'], whole)})")
        for one in found["steps"]
        if one["documents_in"] != one["documents_out"]
    ]
    described = f"Documents that were left after each step, from {whole:,} read to {found['kept']:,} kept."
    yield tag("section", tag("h2", "What happened"), bars("Documents after each step", described, drawn), class_="panel")
    yield tag("section", tag("h2", "Why documents left"), _reasons(found, ask), class_="panel")


def strange(found: Data) -> Iterator[Html]:
    """Decisions that were made about something else: they are kept, and those that fit hold here too."""
    if found["recipes"]:
        names = ", ".join(found["recipes"])
        yield shell.notice(
            f"the decisions of this desk were begun on a run of another recipe ({names}); they hold here where ids and domains are the same",
            "warn",
        )
    if found["documents"]:
        yield shell.notice(f"{found['documents']:,} decided documents are not in this run; the decisions on them are kept", "note")


def _reasons(found: Data, ask: Ask) -> Html:
    if not found["reasons"]:
        return tag("p", "No document was removed.")
    slides = {one.name for one in ask.index.rules}
    rows = []
    for one in found["reasons"]:
        step, _, reason = one["reason"].partition(":")
        look = tag("a", "look", href=address("/samples", rule=one["reason"]), aria_label=f"look at samples of {one['reason']}")
        slide = tag("a", "threshold", href=f"/rules/{step}/{reason}", aria_label=f"threshold of {one['reason']}")
        cells = [
            tag("th", tag("span", f"{step} ", class_="dim"), tag("b", reason), scope="row"),
            tag("td", tag("code", one["rule"]) if one["rule"] else None),
            tag("td", f"{one['documents']:,}", class_="n"),
            tag("td", Html(share(one["documents"], found["read"])), class_="n"),
            tag("td", said.precision_cell(one["precision"])),
            tag("td", look, " · " if one["reason"] in slides else None, slide if one["reason"] in slides else None),
        ]
        rows.append(tag("tr", *cells, data_item=True))
    heads = ["Reason", "Rule", "Documents", "Of those read", "Right, as labelled", ""]
    head = [tag("th", one, scope="col", class_="n" if one in ("Documents", "Of those read") else None) for one in heads]
    made = tag(
        "table", tag("caption", "Largest first within each step.", class_="dim"), tag("thead", tag("tr", *head)), tag("tbody", *rows)
    )
    return tag("div", made, class_="wide", tabindex="0", role="region", aria_label="Reasons")


PAGE = Page(path="/overview", title="Overview", data=data, body=body, menu="Overview", key="o")


def unready(state: dict[str, Any]) -> Iterator[Html]:
    """What is shown while there is no finished run, or no index of it yet."""
    yield shell.notice(state["said"], "warn" if state["state"] in ("damaged", "killed", "none") else "note")
    if state["state"] == "building":
        yield tag("p", f"{state['what']}: {state['share']:.0%}")
        yield shell.bar(state["share"], f"{state['share']:.0%} done")
        yield tag("p", "This is done once for a run; the page goes on by itself.", class_="dim")
        return
    if state.get("error") and state["error"] != state["said"]:
        yield tag("p", foreign(state["error"]), class_="dim")
    if state.get("tasks"):
        yield tag("p", f"{state['tasks']:,} tasks are finished.")
    if state.get("removed"):
        rows = [
            tag("tr", tag("th", reason, scope="row"), tag("td", f"{count:,}", class_="n")) for reason, count in state["removed"].items()
        ]
        yield tag("table", tag("caption", "Documents that left so far, by reason"), tag("tbody", *rows))
