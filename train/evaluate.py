"""Held-out bits per byte, and the unigram model's beside it: a loss that survives a change of tokenizer, and the bar it has to clear.

bits per byte = sum over text tokens of -log2 p(token) / UTF-8 bytes of the texts. Boundary tokens carry no bytes: they are context,
never counted. Intervals are of the percentile bootstrap over documents (Efron 1979), since the tokens of one document are not independent.
The unigram model knows how often each token stands in the training documents, with one added to each count (Laplace).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train import beside
from train.config import Config
from train.data import PADDING, no_text
from train.plan import Plan

RESAMPLES = 400
LEVEL = 0.95
UNKNOWN = "(none)"
"""Name of the group of documents that nobody gave a name for."""


@dataclass(frozen=True)
class Group:
    """Bits per byte of some of the held-out documents."""

    kind: str
    """source, license, language, or `source, language`"""
    name: str
    documents: int
    bytes: int
    bits_per_byte: float
    low: float
    high: float
    """Ends of the interval that holds the figure of such documents 95 times in 100."""


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
    low: float
    high: float
    """Interval of bits_per_byte."""
    groups: tuple[Group, ...] = ()

    def by_group(self) -> dict[str, float]:
        """Bits per byte of each group, as `source: web`."""
        return {f"{group.kind}: {group.name}": group.bits_per_byte for group in self.groups}

    @property
    def improvement(self) -> float:
        """Share by which the model needs fewer bits than the unigram model."""
        return 1 - self.bits_per_byte / self.unigram_bits_per_byte


def interval(nats: np.ndarray, num_bytes: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Bootstrap interval of sum(nats) / log 2 / sum(num_bytes) over documents, float64[d] each."""
    if len(nats) == 0:
        return 0.0, 0.0
    rng = np.random.default_rng(seed)
    figures = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        drawn = rng.integers(0, len(nats), len(nats))
        figures[i] = nats[drawn].sum() / max(1.0, num_bytes[drawn].sum()) / math.log(2)
    low, high = np.quantile(figures, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def unigram_log_probabilities(plan: Plan) -> np.ndarray:
    """float64[V]: natural logs of the add-one smoothed frequencies of tokens in the training documents, boundaries included."""
    corpus = plan.corpus
    counts = 1 + corpus.count_tokens()
    for document in plan.held_out_docs:
        for row in range(int(plan.docs.first[document]), int(plan.docs.first[document + 1])):
            np.subtract.at(counts, corpus.row_tokens(row), 1)
    return np.log(counts / counts.sum())


class HeldOut:
    """The held-out documents as rows, as many whole ones as eval_tokens allow."""

    def __init__(self, plan: Plan, config: Config, log_probabilities: np.ndarray) -> None:
        stream, chosen = plan.held_out_stream(config.eval_tokens)
        self.no_text = no_text(plan.corpus.meta)
        self.num_bytes = plan.docs.num_bytes[chosen].astype(np.float64)
        self.documents, self.bytes = len(chosen), int(self.num_bytes.sum())
        self.rows = np.empty((-(-len(stream) // plan.context), plan.context + 1), dtype=np.int32)
        for row, out in enumerate(self.rows):
            stream.read(row * plan.context, out)
        ends = np.cumsum(plan.docs.tokens[chosen])
        places = np.arange(len(self.rows))[:, None] * plan.context + np.arange(1, plan.context + 1)
        self.document = np.minimum(np.searchsorted(ends, places, side="right"), len(chosen) - 1)
        """int64[rows, T]: which of the documents each target is of."""
        first = plan.docs.first[chosen]
        names = {"source": plan.corpus.meta.sources, "license": plan.corpus.meta.licenses}
        self.labels = {kind: [codes[i] for i in plan.corpus.column(kind)[first]] for kind, codes in names.items()}
        if (spoken := beside.languages(plan.corpus, [plan.doc_id(doc) for doc in chosen])) is not None:
            self.labels["language"] = spoken
            both = [f"{source}, {language or UNKNOWN}" for source, language in zip(self.labels["source"], spoken, strict=True)]
            if len(set(both)) > max(len(set(self.labels["source"])), len(set(spoken))):  # else it repeats one of the two
                self.labels["source, language"] = both
        counted = self._counted(self.rows[:, 1:])
        text = self.rows[:, 1:][counted]
        self.tokens = len(text)
        # a corpus of empty documents has no bytes: then the figure is 0 / 1
        self.unigram = float(-log_probabilities[text].sum()) / math.log(2) / max(1, self.bytes)

    def _counted(self, targets: np.ndarray) -> np.ndarray:
        return (targets != PADDING) & ~np.isin(targets, self.no_text)

    def evaluate(self, losses_of: Callable[[Tensor], Tensor], device: str, micro_rows: int) -> Evaluation:
        """Run the model (rows int64[B, T + 1] → losses float32[B, T]) over all rows; sums are taken in float64."""
        nats = np.zeros(self.documents)
        kind = torch.device(device).type
        with torch.no_grad(), torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            for start in range(0, len(self.rows), micro_rows):
                part = slice(start, start + micro_rows)
                losses = losses_of(torch.from_numpy(self.rows[part]).to(device).long()).float().cpu().numpy()
                counted = self._counted(self.rows[part, 1:])
                nats += np.bincount(self.document[part][counted], losses[counted].astype(np.float64), self.documents)
        low, high = interval(nats, self.num_bytes)
        return Evaluation(
            bits_per_byte=float(nats.sum()) / math.log(2) / max(1, self.bytes),
            unigram_bits_per_byte=self.unigram,
            loss=float(nats.sum()) / max(1, self.tokens),
            documents=self.documents,
            tokens=self.tokens,
            bytes=self.bytes,
            low=low,
            high=high,
            groups=tuple(group for name, labels in self.labels.items() for group in self._groups(name, labels, nats)),
        )

    def _groups(self, kind: str, labels: Sequence[str], nats: np.ndarray) -> list[Group]:
        """The most documents first; names in order where as many have them."""
        names, of = np.unique(np.array(labels, dtype=str), return_inverse=True)
        groups = []
        for number, name in enumerate(names.tolist()):
            chosen = of == number
            total = self.num_bytes[chosen].sum()
            bits = float(nats[chosen].sum()) / math.log(2) / max(1.0, total)
            groups.append(
                Group(kind, name or UNKNOWN, int(chosen.sum()), int(total), bits, *interval(nats[chosen], self.num_bytes[chosen]))
            )
        return sorted(groups, key=lambda group: -group.documents)
