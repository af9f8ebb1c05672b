"""Inputs to files, and files to parts."""

import json
import re

import fsspec
import pytest

from curate.errors import SourceError
from curate.read import open_span
from curate.read.chunk import Limits, Source
from curate.read.files import Input, kind_of, resolve, spans

CRAWL, BOOKS = Source(name="crawl"), Source(name="books")


@pytest.fixture
def tree(tmp_path):
    """A folder with files of several kinds, and some that are none."""
    for name in ("b/two.html", "a.txt", "b/c/three.md", "_SUCCESS", ".hidden.txt", "b/_temp/x.txt", "picture.png", "lines.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'{"text": "x"}\n')
    return tmp_path


def _lines(path, count, word="text"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"text": f"{word} {n}", "id": n}) + "\n" for n in range(count)))
    return path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.warc.gz", "warc"),
        ("A.WARC", "warc"),
        ("a.arc.gz", "arc"),
        ("a.jsonl.zst", "jsonl"),
        ("a.json.gz", "jsonl"),
        ("a.parquet", "parquet"),
        ("a.b.html", "folder"),
        ("a.gz", None),
        ("a", None),
    ],
)
def test_the_kind_is_told_by_the_suffix(name, kind):
    assert kind_of(name) == kind


def test_a_folder_is_walked_and_names_are_below_it(tree):
    files = resolve([Input(uri=str(tree), source=CRAWL)])
    assert [(f.container, f.kind) for f in files] == [
        ("a.txt", "folder"),
        ("b/c/three.md", "folder"),
        ("b/two.html", "folder"),
        ("lines.jsonl", "jsonl"),
        ("picture.png", "unread"),
    ]
    (counted,) = open_span(spans([Input(uri=str(tree), source=CRAWL)], 1 << 20)[0].spans[-1], CRAWL, Limits())
    assert (counted.skipped, counted.documents.num_rows) == ({"no_reader": 1}, 0)
    assert all(f.size == 14 and f.etag and f.uri == str(tree / f.container) for f in files)


def test_a_glob_names_files_below_its_root_and_a_file_is_its_base_name(tree):
    assert [f.container for f in resolve([Input(uri=f"{tree}/b/**/*.*m*", source=CRAWL)])] == ["c/three.md", "two.html"]
    assert [f.container for f in resolve([Input(uri=f"{tree}/b/two.html", source=CRAWL)])] == ["two.html"]
    assert [f.container for f in resolve([Input(uri=f"{tree}/[ab]*.txt", source=CRAWL)])] == ["a.txt"]


def test_a_name_with_wildcard_signs_in_it_is_a_file_where_it_exists(tmp_path):
    path = _lines(tmp_path / "a[1].jsonl", 1)
    assert [f.container for f in resolve([Input(uri=str(path), source=CRAWL)])] == ["a[1].jsonl"]


def test_the_order_of_inputs_does_not_matter_and_a_file_named_twice_is_one(tmp_path):
    one, two = _lines(tmp_path / "x" / "1.jsonl", 1), _lines(tmp_path / "y" / "2.jsonl", 1)
    given = [Input(uri=str(two), source=CRAWL), Input(uri=str(one), source=BOOKS), Input(uri=f"{tmp_path}/y/*", source=CRAWL)]
    assert resolve(given) == resolve(given[::-1])
    assert [(f.source.name, f.container) for f in resolve(given)] == [("books", "1.jsonl"), ("crawl", "2.jsonl")]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("nothing.jsonl", "expected a file, got nothing there; check the path"),
        ("*.warc.gz", "expected at least one file to read, got none; check the path or the pattern"),
        ("empty", "expected at least one file to read, got none; check the path or the pattern"),
        ("picture.png", r"expected names that end with one of \.warc\.gz .*, got 'picture\.png'; rename it or narrow the pattern"),
        ("pict*", r"expected names that end with one of \.warc\.gz .*, got 'picture\.png'; rename it or narrow the pattern"),
    ],
)
def test_an_input_that_gives_nothing_is_refused(tree, pattern, message):
    (tree / "empty").mkdir()
    uri = f"{tree}/{pattern}"
    with pytest.raises(SourceError, match=f"input {re.escape(uri)}: {message}"):
        resolve([Input(uri=uri, source=CRAWL)])


