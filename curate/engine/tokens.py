"""From kept documents to token shards: train or take a tokenizer, encode, cut, write, publish."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import fsspec
import numpy as np

from curate import barrier as barriers
from curate.engine import mixing
from curate.engine.exchange import Runs
from curate.engine.fan_in import gathered
from curate.engine.run import Driver
from curate.engine.steps import BarrierCall
from curate.engine.tallies import Tallies, added, few, seen
from curate.engine.tasks import DocumentsPart, Mark, name_of, within
from curate.engine.tasks_doc_index import IndexTask, range_tasks
from curate.engine.tasks_tokens import CutTask, EncodeTask, ShardTask, bucket_range, cuts, shard_ranges
from curate.errors import RecipeError
from curate.ledger import Outcome, files_of
from curate.recipe import ShardsConfig, TokenizerFile
from curate.schema import column
from curate.shards.boundary import BOTH, FIRST
from curate.shards.forget import forgotten_ids
from curate.shards.format import MANIFEST, ShardMeta, ShardStat, shard_name, tokenizer_fingerprint
from curate.shards.index import IndexStat, index_name
from curate.shards.manifest import Amount, Rewritten, build_manifest, write_manifest
from curate.shards.mixture import Mixture
from curate.shards.order import shuffle_keys
from curate.store import File, Store, failpoint
from curate.tokenizer.encode import Encoder
from curate.tokenizer.file import as_bytes, config_json
from curate.tokenizer.imports import imported
from curate.tokenizer.probe import probe_hash
from curate.tokenizer.train import TokenizerConfig
from curate.tokenizer.usage import report

TOKENIZER, TOKENIZER_CONFIG, USAGE = (f"tokenizer/{name}.json" for name in ("tokenizer", "tokenizer_config", "usage"))

CUTS_A_TASK = 64
"""Ends of shards that one task looks for."""
IDS = 2
"""Version of what a shard leaves for the index."""


@dataclass(frozen=True)
class Tokenizer:
    """A published tokenizer."""

    file: File
    fingerprint: str
    probe: str
    vocab_size: int
    end: str
    """The token between documents."""
    eos_id: int
    bos_id: int | None
    """The token before every document where another stands behind it; None where the recipe has one token a document."""


def tokenizer(driver: Driver, parts: Sequence[DocumentsPart]) -> Tokenizer | None:
    """`tokenizer/`: trained on the kept text, or the recipe's file checked and copied; None if the recipe asks for none."""
    wanted = driver.recipe.tokenizer
    if wanted is None:
        driver.sweep("tokenizer", ())
        return None
    if isinstance(wanted, TokenizerFile):
        files, end = _given(driver.store, wanted), wanted.end
    else:
        assert driver.plan.tokenizer is not None
        assert isinstance(wanted, TokenizerConfig)
        outcome = driver.rounds.finding(driver.plan.tokenizer, parts)
        files, end = [], wanted.special_tokens[0]
        for name, (file,) in sorted(outcome.files.items()):
            driver.store.copy(file.path, f"tokenizer/{name}")
            files.append(File(path=f"tokenizer/{name}", bytes=file.bytes, digest=file.digest))
    failpoint("after_tokenizer")
    driver.sweep("tokenizer", [file.path for file in files])
    data = driver.store.read(TOKENIZER)
    encoder = Encoder(data, end)
    bos_id = _bos(driver, encoder)
    return Tokenizer(
        file=next(file for file in files if file.path == TOKENIZER),
        fingerprint=tokenizer_fingerprint(data),
        probe=probe_hash(encoder),
        vocab_size=encoder.vocab_size,
        end=encoder.eos_token,
        eos_id=encoder.eos_id,
        bos_id=bos_id,
    )


def _bos(driver: Driver, encoder: Encoder) -> int | None:
    """The id of the token before each document where the recipe has one on either side; one of its own is told to `transformers` too."""
    config, special = driver.recipe.shards, encoder.facts.special_ids
    if config is None or config.boundary != BOTH:
        return None
    bos = config.bos or encoder.eos_token
    if bos not in special:
        raise RecipeError(
            f"shards.bos: expected a special token of the tokenizer {sorted(special)[:20]}, got {bos}; add it to the tokenizer"
        )
    if bos != encoder.eos_token:
        driver.store.write(TOKENIZER_CONFIG, config_json(encoder.eos_token, special, bos))
    return special[bos]


def _given(store: Store, wanted: TokenizerFile) -> list[File]:
    """The recipe's file as a tokenizer.json, and what lets `transformers` open the folder."""
    data = imported(_bytes(wanted.file, "file"), wanted.file, wanted.pattern, wanted.special_tokens)
    facts = Encoder(data, wanted.end).facts  # says what is wrong with it before anything is encoded
    return [store.write(TOKENIZER, data), store.write(TOKENIZER_CONFIG, config_json(facts.end, facts.special_ids))]


