"""`curate forget`: what was forgotten is in no file afterwards, the books still balance, the card says so, and nothing comes back."""

import json
import random
import shutil
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import curate
from curate import suppress
from curate.__main__ import main
from curate.card import facts
from curate.engine.index import opened as opened_index
from curate.errors import SourceError
from curate.recipe import from_dict
from curate.shards.reader import open_shards
from curate.store import Store
from curate.why import story

VICTIM, COPY, MIRROR, LEFT = (
    "https://www.jane.example/diary",
    "https://news.example/near",
    "https://mirror.example/same",
    "https://www.jane.example/short",
)
MARK = "quetzalcoatlus"
"""A word that stands in the victim's text and its copies, and nowhere else."""
FORMATS = ("megatron", "datatrove", "nanogpt", "llmc")
STEPS = [{"length": {"min_words": 8}}, {"exact_dedup": {"keep": ["fetched_at"]}}, {"near_dedup": {"keep": ["fetched_at"], "ngram": 2}}]


def rows():
    rng = random.Random(5)

    def text(n):
        return " ".join("".join(rng.choice("abcdefghij") for _ in range(5)) for _ in range(n))

    made = [{"url": f"https://www.host{n % 5}.example/{n}", "text": text(60)} for n in range(40)]
    private = f"{MARK} lives here {text(80)}"
    made += [
        {"url": VICTIM, "text": private},
        {"url": COPY, "text": private + " indeed"},
        {"url": MIRROR, "text": private},
        {"url": LEFT, "text": f"short {MARK}"},
        {"url": "https://blog.jane.example/cats", "text": text(50)},
    ]
    return [{"id": f"n{n}", "fetched_at": f"2026-01-01T00:00:{n:02}Z"} | row for n, row in enumerate(made)]


def recipe(folder, **more):
    return {
        "name": "forgetful",
        "input": [{"uri": str(folder / "in.jsonl"), "source": "one"}],
        "steps": STEPS,
        "tokenizer": {"vocab_size": 300},
        "shards": {"tokens_per_shard": 4000},
        "index": {"path": str(folder / "index"), "run": "first"},
        "card": {"version": "1.4.2"},
    } | more


def command(*arguments):
    """Call `curate …` in this process; its exit code."""
    before = sys.argv
    sys.argv = ["curate", *map(str, arguments)]
    try:
        main()
    except SystemExit as stop:
        return stop.code or 0
    finally:
        sys.argv = before
    return 0


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run with shards, an index and an export of each kind."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    curate.run(recipe(folder), output=folder / "run", workers=1)
    for to in FORMATS:
        assert command("export", folder / "run", "--to", to, "--output", folder / to) == 0
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy that a test may change; paths in it lead into the copy."""
    shutil.copytree(made, tmp_path / "copy", symlinks=True)
    for path in ("run/recipe.yaml", "run/exports.jsonl", "index/first/manifest.json"):
        file = tmp_path / "copy" / path
        file.write_text(file.read_text().replace(str(made), str(tmp_path / "copy")))
    about = json.loads((tmp_path / "copy/index/first/manifest.json").read_text())
    from curate.engine.index import digest_of_json

    about.pop("digest")
    Store(str(tmp_path / "copy/index")).write_json("first/manifest.json", about | {"digest": digest_of_json(about)})
    return tmp_path / "copy"


def table(run, name):
    return {row["url"]: row for row in getattr(curate.open(run), name)().to_table().to_pylist()}


def everything(folder):
    """(path, all that can be read of it) for every file below a folder but the input."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name == "in.jsonl":
            continue
        if path.suffix == ".parquet":
            yield path, repr(pq.read_table(path).to_pylist())
        else:
            yield path, path.read_bytes().decode("latin-1")


def ids_in_arrow(folder):
    """Every id in the Arrow files of a folder: shards, index, side-cars."""
    found = set()
    for path in folder.rglob("*.arrow"):
        with pa.OSFile(str(path)) as source:
            read = pa.ipc.open_file(source).read_all()
        for name in {"id", "doc_id"} & set(read.column_names):
            found.update(read[name].to_pylist())
    return found


