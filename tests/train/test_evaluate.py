"""Bits per byte: both models against a slow count, whole documents, no boundary token, no training token."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from train.config import Device
from train.evaluate import HeldOut, interval, unigram_log_probabilities
from train.plan import Plan
from train.step import make


def slow_unigram(plan):
    counts = np.ones(plan.corpus.meta.vocab_size)
    for document in plan.train_docs:
        for token in plan.corpus.row_tokens(int(document)):
            counts[token] += 1
    return np.log(counts / counts.sum())


def test_unigram_counts_training_documents_only(corpus):
    plan = Plan(corpus, context=16, seed=0, share=0.2)
    assert len(plan.held_out_docs) > 10
    assert np.allclose(unigram_log_probabilities(plan), slow_unigram(plan), atol=1e-12)


def test_both_figures_are_those_of_a_slow_count(corpus, config):
    plan = Plan(corpus, context=16, seed=0, share=0.2)
    prior = slow_unigram(plan)
    held_out = HeldOut(plan, replace(config, eval_tokens=300), prior)
    chosen = plan.held_out_docs[: held_out.documents]
    tokens = [corpus.row_tokens(int(d)) for d in chosen]
    assert sum(map(len, tokens)) <= 300
    assert held_out.bytes == sum(3 * (len(t) - 1) for t in tokens)
    model, _, _ = make(config, Device())
    torch.nn.init.normal_(model.lm_head.weight, std=0.3)
    result = held_out.evaluate(model.losses, "cpu", 4)
    flat = np.concatenate(tokens).astype(np.int64)
    bits = unigram_bits = 0.0
    with torch.no_grad():
        for start in range(0, len(flat) - 1, 16):
            inputs, targets = flat[start : start + 16], flat[start + 1 : start + 17]
            scores = torch.log_softmax(model(torch.from_numpy(inputs)[None])[0].double(), dim=-1)
            for position, target in enumerate(targets):
                if target != 0:
                    bits -= scores[position, target].item() / math.log(2)
                    unigram_bits -= prior[target] / math.log(2)
    assert math.isclose(result.bits_per_byte, bits / held_out.bytes, rel_tol=1e-5)
    assert math.isclose(result.unigram_bits_per_byte, unigram_bits / held_out.bytes, rel_tol=1e-9)
    assert result.tokens == sum(len(t) - 1 for t in tokens)
    assert math.isclose(result.improvement, 1 - bits / unigram_bits, rel_tol=1e-4)


def test_at_least_one_document_is_evaluated(corpus, config):
    plan = Plan(corpus, context=16, seed=0, share=0.2)
    held_out = HeldOut(plan, replace(config, eval_tokens=1), slow_unigram(plan))
    assert held_out.documents == 1
    assert held_out.tokens == len(corpus.row_tokens(int(plan.held_out_docs[0]))) - 1


def test_micro_rows_do_not_change_the_figure(corpus, config):
    plan = Plan(corpus, context=16, seed=0, share=0.2)
    held_out = HeldOut(plan, config, slow_unigram(plan))
    model, _, _ = make(config, Device())
    torch.nn.init.normal_(model.lm_head.weight, std=0.3)
    results = [held_out.evaluate(model.losses, "cpu", n).bits_per_byte for n in (1, 7, 1000)]
    assert max(results) - min(results) < 1e-6


def test_groups_add_up_and_lie_in_their_intervals(corpus, config):
    plan = Plan(corpus, context=16, seed=0, share=0.2)
    model, _, _ = make(config, Device())
    result = HeldOut(plan, config, unigram_log_probabilities(plan)).evaluate(model.losses, "cpu", 8)
    assert result.low <= result.bits_per_byte <= result.high
    for kind in ("source", "license"):
        groups = [group for group in result.groups if group.kind == kind]
        assert sum(group.documents for group in groups) == result.documents
        assert sum(group.bytes for group in groups) == result.bytes
        assert sum(group.bits_per_byte * group.bytes for group in groups) == pytest.approx(result.bits_per_byte * result.bytes)
        assert all(group.low <= group.bits_per_byte <= group.high for group in groups)


def test_interval_covers_the_figure_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    sizes = rng.integers(50, 500, 2000).astype(float)
    nats = sizes * rng.normal(1.0, 0.2, 2000)
    truth = nats.sum() / sizes.sum() / math.log(2)
    hits = 0
    for seed in range(60):
        drawn = rng.integers(0, 2000, 100)
        low, high = interval(nats[drawn], sizes[drawn], seed)
        hits += low <= truth <= high
    assert 50 <= hits <= 60
    assert interval(np.empty(0), np.empty(0)) == (0.0, 0.0)
