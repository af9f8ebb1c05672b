"""What is in the rows: languages, licences, consent, domains, sources, years, lengths, personal data, duplicates, benchmarks, orphans.

Every table is read in batches, the columns that are counted only. Lengths of text come from the token shards, which hold them as
numbers; only a run without shards has its texts read for them. Memory: the different values of each column (tally.py), 16 bytes for each
document in the shards (lengths.py), and, where a recipe accepts orphans, 32 bytes for each duplicate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.arrow import one_chunk
from curate.card import lengths
from curate.card.folder import BATCH_ROWS, READ, READ_ERROR, Folder
from curate.card.tally import Tally
from curate.errors import LedgerError
from curate.schema import column
from curate.stage import VERDICT

TOP = 50
LISTED = {"licenses": 1000}
"""Fact → values that are listed where it is not TOP."""
WHOLE = ("sources", "license_classes", "consent_verdicts", "host_verdicts", "repository_classes")
"""Facts of which every value is listed."""
QUANTILES = {
    "min": (0, 1), "p01": (1, 100), "p10": (10, 100), "p25": (25, 100), "p50": (50, 100),
    "p75": (75, 100), "p90": (90, 100), "p99": (99, 100), "max": (1, 1),
}  # fmt: skip
"""Name → share of the documents that are not longer."""
STAGE_COLUMNS = {
    "languages": ("language", "label"),
    "scripts": ("language", "script"),
    "licenses": ("license", "spdx"),
    "license_classes": ("license", "class"),
    "license_scopes": ("license", "scope"),
    "consent_verdicts": ("consent", "verdict"),
    "consent_bases": ("consent", "basis"),
    "host_verdicts": ("host_consent", "verdict"),
    "host_bases": ("host_consent", "basis"),
    "repository_licenses": ("repository_license", "spdx"),
    "repository_classes": ("repository_license", "class"),
    "repository_scopes": ("repository_license", "scope"),
}
"""Fact → stage and measure; steps that use the stage for different sources are read as one column. A measure that is not there is no fact."""
ID = pa.binary(16)
WEIGHTS = ("text_bytes", "tokens")
MAX_LABELS = 100
"""A text measure with at most so many different values is a label, and counted; one with more is a text."""
WIDE_ROWS = 65_536
"""Rows of a batch that holds no text."""


@dataclass
class Contents:
    """The kept documents, counted."""

    tallies: dict[str, Tally]
    signals: Tally = field(default_factory=Tally)
    text: Tally = field(default_factory=Tally)
    tokens: Tally = field(default_factory=Tally)
    fetched: tuple[str, ...] = ()
    """First and last day of fetching; none where no document has one."""
    over_http: int = 0
    pii: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    """Step → kind → things found, documents that held any."""
    labels: dict[tuple[str, str], Tally] = field(default_factory=dict)
    """(step, measure) → values; a measure leaves when it turns out to be a text."""

    def facts(self, tokens: bool) -> dict[str, Any]:
        """As the manifest has them."""
        made: dict[str, Any] = {
            name: counts(tally, None if name in WHOLE else LISTED.get(name, TOP)) for name, tally in self.tallies.items()
        }
        made["years"]["top"].sort(key=lambda entry: entry["value"])
        made["domains"]["largest"] = [_entry(row) for row in self.tallies["domains"].rows(TOP, by="text_bytes")]
        made["fetched"] = list(self.fetched) or None
        made["over_http"] = self.over_http
        made["consent_signals"] = counts(self.signals)
        made["pii"] = [
            {
                "step": step,
                "kinds": [{"kind": kind, "found": found, "documents": documents} for kind, (found, documents) in sorted(kinds.items())],
            }
            for step, kinds in self.pii.items()
        ]
        made["labels"] = [
            {"step": step, "measure": measure, **counts(tally, None)}
            for (step, measure), tally in self.labels.items()
            if 0 < tally.distinct <= MAX_LABELS
        ]
        if tokens:
            made["tokens_per_document"] = spread(self.tokens)
        made["text_bytes_per_document"] = spread(self.text)
        return made


def kept(folder: Folder, shards: dict[str, Any] | None) -> Contents:
    """Count the documents that were kept. LedgerError where their bytes are not those of the ledger."""
    columns = {name: [column(step, measure) for step in folder.using(uses)] for name, (uses, measure) in STAGE_COLUMNS.items()}
    columns = {name: [one for one in wanted if one in folder.documents.names] for name, wanted in columns.items()}
    columns = {name: found for name, found in columns.items() if found}
    weights = WEIGHTS if shards is not None else WEIGHTS[:1]
    made = Contents({name: Tally(weights) for name in ("sources", "domains", "years", "mimes", *columns)})
    known = lengths.of_shards(folder, shards) if shards is not None else None
    signals = [column(step, "signals") for uses in ("consent", "host_consent") for step in folder.using(uses)]
    found = {step: _kinds(folder, step) for step in folder.using("pii")}
    made.pii = {step: {kind: [0, 0] for kind in kinds} for step, kinds in found.items()}
    made.labels = {pair: Tally() for pair in _labels(folder, columns)}
    read = ["id", "source", "domain", "fetched_at", "origin.mime", "origin.http_status", *signals]
    read += [one for names in columns.values() for one in names] + [
        column(s, f"num_{kind}") for s, kinds in found.items() for kind in kinds
    ]
    read += [column(*pair) for pair in made.labels]
    wide = known is not None
    for batch in folder.documents.batches(read if wide else [*read, "text"], WIDE_ROWS if wide else BATCH_ROWS):
        if known is not None:
            text, tokens = known.of(batch["id"])
            weigh = {"text_bytes": text, "tokens": tokens}
        else:
            text = np.asarray(pc.fill_null(pc.binary_length(batch["text"]), 0)).astype(np.int64)
            weigh = {"text_bytes": text}
            made.text.add(pa.array(text))
        _groups(made, batch, columns, weigh)
        for name in signals:
            _signals(made.signals, batch, name)
        for pair in list(made.labels):
            made.labels[pair].add(batch[column(*pair)])
            if made.labels[pair].distinct > MAX_LABELS:
                del made.labels[pair]  # values only become more, so that the order of the rows does not show
        for step, kinds in made.pii.items():
            for kind, sums in kinds.items():
                values = batch[column(step, f"num_{kind}")]
                sums[0] += int(pc.sum(values).as_py() or 0)
                sums[1] += int(pc.sum(pc.greater(values, 0)).as_py() or 0)
    if known is not None:
        for start in range(0, len(known.keys), WIDE_ROWS):
            made.text.add(pa.array(known.text_bytes[start : start + WIDE_ROWS].astype(np.int64)))
            made.tokens.add(pa.array(known.tokens[start : start + WIDE_ROWS].astype(np.int64)))
    absent = sum(shards[name]["text_bytes"] for name in ("forgotten", "left_out")) if shards is not None else 0
    if made.text.sum + absent != folder.segments[-1].bytes_kept + (folder.forgotten_bytes if shards is not None else 0):
        where = f"{folder.store.root}/{'documents' if shards is None else 'shards'}"
        raise LedgerError(
            f"{where}: expected {folder.segments[-1].bytes_kept} bytes of text as in the ledger, got {made.text.sum}; run the recipe again"
        )
    return made


def _groups(made: Contents, batch: pa.RecordBatch, columns: dict[str, list[str]], weigh: dict[str, np.ndarray]) -> None:
    """The values of one batch."""
    made.tallies["sources"].add(batch["source"], **weigh)
    made.tallies["domains"].add(batch["domain"], **weigh)
    made.tallies["years"].add(pc.year(batch["fetched_at"]), **weigh)
    made.tallies["mimes"].add(pc.struct_field(batch["origin"], "mime"), **weigh)
    made.over_http += len(batch) - pc.struct_field(batch["origin"], "http_status").null_count
    ends = pc.min_max(batch["fetched_at"])
    days = [*made.fetched, *(one.as_py().date().isoformat() for one in (ends["min"], ends["max"]) if one.is_valid)]
    made.fetched = (min(days), max(days)) if days else ()
    for name, found in columns.items():
        made.tallies[name].add(pc.coalesce(*(batch[one] for one in found)), **weigh)


def _labels(folder: Folder, counted: dict[str, list[str]]) -> list[tuple[str, str]]:
    """(step, measure) of all text and yes-or-no measures that are not counted by name, in the order of the recipe."""
    known, place = {one for names in counted.values() for one in names}, {step.name: n for n, step in enumerate(folder.steps)}
    found = []
    for one in folder.documents.schema:
        step, _, measure = one.name.partition("__")
        if (
            step in place
            and measure
            and one.name not in known
            and measure not in VERDICT
            and (pa.types.is_string(one.type) or pa.types.is_boolean(one.type))
        ):
            found.append((step, measure))
    return sorted(found, key=lambda pair: (place[pair[0]], pair[1]))


def _kinds(folder: Folder, step: str) -> list[str]:
    """The kinds of personal data that a step counts: its measures `num_<kind>`."""
    start = column(step, "num_")
    return [name.removeprefix(start) for name in folder.documents.names if name.startswith(start)]


def _signals(tally: Tally, batch: pa.RecordBatch, name: str) -> None:
    """Documents by `mechanism says`, each once."""
    if name not in batch.schema.names:
        return
    row, flat = pc.list_parent_indices(batch[name]), pc.list_flatten(batch[name])
    said = pc.binary_join_element_wise(flat.field("mechanism"), flat.field("says"), " ")
    tally.add(one_chunk(pa.table({"row": row, "said": said}).group_by(["row", "said"]).aggregate([])["said"]))


def counts(tally: Tally, limit: int | None = TOP) -> dict[str, Any]:
    """Top values with their documents and weights, how many different ones there are, and how many documents have none."""
    return {"distinct": tally.distinct, "missing": tally.missing, "top": [_entry(row) for row in tally.rows(limit)]}


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    return {("documents" if name == "count" else name): value for name, value in row.items()}


def spread(tally: Tally) -> dict[str, int]:
    """Quantiles of whole numbers; empty without any."""
    return dict(zip(QUANTILES, tally.quantiles(tuple(QUANTILES.values())), strict=True)) if tally.total else {}


def removed(folder: Folder) -> tuple[dict[str, int], dict[str, int], list[dict[str, Any]]]:
    """Over the rows that left: rows by `step:reason`, documents by source, and duplicates by step."""
    steps = [step.name for step in folder.steps if column(step.name, "keeper") in folder.removed.names]
    reasons, sources = Tally(), Tally()
    keepers = {step: Tally() for step in steps}
    for batch in folder.removed.batches(["source", "removed_by", *(column(step, "keeper") for step in steps)]):
        reasons.add(batch["removed_by"])
        sources.add(batch["source"].take(pc.indices_nonzero(pc.not_equal(batch["removed_by"], READ_ERROR))))
        for step, tally in keepers.items():
            tally.add(_mine(batch, step)[column(step, "keeper")])
    duplicates = [
        {"step": step, "removed": tally.total, "clusters": tally.distinct, "largest_cluster": tally.largest + 1 if tally.total else 0}
        for step, tally in keepers.items()
    ]
    return {str(k): n for k, n in reasons.top()}, {str(k): n for k, n in sources.top()}, duplicates


def _mine(batch: pa.RecordBatch, step: str) -> pa.RecordBatch:
    """The rows that a step removed as duplicates: those for which it names a keeper."""
    mine = pc.and_(pc.starts_with(batch["removed_by"], f"{step}:"), batch[column(step, "keeper")].is_valid())
    return batch.take(pc.indices_nonzero(mine))


def orphans(folder: Folder) -> int:
    """Duplicates of which no copy is left: the keeper, or the keeper's own keeper and so on, was removed for another reason."""
    steps = [step.name for step in folder.steps if column(step.name, "keeper") in folder.removed.names]
    columns = ["id", "removed_by", *(column(step, "keeper") for step in steps)]
    pieces = [
        (mine["id"], mine[column(step, "keeper")])
        for batch in folder.removed.batches(columns)
        for step in steps
        for mine in [_mine(batch, step)]
    ]
    ids, keepers = (pa.concat_arrays([pa.array([], ID), *(piece[i] for piece in pieces)]) for i in (0, 1))
    if len(ids) == 0:
        return 0
    for _ in steps:  # each step hands a keeper on at most once
        again = pc.index_in(keepers, value_set=ids)
        keepers = pc.coalesce(keepers.take(again), keepers)
    count = 0
    for gone in _gone(folder, columns, steps):
        count += int(pc.sum(pc.is_in(keepers, value_set=gone)).as_py() or 0)
    return count