def _bytes(path: str, field: str) -> bytes:
    try:
        with fsspec.open(path, "rb") as file:
            return bytes(file.read())
    except OSError as error:
        raise RecipeError(f"tokenizer.{field}: expected a file that can be read, got {path} ({error}); give its path") from None


def _others(driver: Driver) -> tuple[tuple[str, File], ...]:
    """The tokenizers to compare with, as files of the run."""
    made = []
    for number, path in enumerate(getattr(driver.recipe.tokenizer, "compare", ())):
        data = imported(_bytes(path, "compare"), path)
        Encoder(data)  # says what is wrong with it before anything is encoded
        made.append((path, driver.store.write(f"work/compare/{number}.json", data)))
    return tuple(made)


def _told_by(driver: Driver) -> dict[str, str]:
    """By what the tokenizer's figures are told apart: the source, and the language where a step determines it."""
    labels = [f"{call.step}__label" for segment in driver.plan.segments for call in segment.steps if call.stage.name == "language"]
    return {"source": "source"} | ({"language": labels[-1]} if labels else {})


def shards(driver: Driver, parts: Sequence[DocumentsPart], made: Tokenizer, license_column: str | None) -> dict[str, Any] | None:
    """`shards/`: the manifest as written; None if the recipe asks for none."""
    config = driver.recipe.shards
    if config is None:
        driver.sweep("shards", ())
        return None
    tallies = Tallies()
    encoded = _encode(driver, parts, made, config, license_column, tallies)
    runs, sums = files_of(encoded, "rows"), few(driver.store, encoded, driver.phase)
    used = seen(driver.store, files_of(sums, "used"))
    driver.store.write(USAGE, as_bytes(report(tallies.sums, tallies.compared, used, driver.store.read(TOKENIZER))))
    histogram = added(driver.store, files_of(sums, "histogram"))
    meta = ShardMeta(
        vocab_size=made.vocab_size,
        eos_id=made.eos_id,
        tokenizer_fingerprint=made.fingerprint,
        tokenizer_probe_hash=made.probe,
        sources=tallies.codes("sources"),
        licenses=tallies.codes("licenses"),
        containers=tallies.codes("containers"),
        kind=driver.recipe.kind,
        bos_id=made.bos_id,
        boundary_policy=config.boundary,
    )
    source = name_of("runs", [[file.digest for file in runs], repr(meta)])
    mixed, mixture = None, None
    if driver.recipe.mix is not None:
        mixed = mixing.mix(driver, driver.recipe.mix, config.seed, tallies.groups, runs, source)
        histogram, mixture = mixed.histogram, mixed.mixture
        source = name_of("mixed", [source, repr(mixture)])
    read = gathered(runs, store=driver.store, spill_bytes=driver.plan.bounds.range_bytes, step="shards", phase=driver.phase)
    tasks = [
        ShardTask(
            store=driver.store,
            name=name_of("shard", [source, IDS, low, high, *([[one.hex() for one in gone]] if gone else [])]),
            runs=read.within(low, high),
            low=low,
            high=high,
            meta=meta,
            forgotten=gone,
            mixture=mixture,
        )
        for low, high, gone in _ranges(driver, config, read, source, histogram, mixture)
    ]
    written = driver.phase("shards", tasks)
    index = _index(driver, files_of(written, "ids"), [task.low for task in tasks])
    more = {"mixture": mixing.said(mixed, driver.recipe.mix, written) if mixed and driver.recipe.mix else None}
    return _publish(driver, meta, written, index, more)


def _index(driver: Driver, ids: Sequence[File], shards: Sequence[int]) -> Outcome:
    """The document index, from the ids that each shard left and the first key of each."""
    range_bytes = driver.plan.bounds.range_bytes
    runs = gathered(ids, store=driver.store, spill_bytes=range_bytes, step="shards", phase=driver.phase)
    sorted_ranges = driver.phase("index: sort", range_tasks(driver.store, runs, shards, range_bytes))
    parts = tuple(files_of(sorted_ranges, "range"))
    name = name_of("index", [file.digest for file in parts])
    return driver.phase("index", [IndexTask(store=driver.store, name=name, parts=parts)])[0]


