"""Sources by weight: exact in tokens at every row, a function of the row, books that balance, words that are understood or refused."""

from dataclasses import replace

import numpy as np
import pytest
import token_corpora
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.shards.reader import open_shards
from train.choose import Wanted, check_same, choose
from train.config import Config, Device, MixStage, Removal, TrainError
from train.kernels import take_turns
from train.mixture import parse, resolved
from train.plan import Plan, batch_digest, row_digests, token_ledger
from train.record import Metrics

CONTEXT = 16
STAGES = (MixStage(0, (("left", 3), ("right", 1))), MixStage(150, (("left", 1), ("right", 4))))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return open_shards(token_corpora.small(tmp_path_factory.mktemp("corpus") / "run"))


def plan(corpus, mix=STAGES, **more):
    return Plan(corpus, context=CONTEXT, seed=0, share=0.1, mix=mix, **more)


def source_of(one, row):
    spans = one.trace(row, 1)
    (code,) = {int(one.docs.source[span.doc]) for span in spans}
    return one.corpus.meta.sources[code], sum(span.length for span in spans)


def test_each_stage_is_exact_in_tokens_at_every_row(corpus):
    one = plan(corpus)
    for (start, end), weights in (((0, 150), {"left": 3, "right": 1}), ((150, 400), {"left": 1, "right": 4})):
        have = {"left": 0, "right": 0}
        for row in range(start, end):
            name, tokens = source_of(one, row)
            have[name] += tokens
            for source, weight in weights.items():
                assert abs(have[source] - sum(have.values()) * weight / sum(weights.values())) <= 2 * CONTEXT


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_turns_are_those_of_the_slow_twin(data):
    count = data.draw(st.integers(1, 4))
    weights = data.draw(st.lists(st.integers(0, 9), min_size=count, max_size=count).filter(any))
    lengths = [data.draw(st.lists(st.integers(1, 20), max_size=12)) for _ in range(count)]
    ends = np.cumsum([len(one) for one in lengths])
    at, debts, owner = ends - [len(one) for one in lengths], np.zeros(count, np.int64), np.full(40, -1, np.int16)
    dealt = take_turns(np.array(weights), np.concatenate([np.array(one, np.int64) for one in lengths]), at, ends, debts, owner)
    rest, given, expected = [list(one) for one in lengths], [0] * count, []
    while len(expected) < 40:
        lag = [weight * sum(given) - sum(weights) * have if weight else -np.inf for weight, have in zip(weights, given, strict=True)]
        best = int(np.argmax(lag))
        if not rest[best]:
            break
        given[best] += rest[best].pop(0)
        expected.append(best)
    assert owner[:dealt].tolist() == expected
    assert debts.tolist() == [weight * sum(given) - sum(weights) * have for weight, have in zip(weights, given, strict=True)]


def test_every_token_of_a_source_is_read_once_an_epoch_of_its_own(corpus):
    one = plan(corpus)
    for name, stream in one.streams.items():
        read = {}
        rows = len(stream.rows(0))
        everywhere = one._turns.rows_of(list(one.streams).index(name), 600)[:rows]
        for row in everywhere:
            for span in one.trace(int(row), 1):
                read.setdefault(span.doc, []).extend(range(span.start, span.start + span.length))
        assert sorted(read) == stream.members.tolist()
        assert all(sorted(tokens) == list(range(int(one.docs.tokens[doc]))) for doc, tokens in read.items())


@settings(max_examples=15, deadline=None)
@given(row=st.integers(0, 500), cuts=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_batches_are_a_function_of_the_row(corpus, row, cuts):
    whole, one, at, parts = plan(corpus).batch(row, sum(cuts)), plan(corpus), row, []
    one.batch(300, 2)  # what was read before does not matter
    for size in cuts:
        parts.append(one.batch(at, size))
        at += size
    assert np.array_equal(np.concatenate(parts), whole)
    assert batch_digest(np.concatenate([row_digests(part) for part in parts])) == batch_digest(row_digests(whole))


def balanced(one, rows):
    ledger, spans = token_ledger(one, rows), one.trace(0, rows)
    assert ledger.corpus == one.corpus.num_tokens == ledger.held_out + ledger.set_aside + ledger.train
    assert ledger.train == ledger.seen + ledger.not_reached + ledger.removed
    assert min(ledger.seen, ledger.not_reached, ledger.removed) >= 0
    assert ledger.trained == sum(span.length for span in spans)
    assert ledger.seen == len({(span.doc, span.start + k) for span in spans for k in range(span.length)})
    by_source = {name: count for name, (count, _) in one.trained_by_source(rows).items()}
    expected = dict.fromkeys(by_source, 0)
    for span in spans:
        expected[one.corpus.meta.sources[one.docs.source[span.doc]]] += span.length
    assert by_source == expected


def test_books_balance_at_every_row(corpus):
    one = plan(corpus)
    for rows in (0, 1, 149, 150, 151, 400):
        balanced(one, rows)


def test_removed_documents_leave_the_rows_behind(corpus):
    whole = plan(corpus)
    gone = [int(doc) for doc in whole.train_docs[::3]]
    for at in (0, 40, 150, 170):
        less = plan(corpus, removals=[Removal(at, tuple(sorted(map(whole.doc_id, gone))))])
        early = token_ledger(less, 10 if at > 10 else 0)  # asked before the removal is reached
        assert np.array_equal(less.batch(0, at), whole.batch(0, at))
        assert not {span.doc for span in less.trace(at, 300)} & set(gone)
        assert early.removed == token_ledger(less, 300).removed > 0
        for rows in (at, at + 1, 300):
            balanced(less, rows)


def test_exposure_is_the_inverse_of_trace(corpus):
    one = plan(corpus)
    traced, times = one.trace(0, 350), one.times_read(350)
    for doc in (*one.train_docs[:12].tolist(), int(one.held_out_docs[0])):
        expected = sorted((span for span in traced if span.doc == doc), key=lambda span: (span.row, span.start))
        assert one.exposure(doc, 350) == expected
        assert (times[doc] > 0) == bool(expected)


def test_the_mix_is_part_of_the_plans_id(corpus):
    ids = [plan(corpus, mix=mix).plan_id for mix in ((), STAGES, STAGES[:1], (STAGES[0], replace(STAGES[1], row=151)))]
    assert len(set(ids)) == 4
    assert plan(corpus).plan_id == ids[1]


def test_a_star_is_all_the_rest_and_weight_0_leaves_out(corpus):
    one = plan(corpus, mix=(MixStage(0, (("*", 0), ("left", 1))),))
    assert {source_of(one, row)[0] for row in range(50)} == {"left"}
    assert np.array_equal(np.sort(np.concatenate([stream.members for stream in one.streams.values()])), one.train_docs)
    balanced(one, 50)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"left": 1}, r"expected a weight for every source, got none for \['right'\]; add them, or `\*` for all the rest"),
        ({"lefd": 1, "*": 1}, r"expected sources with documents to train on, one of \['left', 'right'\], got \['lefd'\]"),
        ({"left": 1, "right": 1, "*": 1}, r"expected sources that are not named for `\*`, got none beside"),
    ],
)
def test_mixes_that_do_not_fit_the_shards(corpus, weights, message):
    with pytest.raises(TrainError, match=message):
        plan(corpus, mix=(MixStage(0, tuple(sorted(weights.items()))),))


