"""`hf://datasets/…` as an input, from a hub on this machine: whole data sets, globs, a pinned revision, and what is not there."""

import io
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.registry import _registry, known_implementations

from curate.errors import SourceError
from curate.read import open_span
from curate.read.chunk import Limits, Source
from curate.read.files import Input, resolve, spans
from read.hub import Hub, serving

hf = pytest.importorskip("huggingface_hub", reason="the extra hf reads from the hub")
ROOT = "hf://datasets/owner/texts"


def lines(word):
    return "".join(json.dumps({"id": f"{word}-{n}", "text": f"{word} {n}"}) + "\n" for n in range(40)).encode()


def parquet(word):
    out = io.BytesIO()
    pq.write_table(pa.table({"id": [f"{word}-{n}" for n in range(30)], "text": [f"{word} {n}" for n in range(30)]}), out, row_group_size=10)
    return out.getvalue()


@pytest.fixture
def hub(monkeypatch):
    """A hub with one data set of two revisions, which huggingface_hub takes for the hub of all."""
    made = Hub(
        {
            ("owner/texts", "main"): {
                "README.md": b"# card",
                "data/train/a.jsonl": lines("new"),
                "data/train/b.parquet": parquet("table"),
                "data/test/c.jsonl": lines("test"),
            },
            ("owner/texts", "v1"): {"data/train/a.jsonl": lines("old")},
        }
    )
    with serving(made) as address:
        use(address, monkeypatch)
        yield made
    hf.HfFileSystem.clear_instance_cache()


def use(address, monkeypatch):
    """Let huggingface_hub ask there, as HF_ENDPOINT does for a new process."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    hf.HfFileSystem.clear_instance_cache()


def texts(uri, part_bytes=1 << 20):
    found = []
    for part in spans([Input(uri=uri, source=Source(name="hub"))], part_bytes):
        for span in part.spans:
            for chunk in open_span(span, part.source, Limits()):
                assert not chunk.errors
                found += chunk.documents["text"].to_pylist()
    return sorted(found)


def words(word, count):
    return sorted(f"{word} {n}" for n in range(count))


def test_a_glob_of_a_data_set_is_read_with_names_below_its_root(hub):
    files = resolve([Input(uri=f"{ROOT}/data/train/*", source=Source(name="hub"))])
    assert [(file.container, file.kind, file.size) for file in files] == [
        ("a.jsonl", "jsonl", len(lines("new"))),
        ("b.parquet", "parquet", len(parquet("table"))),
    ]
    assert len({file.etag for file in files}) == 2
    assert texts(f"{ROOT}/data/train/*") == sorted(words("new", 40) + words("table", 30))


def test_a_folder_is_walked_and_one_file_is_enough(hub):
    assert [file.container for file in resolve([Input(uri=f"{ROOT}/data", source=Source(name="hub"))])] == [
        "test/c.jsonl",
        "train/a.jsonl",
        "train/b.parquet",
    ]
    assert texts(f"{ROOT}/data/test/c.jsonl") == words("test", 40)


def test_a_large_file_is_read_in_ranges_by_several_parts(hub):
    assert texts(f"{ROOT}/data/train/a.jsonl", 400) == words("new", 40)
    assert texts(f"{ROOT}/data/train/b.parquet", 400) == words("table", 30)
    assert {path for _, path, *_ in hub.asked} == {"data/train/a.jsonl", "data/train/b.parquet"}


def test_a_pinned_revision_is_read(hub):
    assert texts("hf://datasets/owner/texts@v1/data/train/*.jsonl") == words("old", 40)
    assert {revision for revision, *_ in hub.asked} <= {"v1"}


@pytest.mark.parametrize(
    "uri",
    [
        "hf://datasets/owner/absent/a.jsonl",
        "hf://datasets/owner/texts@v9/data/train/a.jsonl",
        f"{ROOT}/data/none.jsonl",
        f"{ROOT}/none/*.jsonl",
    ],
)
def test_what_is_not_there_is_named(hub, uri):
    with pytest.raises(SourceError, match=rf"input {re.escape(uri)}: expected (a file|at least one file|a location)"):
        texts(uri)


def test_a_hub_that_is_out_of_reach_is_told_as_an_input(monkeypatch):
    with serving(Hub({})) as address:
        pass
    use(address, monkeypatch)
    with pytest.raises(SourceError, match=rf"input {re.escape(ROOT)}/a\.jsonl: expected a location that can be .*; check"):
        texts(f"{ROOT}/a.jsonl")
    hf.HfFileSystem.clear_instance_cache()


def test_without_the_extra_the_driver_is_named(monkeypatch):
    monkeypatch.setitem(known_implementations, "hf", {"class": "nothing_here.HfFileSystem", "err": "Install huggingface_hub"})
    monkeypatch.delitem(_registry, "hf", raising=False)
    with pytest.raises(SourceError, match="got Install huggingface_hub; run pip install 'curate\\[hf\\]'"):
        texts(f"{ROOT}/a.jsonl")


@pytest.fixture
def downloaded(tmp_path, monkeypatch):
    """The cache of huggingface_hub, with one revision as `hf download` lays it down, on a machine that is told to stay offline."""
    repository, commit = tmp_path / "datasets--owner--texts", "a" * 40
    for name, data in {"refs/main": commit.encode(), "blobs/1": lines("kept"), "blobs/2": parquet("table")}.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_bytes(data)
    folder = repository / "snapshots" / commit / "data"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").symlink_to("../../../blobs/1")
    (folder / "b.parquet").symlink_to("../../../blobs/2")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def test_offline_what_was_downloaded_is_read_under_the_same_names(downloaded):
    files = resolve([Input(uri=f"{ROOT}/data", source=Source(name="hub"))])
    assert [(file.container, file.size) for file in files] == [("a.jsonl", len(lines("kept"))), ("b.parquet", len(parquet("table")))]
    assert texts(f"{ROOT}/data/*") == sorted(words("kept", 40) + words("table", 30))
    assert texts(f"hf://datasets/owner/texts@{'a' * 40}/data/a.jsonl") == words("kept", 40)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (
            "hf://datasets/owner/absent/a.jsonl",
            "expected a repository that was downloaded before, .* hf download owner/absent --repo-type dataset",
        ),
        (f"{ROOT}@v1/a.jsonl", "expected a repository that was downloaded before, since HF_HUB_OFFLINE is set, got none in the cache; run"),
        (f"{ROOT}/none.jsonl", "expected a file, got nothing there; check the path"),
        ("hf://datasets", "expected a location that fsspec can open, got an address that is not hf://datasets/OWNER/NAME/PATH; "),
    ],
)
def test_offline_what_was_not_downloaded_is_named(downloaded, uri, message):
    with pytest.raises(SourceError, match=rf"input {re.escape(uri)}: {message}"):
        texts(uri)
