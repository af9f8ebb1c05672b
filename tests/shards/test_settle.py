"""Settle: every row goes one way, the first verdict decides, and what is written does not depend on batches."""

import numpy as np
import pyarrow as pa
import pytest

from curate.schema import DOCUMENT, document_id, id_sum
from curate.shards.settle import PartWriter, read_documents, settle
from curate.store import Store


def documents(texts, **verdicts):
    """A batch of documents with verdict columns: name=[(reason, value, threshold) or None, …]."""
    rows = [
        {"id": document_id("s", str(n), None, b""), "source": "s", "origin": {"container": "c", "offset": n}, "text": text}
        for n, text in enumerate(texts)
    ]
    batch = pa.RecordBatch.from_pylist(rows, schema=DOCUMENT)
    for step, entries in verdicts.items():
        for index, word in enumerate(("drop", "value", "threshold")):
            batch = batch.append_column(f"{step}__{word}", pa.array([e and e[index] for e in entries], pa.string()))
    return batch


def test_the_first_step_that_marked_a_row_decides():
    batch = documents(["a", "b", "c"], first=[None, ("short", "1", "< 2"), None], second=[("x", "7", "> 3"), ("y", "8", "> 3"), None])
    settled = settle(batch, ["first", "second"])
    assert settled.kept["text"].to_pylist() == ["c"]
    assert not [name for name in settled.kept.schema.names if "__" in name]
    assert settled.removed.select(["text", "removed_by", "value", "threshold", "second__drop"]).to_pylist() == [
        {"text": "a", "removed_by": "second:x", "value": "7", "threshold": "> 3", "second__drop": "x"},
        {"text": "b", "removed_by": "first:short", "value": "1", "threshold": "< 2", "second__drop": "y"},
    ]


def test_a_failed_row_leaves_as_an_error():
    failed = np.array([None, ("markup", "ValueError: no")], dtype=object)
    settled = settle(documents(["a", "b"]), [], failed)
    assert settled.removed.select(["text", "removed_by", "value", "threshold"]).to_pylist() == [
        {"text": "b", "removed_by": "markup:error", "value": "ValueError: no", "threshold": None}
    ]


def test_no_row_is_lost_or_doubled():
    batch = documents([str(n) for n in range(50)], s=[("odd", "1", "") if n % 2 else None for n in range(50)])
    settled = settle(batch, ["s"])
    assert settled.kept.num_rows + settled.removed.num_rows == 50
    assert (id_sum(settled.kept["id"]) + id_sum(settled.removed["id"])) % (1 << 128) == id_sum(batch["id"])


@pytest.mark.parametrize("cut", [1, 3, 7, 40])
def test_files_do_not_depend_on_batches(tmp_path, cut):
    batch = documents([("text " * (n % 9)) for n in range(40)])
    digests = []
    for name, size in (("whole", 40), ("cut", cut)):
        writer = PartWriter(Store(str(tmp_path)), name, file_rows=16, file_bytes=1 << 20, group_rows=8)
        for start in range(0, 40, size):
            writer.write(batch.slice(start, size))
        files = writer.close(batch.schema)
        assert [file.rows for file in files] == [16, 16, 8]
        assert (writer.rows, writer.ids) == (40, id_sum(batch["id"]))
        digests.append([file.digest for file in files])
    assert digests[0] == digests[1]
    read = pa.Table.from_batches(list(read_documents(Store(str(tmp_path)), files, ["id", "text", "not there"], 10)))
    assert read["text"].to_pylist() == batch["text"].to_pylist()


def test_large_texts_close_row_groups_and_files(tmp_path, monkeypatch):
    monkeypatch.setattr("curate.shards.settle.GROUP_TEXT_BYTES", 100)
    writer = PartWriter(Store(str(tmp_path)), "w", file_rows=1000, file_bytes=250, group_rows=8)
    batch = documents(["x" * 60] * 10)
    writer.write(batch)
    files = writer.close(batch.schema)
    assert [file.rows for file in files] == [6, 4]
    assert [file.text_bytes for file in files] == [360, 240]


def test_nothing_written_is_one_empty_file(tmp_path):
    writer = PartWriter(Store(str(tmp_path)), "w", file_rows=10, file_bytes=10, group_rows=8)
    (file,) = writer.close(DOCUMENT)
    assert file.rows == 0
    (batch,) = read_documents(Store(str(tmp_path)), [file], None, 10)
    assert (batch.num_rows, batch.schema.names) == (0, DOCUMENT.names)


def test_an_abandoned_file_leaves_nothing(tmp_path):
    writer = PartWriter(Store(str(tmp_path)), "w", file_rows=10, file_bytes=1 << 20, group_rows=1)
    writer.write(documents(["a"]))
    writer.abandon()
    assert list(tmp_path.iterdir()) == []