def data_of(folder, name):
    return sorted([*folder.glob(f"{name}.bin"), *folder.glob(f"{name}.ds")])


def export_tokens(folder, to):
    """The tokens of an export, as one array."""
    header = 1024 if to == "llmc" else 0
    return np.concatenate([np.frombuffer(path.read_bytes()[header:], "<u2") for path in data_of(folder / to, "*")])


def test_a_document_and_its_copies_are_in_no_place_afterwards(folder, capsys):
    run = folder / "run"
    kept, removed = table(run, "documents"), table(run, "removed")
    assert (removed[MIRROR]["removed_by"], removed[COPY]["removed_by"]) == ("exact_dedup:duplicate", "near_dedup:near_duplicate")
    ids = {kept[VICTIM]["id"], removed[MIRROR]["id"], removed[COPY]["id"]}
    lengths = {to: len(export_tokens(folder, to)) for to in FORMATS}
    corpus = open_shards(run / "shards")
    tokens = len(corpus.document_tokens(kept[VICTIM]["id"]))
    capsys.readouterr()
    assert command("forget", run, "--url", "http://www.jane.example/diary#top", "--with-copies", "0.8") == 0
    assert command("forget", run, "--url", LEFT) == 0  # one that had left already
    for path, text in everything(folder):
        assert MARK not in text, path
        assert not [one for one in ("jane.example/diary", "mirror.example", "news.example") if one in text], path
    assert not ids & ids_in_arrow(folder)
    assert table(run, "documents").keys() == kept.keys() - {VICTIM}
    rest = curate.open(run).removed().to_table().to_pylist()
    assert [row["removed_by"] for row in rest if row["id"] == kept[VICTIM]["id"]] == ["forget:forgotten"]
    assert {row["removed_by"] for row in rest if row["value"] == "forgotten"} == {
        "forget:forgotten", "exact_dedup:duplicate", "near_dedup:near_duplicate", "length:too_few_words",
    }  # fmt: skip
    assert len(rest) == len(removed) + 1
    after = open_shards(run / "shards")
    after.verify()
    assert after.num_tokens == corpus.num_tokens - tokens
    for to, length in lengths.items():
        assert len(export_tokens(folder, to)) == length - tokens
        assert json.loads((folder / to / "export.json").read_text())["forgotten"] == 1
    assert story(Store(str(run)), kept[VICTIM]["id"].hex()).hits[0].removed_by == "forget:forgotten"
    assert "n40" not in repr(rest)  # its own id in the source; where it lay in the input is kept
    with pytest.raises(SourceError, match="it was forgotten on request, and the run's suppression list keeps it out"):
        story(Store(str(run)), VICTIM)


def test_an_export_holds_the_other_documents_as_before(folder):
    run, victim = folder / "run", table(folder / "run", "documents")[VICTIM]["id"]
    before = {to: documents_of(folder, to) for to in FORMATS}
    assert command("forget", run, "--id", victim.hex()) == 0
    for to, documents in before.items():
        assert documents_of(folder, to) == [one for one in documents if one[0] != victim]
        assert any(one[0] == victim for one in documents)


def documents_of(folder, to):
    """(id, tokens) of each document of an export, by its side-car."""
    found = []
    for side in sorted((folder / to).glob("*.documents.arrow")):
        with pa.OSFile(str(side)) as source:
            listed = pa.ipc.open_file(source).read_all()
        name = side.name.removesuffix(".documents.arrow")
        header = 1024 if to == "llmc" else 0
        tokens = np.concatenate([np.frombuffer(p.read_bytes()[header:], "<u2") for p in data_of(folder / to, f"{name}*")])
        ends = np.cumsum(listed["tokens"].to_numpy().astype(np.int64))
        assert ends[-1] == len(tokens)
        found += [(i, piece.tolist()) for i, piece in zip(listed["doc_id"].to_pylist(), np.split(tokens, ends[:-1]), strict=True)]
    return found


