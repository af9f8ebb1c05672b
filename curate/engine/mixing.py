"""Mixing as tasks: how many tokens each group has, at which hash each group has its wanted tokens, and what the shards then hold.

    encode   tokens of training by group                                → wanted tokens by group (shards/mixture.py)
    count    run → tokens by group and bucket of the mixing hash        → in which bucket each group's threshold lies
    near     run → hashes and tokens of the documents in those buckets  → the thresholds: to within one document
    apply    run → tokens by bucket of the shards' order, repeats 0 left out

Runs are read without their tokens (only list offsets are touched). Price: three scans of ids and lengths; the driver holds one bucket in
4,096 of each group, 16 bytes a document.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.arrow import one_chunk
from curate.engine.exchange import read_pieces
from curate.engine.run import Driver
from curate.engine.tasks import name_of
from curate.engine.tasks_tokens import BUCKET_BITS, lengths_in
from curate.ledger import Outcome
from curate.recipe import MixConfig
from curate.shards.format import TRAIN
from curate.shards.mixture import MAX_REPEATS, PURPOSE, Mixture, Rule, Wanted, targets
from curate.shards.order import shuffle_keys
from curate.store import File, Store

MIX_BITS = 12
"""Buckets of the mixing hash for each group: 2^12."""


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """What mixing decided, and the tokens that come into the shards by bucket of their order."""

    mixture: Mixture
    histogram: np.ndarray
    wanted: Mapping[str, int]
    available: Mapping[str, int]


def mix(driver: Driver, config: MixConfig, seed: int, available: Counter[str], runs: Sequence[File], source: str) -> Mixed:
    """Resolve a mixture over all encoded rows; `available`: their tokens by group. RecipeError for a group that the recipe does not speak of."""
    wanted = targets(Wanted(**config.model_dump()), available)
    names = tuple(sorted(available))
    identity = [source, seed, names]
    counted = driver.phase(
        "mix: count",
        [
            CountTask(store=driver.store, name=name_of("mixcount", [*identity, run.digest]), run_=run, seed=seed, names=names)
            for run in runs
        ],
    )
    buckets = np.zeros((len(names), 1 << MIX_BITS), dtype=np.int64)
    for outcome in counted:
        buckets += np.frombuffer(driver.store.read(outcome.files["histogram"][0].path), dtype="<i8").reshape(buckets.shape)
    rest = {name: wanted[name] % available[name] for name in names if available[name]}
    at = {name: int(np.searchsorted(np.cumsum(buckets[names.index(name)]), rest[name])) for name in rest if rest[name]}
    near = driver.phase(
        "mix: near",
        [NearTask(store=driver.store, name=name_of("mixnear", [*identity, run.digest, at]), run_=run, seed=seed, at=at) for run in runs]
        if at
        else [],
    )
    found = [driver.store.read(outcome.files["near"][0].path) for outcome in near]
    rules = {
        name: Rule(
            min(wanted[name] // available[name], MAX_REPEATS) if available[name] else 0, _threshold(name, names, at, rest, buckets, found)
        )
        for name in names
    }
    mixture = Mixture(seed, rules)
    applied = driver.phase(
        "mix: apply",
        [
            ApplyTask(store=driver.store, name=name_of("mixapply", [*identity, run.digest, repr(mixture)]), run_=run, mixture=mixture)
            for run in runs
        ],
    )
    histogram = np.zeros(1 << BUCKET_BITS, dtype=np.int64)
    for outcome in applied:
        histogram += np.frombuffer(driver.store.read(outcome.files["histogram"][0].path), dtype="<i8")
    return Mixed(mixture=mixture, histogram=histogram, wanted=wanted, available=dict(available))


def _threshold(
    name: str, names: Sequence[str], at: Mapping[str, int], rest: Mapping[str, int], buckets: np.ndarray, found: Sequence[bytes]
) -> int:
    """The hash below which the documents of a group have `rest` tokens, to within one of them."""
    if name not in at:
        return 0
    code, bucket = sorted(at).index(name), at[name]
    rows = [np.frombuffer(data, dtype="<u8").reshape(-1, 3) for data in found]
    mine = np.concatenate([one[one[:, 0] == code] for one in rows])
    keys, of = np.unique(mine[:, 1], return_inverse=True)
    sums = np.zeros(len(keys), dtype=np.int64)
    np.add.at(sums, of, mine[:, 2].astype(np.int64))
    starts = int(buckets[names.index(name), :bucket].sum()) + np.concatenate([[0], np.cumsum(sums)])
    nearest = int(np.argmin(np.abs(starts - rest[name])))
    return int(keys[nearest]) if nearest < len(keys) else (bucket + 1) << (64 - MIX_BITS)


def said(mixed: Mixed, config: MixConfig, written: Sequence[Outcome]) -> dict[str, Any]:
    """The mixture as the manifest tells it: what each group had, was to give and gives to an epoch."""
    achieved: Counter[str] = Counter()
    for outcome in written:
        achieved.update(outcome.facts["groups"])
    groups = [
        {"group": name, "tokens_available": mixed.available[name], "tokens_wanted": mixed.wanted[name], "tokens_an_epoch": achieved[name]}
        for name in sorted(mixed.available)
    ]
    return {"by": config.by, "groups": groups}


def _train_rows(store: Store, run: File, seed: int) -> Iterator[tuple[pa.Array, np.ndarray, np.ndarray]]:
    """(group string[n], mixing hash uint64[n], tokens int64[n]) of a run's training rows."""
    for piece in read_pieces(store, [run]):
        rows = np.flatnonzero(one_chunk(piece["split"]).to_numpy() == TRAIN)
        keys, _ = shuffle_keys(one_chunk(piece["id"]), seed, PURPOSE)
        lengths = one_chunk(pc.list_value_length(piece["tokens"])).to_numpy()
        yield one_chunk(piece["group"]).take(pa.array(rows)), keys[rows], lengths[rows]


