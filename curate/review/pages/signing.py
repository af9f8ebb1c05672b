"""Sign-off: a steward stands for the card as it lies there; the sign-off is chained to those before it and shown in the card.

Signing is bound to what the signer saw: the form names the card's digest, and a card that changed meanwhile is not signed.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from curate import signoff
from curate.card import publish
from curate.card.facts import FACTS
from curate.card.html import Html, foreign, tag
from curate.card.publish import PAGE as CARD
from curate.errors import CurateError, ReviewError, StoreError
from curate.review import said, shell
from curate.review.ask import Ask, Data, Page
from curate.review.decisions import allowed
from curate.review.guard import STEWARD

STATEMENT = "I have looked at samples of what was kept and of what was removed, and I stand for this card."


def data(ask: Ask) -> Data:
    store = ask.desk.store
    facts = _facts(ask)
    try:
        card, corpus = (signoff.card_digest(store) if facts else ""), signoff.corpus_digest(store)
        signed: Any = [vars(one) | {"state": one.state(card, corpus)} for one in signoff.read(store)]
    except StoreError as error:
        signed = str(error)
    return {
        "run": ask.index.folder.name,
        "card": signoff.card_digest(store) if facts else None,
        "kept": ask.index.folder.documents.num_rows,
        "tokens": ((facts or {}).get("tokens") or {}).get("tokens"),
        "open_questions": [
            one["name"] for one in ((facts or {}).get("people") or {}).get("questions", []) if one["open"] and "card" in one["required"]
        ],
        "waits": said.waits(ask),
        "damage": ask.index.parts.damage,
        "signed": signed,
        "today": datetime.now(UTC).date().isoformat(),
    }


def _facts(ask: Ask) -> dict[str, Any] | None:
    """The card's facts; None where there is no card, or none that can be read."""
    try:
        return ask.index.folder.json(FACTS)
    except CurateError:
        return None


def body(found: Data, ask: Ask) -> Iterator[Html]:
    yield from shell.described(found["damage"])
    if found["card"] is None:
        yield shell.notice(f"there is no card to sign; write it with `curate card {ask.desk.store.root}`", "warn")
        return
    facts: list[tuple[str, Any]] = [("run", found["run"]), ("documents", f"{found['kept']:,}")]
    facts += [("tokens", f"{found['tokens']:,}")] if found["tokens"] else []
    yield shell.tags(facts)
    yield tag("p", tag("a", "Read the card", href="/card", class_="action"), " ", tag("span", found["card"], class_="hash"))
    unsettled = [one["said"] for one in found["waits"]]
    if found["open_questions"]:
        unsettled.append(f"questions that only people can answer are open: {', '.join(found['open_questions'])} (answer them in card.yaml)")
    if unsettled:
        yield tag(
            "div", tag("p", "Before you sign:"), tag("ul", *(tag("li", foreign(one)) for one in unsettled)), class_="box warn", role="note"
        )
    yield from _signed(found)
    if ask.person.role != STEWARD:
        yield tag("p", "A steward signs.", class_="dim")
        return
    yield _form(found, ask)


def _signed(found: Data) -> Iterator[Html]:
    if isinstance(found["signed"], str):
        yield shell.notice(f"the sign-offs do not hold: {found['signed']}", "error")
        return
    if not found["signed"]:
        yield tag("p", "Nobody has signed yet.", class_="dim")
        return
    for one in found["signed"]:
        yield tag(
            "article",
            tag("p", foreign(one["statement"]), class_="statement", dir="auto"),
            tag(
                "p",
                tag("b", foreign(one["name"])),
                ", ",
                foreign(one["role"]),
                ", ",
                foreign(one["date"]),
                " ",
                shell.chip(one["state"], "good" if one["state"] == signoff.CURRENT else "held"),
            ),
            tag("p", f"hash {one['hash']}", class_="hash"),
        )
    yield tag("p", "The chain of sign-offs holds.", class_="dim")


def _form(found: Data, ask: Ask) -> Html:
    form = ask.form
    return tag(
        "section",
        tag("h2", "Sign"),
        shell.form(
            ask,
            shell.hidden(card=found["card"]),
            shell.field("Name", "name", form.get("name", ask.person.name), required=True, maxlength=signoff.MAX_CHARS, autocomplete="name"),
            shell.field("Role", "role", form.get("role", "data steward"), required=True, maxlength=signoff.MAX_CHARS),
            shell.field("Date", "date", form.get("date", found["today"]), "date", required=True),
            shell.area("Statement", "statement", form.get("statement", STATEMENT), required=True, rows=4, maxlength=signoff.MAX_CHARS),
            tag("p", tag("button", "Sign this card", class_="main")),
            class_="stack",
        ),
        class_="panel",
    )


def take(ask: Ask) -> tuple[str, str]:
    """Sign, note it in the log, and write the card anew, which shows it."""
    form, desk = ask.form, ask.desk
    store = desk.store
    said_ = {name: form.get(name, "") for name in signoff.ASKED}
    if form.get("card") != signoff.card_digest(store):
        raise ReviewError("sign-off: expected the card that you read, got another one that was written meanwhile; read it, and sign again")
    if damage := ask.index.parts.damage:
        raise ReviewError(f"sign-off: expected a run that can be read, got {len(damage)} damaged files; run the recipe again")
    _day(said_["date"])
    with desk.decisions.writing() as db:
        allowed(db, ask.person.name, steward_only=True)
        made = signoff.sign(store, **said_)
        signed = {"card_digest": made.card_digest, "corpus_digest": made.corpus_digest, "hash": made.hash, "previous": made.previous}
        desk.decisions.record(db, ask.person.name, "sign", said_ | {"signed": signed})
    publish.write(store, _facts(ask) or {})
    return "/signoff", "signed; the card shows it"


def _day(said_: str) -> None:
    try:
        datetime.strptime(said_, "%Y-%m-%d")
    except ValueError:
        raise ReviewError(f"sign-off: expected date as 2026-11-24, got {said_[:40]!r}; write it so") from None


def card(ask: Ask) -> str:
    """card.html as it lies there."""
    if not ask.desk.store.exists(CARD):
        raise StoreError(f"run {ask.desk.store.root}: expected {CARD}, got no card; write it with `curate card`")
    return ask.desk.store.read(CARD).decode("utf-8", "replace")


PAGE = Page(path="/signoff", title="Sign-off", data=data, body=body, post=take, role=STEWARD, menu="Sign-off", key="y")
