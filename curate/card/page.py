"""`card.html`: the card as one page that needs nothing else. It shows the facts, what people said, and who signed; it counts nothing itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from curate.card import page_tables as tables
from curate.card.forms.book import Book
from curate.card.html import Html, bulleted, figures, foreign, joined, page, table, tag
from curate.card.markdown import share, size
from curate.card.plots import bars, histogram
from curate.signoff import States

Facts = Mapping[str, Any]
BARS = 12
REASONS = 25
NAMES = {
    "languages": "Languages",
    "scripts": "Scripts",
    "licenses": "Licences",
    "license_classes": "Licence classes",
    "license_scopes": "What licence claims speak of",
    "consent_verdicts": "Wishes about machine use",
    "consent_bases": "Where these wishes were found",
    "host_verdicts": "Wishes of hosts",
    "host_bases": "Where the wishes of hosts were found",
    "repository_licenses": "Licences by repository",
    "repository_classes": "Licence classes by repository",
    "repository_scopes": "What said so",
    "domains": "Registered domains",
    "sources": "Sources",
    "years": "Years of fetching",
    "mimes": "Media types as received",
}


def render(facts: Facts, recipe: str, signed: States | str, forms: Sequence[Book]) -> str:
    """The page. `signed`: sign-offs with what each is worth, or why they do not hold."""
    said = facts["people"]["said"]
    parts = [(anchor, heading, list(body)) for anchor, heading, body in _parts(facts, recipe, signed, forms)]
    foot = [
        tag(
            "p", "Every number is counted from the run's ledger, tables and shards; facts.json beside this page has them all.", class_="dim"
        )
    ]
    return page(str(said.get("title") or facts["name"]), list(_lead(facts)), parts, foot)


def _lead(facts: Facts) -> Iterator[Html]:
    open_ = [one["name"] for one in facts["people"]["questions"] if one["open"] and "card" in one["required"]]
    if open_:
        names = Html(", ".join(tag("code", name) for name in open_))
        yield tag(
            "p", tag("strong", "DRAFT."), " Questions that only people can answer are open: ", names, ".", class_="draft", role="note"
        )
    kept, read = facts["kept"], facts["read"]
    if not kept["documents"]:
        yield tag(
            "p",
            tag("strong", "This run kept no document."),
            " What it read, and why all of it left, is below.",
            class_="draft",
            role="note",
        )
    if "description" in facts["people"]["said"]:
        yield tag("p", facts["people"]["said"]["description"])
    numbers: list[tuple[str, Any]] = [("Documents kept", kept["documents"]), ("Text", Html(size(kept["text_bytes"])))]
    if facts["tokens"]:
        numbers.append(("Tokens", facts["tokens"]["tokens"]))
    yield figures([*numbers, ("Documents read", read["documents"]), ("Kept of them", Html(share(kept["documents"], read["documents"])))])


def _parts(facts: Facts, recipe: str, signed: States | str, forms: Sequence[Book]) -> Iterator[tuple[str, str, Iterator[Html]]]:
    yield "people", "What people say", _people(facts, signed)
    yield "flow", "What happened, step by step", _flow(facts)
    yield "reasons", "Why documents left", _reasons(facts)
    if facts["kept"]["documents"]:
        yield "content", "What is in it", _content(facts)
    if facts["measures"]["measures"]:
        yield "measures", "How measures are spread", _measures(facts["measures"])
    yield "checks", "Copies, personal data, benchmarks", tables.checks(facts)
    if facts["tokens"]:
        yield "tokens", "Tokens", tables.tokens(facts)
    yield "forms", "Forms", _forms(forms)
    yield "reproduce", "How to reproduce", tables.reproduce(facts, recipe)


def _people(facts: Facts, signed: States | str) -> Iterator[Html]:
    said = facts["people"]["said"]
    asked = [one for one in facts["people"]["questions"] if not one["open"]]
    if asked:
        rows = [[one["name"], joined([said[one["name"]]])] for one in asked]
        yield table("Answers", ["Question", "Answer"], rows, 9)
    open_ = [joined([tag("code", one["name"]), f": {one['asks']}"]) for one in facts["people"]["questions"] if one["open"]]
    if open_:
        yield tag("details", tag("summary", f"{len(open_)} open questions"), bulleted(open_))
    if isinstance(signed, str):
        yield tag("p", tag("strong", "The sign-offs do not hold: "), signed, class_="draft", role="note")
    elif not signed:
        yield tag("p", "Nobody has signed this card.")
    else:
        rows = [[one.name, one.role, one.date, foreign(one.statement), state] for one, state in signed]
        yield table("Sign-offs", ["Name", "Role", "Date", "Statement", "Signed"], rows, 9)
        yield tag("p", "The chain of sign-offs holds; its last hash is ", tag("code", signed[-1][0].hash), ".", class_="dim")


def _flow(facts: Facts) -> Iterator[Html]:
    steps, whole = facts["steps"], facts["read"]["documents"]
    drawn = [("read", whole, f"{whole:,}")]
    drawn += [(one["step"], one["documents_out"], f"{one['documents_out']:,} ({share(one['documents_out'], whole)})") for one in steps]
    described = (
        f"Documents that were left after each step, from {whole:,} read to {facts['kept']['documents']:,} kept; the table below has all."
    )
    yield tag("figure", bars("Documents after each step", described, drawn), tag("figcaption", "Documents after each step."))
    rows = [
        [
            one["step"] if one["step"] == one["uses"] else f"{one['step']} ({one['uses']})",
            *(one["documents_in"], sum(gone["documents"] for gone in one["removed"].values()), one["documents_out"]),
            *(Html(size(one[f"text_bytes_{what}"])) for what in ("in", "added", "cut", "out")),
        ]
        for one in steps
    ]
    head = ["Step", "Documents in", "Removed", "Documents out", "Text in", "Added", "Cut", "Text out"]
    yield table("Documents and text by step", head, rows)
    yield from tables.decided(facts)
    yield from tables.identity(facts)
    yield from tables.toxicity(facts)
    yield from tables.forgotten(facts)
    yield from tables.balance(facts)
    yield tables.inputs(facts)
    yield from tables.drift(facts)


def _reasons(facts: Facts) -> Iterator[Html]:
    found = [
        (one["step"], reason, one["rules"].get(reason), gone["documents"], gone["text_bytes"], one["documents_in"])
        for one in facts["steps"]
        for reason, gone in one["removed"].items()
    ]
    found.sort(key=lambda one: (-one[3], one[0], one[1]))
    if not found:
        yield tag("p", "No document was removed.")
        return
    drawn = [(f"{step}: {reason}", gone, f"{gone:,}") for step, reason, _, gone, _, _ in found[:REASONS]]
    described = f"The {len(drawn)} most frequent reasons for which documents left; the table below has all."
    yield tag("figure", bars("Reasons", described, drawn, other=True), tag("figcaption", "Documents removed, by step and reason."))
    rows = [[step, reason, rule, gone, Html(share(gone, came)), Html(size(text))] for step, reason, rule, gone, text, came in found]
    yield table("Reasons", ["Step", "Reason", "Rule", "Documents", "Of those that came", "Text"], rows, 3)


def _content(facts: Facts) -> Iterator[Html]:
    whole, content = facts["kept"]["documents"], facts["content"]
    for name, heading in NAMES.items():
        counted = content.get(name)
        if not counted or not counted["top"]:
            continue
        yield tag("h3", heading)
        if counted["distinct"] == 1:
            one = counted["top"][0]
            yield tag("p", foreign(one["value"]), f": {one['documents']:,} of {whole:,} documents.")
            continue
        drawn = [
            (str(one["value"]), one["documents"], f"{one['documents']:,} ({share(one['documents'], whole)})")
            for one in counted["top"][:BARS]
        ]
        missing = f", {counted['missing']:,} documents without" if counted["missing"] else ""
        described = f"{heading}: {counted['distinct']:,} different values{missing}; the {len(drawn)} most frequent are drawn."
        yield tag("figure", bars(heading, described, drawn), tag("figcaption", described))
        if len(counted["top"]) > BARS or "tokens" in counted["top"][0]:
            yield tag("details", tag("summary", f"Table of {len(counted['top']):,}"), tables.values(heading, counted, whole))
    if content["labels"]:
        yield tag("h3", "Other labels")
        yield tables.labels(content["labels"], whole)
    yield tag("h3", "Length of documents")
    yield tables.lengths(content)


def _measures(found: Mapping[str, Any]) -> Iterator[Html]:
    if found["sampled"]:
        looked = f"Of {found['documents']:,} rows a random sample of about {found['sampled']:,} was looked at"
        yield tag("p", f"{looked}; ranges in brackets hold the true value with 95 %.")
    else:
        yield tag("p", f"All {found['documents']:,} rows were looked at.")
    key = [
        tag("span", class_="k b"),
        "kept ",
        tag("span", class_="k o"),
        "removed, each by its own highest bin; a line stands at each threshold",
    ]
    yield tag("p", *key, class_="dim")
    judged = [one for one in found["measures"] if _active(one)]
    for one in judged:
        yield _measure(one)
    rest = [one for one in found["measures"] if one not in judged]
    if rest:
        yield tables.spreads("Measures that no rule of this recipe judges", rest)


def _active(one: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rules of a measure that are switched on."""
    return [rule for rule in one["rules"] if rule["limit"] is not None]


