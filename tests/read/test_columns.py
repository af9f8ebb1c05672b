"""Plain records as columns: whatever the archive, the rows are those that the reader makes one by one."""

import gzip
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels import warc_records as kernel
from curate.read import columns
from curate.read import warc as reader
from curate.read.chunk import Limits, Source
from curate.read.members import Slab
from read.reading import members, page, read, response, warc


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder that all examples share."""
    return tmp_path_factory.mktemp("columns")


def one_by_one(*args, **kwargs):
    """The slow twin: the same walk, every record through `frames` and `http`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "WARC", reader.WARC._replace(plain=None))
        return read(*args, **kwargs)


def slab(*records):
    """Members that hold these records, each 10 stored bytes long."""
    starts = np.cumsum([0, *map(len, records)])
    return Slab(np.arange(len(starts)) * 10, np.frombuffer(b"".join(records), dtype=np.uint8).copy(), starts)


def test_real_archives_read_the_same(shared):
    for path in sorted(shared("warc").glob("*.warc.gz*")):
        kind = {"kind": "warc"}
        assert read(path, **kind) == one_by_one(path, **kind), path.name


NAMES = ["Content-Type", "content-type", "Content-Type ", "Link", "X-Robots-Tag", "TDM-Policy", "tdm-", "Server", "Transfer-Encoding"]
NAMES += ["Content-Encoding", "", "no colon", " folded", "Lïnk", "Last-Modified"]
VALUES = [
    "text/html",
    "Text/HTML ; charset=x",
    "application/xhtml+xml",
    "text/html,text/plain",
    "image/png",
    "text/plain",
    "",
    ";",
    "*/*",
    "\t a: b ",
    "ü",
]
VALUES += ["chunked", "gzip", "tab\tinside", "bell\x07", "delete\x7f", "<x>"]
STATUS = [
    "HTTP/1.1 200 OK",
    "HTTP/1.0 204",
    "HTTP/2 200",
    "HTTP/1. 200 x",
    "HTTP/12 200",
    "HTTP/1.1\t299  x",
    "HTTP/1.1 404 x",
    "HTTP/1.1 2000",
    "http/1.1 200",
    "HTTP/1.1 20",
]
URLS = [
    "http://a.org/x",
    "<http://a.org/x>",
    "HTTPS://B.co.uk:8080/?q=/",
    "http://c.org",
    "http://d.org/robots.txt",
    "http://e.org/x.json",
    "dns:f.org",
    "ftp://g.org/",
]
URLS += ["http://ü.org/", "http:", "", "http://h.org/a b", ">", "<"]
DATES = [
    "2024-02-29T23:59:59Z",
    "2023-02-29T00:00:00Z",
    "2024-02-03T04:05:06.5Z",
    "2024-02-03 04:05:06",
    "1969-12-31T23:59:59Z",
    "2024-13-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
]
DATES += ["2000-12-31T24:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2100-02-28T12:00:00Z", ""]
BODIES = [page("x"), b"", b" \r\n\t", b"\x0b\x0c", b"a", b"\x00", b"\xff\xfe" + b"a" * 40, page("long", 20_000), b"3\r\nabc\r\n0\r\n\r\n"]
TYPES = ["response", "Response", "request", "REVISIT", "warcinfo", "metadata", "continuation", "resource", "conversion", "own", ""]


@st.composite
def records(draw):
    """One record: mostly plain, each part awkward now and then."""

    def one(usual, others):
        return draw(st.just(usual) | st.sampled_from(others)) if draw(st.integers(0, 7)) == 0 else usual

    fields = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=4))
    lines = [one("HTTP/1.1 200 OK", STATUS), *(f"{name}: {value}" if name != "no colon" else name for name, value in fields)]
    lines += [f"Content-Type: {one('text/html', VALUES)}"]
    newline = one("\r\n", ["\n", "\r\n", "\r"])
    content = (newline.join(lines) + newline * 2).encode() + one(BODIES[0], BODIES)
    head = [f"WARC-Type: {one('response', TYPES)}", f"WARC-Target-URI:{one(' ', ['', '  '])}{one('http://a.org/', URLS)}"]
    head += [f"WARC-Date: {one('2024-02-03T04:05:06Z', DATES)}", f"WARC-Record-ID: {one('<urn:x:1>', ['', '<>', 'urn:y', 'ü'])}"]
    head += [f"Content-Length: {one(len(content), [len(content) + 2, 0, '007', '', 10**20, 'x'])}"]
    head += draw(
        st.lists(
            st.sampled_from([*head, "Content-Type: application/http", "Content-Type: text/dns", "X: y", "\tfolded", "WARC-Type : request"]),
            max_size=3,
        )
    )
    version = one("WARC/1.0", ["WARC/1.1", "WARC/0.17", "WARC/1.", "warc/1.0", "WARC/1.0 ", "WARC/11.0"])
    newline = one("\r\n", ["\n", "\r\n", "\r"])
    return (newline.join([version, *head]) + newline * 2).encode() + content + one("\r\n\r\n", ["\r\n", "", "\n\n"]).encode()


