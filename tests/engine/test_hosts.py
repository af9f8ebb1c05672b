"""The host table of a run: found among the pages, published beside the documents, the same however the input is cut."""

import gzip
import json

import pyarrow.parquet as pq
import pytest

from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.recipe import from_dict
from curate.store import Store


def record(url, body, mime):
    block = f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\n\r\n".encode() + body
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2026-01-02T03:04:05Z\r\nContent-Length: {len(block)}\r\n\r\n"
    return gzip.compress(head.encode() + block + b"\r\n\r\n", mtime=0)


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    path = tmp_path_factory.mktemp("hosts") / "a.warc.gz"
    hosts = [f"h{n}.example" for n in range(8)]
    records = [record(f"https://{host}/robots.txt", f"User-agent: {host}\nDisallow: /\n".encode(), "text/plain") for host in hosts]
    records += [record(f"https://{host}/page", f"some text of {host}".encode(), "text/plain") for host in hosts]
    path.write_bytes(b"".join(records))
    return path


def run(crawl, output, **limits):
    made = {"name": "hosts", "input": [{"uri": str(crawl)}], "steps": [{"markup": {}}], "limits": limits}
    make(from_dict(made), Store(str(output)), LocalEngine(1))
    manifest = json.loads((output / "hosts" / "manifest.json").read_text())
    return [row for file in manifest["files"] for row in pq.read_table(output / "hosts" / file["path"]).to_pylist()]


def test_found_and_published_and_no_documents(crawl, tmp_path):
    rows = run(crawl, tmp_path / "one")
    assert [(row["kind"], row["host"], row["text"]) for row in rows] == [
        ("robots", f"h{n}.example", f"User-agent: h{n}.example\nDisallow: /\n") for n in range(8)
    ]
    documents = pq.read_table(tmp_path / "one" / "documents" / "part-00000.parquet")
    assert sorted(documents["url"].to_pylist()) == [f"https://h{n}.example/page" for n in range(8)]
    assert run(crawl, tmp_path / "many", part_bytes=300) == rows


def test_none_is_a_manifest_of_none(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "x", "id": "1"}\n')
    assert run(tmp_path / "a.jsonl", tmp_path / "out") == []
