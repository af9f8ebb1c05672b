"""Parquet: fields, types, row groups, bad bytes, damage."""

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import SourceError
from curate.read import parquet
from curate.read.chunk import Source
from read.reading import read


def _write(path, columns, **kwargs):
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path, **kwargs)
    return path


@pytest.mark.parametrize(
    "dtype", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()], ids=str
)
def test_every_kind_of_string_column_is_text(tmp_path, dtype):
    values = pa.array(["a", "ü", "a"]).cast(pa.binary() if dtype == pa.binary() else pa.string())
    values = values.dictionary_encode() if pa.types.is_dictionary(dtype) else values.cast(dtype)
    assert [row["text"] for row in read(_write(tmp_path / "a.parquet", {"text": values})).rows] == ["a", "ü", "a"]


def test_nested_fields_times_and_carried_columns(tmp_path):
    when = pa.array([1_700_000_000_000_000, None], pa.timestamp("us", tz="UTC"))
    meta = pa.array([{"url": "http://a.org/x", "n": 1}, None])
    path = _write(
        tmp_path / "a.parquet", {"body": ["one", "two"], "meta": meta, "when": when, "license": ["MIT", None], "score": [0.5, 2.0]}
    )
    source = Source(name="s", fields={"text": "body", "url": "meta.url", "fetched_at": "when", "score": "score"})
    one, two = read(path, source=source).rows
    assert (one["url"], one["fetched_at"].isoformat(), one["license"], one["score"]) == (
        "http://a.org/x",
        "2023-11-14T22:13:20+00:00",
        "MIT",
        "0.5",
    )
    assert (two["url"], two["fetched_at"], two["license"], two["origin"]["offset"]) == (None, None, None, 1)


def test_a_row_without_text_is_an_error_with_its_row_number(tmp_path):
    outcome = read(_write(tmp_path / "a.parquet", {"text": ["a", None, "b"]}))
    assert [row["text"] for row in outcome.rows] == ["a", "b"]
    assert [(e.offset, e.message) for e in outcome.errors] == [(1, "expected a string in field 'text', got NoneType None")]


@pytest.mark.parametrize("columns", [{"content": ["a"]}, {"text": [1]}])
def test_a_file_without_the_text_column_is_refused_with_the_columns_that_are_there(tmp_path, columns):
    path = _write(tmp_path / "a.parquet", columns)
    shown = "content: string" if "content" in columns else "text: int64"
    with pytest.raises(
        SourceError, match=rf"expected a column 'text' of strings, got columns {shown}; map it with `fields: \{{text: NAME\}}`"
    ):
        read(path)


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"hello, this is no table")
    with pytest.raises(
        SourceError, match=r"expected a Parquet file, got one that begins with b'hell' and has no sound footer; write it anew"
    ):
        read(path)


def test_bad_utf8_is_replaced(tmp_path):
    bad = pa.array([b"a\xffb", b"good"], pa.binary()).view(pa.string())
    assert [row["text"] for row in read(_write(tmp_path / "a.parquet", {"text": bad})).rows] == ["a\ufffdb", "good"]


def test_cuts_fall_on_row_groups(tmp_path):
    path = _write(tmp_path / "a.parquet", {"text": [f"row {n} " + "x" * 50 for n in range(40)]}, row_group_size=4)
    size = path.stat().st_size
    assert len(parquet.cut(str(path), size, 1)) == 10
    assert 1 < len(parquet.cut(str(path), size, size // 3)) <= 4
    whole = read(path)
    assert [row["origin"]["offset"] for row in whole.rows] == list(range(40))
    for borders in ([(0, 100), (100, size)], [(0, size - 1), (size - 1, size)]):
        assert read(path, borders=borders) == whole


def test_a_damaged_row_group_is_one_error_and_the_others_are_read(tmp_path):
    path = _write(
        tmp_path / "a.parquet", {"text": [f"row {n}" for n in range(12)]}, row_group_size=4, compression="zstd", use_dictionary=False
    )
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + 20] = b"\xff" * 20
    path.write_bytes(data)
    outcome = read(path)
    assert [row["text"] for row in outcome.rows] == [f"row {n}" for n in (0, 1, 2, 3, 8, 9, 10, 11)]
    (error,) = outcome.errors
    assert error.offset == 4
    assert error.message.startswith("expected 4 rows in row group 1, got 0 before ")


def test_no_type_of_a_carried_column_is_lost(tmp_path):
    columns = {
        "text": ["one"],
        "price": pa.array([Decimal("1.50")]),
        "day": pa.array([date(2024, 1, 2)]),
        "at": pa.array([1_700_000_000_000_000_001], pa.timestamp("ns")),
        "late": pa.array([10_000_000], pa.date32()),
        "parts": pa.array([[{"n": 1, "to": None}]]),
        "scores": pa.array([[0.5, 1.0]]),
        "tags": pa.array([["a", "b"]]),
        "key": pa.array([b"\xff\x00"], pa.binary(2)),
        "bad": pa.ListArray.from_arrays([0, 1], pa.array([b"a\xff"]).view(pa.string())),
    }
    source = Source(name="s", fields={name: name for name in columns} | {"fetched_at": "day", "first": "parts.0.n"})
    (row,) = read(_write(tmp_path / "a.parquet", columns), source=source).rows
    assert {name: row[name] for name in [*columns, "first"] if name != "text"} == {
        "price": "1.50",
        "day": "2024-01-02",
        "at": "2023-11-14T22:13:20",
        "late": "29349-01-26",  # beyond Python's years
        "parts": '[{"n": 1, "to": null}]',
        "scores": "[0.5, 1.0]",
        "tags": "a, b",
        "key": "ff00",
        "bad": "a\ufffd",
        "first": "1",
    }
    assert row["fetched_at"].isoformat() == "2024-01-02T00:00:00+00:00"
    (made,) = read(tmp_path / "a.parquet", source=Source(name="s", template="{price} on {day}{nothing}")).rows
    assert made["text"] == "1.50 on 2024-01-02"
