"""A forget receipt, verified from end to end: no plan row, no shard row and no export has a forgotten document; the receipt's hashes are the manifests'."""

import hashlib
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pytest
import small_run
from typer.testing import CliRunner

from curate.__main__ import app
from curate.export.formats import WRITERS
from curate.shards.reader import bytes_id, open_shards
from train.plan import Plan


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return small_run.write(tmp_path_factory.mktemp("receipt"))


def said(*arguments):
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def manifest_hash(run):
    """FORMAT.md: SHA-256 of the canonical JSON of the manifest without `corpus_id`."""
    manifest = json.loads((run / "shards" / "manifest.json").read_text())
    named = {key: value for key, value in manifest.items() if key != "corpus_id"}
    canonical = json.dumps(named, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return "sha256:" + hashlib.sha256(canonical).hexdigest()


def planned(corpus):
    """Ids in the rows of one pass of a training plan, and of its held-out side."""
    plan = Plan(corpus, context=32, seed=0, share=0.1)
    rows = len(plan.streams["*"].rows(0))
    numbers = {span.doc for span in plan.trace(0, rows)} | set(plan.held_out_docs.tolist())
    return {plan.doc_id(doc) for doc in numbers}, plan.batch(0, rows)


def texts_of(corpus, ids):
    return {one: corpus.document_tokens(bytes.fromhex(one))[1:] for one in ids}


def holds(data, tokens):
    return tokens.astype("<u2").tobytes() in data


@pytest.mark.parametrize("erase", [False, True])
def test_a_receipt_holds_what_it_says(made, tmp_path, erase):
    shutil.copytree(made.parent, tmp_path / "copy")
    run = tmp_path / "copy" / "run"
    before, old_hash = open_shards(run / "shards"), manifest_hash(run)
    ids = before.ids()
    victims = sorted(bytes_id(ids, row).hex() for row in (0, 7, 31, len(ids) - 1))
    texts = texts_of(before, victims)
    assert set(victims) <= planned(before)[0]
    receipt = said("shards", "forget", run, *(word for one in victims for word in ("--id", one)), *(["--erase"] if erase else []))

    assert receipt["forgotten"] == victims
    assert receipt == json.loads((run / receipt["path"]).read_text())
    assert (receipt["corpus_id_before"], receipt["corpus_id_after"]) == (old_hash, manifest_hash(run))
    assert receipt["now"]["tokens"] == sum(len(tokens) + 1 for tokens in texts.values())

    corpus = open_shards(run / "shards")
    corpus.verify()
    left = {bytes_id(corpus.ids(), row).hex() for row in range(corpus.num_rows)}
    assert left == {bytes_id(ids, row).hex() for row in range(len(ids))} - set(victims)
    assert all(corpus.document_tokens(bytes.fromhex(one)) is None for one in victims)

    in_plan, batch = planned(corpus)
    assert in_plan == left
    inputs = np.where(batch < 0, ~batch, batch)[:, :-1].astype("<u2")
    for tokens in texts.values():  # not one row of training has a stretch of a forgotten text's beginning
        assert not any(holds(row.tobytes(), tokens[:31]) for row in inputs)

    for to in WRITERS:
        done = said("export", run, "--to", to, "--output", tmp_path / to)
        assert done["corpus_id"] == receipt["corpus_id_after"]
        with pa.ipc.open_file(tmp_path / to / "train.documents.arrow") as reader:
            assert {one.hex() for one in reader.read_all()["doc_id"].to_pylist()} == left
        for path in (tmp_path / to).iterdir():
            assert not any(holds(path.read_bytes(), tokens) or bytes.fromhex(one) in path.read_bytes() for one, tokens in texts.items())

    files = sorted((run / "shards").glob("shard-*.arrow"))
    foreign = {
        one.hex() for one in pyarrow.dataset.dataset(list(map(str, files)), format="ipc").to_table(columns=["doc_id"])["doc_id"].to_pylist()
    }
    assert foreign == (left if erase else left | set(victims))  # other readers know no deletion vector
    held = [path for path in files for tokens in texts.values() if holds(path.read_bytes(), tokens)]
    assert sorted({path.name for path in held}) == receipt["shards_that_still_hold_tokens"]
    assert bool(held) == (not erase)