def test_it_does_not_come_back(folder):
    """The same recipe into the same folder; another recipe that names the list; a new crawl of the page, and its text elsewhere."""
    run = folder / "run"
    victim = table(run, "documents")[VICTIM]
    assert command("forget", run, "--url", VICTIM) == 0
    again = curate.run(recipe(folder), output=run, workers=1)
    assert VICTIM not in table(run, "documents")
    assert again.removed()["suppress:suppressed"] == 2  # the mirror has the same payload
    gone = [row for row in curate.open(run).removed().to_table().to_pylist() if row["removed_by"].startswith("suppress")]
    assert {row["value"] for row in gone} <= {"id", "url", "payload", "text"}
    assert all(row["text"] is None and row["url"] is None and row["origin"]["container"] for row in gone)
    later = [
        {"id": "x", "url": "HTTP://www.jane.example:80/diary", "text": "She wrote something else " * 9},
        {"id": "y", "url": "https://other.example/1", "text": f"  {victim['text']}\n"},
        {"id": "z", "url": "https://other.example/2", "text": "nothing of hers, only a lamp and a table " * 9},
    ]
    (folder / "later.jsonl").write_text("".join(json.dumps(row) + "\n" for row in later))
    other = {
        "name": "other",
        "input": [{"uri": str(folder / "later.jsonl"), "source": "b"}],
        "steps": STEPS,
        "suppress": str(run / suppress.LIST),
    }
    summary = curate.run(other, output=folder / "later", workers=1)
    assert set(table(folder / "later", "documents")) == {"https://other.example/2"}
    assert summary.removed() == {"suppress:suppressed": 1, "suppress_text:suppressed": 1}
    assert victim["text"] not in repr(curate.open(folder / "later").removed().to_table().to_pylist())
    assert facts.compute(Store(str(folder / "later")))["steps"][0]["step"] == "suppress"


def test_a_domain_and_an_owners_list(folder, capsys):
    run = folder / "run"
    (folder / "owner.txt").write_text(f"# of Jane\njane.example\n{MIRROR}\n")
    assert command("forget", run, "--file", folder / "owner.txt") == 0
    left = {*table(run, "documents"), *table(run, "removed")}
    assert not [url for url in left if url and ("jane.example" in url or url == MIRROR)]
    said = capsys.readouterr().out
    assert COPY in said  # a near-duplicate that is left, and offered
    receipt = json.loads((run / "forgotten" / "request-00001.json").read_text())
    assert receipt["asked"] == {"urls": 1, "hosts": 1}
    assert (receipt["counts"]["documents"], receipt["counts"]["removed"], receipt["unmet"]) == (2, 2, 0)
    assert "jane" not in json.dumps(receipt)
    assert all(one["before"] != one["after"] for one in receipt["files"].values())
    assert receipt["shards"]["corpus_id_before"] != receipt["shards"]["corpus_id_after"]
    assert receipt["index"]["manifest_before"] != receipt["index"]["manifest_after"]


def test_the_card_says_so_and_its_version_goes_up(folder):
    run = folder / "run"
    before = facts.compute(Store(str(run)))
    assert command("forget", run, "--domain", "blog.jane.example") == 0
    after = facts.compute(Store(str(run)))
    assert after["kept"]["documents"] == before["kept"]["documents"] - 1
    assert after["forgotten"] == {"requests": 1, "documents": 1, "removed": 0, "revision": 2, "version_before": "1.4.2", "version": "2.0.0"}
    assert after["people"]["said"]["version"] == "2.0.0"
    assert after["steps"][-1]["removed"] == {"forgotten": {"documents": 1, "text_bytes": 0}}
    for page in ("README.md", "card.html"):
        text = (run / "card" / page).read_text()
        assert "Forgotten on request" in text
        assert "2.0.0" in text
    (run / "card.yaml").write_text("version: '5.0'\n")
    assert facts.compute(Store(str(run)))["people"]["said"]["version"] == "5.0"  # people have the last word


