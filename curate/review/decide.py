"""Decisions on domains and proposals of thresholds: their forms, and what becomes of them."""

import json
from collections.abc import Sequence
from typing import Any

from curate.card.html import Html, foreign, tag
from curate.errors import ReviewError
from curate.review import shell
from curate.review.ask import Ask, Data
from curate.review.guard import STEWARD
from curate.review.said import take_comment, unchanged
from curate.steward import AGREEMENT, APPROVE, CONSENT, DENY, LICENCE, QUARANTINE

BUTTONS = ((APPROVE, "approve", "good"), (DENY, "deny", "bad"), (QUARANTINE, "quarantine", "held"))
WHY = {APPROVE: "rights_checked", DENY: "denied_by_steward", QUARANTINE: "rights_unclear"}
"""The reason that a decision has if none is written."""
CLEARS = (
    (LICENCE, "what the licence steps say"),
    (CONSENT, "that its host was not asked, or cannot be read"),
    (AGREEMENT, "both, and opt-outs: the owner agreed (say where in the note)"),
)
"""What an approval is of."""


def domains_decided(ask: Ask) -> dict[str, Data]:
    """Host → the decision on the whole of it."""
    return {one.host: vars(one) for one in ask.desk.decisions.domain_decisions() if not one.path}


def domain_buttons(ask: Ask, name: str, decided: Data | None) -> Html:
    """Three buttons for a line of a table; for a reviewer, what was decided."""
    if ask.person.role != STEWARD:
        return shell.chip(decided["decision"], _kind(decided["decision"])) if decided else tag("span", "–", class_="dim")
    current = decided["decision"] if decided else None
    undo = tag("button", "take back", name="decision", value="", class_="link", data_undo=True) if decided else None
    fields = shell.hidden(host=name, seen=_mark(decided), back=shell.here(ask))
    return shell.form(ask, fields, shell.buttons("decision", BUTTONS, current), undo, action="/domains", class_="inline", data_next=True)


def _kind(word: str) -> str:
    return {APPROVE: "good", DENY: "bad"}.get(word, "held")


def _mark(decided: Data | None) -> str:
    return "·".join(str((decided or {}).get(name) or "") for name in ("decision", "reason", "by", "date"))


def domain_form(ask: Ask, found: Data) -> Html:
    """The decision on a domain with all that belongs to one."""
    decided = found["decided"]
    now = (
        tag(
            "p",
            shell.chip(decided["decision"], _kind(decided["decision"])),
            *(shell.chip(decided[name]) for name in ("scope", "licence") if decided.get(name)),
            foreign(f"{decided['by']}, {decided['date']}: {decided['note'] or decided['reason']}"),
        )
        if decided
        else tag("p", "Nobody has decided about it.", class_="dim")
    )
    if ask.person.role != STEWARD:
        return tag("div", now, tag("p", "A steward decides; say below what you think.", class_="dim"))
    form, undo = ask.form, tag("button", "take back", name="decision", value="", class_="link", data_undo=True) if decided else None
    return tag(
        "div",
        now,
        shell.form(
            ask,
            shell.hidden(host=found["name"], seen=_mark(decided), back=shell.here(ask)),
            tag(
                "div",
                shell.field("Only paths that begin with (empty: all)", "path", form.get("path", ""), placeholder="/blog/"),
                shell.field(
                    "Reason, two or three words", "reason", form.get("reason", ""), placeholder="owner_objects", pattern="[a-z][a-z0-9_]*"
                ),
                shell.field("Holds until (empty: for good)", "until", form.get("until", ""), "date"),
                shell.field(
                    "Licence that an approval states (SPDX; empty: none)", "licence", form.get("licence", ""), placeholder="CC-BY-4.0"
                ),
                shell.choice("An approval clears", "scope", CLEARS, form.get("scope") or (decided or {}).get("scope") or LICENCE),
                class_="columns",
            ),
            shell.area("Note", "note", form.get("note", ""), rows=2, maxlength=2000),
            tag("p", shell.buttons("decision", BUTTONS, decided["decision"] if decided else None), undo),
            class_="stack",
        ),
    )


def take_domain(ask: Ask) -> tuple[str, str]:
    """A decision on a domain, or a comment on it."""
    form = ask.form
    if "decision" not in form:
        return take_comment(ask)
    host, path, word = form.get("host", ""), form.get("path", "").strip(), form["decision"] or None
    now = next((one for one in ask.desk.decisions.domain_decisions() if (one.host, one.path) == (host, path)), None)
    if not path:
        unchanged(form, now)
    ask.desk.decisions.decide_domain(
        host,
        word,
        path=path,
        reason=form.get("reason", "").strip() or WHY.get(word or "", ""),
        note=form.get("note", ""),
        until=form.get("until") or None,
        scope=(form.get("scope") or None) if word == APPROVE else None,
        licence=(form.get("licence", "").strip() or None) if word == APPROVE else None,
        by=ask.person.name,
    )
    return form.get("back") or ask.path, f"{host}{path}: {word}" if word else f"{host}{path}: the decision is taken back"


# ---------------------------------------------------------------- thresholds


def threshold_form(ask: Ask, found: Data) -> Html:
    """Propose the limit that is looked at; a steward takes it at once."""
    note = shell.field("Why", "note", ask.form.get("note", ""), maxlength=2000, size=40)
    word = "Decide" if ask.person.role == STEWARD else "Propose"
    return shell.form(
        ask,
        shell.hidden(at=found["at"]),
        note,
        tag("p", tag("button", f"{word}: {found['field']}={found['at']:.10g}", class_="main")),
        class_="bar",
    )


def propose(ask: Ask, step: str, field: str, before: Any, value: float, effect: Data) -> str:
    """Put a proposal into the log; what to say about it. Stewards accept their own at once."""
    desk, name = ask.desk, ask.person.name
    plain = int(value) if float(value).is_integer() and isinstance(before, int | None) else value
    made = desk.decisions.propose_threshold(step, field, before=before, value=plain, note=ask.form.get("note", ""), effect=effect, by=name)
    if ask.person.role == STEWARD:
        desk.decisions.settle_threshold(made.number, accept=True, by=name)
        return f"decided: steps.{step}.{field}={plain}; it stands in the exported decisions"
    return f"proposed: steps.{step}.{field}={plain}; a steward decides"


def settle(ask: Ask) -> str:
    """Accept or decline a proposal."""
    number = ask.form.get("number", "")
    if not number.isdigit():
        raise ReviewError(f"proposal: expected its number, got {number[:20]!r}; use the buttons")
    accept = ask.form.get("settle") == "accept"
    made = ask.desk.decisions.settle_threshold(int(number), accept=accept, by=ask.person.name)
    return f"{made.state}: steps.{made.step}.{made.field}={made.value}"


def as_json(names: Sequence[str]) -> str:
    """A list for SQLite's json_each."""
    return json.dumps(list(names))
