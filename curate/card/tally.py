"""Exact counts of the values of columns, fed batch by batch.

Memory grows with the number of different values (about 40 bytes for a domain name, 16 for a number), not with the number of rows. Counts
are integers and order-free, so no cut of the rows shows in them.
"""

import pyarrow as pa
import pyarrow.compute as pc

MERGE_ROWS = 1 << 20
"""Counts of single batches are added up when they have this many rows."""


class Tally:
    """How often each value occurs. Nulls are counted apart, as missing."""

    def __init__(self) -> None:
        self.missing = 0
        self.total = 0
        """Values that are there."""
        self._held: list[pa.Table] = []
        self._rows = 0

    def add(self, values: pa.Array) -> None:
        """Count values."""
        self.missing += values.null_count
        counted = values.drop_null()
        if len(counted) == 0:
            return
        pairs = pc.value_counts(counted)
        table = pa.table({"value": pairs.field(0), "count": pairs.field(1)})
        self.total += int(pc.sum(table["count"]).as_py())
        self._held.append(table)
        self._rows += table.num_rows
        if self._rows > MERGE_ROWS and len(self._held) > 1:
            self._merged()

    def _merged(self) -> pa.Table | None:
        if not self._held:
            return None
        if len(self._held) > 1:
            sums = pa.concat_tables(self._held).group_by("value").aggregate([("count", "sum")])
            self._held = [pa.table({"value": sums["value"], "count": sums["count_sum"]})]
            # a merged table may itself be large; it is merged again only when as much has come since
            self._rows = 0
        return self._held[0]

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
        table = self._merged()
        if table is None:
            return []
        if limit is not None and table.num_rows > limit:
            # everything as frequent as the last one that fits stays, so that ties are broken by value and not by luck
            counts = table["count"].combine_chunks()
            least = pc.min(counts.take(pc.top_k_unstable(counts, limit)))
            table = table.take(pc.indices_nonzero(pc.greater_equal(counts, least)))
        ordered = table.sort_by([("count", "descending"), ("value", "ascending")]).slice(0, limit)
        return list(zip(ordered["value"].to_pylist(), ordered["count"].to_pylist(), strict=True))

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