@settings(max_examples=60)
@given(st.lists(records(), min_size=1, max_size=7), st.data())
def test_archives_with_anything_in_them_read_the_same(folder, made, data):
    """Damaged ones too: a flipped byte, bytes between members, an end cut off; whatever the limits and borders."""
    archive = bytearray(members(*made))
    harm = data.draw(st.sampled_from(["none", "none", "flip", "garbage", "cut"]))
    at = data.draw(st.integers(0, len(archive) - 1))
    if harm == "flip":
        archive[at] ^= 1 << data.draw(st.integers(0, 7))
    elif harm == "garbage":
        at = len(members(*made[: data.draw(st.integers(0, len(made)))]))
        archive[at:at] = data.draw(st.sampled_from([b"\x00" * 9, b"\x1f\x8b\x08\x00garbage", b"xx", gzip.compress(b"")]))
    elif harm == "cut":
        del archive[at:]
    path = folder / "a.warc.gz"
    path.write_bytes(archive)
    limits = data.draw(st.sampled_from([Limits(), Limits(batch_rows=2), Limits(batch_bytes=400), Limits(document_bytes=500)]))
    outcome = read(path, limits=limits)
    assert outcome == one_by_one(path, limits=limits)
    assert read(path, data.draw(st.integers(150, 2000)), limits=limits) == outcome


def test_what_is_plain_takes_the_short_way():
    """Nothing of an ordinary crawl needs a closer look."""
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nServer: x\r\n\r\n"
    found = columns.plain(
        slab(
            warc("warcinfo", b"x", None),
            warc("request", b"GET / HTTP/1.0\r\n\r\n"),
            response(page("a"), record_id="1"),
            warc("response", http.replace(b"\r\n", b"\n") + page("b"), "http://b.org/robots"),
            response(b"x", status="301 Moved"),
            response(b"a {}", mime="text/css"),
            response(b" "),
            warc("response", b"2008 1.2.3.4", "dns:x.org", Content_Type="text/dns"),
            warc("response", http + page("c"), "http://c.org/robots.txt"),
        ),
        "crawl",
        "a.warc.gz",
        1 << 20,
    )
    assert found.look.tolist() == [8]
    assert found.members.tolist() == [2, 3]
    assert [bytes(body) for body in found.bodies] == [page("a"), page("b")]
    assert found.skipped == Counter(["warcinfo", "request", "response_status", "response_mime", "response_empty", "dns"])
    assert [row["origin"]["record_id"] for row in found.documents.to_pylist()] == ["urn:x:1", None]


def test_ids_are_those_of_the_schema_whatever_the_length(folder):
    """A source with a name longer than the heads, and pages around the size from which one by one is faster."""
    made = [response(page("x", size), f"http://a.org/{size}") for size in (20, columns.LONG - 200, columns.LONG, columns.LONG * 3)]
    path = folder / "lengths.warc.gz"
    path.write_bytes(members(*made))
    for name in ("s", "long" * 200):
        assert read(path, source=Source(name=name)) == one_by_one(path, source=Source(name=name))


def test_a_response_with_many_headers_to_keep_is_looked_at(folder):
    headers = [("Link", f"<{n}>; rel=x") for n in range(kernel.MAX_KEPT + 1)]
    path = folder / "many.warc.gz"
    path.write_bytes(members(response(page("a"), headers=headers), response(page("b"), headers=headers[:-2])))
    outcome = read(path)
    assert [len(row["headers"]) for row in outcome.rows] == [kernel.MAX_KEPT + 2, kernel.MAX_KEPT]
    assert outcome == one_by_one(path)
