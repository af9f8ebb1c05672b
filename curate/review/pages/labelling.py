"""Labels: the queue of blind double review, what came of it, and how sure that is."""

from collections.abc import Iterator
from typing import Any

from curate.card.html import Html, figures, foreign, joined, tag
from curate.errors import ReviewError
from curate.review import evidence, said, shell
from curate.review.ask import Ask, Data, Page
from curate.review.guard import STEWARD
from curate.review.labels import KEPT, RIGHT, UNSURE, WRONG, Item
from curate.review.pages.samples import item as sampled
from curate.schema import column

QUEUE_CHARS = 12_000
BELONGS = (("yes", "belongs in", "good"), ("no", "does not belong in", "bad"), (UNSURE, "unsure", ""))
COPY = (("yes", "a copy", "good"), ("no", "not a copy", "bad"), (UNSURE, "unsure", ""))
MAX_SHOWN = 50


def listed(ask: Ask) -> Data:
    desk = ask.desk
    rules = [vars(one) | {"outcomes": dict(one.outcomes), "precision": said.precision(ask, one.rule)} for one in desk.labels.progress()]
    steward = ask.person.role == STEWARD
    disputed = desk.labels.disputed(ask.person.name)[:MAX_SHOWN] if steward else []
    return {
        "rules": rules,
        "agreement": desk.agreement(),
        "overall": desk.overall(),
        "disputed": [{"id": one.document, "rule": one.rule, "labels": [vars(label) for label in one.labels]} for one in disputed],
        "reasons": [one["name"] for one in ask.index.reasons],
    }


def list_body(found: Data, ask: Ask) -> Iterator[Html]:
    left = sum(one["items"] - one["complete"] for one in found["rules"])
    if left:
        yield tag(
            "p",
            tag("a", "Label the next document", href="/labels/next", class_="action"),
            " ",
            tag("span", f"{left:,} left", class_="dim"),
        )
    elif found["rules"]:
        yield shell.notice("every document of the queue has its labels")
    else:
        yield shell.notice(
            "nothing is queued; a steward fills the queue below, and two people label each document without seeing the other's label"
        )
    shown = list(_sure(found))
    if shown:
        yield figures(shown)
    if found["rules"]:
        yield _table(found)
    for one in found["disputed"]:
        yield _dispute(one, ask)
    if ask.person.role == STEWARD:
        yield _fill(found, ask)


def _sure(found: Data) -> Iterator[tuple[str, Any]]:
    """How far people agree, and how right the rules are over all."""
    agree, overall = found["agreement"], found["overall"]
    if agree is not None:
        value = "–" if agree["alpha"] is None else f"{round(agree['alpha'], 2) + 0.0:.2f}"
        told = f" {agree['interval'][0]:.2f} – {agree['interval'][1]:.2f}" if agree["interval"] else ""
        yield "Krippendorff's α, with 95 %", joined([value, tag("small", told, class_="dim")])
        yield "documents with two labels", agree["units"]
    if overall is not None:
        low, high = (100 * one for one in overall["interval"])
        yield (
            "of all removals right, with 95 %",
            joined([f"{100 * overall['estimate']:.0f} %", tag("small", f" {low:.0f} – {high:.0f} %", class_="dim")]),
        )
        yield "of all removals by labelled rules", f"{100 * overall['covered']:.0f} %"


def _table(found: Data) -> Html:
    rows = [
        tag(
            "tr",
            tag("th", one["rule"], scope="row"),
            tag("td", f"{one['complete']:,} of {one['items']:,}", class_="n"),
            *(tag("td", f"{one['outcomes'][word]:,}", class_="n") for word in (RIGHT, WRONG, UNSURE, "disputed")),
            tag("td", said.precision_cell(one["precision"])),
        )
        for one in found["rules"]
    ]
    heads = [
        ("Rule", None),
        ("Labelled", "n"),
        ("Right", "n"),
        ("Wrong", "n"),
        ("Unsure", "n"),
        ("Disputed", "n"),
        ("Right, with 95 %", None),
    ]
    head = tag("tr", *(tag("th", name, scope="col", class_=kind) for name, kind in heads))
    return tag(
        "div",
        tag("table", tag("thead", head), tag("tbody", *rows)),
        class_="wide",
        tabindex="0",
        role="region",
        aria_label="Labels by rule",
    )


def _dispute(one: Data, ask: Ask) -> Html:
    labels = [
        tag("li", tag("b", foreign(label["reviewer"])), ": ", shell.chip(label["verdict"]), foreign(label["note"]))
        for label in one["labels"]
    ]
    return tag(
        "article",
        tag("h3", "Labelled differently: ", tag("a", one["id"], href=f"/document/{one['id']}", data_open=True)),
        tag("p", shell.verdict(one["rule"])),
        tag("ul", *labels),
        shell.form(
            ask, shell.hidden(id=one["id"], rule=one["rule"]), shell.buttons("resolve", said.LABELS), class_="inline", data_next=True
        ),
        data_item=True,
        tabindex="-1",
    )


def _fill(found: Data, ask: Ask) -> Html:
    options = [("", "every rule, and what was kept"), *((name, name) for name in found["reasons"])]
    return tag(
        "section",
        tag("h2", "Fill the queue"),
        tag("p", "Documents are drawn at random of each rule; the same seed draws the same ones.", class_="dim"),
        shell.form(
            ask,
            shell.choice("Of", "rule", options, ""),
            shell.field("Documents a rule", "per_rule", "20", "number", min="1", max="500"),
            shell.field("Labels a document", "raters", "2", "number", min="1", max="9"),
            shell.field("Seed", "seed", "1", "number", min="0"),
            tag("p", tag("button", "Queue them", name="fill", value="yes"), class_="field"),
            class_="bar",
        ),
        class_="panel",
    )


