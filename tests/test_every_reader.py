"""Laws that every reader inherits: whatever is in a file ends as a document, a skip or a counted error, however the file is cut."""

import gzip
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from read.reading import arc, members, page, read, response, warc

from curate import schema
from curate.errors import SourceError
from curate.read import open_span
from curate.read.chunk import Limits, Source, Span
from curate.read.files import KINDS, kind_of, reader

AWKWARD = [
    "plain",
    "Grüße, 世界 \U0001f600",
    "nul \x00 inside",
    "line\nbreaks\r\n\tand tabs",
    "﻿mark",
    '"quotes" \\ and <tags>',
    "x" * 5000,
    "é" * 10,
]
PAGES = [page(f"word{n}", 100 + 37 * n) for n in range(9)]
HTTP = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n"


def _warc():
    head = [warc("warcinfo", b"software: x\r\n", None), warc("request", b"GET / HTTP/1.0\r\n\r\n")]
    return head + [response(p, f"http://h{n}.example.org/", record_id=n) for n, p in enumerate(PAGES)]


def _jsonl():
    return "".join(json.dumps({"id": n, "text": text, "url": f"http://a.org/{n}"}) + "\n" for n, text in enumerate(AWKWARD)).encode()


def _csv():
    quoted = (text.replace('"', '""') for text in AWKWARD)
    return ("id,text\n" + "".join(f'{n},"{text}"\n' for n, text in enumerate(quoted))).encode()


def _parquet(path):
    table = pa.table({"id": [str(n) for n in range(len(AWKWARD))], "text": AWKWARD})
    pq.write_table(table, path, row_group_size=2)


def _arc():
    return [arc("filedesc://x.arc", b"1 0 x\nURL IP-address Archive-date Content-type Archive-length\n", "text/plain")] + [
        arc(f"http://h{n}.example.org/", HTTP + p) for n, p in enumerate(PAGES)
    ]


FORMS = {  # file name → (writer, records in it)
    "a.warc.gz": (lambda path: path.write_bytes(members(*_warc())), 11),
    "whole.warc.gz": (lambda path: path.write_bytes(gzip.compress(b"".join(_warc()))), 11),
    "a.warc": (lambda path: path.write_bytes(b"".join(_warc())), 11),
    "a.arc.gz": (lambda path: path.write_bytes(members(*_arc())), 10),
    "a.arc": (lambda path: path.write_bytes(b"".join(_arc())), 10),
    "a.jsonl": (lambda path: path.write_bytes(_jsonl()), len(AWKWARD)),
    "a.jsonl.gz": (lambda path: path.write_bytes(gzip.compress(_jsonl())), len(AWKWARD)),
    "a.csv": (lambda path: path.write_bytes(_csv()), len(AWKWARD)),
    "a.parquet": (_parquet, len(AWKWARD)),
    "a.html": (lambda path: path.write_bytes(PAGES[0]), 1),
    "a.md": (lambda path: path.write_bytes(AWKWARD[1].encode()), 1),
}


@pytest.fixture(params=FORMS)
def form(request, tmp_path):
    """(path, records) of one file of each form."""
    write, records = FORMS[request.param]
    path = tmp_path / request.param
    write(path)
    return path, records


@pytest.mark.parametrize("kind", KINDS)
def test_keeps_the_contract_of_readers(kind):
    module = reader(kind)
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in module.SUFFIXES)
    assert callable(module.cut)
    assert callable(module.read)
    assert (Path(__file__).parent / "read" / f"test_{kind}.py").is_file(), f"{kind} has no test file of its own"
    assert any(re.search(rf"{re.escape(suffix)}$", name) for suffix in module.SUFFIXES for name in FORMS), (
        f"no law runs on {kind}: add a form"
    )


def test_every_record_is_a_document_a_skip_or_an_error(form):
    path, records = form
    outcome = read(path)
    assert outcome.records == records
    assert not outcome.errors
    assert outcome.rows


@pytest.mark.parametrize("span_bytes", [1, 7, 100, 1000, 10_000])
def test_cutting_changes_nothing(form, span_bytes):
    path, _ = form
    assert read(path, span_bytes) == read(path)


