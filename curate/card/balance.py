"""Does a recipe keep groups of documents alike? By source, language, script, region (alone and with language) and year: in, kept, their ratio with an interval.

The region is the top level of a document's domain. A document that left before a step measured its group is counted as `missing`, so that
groups are compared over what was measured only. Intervals are Wilson's (1927), 95 %: what the ratio would be over more documents of the kind.
Misses: documents of one domain are not independent, so that intervals of small groups are too narrow; why a group is kept less, which the
reasons by rule and samples of the removed can tell.
Price: a few columns of removed/, and counts that the card has of documents/ already.
"""

from collections import Counter
from math import sqrt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.card.content import STAGE_COLUMNS, TOP, WIDE_ROWS, Contents
from curate.card.folder import READ, Folder
from curate.card.tally import Tally
from curate.schema import column
from curate.stage import DECIMALS

Z = 1.96
"""Intervals hold the true value with 95 %."""
GROUPS = {"source": "sources", "language": "languages", "script": "scripts", "region": "domains", "year": "years"}
"""What documents are grouped by → the fact that counts it among the kept."""
PLACE = "region and language"


def wilson(right: int, of: int) -> tuple[float, float]:
    """[low, high] of a share; (0, 1) of nothing."""
    if not of:
        return 0.0, 1.0
    share, weight = right / of, Z * Z / of
    middle = (share + weight / 2) / (1 + weight)
    half = Z / (1 + weight) * sqrt(share * (1 - share) / of + weight / (4 * of))
    return (0.0 if right == 0 else max(0.0, middle - half)), (1.0 if right == of else min(1.0, middle + half))


def balance(folder: Folder, kept: Contents) -> list[dict[str, Any]]:
    """A table for each grouping that the run measured: the TOP groups with most documents, ties by name."""
    columns = {name: _columns(folder, fact) for name, fact in GROUPS.items() if fact in kept.tallies}
    left = {name: Tally() for name in columns}
    for batch in folder.removed.batches([*{one for found in columns.values() for one in found}, "removed_by"]):
        rows = np.flatnonzero(~np.asarray(pc.starts_with(batch["removed_by"], f"{READ}:")))
        documents = batch.take(pa.array(rows))
        for name, found in columns.items():
            there = [documents[one] for one in found if one in documents.schema.names]
            values = pc.coalesce(*there) if there else pa.nulls(len(documents), pa.string())
            left[name].add(pc.year(values) if name == "year" else values)
    tables = [_table(name, kept.tallies[GROUPS[name]], tally) for name, tally in left.items()]
    if "language" in columns:
        tables.insert(-1, _table(PLACE, *_places(folder, columns["language"])))
    return tables


def _places(folder: Folder, languages: list[str]) -> tuple[Tally, Tally]:
    """Kept and left documents by top level of the domain and language, `ch, fr`; documents without either are missing."""
    kept, left = Tally(), Tally()
    for rows, tally in ((folder.documents, kept), (folder.removed, left)):
        for batch in rows.batches(["domain", *languages, "removed_by"], WIDE_ROWS):
            if "removed_by" in batch.schema.names:
                again = np.asarray(pc.starts_with(batch["removed_by"], f"{READ}:"))
                batch = batch.take(pa.array(np.flatnonzero(~again)))
            there = [batch[one] for one in languages if one in batch.schema.names]
            language = pc.coalesce(*there) if there else pa.nulls(len(batch), pa.string())
            top = pc.replace_substring_regex(batch["domain"], r"^.*\.", "")
            tally.add(pc.binary_join_element_wise(top, language, ", "))
    return kept, left


def _columns(folder: Folder, fact: str) -> list[str]:
    """The columns that a fact counts."""
    if fact in STAGE_COLUMNS:
        uses, measure = STAGE_COLUMNS[fact]
        return [column(step, measure) for step in folder.using(uses)]
    return {"sources": ["source"], "domains": ["domain"], "years": ["fetched_at"]}[fact]


def _table(name: str, kept: Tally, left: Tally) -> dict[str, Any]:
    stayed, gone = (_counts(name, tally) for tally in (kept, left))
    whole = stayed + gone
    largest = sorted(whole, key=lambda value: (-whole[value], value))
    return {
        "by": name,
        "groups": [_group(value, whole[value], stayed[value]) for value in largest[:TOP]],
        "others": len(largest[TOP:]),
        "missing": left.missing + kept.missing,
    }


def _counts(name: str, tally: Tally) -> Counter[str]:
    counted: Counter[str] = Counter()
    for value, count in tally.top():
        counted[str(value).rpartition(".")[2] if name == "region" else str(value)] += count
    return counted


def _group(value: str, documents: int, kept: int) -> dict[str, Any]:
    low, high = wilson(kept, documents)
    shares = [round(one, DECIMALS) for one in (kept / documents, low, high)]
    return {"value": value, "documents": documents, "kept": kept, "ratio": shares[0], "interval": shares[1:]}
