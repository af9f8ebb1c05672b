"""A trained model with its tokenizer, to ask things of: the probability of a text after another, a continuation, what each document costs.

Texts are encoded without special tokens and stand behind one boundary token, as documents do in training.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from curate.shards.reader import Corpus
from train import checkpoint
from train.config import Config, TrainError
from train.data import PADDING, documents, no_text, opening
from train.model import Decoder
from train.trace import open_run

ROWS = 16
"""Rows that go through the model at a time."""


@dataclass(frozen=True)
class Answering:
    """A model that is asked."""

    model: Decoder
    tokenizer: Tokenizer
    corpus: Corpus
    config: Config
    step: int

    @property
    def device(self) -> torch.device:
        return self.model.lm_head.weight.device

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, special-token text as plain text."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def log_probabilities(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, bool]]:
        """For each (context, continuation): natural log of the continuation's probability, and whether it is the greedy one.

        Context and continuation are encoded together and cut where the context's own tokens end; what does not fit is cut on the left.
        """
        rows, spans = [], []
        for context, continuation in pairs:
            whole, ahead = self.encode(context + continuation), len(self.encode(context))
            ids = [opening(self.corpus.meta), *whole][-(self.config.model.context + 1) :]
            count = min(len(whole) - min(ahead, len(whole) - 1), len(ids) - 1)
            rows.append(ids)
            spans.append(count)
        found: list[tuple[float, bool]] = []
        for start in range(0, len(rows), ROWS):
            found += self._score(rows[start : start + ROWS], spans[start : start + ROWS])
        return found

    def log_probability(self, text: str) -> float:
        """Natural log of a text's probability behind the boundary: each token once, the last ones with as much before them as fits."""
        whole, context = [opening(self.corpus.meta), *self.encode(text)], self.config.model.context
        ends = [*range(1 + context, len(whole), context), len(whole)] if len(whole) > 1 else []
        rows = [whole[max(0, end - 1 - context) : end] for end in ends]
        counts = [end - begin for begin, end in pairwise([1, *ends])]
        found = [self._score(rows[start : start + ROWS], counts[start : start + ROWS]) for start in range(0, len(rows), ROWS)]
        return sum(log for part in found for log, _ in part)

    @torch.inference_mode()
    def _score(self, rows: Sequence[Sequence[int]], counts: Sequence[int]) -> list[tuple[float, bool]]:
        length = max(map(len, rows))
        padded = torch.tensor([[*row, *[0] * (length - len(row))] for row in rows], device=self.device)
        logs = self.model(padded[:, :-1]).float().log_softmax(dim=-1)
        found = []
        for i, (row, count) in enumerate(zip(rows, counts, strict=True)):
            at = slice(len(row) - 1 - count, len(row) - 1)
            targets = padded[i, 1:][at]
            chosen = logs[i, at].gather(1, targets[:, None]).squeeze(1)
            greedy = bool((logs[i, at].argmax(dim=1) == targets).all())
            found.append((float(chosen.double().sum()), greedy))
        return found

    @torch.inference_mode()
    def continue_text(
        self, prompt: str, tokens: int, temperature: float = 0.8, top_k: int = 50, seed: int = 0, until: Sequence[str] = ()
    ) -> str:
        """The prompt's continuation, up to `tokens` tokens, the end of the document or one of `until`; temperature 0 takes the likeliest token."""
        generator = torch.Generator().manual_seed(seed)
        ids = [opening(self.corpus.meta), *self.encode(prompt)]
        begin = len(ids)
        for _ in range(tokens):
            window = torch.tensor([ids[-self.config.model.context :]], device=self.device)
            token = _draw(self.model(window)[0, -1].float().cpu(), temperature, top_k, generator)
            if token == self.corpus.meta.eos_id:
                break
            ids.append(token)
            if until and any(end in self._decoded(ids[begin:]) for end in until):
                break
        return self._decoded(ids[begin:])

    def _decoded(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=False))

    @torch.inference_mode()
    def document_losses(self) -> Iterator[tuple[bytes, int, int, float]]:
        """(id, text tokens, bytes, nats) of every document of the corpus; long ones in rows of the context."""
        docs, context = documents(self.corpus), self.config.model.context
        meta = self.corpus.meta
        boundaries = torch.tensor(no_text(meta))
        for doc in range(len(docs.tokens)):
            tokens = np.concatenate([self.corpus.row_tokens(row) for row in range(int(docs.first[doc]), int(docs.first[doc + 1]))])
            tokens = np.roll(tokens, 1) if meta.before is None else tokens  # as training reads it
            count = max(1, -(-(len(tokens) - 1) // context))
            rows = np.full((count, context + 1), PADDING, dtype=np.int64)
            for i in range(count):
                part = tokens[i * context : (i + 1) * context + 1]
                rows[i, : len(part)] = part
            nats = 0.0
            for start in range(0, count, ROWS):
                batch = torch.from_numpy(rows[start : start + ROWS]).to(self.device)
                losses = self.model.losses(batch).double()
                nats += float(losses[~torch.isin(batch[:, 1:], boundaries.to(self.device))].sum())
            doc_id = b"".join(int(half).to_bytes(8, "big") for half in docs.keys[doc])
            yield doc_id, len(tokens) - meta.around, int(docs.num_bytes[doc]), nats


def _draw(logits: Tensor, temperature: float, top_k: int, generator: torch.Generator) -> int:
    if temperature == 0:
        return int(logits.argmax())
    top = logits.topk(min(top_k, len(logits)))
    probabilities = (top.values / temperature).softmax(dim=0)
    return int(top.indices[torch.multinomial(probabilities, 1, generator=generator)])


def load(output: Path, step: int | None = None, shards: Path | None = None, device: str = "cpu") -> Answering:
    """The model of a run, from its newest checkpoint or that of a step. TrainError where there is none."""
    run = open_run(output, shards)
    folder = output / "checkpoints"
    found = checkpoint.newest(folder)[0] if step is None else checkpoint.at(folder, step)
    if found is None:
        raise TrainError(f"{output}: expected a whole checkpoint{f' of step {step}' if step else ''}, got none; choose another --step")
    model = Decoder(run.config.model).to(device).eval()
    checkpoint.restore(found, model, [])
    tokenizer = Tokenizer.from_str(_without_specials(run.corpus.check_tokenizer(None)))
    return Answering(model, tokenizer, run.corpus, run.config, int(found.state["step"]))


def _without_specials(path: Path) -> str:
    """The tokenizer's file without its added tokens: `tokenizers` would make special ids of text that spells them."""
    said = json.loads(path.read_bytes())
    said["added_tokens"] = []
    return json.dumps(said)


def bits_per_byte(nats: float, num_bytes: int) -> float:
    """Nats over bytes as bits; 0 for no bytes."""
    return nats / math.log(2) / num_bytes if num_bytes else 0.0
