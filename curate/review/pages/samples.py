"""Samples: documents that were kept or that one rule removed, drawn at random with a seed, with their evidence marked."""

from collections.abc import Iterator, Mapping
from typing import Any

from curate.card.html import Html, joined, tag
from curate.review import evidence, said, shell
from curate.review.ask import Ask, Data, Page, address
from curate.review.choose import MAX_SOURCES
from curate.review.shell import amount, chip, url, verdict
from curate.schema import column
from curate.why import shown

SHOWN_CHARS = 2400
"""Characters of a text on a page with many."""
MAX_PER_PAGE = 50
ORDERS = {"random": "at random", "near": "nearest to the threshold first", "spread": "from each source alike"}


def data(ask: Ask) -> Data:
    index = ask.index
    reasons = {one["name"]: one["rows"] for one in index.reasons}
    rule = ask.word("rule") or next((name for name in reasons if name != "kept"), "kept")
    order = ask.word("order", "random")
    count, start = ask.number("n", 10, 1, MAX_PER_PAGE), ask.number("start", 0, 0, 1 << 30)
    rows = chosen(ask, rule, ask.seed, order if order in ORDERS else "random")
    items = [item(ask, row) for row in rows[start : start + count]]
    shown = [one for one in items if one is not None]
    talked = said.about_rows(ask, shown)
    return {
        "title": "Samples",
        "rule": rule,
        "seed": ask.seed,
        "order": order if order in ORDERS else "random",
        "documents": reasons.get(rule, 0),
        "at_hand": len(rows),
        "start": start,
        "n": count,
        "reasons": reasons,
        "documents_shown": [one | {"said": talked[one["id"]]} for one in shown],
    }


def chosen(ask: Ask, rule: str, seed: int, order: str) -> list[int]:
    """Rows at hand of a reason, in the asked order."""
    index = ask.index
    rows = index.sample("reason", rule, seed)
    if order == "spread":
        sources = [one["key"] for one in index.keys("source") if one["key"].partition("\t")[0] == rule][:MAX_SOURCES]
        lists = [index.sample("source", key, seed) for key in sources]
        longest = max(map(len, lists), default=0)
        return [one[place] for place in range(longest) for one in lists if place < len(one)] or rows
    limit = next((one.rule.limit for one in index.rules if one.name == rule), None)
    if order == "near" and limit is not None:
        return index.nearest(rule, float(limit))
    return rows


def item(ask: Ask, number: int, chars: int = SHOWN_CHARS, plain: bool = False) -> Data | None:
    """What is shown of one document; None if its file is damaged. `plain`: from its beginning, without marks."""
    index = ask.index
    row = index.held(number)
    if row is None:
        return None
    text = row["text"]
    found = evidence.marks(index.folder, row, text) if text and not plain else []
    start = max(0, evidence.gaps(found, chars) - chars // 4) if found and found[-1].end > chars else 0
    return {
        "id": row["id"],
        "url": row["url"],
        "domain": row["domain"],
        "source": row["source"],
        "bytes": int(index.bytes[number]),
        "removed_by": row.get("removed_by"),
        "overridden": row.get("overridden"),
        "value": row.get("value"),
        "threshold": row.get("threshold"),
        "measure": measure(ask, row.get("removed_by")),
        "licence": first(row, index.folder.using("license"), "spdx"),
        "language": first(row, index.folder.using("language"), "label"),
        "text": text if text is None else text[start : start + chars],
        "text_start": start,
        "text_chars": row["chars"],
        "marks": [[mark.start - start, mark.end - start, mark.kind] for mark in found if start <= mark.start and mark.end <= start + chars],
    }


def measure(ask: Ask, removed_by: str | None) -> str | None:
    """The measure that a reason judges."""
    return next((one.rule.measure for one in ask.index.rules if one.name == removed_by), None)


def first(row: Mapping[str, Any], steps: list[str], name: str) -> Any:
    """A measure of the first of some steps that has one."""
    return next((row[column(step, name)] for step in steps if row.get(column(step, name)) is not None), None)


def body(found: Data, ask: Ask) -> Iterator[Html]:
    yield from shell.described(ask.index.parts.damage)
    options = [(name, f"{name} ({count:,})") for name, count in found["reasons"].items()]
    yield tag(
        "form",
        shell.choice("Kept, or removed by", "rule", options, found["rule"]),
        shell.choice("Order", "order", list(ORDERS.items()), found["order"]),
        shell.field("Seed", "seed", found["seed"], "number", min="0", inputmode="numeric"),
        tag("p", tag("button", "Show"), class_="field"),
        method="get",
        action=ask.path,
        class_="bar",
        data_auto=True,
    )
    of = f"{found['at_hand']:,} of {found['documents']:,}" if found["at_hand"] < found["documents"] else f"all {found['documents']:,}"
    again = tag("a", "other ones", href=address(ask.path, rule=found["rule"], order=found["order"], seed=found["seed"] + 1), rel="nofollow")
    told = f"Drawn from {of} documents, {ORDERS[found['order']]}; this address shows the same ones to everybody. "
    yield tag("p", told, again, class_="dim")
    if not found["documents_shown"]:
        yield shell.notice("no document here" if not found["documents"] else "no more documents at hand; draw others with another seed")
    for one in found["documents_shown"]:
        yield article(one, ask)
    yield shell.pager(ask, found["start"], found["n"], found["start"] + found["n"] < found["at_hand"]) or Html("")


def article(one: Data, ask: Ask) -> Html:
    """One document with its evidence."""
    found = [evidence.Mark(start, end, kind) for start, end, kind in one["marks"]]
    more = one["text_chars"] - len(one["text"] or "") - one["text_start"]
    before = tag("p", f"… {one['text_start']:,} characters before", class_="dim") if one["text_start"] else None
    after = tag("p", tag("a", f"{more:,} characters more →", href=f"/document/{one['id']}")) if more > 0 else None
    return tag(
        "article",
        head(one),
        reading(one),
        before,
        evidence.block(one["text"], found),
        evidence.legend(found),
        after,
        said.label_form(ask, one, f"/document/{one['id']}", one["said"]),
        data_item=True,
        tabindex="-1",
        id=f"d{one['id']}",
        aria_label=one["url"] or one["id"],
    )


def head(one: Data) -> Html:
    """Where a document comes from, and what became of it."""
    link = tag("a", url(one["url"]) if one["url"] else one["id"], href=f"/document/{one['id']}", data_open=True)
    outcome = joined([verdict(one["removed_by"] or "kept"), stays(one)])
    rest = [one["language"], one["licence"], one["source"]]
    return tag("header", tag("h2", link), tag("p", outcome, *(chip(value) for value in rest if value), chip(amount(one["bytes"]))))


def stays(one: Data) -> Html | None:
    """That a steward keeps it, and what it would have left for."""
    return chip(f"a steward keeps it, else {one['overridden']}", "held") if one.get("overridden") else None


def reading(one: Data) -> Html | None:
    """The measured value and the threshold that it met."""
    if one["removed_by"] is None or (one["value"] is None and one["threshold"] is None):
        return None
    name = one["measure"] or "value"
    parts = [f"{name} ", tag("b", shown(one["value"]))]
    if one["threshold"] is not None:
        parts += [", removed if ", tag("b", shown(one["threshold"]))]
    return tag("p", *parts, class_="reading")


PAGE = Page(path="/samples", title="Samples", data=data, body=body, menu="Samples", key="s")
