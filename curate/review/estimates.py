"""What labels and votes amount to, with how sure that is: precision of a rule, agreement of people, scores of models.

wilson          share of right ones among those labelled (Wilson 1927)
stratified      share of right ones over all rules, each weighted by how many documents it removed
alpha           Krippendorff's alpha for categories, people missing at some documents (Krippendorff 2011); interval by drawing documents anew
bradley_terry   strength of models from who won against whom (Bradley and Terry 1952), interval by the curvature of the likelihood
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log, sqrt
from typing import Any

import numpy as np

from curate.card.balance import Z, wilson

__all__ = ["alpha", "bradley_terry", "stratified", "wilson"]
DRAWS = 1000
SCALE = 400 / log(10)
"""Scores as in chess: 400 more are won ten times in eleven."""


def stratified(strata: Iterable[tuple[int, int, int]]) -> tuple[float, float, float] | None:
    """(share, low, high) over strata of (documents, right, labelled); those without labels are left out. None without any.

    Each stratum's variance is taken at Laplace's estimate, so that a few labels which all agree are not taken for certainty.
    """
    known = [(documents, right, labelled) for documents, right, labelled in strata if labelled and documents]
    whole = sum(documents for documents, _, _ in known)
    if not whole:
        return None
    share = variance = 0.0
    for documents, right, labelled in known:
        weight, smooth = documents / whole, (right + 1) / (labelled + 2)
        share += weight * right / labelled
        left = 1 - min(1.0, labelled / documents)
        variance += weight * weight * left * smooth * (1 - smooth) / labelled
    half = Z * sqrt(variance)
    return share, max(0.0, share - half), min(1.0, share + half)


def alpha(ratings: Iterable[tuple[str, str]]) -> dict[str, Any] | None:
    """`alpha`, its `interval`, `units` and `ratings`, from (unit, category) pairs; None where no unit has two ratings.

    1: people always agree; 0: as chance would have it. One category only gives no alpha (null): nobody disagreed, and nobody could be told from chance.
    """
    by_unit: dict[str, Counter[str]] = {}
    for unit, category in ratings:
        by_unit.setdefault(unit, Counter())[category] += 1
    units = [counts for counts in by_unit.values() if counts.total() > 1]
    if not units:
        return None
    categories = sorted({category for counts in units for category in counts})
    table = np.array([[counts[category] for category in categories] for counts in units], dtype=np.float64)
    size = table.sum(axis=1)
    apart = (size**2 - (table**2).sum(axis=1)) / (size - 1)
    found = _alpha(apart.sum(), table.sum(axis=0))
    drawn = np.random.default_rng(0).multinomial(len(units), np.full(len(units), 1 / len(units)), size=DRAWS)
    draws = [one for one in map(_alpha, drawn @ apart, drawn @ table) if one is not None]
    interval = [float(one) for one in np.quantile(draws, [0.025, 0.975])] if found is not None and draws else None
    return {"alpha": found, "interval": interval, "units": len(units), "ratings": int(size.sum())}


def _alpha(apart: float, sums: np.ndarray) -> float | None:
    """1 - observed / expected disagreement; None where only one category was used."""
    whole = sums.sum()
    expected = (whole**2 - (sums**2).sum()) / (whole - 1) if whole > 1 else 0.0
    return float(1 - apart / expected) if expected > 0 else None


def bradley_terry(games: Sequence[tuple[str, str, float]]) -> list[dict[str, Any]]:
    """model, score (mean 0), interval, wins, games of each model, best first; `games`: (model, other, share of the win of the first).

    Each model is given one drawn game against an average one, so that who has won or lost all has a score as well. Newton's method.
    """
    names = sorted({name for a, b, _ in games for name in (a, b)})
    place = {name: number for number, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    for a, b, share in games:
        wins[place[a], place[b]] += share
        wins[place[b], place[a]] += 1 - share
    played = wins + wins.T
    theta = np.zeros(len(names))
    for _ in range(100):
        ahead = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
        own = 1 / (1 + np.exp(-theta))
        gradient = (wins - played * ahead).sum(axis=1) + 0.5 - own
        between = played * ahead * (1 - ahead)
        curvature = np.diag(between.sum(axis=1) + own * (1 - own)) - between
        step = np.linalg.solve(curvature, gradient) if names else gradient
        theta = theta + np.clip(step, -2, 2)
        if np.max(np.abs(step), initial=0.0) < 1e-10:
            break
    if not names:
        return []
    centred = np.eye(len(names)) - 1 / len(names)
    halves = SCALE * Z * np.sqrt(np.diag(centred @ np.linalg.inv(curvature) @ centred))
    scores = SCALE * (theta - theta.mean())
    found = [
        {
            "model": name,
            "score": round(float(scores[i]), 1),
            "interval": [round(float(scores[i] - halves[i]), 1), round(float(scores[i] + halves[i]), 1)],
            "wins": float(wins[i].sum()),
            "games": int(played[i].sum()),
        }
        for name, i in place.items()
    ]
    return sorted(found, key=lambda one: (-one["score"], one["model"]))
