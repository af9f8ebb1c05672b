"""A compact decoder, Llama-shaped: every checkpoint opens in `transformers` as LlamaForCausalLM, parameter names and all.

RMSNorm (Zhang & Sennrich 2019), rotary positions (Su et al. 2021), SwiGLU (Shazeer 2020), grouped-query attention (Ainslie et al. 2023),
causal scaled-dot-product attention. Embedding and output head share one matrix unless the config unties them (Press & Wolf 2017).

Shape suffixes: B rows, T positions, D width, H query heads, K key heads, E head width, V vocabulary, N = B * T.
Attention crosses document boundaries inside a row unless the config says `document_mask`: in small models that changes little.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812, its name everywhere
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from torch.utils.checkpoint import checkpoint

from train.config import ModelConfig

Mask = Tensor | BlockMask | None


class Norm(nn.Module):
    """x / rms(x) * weight over the last axis, in float32, returned in the dtype of x."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.float(), self.weight.shape, self.weight, self.eps).to(x.dtype)


def rope_tables(context: int, head_width: int, theta: float) -> tuple[Tensor, Tensor]:
    """cos and sin, float32[T, E]: position t turns the pair (e, e + E/2) by t * theta^(-2e/E)."""
    frequencies = theta ** -(torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    angles = torch.outer(torch.arange(context, dtype=torch.float64), frequencies).repeat(1, 2)
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn x [B, heads, T, E] by its positions."""
    left, right = x.chunk(2, dim=-1)
    return x * cos.to(x.dtype) + torch.cat((-right, left), dim=-1) * sin.to(x.dtype)


def inputs(rows: Tensor) -> Tensor:
    """Ids int64[B, T] that the model reads from rows int64[B, T + 1]; what is no target is stored as its complement (plan.py)."""
    ids = rows[:, :-1]
    return torch.where(ids < 0, ~ids, ids)


def documents_of(rows: Tensor, boundary_id: int) -> Tensor:
    """int64[B, T]: which piece of its row each input is of. A piece starts at a boundary, or where a token is stored as its complement."""
    ids = rows[:, :-1]
    return ((ids == boundary_id) | (ids < 0)).cumsum(dim=1)


def dense_mask(segments: Tensor) -> Tensor:
    """bool[B, 1, T, T]: what each position sees, itself and what stands before it in its segment."""
    T = segments.shape[1]
    causal = torch.ones(T, T, dtype=torch.bool, device=segments.device).tril()
    return ((segments[:, :, None] == segments[:, None, :]) & causal)[:, None]


def flex_mask(segments: Tensor) -> BlockMask:
    """The same as blocks for Flex attention, which skips those that are empty."""
    B, T = segments.shape

    def sees(b: Tensor, h: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query >= key) & (segments[b, query] == segments[b, key])

    return create_block_mask(sees, B, None, T, T, device=str(segments.device))


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask) -> Tensor:
    """Attention of q [B, H, T, E] over k, v [B, K, T, E]."""
    grouped = q.shape[1] != k.shape[1]
    if isinstance(mask, BlockMask):
        out = flex_attention(q, k, v, block_mask=mask, enable_gqa=grouped)
        assert isinstance(out, Tensor)
        return out
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None, enable_gqa=grouped)


class Attention(nn.Module):
    """Causal attention with H query heads over K key heads."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_width = config.heads, config.kv_heads, config.width // config.heads
        self.q_proj = nn.Linear(config.width, config.heads * self.head_width, bias=False)
        self.k_proj = nn.Linear(config.width, config.kv_heads * self.head_width, bias=False)
        self.v_proj = nn.Linear(config.width, config.kv_heads * self.head_width, bias=False)
        self.o_proj = nn.Linear(config.heads * self.head_width, config.width, bias=False)
        self.q_norm = Norm(self.head_width, config.norm_eps) if config.qk_norm else None
        self.k_norm = Norm(self.head_width, config.norm_eps) if config.qk_norm else None

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Mask = None) -> Tensor:
        B, T, _ = x.shape
        q = self.q_proj(x).view(B, T, self.heads, self.head_width)
        k = self.k_proj(x).view(B, T, self.kv_heads, self.head_width)
        if self.q_norm is not None and self.k_norm is not None:
            q, k = self.q_norm(q), self.k_norm(k)
        q, k = q.transpose(1, 2), k.transpose(1, 2)
        v = self.v_proj(x).view(B, T, self.kv_heads, self.head_width).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        y = attend(q, k, v, mask)
        return self.o_proj(y.transpose(1, 2).reshape(B, T, -1))


