"""The plan: an order that is a permutation, each token once an epoch and a target once, removals, a ledger that balances."""

import numpy as np
import pytest
import token_corpora
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import ShardError
from curate.shards.boundary import POLICIES
from curate.shards.reader import open_shards
from train.config import Removal, TrainError
from train.data import PADDING
from train.packing import KINDS
from train.plan import Plan, batch_digest, row_digests, token_ledger


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return open_shards(token_corpora.small(tmp_path_factory.mktemp("corpus") / "run"))


def plan(corpus, context=16, seed=0, share=0.1, **more):
    return Plan(corpus, context=context, seed=seed, share=share, **more)


def tokens_of(plan, doc):
    out = np.empty(int(plan.docs.tokens[doc]), dtype=np.int32)
    plan.read(int(doc), 0, out)
    return out


def test_order_is_a_permutation_that_seed_and_epoch_draw(corpus):
    one = plan(corpus)
    orders = [one.streams["*"].order(0), one.streams["*"].order(1), plan(corpus, seed=1).streams["*"].order(0)]
    for order in orders:
        assert np.array_equal(np.sort(order), one.train_docs)
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])
    assert np.array_equal(orders[0], plan(corpus).streams["*"].order(0))
    assert np.array_equal(np.sort(np.append(one.train_docs, one.held_out_docs)), np.arange(120))
    assert not np.array_equal(one.streams["*"].rows(0).doc, one.streams["*"].rows(1).doc)


@pytest.mark.parametrize("packing", KINDS)
@settings(max_examples=15, deadline=None)
@given(context=st.integers(1, 70), seed=st.integers(0, 3), epoch=st.integers(0, 2))
def test_every_training_token_is_an_input_once_and_a_target_once(corpus, packing, context, seed, epoch):
    one = plan(corpus, context, seed, packing=packing)
    rows = one.streams["*"].rows(epoch)
    first = sum(len(one.streams["*"].rows(before)) for before in range(epoch))
    batch = one.batch(first, len(rows))
    inputs, targets = batch[:, :-1], batch[:, 1:]
    read = np.where(inputs < 0, ~inputs, inputs)
    texts = {doc: tokens_of(one, doc) for doc in one.train_docs}
    seen = dict.fromkeys(((doc, k) for doc, text in texts.items() for k in range(len(text))), 0)
    asked = dict(seen)
    for row, span in ((span.row - first, span) for span in one.trace(first, len(rows))):
        text = texts[span.doc]
        at = sum(s.length for s in one.trace(first + row, 1) if s.row == span.row and before(s, span, one.trace(first + row, 1)))
        assert np.array_equal(read[row, at : at + span.length], text[span.start : span.start + span.length])
        for k in range(span.length):
            seen[span.doc, span.start + k] += 1
            expected = text[span.start + k + 1] if span.start + k + 1 < len(text) else corpus.meta.eos_id
            target = targets[row, at + k]
            if target >= 0:
                assert target == expected
                if span.start + k + 1 < len(text):
                    asked[span.doc, span.start + k + 1] += 1
    assert set(seen.values()) == {1}
    assert {count for (_, k), count in asked.items() if k > 0} <= {1}
    short = (np.diff(rows.tokens()) < context).sum()  # rows with the boundary that their last document predicts
    assert (inputs == PADDING).sum() == inputs.size - sum(map(len, texts.values())) - short


def before(one, other, spans):
    return spans.index(one) < spans.index(other)


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
    assert batch_digest(np.concatenate([row_digests(part) for part in parts])) == batch_digest(row_digests(whole))


def test_one_lock_guards_all_epochs(corpus):
    made = plan(corpus)
    lock = made._lock
    with lock:
        first = len(made.streams["*"].rows(0))
        made.batch(first, 1)
        assert made._lock is lock  # whoever waits for it must be let in by it


def test_digest_sees_every_token(corpus):
    batch = plan(corpus).batch(0, 4)
    other = batch.copy()
    other[3, 16] += 1
    assert (row_digests(batch) != row_digests(other)).tolist() == [False, False, False, True]
    assert batch_digest(row_digests(batch)) == batch_digest(row_digests(batch.astype(np.int64))) != batch_digest(row_digests(other))


