"""Does a rule silence a group? Per identity term: in how many documents it stands, how many of them are kept, and by which rules they leave more often.

Counted over documents that a step `identity` measured, from its column in documents/ and removed/. A rule sees the documents that reached its step: those that
are kept, or left there or later. The removal-rate ratio is the rate at which it removes documents with the term, divided by its rate among those without; its
95 % interval is Katz's (Katz et al. 1978, log method), one half being added to all four cells where one is empty (Haldane 1956, Anscombe 1956). All counts
are integers and order-free.
Misses: documents of one domain are not independent, so that intervals of small groups are too narrow; what stands together with a term (language, genre,
length) and may be what the rule falls on. A hundred comparisons give five that are told by chance.
Price: two columns of each folder.
"""

from collections import Counter
from math import exp, log, sqrt
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.card.balance import Z, wilson
from curate.card.folder import READ, Folder
from curate.schema import column
from curate.stage import DECIMALS

STAGE, TERMS = "identity", "terms"
TOP = 100
"""Terms that are listed: those in most documents."""


def ratio_of(hits: int, of: int, other_hits: int, others: int) -> tuple[float, float, float]:
    """(ratio, low, high) of two rates; (1, 0, inf) where one of the groups is empty or nothing was hit."""
    if not of or not others or not hits + other_hits:
        return 1.0, 0.0, float("inf")
    a, n, b, m = float(hits), float(of), float(other_hits), float(others)
    if 0.0 in (a, b, n - a, m - b):
        a, n, b, m = a + 0.5, n + 1, b + 0.5, m + 1
    ratio, half = (a / n) / (b / m), Z * sqrt(max(0.0, 1 / a - 1 / n + 1 / b - 1 / m))
    return ratio, exp(log(ratio) - half), exp(log(ratio) + half)


def identity(folder: Folder) -> list[dict[str, Any]]:
    """A table for each step `identity`; none in a run without."""
    return [_table(folder, step) for step in folder.using(STAGE) if column(step, TERMS) in folder.documents.names]


def _table(folder: Folder, step: str) -> dict[str, Any]:
    """Counts by (term, where the document ended), term None being every measured document."""
    counted: Counter[tuple[str | None, str | None]] = Counter()
    for rows in (folder.documents, folder.removed):
        for batch in rows.batches([column(step, TERMS), "removed_by"]):
            _add(counted, batch, step)
    order = {one.name: n for n, one in enumerate(folder.steps)}
    ends = sorted({end for _, end in counted if end is not None}, key=lambda end: (order.get(end.partition(":")[0], len(order)), end))
    whole = Counter({end: count for (term, end), count in counted.items() if term is None})
    by_term: dict[str, Counter[str | None]] = {}
    for (term, end), count in counted.items():
        if term is not None:
            by_term.setdefault(term, Counter())[end] = count
    largest = sorted(by_term, key=lambda term: (-by_term[term].total(), term))
    comparisons = [_rule(end, term, by_term[term], whole, order) for term in largest[:TOP] for end in ends]
    return {
        "step": step,
        "documents": whole.total(),
        "kept": whole[None],
        "terms": [_coverage(term, by_term[term], whole) for term in largest[:TOP]],
        "others": len(largest[TOP:]),
        "rules": [one for one in comparisons if one is not None],
    }


def _add(counted: Counter[tuple[str | None, str | None]], batch: pa.RecordBatch, step: str) -> None:
    """The rows of a batch, those that were read twice left out."""
    terms = batch[column(step, TERMS)]
    left = batch["removed_by"] if "removed_by" in batch.schema.names else pa.nulls(len(batch), pa.string())
    measured = pc.and_(terms.is_valid(), pc.invert(pc.fill_null(pc.starts_with(left, f"{READ}:"), False)))
    ends = left.take(pc.indices_nonzero(measured))
    for one in ends.value_counts().to_pylist():
        counted[None, one["values"]] += one["counts"]
    row, flat = pc.list_parent_indices(terms), pc.list_flatten(terms)
    pairs = pa.table({"term": flat, "end": left.take(row), "counts": measured.take(row)})
    pairs = pairs.take(pc.indices_nonzero(pairs["counts"])).group_by(["term", "end"]).aggregate([([], "count_all")])
    for one in pairs.to_pylist():
        counted[one["term"], one["end"]] += one["count_all"]


def _coverage(term: str, ends: Counter[str | None], whole: Counter[str | None]) -> dict[str, Any]:
    """One term: documents, share of all, kept, their ratio with its interval."""
    documents, kept = ends.total(), ends[None]
    shares = [round(one, DECIMALS) for one in (kept / documents, *wilson(kept, documents))]
    share = round(documents / whole.total(), DECIMALS)
    return {"term": term, "documents": documents, "share": share, "kept": kept, "ratio": shares[0], "interval": shares[1:]}


def _rule(end: str, term: str, ends: Counter[str | None], whole: Counter[str | None], order: dict[str, int]) -> dict[str, Any] | None:
    """One rule on one term; None where too few are there for an interval."""
    step = end.partition(":")[0]
    place = order.get(step, len(order))

    def reached(counts: Counter[str | None]) -> int:
        later = (n for to, n in counts.items() if to is None or order.get(to.partition(":")[0], len(order)) >= place)
        return sum(later)

    of, hits = reached(ends), ends[end]
    others, other_hits = reached(whole) - of, whole[end] - hits
    if not of or not others or not hits + other_hits:
        return None
    ratio, low, high = (round(one, DECIMALS) for one in ratio_of(hits, of, other_hits, others))
    told = {"step": step, "reason": end.partition(":")[2], "term": term, "reached": of, "removed": hits}
    return told | {"others": others, "others_removed": other_hits, "ratio": ratio, "interval": [low, high], "differs": not low <= 1 <= high}
