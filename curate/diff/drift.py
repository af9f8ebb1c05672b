"""How far apart two corpora are: by values of columns, by measures, by words.

Jensen–Shannon divergence in bits (Lin 1991; 0 equal, 1 nothing in common) of the shares of documents with each value, with the values that
give most of it. Population stability index over the deciles of the first corpus (below 0.1 is commonly taken as the same, above 0.25 as
another). Quantile distance: the mean distance of 99 quantiles, in units of the range from the first corpus's 1st to its 99th percentile.
Words are tokens where both runs have the same tokenizer, else what lies between blanks, lower case, in a sample of documents.
Misses: which of the differences matter; documents of one domain are no independent draws, so no test of significance is made.
"""

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.card import lengths, measures
from curate.card.content import Contents
from curate.card.facts import SHARDS
from curate.card.folder import Folder
from curate.card.tally import Tally
from curate.schema import id_words
from curate.shards import format as layout

CONTRIBUTORS = 10
DIGITS = 6
EPSILON = 1e-4
"""Smallest share of a bin in the stability index."""
WORD_DOCUMENTS = 20_000
WORDS = 100_000
"""Different words that are told apart; the rest are one."""
REST = "(all others)"
BINS = 1 << 16


def divergence(before: pa.Table | None, after: pa.Table | None) -> dict[str, Any]:
    """Jensen–Shannon divergence of two columns as `value` and `count`, and what gives most of it; null where a side has no value."""
    if before is None or after is None or not before.num_rows or not after.num_rows:
        return {"divergence": None, "contributors": []}
    sides = (before, after)
    zero = [pa.array(np.zeros(side.num_rows, np.int64)) for side in sides]
    counts = ((sides[0]["count"], zero[0]), (zero[1], sides[1]["count"]))
    both = pa.concat_tables([pa.table({"value": side["value"], "p": p, "q": q}) for side, (p, q) in zip(sides, counts, strict=True)])
    joined = both.group_by("value").aggregate([("p", "sum"), ("q", "sum")]).sort_by("value")  # sums of floats need an order
    p, q = (joined[name].to_numpy() / joined[name].to_numpy().sum() for name in ("p_sum", "q_sum"))
    part = np.round((_terms(p, (p + q) / 2) + _terms(q, (p + q) / 2)) / 2, 12)
    top = np.argsort(-np.round(part, DIGITS), kind="stable")[:CONTRIBUTORS]
    values = joined["value"].take(pa.array(top)).to_pylist()
    return {
        "divergence": round(min(1.0, max(0.0, float(part.sum()))), DIGITS),
        "contributors": [
            {
                "value": value,
                "before": round(float(p[i]), DIGITS),
                "after": round(float(q[i]), DIGITS),
                "part": round(float(part[i]), DIGITS),
            }
            for value, i in zip(values, top.tolist(), strict=True)
            if round(float(part[i]), DIGITS)
        ],
    }


