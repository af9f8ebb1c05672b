"""What a trained model finds hard, as tables: a row a document, or a row a source, licence, language, domain or host.

Both flow back to `curate`: the step `join` reads them by the column that they are named after,

    - join: {table: losses.parquet, on: id, columns: [bits_per_byte], max: {bits_per_byte: 4.0}}
    - join: {table: hosts.parquet, on: host, columns: [bits_per_byte]}
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.shards.reader import Corpus
from train import beside
from train.answer import bits_per_byte, load
from train.config import TrainError
from train.evaluate import UNKNOWN, interval
from train.plan import Plan
from train.trace import open_run

BY = ("document", "source", "license", "language", "domain", "host")
SCHEMA = pa.schema(
    [
        pa.field("id", pa.binary(16), nullable=False),
        pa.field("source", pa.string()),
        pa.field("tokens", pa.int64()),
        pa.field("bytes", pa.int64()),
        pa.field("nats", pa.float64()),
        pa.field("bits_per_byte", pa.float64()),
        pa.field("times_read", pa.int64()),
        pa.field("held_out", pa.bool_()),
    ]
)
GROUP = pa.schema(
    [
        pa.field("documents", pa.int64()),
        pa.field("documents_read", pa.int64()),
        pa.field("tokens", pa.int64()),
        pa.field("bytes", pa.int64()),
        pa.field("nats", pa.float64()),
        pa.field("bits_per_byte", pa.float64()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Measured:
    """All documents of a corpus under a model, in the order of the plan's documents."""

    plan: Plan
    tokens: np.ndarray
    """int64[d]: of text, the boundary left out."""
    bytes: np.ndarray
    """int64[d]"""
    nats: np.ndarray
    """float64[d], rounded to 1e-4."""
    times_read: np.ndarray
    """int64[d]: in how many epochs of its source the plan had read the document, whole or in part, up to the checkpoint."""

    @property
    def ids(self) -> list[str]:
        """As 32 hex digits."""
        return [self.plan.doc_id(doc) for doc in range(len(self.tokens))]


def write(run: Path, output: Path, step: int | None, shards: Path | None, device: str, by: str = "document") -> int:
    """Write the table of a run's corpus, a row for each value of `by`; the number of rows. Figures are rounded to 1e-4."""
    if by not in BY:
        raise TrainError(f"--by: expected one of {list(BY)}, got {by}; choose one")
    model, plan = load(run, step, shards, device), open_run(run, shards).plan
    labels = None if by == "document" else _labels(plan, by)  # told before the corpus is run through the model
    found = list(model.document_losses())
    tokens, sizes = (np.array([one[i] for one in found], dtype=np.int64) for i in (1, 2))
    nats = np.array([round(one[3], 4) for one in found], dtype=np.float64)
    measured = Measured(plan, tokens, sizes, nats, plan.times_read(model.step * model.config.rows))
    table = _documents(measured) if labels is None else _groups(measured, by, labels)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, output)
    except OSError as error:
        raise TrainError(f"{output}: expected to write it, got {error}; choose another --output") from None
    return table.num_rows


def _documents(of: Measured) -> pa.Table:
    sources, held_out = of.plan.corpus.meta.sources, np.zeros(len(of.tokens), dtype=bool)
    held_out[of.plan.held_out_docs] = True
    columns = [
        pa.array([bytes.fromhex(one) for one in of.ids], pa.binary(16)),
        pa.array([sources[code] for code in of.plan.docs.source], pa.string()),
        pa.array(of.tokens, pa.int64()),
        pa.array(of.bytes, pa.int64()),
        pa.array(of.nats, pa.float64()),
        pa.array([round(bits_per_byte(nats, size), 4) for nats, size in zip(of.nats, of.bytes, strict=True)], pa.float64()),
        pa.array(of.times_read, pa.int64()),
        pa.array(held_out, pa.bool_()),
    ]
    return pa.table(columns, schema=SCHEMA)


def _labels(plan: Plan, by: str) -> list[str]:
    """What each document is counted under; UNKNOWN where nobody said. TrainError where no document tells."""
    corpus: Corpus = plan.corpus
    if by in ("source", "license"):
        codes: Sequence[str] = getattr(corpus.meta, f"{by}s")
        return [codes[code] or UNKNOWN for code in corpus.column(by)[plan.docs.first[:-1]]]
    where = beside.folder(corpus)
    column = beside.language_column(where) if by == "language" else "url" if by == "host" else by
    if column is None or column not in beside.columns(where):
        raise TrainError(
            f"--by {by}: expected documents with that column in {where}, got none; run the step that adds it, or choose another"
        )
    ids = [plan.doc_id(doc) for doc in range(len(plan.docs.tokens))]
    found = beside.values(where, ids, column)
    if by == "host":
        found = {one: _host(url) for one, url in found.items()}
    return [found.get(one) or UNKNOWN for one in ids]


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:  # brackets that are no IPv6 address
        return ""


def _groups(of: Measured, by: str, labels: Sequence[str]) -> pa.Table:
    """The largest first, names in order where as many bytes have them; intervals are of the bootstrap over documents."""
    names, which = np.unique(np.array(labels, dtype=object).astype(str), return_inverse=True)
    rows = []
    for number, name in enumerate(names.tolist()):
        chosen = which == number
        nats, size = float(of.nats[chosen].sum()), int(of.bytes[chosen].sum())
        figures = (nats, bits_per_byte(nats, size), *interval(of.nats[chosen], of.bytes[chosen].astype(np.float64)))
        counts = (int(chosen.sum()), int((of.times_read[chosen] > 0).sum()), int(of.tokens[chosen].sum()), size)
        rows.append((name, *counts, *(round(figure, 4) for figure in figures)))
    rows.sort(key=lambda row: (-row[4], row[0]))
    schema = pa.schema([pa.field(by, pa.string(), nullable=False), *GROUP])
    return pa.table(
        [pa.array(list(column), field.type) for column, field in zip(zip(*rows, strict=True), schema, strict=True)], schema=schema
    )
