"""Queries and templates: rows of SQL as records, texts put together from fields."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import SourceError
from curate.read.chunk import Source
from curate.read.fields import parsed
from read.reading import read

duckdb = pytest.importorskip("duckdb")
ROWS = [{"id": n, "title": f"T{n}", "body": f"body {n}", "meta": {"lang": "en" if n % 2 else "de"}} for n in range(6)]


@pytest.fixture(params=["parquet", "jsonl", "duckdb", "csv"])
def table(request, tmp_path):
    """(file, what the query calls its rows)."""
    path = tmp_path / f"a.{request.param}"
    if request.param == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif request.param == "jsonl":
        path.write_text("\n".join(map(json.dumps, ROWS)))
    elif request.param == "csv":
        path.write_text("id,title,body\n" + "".join(f"{r['id']},{r['title']},{r['body']}\n" for r in ROWS))
    else:
        with duckdb.connect(str(path)) as connection:
            connection.execute("create table pages(id int, title text, body text)")
            connection.executemany("insert into pages values (?, ?, ?)", [(r["id"], r["title"], r["body"]) for r in ROWS])
    return path, "pages" if request.param == "duckdb" else "input"


def test_rows_of_a_query_are_documents(table):
    path, name = table
    source = Source(name="s", query=f"select id, title || ': ' || body as text, title from {name} where id >= 3", fields={"title": "title"})
    outcome = read(path, kind="query", source=source)
    assert [(r["text"], r["title"], r["origin"]["offset"]) for r in outcome.rows] == [
        (f"T{n}: body {n}", f"T{n}", n - 3) for n in (3, 4, 5)
    ]
    assert outcome.rows[0]["origin"]["record_id"] == "3"
    assert read(path, kind="query", source=source) == outcome


def test_a_row_without_text_is_a_counted_error(tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    source = Source(name="s", query="select id, case when id = 1 then null else body end as text from input")
    outcome = read(tmp_path / "a.parquet", kind="query", source=source)
    assert [(e.offset, e.message) for e in outcome.errors] == [(1, "expected a string in field 'text', got NoneType None")]
    assert len(outcome.rows) == 5


@pytest.mark.parametrize(
    ("name", "query", "message"),
    [
        ("a.parquet", "select nothing from input", r"expected a query that DuckDB can run, got Binder Error.*nothing.*; check the query"),
        ("a.parquet", "selct", r"expected a query that DuckDB can run, got Parser Error"),
        ("a.txt", "select 1", r"expected a name that ends with one of \.duckdb \.parquet .* for a query, got another; rename it"),
    ],
)
def test_bad_queries(tmp_path, name, query, message):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / name)
    with pytest.raises(SourceError, match=message):
        read(tmp_path / name, kind="query", source=Source(name="s", query=query))


def test_a_query_cannot_write(tmp_path):
    with duckdb.connect(str(tmp_path / "a.duckdb")) as connection:
        connection.execute("create table t(text varchar)")
    with pytest.raises(SourceError, match="read-only"):
        read(tmp_path / "a.duckdb", kind="query", source=Source(name="s", query="insert into t values ('x')"))


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_template_puts_the_text_together(tmp_path, suffix):
    rows = [{"title": "A", "body": "b", "n": 1, "meta": {"x": "deep"}}, {"title": None, "body": "c", "n": None, "meta": {"x": None}}]
    path = tmp_path / f"a.{suffix}"
    if suffix == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    outcome = read(path, source=Source(name="s", template="{title} ({n}, {meta.x})\n\n{body} {{x}}", fields={"heading": "title"}))
    assert [row["text"] for row in outcome.rows] == ["A (1, deep)\n\nb {x}", " (, )\n\nc {x}"]
    assert [row["heading"] for row in outcome.rows] == ["A", None]


def test_a_record_without_any_of_the_fields_is_none(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"other": 1}')
    outcome = read(tmp_path / "a.jsonl", source=Source(name="s", template="{title} {body}"))
    assert [e.message for e in outcome.errors] == ["expected one of the template's fields ['title', 'body'], got ['other']"]
    pq.write_table(pa.table({"other": [1]}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"expected one of the columns \['title', 'body'\], got columns \['other'\]; rename them"):
        read(tmp_path / "a.parquet", source=Source(name="s", template="{title} {body}"))


@pytest.mark.parametrize("template", ["no field", "{}", "{a!r}", "{a:>3}", "{a"])
def test_bad_templates(template):
    with pytest.raises(ValueError, match=r"expected a template (such as|with field names)"):
        parsed(template)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.tsv", b"id\ttext\n1\tonly, one, row of the table\n"),
        ("a.csv.gz", gzip.compress(b'id,text\n1,"only, one, row of the table"\n', mtime=0)),
    ],
)
def test_the_first_line_of_a_table_is_its_head(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    outcome = read(tmp_path / name, kind="query", source=Source(name="s", query="select * from input"))
    assert [row["text"] for row in outcome.rows] == ["only, one, row of the table"]


def test_no_line_of_a_table_is_passed_over(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"id,text\n1,caf\xe9\n2,fine\n3,a,b,c\n")
    with pytest.raises(
        SourceError, match=r"expected a query that DuckDB can run, got .*CSV Error on Line: 2.*not utf-8.*; check the query"
    ):
        read(tmp_path / "a.csv", kind="query", source=Source(name="s", query="select * from input"))