def test_an_unknown_protocol_is_refused():
    with pytest.raises(
        SourceError, match=r"input nope://x: expected a location that fsspec can open, got .*nope.*; install the driver or check the path"
    ):
        resolve([Input(uri="nope://x", source=CRAWL)])


def test_a_store_that_does_not_answer_is_told_as_an_input():
    class DownError(Exception):
        """As HTTP libraries have them: no OSError."""

    class Down(fsspec.AbstractFileSystem):
        protocol = "down"

        def info(self, path, **kwargs):
            raise DownError("no such host")

    fsspec.register_implementation("down", Down, clobber=True)
    with pytest.raises(
        SourceError, match=r"input down://x/a.jsonl: expected a location that can be listed, got DownError: no such host; check"
    ):
        resolve([Input(uri="down://x/a.jsonl", source=CRAWL)])


def test_one_name_for_two_files_of_a_source_is_refused(tmp_path):
    one, two = _lines(tmp_path / "x" / "a.jsonl", 1), _lines(tmp_path / "y" / "a.jsonl", 1)
    with pytest.raises(
        SourceError,
        match=r"expected container names that differ within source crawl, got 'a.jsonl' twice .*; give the inputs two source names",
    ):
        resolve([Input(uri=str(one), source=CRAWL), Input(uri=str(two), source=CRAWL)])
    assert len(resolve([Input(uri=str(one), source=CRAWL), Input(uri=str(two), source=BOOKS)])) == 2


def test_the_recipe_may_name_the_kind(tmp_path):
    path = _lines(tmp_path / "data.odd", 3)
    (part,) = spans([Input(uri=str(path), source=CRAWL, kind="jsonl")], 1 << 20)
    assert sum(c.documents.num_rows for c in open_span(part.spans[0], part.source, Limits())) == 3


def test_a_large_file_feeds_many_parts_and_small_files_share_one(tmp_path):
    large = _lines(tmp_path / "m-large.jsonl", 1000)
    for n in range(10):
        _lines(tmp_path / f"small-{n}.jsonl", 10)
    parts = spans([Input(uri=str(tmp_path), source=CRAWL)], 3000)
    of_large = [p for p in parts if p.spans[0].container == "m-large.jsonl"]
    assert len(of_large) == -(-large.stat().st_size // 3000)
    assert all(len(p.spans) == 1 for p in of_large)
    assert len(parts) - len(of_large) == 1
    assert len(parts[-1].spans) == 10
    assert parts == spans([Input(uri=str(tmp_path), source=CRAWL)], 3000)


@pytest.mark.parametrize("part_bytes", [1, 64, 333, 5000, 1 << 30])
def test_any_part_size_reads_the_same_rows(tmp_path, part_bytes):
    for n in range(4):
        _lines(tmp_path / f"{n}.jsonl", 7 * n, f"file {n}")
    parts = spans([Input(uri=str(tmp_path), source=CRAWL)], part_bytes)
    assert all(p.stored_bytes <= part_bytes or len(p.spans) == 1 for p in parts)
    rows = [row for p in parts for span in p.spans for c in open_span(span, p.source, Limits()) for row in c.documents.to_pylist()]
    assert [row["text"] for row in rows] == [f"file {n} {k}" for n in range(4) for k in range(7 * n)]


def test_parts_hold_one_source_each(tmp_path):
    inputs = [Input(uri=str(_lines(tmp_path / f"{s.name}.jsonl", 2)), source=s) for s in (CRAWL, BOOKS)]
    assert [p.source.name for p in spans(inputs, 1 << 20)] == ["books", "crawl"]
    with pytest.raises(SourceError, match="expected part_bytes of at least 1, got 0; raise it"):
        spans(inputs, 0)


def test_files_elsewhere_are_read_through_fsspec(tmp_path):
    store = fsspec.filesystem("memory")
    store.pipe("/crawl/x/a.jsonl", b'{"text": "one"}\n{"text": "two"}\n')
    try:
        (file,) = resolve([Input(uri="memory://crawl/**/*.jsonl", source=CRAWL)])
        assert (file.container, file.size) == ("x/a.jsonl", 32)
        parts = spans([Input(uri="memory://crawl/**/*.jsonl", source=CRAWL)], 8)
        rows = [row["text"] for p in parts for s in p.spans for c in open_span(s, p.source, Limits()) for row in c.documents.to_pylist()]
        assert rows == ["one", "two"]
    finally:
        store.rm("/crawl", recursive=True)
