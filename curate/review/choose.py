"""Which rows are kept at hand with their text: of every stratum those with the smallest ids.

Ids are hashes, so the smallest ones are a random sample that does not depend on files or order. A page draws from them with a seed.
"""

from collections.abc import Iterator

import numpy as np

from curate.review.census import UNREADABLE, Census

PER_REASON = 500
"""Enough for acceptance sampling: 299 right ones of 299 say, with 95 %, that at most 1 % are wrong."""
PER_SOURCE = 40
PER_CLAIM = 60
PER_PII = 120
MAX_SOURCES = 50
"""Sources that get strata of their own; a crawl cut in thousands of sources does not get as many samples."""


def strata(census: Census) -> Iterator[tuple[str, str, int, np.ndarray]]:
    """(kind, key, rows in the stratum, chosen rows) of each stratum that has rows."""
    first = census.ids[:, 0]
    readable = census.reason != census.names["reason"].of(UNREADABLE)
    reasons = census.names["reason"].names
    for code, size, rows in smallest(first, np.where(readable, census.reason, 0), PER_REASON):
        yield "reason", str(reasons[code]), size, rows
    sources = census.names["source"].names[1 : MAX_SOURCES + 1]
    pairs = np.where(readable & (census.source <= MAX_SOURCES), census.reason.astype(np.int64) * (MAX_SOURCES + 1) + census.source, 0)
    for code, size, rows in smallest(first, pairs, PER_SOURCE) if len(sources) > 1 else ():
        reason, source = divmod(code, MAX_SOURCES + 1)
        if source:
            yield "source", f"{reasons[reason]}\t{sources[source - 1]}", size, rows
    for kind in ("licence", "consent"):
        names = census.names[kind].names
        for code, size, rows in smallest(first, getattr(census, kind), PER_CLAIM):
            yield kind, str(names[code]), size, rows
    for name, found in census.pii.items():
        rows = np.concatenate(found) if found else np.empty(0, np.int64)
        if len(rows):
            yield "pii", name, len(rows), rows[np.argsort(first[rows], kind="stable")[:PER_PII]]


def smallest(first: np.ndarray, codes: np.ndarray, most: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """(code, rows with it, those of them with the smallest ids, in that order) of each code but 0."""
    order = np.lexsort((first, codes))
    ordered = codes[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(ordered) else np.empty(0, np.int64)
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(ordered)], strict=True):
        if ordered[start]:
            yield int(ordered[start]), end - start, order[start : min(end, start + most)]
