"""The comparison as one HTML file that needs nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from curate.card.folder import written
from curate.card.html import Html, figures, foreign, joined, page, table, tag
from curate.card.markdown import size
from curate.card.plots import bars

SHOWN = 30


def render(made: Mapping[str, Any]) -> str:
    """The page."""
    before, after = made["runs"]
    moved = sum(one["documents"] for one in made["flips"])
    numbers = [
        ("Documents whose fate changed", moved),
        ("The same", made["same"]),
        ("Kept before", before["kept"]),
        ("Kept after", after["kept"]),
    ]
    parts = [(anchor, heading, list(body)) for anchor, heading, body in _parts(made)]
    return page(f"{before['name']} and {after['name']}, compared", [figures(numbers)], parts)


def _parts(made: Mapping[str, Any]) -> Iterator[tuple[str, str, Sequence[Html]]]:
    before, after = made["runs"]
    rows = [[name, before[key], after[key]] for name, key in (("Documents read", "read"), ("Documents kept", "kept"), ("Tokens", "tokens"))]
    rows.append(["Text", Html(size(before["text_bytes"])), Html(size(after["text_bytes"]))])
    rows += [[name, tag("code", before[key]), tag("code", after[key])] for name, key in (("Recipe", "recipe"), ("Sum of ids", "ids"))]
    yield "runs", "The two runs", [table("Counts of both runs", ["", "Before", "After"], rows)]
    if made["recipe"]:
        changed = [[one["field"], _said(one["before"]), _said(one["after"])] for one in made["recipe"]]
        yield "recipe", "What changed in the recipe", [table("Changed fields", ["Field", "Before", "After"], changed, 3)]
    yield "flips", "Documents whose fate changed", list(_flips(made))
    yield "columns", "Where kept documents come from and what they are", list(_columns(made))
    if made["measures"]:
        rows = [
            [one["measure"], one["stability_index"], one["quantile_distance"], one["before"]["p50"], one["after"]["p50"]]
            for one in made["measures"]
        ]
        head = ["Measure", "Stability index", "Quantile distance", "Median before", "Median after"]
        yield (
            "measures",
            "Measures of kept documents",
            [table("The most unstable first", head, [[_plain(cell) for cell in row] for row in rows])],
        )


def _flips(made: Mapping[str, Any]) -> Iterator[Html]:
    if not made["flips"]:
        yield tag("p", "None.")
        return
    shown = made["flips"][:SHOWN]
    named = [(f"{one['before']} → {one['after']}", one["documents"], f"{one['documents']:,}") for one in shown]
    yield tag("figure", bars("Flips", "Documents by fate before and after; the table below has the same numbers", named))
    yield table("Flips", ["Before", "After", "Documents"], [[one["before"], one["after"], one["documents"]] for one in made["flips"]], 2)
    for one in shown:
        samples = [_sample(sample) for sample in one["samples"]]
        yield tag("h3", f"{one['before']} → {one['after']}")
        yield tag("ul", *samples)


def _sample(sample: Mapping[str, Any]) -> Html:
    why = None
    if sample.get("value") is not None:
        why = joined([" measured ", tag("b", sample["value"]), " against ", tag("b", sample.get("threshold") or "–")])
    head = tag("p", foreign(sample["url"] or "no address"), why, tag("br"), tag("code", sample["id"], class_="dim"))
    return tag("li", head, tag("pre", foreign(sample["text"]), dir="auto"))


def _columns(made: Mapping[str, Any]) -> Iterator[Html]:
    every = [one for one in [*made["columns"], {"column": made["vocabulary"]["of"]} | made["vocabulary"]] if one["divergence"] is not None]
    yield tag("p", "Jensen–Shannon divergence in bits: 0 is the same, 1 is nothing in common.")
    yield table("Divergence by column", ["Column", "Divergence"], [[one["column"], _plain(one["divergence"])] for one in every])
    for one in every:
        if one["contributors"]:
            rows = [[c["value"], f"{c['before']:.2%}", f"{c['after']:.2%}", _plain(c["part"])] for c in one["contributors"]]
            yield table(f"What moved in {one['column']}", ["Value", "Share before", "Share after", "Part of the divergence"], rows)


def _plain(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else value


def _said(value: Any) -> Html:
    return foreign(None if value is None else written(value))
