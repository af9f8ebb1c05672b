"""Documents that a shard could stumble over, through a whole run: empty, endless, made of special tokens, and of many tokens' vocabulary."""

import json

import numpy as np
import pytest

from curate.api import run
from curate.export.run import export
from curate.shards import format as layout
from curate.shards.reader import bytes_id, open_shards

MANY = 3 * layout.MAX_ROW_TOKENS + 17


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("awkward")
    texts = ["", "plain words here", "<|endoftext|>" * 3, "7 " * (MANY // 2), "last"]
    (folder / "in.jsonl").write_text("".join(json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(texts)))
    tokenizer = {
        "version": "1.0",
        "added_tokens": [
            {
                "id": 0,
                "content": "<|endoftext|>",
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "vocab": {"<|endoftext|>": 0} | {letter: n + 1 for n, letter in enumerate(alphabet())}, "merges": []},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    recipe = {
        "name": "awkward",
        "input": [{"uri": str(folder / "in.jsonl"), "source": "s"}],
        "tokenizer": {"file": str(folder / "tokenizer.json")},
        "shards": {"tokens_per_shard": 1_000_000},
    }
    run(recipe, output=folder / "run", workers=1)
    return folder / "run", texts


def alphabet():
    """The 256 letters of byte-level BPE, in the order of their bytes (GPT-2's table)."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) if byte in shown else chr(256 + hidden.index(byte)) for byte in range(256)]


def test_no_document_is_lost_and_each_gives_its_bytes(made):
    corpus = open_shards(made[0] / "shards")
    corpus.verify()
    ids, sizes = corpus.ids(), corpus.column("n_bytes")
    found = {}
    for row in np.flatnonzero(corpus.column("piece") == 0).tolist():
        tokens = corpus.document_tokens(bytes(ids[row]).ljust(16, b"\0"))
        assert tokens[0] == 0
        assert (tokens[1:] != 0).all()
        text = bytes((tokens[1:] - 1).astype(np.uint8).tolist()).decode()
        found[text] = int(sizes[row])
    assert found == {text: len(text.encode()) for text in made[1]}


def test_an_endless_document_is_rows_of_full_length_in_one_shard(made):
    corpus = open_shards(made[0] / "shards")
    pieces, piece, lengths = corpus.column("pieces"), corpus.column("piece"), corpus.lengths()
    rows = np.flatnonzero(pieces > 1)
    tokens = 2 * (MANY // 2) + 1
    assert piece[rows].tolist() == list(range(-(-tokens // layout.MAX_ROW_TOKENS)))
    assert (np.diff(rows) == 1).all()
    assert (lengths[rows[:-1]] == layout.MAX_ROW_TOKENS).all()
    assert lengths[rows].sum() == tokens
    assert sum(int((shard.batch["pieces"].to_numpy() > 1).any()) for shard in corpus.shards) == 1


def test_an_endless_document_is_found_read_and_exported_whole(made, tmp_path):
    corpus = open_shards(made[0] / "shards")
    rows = np.flatnonzero(corpus.column("pieces") > 1)
    one, whole = bytes_id(corpus.ids(), int(rows[0])), np.concatenate([corpus.row_tokens(int(row)) for row in rows])
    places = corpus.find(one)
    assert [int(corpus.shards[shard].entry["doc_base"]) + row for shard, row in places] == rows.tolist()
    assert np.array_equal(corpus.document_tokens(one), whole)
    export(corpus, tmp_path / "out", "datatrove", "tokens > 1000000", {"NOASSERTION": "unknown"})
    written = np.fromfile(tmp_path / "out" / "train.ds", np.uint16)
    assert np.array_equal(written, np.roll(whole, -1))
    assert np.fromfile(tmp_path / "out" / "train.ds.index", np.uint64).tolist() == [len(whole)]


def test_an_empty_document_is_one_boundary(made):
    corpus = open_shards(made[0] / "shards")
    rows = np.flatnonzero(corpus.column("n_bytes") == 0)
    assert [corpus.row_tokens(int(row)).tolist() for row in rows if corpus.column("piece")[row] == 0] == [[0]]
