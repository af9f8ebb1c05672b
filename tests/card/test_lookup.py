"""Bloom filters: never a row missed, and the same answers as DuckDB's reader of them."""

import pyarrow as pa
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.card.folder import Rows
from curate.card.lookup import bits, bits_bytes, find, may_hold
from curate.shards.settle import PartWriter
from curate.store import Store

SCHEMA = pa.schema([("id", pa.binary(16)), ("url", pa.string()), ("text", pa.large_string()), ("raw", pa.large_binary())])


def identity(number):
    return blake3(number.to_bytes(8, "little")).digest(length=16)


def written(store, count, group_rows=64, file_rows=200, published=True):
    """Files with `count` rows; every third URL is missing, every tenth repeats one."""
    writer = PartWriter(store, "documents/part", file_rows=file_rows, file_bytes=1 << 30, group_rows=group_rows, published=published)
    urls = [None if n % 3 == 2 else f"https://e.example/{n - n % 10 if n % 10 == 1 else n}" for n in range(count)]
    for start in range(0, count, 50):
        rows = range(start, min(count, start + 50))
        columns = [[identity(n) for n in rows], [urls[n] for n in rows], [f"text {n}" for n in rows], [b"raw" for _ in rows]]
        writer.write(pa.RecordBatch.from_arrays([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA))
    files = writer.close(SCHEMA)
    return Rows(store, "documents", {"rows": count}, tuple(files)), urls


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return written(Store(str(tmp_path_factory.mktemp("lookup"))), 700)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 699))
def test_every_row_is_found_by_id_where_it_is(rows, number):
    (found,) = find(rows[0], "id", identity(number))
    assert found.columns == {"id": identity(number), "url": rows[1][number], "text": f"text {number}"}
    table = pa.concat_tables(rows[0].parquet(file).read(columns=["id"]) for file in rows[0].files)
    before = sum(file.rows for file in rows[0].files[: rows[0].files.index(found.file)])
    assert table["id"][before + found.row].as_py() == identity(number)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 699))
def test_all_rows_of_a_url_are_found(rows, number):
    url = rows[1][number] or "https://e.example/none"
    texts = [found.columns["text"] for found in find(rows[0], "url", url)]
    assert texts == [f"text {n}" for n, other in enumerate(rows[1]) if other == url]


def test_what_is_not_there_is_hardly_ever_read(rows):
    passed = tried = 0
    for file in rows[0].files:
        with rows[0].parquet(file) as opened, rows[0].store.open(file.path) as raw:
            for number in range(opened.num_row_groups):
                for absent in range(1000, 1200):
                    tried += 1
                    passed += may_hold(raw, opened.metadata.row_group(number), "id", identity(absent))
    assert tried > 2000
    assert passed / tried < 0.03  # the files are written for 1 %


def test_the_filter_says_what_duckdb_says(rows):
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    for file in rows[0].files[:2]:
        path = rows[0].store.full(file.path)
        with rows[0].parquet(file) as opened, rows[0].store.open(file.path) as raw:
            for number in range(0, 260, 3):
                url = f"https://e.example/{number}"
                probed = connection.execute(
                    "select row_group_id, bloom_filter_excludes from parquet_bloom_probe(?, 'url', ?)", [path, url]
                ).fetchall()
                ours = [(group, not may_hold(raw, opened.metadata.row_group(group), "url", url)) for group in range(opened.num_row_groups)]
                assert ours == sorted(probed)


def test_files_without_filters_are_searched(tmp_path):
    plain, urls = written(Store(str(tmp_path)), 60, published=False)
    assert [found.row for found in find(plain, "id", identity(31))] == [31]
    assert [found.columns["text"] for found in find(plain, "url", urls[30])] == ["text 30", "text 31"]
    assert list(find(plain, "id", identity(1000))) == []


def test_no_rows_no_files(tmp_path):
    empty, _ = written(Store(str(tmp_path)), 0)
    assert list(find(empty, "id", identity(1))) == []
    assert list(find(Rows(empty.store, "documents", {"rows": 0}, ()), "url", "u")) == []


@given(st.integers(0, 2**64 - 1))
def test_bits_use_the_low_half_only(digest):
    assert bits(digest) == bits(digest & 0xFFFFFFFF)
    assert all(0 <= bit < 32 for bit in bits(digest))


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (b"\x15\x40\x1c", 32),
        (b"\x15\x80\x10\x1c", 1024),
        (b"", None),
        (b"\x25\x40", None),
        (b"\x15\x41", None),
        (b"\x15\x42", None),
        (b"\x15\x80\x80", None),
    ],
)
def test_headers(header, size):
    assert bits_bytes(header) == size
