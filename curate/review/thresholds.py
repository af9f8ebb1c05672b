"""What another threshold would do, without a run: every value of a measure with how many rows have it, by what became of them.

Exact for the step that is asked about: it judges on measures that are in the tables. What the steps behind it would say of a released row
is known only where the run measured on after the verdict (`after_verdict: measure`); else such a row is told as released, not as kept.
Misses: barriers. A document that would leave may have stood for duplicates, one of which would then stay.
Price: one column of numbers in memory at a time, and a sort of it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.card import measures
from curate.card.folder import Folder, RuleSaid, StepSaid
from curate.review.census import Census
from curate.review.parts import Parts
from curate.schema import column
from curate.stage import DROP
from curate.steward import KEEP, STEP

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
KEPT, LATER, ELSEWHERE = "kept", "later", "elsewhere"
ELSEWHERE_CLASS = 2
ALSO = "+"
"""Behind a reason: rows that something else that was measured would remove as well."""
PER_BUCKET = 12
FIRST_BUCKET = 16
GROWTH_BITS = 2
"""Each bucket of examples holds four times as many ranks as the one before."""
QUANTILES = 4000


@dataclass(frozen=True)
class Judged:
    """A rule that compares a number, and the column with that number."""

    step: StepSaid
    rule: RuleSaid

    @property
    def name(self) -> str:
        return f"{self.step.name}:{self.rule.reason}"

    @property
    def column(self) -> str:
        return column(self.step.name, self.rule.measure)

    @property
    def active(self) -> bool:
        return self.rule.limit is not None

    @cached_property
    def field(self) -> str:
        """The recipe's field that holds the limit."""
        declared = self.step.declared
        return next(one.limit for one in declared.rules if one.reason == self.rule.reason)  # type: ignore[union-attr]


def judged(folder: Folder, schema: dict[str, pa.DataType]) -> list[Judged]:
    """All rules over numbers that the tables hold, in the order of the recipe; a slider cannot move limits that differ by language."""
    found = [Judged(step, rule) for step in folder.steps if not step.thresholds for rule in step.rules if rule.operator in COMPARE]
    return [
        one
        for one in found
        if one.column in schema
        and (pa.types.is_integer(schema[one.column]) or pa.types.is_floating(schema[one.column]))
        and (one.rule.limit is None or isinstance(one.rule.limit, int | float))
    ]


