"""What held-out documents say of a classifier: precision and recall at every threshold, the area under the ROC curve, thresholds for wanted keep
rates; as JSON, Markdown and SVG."""

import html
from typing import Any

import numpy as np

KEEP = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Shares of the pool that people want to keep; DCLM kept a tenth."""
POINTS = 200


def report(scores: np.ndarray, labels: np.ndarray, wanted: float | None = None) -> dict[str, Any]:
    """The figures. scores float64[n], rounded to 1e-4 as the stage does; labels 1 positive, 0 negative; wanted: one more keep rate.

    `auc` is the share of pairs in which the positive document has the higher score, ties by half. At a threshold t the documents with score >= t are kept.
    """
    scores = np.round(scores, 4)
    positive, negative = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
    below = np.searchsorted(negative, positive, "left").sum() + np.searchsorted(negative, positive, "right").sum()
    thresholds = np.unique(scores)[::-1]
    tp = len(positive) - np.searchsorted(positive, thresholds, "left")
    fp = len(negative) - np.searchsorted(negative, thresholds, "left")
    precision, recall = tp / np.maximum(tp + fp, 1), tp / len(positive)
    steps = np.diff(np.r_[0.0, recall])
    some = np.unique(np.linspace(0, len(thresholds) - 1, min(POINTS, len(thresholds))).round().astype(int))
    return {
        "held_out": {"positive": len(positive), "negative": len(negative)},
        "auc": round(float(below) / (2 * len(positive) * len(negative)), 4),
        "average_precision": round(float((precision * steps).sum()), 4),
        "keep": [_kept(positive, negative, rate) for rate in sorted({*KEEP, *([wanted] if wanted else [])})],
        "curve": [
            {"threshold": float(thresholds[i]), "precision": round(float(precision[i]), 4), "recall": round(float(recall[i]), 4)}
            for i in some
        ],
    }


def _kept(positive: np.ndarray, negative: np.ndarray, rate: float) -> dict[str, float]:
    """The lowest threshold at which at most this share of the pool (the negative documents) is kept, and what is kept then."""
    allowed = int(rate * len(negative))
    threshold = float(negative[len(negative) - allowed - 1]) + 1e-4 if allowed < len(negative) else float(negative[0])
    threshold = round(threshold, 4)
    return {
        "keep_rate": rate,
        "threshold": threshold,
        "pool_kept": round(float((negative >= threshold).mean()), 4),
        "positive_kept": round(float((positive >= threshold).mean()), 4),
    }


def markdown(figures: dict[str, Any], title: str) -> str:
    """The report to read."""
    held = figures["held_out"]
    lines = [
        f"# {title}", "",
        f"Held out by the hash of the id: {held['positive']:,} positive and {held['negative']:,} negative documents. "
        f"Area under the ROC curve {figures['auc']:.4f}; average precision {figures['average_precision']:.4f}.", "",
        "| wanted keep rate of the pool | `min_score` | pool kept | positive kept |", "|---:|---:|---:|---:|",
    ]  # fmt: skip
    lines += [f"| {k['keep_rate']:.1%} | {k['threshold']:.4f} | {k['pool_kept']:.1%} | {k['positive_kept']:.1%} |" for k in figures["keep"]]
    return "\n".join([*lines, "", "![precision and recall](curve.svg)", ""])


def svg(figures: dict[str, Any], title: str) -> str:
    """The precision-recall curve; the same figures give the same bytes."""
    points = [(0.0, figures["curve"][0]["precision"])] + [(p["recall"], p["precision"]) for p in figures["curve"]]
    path = " ".join(f"{40 + 400 * recall:.1f},{20 + 300 * (1 - precision):.1f}" for recall, precision in points)
    ticks = "".join(
        f'<text x="{40 + 400 * t:.0f}" y="338" text-anchor="middle">{t:g}</text><text x="34" y="{24 + 300 * (1 - t):.0f}" text-anchor="end">{t:g}</text>'
        f'<path d="M{40 + 400 * t:.0f} 20v300M40 {20 + 300 * (1 - t):.0f}h400" stroke="#8884"/>'
        for t in (0, 0.25, 0.5, 0.75, 1)
    )
    base = figures["held_out"]["positive"] / (figures["held_out"]["positive"] + figures["held_out"]["negative"])
    level = f"{20 + 300 * (1 - base):.1f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 460 366" font-family="sans-serif" font-size="11" fill="currentColor" role="img">'
        f"<title>{html.escape(title)}: precision and recall, average precision {figures['average_precision']:.4f}</title>{ticks}"
        f'<path d="M40 {level}h400" stroke="#888" stroke-dasharray="4"/>'
        f'<polyline points="{path}" fill="none" stroke="#2a6fdb" stroke-width="2"/>'
        f'<text x="240" y="358" text-anchor="middle">recall</text>'
        '<text x="12" y="170" transform="rotate(-90 12 170)" text-anchor="middle">precision</text></svg>\n'
    )
