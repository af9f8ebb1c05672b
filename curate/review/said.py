"""What people may say on a page about a document, a cluster or a rule, and what becomes of it: labels, comments, decisions on documents."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from curate.card.html import Html, foreign, joined, tag
from curate.errors import ReviewError
from curate.review import shell
from curate.review.ask import Ask, Data
from curate.review.guard import STEWARD
from curate.review.labels import KEPT, RIGHT, UNSURE, WRONG
from curate.stage import HELD
from curate.steward import HOLD, KEEP, REMOVE

LABELS = ((RIGHT, "right", "good"), (WRONG, "wrong", "bad"), (UNSURE, "unsure", ""))
DECISIONS = ((KEEP, "keep", "good"), (REMOVE, "remove", "bad"), (HOLD, "hold", "held"))
WHY = {KEEP: "wrongly_removed", REMOVE: "wrongly_kept", HOLD: "to_be_looked_at"}
"""The reason that a decision has if none is written."""
CONFLICT = "expected what you saw when you decided, got a decision that {by} made meanwhile: {now}; look at it, and decide again"


def waits(ask: Ask) -> list[dict[str, str]]:
    """What people have left open: a sentence, and where."""
    desk, found = ask.desk, []
    progress = desk.labels.progress()
    open_ = sum(one.items - one.complete for one in progress)
    if open_:
        found.append({"said": f"{open_:,} documents of the queue wait for labels", "path": "/labels"})
    disputed = sum(one.disputed for one in progress)
    if disputed:
        found.append({"said": f"{disputed:,} documents are labelled differently", "path": "/labels"})
    proposed = sum(one.state == "open" for one in desk.decisions.thresholds())
    if proposed:
        found.append({"said": f"{proposed:,} thresholds are proposed", "path": "/decisions"})
    return found


def rule_of(row: Mapping[str, Any]) -> str:
    """What a label of a document speaks of: the reason for which it left, or that it was kept."""
    return str(row.get("removed_by") or KEPT)


# ---------------------------------------------------------------- documents


def about_document(ask: Ask, id: str, rule: str) -> Data:
    """Labels, comments and the decision on a document, as this person may see them."""
    desk, name = ask.desk, ask.person.name
    seen = desk.labels.seen(id, rule, name)
    decided = desk.decisions.document_decision(id)
    return {
        "labels": [vars(one) for one in seen.labels],
        "hidden": seen.hidden,
        "comes_to": seen.verdict,
        "decision": vars(decided) if decided else None,
    }


NOTHING: Data = {"labels": [], "hidden": 0, "comes_to": None, "decision": None}


def about_rows(ask: Ask, rows: Sequence[Mapping[str, Any]]) -> dict[str, Data]:
    """`about_document` of the documents of a list, by id, and one look for all of which nothing was said."""
    wanted = json.dumps([row["id"] for row in rows])
    listed = "(SELECT value FROM json_each(?))"
    asked = f"SELECT document FROM labels WHERE document IN {listed} UNION SELECT id FROM documents WHERE id IN {listed}"
    with ask.desk.decisions.connection() as db:
        known = {one[0] for one in db.execute(asked, (wanted, wanted))}
    return {row["id"]: about_document(ask, row["id"], rule_of(row)) if row["id"] in known else NOTHING for row in rows}


def label_form(ask: Ask, row: Mapping[str, Any], target: str, said: Data) -> Html:
    """Was it right that the document left, or stayed? And for a steward: what a re-run shall do with it. `said`: what was said so far."""
    mine = next((one["verdict"] for one in said["labels"] if one["reviewer"] == ask.person.name), None)
    fields = shell.hidden(id=row["id"], rule=rule_of(row), back=shell.here(ask))
    what = "It left: " if row.get("removed_by") else "It stayed: "
    labels = shell.form(
        ask, fields, tag("span", what, class_="dim"), shell.buttons("label", LABELS, mine), action=target, class_="inline", data_next=True
    )
    parts: list[Any] = [labels, *_others(ask, said)]
    if ask.person.role == STEWARD:
        parts.insert(1, _decision(ask, row, said["decision"], target, fields))
    elif said["decision"]:
        parts.append(_decided(said["decision"]))
    return tag("footer", *parts, class_="say")


def _others(ask: Ask, said: Data) -> list[Html]:
    found = [
        tag("span", f"{one['reviewer']}: ", shell.chip(one["verdict"], {RIGHT: "good", WRONG: "bad"}.get(one["verdict"], "")))
        for one in said["labels"]
        if one["reviewer"] != ask.person.name
    ]
    if said["hidden"]:
        found.append(tag("span", f"{said['hidden']} label of others is shown once all are in", class_="dim"))
    return found


def _choices(row: Mapping[str, Any], decided: Data | None) -> set[str]:
    """What would change something: what is gone can be kept or held, what is held kept or removed, what stayed removed or held."""
    left = str(row.get("removed_by") or "")
    choices = {REMOVE, HOLD} if not left else {KEEP, REMOVE} if left.partition(":")[2].startswith(HELD) else {KEEP, HOLD}
    return choices | ({decided["decision"]} if decided else set())


def _decision(ask: Ask, row: Mapping[str, Any], decided: Data | None, target: str, fields: Html) -> Html:
    wanted = _choices(row, decided)
    buttons = [
        tag(
            "button",
            text,
            name="decision",
            value=value,
            class_=kind,
            aria_pressed="true" if decided and decided["decision"] == value else None,
        )
        for value, text, kind in DECISIONS
        if value in wanted
    ]
    undo = tag("button", "take back", name="decision", value="", class_="link", data_undo=True) if decided else None
    by = _decided(decided) if decided else None
    seen = shell.hidden(seen=_mark(decided))
    return shell.form(ask, fields, seen, tag("span", "A re-run shall: ", class_="dim"), *buttons, undo, by, action=target, class_="inline")


def _decided(decided: Data) -> Html:
    return tag(
        "span",
        shell.chip(decided["decision"], "held"),
        f"{decided['by']}, {decided['date']}: ",
        foreign(decided["note"] or decided["reason"]),
    )


def _mark(decided: Any) -> str:
    """What a form remembers of the decision that its reader saw."""
    plain = decided if isinstance(decided, dict) else vars(decided) if decided is not None else {}
    return "·".join(str(plain.get(name) or "") for name in ("decision", "reason", "by", "date"))


def unchanged(form: Mapping[str, str], now: Any) -> None:
    """ReviewError where somebody else decided after this person's page was made."""
    if "seen" in form and form["seen"] != _mark(now):
        by = getattr(now, "by", "somebody")
        raise ReviewError("decision: " + CONFLICT.format(by=by, now=getattr(now, "decision", "none, it was taken back")))