def _gone(folder: Folder, columns: Sequence[str], steps: Sequence[str]) -> Iterator[pa.Array]:
    """Ids of rows that left, but not as duplicates and not as records read twice."""
    for batch in folder.removed.batches(columns):
        other = pc.invert(pc.starts_with(batch["removed_by"], f"{READ}:"))
        for step in steps:
            as_copy = pc.and_(pc.starts_with(batch["removed_by"], f"{step}:"), batch[column(step, "keeper")].is_valid())
            other = pc.and_(other, pc.invert(as_copy))
        yield batch["id"].take(pc.indices_nonzero(other))


def contamination(folder: Folder) -> list[dict[str, Any]]:
    """By step that looks for benchmarks, and by benchmark: documents that hold items of it, those of them that the step removed, and items."""
    found = []
    for step in folder.using("decontaminate"):
        documents, left, items = Tally(), Tally(), Tally()
        for rows in (folder.documents, folder.removed):
            for batch in rows.batches([column(step, "hits"), "removed_by"]):
                row, hits = pc.list_parent_indices(batch[column(step, "hits")]), pc.list_flatten(batch[column(step, "hits")])
                items.add(_named(hits))
                once = pa.table({"row": row, "benchmark": hits.field("benchmark")}).group_by(["row", "benchmark"]).aggregate([])
                row, benchmark = (one_chunk(once[name]) for name in ("row", "benchmark"))
                documents.add(benchmark)
                if "removed_by" in batch.schema.names:
                    mine = pc.starts_with(batch["removed_by"], f"{step}:").take(row)
                    left.add(benchmark.take(pc.indices_nonzero(mine)))
        gone, different = dict(left.top()), Tally()
        different.add(pa.array([str(name).partition("\0")[0] for name, _ in items.top()], pa.string()))
        names = dict(different.top())
        benchmarks = [
            {"benchmark": name, "documents": count, "removed": gone.get(name, 0), "items": names[name]} for name, count in documents.top()
        ]
        found.append({"step": step, "benchmarks": benchmarks})
    return found


def _named(hits: pa.StructArray) -> pa.Array:
    """Benchmark and item of each hit as one string."""
    return pc.binary_join_element_wise(hits.field("benchmark"), hits.field("item"), "\0")
