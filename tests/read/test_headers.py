"""Header blocks: order, folding, line ends, bytes that are not UTF-8."""

import pytest

from curate.read.headers import named_fields


@pytest.mark.parametrize(
    ("block", "fields"),
    [
        (b"HTTP/1.1 200 OK\r\nA: 1\r\nB:two  \r\na:  3\r\n\r\n", [("A", "1"), ("B", "two"), ("a", "3")]),
        (b"WARC/1.0\nA: 1\nURI: http://x:80/\n", [("A", "1"), ("URI", "http://x:80/")]),
        (b"x\r\nA: one\r\n\ttwo\r\n  three\r\nB: 4", [("A", "one two three"), ("B", "4")]),
        (b"x\r\nL: caf\xe9\r\nU: caf\xc3\xa9\r\n", [("L", "café"), ("U", "café")]),
        (b"x\r\nEmpty:\r\nnone\r\n: no name\r\nName : v", [("Empty", ""), ("Name", "v")]),
        (b"only a first line", []),
        (b"", []),
    ],
)
def test_fields_in_order(block, fields):
    assert named_fields(block) == fields
