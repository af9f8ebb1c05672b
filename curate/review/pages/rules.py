"""Thresholds: how a measure is spread, and which documents another limit would move, without a run."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from curate.card.html import Html, figures, tag
from curate.card.markdown import share
from curate.card.plots import histogram
from curate.errors import ReviewError
from curate.review import decide, said, shell
from curate.review.ask import Ask, Data, MissingError, Page, address
from curate.review.index import drawn
from curate.review.shell import document_link, verdict
from curate.review.thresholds import COMPARE, ELSEWHERE, KEPT, Judged, flips
from curate.schema import id_words

EXAMPLES = 12


def listed(ask: Ask) -> Data:
    index = ask.index
    gone = {one["name"]: one["rows"] for one in index.reasons}
    rules = [
        {"rule": one.name, "reads": one.rule.text, "removed": gone.get(one.name, 0), "precision": said.precision(ask, one.name)}
        for one in index.rules
    ]
    return {"rules": rules, "read": index.folder.segments[0].documents}


def list_body(found: Data, ask: Ask) -> Iterator[Html]:
    yield tag("p", "Rules that compare a number. Each page shows the number's spread and lets you try another limit.", class_="dim")
    rows = [
        tag(
            "tr",
            tag("th", tag("a", one["rule"], href=_path(one["rule"]), data_open=True), scope="row"),
            tag("td", tag("code", one["reads"])),
            tag("td", f"{one['removed']:,}", class_="n"),
            tag("td", Html(share(one["removed"], found["read"])), class_="n"),
            tag("td", said.precision_cell(one["precision"])),
            data_item=True,
        )
        for one in found["rules"]
    ]
    heads = [("Rule", None), ("Removes a document if", None), ("Removed", "n"), ("Of those read", "n"), ("Right, as labelled", None)]
    head = tag("tr", *(tag("th", name, scope="col", class_=kind) for name, kind in heads))
    yield tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="wide", tabindex="0", role="region", aria_label="Rules")


def _path(name: str) -> str:
    step, _, reason = name.partition(":")
    return f"/rules/{step}/{reason}"


def _rule(ask: Ask) -> Judged:
    wanted = f"{ask.params['step']}:{ask.params['reason']}"
    found = next((one for one in ask.index.rules if one.name == wanted), None)
    if found is None:
        raise MissingError(f"rule {wanted}: expected a rule over a number of this run, got none; see /rules")
    return found


def data(ask: Ask) -> Data:
    one = _rule(ask)
    index = ask.index
    spread = index.spread(one.column)
    at = ask.real("at")
    at = at if at is not None else one.rule.limit
    moved = flips(one, spread, at)
    values = spread.values
    return {
        "title": f"{one.step.name}: {one.rule.reason}",
        "rule": one.name,
        "measure": one.rule.measure,
        "operator": one.rule.operator,
        "limit": one.rule.limit,
        "at": at,
        "field": f"steps.{one.step.name}.{one.field}",
        "whole": bool(len(values)) and bool((values == values.astype(int)).all()),
        "least": float(values[0]) if len(values) else 0.0,
        "most": float(values[-1]) if len(values) else 1.0,
        "edges": spread.edges,
        "kept": spread.binned(spread.of(KEPT)),
        "removed": spread.binned(spread.of(*(name for name in spread.names if name not in (KEPT, ELSEWHERE)))),
        "flips": moved.as_dict(),
        "would_leave": _examples(ask, one, "kept", at),
        "would_return": _examples(ask, one, "removed", at),
        "precision": said.precision(ask, one.name),
    }


def _examples(ask: Ask, one: Judged, side: str, at: float | None) -> list[Data]:
    """Some of the rows that would flip, drawn by the seed."""
    if at is None:
        return []
    found = ask.index.query("select row, value from near where rule = ? and side = ?", one.name, side)
    fires = COMPARE[one.rule.operator]
    wanted = [row for row in found if bool(fires(row["value"], at)) == (side == "kept")]
    ordered = sorted(wanted, key=lambda row: drawn(ask.seed, str(row["row"])))[:EXAMPLES]
    values = {row["row"]: row["value"] for row in ordered}
    return [row | {"value": values[row["row"]]} for row in ask.index.told([row["row"] for row in ordered])]


def body(found: Data, ask: Ask) -> Iterator[Html]:
    sides = {"kept": found["kept"], "removed": found["removed"]}
    limits = [limit for limit in dict.fromkeys([found["limit"], found["at"]]) if limit is not None]
    told = f"Spread of {found['measure']} among kept documents (above the line) and removed ones (below it); lines stand at the limits."
    step = "1" if found["whole"] else "0.0001"
    low, high = _bounds(found)
    slider = tag(
        "form",
        tag("label", f"{found['measure']} {found['operator']}", for_="at"),
        shell.element(
            "input", type="range", min=f"{low:g}", max=f"{high:g}", step=step, value=_text(found["at"]), data_twin="at", aria_label="limit"
        ),
        shell.element("input", type="number", id="at", name="at", step="any", value=_text(found["at"])),
        tag("button", "Try"),
        tag("a", f"back to {_text(found['limit'])}", href=ask.path)
        if found["limit"] is not None
        else tag("span", "the rule is off", class_="dim"),
        method="get",
        action=ask.path,
        class_="slider",
        data_live="flips",
    )
    key = tag("p", tag("span", class_="k b"), "kept ", tag("span", class_="k o"), "removed, each by its own highest bin", class_="dim")
    drawn_ = histogram(found["measure"], told, found["edges"], sides, limits)
    yield tag("section", slider, tag("div", key, tag("figure", drawn_), *_outcome(found, ask), id="flips"), class_="panel")
    yield said.comments(ask, "rule", found["rule"])


def _bounds(found: Data) -> tuple[float, float]:
    """Ends of the slider: those of the drawn bins, widened to hold the limits."""
    numbers = [found["edges"][0], found["edges"][-1], *(one for one in (found["limit"], found["at"]) if one is not None)]
    return min(numbers), max(numbers)


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.10g}"


def _outcome(found: Data, ask: Ask) -> Iterator[Html]:
    moved, at = found["flips"], _text(found["at"])
    if found["at"] == found["limit"]:
        yield tag("p", "Move the limit to see what would change.", class_="dim")
    yield figures(
        [
            ("would leave", moved["leave"]),
            ("would leave here already", moved["earlier"]),
            ("would not leave here", moved["released"]),
            ("of those, leave anyway", moved["caught"]),
        ]
    )
    every = tag("a", "all of them as CSV", href=address(f"{ask.path}/flips.csv", at=at), download=True)
    told = "Steps behind this one have not measured what it removed: some of what is released may leave there. "
    yield tag("p", told if moved["released"] and not ask.index.folder.measures_all else None, every, class_="dim")
    for name, heading in (("would_leave", "Would leave"), ("would_return", "Would not leave here")):
        if found[name]:
            rows = [
                tag(
                    "li",
                    tag("b", f"{row['value']:g}"),
                    " ",
                    document_link(row),
                    " ",
                    verdict(row["reason"]),
                    shell.lead(row),
                    data_item=True,
                )
                for row in found[name]
            ]
            yield tag("h2", heading, tag("small", " examples"))
            yield tag("ul", *rows, class_="list")
    if found["at"] is not None and found["at"] != found["limit"]:
        line = f"curate run RECIPE --set {found['field']}={at}"
        yield tag("h2", "Apply it")
        yield tag("p", "Only what depends on it runs again: ", tag("code", line))
        yield decide.threshold_form(ask, found)


def flipped(ask: Ask) -> Iterator[str]:
    """CSV of all rows that would flip: id, url, now, value; the columns are read, so that it takes as long as that takes."""
    one = _rule(ask)
    at = ask.real("at")
    fires = COMPARE[one.rule.operator]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "url", "now", "value"])
    for part in ask.index.parts.all:
        table = ask.index.parts.table(part, ["id", "url", "removed_by", one.column])
        if table is None or one.column not in table.column_names:
            continue
        values = table[one.column].cast("float64").to_numpy()
        then = fires(values, at) if at is not None else values != values
        now = table["removed_by"].to_pylist() if "removed_by" in table.column_names else ["kept"] * table.num_rows
        ids = id_words(table["id"])
        urls = table["url"]
        for row in range(table.num_rows):
            if (then[row] and now[row] == "kept") or (not then[row] and now[row] == one.name):
                writer.writerow([f"{int(ids[row, 0]):016x}{int(ids[row, 1]):016x}", urls[row].as_py(), now[row], values[row]])
        yield out.getvalue()
        out.seek(0)
        out.truncate()


def take(ask: Ask) -> tuple[str, str]:
    """A proposal for this rule's limit, or a comment."""
    if "comment" in ask.form:
        return said.take_comment(ask)
    one = _rule(ask)
    try:
        at = float(ask.form.get("at", ""))
    except ValueError:
        raise ReviewError(f"threshold: expected a number, got {ask.form.get('at', '')[:40]!r}; write one") from None
    moved = flips(one, ask.index.spread(one.column), at)
    return address(ask.path, at=f"{at:.10g}"), decide.propose(ask, one.step.name, one.field, one.rule.limit, at, moved.as_dict())


LIST = Page(path="/rules", title="Thresholds", data=listed, body=list_body, menu="Thresholds", key="t")
PAGE = Page(path="/rules/{step}/{reason}", title="Threshold", data=data, body=body, post=take)