def test_order_does_not_depend_on_where_documents_lie(tmp_path):
    meta = token_corpora.meta()
    table = token_corpora.table(token_corpora.documents(50), meta)
    one = open_shards(token_corpora.write(tmp_path / "one", [table]))
    two = open_shards(token_corpora.write(tmp_path / "two", [table.slice(30), table.slice(0, 30)]))
    assert np.array_equal(plan(one).batch(0, 30), plan(two).batch(0, 30))
    assert plan(one).plan_id != plan(two).plan_id
    assert plan(one).plan_id == plan(one).plan_id != plan(one, seed=1).plan_id
    assert plan(one).plan_id != plan(one, packing="concat").plan_id


def test_pieces_of_a_document_stay_together(tmp_path):
    docs = token_corpora.documents(30, low=20, high=60)
    corpus = open_shards(token_corpora.write(tmp_path / "run", token_corpora.pieces(docs, 15, token_corpora.meta())))
    one = plan(corpus, context=8)
    assert all(np.array_equal(tokens_of(one, doc), docs[doc]) for doc in range(30))
    for start in (0, 14, 15, 16, 31):
        out = np.empty(4, dtype=np.int32)
        longest = int(np.argmax(one.docs.tokens))
        one.read(longest, start, out)
        assert np.array_equal(out, docs[longest][start : start + 4])
    stream, chosen = one.held_out_stream(1 << 20)
    out = np.empty(len(stream), dtype=np.int32)
    stream.read(0, out)
    assert np.array_equal(out, np.concatenate([docs[d] for d in chosen]))


def test_removed_documents_leave_the_rows_behind_and_nothing_else_changes(corpus):
    whole = plan(corpus)
    epoch = len(whole.streams["*"].rows(0))
    for at in (1, epoch // 2, epoch, epoch + 3):
        gone = [int(doc) for doc in whole.train_docs[::3]]
        less = plan(corpus, removals=[Removal(at, tuple(sorted(map(whole.doc_id, gone))))])
        assert np.array_equal(less.batch(0, at), whole.batch(0, at))
        later = less.trace(at, 2 * epoch)
        assert not {span.doc for span in later} & set(gone)
        ends = less.streams["*"].locate(at)[0] + 1
        start = next(row for row in range(at, 3 * epoch) if less.streams["*"].locate(row)[0] == ends)
        stayed = {span.doc for span in less.trace(0, start)} if ends == 1 else {span.doc for span in less.trace(at, start - at)}
        assert stayed >= set(whole.train_docs.tolist()) - set(gone) if ends == 1 else True
        next_epoch = [span.doc for span in less.trace(start, len(less.streams["*"].rows(ends)))]
        assert sorted(set(next_epoch)) == sorted(set(whole.train_docs.tolist()) - set(gone))
        for rows in (0, 1, at, start, start + 5):
            balanced(less, rows)
    with pytest.raises(TrainError, match="expected documents to train on, got none; give more documents, or remove fewer"):
        plan(corpus, removals=[Removal(0, tuple(sorted(map(whole.doc_id, whole.train_docs))))]).batch(0, 1)
    unknown = plan(corpus, removals=[Removal(0, ("0" * 32,))])
    assert np.array_equal(unknown.batch(0, epoch), whole.batch(0, epoch))


def balanced(plan, rows):
    ledger = token_ledger(plan, rows)
    inputs = plan.batch(0, rows)[:, :-1] if rows else np.empty((0, 16))
    assert ledger.corpus == plan.corpus.num_tokens == ledger.held_out + ledger.set_aside + ledger.train
    assert ledger.fed == ledger.trained + ledger.padding == inputs.size
    assert ledger.trained == sum(span.length for span in plan.trace(0, rows))
    assert ledger.train == ledger.seen + ledger.not_reached + ledger.removed
    assert min(ledger.seen, ledger.not_reached, ledger.removed) >= 0
    assert ledger.seen == len({(span.doc, span.start + k) for span in plan.trace(0, rows) for k in range(span.length)})


def test_token_ledger_balances_at_every_row(corpus):
    one = plan(corpus)
    epoch = len(one.streams["*"].rows(0))
    for rows in (0, 1, 7, epoch - 1, epoch, epoch + 1, 3 * epoch + 5):
        balanced(one, rows)


def with_columns(table, **columns):
    for name, values in columns.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(name), token_corpora.pa.array(values, table.schema.field(name).type))
    return table


