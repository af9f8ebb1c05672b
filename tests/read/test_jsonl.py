"""JSON lines: fields, bad lines, bad bytes, compression."""

import gzip
import json

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import schema
from curate.read import jsonl
from curate.read.chunk import Limits, Source
from read.reading import read


def _read(tmp_path, data, name="a.jsonl", **kwargs):
    path = tmp_path / name
    path.write_bytes(data)
    return read(path, **kwargs)


def test_columns_come_from_fields_and_the_id_from_the_native_id(tmp_path):
    line = {
        "content": "hello",
        "id": 7,
        "meta": {"url": "http://www.a.co.uk/x", "when": "2024-05-06T07:08:09+02:00"},
        "rights": ["MIT", "0BSD"],
        "license": "cc0",
    }
    source = Source(name="s", fields={"text": "content", "url": "meta.url", "fetched_at": "meta.when", "terms": "rights"})
    (row,) = _read(tmp_path, json.dumps(line).encode() + b"\n", source=source).rows
    assert (row["text"], row["raw"], row["url"], row["domain"]) == ("hello", None, "http://www.a.co.uk/x", "a.co.uk")
    assert row["fetched_at"].isoformat() == "2024-05-06T05:08:09+00:00"
    assert (row["terms"], row["license"]) == ("MIT, 0BSD", "cc0")
    assert row["id"] == schema.document_id("s", "7", row["fetched_at"], b"hello")
    assert row["origin"]["record_id"] == "7"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{not json", "expected a JSON object, got '{not json' (JSONDecodeError)"),
        (b"[1, 2]", "expected a JSON object, got '[1, 2]'"),
        (b"[" * 100_000, "expected a JSON object, got '" + "[" * 40 + "…' (RecursionError)"),
        (b'{"txt": "a", "b": 1}', "expected a field 'text' with the text, got ['b', 'txt']; map it with `fields: {text: NAME}`"),
        (b'{"text": null}', "expected a string in field 'text', got NoneType None"),
        (b'{"text": 12}', "expected a string in field 'text', got int 12"),
    ],
)
def test_a_bad_line_is_counted_with_its_offset_and_the_others_are_read(tmp_path, line, message):
    good = b'{"text": "good"}\n'
    outcome = _read(tmp_path, good + line + b"\n" + good.replace(b"good", b"better"))
    assert [row["text"] for row in outcome.rows] == ["good", "better"]
    assert [(e.offset, e.message) for e in outcome.errors] == [(len(good), message)]


def test_blank_lines_marks_and_carriage_returns_are_no_records(tmp_path):
    outcome = _read(tmp_path, b'\xef\xbb\xbf{"text": "a"}\r\n\r\n\n  \n{"text": "b"}')
    assert [row["text"] for row in outcome.rows] == ["a", "b"]
    assert outcome.records == 2


def test_bad_utf8_and_lone_surrogates_are_replaced(tmp_path):
    outcome = _read(tmp_path, b'{"text": "a\xff\xfeb", "url": "http://x/\\ud800"}\n{"text": "\\ud83d\\ude00 \\ud800"}\n')
    assert [row["text"] for row in outcome.rows] == ["a\ufffd\ufffdb", "\U0001f600 \ufffd"]
    assert outcome.rows[0]["url"] == "http://x/\ufffd"


def test_a_line_too_long_to_hold_is_an_error_with_its_length(tmp_path):
    line = b'{"text": "' + b"x" * 3_000_000 + b'"}'
    outcome = _read(tmp_path, line + b'\n{"text": "b"}\n', limits=Limits(document_bytes=1000))
    assert [e.message for e in outcome.errors] == [f"expected a line of at most {6000 + (1 << 20)} bytes, got {len(line)}"]
    assert [row["text"] for row in outcome.rows] == ["b"]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gz", "zst"])
def test_compressed_lines_are_the_same_rows_and_damage_keeps_the_prefix(tmp_path, pack):
    data = b"".join(json.dumps({"id": n, "text": f"text {n} {n * n * 7919}"}).encode() + b"\n" for n in range(5000))
    plain, packed = _read(tmp_path, data), _read(tmp_path, pack(data), name="b.jsonl.gz")
    assert [row["id"] for row in plain.rows] == [row["id"] for row in packed.rows]
    assert jsonl.cut(str(tmp_path / "b.jsonl.gz"), len(pack(data)), 10) == [(0, len(pack(data)))]
    cut = _read(tmp_path, pack(data)[: -len(pack(data)) // 3], name="c.jsonl.gz")
    assert [row["id"] for row in cut.rows] == [row["id"] for row in plain.rows[: len(cut.rows)]]
    assert len(cut.errors) == 1
    assert "cut short at the end of the file" in cut.errors[0].message


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=12), st.integers(1, 60))
def test_round_trip_of_any_text_at_any_cut(tmp_path_factory, texts, span_bytes):
    data = "".join(json.dumps({"text": text}, ensure_ascii=bool(i % 2)) + "\n" for i, text in enumerate(texts)).encode()
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    path.write_bytes(data)
    outcome = read(path)
    assert [row["text"] for row in outcome.rows] == texts
    assert read(path, span_bytes) == outcome


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
def test_utf_16_as_windows_shells_write_it(tmp_path, charset):
    path = tmp_path / "a.jsonl"
    path.write_bytes("\ufeff".encode(charset) + '{"text": "Grüße"}\r\n{"text": "\U0001f600"}\r\n'.encode(charset))
    for borders in (None, [(0, 9), (9, path.stat().st_size)]):
        outcome = read(path, borders=borders)
        assert ([row["text"] for row in outcome.rows], outcome.errors) == (["Grüße", "\U0001f600"], [])
