"""Decisions: all that hold, and the file with which a recipe applies them; and the log of who said what when."""

from collections.abc import Iterator, Mapping
from typing import Any

from curate.card.html import Html, foreign, tag
from curate.review import decide, shell
from curate.review.ask import Ask, Data, Page, part
from curate.review.decisions import EXPORT
from curate.review.guard import STEWARD
from curate.review.pages.overview import strange
from curate.review.pairs import VOTE
from curate.steward import APPROVE, DENY, KEEP, REMOVE

PER_PAGE = 100
VERIFIED = 5000
"""A log of so many entries is verified whenever it is looked at, a longer one when asked."""
KINDS = {KEEP: "good", APPROVE: "good", DENY: "bad", REMOVE: "bad"}


def data(ask: Ask) -> Data:
    desk = ask.desk.decisions
    entries, head = desk.head()
    return {
        "documents": [vars(one) for one in desk.document_decisions()],
        "domains": [vars(one) for one in desk.domain_decisions()],
        "thresholds": [vars(one) | {"effect": dict(one.effect)} for one in desk.thresholds()],
        "log": {"entries": entries, "head": head},
        "export": EXPORT,
        "strangers": ask.desk.strangers(),
    }


def body(found: Data, ask: Ask) -> Iterator[Html]:
    yield from strange(found["strangers"])
    count = len(found["documents"]) + len(found["domains"]) + sum(one["state"] == "accepted" for one in found["thresholds"])
    yield tag(
        "section",
        tag("h2", "Apply them"),
        tag(
            "p",
            f"{count:,} decisions hold. ",
            tag("a", "decisions.json", href="/decisions/export.json", download="decisions.json"),
            " is the file; a recipe applies it with",
        ),
        tag("p", tag("code", "steward: decisions.json")),
        shell.form(
            ask, tag("button", f"Write {found['export']} beside the run", name="publish", value="yes", class_="main"), class_="inline"
        )
        if ask.person.role == STEWARD
        else None,
        class_="panel",
    )
    yield tag("h2", "Thresholds")
    yield from _thresholds(found["thresholds"], ask)
    yield tag("h2", "Documents")
    yield _table("Documents", ["Document", "Decision", "Reason", "By"], [_document(one) for one in found["documents"]])
    yield tag("h2", "Domains")
    yield _table("Domains", ["Domain", "Decision", "Reason", "By"], [_domain(one) for one in found["domains"]])


def _thresholds(found: list[Data], ask: Ask) -> Iterator[Html]:
    if not found:
        yield tag("p", "None is proposed; see Thresholds.", class_="dim")
    for one in reversed(found):
        settle = [("accept", "accept", "good"), ("decline", "decline", "bad")]
        effect = ", ".join(f"{name} {value:,}" for name, value in one["effect"].items() if isinstance(value, int) and value)
        yield tag(
            "article",
            tag(
                "p",
                tag("code", f"steps.{one['step']}.{one['field']}"),
                f" from {one['before']} to ",
                tag("b", str(one["value"])),
                " ",
                shell.chip(one["state"]),
            ),
            tag("p", foreign(f"{one['by']}, {one['at']}" + (f": {one['note']}" if one["note"] else "")), class_="dim"),
            tag("p", f"As the desk saw it: {effect}.", class_="dim") if effect else None,
            shell.form(ask, shell.hidden(number=one["number"]), shell.buttons("settle", settle), class_="inline", data_next=True)
            if one["state"] == "open" and ask.person.role == STEWARD
            else None,
            data_item=True,
            tabindex="-1",
        )


def _document(one: Data) -> list[Any]:
    return [
        tag("a", one["id"], href=f"/document/{one['id']}"),
        shell.chip(one["decision"], KINDS.get(one["decision"], "held")),
        _why(one),
        _by(one),
    ]


def _domain(one: Data) -> list[Any]:
    link = tag("a", foreign(one["host"] + one["path"]), href=f"/domains/{part(one['host'])}")
    return [link, shell.chip(one["decision"], KINDS.get(one["decision"], "held")), _why(one), _by(one)]