def test_words_of_the_option():
    first, second = parse(["0.8: web=0.25, my=books=3", "my=books=0.5,web=1."])
    assert (float(first.start), first.weights) == (0.0, (("my=books", 1), ("web", 2)))
    assert (float(second.start), second.weights) == (0.8, (("my=books", 12), ("web", 1)))
    assert resolved((first, second), 10, 4) == (MixStage(0, first.weights), MixStage(32, second.weights))
    assert parse(["web=1,http://a:80=2"])[0].weights == (("http://a:80", 2), ("web", 1))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["web"], r"expected source=weight, got 'web' in 'web'; write it as web=0.7,books=0.3"),
        (["web=1,web=2"], "expected one weight for a source, got two for 'web'"),
        (["web=-1"], "expected a decimal number of at least 0, got '-1' in 'web=-1'"),
        (["web=nan"], "expected a decimal number of at least 0, got 'nan'"),
        (["web=0"], "expected a weight above 0, got none in 'web=0'"),
        (["0.5: web=1"], "expected a first stage at 0, got one at 0.5"),
        (["web=1", "1.0: web=1"], "expected a stage to begin at a share from 0 to below 1, got 1.0"),
        (["web=1", "0.5: web=1", "0.50: web=2"], "expected stages at shares of their own, got two at the same"),
        (["web=1,books=1", "0.5: web=1"], r"expected all of \['books', 'web'\] in each stage, got none for \['books'\]"),
        (["web=0.1234567891,books=1"], "expected weights of at most nine digits in all"),
    ],
)
def test_words_that_are_refused(values, message):
    with pytest.raises(TrainError, match="--mix: " + message):
        parse(values)


def test_a_run_with_a_mix_is_chosen_stopped_and_resumed(corpus, run, tmp_path):
    shares = parse(["left=3,right=1", "0.5: left=0,right=1"])
    asked = Wanted(steps=10, depth=1, context=16, batch_tokens=128, threads=1, mix=shares)
    notes = []
    config = replace(choose(corpus, asked, Device(), notes.append), eval_every=0)
    size = {name: stream.num_tokens for name, stream in Plan.of(corpus, config).streams.items()}
    assert notes == [f"passes over each source: left {480 / size['left']:.2f}, right {800 / size['right']:.2f}"]
    choose(corpus, replace(asked, steps=200), Device(), notes.append)
    assert notes[-1].endswith("; over 4 passes text teaches little")
    assert config.mix == (MixStage(0, (("left", 3), ("right", 1))), MixStage(40, (("left", 0), ("right", 1))))
    assert Config.from_json(config.to_json()) == config
    check_same(config, asked, "here")
    with pytest.raises(TrainError, match=r"--mix: expected .* as in the run in here, got .*; leave it off"):
        check_same(config, replace(asked, mix=shares[:1]), "here")
    with pytest.raises(TrainError, match="--mix: expected steps in each stage, got none from step 0 on, of 1; give more --steps"):
        resolved(shares, 1, 8)
    summary, _ = run("straight", config)
    run("halves", config, stop_after=6)
    run("halves", config)
    digests = [
        [line["batch_digest"] for line in Metrics(tmp_path / name / "metrics.jsonl", 10, False).kept] for name in ("straight", "halves")
    ]
    assert digests[0] == digests[1]
    assert len(digests[0]) == 10
    total = sum(count for count, _ in summary.by_source.values())
    assert total == summary.ledger.trained
    assert abs(summary.by_source["left"][0] - 0.75 * total / 2) <= 3 * CONTEXT
    free = choose(corpus, replace(asked, steps=None, minutes=10.0), Device(), print)
    most = 4 * Plan.of(corpus, config).streams["right"].num_tokens / (0.5 * 0.25 + 0.5) / 128
    assert free.steps == int(most)


def test_the_length_of_a_staged_run_is_not_fitted_anew(corpus, run, config):
    staged = replace(config, steps=12, mix=(STAGES[0], MixStage(64, STAGES[1].weights)), eval_every=0, checkpoint_every=0)
    summary, watch = run("staged", staged, seconds=0.0)
    assert (summary.step, watch.notes) == (12, [])
