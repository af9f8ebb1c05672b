"""HTTP messages: codings that are there, that are not, and that break off; MIME by declaration and by sniffing."""

import gzip
import zlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.read import http

TEXT = b"<html><p>" + b"some text of a page, " * 400


def _message(body, **headers):
    return http.Message(200, [(name.replace("_", "-"), value) for name, value in headers.items()], body)


def _chunked(body, size=100):
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;ext=1\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: x\r\n\r\n"


def test_head_and_body_are_told_apart_and_order_is_kept():
    message = http.parse(b"HTTP/1.1 203 Ok\r\nA: 1\r\nB:two\r\n more\r\na: 3\r\nL: caf\xe9\r\nno colon\r\n\r\nbody\r\n\r\n")
    assert message == (203, [("A", "1"), ("B", "two more"), ("a", "3"), ("L", "café")], b"body\r\n\r\n")
    assert http.parse(b"HTTP/1.0 200\nA: b\n\nx") == (200, [("A", "b")], b"x")
    assert http.parse(b"HTTP/1.0 200\nA: b\n\nx\r\n\r\ny") == (200, [("A", "b")], b"x\r\n\r\ny")
    assert http.parse(b"HTTP/1.0 200\r\nA: b\n\r\nx\r\n\r\ny") == (200, [("A", "b")], b"x\r\n\r\ny")
    assert http.parse(memoryview(b"HTTP/1.0 200\r\nA: b\r\n\r\nx")) == (200, [("A", "b")], b"x")
    assert http.parse(b"HTTP/1.0 200\r\nA: " + b"b" * 5000 + b"\r\n\r\nx") == (200, [("A", "b" * 5000)], b"x")
    assert http.parse(b"HTTP/2 404 \r\nA: b") == (404, [("A", "b")], b"")
    assert http.parse(b"ICY 200 OK\r\n\r\n") is None
    assert http.parse(b"") is None


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
        ("zstd", zstandard.compress),
        ("identity", bytes),
        ("unheard-of", bytes),
    ],
)
def test_content_codings_are_undone(coding, pack):
    assert http.content(_message(pack(TEXT), Content_Encoding=coding), 1 << 20) == TEXT
    chunked = _message(_chunked(pack(TEXT)), Content_Encoding=coding.upper(), Transfer_Encoding="chunked")
    assert http.content(chunked, 1 << 20) == TEXT


def test_brotli_is_undone_without_a_further_package():
    brotli = pytest.importorskip("brotli", reason="only the test needs a brotli encoder")
    assert http.content(_message(brotli.compress(TEXT), Content_Encoding="br"), 1 << 20) == TEXT


def test_two_codings_are_undone_last_first():
    assert http.content(_message(gzip.compress(zlib.compress(TEXT)), Content_Encoding="deflate, gzip"), 1 << 20) == TEXT


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_body_that_is_not_coded_as_it_says_stays_as_it_is(coding):
    assert http.content(_message(TEXT, Content_Encoding=coding, Transfer_Encoding="chunked"), 1 << 20) == TEXT


def test_a_body_that_breaks_off_gives_what_was_there():
    noise = bytes(zlib.crc32(b"%d" % n) & 0xFF for n in range(60_000))
    cut = http.content(_message(gzip.compress(noise)[:40_000], Content_Encoding="gzip"), 1 << 20)
    assert len(cut) > 20_000
    assert noise.startswith(cut)
    assert http.dechunked(b"5\r\nhello\r\nff\r\nwor") == b"hellowor"
    assert http.dechunked(b"5\r\nhello\r\nbroken") == b"hello"


def test_more_than_the_limit_is_refused():
    with pytest.raises(http.TooLargeError, match="expected at most 1000 bytes of payload, got more than 1000 out of"):
        http.content(_message(gzip.compress(TEXT), Content_Encoding="gzip"), 1000)


@settings(deadline=None)
@given(st.binary(max_size=400), st.integers(1, 90))
def test_chunking_round_trip(body, size):
    assert http.dechunked(_chunked(body, size)) == (body if body else _chunked(b""))


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "br", "zstd", "chunked"]))
def test_no_body_raises(body, coding):
    assert isinstance(http.content(_message(body, Content_Encoding=coding, Transfer_Encoding=coding), 1 << 20), bytes)


@pytest.mark.parametrize(
    ("body", "mime"),
    [
        (b" \n<!DOCTYPE HTML><p>", "text/html"),
        (b"\xef\xbb\xbf<html>", "text/html"),
        (b"<!-- a comment", "text/html"),
        (b"<BODY\n>", "text/html"),
        (b"<br>", "text/html"),
        (b"<bread>", "text/plain"),
        (b"words \x1b[0m and \xff", "text/plain"),
        (b"\xff\xfea\x00", "text/plain"),
        (b"%PDF-1.4\n\x00\x01", "application/octet-stream"),
        (b"", "text/plain"),
    ],
)
def test_sniffing_follows_the_standard(body, mime):
    assert http.sniffed(body) == mime
