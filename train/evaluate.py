"""Held-out bits per byte, and the unigram model's beside it: a loss that survives a change of tokenizer, and the bar it has to clear.

bits per byte = sum over text tokens of -log2 p(token) / UTF-8 bytes of the texts. Boundary tokens carry no bytes: they are context,
never counted.
The unigram model knows how often each token stands in the training documents, with one added to each count (Laplace).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from train.config import Config
from train.data import PADDING
from train.model import Decoder
from train.plan import Plan


@dataclass(frozen=True)
class Evaluation:
    """What the model and the unigram model need for the held-out documents."""

    bits_per_byte: float
    unigram_bits_per_byte: float
    loss: float
    """Nats a token."""
    documents: int
    tokens: int
    """Text tokens that were predicted; boundaries do not count."""
    bytes: int

    @property
    def improvement(self) -> float:
        """Share by which the model needs fewer bits than the unigram model."""
        return 1 - self.bits_per_byte / self.unigram_bits_per_byte


def unigram_log_probabilities(plan: Plan) -> np.ndarray:
    """float64[V]: natural logs of the add-one smoothed frequencies of tokens in the training documents, boundaries included."""
    corpus = plan.corpus
    counts = np.ones(corpus.meta.vocab_size, dtype=np.int64)
    for shard in corpus.shards:
        for start in range(0, len(shard.tokens), 1 << 24):
            counts += np.bincount(shard.tokens[start : start + (1 << 24)], minlength=len(counts))
    for document in plan.held_out_docs:
        for row in range(int(plan.docs.first[document]), int(plan.docs.first[document + 1])):
            np.subtract.at(counts, corpus.row_tokens(row), 1)
    return np.log(counts / counts.sum())


class HeldOut:
    """The held-out documents of a plan, ready to be evaluated again and again."""

    def __init__(self, plan: Plan, config: Config, log_probabilities: np.ndarray) -> None:
        stream, chosen = plan.held_out_stream(config.eval_tokens)
        self.boundary = plan.corpus.meta.eos_id
        self.documents, self.bytes = len(chosen), int(plan.docs.num_bytes[chosen].sum())
        self.rows = np.empty((-(-len(stream) // plan.context), plan.context + 1), dtype=np.int32)
        for row, out in enumerate(self.rows):
            stream.read(row * plan.context, out)
        text = self.rows[:, 1:][self._counted(self.rows[:, 1:])]
        self.tokens = len(text)
        # a corpus of empty documents has no bytes: then the figure is 0 / 1
        self.unigram = float(-log_probabilities[text].sum()) / math.log(2) / max(1, self.bytes)

    def _counted(self, targets: np.ndarray) -> np.ndarray:
        return (targets != PADDING) & (targets != self.boundary)

    def evaluate(self, model: Decoder, device: str, micro_rows: int) -> Evaluation:
        """Run the model over all rows; sums are taken in float64."""
        nats = 0.0
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            for start in range(0, len(self.rows), micro_rows):
                rows = self.rows[start : start + micro_rows]
                losses = model.losses(torch.from_numpy(rows).to(device).long()).cpu().numpy()
                nats += float(losses[self._counted(rows[:, 1:])].sum(dtype=np.float64))
        return Evaluation(
            bits_per_byte=nats / math.log(2) / max(1, self.bytes),
            unigram_bits_per_byte=self.unigram,
            loss=nats / max(1, self.tokens),
            documents=self.documents,
            tokens=self.tokens,
            bytes=self.bytes,
        )