def _measure(one: Mapping[str, Any]) -> Html:
    name = f"{one['step']}: {one['measure']}"
    rules = "; ".join(f"{rule['reason']}: {rule['rule']}" for rule in _active(one))
    sides = ", ".join(f"{side} {_quantile(one[side], 'p50')}" for side in ("kept", "removed") if one[side])
    described = f"Rules: {rules}. Median {sides}."
    limits = sorted({rule["limit"] for rule in _active(one)})
    drawn = histogram(name, described, one["edges"], one["bins"], limits)
    return tag("figure", tag("h3", name), drawn, tag("figcaption", described))


def _quantile(spread: Mapping[str, Any], name: str) -> str:
    within = (spread.get("intervals") or {}).get(name)
    return f"{spread['quantiles'][name]:g}" + (f" [{within[0]:g}, {within[1]:g}]" if within else "")


def _forms(forms: Sequence[Book]) -> Iterator[Html]:
    rows = []
    for book in forms:
        counts = book.counts()
        open_ = ", ".join(book.open) or "none"
        rows.append([book.form, counts["computed"], counts["said"], counts["open"], tag("span", open_, class_="dim")])
    head = ["Form", "Computed", "Said by people", "Open", "Open and required"]
    yield table("Fields of forms by where they come from", head, rows)
