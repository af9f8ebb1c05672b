"""`https://` and `http://` as inputs: the same rows as the file itself, from servers with and without ranges and lengths; what fails says so."""

import gzip
import io
import json
import re
import shutil
import ssl
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import SourceError
from curate.read import open_span, remote
from curate.read.chunk import Limits, Source
from curate.read.files import Input, resolve, spans
from curate.read.stored import filesystem
from read.reading import response
from read.web import Site, serving

connector = pytest.importorskip("aiohttp.connector", reason="the extra http reads from the web")
LINES = "".join(json.dumps({"id": f"{n}", "text": f"line {n} " + "word " * (n % 70)}) + "\n" for n in range(150)).encode()


def parquet():
    out = io.BytesIO()
    pq.write_table(pa.table({"id": [str(n) for n in range(120)], "text": [f"row {n}" for n in range(120)]}), out, row_group_size=20)
    return out.getvalue()


FILES = {
    "a.jsonl": LINES,
    "b.jsonl.gz": gzip.compress(LINES),
    "c.parquet": parquet(),
    "d/page one.html": b"<p>Hello</p>",
    "e.warc.gz": b"".join(gzip.compress(response(b"<p>%d</p>" % n, f"http://a.example.org/{n}")) for n in range(12)),
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """No waits, and small requests, so that small files need several."""
    monkeypatch.setattr(remote, "WAITS", (0.0, 0.0))
    monkeypatch.setattr(filesystem("http://localhost/")[0], "block_size", 4000)


def rows(uri, part_bytes=1 << 20):
    """All rows of an input, and in how many parts they came."""
    found, parts = [], spans([Input(uri=str(uri), source=Source(name="web"))], part_bytes)
    for part in parts:
        for span in part.spans:
            for chunk in open_span(span, part.source, Limits()):
                assert not chunk.errors
                found += chunk.documents.to_pylist()
    return found, len(parts)


@pytest.mark.parametrize("site", [{}, {"ranges": False}, {"ranges": False, "length": False}, {"cut": 2}], ids=str)
@pytest.mark.parametrize("path", FILES)
def test_the_rows_are_those_of_the_file(path, site, tmp_path):
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_bytes(FILES[path])
    expected, _ = rows(tmp_path / path)
    made = Site(FILES, **site)
    with serving(made) as address:
        assert rows(f"{address}/{path}")[0] == expected != []
        few, parts = rows(f"{address}/moved/{path}?download=true#x", max(1, len(FILES[path]) // 3))
    assert few == expected
    assert parts == 1 or made.ranges


def test_a_file_without_ranges_comes_once_however_large_it_is():
    site = Site({"a.jsonl": LINES}, ranges=False)
    with serving(site) as address:
        assert rows(f"{address}/a.jsonl", 9000) == (rows(f"{address}/a.jsonl")[0], 1)
    assert [method for method, *_ in site.asked].count("GET") <= 8


@pytest.mark.parametrize(
    ("site", "path", "message"),
    [
        ({}, "none.jsonl", "expected a file, got nothing there; check the path"),
        ({"status": 410}, "a.jsonl", "expected a file, got nothing there; check the path"),
        (
            {"status": 403},
            "a.jsonl",
            "expected a location that can be read, got ClientResponseError: 403, .*; check address, access and network",
        ),
        (
            {"status": 503},
            "a.jsonl",
            "expected a location that can be read, got ClientResponseError: 503, .*; check address, access and network",
        ),
        ({}, "d/", "expected names that end with one of .*, got ''; rename it or narrow the pattern"),
        ({"cut": 99}, "a.jsonl", r"expected \d[\d,]* bytes from byte 0 on, got ClientPayloadError: .*; check the connection and run again"),
        ({"cut": 99, "ranges": False}, "c.parquet", "expected .*, got ClientPayloadError: .*; check the connection and run again"),
    ],
)
def test_what_cannot_be_read_says_so(site, path, message):
    with (
        serving(Site({"d/": b"", **FILES}, **site)) as address,
        pytest.raises(SourceError, match=f"input {re.escape(address)}/{path}: {message}"),
    ):
        rows(f"{address}/{path}")


def test_nobody_there():
    with serving(Site({})) as address:
        pass
    with pytest.raises(SourceError, match=r"a\.jsonl: expected a location that can be read, got ClientConnectorError: .*; check address"):
        rows(f"{address}/a.jsonl")


def test_versions_of_a_file_are_told_apart():
    with serving(Site(FILES)) as address:
        (file,) = resolve([Input(uri=f"{address}/a.jsonl", source=Source(name="web"))])
    assert (file.container, file.size, file.etag) == ("a.jsonl", len(LINES), f"Sat, 28 Nov 2026 01:00:00 GMT:{len(LINES)}")


def test_by_tls_only_from_a_server_that_is_trusted(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine, which makes the certificate")
    pem = tmp_path / "server.pem"
    made = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run([*made.split(), "-keyout", pem, "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", pem)
    with serving(Site(FILES), context) as address:
        with pytest.raises(
            SourceError, match=r"expected a location that can be read, got ClientConnectorCertificateError: .*; check address"
        ):
            rows(f"{address}/a.jsonl")
        connector._SSL_CONTEXT_VERIFIED.load_verify_locations(tmp_path / "cert.pem")  # as a system that knows the issuer
        assert len(rows(f"{address}/a.jsonl")[0]) == 150
