"""Documents of shards: their pieces joined, a held-out side that stays."""

import numpy as np
import pytest
import token_corpora

from curate.errors import ShardError
from curate.shards.reader import open_shards
from train.data import Documents, documents, held_out, keyed_hash


def test_held_out_follows_the_id_alone():
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 2**63, (20_000, 2), dtype=np.uint64)
    docs = documents_of(keys)
    chosen = held_out(docs, 0.05)
    assert abs(chosen.mean() - 0.05) < 0.01
    assert np.array_equal(held_out(documents_of(keys[5000:]), 0.05), chosen[5000:])
    assert held_out(documents_of(keys[:3]), 1e-9).sum() == 1
    assert held_out(documents_of(keys[:1]), 1e-9).sum() == 0
    assert held_out(documents_of(keys[:200]), 1e-9).sum() == 8


def documents_of(keys):
    ones = np.ones(len(keys), dtype=np.int64)
    return Documents(np.arange(len(keys) + 1), keys, ones, ones, ones, 0 * ones, 0 * ones)


def test_keyed_hash_depends_on_both_halves_and_on_the_purpose():
    keys = np.array([[1, 2], [2, 1], [1, 3]], dtype=np.uint64)
    hashes = np.concatenate([keyed_hash(keys, "order", 0, 0), keyed_hash(keys, "order", 0, 1)])
    assert len(set(hashes.tolist())) == 6


def test_a_piece_without_its_document_is_refused(tmp_path):
    meta = token_corpora.meta()
    table = token_corpora.table([np.array([0, 1], np.uint16), np.array([5, 6], np.uint16)], meta, piece=[0, 1], pieces=[1, 2])
    ids = table["doc_id"].combine_chunks()
    same = table.set_column(1, table.schema.field("doc_id"), ids.take([1, 1]))
    same = same.set_column(2, same.schema.field("n_bytes"), token_corpora.pa.array([3, 0], token_corpora.pa.uint32()))
    with pytest.raises(ShardError, match="expected one `pieces` a document"):
        token_corpora.write(tmp_path / "bad", [same])
    tables = [same.slice(1)]  # a shard may start inside a document, a corpus may not
    corpus = open_shards(token_corpora.write(tmp_path / "run", tables))
    with pytest.raises(ShardError, match="row 0: expected piece 1 behind its document, got another before it; write the shards again"):
        documents(corpus)
