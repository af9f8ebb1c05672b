"""The decoder: logits of `transformers`' Llama, a loss equal to the plain one, attention that does not look ahead."""

import math

import pytest
import torch

from train.checkpoint import llama_config
from train.config import ModelConfig, TrainError, model_config
from train.model import CHUNK_LOGITS, Decoder, linear_cross_entropy


def tiny(**other):
    fields = {"vocab_size": 50, "context": 12, "depth": 2, "width": 16, "heads": 4, "kv_heads": 2, "hidden": 24}
    torch.manual_seed(0)
    model = Decoder(ModelConfig(**fields | other))
    for parameter in model.parameters():  # the zero start of some matrices would hide mistakes
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.mark.parametrize("other", [{}, {"kv_heads": 4}, {"tied": True}], ids=["gqa", "full", "tied"])
def test_logits_are_those_of_llama(other):
    transformers = pytest.importorskip("transformers")
    model = tiny(**other)
    fields = llama_config(model.config, 0)
    twin = transformers.LlamaForCausalLM(transformers.LlamaConfig(**fields)).eval()
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
    assert model.flops_per_token() == 6 * (1000 * 192 + 3 * layer + 192) + 12 * 3 * 192 * 128


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
