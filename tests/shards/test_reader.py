"""Opening shards: every document by number and by id without copies; damage, strangers and other tokenizers are named."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pytest
import token_corpora

from curate.errors import ShardError
from curate.shards import format as layout
from curate.shards.reader import bytes_id, open_shards


@pytest.fixture
def shards(tmp_path):
    return token_corpora.small(tmp_path / "run")


def test_documents_by_number_and_by_id(shards):
    corpus = open_shards(shards)
    expected = token_corpora.documents(120)
    assert corpus.num_rows == 120
    assert corpus.num_tokens == sum(map(len, expected)) == corpus.lengths().sum()
    for row, tokens in enumerate(expected):
        assert np.array_equal(corpus.row_tokens(row), tokens)
        doc_id = bytes_id(corpus.ids(), row)
        assert corpus.find(doc_id) == [(row // 60, row % 60)]
    assert not corpus.row_tokens(3).flags.owndata
    assert corpus.find(b"\xff" * 16) == []
    corpus.verify()
    assert corpus.check_tokenizer() == shards / "../tokenizer/tokenizer.json"
    with pytest.raises(ShardError, match="find: expected an id of 16 bytes, got 3; give all 32 hex digits"):
        corpus.find(b"abc")
    with pytest.raises(IndexError, match=r"expected 0\.\.119, got 120"):
        corpus.row_tokens(120)


def test_ids_that_end_in_zero_bytes_are_found(tmp_path):
    meta = token_corpora.meta()
    table = token_corpora.table(token_corpora.documents(3), meta)
    ids = [b"\x01" + b"\0" * 15, b"\0" * 16, b"\x01" * 8 + b"\0" * 8]
    table = table.set_column(1, table.schema.field("doc_id"), pa.array(ids, pa.binary(16)))
    corpus = open_shards(token_corpora.write(tmp_path / "run", [table]))
    assert [corpus.find(i) for i in ids] == [[(0, 0)], [(0, 1)], [(0, 2)]]
    assert [bytes_id(corpus.ids(), row) for row in range(3)] == ids


def test_views_outlive_the_corpus(shards):
    view = open_shards(shards).row_tokens(0)
    assert np.array_equal(view, token_corpora.documents(120)[0])


@pytest.mark.parametrize("num_shards", [0, 1])
def test_a_corpus_of_nothing_opens(tmp_path, num_shards):
    empty = [token_corpora.table([], token_corpora.meta())] * num_shards
    corpus = open_shards(token_corpora.write(tmp_path / "run", empty))
    corpus.verify()
    assert (corpus.num_rows, corpus.num_tokens, len(corpus.lengths()), len(corpus.ids())) == (0, 0, 0, 0)
    assert corpus.column("piece").dtype == np.uint32
    assert corpus.find(b"\0" * 16) == []


def test_a_shard_cut_short(shards):
    path = shards / "shard-00001.arrow"
    data = path.read_bytes()
    path.write_bytes(data[:-10])
    with pytest.raises(ShardError, match=rf"shard-00001.arrow: expected {len(data)} bytes, got {len(data) - 10} \(cut short"):
        open_shards(shards)
    path.write_bytes(b"")
    with pytest.raises(ShardError, match=rf"shard-00001.arrow: expected {len(data)} bytes, got 0; copy the file again"):
        open_shards(shards)
    path.write_bytes(bytes(len(data)))
    with pytest.raises(ShardError, match=r"shard-00001.arrow: expected an Arrow IPC file, got .*; copy the file again"):
        open_shards(shards)


def test_a_missing_shard_and_a_missing_folder(shards, tmp_path):
    (shards / "shard-00000.arrow").unlink()
    with pytest.raises(ShardError, match=r"shard-00000.arrow: expected a file of \d+ bytes, got none; copy the whole folder"):
        open_shards(shards)
    with pytest.raises(ShardError, match=r"shards: expected a local folder, got .*nowhere; give the shards folder"):
        open_shards(tmp_path / "nowhere")
    with pytest.raises(ShardError, match=r"shards: expected manifest.json, got none in"):
        open_shards(tmp_path)


def test_a_flipped_byte_is_found_by_verify(shards):
    path = shards / "shard-00000.arrow"
    data = bytearray(path.read_bytes())
    at = data.find(token_corpora.documents(120)[0].tobytes())
    assert at > 0
    data[at + 3] ^= 1
    path.write_bytes(data)
    corpus = open_shards(shards)
    with pytest.raises(ShardError, match=r"shard-00000.arrow: expected xxh3_64 [0-9a-f]{16}, got [0-9a-f]{16}; the file is damaged"):
        corpus.verify()


@pytest.mark.parametrize("position", range(0, 100, 7))
def test_any_flipped_byte_is_refused_somewhere(shards, position):
    path = shards / "shard-00000.arrow"
    data = bytearray(path.read_bytes())
    data[len(data) * position // 100] ^= 255
    path.write_bytes(data)
    with pytest.raises(ShardError):
        open_shards(shards).verify()


def test_a_manifest_of_another_run(shards, tmp_path):
    other = token_corpora.small(tmp_path / "other", num=100, seed=5)
    shutil.copy(other / "manifest.json", shards / "manifest.json")
    with pytest.raises(
        ShardError, match=r"shard-00000.arrow: expected \d+ bytes, got \d+ \(.*of another run\); copy shards and manifest together"
    ):
        open_shards(shards)


def test_shards_of_two_tokenizers(shards, tmp_path):
    meta = token_corpora.meta(tokenizer_fingerprint=layout.tokenizer_fingerprint(token_corpora.tokenizer_json("b")))
    docs = token_corpora.documents(120)
    other = token_corpora.write(tmp_path / "other", [token_corpora.table(docs[60:], meta, 10)], meta)
    shutil.copy(other / "shard-00000.arrow", shards / "shard-00001.arrow")
    with pytest.raises(
        ShardError,
        match=r"shard-00001.arrow: expected tokenizer_fingerprint .* as in the manifest, got .*; do not mix the shards of two runs",
    ):
        open_shards(shards)


def test_an_edited_manifest(shards):
    path = shards / "manifest.json"
    manifest = json.loads(path.read_bytes())
    path.write_text(json.dumps(manifest | {"sources": ["left", "wrong"]}))
    with pytest.raises(ShardError, match=r"expected corpus_id sha256:\w+, got sha256:\w+; the manifest was edited: restore it"):
        open_shards(shards)
    path.write_text(json.dumps(manifest | {"format": "curate/manifest/9"}))
    with pytest.raises(
        ShardError, match=r"expected format curate/manifest/2 or curate/manifest/3 or curate/manifest/4, got curate/manifest/9"
    ):
        open_shards(shards)
    path.write_text("{")
    with pytest.raises(ShardError, match=r"manifest.json: expected JSON, got "):
        open_shards(shards)


def test_counts_that_differ_from_the_manifest(shards):
    path = shards / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["shards"][0]["tokens"] += 1
    manifest["corpus_id"] = layout.corpus_id(manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(
        ShardError, match=r"shard-00000.arrow: expected 60 rows and \d+ tokens, got 60 and \d+; copy shards and manifest together"
    ):
        open_shards(shards)


def test_an_index_of_other_documents(shards, tmp_path):
    other = token_corpora.small(tmp_path / "other", seed=5)
    shutil.copy(other / "doc_index.arrow", shards / "doc_index.arrow")
    with pytest.raises(ShardError, match=r"doc_index.arrow: expected xxh3_64 \w+, got \w+"):
        open_shards(shards).verify()


def test_a_tokenizer_changed_by_one_entry(shards, tmp_path):
    corpus = open_shards(shards)
    path = tmp_path / "tokenizer.json"
    path.write_bytes(token_corpora.tokenizer_json("b"))
    with pytest.raises(
        ShardError, match=r"expected fingerprint sha256:\w+ as in the shards, got sha256:\w+; give the tokenizer that encoded them"
    ):
        corpus.check_tokenizer(path)
    with pytest.raises(
        ShardError, match=r"tokenizer: expected a tokenizer.json, got .*none.json \(No such file or directory\); say where it lies"
    ):
        corpus.check_tokenizer(tmp_path / "none.json")