class GatedMLP(nn.Module):
    """down(silu(gate(x)) * up(x))."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.width, config.hidden, bias=False)
        self.up_proj = nn.Linear(config.width, config.hidden, bias=False)
        self.down_proj = nn.Linear(config.hidden, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    """One layer: attention, then MLP, each on a normed copy of the stream and added to it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.input_layernorm = Norm(config.width, config.norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = Norm(config.width, config.norm_eps)
        self.mlp = GatedMLP(config)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Mask = None) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    """Everything below the output head: ids int64[B, T] → float[B, T, D]."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.recompute = False
        self.embed_tokens = nn.Embedding(config.vocab_size, config.width)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = Norm(config.width, config.norm_eps)
        cos, sin = rope_tables(config.context, config.width // config.heads, config.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids: Tensor, mask: Mask = None) -> Tensor:
        T = ids.shape[1]
        x = self.embed_tokens(ids)
        for layer in self.layers:
            if self.recompute and torch.is_grad_enabled():
                x = checkpoint(layer, x, self.cos[:T], self.sin[:T], mask, use_reentrant=False)
            else:
                x = layer(x, self.cos[:T], self.sin[:T], mask)
        return self.norm(x)


class Decoder(nn.Module):
    """The model. `forward` gives logits; training uses `loss_sum`, which never holds them whole."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Body(config)
        self.lm_head = nn.Linear(config.width, config.vocab_size, bias=False)
        self._initialise()
        if config.tied:
            self.lm_head.weight = self.model.embed_tokens.weight

    def _initialise(self) -> None:
        """Normal with std 1/sqrt(fan-in); what a block adds starts at zero, so that depth does not change the first steps."""
        for name, parameter in self.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                nn.init.zeros_(parameter)
            elif name == "model.embed_tokens.weight":
                nn.init.normal_(parameter, std=0.02 if self.config.tied else 1.0)
            elif name == "lm_head.weight":
                nn.init.normal_(parameter, std=0.001)
            elif parameter.ndim == 2:
                nn.init.normal_(parameter, std=1 / math.sqrt(parameter.shape[1]))

    @torch.no_grad()
    def start_at_unigram(self, log_probabilities: Tensor) -> None:
        """Let the untrained model answer with the tokens' frequencies, float32[V] of natural logs, so that no step is spent on those.

        Llama has no output bias; channel 0 stands in for it. Its embedding is sqrt(D) for every token, which the final norm brings to about
        sqrt(D/2), and the head's column 0 turns that into the wanted logits. Nothing is pinned: both are trained on. Untied models only.
        """
        if self.config.tied:
            return
        width = self.config.width
        self.model.embed_tokens.weight[:, 0] = math.sqrt(width)
        self.lm_head.weight[:, 0] = (log_probabilities - log_probabilities.mean()) / math.sqrt(width / 2)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits float[B, T, V] of ids int64[B, T]."""
        return self.lm_head(self.model(ids))

    def loss_sum(self, tokens: Tensor) -> Tensor:
        """Sum of cross-entropy in nats over the valid targets of rows int64[B, T + 1] as the plan makes them."""
        return self.losses(tokens).sum()

    def losses(self, tokens: Tensor) -> Tensor:
        """Cross-entropy in nats of each target, float32[B, T]; 0 where there is no target."""
        hidden = self.model(inputs(tokens), self.mask(tokens))
        flat = linear_cross_entropy(hidden.flatten(0, 1), self.lm_head.weight, tokens[:, 1:].flatten())
        return flat.view(tokens.shape[0], -1)

    def mask(self, rows: Tensor) -> Mask:
        """What the config lets each position of rows int64[B, T + 1] see; None: all before it."""
        if not self.config.document_mask:
            return None
        segments = documents_of(rows, self.config.boundary_id)
        return flex_mask(segments) if rows.is_cuda else dense_mask(segments)

    def num_parameters(self) -> int:
        """Distinct parameters; a shared matrix counts once."""
        return sum(p.numel() for p in self.parameters())


CHUNK_LOGITS = {"cpu": 1 << 22, "cuda": 1 << 28}
"""Logits that exist at a time. On a CPU 16 MiB, which stay in cache and in one buffer: fresh pages cost more than the arithmetic."""


def _softmax(logits: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """(losses float32[n], their gradient by the logits in the logits' dtype) of logits [n, V], target int64[n, 1], valid bool[n].

    Written for torch.compile, which makes two passes over the logits of it.
    """
    x = logits.float()
    total = x.logsumexp(dim=1, keepdim=True)
    losses = (total - x.gather(1, target)).squeeze(1) * valid
    chosen = torch.arange(x.shape[1], device=x.device) == target
    gradient = ((x - total).exp() - chosen.float()) * valid[:, None]
    return losses, gradient.to(logits.dtype)


@cache
def _softmax_compiled() -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
    compiled: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]] = torch.compile(_softmax, dynamic=False)
    return compiled


def _softmax_in_place(logits: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """The same in the memory of the logits: on a CPU fresh pages cost more than the arithmetic."""
    x = logits.float()  # the same memory where the model computes in float32
    top = x.amax(dim=1, keepdim=True)
    picked = x.gather(1, target)
    total = x.sub_(top).exp_().sum(dim=1, keepdim=True)
    losses = (total.log() + top - picked).squeeze(1) * valid
    # softmax minus one at the target; what is no target has zero rows
    x.mul_(valid[:, None] / total).scatter_add_(1, target, -valid[:, None].to(x.dtype))
    return losses, x.to(logits.dtype)


class _LinearCrossEntropy(torch.autograd.Function):
    """Cross-entropy of hidden @ weight.T against targets, chunk by chunk, gradients computed while the chunk's logits are in cache."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        wanted = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        losses = torch.zeros(len(targets), dtype=torch.float32, device=hidden.device)
        grad_hidden = torch.empty_like(hidden) if wanted else None
        grad_weight = torch.zeros_like(weight) if wanted else None
        head = weight.detach().to(hidden.dtype)
        size = max(1, CHUNK_LOGITS.get(hidden.device.type, 1 << 24) // len(weight))
        buffer = hidden.new_empty(min(size, len(targets)), len(weight))
        for start in range(0, len(targets), size):
            part = slice(start, start + size)
            x, target, valid = hidden[part], targets[part].clamp_min(0)[:, None], targets[part] >= 0
            raw = torch.mm(x, head.T, out=buffer[: len(x)])
            losses[part], chunk = (_softmax_compiled() if raw.is_cuda else _softmax_in_place)(raw, target, valid)
            if grad_hidden is not None and grad_weight is not None:
                torch.mm(chunk, head, out=grad_hidden[part])
                if weight.dtype == hidden.dtype:
                    grad_weight.addmm_(chunk.T, x)
                else:
                    grad_weight += chunk.T @ x
        ctx.save_for_backward(grad_hidden, grad_weight)
        return losses

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        # one factor for all targets: the loss is a sum, so its gradient is the same number everywhere
        scale = grads[0][0]
        return grad_hidden * scale.to(grad_hidden.dtype), grad_weight * scale, None


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Losses float32[N] in nats of hidden [N, D] against targets int64[N] (negative: ignored, 0) under the head weight [V, D].

    Only sums of the result have a right gradient: it is taken for a factor common to all rows.
    """
    if torch.is_autocast_enabled(hidden.device.type):
        hidden = hidden.to(torch.get_autocast_dtype(hidden.device.type))
    result: Tensor = _LinearCrossEntropy.apply(hidden, weight, targets)
    return result