@pytest.mark.parametrize("packing", KINDS)
def test_repeats_and_splits_of_the_corpus(tmp_path, packing):
    rng = np.random.default_rng(0)
    repeats, split = rng.integers(1, 4, 90), rng.choice(3, 90, p=[0.8, 0.1, 0.1])
    table = with_columns(token_corpora.table(token_corpora.documents(90), token_corpora.meta()), repeats=repeats, split=split)
    one = plan(open_shards(token_corpora.write(tmp_path / "run", [table])), packing=packing)
    assert np.array_equal(np.sort(one.held_out_docs), np.flatnonzero(split == 1))
    rows = len(one.streams["*"].rows(0))
    read = np.zeros((90, 200), dtype=int)
    for span in one.trace(0, rows):
        read[span.doc, span.start : span.start + span.length] += 1
    for doc in range(90):
        assert set(read[doc, : one.docs.tokens[doc]].tolist()) == {repeats[doc] if split[doc] == 0 else 0}
    order = one.streams["*"].order(0)
    copies = [np.flatnonzero(order == doc) for doc in np.flatnonzero((repeats > 1) & (split == 0))]
    assert np.mean([np.diff(places).min() for places in copies]) > 5  # copies do not stand together
    for at in (0, 3, rows // 2, rows, rows + 7):
        balanced(one, at)


def test_exposure_is_the_inverse_of_trace(corpus):
    one = plan(corpus)
    rows = 2 * len(one.streams["*"].rows(0)) + 7
    traced = one.trace(0, rows)
    for doc in one.train_docs[:10]:
        expected = sorted((span for span in traced if span.doc == doc), key=lambda span: (span.row, span.start))
        assert one.exposure(int(doc), rows) == expected
    assert one.exposure(int(one.held_out_docs[0]), rows) == []
    assert one.numbers([one.doc_id(5), "f" * 32]).tolist() == [5]


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


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    """The same documents, long ones in pieces, under each boundary policy."""
    found = {}
    for policy in POLICIES:
        docs, meta = token_corpora.under(policy, [np.array([0], np.uint16), *token_corpora.documents(60)])
        folder = token_corpora.write(tmp_path_factory.mktemp(policy) / "run", token_corpora.pieces(docs, 16, meta), meta)
        found[policy] = open_shards(folder)
    return found


@pytest.mark.parametrize("packing", KINDS)
@pytest.mark.parametrize("context", [1, 7, 40])
def test_a_token_behind_each_text_is_trained_on_as_one_before_it(policies, packing, context):
    ours, theirs = (plan(policies[policy], context, packing=packing) for policy in ("first", "last"))
    assert np.array_equal(ours.batch(0, 90), theirs.batch(0, 90))
    for begin in (0, 1, 15, 16, 17, 200, 10_000):
        rows = np.empty((2, 50), np.int32)
        for out, one in zip(rows, (ours, theirs), strict=True):
            one.held_out_stream(10_000)[0].read(begin, out)
        assert np.array_equal(*rows)
    assert token_ledger(ours, 90) == token_ledger(theirs, 90)


@pytest.mark.parametrize("packing", KINDS)
@pytest.mark.parametrize("context", [1, 7, 40])
def test_of_two_tokens_around_a_text_the_last_is_learned_and_the_first_is_not(policies, packing, context):
    one = plan(policies["both"], context, packing=packing)
    rows = one.streams["*"].rows(0)
    batch = one.batch(0, len(rows))
    inputs, targets = batch[:, :-1], batch[:, 1:]
    assert not (targets == token_corpora.BOS).any()
    assert not (targets[inputs == 0] >= 0).any()  # nothing follows from the end of another document
    assert (targets == 0).sum() == len(one.train_docs)
    assert (np.where(inputs < 0, ~inputs, inputs) == token_corpora.BOS).sum() == len(one.train_docs)
    assert one.num_trained(len(rows)) == one.num_tokens
    token_ledger(one, len(rows))