def take_document(ask: Ask) -> tuple[str, str]:
    """A label, a decision or a comment on a document."""
    form, desk, name = ask.form, ask.desk, ask.person.name
    id, back = form.get("id", ""), form.get("back") or ask.path
    if "label" in form:
        desk.labels.label(id, form.get("rule", ""), form["label"], by=name, note=form.get("note", ""))
        return back, f"labelled {form['label']}"
    if "decision" in form:
        unchanged(form, desk.decisions.document_decision(id))
        word = form["decision"] or None
        reason = form.get("reason") or WHY.get(word or "", "")
        desk.decisions.decide_document(id, word, reason=reason, note=form.get("note", ""), by=name)
        return back, f"a re-run with the exported decisions shall {word} it" if word else "the decision is taken back"
    return take_comment(ask)


# ---------------------------------------------------------------- comments


def comments(ask: Ask, kind: str, key: str) -> Html:
    """What people said about something, and a place to say more."""
    found = ask.desk.decisions.comments(kind, key, ask.person.name)
    items = [
        tag(
            "li", tag("p", tag("b", foreign(one.by)), tag("small", f" {one.at}", class_="dim")), tag("p", shell.inert(one.text), dir="auto")
        )
        for one in found
    ]
    written = ask.form.get("comment", "")
    box = shell.form(
        ask,
        shell.hidden(kind=kind, key=key, back=shell.here(ask)),
        shell.area("Comment", "comment", written, rows=3, maxlength=20_000, required=True),
        tag("p", tag("button", "Say it")),
        class_="stack",
    )
    listed = tag("ul", *items, class_="comments") if items else None
    return tag("section", tag("h2", "Comments", tag("small", f" {len(items)}") if items else None), listed, box, class_="panel")


def take_comment(ask: Ask) -> tuple[str, str]:
    """A comment on anything."""
    form = ask.form
    ask.desk.decisions.comment(form.get("kind", ""), form.get("key", ""), form.get("comment", ""), ask.person.name)
    return form.get("back") or ask.path, "said"


def history(ask: Ask, kind: str, key: str) -> list[Data]:
    """Comments on a subject as plain values."""
    return [vars(one) for one in ask.desk.decisions.comments(kind, key, ask.person.name)]


# ---------------------------------------------------------------- precision


def precision_cell(found: Data | None) -> Html:
    """`92 % (81 – 97), 48 labelled`, or that nothing is labelled."""
    if found is None:
        return tag("span", "not labelled", class_="dim")
    low, high = found["interval"]
    told = f" {100 * low:.0f} – {100 * high:.0f} %"
    return joined([tag("b", f"{100 * found['estimate']:.0f} %"), tag("small", told, f", {found['labelled']:,} labelled", class_="dim")])


def precision(ask: Ask, rule: str) -> Data | None:
    """Share of a rule's removals that people call right, with its interval; None where nothing is labelled."""
    if "precisions" not in ask.held:
        ask.held["precisions"] = ask.desk.precisions()
    found: Data | None = ask.held["precisions"].get(rule)
    return found
