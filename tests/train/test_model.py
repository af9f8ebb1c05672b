"""The decoder: logits of `transformers`' Llama, a loss equal to the plain one, attention that does not look ahead."""

import math
import re

import numpy as np
import pytest
import torch

from train import flops
from train.checkpoint import llama_config
from train.config import ModelConfig, TrainError, model_config
from train.model import (
    CHUNK_LOGITS,
    Decoder,
    _softmax,
    _softmax_in_place,
    attend,
    dense_mask,
    documents_of,
    flex_mask,
    linear_cross_entropy,
)


def tiny(**other):
    fields = {"vocab_size": 50, "context": 12, "depth": 2, "width": 16, "heads": 4, "kv_heads": 2, "hidden": 24}
    torch.manual_seed(0)
    model = Decoder(ModelConfig(**fields | other))
    for parameter in model.parameters():  # the zero start of some matrices would hide mistakes
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.mark.parametrize("other", [{}, {"kv_heads": 4}, {"tied": True}, {"qk_norm": True}], ids=["gqa", "full", "tied", "qk-norm"])
def test_logits_are_those_of_transformers(other):
    transformers = pytest.importorskip("transformers")
    model = tiny(**other)
    fields = llama_config(model.config, 0)
    family = fields["architectures"][0].removesuffix("ForCausalLM")
    twin = getattr(transformers, f"{family}ForCausalLM")(getattr(transformers, f"{family}Config")(**fields)).eval()
    missing = twin.load_state_dict(dict(model.named_parameters()), strict=False)
    assert missing.unexpected_keys == []
    assert set(missing.missing_keys) <= ({"lm_head.weight"} if model.config.tied else set())
    ids = torch.randint(0, 50, (3, 12))
    with torch.no_grad():
        assert torch.allclose(model(ids), twin(ids).logits, atol=1e-4)


def test_no_position_sees_what_comes_later():
    model = tiny()
    ids = torch.randint(0, 50, (1, 12))
    other = ids.clone()
    other[0, 7:] = (other[0, 7:] + 1) % 50
    with torch.no_grad():
        assert torch.equal(model(ids)[0, :7], model(other)[0, :7])
        assert not torch.allclose(model(ids)[0, 7:], model(other)[0, 7:])


def packed():
    """Two rows of three documents each (boundary 0), one of which starts inside; padding behind."""
    rows = torch.randint(1, 50, (2, 13))
    rows[0, [0, 4]] = 0
    rows[0, 9] = ~rows[0, 9]
    rows[1, [2, 8]] = 0
    rows[1, 11:] = -1
    return rows


def test_a_document_sees_itself_alone():
    model = tiny(document_mask=True)
    rows = packed()
    assert documents_of(rows, 0)[0].tolist() == [1] * 4 + [2] * 5 + [3] * 3
    other = rows.clone()
    other[0, 1:4] = (rows[0, 1:4] + 7) % 49 + 1
    with torch.no_grad():
        one, two = model.losses(rows), model.losses(other)
        assert torch.equal(one[0, 4:], two[0, 4:])
        assert not torch.allclose(one[0, :3], two[0, :3])
        assert not torch.equal(tiny().losses(rows)[0, 5:], tiny().losses(other)[0, 5:])
        # a document alone, at other positions: rotary distances are the same
        alone = model.losses(torch.cat([rows[:1, 4:9], torch.zeros(1, 1, dtype=torch.long)], dim=1))
        assert torch.allclose(alone[0, :4], one[0, 4:8], atol=1e-5)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_flex_attention_is_the_dense_mask():
    segments = documents_of(packed(), 0)
    q, k, v = torch.randn(2, 4, 12, 16), torch.randn(2, 2, 12, 16), torch.randn(2, 2, 12, 16)
    assert torch.allclose(attend(q, k, v, flex_mask(segments)), attend(q, k, v, dense_mask(segments)), atol=1e-5)


def test_what_is_no_target_is_still_an_input():
    model, rows = tiny(), packed()
    plain = torch.where(rows < 0, ~rows, rows)
    targets = torch.where(rows[:, 1:] < 0, -1, rows[:, 1:])
    with torch.no_grad():
        expected = torch.nn.functional.cross_entropy(model(plain[:, :-1]).transpose(1, 2), targets, ignore_index=-1, reduction="none")
        assert torch.allclose(model.losses(rows), expected, atol=1e-4)


def test_recomputed_layers_have_the_same_gradient():
    model, rows = tiny(), packed()
    expected = torch.autograd.grad(model.loss_sum(rows), list(model.parameters()))
    model.model.recompute = True
    for got, wanted in zip(torch.autograd.grad(model.loss_sum(rows), list(model.parameters())), expected, strict=True):
        assert torch.allclose(got, wanted, atol=1e-6)


