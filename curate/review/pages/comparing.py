"""Pairs: two answers side by side, without names; and the scores that come of what people prefer."""

from collections.abc import Iterator
from typing import Any

from curate.card.html import Html, tag
from curate.errors import ReviewError
from curate.review import evidence, shell
from curate.review.ask import Ask, Data, MissingError, Page
from curate.review.pairs import BAD, LEFT, RIGHT, TIE, Pairs, order

SHOWN_CHARS = 20_000
CHOICES = ((LEFT, "left is better", "good"), (RIGHT, "right is better", "good"), (TIE, "alike", ""), (BAD, "both are bad", "bad"))


def _pairs(ask: Ask) -> Pairs:
    if ask.desk.pairs is None:
        raise MissingError("pairs: expected a desk that was started with --pairs FILE, got one without; start it so")
    return ask.desk.pairs


def data(ask: Ask) -> Data:
    pairs, person = _pairs(ask), ask.person.name
    votes, one = pairs.votes(), pairs.next(ask.person.name)
    mine = sum(vote.by == person for vote in votes)
    shown = None
    if one is not None:
        left, right = (one.texts[side] for side in order(one.id, person))
        shown = {"pair": one.id, "prompt": one.prompt, "left": left, "right": right}
    done = ask.word("scores") or one is None
    return {
        "shown": shown,
        "mine": mine,
        "pairs": len(pairs.all),
        "votes": len(votes),
        "people": len({vote.by for vote in votes}),
        "scores": ask.desk.scores() if done else None,
    }


def body(found: Data, ask: Ask) -> Iterator[Html]:
    told = f"{found['mine']:,} of {found['pairs']:,} compared by you; {found['votes']:,} votes of {found['people']:,} people. "
    yield tag("p", told, tag("a", "Scores", href="/pairs?scores=1") if not found["scores"] else None, class_="dim")
    one = found["shown"]
    if found["scores"]:
        yield from _scores(found["scores"])
    if one is None:
        yield shell.notice("nothing is left for you; thank you")
        return
    yield tag("section", tag("h2", "Prompt"), evidence.block(one["prompt"][:SHOWN_CHARS]), class_="panel")
    yield tag(
        "div", *(tag("div", tag("h2", side.capitalize()), evidence.block(one[side][:SHOWN_CHARS])) for side in (LEFT, RIGHT)), class_="ab"
    )
    yield shell.form(
        ask, shell.hidden(pair=one["pair"]), shell.buttons("choice", CHOICES), class_="queue panel", action="/pairs", data_top=True
    )


def _scores(found: list[Data]) -> Iterator[Html]:
    rows = [
        tag(
            "tr",
            tag("th", shell.chip(one["model"]), scope="row"),
            *(tag("td", text, class_="n") for text in (_number(one["score"]), _range(one), f"{one['wins']:g}", f"{one['games']:,}")),
        )
        for one in found
    ]
    heads = [("Model", None), ("Score", "n"), ("95 %", "n"), ("Wins", "n"), ("Compared", "n")]
    head = tag("tr", *(tag("th", name, scope="col", class_=kind) for name, kind in heads))
    yield tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="wide", tabindex="0", role="region", aria_label="Scores")
    yield tag("p", "Bradley–Terry: 400 more is won ten times in eleven; the mean is 0. A tie is half a win for each.", class_="dim")


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:+.0f}"


def _range(one: Data) -> str:
    return "–" if one["interval"] is None else f"{one['interval'][0]:+.0f} to {one['interval'][1]:+.0f}"


def take(ask: Ask) -> tuple[str, str]:
    """A vote."""
    try:
        _pairs(ask).vote(ask.form["pair"], ask.form["choice"], ask.person.name)
    except KeyError:
        raise ReviewError("vote: expected a pair and a choice, got less; use the buttons") from None
    return "/pairs", "noted"


PAGE = Page(path="/pairs", title="Which answer is better?", data=data, body=body, post=take, menu="Pairs", key="c")
