"""How the limit of a rule follows from distributions of its measure: the ways that FineWeb-2 compared (Penedo et al. 2025), and its limit of
language scores. Measures are whole numbers here, as the barrier `percentile` counts them.

A limit that was chosen for one language goes over to another one by `quantile` (as many documents of that language lie beyond it), `mean_std` (as many
standard deviations from the mean) or `median_ratio` (the same multiple of the median). `median_std` is the median less some standard deviations, between two
bounds: FineWeb-2 keeps documents whose language score is at least max(0.3, min(0.9, median − one standard deviation)).

Sums are exact whole numbers, so that they do not depend on order; one square root and one division are rounded at the end.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Discriminator, Field, Tag, model_validator

from curate.stage import Config

POINTS = 1000
"""Quantiles that a summary keeps: the least value, then one a thousandth, to the greatest."""


class Way(Config):
    """How a limit is computed, where it is no percentile."""

    way: Literal["quantile", "mean_std", "median_ratio", "median_std"]
    """`quantile`, `mean_std`, `median_ratio`: the `limit` of documents that are `like`, carried over; `median_std`: the median less (for a greatest value:
    and) `times` standard deviations."""
    limit: float | None = None
    """The limit that is right for the documents that are `like`."""
    like: str = "en"
    """Their value of `by`. Where there are too few of them the limit goes over as it is."""
    times: float = Field(default=1.0, ge=0)
    """Standard deviations, of `median_std`."""
    least: float | None = None
    """No limit is smaller."""
    greatest: float | None = None
    """No limit is larger."""

    @model_validator(mode="after")
    def _whole(self) -> "Way":
        if (self.limit is None) != (self.way == "median_std"):
            raise ValueError(
                f"limit: expected one for the ways that carry it over, and none for median_std, got {self.limit} for {self.way}"
            )
        return self


Wanted = Annotated[
    Annotated[float, Tag("_number")] | Annotated[Way, Tag("_way")],
    Discriminator(lambda value: "_way" if isinstance(value, Mapping | Way) else "_number"),
]
"""A percentile, or another way. (The tags must not be names of fields: they stand in the places that errors name.)"""


class Summary(NamedTuple):
    """A distribution of whole numbers."""

    documents: int
    mean: Fraction
    deviation: float
    """Of the population."""
    median: int
    points: tuple[int, ...]
    """POINTS + 1 values: of a sorted list the first, those at each thousandth, and the last."""

    def place(self, value: float, lower: bool) -> int:
        """The number of the first point that is not below a value (lower), or of the last that is not above it."""
        points = np.array(self.points)
        if lower:
            return min(POINTS, int(np.searchsorted(points, value, side="left")))
        return max(0, int(np.searchsorted(points, value, side="right")) - 1)


def summary(edges: np.ndarray, counts: np.ndarray, widths: np.ndarray) -> Summary:
    """Of counted buckets: edges (int64, rising; may repeat) and the whole numbers in each (int64); a bucket's values count as its middle."""
    middles = [2 * edge + width - 1 for edge, width in zip(edges.tolist(), widths.tolist(), strict=True)]
    count = int(counts.sum())
    first = sum(c * m for c, m in zip(counts.tolist(), middles, strict=True))
    second = sum(c * m * m for c, m in zip(counts.tolist(), middles, strict=True))
    spread = Fraction(count * second - first * first, 4 * count * count)
    places = np.minimum(np.arange(POINTS + 1) * count // POINTS, count - 1)
    points = edges[np.searchsorted(np.cumsum(counts), places, side="right")]
    return Summary(count, Fraction(first, 2 * count), math.sqrt(spread), int(points[POINTS // 2]), tuple(points.tolist()))


def carried(way: Way, lower: bool, own: Summary, like: Summary | None, scale: int) -> float:
    """The limit of documents with distribution `own`, in units of the measure. lower: whether less than the limit is removed. `like`: the distribution for
    which `way.limit` is right, None where it is not known. A measure of 1 is `scale` in the distributions."""
    if way.way == "median_std":
        limit = (own.median - way.times * own.deviation if lower else own.median + way.times * own.deviation) / scale
    else:
        limit = _carried(way, lower, own, like, scale)
    if way.greatest is not None:
        limit = min(limit, way.greatest)
    return limit if way.least is None else max(limit, way.least)


def _carried(way: Way, lower: bool, own: Summary, like: Summary | None, scale: int) -> float:
    assert way.limit is not None
    given = round(way.limit * scale, 6)
    if like is None or own is like:
        return way.limit
    if way.way == "quantile":
        return own.points[like.place(given, lower)] / scale
    if way.way == "mean_std":
        return (
            float(own.mean) / scale + (given - float(like.mean)) / scale * (own.deviation / like.deviation) if like.deviation else way.limit
        )
    return way.limit * own.median / like.median if like.median else way.limit


def within(limit: float, field: Any) -> float:
    """A limit within the bounds of the config's field that takes it."""
    for bound in field.metadata:
        limit = max(limit, getattr(bound, "ge", limit))
        limit = min(limit, getattr(bound, "le", limit))
    return limit
