"""From dialogues to token ids: what stands around a turn comes from the recipe, what is said in it from the text, and the two never mix.

A document is the boundary token, then for each turn the ids of its role's `before`, of its content, of `after`, each encoded by itself. Special
tokens are made of the recipe's frames alone: a content that spells one gives the ids of its letters, as any text does. `before` is never learned;
content and `after` are, where the recipe learns from the role. A preference is one document: prompt, the assistant's `before`, the chosen answer
and its `after`; the rejected answer and its `after` stand beside it.

Price: that of encoding the contents, and a copy of the ids.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import ShardError
from curate.tokenizer.encode import Encoder
from curate.turns import CHOSEN, REJECTED, apart, speakers

LOOKS_SPECIAL = re.compile(r"<\|[^|<>]+\|>")
ANSWER = "assistant"


class Spoken(NamedTuple):
    """Encoded dialogues: document i is tokens[offsets[i]:offsets[i + 1]], and so on."""

    offsets: np.ndarray
    tokens: np.ndarray
    span_offsets: np.ndarray
    spans: np.ndarray
    """int64[k, 2]: start and end of what is learned, in tokens of its document."""
    rejected_offsets: np.ndarray
    rejected: np.ndarray


class ChatEncoder:
    """Encodes dialogues with one tokenizer and the frames of a recipe: role → (before, after).

    ShardError where a frame has what looks like a special token and is none, or the boundary token.
    """

    def __init__(self, encoder: Encoder, frames: Mapping[str, tuple[str, str]], learn: Sequence[str]):
        self.encoder = encoder
        self.roles = [*sorted(frames), CHOSEN, REJECTED]
        framed = dict(frames) | {CHOSEN: frames[ANSWER], REJECTED: ("", frames[ANSWER][1])}
        self.learned = np.array([role in (*learn, CHOSEN) for role in self.roles])
        self.apart = np.array([role == REJECTED for role in self.roles])
        pool, starts = [np.array([encoder.eos_id], dtype=encoder.dtype)], [0]
        for side in (0, 1):
            for role in self.roles:
                ids = self._frame(framed[role][side], role)
                starts.append(sum(map(len, pool)))
                pool.append(ids)
        self.pool = np.concatenate(pool)
        lengths = np.array([len(ids) for ids in pool[1:]], dtype=np.int64)
        self.starts, self.lengths = np.array(starts[1:], dtype=np.int64).reshape(2, -1), lengths.reshape(2, -1)

    def _frame(self, text: str, role: str) -> np.ndarray:
        """The ids of a frame: its special tokens, and what stands between them as text."""
        special = self.encoder.facts.special_ids
        for name in LOOKS_SPECIAL.findall(text):
            if name not in special:
                raise ShardError(
                    f"chat.roles.{role}: expected special tokens of the tokenizer {sorted(special)}, got {name}; add it to the tokenizer"
                )
        if self.encoder.eos_token in text:
            raise ShardError(
                f"chat.roles.{role}: expected a frame without {self.encoder.eos_token}, which stands before documents only, got {text!r}"
            )
        parts = re.split("(" + "|".join(map(re.escape, sorted(special, key=len, reverse=True))) + ")", text)
        made = [
            np.array([special[part]], dtype=self.encoder.dtype)
            if part in special
            else self.encoder.encode(pa.array([part], pa.large_string()))[1][1:]
            for part in parts
            if part
        ]
        return np.concatenate(made) if made else np.empty(0, dtype=self.encoder.dtype)

    def encode(self, texts: pa.Array, roles: pa.Array) -> Spoken:
        """The ids of dialogues: texts (large_string) as `curate.turns.joined` makes them, and who speaks (string)."""
        offsets, contents = apart(texts)
        role_offsets, names = speakers(roles)
        role = pc.fill_null(pc.index_in(names, value_set=pa.array(self.roles, pa.string())), -1).to_numpy().astype(np.int64)
        if not np.array_equal(offsets, role_offsets) or (role < 0).any():
            raise ShardError("encode: expected a role of the chat template for each turn, got others; this is a bug of the step before")
        ends, ids = self.encoder.encode(contents)
        document = np.repeat(np.arange(len(texts)), np.diff(offsets))
        first = np.zeros(len(role), dtype=bool)
        first[offsets[:-1]] = True
        starts = np.stack(
            [
                np.zeros(len(role), dtype=np.int64),
                self.starts[0][role],
                ends[:-1] + 1 + len(self.pool),  # the boundary token of each content is passed over
                self.starts[1][role],
            ],
            axis=1,
        )
        lengths = np.stack([first.astype(np.int64), self.lengths[0][role], np.diff(ends) - 1, self.lengths[1][role]], axis=1)
        pool = np.concatenate([self.pool, ids])
        aside = self.apart[role]
        tokens, turn_ends = _gathered(pool, starts[~aside], lengths[~aside])
        rejected, _ = _gathered(pool, starts[aside], lengths[aside])
        doc_offsets = _offsets(document[~aside], lengths[~aside].sum(axis=1), len(texts))
        prompts = np.isin(document, document[aside]) & (role != self.roles.index(CHOSEN))  # of a preference, only the answer is learned
        learned = (self.learned[role] & ~prompts)[~aside]
        size = lengths[~aside][:, 2:].sum(axis=1)
        end = (turn_ends - doc_offsets[document[~aside]])[learned]
        return Spoken(
            doc_offsets,
            tokens,
            _offsets(document[~aside][learned], np.ones(int(learned.sum()), dtype=np.int64), len(texts)),
            np.stack([end - size[learned], end], axis=1),
            _offsets(document[aside], lengths[aside].sum(axis=1), len(texts)),
            rejected,
        )


def _gathered(pool: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the pieces of a pool one after the other, the end of each row of pieces)."""
    flat, ends = lengths.ravel(), np.cumsum(lengths.ravel())
    at = np.repeat(starts.ravel() - (ends - flat), flat) + np.arange(int(ends[-1]) if len(ends) else 0)
    return pool[at], ends.reshape(lengths.shape)[:, -1] if len(ends) else np.empty(0, dtype=np.int64)


def _offsets(document: np.ndarray, sizes: np.ndarray, count: int) -> np.ndarray:
    """int64[count + 1]: where the things of each document end, from their documents and sizes."""
    sums = np.zeros(count + 1, dtype=np.int64)
    np.add.at(sums, document + 1, sizes)
    return np.cumsum(sums)
