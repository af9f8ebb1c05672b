"""The plan: an order that is a permutation, each token once an epoch, a split that stays, a ledger that balances."""

import numpy as np
import pytest
import token_corpora
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import ShardError
from curate.shards.reader import open_shards
from train.config import TrainError
from train.data import PADDING, Documents, Plan, batch_digest, documents, held_out, keyed_hash, token_ledger


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return open_shards(token_corpora.small(tmp_path_factory.mktemp("corpus") / "run"))


def plan(corpus, context=16, seed=0, share=0.1):
    return Plan(corpus, context=context, seed=seed, share=share)


def test_order_is_a_permutation_that_seed_and_epoch_draw(corpus):
    one = plan(corpus)
    orders = [one.order(0), one.order(1), plan(corpus, seed=1).order(0)]
    for order in orders:
        assert np.array_equal(np.sort(order), one.train_docs)
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])
    assert np.array_equal(orders[0], plan(corpus).order(0))
    rows = [one.row_order(0), one.row_order(1)]
    assert all(np.array_equal(np.sort(order), np.arange(one.num_rows)) for order in rows)
    assert not np.array_equal(*rows)
    assert np.array_equal(np.sort(np.append(one.train_docs, one.held_out_docs)), np.arange(120))


@settings(max_examples=20, deadline=None)
@given(context=st.integers(1, 70), seed=st.integers(0, 3), epoch=st.integers(0, 2))
def test_every_training_token_once_an_epoch(corpus, context, seed, epoch):
    one = plan(corpus, context, seed)
    order = one.row_order(epoch)
    rows = np.empty((one.num_rows, context + 1), dtype=np.int32)
    rows[order] = one.batch(epoch * one.num_rows, one.num_rows)
    expected = np.concatenate([corpus.row_tokens(int(row)) for row in one.order(epoch)])
    flat = rows[:, :-1].ravel()
    assert np.array_equal(flat[: len(expected)], expected)
    assert (flat[len(expected) :] == PADDING).all()
    assert len(flat) - len(expected) < context
    assert np.array_equal(rows[:, 1:].ravel()[: len(expected) - 1], expected[1:])
    assert (rows[:, 1:].ravel()[len(expected) - 1 :] == PADDING).all()


@settings(max_examples=20, deadline=None)
@given(row=st.integers(0, 900), cuts=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_batches_are_a_function_of_the_row(corpus, row, cuts):
    whole = plan(corpus).batch(row, sum(cuts))
    one, at, parts = plan(corpus), row, []
    one.batch(700, 2)  # what was read before does not matter
    for size in cuts:
        parts.append(one.batch(at, size))
        at += size
    assert np.array_equal(np.concatenate(parts), whole)
    assert batch_digest(np.concatenate(parts)) == batch_digest(whole)


def test_digest_sees_every_token(corpus):
    batch = plan(corpus).batch(0, 4)
    other = batch.copy()
    other[3, 16] += 1
    assert batch_digest(batch) == batch_digest(batch.astype(np.int64)) != batch_digest(other)


def test_order_does_not_depend_on_where_documents_lie(tmp_path):
    meta = token_corpora.meta()
    table = token_corpora.table(token_corpora.documents(50), meta)
    one = open_shards(token_corpora.write(tmp_path / "one", [table]))
    two = open_shards(token_corpora.write(tmp_path / "two", [table.slice(30), table.slice(0, 30)]))
    assert np.array_equal(plan(one).batch(0, 30), plan(two).batch(0, 30))
    assert plan(one).plan_id != plan(two).plan_id
    assert plan(one).plan_id == plan(one).plan_id != plan(one, seed=1).plan_id


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
    return Documents(np.arange(len(keys) + 1), keys, ones, ones)


def test_keyed_hash_depends_on_both_halves_and_on_the_purpose():
    keys = np.array([[1, 2], [2, 1], [1, 3]], dtype=np.uint64)
    hashes = np.concatenate([keyed_hash(keys, "order", 0, 0), keyed_hash(keys, "order", 0, 1)])
    assert len(set(hashes.tolist())) == 6


def test_pieces_of_a_document_stay_together(tmp_path):
    meta = token_corpora.meta()
    docs = token_corpora.documents(30, low=20, high=60)
    tables = token_corpora.pieces(docs, 15, meta)
    corpus = open_shards(token_corpora.write(tmp_path / "run", tables))
    found = documents(corpus)
    assert found.tokens.tolist() == [len(d) for d in docs]
    one = plan(corpus, context=8)
    flat = one.batch(0, one.num_rows)[np.argsort(one.row_order(0)), :-1].ravel()
    assert np.array_equal(flat[: one.num_tokens], np.concatenate([docs[d] for d in one.order(0)]))
    stream, chosen = one.held_out_stream(1 << 20)
    out = np.empty(len(stream), dtype=np.int32)
    stream.read(0, out)
    assert np.array_equal(out, np.concatenate([docs[d] for d in chosen]))


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


def test_token_ledger_balances_at_every_row(corpus):
    one = plan(corpus)
    for rows in (0, 1, 7, one.num_rows - 1, one.num_rows, one.num_rows + 1, 3 * one.num_rows + 5):
        ledger = token_ledger(one, rows)
        inputs = one.batch(0, rows)[:, :-1] if rows else np.empty((0, 16))
        assert ledger.corpus == corpus.num_tokens == ledger.held_out + ledger.train
        assert ledger.fed == ledger.trained + ledger.padding == inputs.size
        assert ledger.trained == (inputs != PADDING).sum()
        assert ledger.train == ledger.seen + ledger.not_reached


def test_corpora_that_nothing_can_be_learned_from(tmp_path, corpus):
    meta = token_corpora.meta()
    empty = open_shards(token_corpora.write(tmp_path / "empty", []))
    with pytest.raises(ShardError, match="expected documents, got 0; run `curate run` with a recipe that keeps some"):
        plan(empty).check(1)
    single = open_shards(token_corpora.write(tmp_path / "single", [token_corpora.table(token_corpora.documents(1), meta)]))
    with pytest.raises(ShardError, match=r"expected documents on both sides of the held-out split, got . to train on and . held out"):
        plan(single).check(1)
    with pytest.raises(TrainError, match=r"expected at least one batch of 16000 tokens, got \d+; lower --batch-tokens and --context"):
        plan(corpus).check(1000)
