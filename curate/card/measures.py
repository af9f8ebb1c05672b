"""How the numbers that steps measured are spread, over the documents that were kept and over those that left.

Exact up to SAMPLE documents. Of more, those are taken whose ids, which are hashes, lie below a bound: a random sample that is the same for
every order and cut of the rows. Quantiles of a sample carry an interval: the values at the ranks between which the true quantile lies with
95 % (normal approximation of the binomial). Memory: SAMPLE numbers for each measure.
Misses: measures of rows that had a verdict already are not there unless the recipe says `after_verdict: measure`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.arrow import one_chunk
from curate.card.folder import READ_ERROR, Folder, Rows, StepSaid
from curate.schema import id_words
from curate.stage import DECIMALS

SAMPLE = 250_000
"""Documents that are looked at, about."""
MARKS = {"p01": 0.01, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p99": 0.99}
BINS = 24
SKEWED = 20
"""Times the median: a 99th percentile beyond it is far above."""
SERIES = tuple(float(f"{digit}e{power}") for power in range(-DECIMALS, 19) for digit in (1, 2, 5))
Z = 1.96
BATCH_ROWS = 65_536
Spread = dict[str, Any]


def columns(folder: Folder) -> list[tuple[StepSaid, str, str]]:
    """(step, measure, column) of all whole and other numbers that steps added, in the order of the recipe."""
    named = {step.name: step for step in folder.steps}
    schema = {field.name: field.type for rows in (folder.removed, folder.documents) for field in rows.schema}
    found = []
    for name, dtype in schema.items():
        step, _, measure = name.partition("__")
        if step in named and measure and (pa.types.is_integer(dtype) or pa.types.is_floating(dtype)):
            found.append((named[step], measure, name))
    place = {step.name: number for number, step in enumerate(folder.steps)}
    return sorted(found, key=lambda one: (place[one[0].name], one[1]))


def distributions(folder: Folder, sample: int = SAMPLE) -> dict[str, Any]:
    """`documents` in all and `sampled` of them, and of each measure its spread among the kept and the removed."""
    wanted = columns(folder)
    total = folder.documents.num_rows + folder.removed.num_rows
    bound = bound_of(total, sample)
    names = [name for _, _, name in wanted]
    kept, removed = ({}, {}) if not names else (numbers(rows, names, bound) for rows in (folder.documents, folder.removed))
    exact = bound is None
    measures = []
    for step, measure, name in wanted:
        sides = {side: values.get(name, np.empty(0)) for side, values in (("kept", kept), ("removed", removed))}
        if not any(len(side) for side in sides.values()):
            continue
        rules = [{"reason": rule.reason, "rule": rule.text, "limit": _number(rule.limit)} for rule in step.rules if rule.measure == measure]
        edges = bin_edges(np.concatenate(list(sides.values())))
        spread = {side: summary(values, exact) for side, values in sides.items()}
        bins = {side: counts(values, edges) for side, values in sides.items()}
        measures.append({"step": step.name, "measure": measure, "rules": rules, **spread, "edges": edges, "bins": bins})
    return {"documents": total, "sampled": None if exact else sample, "measures": measures}


def bound_of(total: int, sample: int) -> int | None:
    """Rows whose id begins with a smaller 64-bit number are looked at; None: all."""
    return None if total <= sample else (sample << 64) // total


def numbers(rows: Rows, names: Sequence[str], bound: int | None) -> Mapping[str, np.ndarray]:
    """The values of columns in the rows below the bound, nulls left out, sorted."""
    held: dict[str, list[np.ndarray]] = defaultdict(list)
    for batch in rows.batches(["id", "removed_by", *names], BATCH_ROWS):
        if "removed_by" in batch.schema.names:
            batch = batch.take(pc.indices_nonzero(pc.not_equal(batch["removed_by"], READ_ERROR)))
        if bound is not None:
            batch = batch.take(pa.array(np.flatnonzero(id_words(batch["id"])[:, 0] < np.uint64(bound))))
        for name in names:
            if name in batch.schema.names and len(found := one_chunk(batch[name]).drop_null()):
                values = found.to_numpy(zero_copy_only=False)
                held[name].append(values[np.isfinite(values)])
    return {name: np.sort(np.concatenate(parts)) for name, parts in held.items()}


def summary(values: np.ndarray, exact: bool) -> Spread | None:
    """Count, ends and quantiles of sorted numbers; of a sample with [low, high] of each quantile."""
    if len(values) == 0:
        return None
    made: Spread = {"count": len(values), "min": _number(values[0]), "max": _number(values[-1])}
    made["quantiles"] = {name: _number(values[rank(len(values), share)]) for name, share in MARKS.items()}
    if not exact:
        made["intervals"] = {name: interval(values, share) for name, share in MARKS.items()}
    return made


def rank(count: int, share: float) -> int:
    """Place of the smallest value that at least this share do not exceed."""
    return min(count - 1, max(0, -(-round(share * 100) * count // 100) - 1))


def interval(values: np.ndarray, share: float) -> list[float]:
    """The values between which the true quantile lies with 95 %."""
    count = len(values)
    spread = Z * sqrt(count * share * (1 - share))
    low, high = int(max(0, count * share - spread)), int(min(count - 1, count * share + spread + 1))
    return [_number(values[low]), _number(values[high])]


def bin_edges(values: np.ndarray) -> list[float]:
    """Rising edges from the 1st to the 99th percentile: BINS equal bins, or 1, 2, 5, 10, 20, … where few values are far above the others."""
    ordered = np.sort(values)
    low, middle, high = (float(ordered[rank(len(ordered), share)]) for share in (0.01, 0.5, 0.99))
    if low == high:
        return [_number(low), _number(low + 1)]
    if np.issubdtype(values.dtype, np.integer) and high - low < BINS:
        return [_number(edge) for edge in np.arange(int(low), int(high) + 2)]
    if low >= 0 and high > SKEWED * middle:
        return _steps(low, float(ordered[np.searchsorted(ordered, 0, side="right")]), high)
    return [round(low + (high - low) * step / BINS, DECIMALS + 2) for step in range(BINS + 1)]


def _steps(low: float, least: float, high: float) -> list[float]:
    """Edges of the series 1, 2, 5 from `low` (or 0 and then `least`, the smallest above it) to `high`."""
    first = low or least
    below = [edge for edge in SERIES if edge <= first][-1:] or [SERIES[0]]
    inside = [edge for edge in SERIES if below[0] < edge < high]
    above = next(edge for edge in SERIES if edge >= high and edge > below[0])
    return [_number(edge) for edge in ([0.0] if low == 0 else []) + below + inside + [above]]


def counts(values: np.ndarray, edges: Sequence[float]) -> list[int]:
    """Values in each bin [edge, next), those beyond the ends in the first and the last; values are sorted."""
    inner = np.searchsorted(values, np.array(edges[1:-1]), side="left")
    return [int(n) for n in np.diff(np.concatenate([[0], inner, [len(values)]]))]


def _number(value: Any) -> Any:
    """A plain number; None for a limit that is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    plain = round(float(value), DECIMALS)
    return int(plain) if plain == int(plain) else plain