@dataclass(frozen=True, kw_only=True)
class CountTask:
    """Tokens of one run by group and bucket."""

    store: Store
    name: str
    run_: File
    seed: int
    names: tuple[str, ...]
    phase: str = "mix: count"
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """A histogram int64[groups, 2^12], row by row in the order of `names`."""
        buckets = np.zeros((len(self.names), 1 << MIX_BITS), dtype=np.int64)
        for groups, keys, lengths in _train_rows(self.store, self.run_, self.seed):
            codes = pc.index_in(groups, value_set=pa.array(self.names, pa.string())).to_numpy(zero_copy_only=False)
            np.add.at(buckets, (codes, (keys >> np.uint64(64 - MIX_BITS)).astype(np.int64)), lengths)
        file = self.store.write(f"work/{self.name}/histogram.i8", buckets.astype("<i8").tobytes())
        return Outcome(task=self.name, kind="mix", files={"histogram": [file]})


@dataclass(frozen=True, kw_only=True)
class NearTask:
    """The documents of one run that lie in the bucket of their group's threshold."""

    store: Store
    name: str
    run_: File
    seed: int
    at: Mapping[str, int]
    phase: str = "mix: near"
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """uint64[n, 3]: number of the group among the sorted names of `at`, hash, tokens."""
        names = sorted(self.at)
        bucket_of = np.array([self.at[name] for name in names], dtype=np.int64)
        found = [np.empty((0, 3), dtype="<u8")]
        for groups, keys, lengths in _train_rows(self.store, self.run_, self.seed):
            codes = pc.fill_null(pc.index_in(groups, value_set=pa.array(names, pa.string())), -1).to_numpy(zero_copy_only=False)
            rows = np.flatnonzero((codes >= 0) & ((keys >> np.uint64(64 - MIX_BITS)).astype(np.int64) == bucket_of[codes]))
            found.append(np.stack([codes[rows].astype("<u8"), keys[rows].astype("<u8"), lengths[rows].astype("<u8")], axis=1))
        file = self.store.write(f"work/{self.name}/near.u8", np.concatenate(found).tobytes())
        return Outcome(task=self.name, kind="mix", files={"near": [file]})


@dataclass(frozen=True, kw_only=True)
class ApplyTask:
    """What of one run comes into the shards, by bucket of their order."""

    store: Store
    name: str
    run_: File
    mixture: Mixture
    phase: str = "mix: apply"
    resources: Mapping[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """A histogram int64[2^14]."""
        buckets = np.zeros(1 << BUCKET_BITS, dtype=np.int64)
        for piece in read_pieces(self.store, [self.run_]):
            at = (one_chunk(piece["key"]).to_numpy() >> np.uint64(64 - BUCKET_BITS)).astype(np.int64)
            np.add.at(buckets, at, lengths_in(piece, self.mixture))
        file = self.store.write(f"work/{self.name}/histogram.i8", buckets.astype("<i8").tobytes())
        return Outcome(task=self.name, kind="mix", files={"histogram": [file]})