@pytest.mark.parametrize("limits", [Limits(batch_rows=1), Limits(batch_rows=3), Limits(batch_bytes=1)])
def test_batch_size_changes_nothing(form, limits):
    path, _ = form
    assert read(path, limits=limits) == read(path)


def test_a_cut_off_file_yields_the_good_prefix_and_an_error(form):
    path, _ = form
    data, whole = path.read_bytes(), read(path)
    if len(whole.rows) == 1:
        pytest.skip("a document that is a file cannot be told from a shorter one")
    for length in range(1, len(data), max(1, len(data) // 60)):
        path.write_bytes(data[:length])
        try:
            cut = read(path)
        except SourceError:
            assert path.suffix == ".parquet"
            continue
        # the last row may be a good one whose neighbour was cut off: compare all that identifies the record but not its stored length
        assert [row["id"] for row in cut.rows] == [row["id"] for row in whole.rows[: len(cut.rows)]]
        assert cut.skipped <= whole.skipped
        assert len(cut.errors) <= 1
        ends_at_record = path.suffix == ".jsonl" or cut.records < whole.records
        assert cut.errors or ends_at_record
        assert read(path, max(1, length // 3)) == cut


def test_damage_is_counted_and_cutting_still_changes_nothing(form):
    path, _ = form
    data = bytearray(path.read_bytes())
    for at in range(3, len(data), max(1, len(data) // 40)):
        damaged = bytes(data[:at]) + bytes([data[at] ^ 0x55]) + bytes(data[at + 1 :])
        path.write_bytes(damaged)
        try:
            whole = read(path)
        except SourceError:
            continue
        assert read(path, max(1, len(data) // 5)) == whole
        assert read(path, 1 + len(data) // 11) == whole


def test_bad_utf8_never_raises(form):
    path, _ = form
    path.write_bytes(path.read_bytes().replace(b"text of", b"te\xff\xfet\xc3"))
    try:
        assert read(path).records >= 1
    except SourceError:
        assert path.suffix == ".parquet"


def test_the_document_columns_come_first(form):
    path, _ = form
    outcome = read(path)
    assert list(outcome.rows[0])[: len(schema.DOCUMENT)] == schema.DOCUMENT.names
    for row in outcome.rows:
        assert (row["raw"] is None) != (row["text"] is None)
        assert row["origin"]["container"] == path.name
        assert row["payload_digest"].startswith("blake3:")
        assert len(row["id"]) == 16
    assert len({row["id"] for row in outcome.rows}) == len(outcome.rows)


def test_a_document_above_the_limit_is_an_error_with_its_size(form):
    path, records = form
    outcome = read(path, limits=Limits(document_bytes=8))
    assert outcome.records == records
    assert outcome.errors
    assert all(re.fullmatch(r"expected at most 8 bytes of payload, got \d+", error.message) for error in outcome.errors)


def test_an_empty_file_has_no_records(form):
    path, _ = form
    path.write_bytes(b"")
    outcome = read(path)
    assert outcome.records == (1 if path.suffix in (".html", ".md") else 0)
    assert not outcome.rows
    assert not outcome.errors


def test_a_missing_file_is_named(form):
    path, _ = form
    module = reader(kind_of(path.name))
    path.unlink()
    span = Span(uri=str(path), container=path.name, start=0, end=9, size=9, etag="", kind="any")
    message = rf"input {re.escape(str(path))}: expected a file, got nothing there; check the path"
    with pytest.raises(SourceError, match=message):
        list(module.read(span, Source(name="test"), Limits()))
    if module not in (reader("folder"), reader("delimited")):  # one span, whatever is there
        with pytest.raises(SourceError, match=message):
            module.cut(str(path), 1 << 20, 1)


def test_a_file_that_changed_since_it_was_planned_is_refused(form):
    path, _ = form
    size = path.stat().st_size
    span = Span(uri=str(path), container=path.name, start=0, end=size + 5, size=size + 5, etag="", kind=kind_of(path.name))
    with pytest.raises(SourceError, match=rf"expected {size + 5} bytes as planned, got {size}; the file changed, plan again"):
        list(open_span(span, Source(name="test"), Limits()))