def _terms(share: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """share · log2(share / middle), 0 where the share is 0."""
    return share * np.log2(share / middle, out=np.zeros(len(share)), where=share > 0)


def counted(counts: Mapping[str, int]) -> pa.Table:
    """Counts by value, as `divergence` takes them."""
    return pa.table({"value": pa.array(list(counts), pa.string()), "count": pa.array(list(counts.values()), pa.int64())})


def columns(before: Contents, after: Contents) -> list[dict[str, Any]]:
    """Divergence of every column that both have counted: those with tables of their own, then labels of steps."""
    sides = [side.tallies | {": ".join(pair): tally for pair, tally in side.labels.items()} for side in (before, after)]
    names = [name for name in sides[0] if name in sides[1]]
    return [{"column": name, **divergence(sides[0][name].table(), sides[1][name].table())} for name in names]


def stability(before: np.ndarray, after: np.ndarray) -> float:
    """Population stability index of sorted numbers, bins at the deciles of `before`."""
    edges = np.unique([before[measures.rank(len(before), share / 10)] for share in range(1, 10)])
    total = 0.0
    shares = [
        np.diff(np.concatenate([[0], np.searchsorted(side, edges, side="right"), [len(side)]])) / len(side) for side in (before, after)
    ]
    for a, b in zip(*shares, strict=True):
        a, b = max(float(a), EPSILON), max(float(b), EPSILON)
        total += (b - a) * log(b / a)
    return round(total, DIGITS)


def quantile_distance(before: np.ndarray, after: np.ndarray) -> float | None:
    """Mean distance of quantiles of sorted numbers, in units of before's range; null where that is 0 and they differ."""
    marks = [share / 100 for share in range(1, 100)]
    a, b = (np.array([side[measures.rank(len(side), mark)] for mark in marks], dtype=np.float64) for side in (before, after))
    span, mean = float(a[-1] - a[0]), float(np.abs(a - b).mean())
    if span == 0:
        return 0.0 if mean == 0 else None
    return round(mean / span, DIGITS)


def numbers(before: Folder, after: Folder) -> list[dict[str, Any]]:
    """Every measure that kept documents of both runs have, the most unstable first. Sampled as in the card."""
    named = [{column for _, _, column in measures.columns(folder)} for folder in (before, after)]
    both = sorted(named[0] & named[1])
    sides = []
    for folder in (before, after):
        bound = measures.bound_of(folder.documents.num_rows + folder.removed.num_rows, measures.SAMPLE)
        sides.append(measures.numbers(folder.documents, both, bound) if both else {})
    found = []
    for name in both:
        if name in sides[0] and name in sides[1] and len(sides[0][name]) and len(sides[1][name]):
            a, b = sides[0][name], sides[1][name]
            medians = {side: measures.summary(values, exact=True) for side, values in (("before", a), ("after", b))}
            found.append(
                {
                    "measure": name,
                    "stability_index": stability(a, b),
                    "quantile_distance": quantile_distance(a, b),
                    **{side: made["quantiles"] if made else None for side, made in medians.items()},
                }
            )
    return sorted(found, key=lambda one: (-one["stability_index"], one["measure"]))


def vocabulary(before: Folder, after: Folder) -> dict[str, Any]:
    """Divergence of tokens, or of words."""
    manifests = [folder.json(SHARDS) for folder in (before, after)]
    if all(manifests) and len({manifest["tokenizer"]["fingerprint"] for manifest in manifests if manifest}) == 1:
        sides = [_tokens(folder, manifest) for folder, manifest in zip((before, after), manifests, strict=True) if manifest]
        return {"of": "tokens", **divergence(*(_named(folder, side) for folder, side in zip((before, after), sides, strict=True)))}
    tallies = [_words(folder) for folder in (before, after)]
    known = {row["value"] for tally in tallies for row in tally.rows(WORDS)}
    return {"of": "words", **divergence(*(_known(tally, known) for tally in tallies))}


def _tokens(folder: Folder, manifest: dict[str, Any]) -> np.ndarray:
    """int64[vocab]: how often each token stands in the shards."""
    counts = np.zeros(int(manifest["tokenizer"]["vocab_size"]), dtype=np.int64)
    for batch in lengths.shard_batches(folder, manifest):
        tokens = layout.large_list_parts(batch["tokens"])[1]
        for start in range(0, len(tokens), 1 << 24):  # bincount makes int64 of what it is given
            counts += np.bincount(tokens[start : start + (1 << 24)], minlength=len(counts))
    return counts


def _named(folder: Folder, counts: np.ndarray) -> pa.Table:
    """Token → count; tokens by their bytes where the run has its tokenizer, else by number."""
    from curate.card.facts import TOKENIZER

    names: dict[int, str] = {}
    if folder.store.exists(TOKENIZER):
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(folder.store.read(TOKENIZER).decode("utf-8"))
        names = {id_: token for token, id_ in tokenizer.get_vocab().items()}
    return counted({names.get(token, f"token {token}"): int(counts[token]) for token in np.flatnonzero(counts).tolist()})


def _words(folder: Folder) -> Tally:
    """Words of a sample of the kept documents."""
    tally, bound = Tally(), measures.bound_of(folder.documents.num_rows, WORD_DOCUMENTS)
    for batch in folder.documents.batches(["id", "text"]):
        rows: Sequence[int] | np.ndarray = range(batch.num_rows)
        if bound is not None:
            rows = np.flatnonzero(id_words(batch["id"])[:, 0] < np.uint64(bound))
        text = pc.utf8_lower(batch["text"].take(pa.array(rows, pa.int64())))
        tally.add(pc.list_flatten(pc.utf8_split_whitespace(text)))
    return tally


def _known(tally: Tally, known: set[Any]) -> pa.Table:
    """The known words, and all others as one."""
    counts = {row["value"]: row["count"] for row in tally.rows(WORDS) if row["value"] in known}
    rest = tally.total - sum(counts.values())
    return counted(counts | ({REST: rest} if rest else {}))
