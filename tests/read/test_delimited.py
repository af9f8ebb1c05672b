"""CSV and TSV: fields, quotes, charsets, and rows that are none."""

import gzip

import pytest

from curate.errors import SourceError
from curate.read.chunk import Limits, Source
from read.reading import read


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", b'id,text\r\n007,"one, ""two""\nthree"\r\n8,four\r\n'),
        ("a.csv", b'\xef\xbb\xbfid;text\n007;"one, ""two""\nthree"\n\n8;four'),
        ("a.tsv", b'id\ttext\n007\t"one, ""two""\nthree"\n8\tfour\n'),
        ("a.tsv", '\ufeffid\ttext\n007\t"one, ""two""\nthree"\n8\tfour\n'.encode("utf-16-le")),
        ("a.CSV.gz", gzip.compress(b'id|text\n007|"one, ""two""\nthree"\n8|four\n', mtime=0)),
    ],
)
def test_rows_are_documents(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    outcome = read(tmp_path / name)
    assert [(row["text"], row["origin"]["record_id"]) for row in outcome.rows] == [('one, "two"\nthree', "007"), ("four", "8")]
    plain = gzip.decompress(data) if name.endswith("gz") else data
    plain = plain.decode("utf-16").encode() if plain.startswith(b"\xff\xfe") else plain
    first, second = (row["origin"] for row in outcome.rows)
    assert plain[first["offset"] :][: first["length"]].startswith(b"007")
    assert plain[second["offset"] :][: second["length"]].strip().startswith(b"8")


def test_what_is_no_row_is_a_counted_error(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'id,text\n1,fine\n2\n3,a,b\n4,"x"y\n5,fine too\n6,"open\n7,x\n')
    outcome = read(tmp_path / "a.csv")
    assert [row["text"] for row in outcome.rows] == ["fine", "fine too"]
    assert [(e.offset, e.message[:53]) for e in outcome.errors] == [
        (15, "expected 2 fields as in the first line, got 1 (['2']…"),
        (17, "expected 2 fields as in the first line, got 3 (['3', "),
        (23, "expected a row of delimited text, got ',' expected af"),
        (41, "expected a row of delimited text, got unexpected end "),
    ]


def test_what_is_cut_short_is_told(tmp_path):
    packed = gzip.compress(b"text\n" + b"".join(b"row %d\n" % n for n in range(20_000)))
    (tmp_path / "a.csv.gz").write_bytes(packed[:-2000])
    outcome = read(tmp_path / "a.csv.gz")
    assert len(outcome.rows) > 1000
    assert [e.message for e in outcome.errors] == ["expected a whole gzip member, got one cut short at the end of the file"]
    (tmp_path / "b.csv").write_bytes(b"text\nshort\n" + b"x" * (1 << 21) + b"\nlater\n")
    (error,) = read(tmp_path / "b.csv", limits=Limits(document_bytes=1000)).errors
    assert error.message == "expected lines of at most 1050576 bytes, got a longer one; what follows is not read"


@pytest.mark.parametrize("charset", ["cp1252", "cp1251", "gb18030", "utf-8"])
def test_other_charsets(tmp_path, charset):
    text = {"cp1251": "Война и мир, роман", "gb18030": "战争与和平，小说"}.get(charset, "Größe und Maß")
    (tmp_path / "a.csv").write_bytes(("text\n" + f'"{text}"\n' * 20).encode(charset))
    assert {row["text"] for row in read(tmp_path / "a.csv").rows} == {text}


def test_fields_and_templates(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"title,body,when\nT,words,2024-01-02\n")
    source = Source(name="s", template="{title}: {body}", fields={"fetched_at": "when", "title": "title"})
    (row,) = read(tmp_path / "a.csv", source=source).rows
    assert (row["text"], row["title"], row["fetched_at"].isoformat()) == ("T: words", "T", "2024-01-02T00:00:00+00:00")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"id,body\n1,x\n", r"expected the column 'text' in the first line, got \['id', 'body'\]; map it with `fields: \{text: NAME\}`"),
        (b"text,id,id\nx,1,2\n", r"expected a first line of different names, got \['id'\] more than once; rename them"),
    ],
)
def test_tables_that_are_refused(tmp_path, data, message):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(SourceError, match=message):
        read(tmp_path / "a.csv")


def test_empty_files_have_no_rows(tmp_path):
    for data in (b"", b"text\n"):
        (tmp_path / "a.csv").write_bytes(data)
        assert read(tmp_path / "a.csv").records == 0
