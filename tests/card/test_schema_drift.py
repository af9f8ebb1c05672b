"""Drift of schemas in the card: what is told of files and sources whose records differ, whatever the parts."""

import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.api import run
from curate.card.drift import said
from curate.read.shapes import MAX_FIELDS, Shapes, bounded


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    """The facts of two runs over the same files, cut into one part and into many."""
    root = tmp_path_factory.mktemp("drift")
    (root / "in").mkdir()
    for name, rows in (
        ("a", [{"text": f"first {n}", "title": "one", "score": 1} for n in range(50)]),
        ("b", [{"text": f"second {n}", "title": None, "score": 0.5 if n % 2 else "high"} for n in range(50)]),
        ("c", [{"text": f"third {n}", "extra": {"deep": n}} for n in range(50)]),
    ):
        (root / "in" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pq.write_table(pa.table({"text": ["fourth"], "title": pa.array([4], pa.int32())}), root / "table.parquet")
    found = []
    for part_bytes in (1 << 20, 500):
        recipe = {
            "name": "drift",
            "input": [{"uri": str(root / "in" / "*.jsonl"), "source": "lines"}, {"uri": str(root / "table.parquet"), "source": "table"}],
            "steps": [],
            "limits": {"part_bytes": part_bytes},
        }
        run(recipe, output=root / str(part_bytes), workers=1)
        found.append(json.loads((root / str(part_bytes) / "card" / "facts.json").read_text()))
    return found, (root / "500" / "card" / "README.md").read_text()


def test_parts_do_not_show(facts):
    one, many = facts[0]
    assert one["schemas"] == many["schemas"]


def test_fields_that_appear_vanish_or_change(facts):
    lines, table = facts[0][0]["schemas"]
    assert (lines["source"], lines["files"], lines["records"], lines["drifting"]) == ("lines", 3, 150, 3)
    fields = {field["name"]: field for field in lines["fields"]}
    assert [field["name"] for field in lines["fields"]] == ["extra", "score", "title", "text"]
    assert fields["text"]["types"] == {"string": {"records": 150, "files": 3, "first": "a.jsonl"}}
    assert not fields["text"]["drifts"]
    assert {dtype: one["records"] for dtype, one in fields["score"]["types"].items()} == {"integer": 50, "number": 25, "string": 25}
    assert (fields["score"]["missing_files"], fields["score"]["first_missing"]) == (1, "c.jsonl")
    assert fields["title"]["differing_sources"] == ["table"]
    assert fields["extra"]["missing_sources"] == ["table"]
    assert table["drifting"] == 0


def test_the_card_tells_it(facts):
    told = {(source, name): what for source, name, what in said(facts[0][0])}
    assert told["lines", "title"] == "missing in 1 of 3 files (first c.jsonl); of another type in table"
    assert told["lines", "score"].startswith("integer in 50 records of 1 files (first a.jsonl); number in 25")
    assert ("lines", "text") not in told
    assert "Fields that differ between files and sources" in facts[1]


def test_many_fields_are_bounded_whatever_the_order():
    rows = [{f"field{n:05}": n, "text": "a"} for n in range(MAX_FIELDS + 40)]
    whole, parts = Shapes(), Counter()
    for at, row in enumerate(reversed(rows)):
        whole.record(row)
        if at % 100 == 99:
            records, counts = whole.take()
            assert records == 100
            parts = bounded(parts + counts)
    parts = bounded(parts + whole.take()[1])
    for row in rows:
        whole.record(row)
    assert whole.take() == (len(rows), parts)
    assert len(parts) == MAX_FIELDS