def write(census: Census, target: Path, told: Callable[[float], None]) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Write `<column>.npz` of each judged measure; yields (rule, side, rows, values) of the rows near each limit, and farther ones."""
    parts = census.parts
    rules = judged(parts.folder, parts.schema)
    done = 0
    for step in dict.fromkeys(one.step.name for one in rules):
        of_step = [one for one in rules if one.step.name == step]
        classes, names = classify(census, of_step[0].step, rules)
        for name in dict.fromkeys(one.column for one in of_step):
            mine = [one for one in of_step if one.column == name]
            values = read(parts, name)
            rows = np.flatnonzero(~np.isnan(values))
            distinct, place = np.unique(values[rows], return_inverse=True)
            counts = np.bincount(place * len(names) + classes[rows], minlength=len(distinct) * len(names)).reshape(-1, len(names))
            np.savez_compressed(target / f"{name}.npz", values=distinct, counts=counts, names=np.array(names))
            spread = Spread(distinct, counts, names)
            for one in mine:
                yield from near(census, one, spread, rows, place, classes[rows])
            done += len(mine)
            told(done / len(rules))


def read(parts: Parts, name: str) -> np.ndarray:
    """float64[rows]: a measure, NaN where it is null or cannot be read."""
    values = np.full(parts.num_rows, np.nan)
    for part in parts.all:
        table = parts.table(part, [name])
        if table is not None and name in table.column_names:
            values[part.start : part.start + part.file.rows] = table[name].cast(pa.float64()).to_numpy()
    return values


def classify(census: Census, step: StepSaid, rules: Sequence[Judged]) -> tuple[np.ndarray, list[str]]:
    """uint8[rows]: what became of each row, seen from one step; and the names of the classes."""
    mine = [one.rule.reason for one in rules if one.step.name == step.name]
    names = [KEPT, LATER, ELSEWHERE, *mine, *(reason + ALSO for reason in mine)]
    order = {one.name: number for number, one in enumerate(census.parts.folder.steps)}
    of_reason = np.full(len(census.names["reason"].names), names.index(ELSEWHERE), dtype=np.uint8)
    for code, reason in enumerate(census.names["reason"].names):
        at, _, word = (reason or "").partition(":")
        if reason == KEPT:
            of_reason[code] = names.index(KEPT)
        elif at == step.name and word in mine:
            of_reason[code] = names.index(word)
        elif order.get(at, -1) > order[step.name]:
            of_reason[code] = names.index(LATER)
    classes = of_reason[census.reason]
    _steadfast(census.parts, classes)
    also(census.parts, step, rules, classes, names)
    return classes, names


def _steadfast(parts: Parts, classes: np.ndarray) -> None:
    """Rows that a steward keeps whatever a rule says move to where no limit reaches them."""
    for name in (column(step, "decision") for step in parts.folder.using(STEP)):
        for part in (part for part in parts.all if part.kept and name in parts.schema):
            table = parts.table(part, [name])
            if table is not None and name in table.column_names:
                rows = np.flatnonzero(np.asarray(pc.fill_null(pc.equal(table[name], KEEP), False)))
                classes[part.start + rows] = ELSEWHERE_CLASS


def also(parts: Parts, step: StepSaid, rules: Sequence[Judged], classes: np.ndarray, names: list[str]) -> None:
    """Move the rows that two rules of the step catch, or a measured later step, into the classes with a plus."""
    mine = [one for one in rules if one.step.name == step.name]
    drops = [column(one.name, DROP) for one in parts.folder.steps if one.name != step.name]
    for part in (part for part in parts.all if not part.kept):
        rows = classes[part.start : part.start + part.file.rows]
        if not np.any(rows > names.index(ELSEWHERE)):
            continue
        table = parts.table(part, [*(one.column for one in mine), *drops])
        if table is None:
            continue
        fires = {one.rule.reason: _fires(table, one) for one in mine if one.active}
        later = [~np.asarray(table[name].is_null()) for name in drops if name in table.column_names]
        for reason in fires:
            others = [hit for other, hit in fires.items() if other != reason] + later
            hit = np.logical_or.reduce(others) if others else np.zeros(len(rows), bool)
            rows[(rows == names.index(reason)) & hit] = names.index(reason + ALSO)


def _fires(table: pa.Table, one: Judged) -> np.ndarray:
    if one.column not in table.column_names:
        return np.zeros(table.num_rows, bool)
    return COMPARE[one.rule.operator](table[one.column].cast(pa.float64()).to_numpy(), one.rule.limit)


def near(
    census: Census, one: Judged, spread: "Spread", rows: np.ndarray, place: np.ndarray, classes: np.ndarray
) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Rows for examples: of the kept and of those that the rule removed, by rank of distance to the limit, a few of each bucket.

    `rows`: those that have the measure; `place` their value's place in the spread, `classes` their class.
    """
    reason = one.rule.reason
    for side, wanted in (("kept", [KEPT]), ("removed", [reason, reason + ALSO])):
        counts = spread.of(*wanted)
        limit = one.rule.limit if one.active else _middle(spread, counts)
        order = np.argsort(np.abs(spread.values - limit), kind="stable")
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.cumsum(counts[order]) - counts[order]
        bucket = np.where(ranks < FIRST_BUCKET, 0, 1 + np.log2(np.maximum(ranks, 1) / FIRST_BUCKET) // GROWTH_BITS).astype(np.int8)
        mine = np.flatnonzero(np.isin(classes, [spread.names.index(name) for name in wanted]))
        of_mine = bucket[place[mine]]
        chosen = [_smallest(census, rows, mine[of_mine == number]) for number in np.unique(of_mine)]
        found = np.concatenate(chosen) if chosen else np.empty(0, np.int64)
        yield one.name, side, rows[found], spread.values[place[found]]


def _smallest(census: Census, rows: np.ndarray, some: np.ndarray) -> np.ndarray:
    """A few of some rows: those with the smallest ids."""
    keys = census.ids[rows[some], 0]
    if len(some) > PER_BUCKET:
        few = np.argpartition(keys, PER_BUCKET)[:PER_BUCKET]
        some, keys = some[few], keys[few]
    return some[np.argsort(keys, kind="stable")]


def _middle(spread: "Spread", counts: np.ndarray) -> float:
    """The median of the rows that are counted; 0 without any."""
    sums = np.cumsum(counts)
    return float(spread.values[np.searchsorted(sums, sums[-1] / 2)]) if len(sums) and sums[-1] else 0.0


@dataclass(frozen=True)
class Spread:
    """All values of a measure: `values` float64[n] rising, `counts` int64[n, classes], `names` of the classes."""

    values: np.ndarray
    counts: np.ndarray
    names: list[str]

    @classmethod
    def load(cls, path: Path) -> "Spread":
        with np.load(path) as file:
            return cls(file["values"], file["counts"], file["names"].tolist())

    def of(self, *names: str) -> np.ndarray:
        """int64[n]: rows of some classes at each value."""
        return self.counts[:, [self.names.index(name) for name in names if name in self.names]].sum(axis=1)

    @cached_property
    def edges(self) -> list[float]:
        """Edges of bins as the card draws them."""
        everything = np.cumsum(self.counts.sum(axis=1))
        if not len(everything) or not everything[-1]:
            return [0.0, 1.0]
        ranks = np.linspace(0, everything[-1] - 1, min(QUANTILES, int(everything[-1])))
        drawn = self.values[np.searchsorted(everything, ranks, side="right")]
        whole = drawn.astype(np.int64) if np.all(drawn == np.floor(drawn)) else drawn
        return measures.bin_edges(whole)

    def binned(self, counts: np.ndarray) -> list[int]:
        """Rows in each bin; those beyond the ends in the first and the last."""
        inner = np.searchsorted(self.values, np.array(self.edges[1:-1]), side="left")
        sums = np.concatenate([[0], np.cumsum(counts)])
        return [int(n) for n in np.diff(sums[np.concatenate([[0], inner, [len(self.values)]])])]


@dataclass(frozen=True, kw_only=True)
class Flips:
    """What changes if a rule's limit changes and nothing else does."""

    leave: int
    """Kept documents that would leave by this rule."""
    earlier: int
    """Documents that a later step removed and that would leave here already."""
    released: int
    """Documents that the rule removed and would not any more."""
    caught: int
    """Of those, documents that another rule of the step, or a later step that measured them, removes anyway."""

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def flips(one: Judged, spread: Spread, at: float | None) -> Flips:
    """From the limit of the run to `at`; None: the rule switched off."""
    fires = COMPARE[one.rule.operator]
    off = np.zeros(len(spread.values), bool)
    now = fires(spread.values, one.rule.limit) if one.active else off
    then = fires(spread.values, at) if at is not None and isfinite(at) else off
    newly, released = then & ~now, now & ~then
    reason = one.rule.reason
    return Flips(
        leave=int(spread.of(KEPT)[newly].sum()),
        earlier=int(spread.of(LATER)[newly].sum()),
        released=int(spread.of(reason, reason + ALSO)[released].sum()),
        caught=int(spread.of(reason + ALSO)[released].sum()),
    )