@pytest.mark.parametrize("rows", [3, 7, 1000])
def test_chunked_loss_is_the_plain_one(rows, monkeypatch):
    monkeypatch.setitem(CHUNK_LOGITS, "cpu", rows * 50)
    torch.manual_seed(1)
    hidden, weight = torch.randn(20, 16, requires_grad=True), torch.randn(50, 16, requires_grad=True)
    targets = torch.randint(0, 50, (20,))
    targets[[2, 19]] = -1
    plain = torch.nn.functional.cross_entropy(hidden @ weight.T, targets, ignore_index=-1, reduction="none")
    expected = torch.autograd.grad(plain.sum() / 18, (hidden, weight))
    losses = linear_cross_entropy(hidden, weight, targets)
    assert torch.allclose(losses, plain, atol=1e-5)
    for got, wanted in zip(torch.autograd.grad(losses.sum() / 18, (hidden, weight)), expected, strict=True):
        assert torch.allclose(got, wanted, atol=1e-6)


def test_both_ways_to_the_softmax_are_one():
    logits, target = torch.randn(20, 50), torch.randint(0, 50, (20, 1))
    valid = torch.rand(20) > 0.3
    for one, other in zip(_softmax(logits, target, valid), _softmax_in_place(logits.clone(), target, valid), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_loss_sum_is_the_sum_of_losses_and_trains_both_ends():
    model = tiny(tied=True)
    tokens = torch.randint(0, 50, (2, 13))
    tokens[1, 6:] = -1
    logits = model(tokens[:, :-1].clamp_min(0)).flatten(0, 1)
    plain = torch.nn.functional.cross_entropy(logits, tokens[:, 1:].flatten(), ignore_index=-1, reduction="sum")
    expected = torch.autograd.grad(plain, list(model.parameters()))
    loss = model.loss_sum(tokens)
    assert math.isclose(loss.item(), plain.item(), rel_tol=1e-5)
    assert math.isclose(model.losses(tokens).sum().item(), plain.item(), rel_tol=1e-5)
    assert (model.losses(tokens)[1, 5:] == 0).all()
    for got, wanted in zip(torch.autograd.grad(loss, list(model.parameters())), expected, strict=True):
        assert torch.allclose(got, wanted, atol=1e-4)


def test_bfloat16_is_close_to_float32():
    model = tiny()
    tokens = torch.randint(0, 50, (2, 13))
    exact = model.loss_sum(tokens).item()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model.loss_sum(tokens)
    loss.backward()
    assert math.isclose(loss.item(), exact, rel_tol=0.02)
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters())


def test_untrained_model_answers_with_the_frequencies():
    torch.manual_seed(0)
    model = Decoder(ModelConfig(vocab_size=50, context=12, depth=2, width=256, heads=4, kv_heads=4, hidden=64))
    wanted = torch.log_softmax(2 * torch.randn(50), dim=0)
    model.start_at_unigram(wanted)
    with torch.no_grad():
        got = torch.log_softmax(model(torch.randint(0, 50, (8, 12))), dim=-1)
    divergence = (wanted.exp() * (wanted - got)).sum(dim=-1)
    assert divergence.max() < 0.02


def test_sizes():
    config = model_config(1000, 128, 3)
    assert (config.width, config.heads, config.kv_heads, config.hidden) == (192, 3, 3, 512)
    model = Decoder(config)
    layer = 4 * 192 * 192 + 3 * 192 * 512 + 2 * 192
    assert model.num_parameters() == 2 * 1000 * 192 + 3 * layer + 192
    products = 1000 * 192 + 3 * (layer - 2 * 192)
    assert flops.per_token(config) == 6 * products + 12 * 3 * 192 * 128
    assert flops.exact(config, 256, 2 * 128 * 129 // 2) == 256 * 6 * products + 6 * 3 * 192 * 2 * 128 * 129


def test_pairs_that_attention_computes_are_those_of_the_mask():
    rng = np.random.default_rng(0)
    rows = rng.integers(-3, 12, (5, 40), dtype=np.int32)
    config = model_config(12, 39, 1)
    assert flops.attended(rows, config) == 5 * 39 * 40 // 2
    masked = model_config(12, 39, 1, document_mask=True)
    seen = dense_mask(documents_of(torch.from_numpy(rows).long(), 0))
    assert flops.attended(rows, masked) == int(seen.sum())


def test_the_peak_of_a_cpu_is_measured_and_says_so():
    one, two = flops.peak("cpu"), flops.peak("cpu", 2)
    assert 1e8 < one.flops < 1e14
    assert two.flops == 2 * one.flops  # measured once
    assert re.fullmatch(r"[0-9.e+-]+ TFLOP/s, a float32 matrix product on one thread of this CPU, measured", str(one))
    assert str(two).endswith("measured, times 2 threads")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"width": 63}, r"expected a width of heads times an even number, got 63 and 1; change --width"),
        ({"depth": 3, "kv_heads": 2}, r"expected heads to be a multiple of kv_heads, got 3 and 2; change --kv-heads"),
        ({"depth": 0, "width": 64}, r"expected depth, context and heads of at least 1, got 0, 128, 1; raise them"),
    ],
)
def test_shapes_that_do_not_fit(fields, message):
    with pytest.raises(TrainError, match=message):
        model_config(1000, 128, **{"depth": 1} | fields)
