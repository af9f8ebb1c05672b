"""The comparison on a terminal. Text of the crawl is shown, never interpreted: no markup, no control characters."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from curate.card.folder import written
from curate.card.markdown import size, visible

ROWS = 15
CHARS = 100


def render(made: Mapping[str, Any]) -> Group:
    """The comparison as tables."""
    return Group(*_parts(made))


def _parts(made: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield _table("Runs", ["", "read", "kept", "text", "tokens"], [
        [side, one["read"], one["kept"], size(one["text_bytes"]), one["tokens"]] for side, one in zip(("before", "after"), made["runs"], strict=True)
    ])  # fmt: skip
    if made["recipe"]:
        rows = [[one["field"], _value(one["before"]), _value(one["after"])] for one in made["recipe"]]
        yield _table("The recipe changed", ["field", "before", "after"], rows)
    flips = made["flips"]
    said = f"Documents whose fate changed: {sum(one['documents'] for one in flips):,}; the same: {made['same']:,}"
    yield _table(said, ["before", "after", "documents"], [[one["before"], one["after"], one["documents"]] for one in flips[:ROWS]])
    for flip in flips[:ROWS]:
        yield Text(f"\n{flip['before']} → {flip['after']}, for example", style="bold")
        for one in flip["samples"]:
            why = f" ({one['value']} against {one['threshold']})" if one.get("value") is not None else ""
            yield Text(visible(f"  {one['id']} {one['url'] or ''}{why}"), overflow="ellipsis", no_wrap=True)
            yield Text("    " + visible(" ".join(one["text"].split()))[:CHARS], style="dim", overflow="ellipsis", no_wrap=True)
    rows = [
        [one["column"], _number(one["divergence"]), _contributors(one)]
        for one in [*made["columns"], {"column": made["vocabulary"]["of"]} | made["vocabulary"]]
        if one["divergence"] is not None
    ]
    yield _table("Jensen–Shannon divergence of kept documents, bits", ["column", "divergence", "mostly from (share before → after)"], rows)
    rows = [
        [one["measure"], _number(one["stability_index"]), _number(one["quantile_distance"]), _medians(one)]
        for one in made["measures"][:ROWS]
    ]
    if rows:
        yield _table("Measures of kept documents", ["measure", "stability index", "quantile distance", "median before → after"], rows)


def _table(title: str, head: list[str], rows: list[list[Any]]) -> Table:
    table = Table(title=Text(title), title_justify="left", title_style="bold")
    for number, name in enumerate(head):
        table.add_column(name, justify="left" if number == 0 else "right" if rows and isinstance(rows[0][number], int) else "left")
    for row in rows:
        table.add_row(*(Text(f"{one:,}" if isinstance(one, int) else "–" if one is None else visible(str(one))) for one in row))
    return table


def _value(value: Any) -> str | None:
    return None if value is None else written(value)[:CHARS]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _contributors(one: Mapping[str, Any]) -> str:
    return ", ".join(f"{visible(str(c['value']))} {c['before']:.1%} → {c['after']:.1%}" for c in one["contributors"][:3])


def _medians(one: Mapping[str, Any]) -> str:
    return f"{one['before']['p50']:g} → {one['after']['p50']:g}"
