"""`curate shards`: what each verb says of a real run, and that what was forgotten is gone from everything that can be asked."""

import csv
import json
import shutil
import sys

import pyarrow.dataset
import pytest
import small_run

from curate.__main__ import main
from curate.shards.digest import tree_digest
from curate.shards.reader import bytes_id, open_shards
from curate.store import Store
from curate.why import story


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return small_run.write(tmp_path_factory.mktemp("made"))


@pytest.fixture
def run(made, tmp_path):
    """A copy that a test may change; the inputs beside it."""
    shutil.copytree(made.parent, tmp_path / "copy")
    return tmp_path / "copy" / "run"


@pytest.fixture
def curate(monkeypatch, capsys):
    """Call `curate shards …`: (exit code, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["curate", "shards", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return call


def rows(run):
    """Kept documents by URL."""
    manifest = json.loads((run / "documents" / "manifest.json").read_text())
    table = pyarrow.dataset.dataset([run / "documents" / entry["path"] for entry in manifest["files"]]).to_table()
    return {row["url"]: row for row in table.to_pylist()}


def everywhere(run):
    """Ids that any reader of ours would give out."""
    corpus = open_shards(run / "shards")
    ids = corpus.ids()
    assert corpus.num_rows == len(ids) == len(corpus.lengths())
    assert corpus.num_tokens == corpus.lengths().sum() == corpus.count_tokens().sum()
    return {bytes_id(ids, row) for row in range(len(ids))}


def test_every_verb_has_help_with_an_example(curate):
    for verb in ("verify", "stats", "cat", "find", "forget", "compact", "attribution"):
        code, out, _ = curate(verb, "--help")
        assert code == 0
        assert f"Example: curate shards {verb} runs/web" in out


def test_verify_reads_everything_and_encodes_again(made, curate):
    code, out, err = curate("verify", made)
    assert code == 0, err
    assert "60 rows" in out
    assert "60 documents (" in out
    assert "tokens) give their tokens again" in out


def test_verify_finds_a_flipped_byte_and_another_tokenizer(run, curate):
    tokenizer = run / "tokenizer" / "tokenizer.json"
    changed = json.loads(tokenizer.read_text())
    changed["model"]["merges"] = changed["model"]["merges"][:-1]
    other = run / "other.json"
    other.write_text(json.dumps(changed))
    code, _, err = curate("verify", run, "--tokenizer", other)
    assert code == 2
    assert "expected fingerprint sha256:" in err
    path = run / "shards" / "shard-00001.arrow"
    data = bytearray(path.read_bytes())
    data[-2000] ^= 1
    path.write_bytes(data)
    code, _, err = curate("verify", run)
    assert code == 2
    assert "shard-00001.arrow: expected xxh3_64" in err


def test_stats_count_what_lies_there(made, curate):
    code, out, _ = curate("stats", made, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["documents"] == small_run.NUM
    assert sum(told["tokens_by_source"].values()) == sum(told["tokens_by_license"].values()) == told["tokens"]
    assert told["text_bytes"] == sum(len(row["text"].encode()) for row in rows(made).values())
    assert told["tokens_a_document"]["least"] <= told["tokens_a_document"]["50%"] <= told["tokens_a_document"]["most"]
    assert "tokens_by_source\n  " in curate("stats", made)[1]


def test_cat_gives_the_text_and_find_the_row(made, curate):
    for row in list(rows(made).values())[:3]:
        code, out, err = curate("find", made, row["url"], "--json")
        (place,) = json.loads(out)
        assert (code, place["id"]) == (0, row["id"].hex()), err
        code, out, _ = curate("cat", made, place["id"])
        assert out == row["text"] + "\n"
        tokens = curate("cat", made, place["id"], "--tokens")[1].split()
        assert len(tokens) == place["tokens"]
        assert place["shard"] in curate("find", made, place["id"])[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cat", "abc"), "cat: expected an id of 32 hex digits, got 'abc'"),
        (("cat", "0" * 32), "it is unknown or forgotten"),
        (("find", "https://nowhere.example/"), "url: expected the URL of a kept document, got 'https://nowhere.example/'"),
        (("forget",), "request: expected ids, URLs, domains or sources, got none; give --id"),
        (("forget", "--id", "0" * 32), "got 1 unknown (00000000000000000000000000000000)"),
        (("forget", "--id", "12"), "id: expected 32 hex digits, got '12'"),
        (("forget", "--domain", "nowhere.example"), "domain: expected one of a kept document, got 'nowhere.example'"),
        (("forget", "--source", "thre"), "source: "),
        (("forget", "--file", "nowhere.txt"), "file nowhere.txt: expected lines of ids, URLs or domains, got"),
    ],
)
def test_what_is_not_there_is_named(made, curate, arguments, said):
    code, _, err = curate(arguments[0], made, *arguments[1:])
    assert code == 2
    assert said in err


def forget_mixed(run, curate, *more):
    """Forget by id, URL, domain and file at once; returns (receipt, ids that must be gone)."""
    documents = rows(run)
    by_domain = {row["id"] for row in documents.values() if row["domain"] == "host3.example"}
    one, two, three = (documents[f"https://www.host{n % 5}.example/one/{n}"] for n in (0, 1, 2))
    listed = run / "list.txt"
    listed.write_text(f"# asked for by mail\n{two['id'].hex().upper()}\n{three['url']}\nwww.host3.example\n\n")
    code, out, err = curate("forget", run, "--id", one["id"].hex(), "--file", listed, *more)
    assert code == 0, err
    return json.loads(out), by_domain | {one["id"], two["id"], three["id"]}


def test_a_forgotten_document_is_gone_from_every_reader_at_once(run, curate):
    before = open_shards(run / "shards")
    receipt, gone = forget_mixed(run, curate)
    corpus = open_shards(run / "shards")
    assert everywhere(run) == {row["id"] for row in rows(run).values()} - gone
    assert set(receipt["forgotten"]) == {one.hex() for one in gone}
    assert (receipt["corpus_id_before"], receipt["corpus_id_after"]) == (before.corpus_id, corpus.corpus_id)
    assert before.corpus_id != corpus.corpus_id
    assert receipt["now"]["documents"] == len(gone) == len(corpus.deleted) == before.num_rows - corpus.num_rows
    assert receipt["now"]["tokens"] == sum(len(before.document_tokens(one)) for one in gone) == before.num_tokens - corpus.num_tokens
    assert receipt["folders_that_may_hold_text"] == ["documents", "work"]
    assert json.loads((run / receipt["path"]).read_text()) == receipt
    for one in gone:
        assert corpus.find(one) == []
        assert corpus.document_tokens(one) is None
        assert story(Store(str(run)), one.hex()).hits[0].shards == ()
        assert curate("cat", run, one.hex())[0] == 2
    assert not any(one.hex() in curate("attribution", run)[1] for one in gone)
    assert curate("verify", run)[0] == 0
    told = json.loads(curate("stats", run, "--json")[1])
    assert told["forgotten_but_still_there"]["documents"] == len(gone)


def test_forgetting_again_changes_nothing_and_unknown_ids_are_told(run, curate):
    one = next(iter(rows(run).values()))["id"].hex()
    first = json.loads(curate("forget", run, "--id", one)[1])
    code, out, err = curate("forget", run, "--id", one, "--id", "f" * 32)
    second = json.loads(out)
    assert code == 0
    assert "1 ids are not in these shards" in err
    assert second["unknown"] == ["f" * 32]
    assert second["now"]["documents"] == 0
    assert second["corpus_id_after"] == second["corpus_id_before"] == first["corpus_id_after"]
    assert second["path"] == "forgotten/receipt-00002.json"


def test_compaction_touches_only_shards_that_held_one(run, curate):
    before = open_shards(run / "shards")
    one = bytes_id(before.shards[2].ids(), 0)
    curate("forget", run, "--id", one.hex())
    digests = tree_digest(Store(str(run)), ["shards"])
    done = json.loads(curate("compact", run)[1])
    after, corpus = tree_digest(Store(str(run)), ["shards"]), open_shards(run / "shards")
    corpus.verify()
    assert [entry["before"] for entry in done["rewritten"]] == ["shard-00002.arrow"]
    assert {path for path in digests if path in after and digests[path] == after[path]} == {
        f"shards/shard-0000{n}.arrow" for n in (0, 1, 3)
    }
    assert everywhere(run) == {row["id"] for row in rows(run).values()} - {one}
    assert corpus.num_tokens == before.num_tokens - len(before.document_tokens(one))
    assert (len(corpus.deleted), corpus.manifest["forgotten"]["documents"]) == (0, 1)
    tokens = before.document_tokens(one).tobytes()
    assert not any(tokens in path.read_bytes() for path in (run / "shards").iterdir())
    again = json.loads(curate("compact", run)[1])
    assert again["rewritten"] == []
    assert again["corpus_id_after"] == corpus.corpus_id


def test_erasing_at_once_is_forgetting_and_compacting_and_what_a_new_run_writes(run, curate):
    inputs = run.parent
    receipt, gone = forget_mixed(run, curate, "--erase")
    corpus = open_shards(run / "shards")
    corpus.verify()
    assert receipt["shards_that_still_hold_tokens"] == []
    assert receipt["corpus_id_after"] == corpus.corpus_id
    assert corpus.num_rows == small_run.NUM - len(gone)
    assert corpus.manifest["forgotten"]["documents"] == len(gone)
    erased = tree_digest(Store(str(run)), ["shards"])
    small_run.again(inputs)  # a run that is made again does not bring them back
    assert everywhere(run) == {row["id"] for row in rows(run).values()} - gone
    shutil.rmtree(run / "work")
    small_run.again(inputs)
    assert tree_digest(Store(str(run)), ["shards"]) == erased


def test_forgetting_after_compaction_counts_on(run, curate):
    first, second = (row["id"] for row in list(rows(run).values())[:2])
    curate("forget", run, "--id", first.hex(), "--erase")
    curate("forget", run, "--id", second.hex())
    assert everywhere(run) == {row["id"] for row in rows(run).values()} - {first, second}
    assert curate("compact", run)[0] == 0
    corpus = open_shards(run / "shards")
    corpus.verify()
    assert corpus.manifest["forgotten"]["documents"] == 2
    assert corpus.num_rows == small_run.NUM - 2


def test_forgetting_a_source_leaves_none_of_it(run, curate):
    assert curate("forget", run, "--source", "two", "--erase")[0] == 0
    corpus = open_shards(run / "shards")
    assert set(corpus.manifest["totals"]["source_tokens"]) == {"one"}
    assert curate("verify", run)[0] == 0


def test_attribution_lists_the_works_that_have_to_be_named(made, curate):
    code, out, err = curate("attribution", made)
    works = [json.loads(line) for line in out.splitlines()]
    assert code == 0, err
    expected = {row["id"].hex() for row in rows(made).values() if row["license__spdx"] in ("CC-BY-4.0", "MIT")}
    assert {work["id"] for work in works} == expected
    by = next(work for work in works if work["license"] == "CC-BY-4.0")
    assert by["license_url"] == "https://creativecommons.org/licenses/by/4.0/"
    assert by["author"].startswith("Author ")
    assert by["title"].startswith("Title ")
    table = list(csv.DictReader(curate("attribution", made, "--format", "csv")[1].splitlines()))
    assert [row["id"] for row in table] == [work["id"] for work in works]
    markdown = curate("attribution", made, "--format", "markdown")[1].splitlines()
    assert len(markdown) == 2 + len(works)
    assert all(line.replace("\\|", "").count("|") == 6 for line in markdown)  # a title's own bar is no column