def test_nothing_changes_in_a_dry_run_and_the_shards_may_only_hide(folder, capsys):
    run = folder / "run"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert command("forget", run, "--url", VICTIM, "--dry-run", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["by_place"] | {"exports": None} == {
        "documents": 1, "removed": 0, "shards": 1, "index": {"exact_dedup": 1, "near_dedup": 1}, "unmet": 0, "exports": None,
    }  # fmt: skip
    assert [one["documents"] for one in said["by_place"]["exports"]] == [1] * 4
    assert {one["url"] for one in said["copies"]} == {COPY, MIRROR}
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert command("forget", run, "--url", VICTIM, "--no-erase") == 0
    corpus = open_shards(run / "shards")
    assert len(corpus.deleted) == 1
    assert facts.compute(Store(str(run)))["tokens"]["forgotten_documents"] == 1


@pytest.mark.parametrize("point", ["after_forget_pending", "between_forget_manifests", "after_forget_shards"])
def test_a_killed_request_is_finished_by_the_same_request(folder, monkeypatch, point):
    run = folder / "run"

    class KilledError(Exception):
        pass

    def die(name):
        if name == point:
            raise KilledError

    with monkeypatch.context() as patched:
        for module in ("curate.forget.run", "curate.forget.tables"):
            patched.setattr(f"{module}.failpoint", die)
        with pytest.raises(KilledError):
            command("forget", run, "--url", VICTIM, "--with-copies", "0.8")
    assert command("forget", run, "--url", VICTIM, "--with-copies", "0.8") == 0
    assert json.loads((run / "forgotten" / "request-00001.json").read_text())["counts"]["documents"] == 1
    assert command("forget", run, "--url", LEFT) == 0
    assert MARK not in "".join(text for _, text in everything(folder))
    open_shards(run / "shards").verify()
    assert facts.compute(Store(str(run)))["forgotten"]["version"] == "2.0.0"


def test_what_is_told_of_bad_requests(folder, capsys):
    run = folder / "run"
    for arguments, told in (
        ((), "expected ids, addresses or domains, got none; give --id"),
        (("--id", "12"), "expected 32 hex digits, got '12'"),
        (("--url", "nonsense"), "expected an address with a host, got 'nonsense'"),
        (("--domain", "https://a.example/x"), "expected a host such as example.org"),
        (("--url", "https://nobody.example/"), "got none that is meant; `curate why` finds documents, and --in-advance puts"),
        (("--url", VICTIM, "--export", str(folder / "index")), "expected the folder of `curate export` with export.json"),
        (("--file", str(folder / "absent")), "expected lines of ids, URLs or domains"),
    ):
        assert command("forget", run, *arguments) == 2
        assert told in capsys.readouterr().err
    assert not (run / "forgotten").exists()
    assert command("forget", run, "--url", "https://nobody.example/", "--in-advance") == 0
    shutil.rmtree(folder / "llmc")
    assert command("forget", run, "--url", VICTIM) == 0
    assert "exports that were not found, and may still hold what was forgotten: llmc" in capsys.readouterr().err


def test_the_index_is_whole_and_later_runs_are_compared_with_what_is_left(folder):
    run, victim = folder / "run", table(folder / "run", "documents")[VICTIM]["id"]
    assert victim in ids_in_arrow(folder / "index")
    assert command("forget", run, "--url", VICTIM) == 0
    assert victim not in ids_in_arrow(folder / "index")
    other = rows()[3]
    text = {"id": "q", "url": "https://q.example/", "text": other["text"], "fetched_at": "2027-01-01T00:00:00Z"}
    mirror = {"id": "m", "url": "https://m.example/", "text": rows()[40]["text"], "fetched_at": "2027-01-01T00:00:01Z"}
    (folder / "second.jsonl").write_text(json.dumps(text) + "\n" + json.dumps(mirror) + "\n")
    second = recipe(folder, name="second", input=[{"uri": str(folder / "second.jsonl"), "source": "one"}])
    second |= {"index": {"path": str(folder / "index"), "run": "second"}, "tokenizer": None, "shards": None}
    assert opened_index(from_dict(second), Store(str(folder / "second"))).against == ("first",)
    curate.run(second, output=folder / "second", workers=1)
    assert set(table(folder / "second", "documents")) == {"https://m.example/"}  # its hashes are forgotten; `suppress` would bar it
    assert table(folder / "second", "removed")["https://q.example/"]["exact_dedup__run"] == "first"
