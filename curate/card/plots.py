"""Plots as SVG without a script: bars and histograms that keep their type size on any width, since lengths along x are percentages.

Each carries a title and a description (the alternative text), and stands beside a table or in words too; colours are those of the page, dark
or light. The same data give the same bytes.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from hashlib import blake2s
from typing import Any

from curate.card.html import Html, tag
from curate.card.markdown import visible

ROW = 34
BAR = 12
HEIGHT = 120
MAX_LABEL = 48
MIN_LABELLED = 4
"""Edges from which on the middle one has its number too."""


def bars(title: str, described: str, rows: Sequence[tuple[str, float, str]], other: bool = False) -> Html:
    """Horizontal bars: (label, length, what is written behind the label). The longest has the full width."""
    longest = max((length for _, length, _ in rows), default=0) or 1
    drawn: list[Html] = []
    for number, (label, length, said) in enumerate(rows):
        top = number * ROW
        drawn.append(tag("text", _short(label), tag("tspan", said, dx="8"), x="0", y=top + 13))
        drawn.append(tag("rect", class_="o" if other else "b", x="0", y=top + 18, width=_percent(length / longest), height=BAR, rx="2"))
    return _figure(title, described, drawn, max(1, len(rows)) * ROW)


def histogram(title: str, described: str, edges: Sequence[float], sides: Mapping[str, Sequence[int]], limits: Sequence[float]) -> Html:
    """Two histograms, kept above the line and removed below it, each by its own highest bin; `limits` are drawn as lines.

    All bins have the same width on the page, whatever their edges are.
    """
    wide = 1 / (len(edges) - 1)
    drawn: list[Html] = []
    for side, colour in (("kept", "b"), ("removed", "o")):
        counts = sides.get(side, ())
        most = max(counts, default=0) or 1
        for number, count in enumerate(counts):
            tall = round(HEIGHT / 2 * count / most, 1)
            y = HEIGHT / 2 - tall if side == "kept" else HEIGHT / 2 + 2
            if tall:
                drawn.append(tag("rect", class_=colour, x=_percent(number * wide), y=y, width=_percent(wide), height=tall))
    for limit in limits:
        if edges[0] <= limit <= edges[-1]:
            x = _percent(_place(limit, edges) * wide)
            drawn.append(tag("line", class_="t", x1=x, x2=x, y1="0", y2=HEIGHT))
    marks = {0: "start", len(edges) - 1: "end"} | ({len(edges) // 2: "middle"} if len(edges) > MIN_LABELLED else {})
    for number, anchor in sorted(marks.items()):
        drawn.append(tag("text", f"{edges[number]:g}", x=_percent(number * wide), y=HEIGHT + 16, text_anchor=anchor))
    return _figure(title, described, drawn, HEIGHT + 22)


def _place(value: float, edges: Sequence[float]) -> float:
    """Where a value lies, in bins from the left."""
    at = min(max(0, bisect_right(edges, value) - 1), len(edges) - 2)
    return at + (value - edges[at]) / (edges[at + 1] - edges[at])


def _figure(title: str, described: str, drawn: Sequence[Html], height: int) -> Html:
    name = "p" + blake2s(f"{title}\0{described}".encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    labels = tag("title", title, id=f"{name}t"), tag("desc", described, id=f"{name}d")
    named: dict[str, Any] = {"role": "img", "aria_labelledby": f"{name}t {name}d"}
    return tag("svg", *labels, *drawn, xmlns="http://www.w3.org/2000/svg", width="100%", height=height, **named)


def _percent(share: float) -> str:
    return f"{100 * max(0.0, share):.2f}%"


def _short(label: str) -> str:
    shown = visible(label)
    return shown if len(shown) <= MAX_LABEL else shown[: MAX_LABEL - 1] + "…"
