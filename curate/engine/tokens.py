"""From kept documents to token shards: train or take a tokenizer, encode, cut, write, publish."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from curate.engine.run import Driver, files_of
from curate.engine.tasks import DocumentsPart, name_of
from curate.engine.tasks_tokens import EncodeTask, IndexTask, ShardTask, shard_ranges
from curate.ledger import Outcome
from curate.recipe import ShardsConfig, TokenizerFile
from curate.shards.format import (
    INDEX,
    MANIFEST,
    IndexStat,
    ShardMeta,
    ShardStat,
    build_manifest,
    shard_name,
    tokenizer_fingerprint,
    write_manifest,
)
from curate.store import File, Store, failpoint
from curate.tokenizer.encode import Encoder
from curate.tokenizer.probe import probe_hash

TOKENIZER = "tokenizer/tokenizer.json"


@dataclass(frozen=True)
class Tokenizer:
    """A published tokenizer."""

    file: File
    fingerprint: str
    probe: str
    vocab_size: int
    eos_id: int


def tokenizer(driver: Driver, parts: Sequence[DocumentsPart]) -> Tokenizer | None:
    """`tokenizer/`: trained on the kept text, or the recipe's file checked and copied; None if the recipe asks for none."""
    wanted = driver.recipe.tokenizer
    if wanted is None:
        driver.sweep("tokenizer", ())
        return None
    if isinstance(wanted, TokenizerFile):
        files = [_given(driver.store, wanted.file)]
    else:
        assert driver.plan.tokenizer is not None
        outcome = driver.finding(driver.plan.tokenizer, parts)
        files = []
        for name, (file,) in sorted(outcome.files.items()):
            driver.store.copy(file.path, f"tokenizer/{name}")
            files.append(File(path=f"tokenizer/{name}", bytes=file.bytes, digest=file.digest))
    failpoint("after_tokenizer")
    driver.sweep("tokenizer", [file.path for file in files])
    data = driver.store.read(TOKENIZER)
    encoder = Encoder(data)
    return Tokenizer(
        file=next(file for file in files if file.path == TOKENIZER),
        fingerprint=tokenizer_fingerprint(data),
        probe=probe_hash(encoder),
        vocab_size=encoder.vocab_size,
        eos_id=encoder.eos_id,
    )


def _given(store: Store, path: str) -> File:
    with open(path, "rb") as file:
        data = file.read()
    Encoder(data)  # says what is wrong with it before anything is encoded
    return store.write(TOKENIZER, data)


def shards(driver: Driver, parts: Sequence[DocumentsPart], made: Tokenizer, license_column: str | None) -> dict[str, Any] | None:
    """`shards/`: the manifest as written; None if the recipe asks for none."""
    config = driver.recipe.shards
    if config is None:
        driver.sweep("shards", ())
        return None
    encoded = _encode(driver, parts, made, config, license_column)
    runs = files_of(encoded, "rows")
    histograms = [np.frombuffer(driver.store.read(file.path), dtype="<i8") for file in files_of(encoded, "histogram")]
    meta = ShardMeta(
        vocab_size=made.vocab_size,
        eos_id=made.eos_id,
        tokenizer_fingerprint=made.fingerprint,
        tokenizer_probe_hash=made.probe,
        sources=_names(encoded, "sources"),
        licenses=_names(encoded, "licenses"),
        containers=_names(encoded, "containers"),
    )
    source = name_of("runs", [[file.digest for file in runs], repr(meta)])
    tasks = [
        ShardTask(store=driver.store, name=name_of("shard", [source, low, high]), runs=tuple(runs), low=low, high=high, meta=meta)
        for low, high in shard_ranges(np.sum(histograms, axis=0), config.tokens_per_shard)
    ]
    written = driver.phase("shards", tasks)
    files = tuple(files_of(written, "shard"))
    index = driver.phase("index", [IndexTask(store=driver.store, name=name_of("index", [f.digest for f in files]), shards=files)])[0]
    return _publish(driver, meta, written, index)


def _names(encoded: Sequence[Outcome], table: str) -> tuple[str, ...]:
    """All names of a code table, sorted: a name's code does not depend on who saw it first."""
    return tuple(sorted({name for outcome in encoded for name in outcome.facts[table]}))


def _encode(
    driver: Driver, parts: Sequence[DocumentsPart], made: Tokenizer, config: ShardsConfig, license_column: str | None
) -> list[Outcome]:
    tasks = [
        EncodeTask(
            store=driver.store,
            name=name_of("encode", [part.identity(), made.file.digest, config.seed, license_column]),
            part=part,
            tokenizer=made.file,
            seed=config.seed,
            license_column=license_column,
            spill_bytes=driver.plan.bounds.range_bytes,
        )
        for part in parts
    ]
    return driver.phase("encode", tasks)


def _publish(driver: Driver, meta: ShardMeta, written: Sequence[Outcome], index: Outcome) -> dict[str, Any]:
    """Public names, then the manifest, then the sweep."""
    store = driver.store
    keep = [f"shards/{INDEX}", f"shards/{MANIFEST}"]
    for number, outcome in enumerate(written):
        keep.append(f"shards/{shard_name(number)}")
        store.copy(outcome.files["shard"][0].path, keep[-1])
    store.copy(index.files["index"][0].path, f"shards/{INDEX}")
    failpoint("before_manifest_shards")
    manifest = build_manifest(meta, [ShardStat(**outcome.facts) for outcome in written], IndexStat(**index.facts))
    with store.put(f"shards/{MANIFEST}") as sink:
        write_manifest(sink, manifest)  # type: ignore[arg-type]
    driver.sweep("shards", keep)
    return manifest
