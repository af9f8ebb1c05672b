"""Sources mixed by tokens, with weights that change at given shares of the run.

    train --mix "web=0.7,books=0.3" --mix "0.8: web=0.2,books=0.8"

Weights are of tokens; those of a stage need not sum to 1. A stage begins at a share of the run's steps, the first one at 0. `*` stands for all
sources that are not named; a source that no stage speaks of is an error, and weight 0 leaves one out of a stage.

Each source (and `*`) has rows of its own (epochs.py) through epochs of its own. Row by row the source is taken whose tokens lag furthest
behind its weight, counted in tokens and not in rows, so that padding and short rows do not shift the mix: at any row of a stage, a source
is within as many rows of its share as there are sources (largest deficit, as in Megatron-LM's blending, in integers). A run of W processes,
stopped and resumed, deals the same rows: they are a function of the plan.

Price: 10 bytes a row of the run in memory.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm

import numpy as np

from train.config import MixStage, TrainError
from train.epochs import Epochs

REST = "*"
"""All sources that are not named."""
BLOCK = 1 << 14
"""Rows that are dealt at a time."""
MOST = 10**9
"""The weights of a stage as whole numbers, summed: debts of the kernel stay below 2^63 then."""


@dataclass(frozen=True)
class Share:
    """Weights as a person gives them: from which share of the run on."""

    start: Fraction
    weights: tuple[tuple[str, int], ...]
    """(source, weight), sorted by source, without a common divisor."""


def parse(values: Sequence[str]) -> tuple[Share, ...]:
    """Stages of --mix, one a value: `[START:]source=weight,…`. TrainError for what is none."""
    stages = sorted((_stage(value) for value in values), key=lambda stage: stage.start)
    if stages and stages[0].start != 0:
        raise TrainError(f"--mix: expected a first stage at 0, got one at {float(stages[0].start):g}; give one without a share before it")
    if len({stage.start for stage in stages}) < len(stages):
        raise TrainError("--mix: expected stages at shares of their own, got two at the same; leave one out, or write `0.8: web=1`")
    names = {name for stage in stages for name, _ in stage.weights}
    for stage in stages:
        if lacking := sorted(names - {name for name, _ in stage.weights}):
            raise TrainError(f"--mix: expected all of {sorted(names)} in each stage, got none for {lacking}; give them a weight, or 0")
    return tuple(stages)


def _stage(text: str) -> Share:
    start, weights = Fraction(0), text
    if found := re.match(r"\s*([0-9.]+)\s*:", text):
        start, weights = _number(found[1], text), text[found.end() :]
        if not 0 <= start < 1:
            raise TrainError(f"--mix: expected a stage to begin at a share from 0 to below 1, got {found[1]} in {text!r}; change it")
    read: dict[str, Fraction] = {}
    for part in weights.split(","):
        name, sign, weight = (piece.strip() for piece in part.rpartition("="))
        if not (sign and name):
            raise TrainError(f"--mix: expected source=weight, got {part.strip()!r} in {text!r}; write it as web=0.7,books=0.3")
        if name in read:
            raise TrainError(f"--mix: expected one weight for a source, got two for {name!r} in {text!r}; leave one out")
        read[name] = _number(weight, text)
    if not any(read.values()):
        raise TrainError(f"--mix: expected a weight above 0, got none in {text!r}; raise one")
    whole = lcm(*(weight.denominator for weight in read.values()))
    counts = {name: int(weight * whole) for name, weight in read.items()}
    if sum(counts.values()) > MOST:
        raise TrainError(f"--mix: expected weights of at most nine digits in all, got {text!r}; round them")
    return Share(start, tuple(sorted(counts.items())))


def _number(text: str, where: str) -> Fraction:
    if not re.fullmatch(r"[0-9]*\.?[0-9]+|[0-9]+\.", text):
        raise TrainError(f"--mix: expected a decimal number of at least 0, got {text!r} in {where!r}; write it as 0.25")
    return Fraction(text)


def resolved(shares: Sequence[Share], steps: int, batch_rows: int) -> tuple[MixStage, ...]:
    """The stages at rows of a run. TrainError where a stage has no step."""
    begins = [round(share.start * steps) for share in shares]
    for begin, end in pairwise([*begins, steps]):
        if begin >= end:
            raise TrainError(f"--mix: expected steps in each stage, got none from step {begin} on, of {steps}; give more --steps")
    return tuple(MixStage(begin * batch_rows, share.weights) for begin, share in zip(begins, shares, strict=True))


def most_tokens(shares: Sequence[Share], streams: Mapping[str, Epochs], epochs: int) -> int:
    """Tokens that a run of these stages can have before a source is read more than `epochs` times."""
    ends = [*(share.start for share in shares[1:]), Fraction(1)]
    part = dict.fromkeys(streams, Fraction(0))
    for share, end in zip(shares, ends, strict=True):
        whole = sum(weight for _, weight in share.weights)
        for name, weight in share.weights:
            part[name] += Fraction(weight, whole) * (end - share.start)
    return min(int(epochs * streams[name].num_tokens / of) for name, of in part.items() if of)


def passes(stages: Sequence[MixStage], rows: int, context: int, streams: Mapping[str, Epochs]) -> dict[str, float]:
    """How often each source will have been read after `rows` rows, about: padding is not known before the rows are packed."""
    found = dict.fromkeys(streams, 0.0)
    for stage, end in zip(stages, [*(later.row for later in stages[1:]), rows], strict=True):
        whole = sum(weight for _, weight in stage.weights)
        for name, weight in stage.weights:
            found[name] += (end - stage.row) * context * weight / whole / max(1, streams[name].num_tokens)
    return found


def groups(stages: Sequence[MixStage], sources: Sequence[str], of: np.ndarray, known: Sequence[str]) -> dict[str, np.ndarray]:
    """Which documents each name of the stages stands for: name → positions int64[k] in `of`, the source's code of each document.

    sources: what the codes mean; known: those that have documents. TrainError for a name that has none and a source that has no name.
    """
    names = [name for name, _ in stages[0].weights]
    rest = [source for source in known if source not in names]
    if strange := [name for name in names if name != REST and name not in known]:
        raise TrainError(f"--mix: expected sources with documents to train on, one of {sorted(known)}, got {strange}; change the names")
    if rest and REST not in names:
        raise TrainError(f"--mix: expected a weight for every source, got none for {rest}; add them, or `*` for all the rest, or weight 0")
    if not rest and REST in names:
        raise TrainError(f"--mix: expected sources that are not named for `*`, got none beside {sorted(known)}; leave `*` out")
    code = {source: number for number, source in enumerate(sources)}
    return {name: np.flatnonzero(np.isin(of, [code[one] for one in (rest if name == REST else [name])])) for name in names}


class Alone:
    """One stream, no turns."""

    def where(self, row: int) -> tuple[int, int]:
        """(which stream, row of that stream) of a row of the run."""
        return 0, row

    def taken(self, rows: int) -> np.ndarray:
        """int64[streams]: rows of each among the first `rows`."""
        return np.array([rows])

    def rows_of(self, stream: int, rows: int) -> np.ndarray:
        """int64[k]: the rows of the run that are of a stream, among the first `rows`."""
        return np.arange(rows)

    def settle(self) -> None:
        """Until all removals are known to the streams."""


class Turns(Alone):
    """Which stream each row is of."""

    def __init__(self, streams: Sequence[Epochs], stages: Sequence[MixStage], removals: Sequence[tuple[int, np.ndarray]]) -> None:
        """removals: (row, documents int64[k]) by rising row."""
        self._streams, self._stages, self._removals = streams, stages, list(removals)
        self._weights = {stage.row: np.array([weight for _, weight in stage.weights], dtype=np.int64) for stage in stages}
        self._owner: list[np.ndarray] = []
        """int16[n] of each block."""
        self._number: list[np.ndarray] = []
        """int64[n] of each block: the row in its stream."""
        self._begins, self._ahead = [0], [np.zeros(len(streams), np.int64)]
        """First row of each block, and the rows of each stream before it; one more for the block to come."""
        self._now, self._debts = self._weights[0], np.zeros(len(streams), np.int64)

    def where(self, row: int) -> tuple[int, int]:
        self._reach(row + 1)
        block = bisect_right(self._begins, row) - 1
        at = row - self._begins[block]
        return int(self._owner[block][at]), int(self._number[block][at])

    def taken(self, rows: int) -> np.ndarray:
        self._reach(rows)
        block = bisect_right(self._begins, rows) - 1
        if block == len(self._owner):
            return self._ahead[block].copy()
        part = self._owner[block][: rows - self._begins[block]]
        return np.asarray(self._ahead[block] + np.bincount(part, minlength=len(self._streams)))

    def rows_of(self, stream: int, rows: int) -> np.ndarray:
        self._reach(rows)
        owner = np.concatenate([*self._owner, np.empty(0, np.int16)])[:rows]
        return np.flatnonzero(owner == stream)

    def settle(self) -> None:
        if self._removals:
            self._reach(self._removals[-1][0] + 1)

    def _reach(self, rows: int) -> None:
        while self._begins[-1] < rows:
            self._deal()

    def _deal(self) -> None:
        """One block more, up to where weights change or documents leave."""
        row, ahead = self._begins[-1], self._ahead[-1]
        if row in self._weights:
            self._now, self._debts = self._weights[row], np.zeros(len(self._streams), np.int64)
        while self._removals and self._removals[0][0] == row:
            _, docs = self._removals.pop(0)
            for stream, first in zip(self._streams, ahead.tolist(), strict=True):
                stream.remove(first, np.intersect1d(docs, stream.members))
        borders = [*(stage.row for stage in self._stages), *(at for at, _ in self._removals)]
        end = min([border for border in borders if border > row] + [row + BLOCK])
        owner = self._owners(end - row, ahead)
        number = np.empty(len(owner), dtype=np.int64)
        for which in range(len(self._streams)):
            mine = owner == which
            number[mine] = ahead[which] + np.arange(int(mine.sum()))
        self._owner.append(owner)
        self._number.append(number)
        self._begins.append(row + len(owner))
        self._ahead.append(ahead + np.bincount(owner, minlength=len(self._streams)))

    def _owners(self, rows: int, ahead: np.ndarray) -> np.ndarray:
        """int16[k]: the streams of the next rows, at least one and at most `rows`: until a stream comes to the end of an epoch."""
        from train.kernels import take_turns  # numba comes with it: `--help` need not wait for that

        lengths = [
            stream.lengths(int(at), rows) if weight else np.empty(0, np.int64)
            for stream, at, weight in zip(self._streams, ahead, self._now, strict=True)
        ]
        ends = np.cumsum([len(one) for one in lengths])
        owner = np.empty(rows, dtype=np.int16)
        count = take_turns(self._now, np.concatenate(lengths), ends - [len(one) for one in lengths], ends, self._debts, owner)
        return owner[:count]