def _why(one: Mapping[str, Any]) -> Html:
    return foreign(one["reason"] + (f": {one['note']}" if one["note"] else "") + (f" (until {one['until']})" if one.get("until") else ""))


def _by(one: Mapping[str, Any]) -> Html:
    return foreign(f"{one['by']}, {one['date']}")


def _table(caption: str, heads: list[str], rows: list[list[Any]]) -> Html:
    if not rows:
        return tag("p", "None.", class_="dim")
    made = [
        tag("tr", *(tag("th" if i == 0 else "td", cell, scope="row" if i == 0 else None) for i, cell in enumerate(row)), data_item=True)
        for row in rows
    ]
    head = tag("tr", *(tag("th", name, scope="col") for name in heads))
    return tag("div", tag("table", tag("thead", head), tag("tbody", *made)), class_="wide", tabindex="0", role="region", aria_label=caption)


def take(ask: Ask) -> tuple[str, str]:
    """Write the file, or settle a proposal."""
    if "settle" in ask.form:
        return "/decisions", decide.settle(ask)
    ask.desk.decisions.publish(ask.desk.store, ask.desk.reviewed())
    return "/decisions", f"{EXPORT} is written"


# ---------------------------------------------------------------- the log


def log(ask: Ask) -> Data:
    desk = ask.desk.decisions
    entries, head = desk.head()
    start = ask.number("start", max(1, entries - PER_PAGE + 1), 1, 1 << 40)
    verified = entries <= VERIFIED or bool(ask.word("verify"))
    found = desk.audit(ask.person.name, start, PER_PAGE)
    return {
        "entries": [_blind(vars(one), ask.person.name) for one in found],
        "count": entries,
        "head": head,
        "start": start,
        "verified": verified,
        "broken": desk.verify() if verified else None,
    }


def _blind(entry: Data, viewer: str) -> Data:
    """An entry without what somebody else preferred among answers, which the viewer may still have to compare."""
    if entry["action"] != VOTE or entry["by"] == viewer:
        return entry
    return entry | {"said": {"pair": entry["said"].get("pair"), "hidden": True}}


def log_body(found: Data, ask: Ask) -> Iterator[Html]:
    if found["broken"]:
        yield shell.notice(f"the log does not hold: {found['broken']}", "error")
    elif not found["verified"]:
        yield tag("p", f"{found['count']:,} entries. ", tag("a", "Verify all of them", href=ask.link(verify=1)), class_="dim")
    else:
        yield tag("p", f"{found['count']:,} entries; each is bound to the one before by its hash, and all of them hold.", class_="dim")
    if found["head"]:
        yield tag(
            "p",
            "Last hash ",
            tag("code", found["head"]),
            ". Note it elsewhere, and nobody can take the last entries away unseen.",
            class_="hash",
        )
    rows = [
        [
            f"{one['number']:,}",
            foreign(one["at"].replace("T", " ").removesuffix("Z")),
            foreign(one["by"] or "the desk"),
            tag("b", one["action"]),
            _said(one["said"]),
        ]
        for one in reversed(found["entries"])
    ]
    yield _table("Log of who said what", ["No.", "When, UTC", "Who", "What", ""], rows)
    links = [
        tag("a", "← earlier", href=ask.link(start=max(1, found["start"] - PER_PAGE)), data_page="p") if found["start"] > 1 else None,
        tag("a", "later →", href=ask.link(start=found["start"] + PER_PAGE), data_page="n")
        if found["start"] + PER_PAGE <= found["count"]
        else None,
    ]
    yield tag("p", *links, class_="pager")


def _said(said: Mapping[str, Any]) -> Html:
    parts = [f"{name} {_short(value)}" for name, value in said.items() if value not in (None, "", {})]
    return foreign("; ".join(parts))


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value):,} of them"
    text = str(value)
    return text if len(text) <= 160 else text[:159] + "…"


PAGE = Page(path="/decisions", title="Decisions", data=data, body=body, post=take, role=STEWARD, menu="Decisions", key="e")
LOG = Page(path="/log", title="Log", data=log, body=log_body, menu="Log", key="a")