def _ranges(
    driver: Driver, config: ShardsConfig, runs: Runs, source: str, histogram: np.ndarray, mixture: Mixture | None
) -> list[tuple[int, int, tuple[bytes, ...]]]:
    """(low, high, forgotten ids) of each shard: only the shard that held a forgotten document is another task than before."""
    wanted = cuts(histogram, config.tokens_per_shard)
    tasks = [
        CutTask(
            store=driver.store,
            name=name_of("cut", [source, some]),
            runs=runs.within(bucket_range(some[0][0])[0], bucket_range(some[-1][0])[1]),
            wanted=tuple(some),
            mixture=mixture,
        )
        for some in (wanted[at : at + CUTS_A_TASK] for at in range(0, len(wanted), CUTS_A_TASK))
    ]
    edges = [edge for outcome in driver.phase("cut", tasks) for edge in outcome.facts["edges"]] if tasks else []
    ids = forgotten_ids(driver.store)
    keys, _ = shuffle_keys(ids, config.seed)
    forgotten = sorted(zip(keys.tolist(), ids.to_pylist(), strict=True))
    found = []
    for low, high in shard_ranges(edges, int(histogram.sum())):
        start, end = (bisect_left(forgotten, (edge, b"")) for edge in (low, high))
        found.append((low, high, tuple(one for _, one in forgotten[start:end])))
    return found


def _encode(
    driver: Driver, parts: Sequence[DocumentsPart], made: Tokenizer, config: ShardsConfig, license_column: str | None, tallies: Tallies
) -> list[Outcome]:
    recipe, held_by = driver.recipe, _held_by(driver)
    held = _held_together(driver, parts, held_by)
    told_by, others, share = _told_by(driver), _others(driver), getattr(recipe.tokenizer, "compare_share", 0.0)
    around = (made.bos_id, made.eos_id if config.boundary != FIRST else None)
    tasks = [
        EncodeTask(
            store=driver.store,
            name=name_of(
                "encode",
                [
                    part.identity(),
                    made.file.digest,
                    made.eos_id,
                    config.seed,
                    license_column,
                    *map(repr, (recipe.split, held_by, recipe.mix)),
                    *([held.digest] if held else []),
                    *([recipe.chat.model_dump(mode="json")] if recipe.chat else []),
                    *([{"boundary": config.boundary, "bos": made.bos_id}] if config.boundary != FIRST else []),
                    [told_by, [(name, file.digest) for name, file in others], share if others else 0],
                ],
            ),
            part=part,
            tokenizer=made.file,
            end=made.end,
            seed=config.seed,
            license_column=license_column,
            spill_bytes=driver.plan.bounds.range_bytes,
            split=recipe.split,
            held_by=held_by,
            held=within([held], part) if held else (),
            mix=recipe.mix,
            chat=recipe.chat,
            around=around,
            told_by=told_by,
            others=others,
            share=share,
        )
        for part in parts
    ]
    return driver.phase("encode", tasks, tallies.taken)


def _held_by(driver: Driver) -> tuple[str, ...]:
    """The columns that tie documents which are held out together: the parents of segments, first cut first; then the families of all steps that give one."""
    if driver.recipe.split is None:
        return ()
    calls = [call for segment in driver.plan.segments for call in segment.steps if call.stage.splits]
    families = [name for segment in driver.plan.segments for call in segment.barriers for name in call.added() if name.endswith("__family")]
    return (*(column(call.step, "parent") for call in calls), *families)


def _held_together(driver: Driver, parts: Sequence[DocumentsPart], held_by: tuple[str, ...]) -> Mark | None:
    """One id for all that several columns tie; None where one column says it already."""
    if len(held_by) < 2:
        return None
    barrier = barriers.load("hold_out")
    return driver.rounds.mark(
        BarrierCall(step=barrier.name, barrier=barrier, config=barrier.config.model_validate({"columns": held_by})), parts, []
    )


def _publish(driver: Driver, meta: ShardMeta, written: Sequence[Outcome], index: Outcome, more: Mapping[str, Any]) -> dict[str, Any]:
    """Public names, then the manifest, then the sweep. A shard that lacks forgotten documents is named as compaction names it."""
    store = driver.store
    facts = [dict(outcome.facts) for outcome in written]
    lost, left_out = ([Amount(**one.pop(name)) for one in facts] for name in ("forgotten", "left_out"))
    for one in facts:
        del one["groups"]
    names = {number: shard_name(number, one["xxh3_64"] if lost[number].rows else "") for number, one in enumerate(facts)}
    index_path = index_name(index.facts["xxh3_64"] if any(one.rows for one in lost) else "")
    store.copy_all([(outcome.files["shard"][0].path, f"shards/{names[number]}") for number, outcome in enumerate(written)])
    store.copy(index.files["index"][0].path, f"shards/{index_path}")
    failpoint("before_manifest_shards")
    rewritten = Rewritten(names=names, index=index_path, forgotten=sum(lost, Amount()))
    more = {"left_out": asdict(sum(left_out, Amount())), **more}
    manifest = build_manifest(meta, [ShardStat(**one) for one in facts], IndexStat(**index.facts), rewritten=rewritten, more=more)
    with store.put(f"shards/{MANIFEST}") as sink:
        write_manifest(sink, manifest)  # type: ignore[arg-type]
    driver.sweep("shards", [f"shards/{name}" for name in (*names.values(), index_path, MANIFEST)])
    return manifest