def take_list(ask: Ask) -> tuple[str, str]:
    """A steward fills the queue, or settles labels that differ."""
    form, desk = ask.form, ask.desk
    if "resolve" in form:
        desk.labels.resolve(form.get("id", ""), form.get("rule", ""), form["resolve"], by=ask.person.name)
        return "/labels", f"settled as {form['resolve']}"
    index = ask.index
    wanted = [form["rule"]] if form.get("rule") else [one["name"] for one in index.reasons]
    found = {rule: [index.hex(row) for row in index.sample("reason", rule, 0)] for rule in wanted}
    numbers = {name: _whole(form, name) for name in ("per_rule", "seed", "raters")}
    count = desk.labels.enqueue({rule: ids for rule, ids in found.items() if ids}, by=ask.person.name, **numbers)
    return "/labels", f"{count:,} documents are queued"


def _whole(form: Any, name: str) -> int:
    said_ = form.get(name, "")
    if not said_.isdigit() or int(said_) > 1 << 31:
        raise ReviewError(f"queue: expected a whole number as {name}, got {said_[:40]!r}; write one")
    return int(said_)


# ---------------------------------------------------------------- the next document


def data(ask: Ask) -> Data:
    found = ask.desk.labels.next_item(ask.person.name, ask.word("rule") or None)
    if found is None:
        return {"item": None, "left": 0}
    rows = ask.index.by_id(found.document)
    shown = sampled(ask, rows[-1 if found.rule != KEPT else 0], QUEUE_CHARS, plain=True) if rows else None
    other = _keeper(ask, found, rows)
    blind = {name: shown[name] for name in ("id", "url", "bytes", "text", "text_start", "text_chars")} if shown else None
    left = sum(one.items - one.complete for one in ask.desk.labels.progress())
    return {"item": {"document": found.document, "ask": "copy" if other else "belongs"}, "shown": blind, "other": other, "left": left}


def _keeper(ask: Ask, found: Item, rows: list[int]) -> Data | None:
    """What stands for a duplicate: whether it left rightly can be told only beside that."""
    step = found.rule.partition(":")[0]
    held = ask.index.held(rows[-1]) if rows else None
    keeper = (held or {}).get(column(step, "keeper"))
    others = ask.index.by_id(keeper) if keeper and (held or {}).get("removed_by") == found.rule else []
    return sampled(ask, others[0], QUEUE_CHARS, plain=True) if others else None


def body(found: Data, ask: Ask) -> Iterator[Html]:
    item = found["item"]
    if item is None:
        yield shell.notice("nothing is left for you; thank you")
        yield tag("p", tag("a", "to the labels", href="/labels"))
        return
    copy = item["ask"] == "copy"
    question = "Is the text on the left a copy of the one on the right?" if copy else "Does this text belong into a training corpus?"
    yield tag(
        "p",
        tag("b", question),
        " ",
        tag("span", f"{found['left']:,} left; what others say is hidden until all labels are in", class_="dim"),
    )
    if found["shown"] is None:
        yield shell.notice(f"document {item['document']} cannot be shown: its file is damaged, or the run was made anew without it", "warn")
    elif copy:
        yield tag("div", *(tag("div", _url(one), evidence.block(one["text"])) for one in (found["shown"], found["other"])), class_="ab")
    else:
        yield _url(found["shown"])
        yield evidence.block(found["shown"]["text"])
    yield shell.form(
        ask,
        shell.hidden(id=item["document"]),
        shell.buttons("answer", COPY if copy else BELONGS),
        tag("details", tag("summary", "note"), shell.field("Note", "note", ask.form.get("note", ""), maxlength=2000)),
        tag("p", tag("button", "give it back", name="answer", value="release", class_="link")),
        class_="queue panel",
        data_top=True,
    )


def _url(one: Data) -> Html:
    return tag("p", shell.url(one["url"]), " ", shell.chip(f"{one['bytes']:,} bytes"))


def take(ask: Ask) -> tuple[str, str]:
    """A label of the document that this person took; the answer is turned into right or wrong here, since the page does not say what became of it."""
    form, labels, name = ask.form, ask.desk.labels, ask.person.name
    found = labels.next_item(name)
    if found is None or found.document != form.get("id"):
        raise ReviewError("label: expected the document that you have taken, got another; look at the one that is shown now")
    if form.get("answer") == "release":
        labels.release(found.document, found.rule, by=name)
        return "/labels", "given back"
    labels.label(found.document, found.rule, _verdict(ask, found, form.get("answer", "")), by=name, note=form.get("note", ""))
    return "/labels/next", "labelled"


def _verdict(ask: Ask, found: Item, answer: str) -> str:
    if answer not in ("yes", "no"):
        return answer
    agrees = "yes" if found.rule == KEPT or _keeper(ask, found, ask.index.by_id(found.document)) else "no"
    return RIGHT if answer == agrees else WRONG


LIST = Page(path="/labels", title="Labels", data=listed, body=list_body, post=take_list, role=STEWARD, menu="Labels", key="l")
PAGE = Page(path="/labels/next", title="The next document", data=data, body=body, post=take)
