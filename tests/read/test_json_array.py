"""One JSON array over a file: the values that are in it, where they are, and what is damaged."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.read import json_array
from curate.read.chunk import Limits
from tests.read.reading import read

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(VALUES, max_size=6), st.integers(1, 40), st.sampled_from([None, 1, 2]), st.booleans())
@settings(max_examples=60)
def test_the_values_of_an_array_and_their_bytes(values, step, indent, ascii_only):
    data = b"\xef\xbb\xbf" * ascii_only + json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    found = list(json_array.values(pieces, 1 << 20))
    assert [value for _, _, value in found] == values
    for offset, length, value in found:
        assert json.loads(data[offset : offset + length]) == value


@pytest.mark.parametrize("packed", [False, True])
def test_an_array_is_read_as_lines_are(packed, tmp_path):
    rows = [{"text": f"Grüße {n}", "id": n, "in": [{"to": n}]} for n in range(50)]
    data = json.dumps(rows, indent=2, ensure_ascii=False).encode()
    path = tmp_path / f"a.json{'.gz' * packed}"
    path.write_bytes(gzip.compress(data) if packed else data)
    found = read(path, span_bytes=100, limits=Limits(batch_rows=7))
    assert [row["text"] for row in found.rows] == [row["text"] for row in rows]
    assert found.errors == []
    origin = found.rows[7]["origin"]
    assert json.loads(data[origin["offset"] : origin["offset"] + origin["length"]]) == rows[7]


@pytest.mark.parametrize(
    ("data", "good", "message"),
    [
        (b'[{"text": "a"}, {"text": "b"', 1, r"""expected a value of a JSON array, got '{"text": "b"' \(JSONDecodeError\)"""),
        (b'[{"text": "a"},', 1, "expected a JSON array that ends with ], got the end of the file"),
        (b'[{"text": "a"}, {oops}, {"text": "c"}]', 1, r"expected a value of a JSON array, got '{oops}, "),
        (b'[{"text": "a"}, 17, {"text": "c"}]', 2, "expected a JSON object, got int 17"),
        (b"[" + b"[" * 100_000, 0, r"expected a value of a JSON array, got '\[+' \(RecursionError\)"),
    ],
)
def test_damage_is_a_counted_error(data, good, message, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(data)
    found = read(path)
    assert len(found.rows) == good
    (error,) = found.errors
    import re

    assert re.search(message, error.message)


def test_a_value_that_is_too_long_ends_the_array():
    data = b'[{"text": "a"}, {"text": "' + b"x" * 5000
    pieces = [data[at : at + 100] for at in range(0, len(data), 100)]
    stream = json_array.values(pieces, 1000)
    assert next(stream)[2] == {"text": "a"}
    with pytest.raises(ValueError, match="expected a value of at most 1000 characters in a JSON array"):
        next(stream)


def test_bytes_that_are_no_utf8_are_replaced(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'[{"text": "caf\xe9"}, {"text": "next"}]')
    found = read(path)
    assert [row["text"] for row in found.rows] == ["caf\ufffd", "next"]
    assert found.rows[1]["origin"]["offset"] == 19


def test_objects_over_several_lines(tmp_path):
    one, two = {"text": "one {\n", "id": 1}, {"text": "two", "id": 2}
    (tmp_path / "a.json").write_text(json.dumps(one, indent=2) + "\n")
    assert [row["text"] for row in read(tmp_path / "a.json").rows] == ["one {\n"]
    (tmp_path / "b.json").write_text("\n".join(json.dumps(each, indent=2) for each in (one, two, 3)) + "\n{")
    outcome = read(tmp_path / "b.json")
    assert [row["text"] for row in outcome.rows] == ["one {\n", "two"]
    assert [e.message[:31] for e in outcome.errors] == ["expected a JSON object, got int", "expected a value of a JSON arra"]
