"""Runs whose input, work and output lie in an S3 bucket, on a real server: the same bytes, also killed and resumed, also when the server fails."""

import multiprocessing
import os
from pathlib import Path

import law_corpus
import pytest
import s3_server

from curate import ledger
from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.recipe import from_dict
from curate.shards.digest import tree_digest
from curate.store import Store

s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: pip install '.[s3]'")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A server with the corpus in the bucket `corpus` and an empty bucket `runs`."""
    folder = tmp_path_factory.mktemp("s3")
    with s3_server.server(folder) as found:
        for name in ("corpus", "runs"):
            s3_server.bucket(found, name)
        yield found


@pytest.fixture
def s3(address, monkeypatch):
    """This process, and those that it starts, find the server as they would find any: by the environment."""
    point_at(address, monkeypatch)
    return address


def point_at(address, monkeypatch):
    for name, value in (s3_server.KEYS | {"AWS_ENDPOINT_URL": address}).items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def uploaded(s3, laws):
    """The corpus in the bucket."""
    fs = s3fs.S3FileSystem()
    for file in laws.glob("*.jsonl"):
        if not fs.exists(f"corpus/laws/{file.name}"):
            fs.put_file(str(file), f"corpus/laws/{file.name}")
    return "s3://corpus/laws"


def test_what_is_there_is_not_made_again(s3):
    store = Store("s3://runs/store")
    assert store.create("lease", b"first")
    assert not store.create("lease", b"second")
    assert store.read("lease") == b"first"


def test_a_put_that_fails_leaves_nothing(s3):
    store = Store("s3://runs/store")

    def half():
        with store.put("half") as sink:
            sink.write(bytes(30 << 20))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        half()
    assert not store.exists("half")
    with store.put("whole") as sink:
        sink.write(bytes(60 << 20))  # in several parts
    assert store.size("whole") == 60 << 20


def test_many_small_files_are_listed_and_read_many_at_a_time(s3):
    store = Store("s3://runs/many")
    store.fs.pipe({store.full(f"ledger/{number:05}"): str(number).encode() for number in range(1_010)})  # more than one page of a listing
    names = store.list("ledger")
    assert len(names) == 1_010
    assert [int(data) for data in store.read_all([f"ledger/{name}" for name in names])] == list(range(1_010))
    assert store.sizes("")["ledger/00042"] == 2


def test_from_bucket_to_bucket_the_same_bytes_in_few_requests(uploaded, reference, monkeypatch):
    read = []
    fetch = s3fs.core.S3File._fetch_range
    monkeypatch.setattr(
        s3fs.core.S3File, "_fetch_range", lambda self, start, end: (read.append((end - start, self.size)), fetch(self, start, end))[1]
    )
    store = Store("s3://runs/laws")
    make(from_dict(law_corpus.recipe(Path("x"), input=[{"uri": f"{uploaded}/*.jsonl", "source": "laws"}])), store, LocalEngine(1))
    folders = ("documents", "removed", "tokenizer", "shards")  # card and ledger say where the input lay
    assert tree_digest(store, folders) == {path: digest for path, digest in reference[1].items() if path.split("/")[0] in folders}
    crumbs = sum(asked < 4096 and asked < size for asked, size in read)
    assert crumbs == 0, f"{crumbs} of {len(read)} requests were for a few bytes"


def run(laws, output, failpoint, environment):
    """What a killed process was at."""
    os.environ.update(environment | {"CURATE_FAILPOINT": failpoint})
    ledger.PUT_SHARE = float("inf")
    make(from_dict(law_corpus.recipe(laws)), Store(output), LocalEngine(1))


def started(laws, output, failpoint):
    """The exit code of a run in a process forked from one that has loaded the libraries and nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["curate.engine.corpus", "s3fs", "law_corpus"])
    environment = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "CURATE_"))}
    child = context.Process(target=run, args=(laws, output, failpoint, environment))
    child.start()
    child.join()
    return child.exitcode


@pytest.mark.slow
def test_killed_in_a_bucket_and_resumed(s3, laws, reference):
    for edge in ("before_commit:30", "before_manifest_shards"):
        assert started(laws, "s3://runs/killed", edge) == 137
    assert started(laws, "s3://runs/killed", "") == 0
    assert tree_digest(Store("s3://runs/killed"), law_corpus.FOLDERS) == reference[1]


@pytest.mark.slow
def test_a_server_with_bad_days_changes_nothing(address, laws, tmp_path, monkeypatch):
    recipe = from_dict(law_corpus.recipe(laws, steps=[{"unicode": {}}, {"exact_dedup": {}}], limits={"part_bytes": 100_000}))
    make(recipe, Store(str(tmp_path)), LocalEngine(1))
    with s3_server.flaky(address) as (proxy, troubles):
        point_at(proxy, monkeypatch)
        store = Store("s3://runs/flaky")
        make(recipe, store, LocalEngine(1))
        assert {500, 503, None} <= set(troubles)
        assert tree_digest(store, law_corpus.FOLDERS) == tree_digest(Store(str(tmp_path)), law_corpus.FOLDERS)
    s3fs.S3FileSystem.clear_instance_cache()


def test_what_is_forgotten_leaves_a_run_in_a_bucket_as_it_leaves_a_folder(s3, tmp_path):
    """documents/, removed/, shards, list and receipt; the same bytes as in a folder, and nothing comes back when the run is made again."""
    from curate.forget import run as forgetting

    words = [f"word{n % 17} other{n % 5} thing{n}" for n in range(40)]
    (tmp_path / "in.jsonl").write_text(
        "".join(f'{{"id": "n{n}", "url": "https://h{n % 4}.example/{n}", "text": "{t}"}}\n' for n, t in enumerate(words))
    )
    made = {
        "name": "forgetful",
        "input": [{"uri": str(tmp_path / "in.jsonl"), "source": "one"}],
        "steps": [{"exact_dedup": {}}],
        "tokenizer": {"vocab_size": 270},
        "shards": {"tokens_per_shard": 400},
        "card": {"version": "1.0.0"},
    }
    request = forgetting.request_of([], ["https://h1.example/5"], ["h2.example"])
    counts, digests = [], []
    for root in ("s3://runs/forget", str(tmp_path / "forget")):
        store = Store(root)
        make(from_dict(made), store, LocalEngine(1))
        seen = forgetting.outlook(store, request, forgetting.Options())
        receipt, _ = forgetting.forget(store, request, forgetting.Options())
        assert seen.by_place["documents"] == receipt["counts"]["documents"] == 11
        assert seen.by_place["shards"] == receipt["counts"]["shards"] == 11
        assert (receipt["version"]["after"], receipt["emptied"]) == ("2.0.0", ["work"])
        assert store.exists(receipt["path"])
        counts.append(receipt["counts"])
        digests.append(tree_digest(store, ("documents", "removed", "shards")))
    assert counts[0] == counts[1]
    assert digests[0] == digests[1]
    again = make(from_dict(made), Store("s3://runs/forget"), LocalEngine(1))
    assert again.removed()["suppress:suppressed"] == 11
