"""What each document costs a trained model, as a table by document id: a row a document, for whoever studies or filters by it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from train.answer import bits_per_byte, load
from train.config import TrainError
from train.trace import open_run

SCHEMA = pa.schema(
    [
        pa.field("id", pa.binary(16), nullable=False),
        pa.field("source", pa.string()),
        pa.field("tokens", pa.int64()),
        pa.field("bytes", pa.int64()),
        pa.field("nats", pa.float64()),
        pa.field("bits_per_byte", pa.float64()),
        pa.field("times_read", pa.int64()),
    ]
)


def write(run: Path, output: Path, step: int | None, shards: Path | None, device: str) -> int:
    """Write the table of all documents of a run's corpus; the number of rows. Figures are rounded to 1e-4.

    times_read: how often the plan had read the document whole or in part up to the checkpoint; 0 for held-out ones.
    """
    model = load(run, step, shards, device)
    plan = open_run(run, shards).plan
    found = list(model.document_losses())
    sources = model.corpus.column("source")[plan.docs.first[:-1]]
    columns = [
        pa.array([doc_id for doc_id, *_ in found], pa.binary(16)),
        pa.array([model.corpus.meta.sources[code] for code in sources], pa.string()),
        pa.array([tokens for _, tokens, _, _ in found], pa.int64()),
        pa.array([size for _, _, size, _ in found], pa.int64()),
        pa.array([round(nats, 4) for *_, nats in found], pa.float64()),
        pa.array([round(bits_per_byte(nats, size), 4) for _, _, size, nats in found], pa.float64()),
        pa.array(plan.times_read(model.step * model.config.rows), pa.int64()),
    ]
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns, schema=SCHEMA), output)
    except OSError as error:
        raise TrainError(f"{output}: expected to write it, got {error}; choose another --output") from None
    return len(found)
