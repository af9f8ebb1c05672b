"""Exact counts of the values of columns, fed batch by batch.

Memory grows with the number of different values (about 40 bytes for a domain name, 16 for a number), not with the number of rows. Counts
are integers and order-free, so no cut of the rows shows in them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MERGE_ROWS = 1 << 20
"""Counts of single batches are added up when they have this many rows."""


class Tally:
    """How often each value occurs, and what its rows weigh. Nulls are counted apart, as missing."""

    def __init__(self, weights: Sequence[str] = ()) -> None:
        self.weights = tuple(weights)
        """Names of whole numbers, each below 2^53 a batch, that are added up by value beside the count."""
        self.missing = 0
        self.total = 0
        """Values that are there."""
        self._held: list[pa.Table] = []
        self._rows = 0

    def add(self, values: pa.Array, **weights: np.ndarray) -> None:
        """Count values; `weights`: int64[n] for each of the tally's weights."""
        self.missing += values.null_count
        if len(values) == values.null_count:
            return
        encoded = values if pa.types.is_dictionary(values.type) else pc.dictionary_encode(values)
        size = len(encoded.dictionary)
        codes = np.asarray(pc.fill_null(encoded.indices, size))
        counted = np.bincount(codes, minlength=size + 1)[:size]
        there = np.flatnonzero(counted)
        columns = {"value": encoded.dictionary.take(pa.array(there)), "count": pa.array(counted[there])}
        for name in self.weights:
            columns[name] = pa.array(np.bincount(codes, weights=weights[name], minlength=size + 1)[:size][there].astype(np.int64))
        self.total += int(counted.sum())
        self._held.append(pa.table(columns))
        self._rows += len(there)
        if self._rows > MERGE_ROWS and len(self._held) > 1:
            self._merged()

    def _merged(self) -> pa.Table | None:
        if not self._held:
            return None
        if len(self._held) > 1:
            numbers = ["count", *self.weights]
            sums = pa.concat_tables(self._held).group_by("value").aggregate([(name, "sum") for name in numbers])
            self._held = [pa.table({"value": sums["value"]} | {name: sums[f"{name}_sum"] for name in numbers})]
            # a merged table may itself be large; it is merged again only when as much has come since
            self._rows = 0
        return self._held[0]

    def table(self) -> pa.Table | None:
        """`value`, `count` and the weights of all values, in no order; None without any."""
        return self._merged()

    @property
    def distinct(self) -> int:
        """Different values."""
        table = self._merged()
        return 0 if table is None else table.num_rows

    @property
    def largest(self) -> int:
        """The highest count; 0 without a value."""
        table = self._merged()
        return 0 if table is None else int(pc.max(table["count"]).as_py())

    def top(self, limit: int | None = None) -> list[tuple[object, int]]:
        """(value, count), most frequent first, ties by value."""
        return [(row["value"], row["count"]) for row in self.rows(limit)]

    def rows(self, limit: int | None = None, by: str = "count") -> list[dict[str, Any]]:
        """`value`, `count` and the weights, the greatest `by` first, ties by value."""
        table = self._merged()
        if table is None:
            return []
        if limit is not None and table.num_rows > limit:
            # everything as frequent as the last one that fits stays, so that ties are broken by value and not by luck
            numbers = table[by].combine_chunks()
            least = pc.min(numbers.take(pc.top_k_unstable(numbers, limit)))
            table = table.take(pc.indices_nonzero(pc.greater_equal(numbers, least)))
        return table.sort_by([(by, "descending"), ("value", "ascending")]).slice(0, limit).to_pylist()

    def quantiles(self, shares: tuple[tuple[int, int], ...]) -> list[int]:
        """For numbers: the smallest value that at least n / d of all values do not exceed, for each (n, d); empty without a value."""
        table = self._merged()
        if table is None:
            return []
        ordered = table.sort_by("value")
        ends = pc.cumulative_sum(ordered["count"].combine_chunks()).to_numpy()
        places = [int(ends.searchsorted(max(1, -(-self.total * part // whole)))) for part, whole in shares]
        return [int(ordered["value"][place].as_py()) for place in places]

    @property
    def sum(self) -> int:
        """For numbers: the sum of all values."""
        table = self._merged()
        return 0 if table is None else int(pc.sum(pc.multiply(table["value"].cast(pa.int64()), table["count"])).as_py())
