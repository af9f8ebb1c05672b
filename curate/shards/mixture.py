"""A mixture: how often each group of documents comes in an epoch, to the token.

Groups are the values of any column of the documents. From the tokens that each group has and what the recipe asks (weights or a temperature,
caps, repeats), every group gets a number of tokens. A document of a group that is to give 2.3 times its tokens comes twice, and once more if
the keyed hash of its id is below the group's threshold; the threshold is the one at which the group has its tokens to within one document.
Held-out documents are not mixed: they come once.

A group that cannot give what its weight asks (`max_repeats`, `caps`) gives what it can, and the others share the rest by their weights
(after UniMax, Chung et al. 2023, arXiv:2304.09151). Temperature: shares are proportional to tokens^(1/temperature) (Devlin et al. 2019).

Misses: only one column at a time; a share of 0.1 % of a small corpus is one document or none.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import RecipeError
from curate.shards.format import TRAIN
from curate.shards.order import shuffle_keys

PURPOSE = b"mix"
OTHERS = "*"
NONE = "none"
"""The group of documents whose column is null."""
SHARE_DECIMALS = 9
"""Shares of a temperature are rounded, so that no libm has a say."""
MAX_REPEATS = (1 << 16) - 1


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a recipe asks of a mixture."""

    by: str
    edges: tuple[float, ...] = ()
    weights: Mapping[str, float] | None = None
    temperature: float | None = None
    tokens: int | None = None
    max_repeats: float = 4.0
    caps: Mapping[str, int] | None = None
    repeats: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Rule:
    """How often the documents of a group come: `whole` times, and once more where the hash of the id is below `threshold`."""

    whole: int
    threshold: int


@dataclass(frozen=True)
class Mixture:
    """The rules of all groups; crosses process boundaries."""

    seed: int
    rules: Mapping[str, Rule]

    def repeats(self, rows: pa.Table) -> np.ndarray:
        """int64[n] for encoded rows with id, group and split; 0 where a document is left out."""
        keys, _ = shuffle_keys(_one(rows["id"]), self.seed, PURPOSE)
        found = np.ones(rows.num_rows, dtype=np.int64)
        names = pc.dictionary_encode(_one(rows["group"]))
        codes = names.indices.to_numpy()
        train = _one(rows["split"]).to_numpy() == TRAIN
        for code, name in enumerate(names.dictionary.to_pylist()):
            mine, rule = train & (codes == code), self.rules[name]
            extra = keys[mine] < np.uint64(rule.threshold) if rule.threshold < 1 << 64 else np.ones(int(mine.sum()), dtype=bool)
            found[mine] = rule.whole + extra
        return found


def _one(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def groups_of(column: pa.Array, edges: tuple[float, ...]) -> pa.Array:
    """string[n]: the group of each document. With edges, numbers fall into `<a`, `a..b`, `>=b`; without, a value is its text."""
    if not edges:
        return pc.fill_null(column.cast(pa.string()), NONE)
    try:
        values = pc.fill_null(column.cast(pa.float64()), float("nan")).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise RecipeError(f"mix.edges: expected a column of numbers, got {column.type}; leave out `edges` to mix by its values") from None
    names = [f"<{edges[0]:g}", *(f"{a:g}..{b:g}" for a, b in itertools.pairwise(edges)), f">={edges[-1]:g}", NONE]
    codes = np.where(np.isnan(values), len(names) - 1, np.searchsorted(edges, values, side="right"))
    return pa.array(names, pa.string()).take(pa.array(codes))


def targets(wanted: Wanted, available: Mapping[str, int]) -> dict[str, int]:
    """Tokens that each group is to give, from the tokens that each has. RecipeError for a group that the recipe does not speak of."""
    fixed = {name: round(Fraction(str(times)) * available[name]) for name, times in (wanted.repeats or {}).items() if name in available}
    free = {name: count for name, count in sorted(available.items()) if name not in fixed and count}
    weights = _weights(wanted, free)
    most = {name: int(Fraction(str(wanted.max_repeats)) * count) for name, count in free.items()}
    for name, cap in (wanted.caps or {}).items():
        if name in most:
            most[name] = min(most[name], cap)
        elif name in fixed:
            fixed[name] = min(fixed[name], cap)
    total = (wanted.tokens if wanted.tokens is not None else sum(available.values())) - sum(fixed.values())
    return dict.fromkeys(available, 0) | fixed | _filled(weights, most, max(0, total))


def _weights(wanted: Wanted, free: Mapping[str, int]) -> dict[str, Fraction]:
    if wanted.temperature is not None and free:
        return {
            name: Fraction(str(round((count / max(free.values())) ** (1 / wanted.temperature), SHARE_DECIMALS)))
            for name, count in free.items()
        }
    if wanted.weights is None:
        return {name: Fraction(count) for name, count in free.items()}
    others = wanted.weights.get(OTHERS)
    silent = [name for name in free if name not in wanted.weights]
    if silent and others is None:
        raise RecipeError(
            f'mix.weights: expected a weight for each group of {wanted.by}, got none for {silent[0]!r}; add it, or `"*": 0` for all others'
        )
    return {name: Fraction(str(wanted.weights.get(name, others))) for name in free}


def _filled(weights: Mapping[str, Fraction], most: Mapping[str, int], total: int) -> dict[str, int]:
    """Share `total` by weight; a group that reaches its most stays there, and the others share what is left."""
    done: dict[str, int] = {}
    open_ = {name: weight for name, weight in weights.items() if weight > 0}
    while open_:
        left, sum_of = total - sum(done.values()), sum(open_.values())
        full = [name for name, weight in open_.items() if weight / sum_of * left >= most[name]]
        if not full:
            return done | _rounded({name: weight / sum_of * left for name, weight in open_.items()})
        for name in full:
            done[name] = most[name]
            del open_[name]
    return done


def _rounded(parts: Mapping[str, Fraction]) -> dict[str, int]:
    """Whole numbers with the same sum (but for a fraction): the largest remainders are rounded up."""
    whole = {name: int(part) for name, part in parts.items()}
    over = int(sum(parts.values())) - sum(whole.values())
    for name in sorted(parts, key=lambda name: (whole[name] - parts[name], name))[:over]:
        whole[name] += 1
    return whole
