"""The index of a family of runs: what each kept at its deduplicating steps, for the runs that come after it.

A run is one segment of the index, named by its output folder; running it again replaces its segment and no other. When a run begins, it writes
down which runs it is compared with (those whose segments were whole then), and keeps to them whenever it runs again: so runs that came later never
change what an earlier one keeps. The digests of their segments enter the names of its tasks.

Files are named by their content and copied from `work/` when the corpus is published, the manifest last.

Misses: two runs that begin before the other is published do not see each other. `curate shards forget` leaves a document's hashes in an index, so that
copies of it keep leaving; `curate forget` takes them out.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from curate.engine.steps import BarrierCall, Segment, Slot
from curate.errors import DedupIndexError, RecipeError
from curate.ledger import Outcome
from curate.recipe import IndexConfig, Recipe
from curate.store import File, Store, failpoint

FORMAT = "curate/index/1"
MANIFEST = "manifest.json"


@dataclass
class RunIndex:
    """An index, as one run sees it."""

    config: IndexConfig
    store: Store
    """The index's folder."""
    run: str
    folder: str
    """Where the run's output lies."""
    against: tuple[str, ...]
    """The runs that this one is compared with."""
    manifests: Mapping[str, Mapping[str, Any]]
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What this run leaves, by step."""
    origins: dict[str, File] = field(default_factory=dict)
    """The run's own files, by their path in the index."""

    # ---------------------------------------------------------------- before

    def takes_part(self, call: BarrierCall) -> bool:
        """Whether a step is compared with earlier runs, and remembered."""
        return call.barrier.memory is not None and (self.config.steps is None or call.step in self.config.steps)

    def with_earlier(self, call: BarrierCall) -> BarrierCall:
        """The call with what earlier runs left at this step. DedupIndexError where one left nothing, or something else."""
        if not self.takes_part(call):
            return call
        return replace(call, earlier=tuple(self._segment(call, run) for run in self.against))

    def _segment(self, call: BarrierCall, run: str) -> Segment:
        step = self.manifests[run]["steps"].get(call.step)
        if step is None:
            there = sorted(self.manifests[run]["steps"])
            raise DedupIndexError(
                f"index {self.store.root}: expected a step {call.step} in run {run}, got {there}; say under `index` which steps take part, "
                f"as `steps: {there}`"
            )
        wanted, found = _described(call), {name: step[name] for name in ("barrier", "version", "parameters")}
        if found != wanted:
            apart = _apart(wanted, found)
            raise DedupIndexError(
                f"index {self.store.root}: expected run {run} to have compared by {apart[0]} at {call.step}, got {apart[1]}; "
                "use the same parameters, or another index"
            )
        slots = tuple(
            Slot(keys=tuple(_file(run, file) for file in slot["keys"]), entries=_file(run, slot["entries"]) if slot["entries"] else None)
            for slot in step["slots"]
        )
        return Segment(root=self.store.root, run=run, digest=digest_of_json(step), slots=slots)

    def notes(self) -> list[str]:
        """What `curate plan` says of it."""
        whose = f"compared with {', '.join(self.against)}" if self.against else "compared with none: it is the first"
        return [f"index: {self.store.root}, this run as {self.run}{'' if self.config.write else ', not written'}, {whose}"]

    def claim(self) -> None:
        """Write down with whom this run is compared, before it begins."""
        if self.config.write and self.run not in self.manifests:
            self._write({})

    # ---------------------------------------------------------------- after

    def remember(self, call: BarrierCall, outcomes: Sequence[Outcome]) -> None:
        """Note what the tasks of one step left."""
        slots = [
            {
                "keys": [self._entry(file) for file in outcome.files["keys"]],
                "entries": next((self._entry(file) for file in outcome.files["entries"]), None),
            }
            for outcome in outcomes
            if outcome.facts["documents"]
        ]
        self.steps[call.step] = _described(call) | {"documents": sum(o.facts["documents"] for o in outcomes), "slots": slots}

    def _entry(self, file: File) -> dict[str, Any]:
        path = f"{file.digest.partition(':')[2]}.arrow"
        self.origins[path] = file
        return asdict(file) | {"path": path}

    def publish(self, store: Store) -> None:
        """Copy what the run left into the index; from the manifest on it counts. What no manifest lists goes."""
        for path, file in sorted(self.origins.items()):
            if self.store.size(f"{self.run}/{path}") != file.bytes:
                store.copy_to(file.path, self.store, f"{self.run}/{path}")
        failpoint("before_manifest_index")
        self._write(self.steps)
        failpoint("after_manifest_index")
        for name in self.store.list(self.run):
            if name != MANIFEST and name not in self.origins:
                self.store.remove(f"{self.run}/{name}")

    def _write(self, steps: Mapping[str, Any]) -> None:
        about = {"format": FORMAT, "run": self.run, "folder": self.folder, "against": list(self.against), "steps": dict(steps)}
        self.store.write_json(f"{self.run}/{MANIFEST}", about | {"digest": digest_of_json(about)})


def opened(recipe: Recipe, store: Store) -> RunIndex | None:
    """The index that a recipe names, as the run into `store` sees it. DedupIndexError where it cannot be understood."""
    if recipe.index is None:
        return None
    config, index = recipe.index, Store(recipe.index.path)
    run = config.run or store.root.rstrip("/").rpartition("/")[2]
    folder = store.full("")
    manifests = {name: manifest_of(index, name) for name in index.list("") if index.exists(f"{name}/{MANIFEST}")}
    own = manifests.get(run)
    if own is not None and config.run is None and own["folder"] != folder:
        raise DedupIndexError(
            f"index {index.root}: expected run {run} to be the one in {folder}, got one in {own['folder']}; choose another --output, or say "
            f"`run: {run}` under `index` if it was moved"
        )
    if own is not None:
        against = tuple(own["against"])
        if gone := [name for name in against if not manifests.get(name, {}).get("steps")]:
            raise DedupIndexError(
                f"index {index.root}: expected run {gone[0]}, with which {run} was compared, got none; put it back, or remove "
                f"{index.root}/{run} to begin anew"
            )
    else:
        against = tuple(sorted(name for name, manifest in manifests.items() if name != run and manifest["steps"]))
    return RunIndex(config, index, run, folder, against, manifests)


def check_steps(index: RunIndex | None, calls: Sequence[BarrierCall]) -> None:
    """Before anything runs: RecipeError where `index` names a step that cannot take part, or none can; DedupIndexError where runs do not fit."""
    if index is None:
        return
    able = [call.step for call in calls if call.barrier.memory is not None]
    for name in index.config.steps or ():
        if name not in able:
            raise RecipeError(f"index.steps: expected steps that an index can continue ({able}), got {name}; name one of them")
    if not able:
        raise RecipeError("index: expected a step that an index can continue, got none; add `- near_dedup: {}` or `- exact_dedup: {}`")
    for call in calls:
        index.with_earlier(call)


def _described(call: BarrierCall) -> dict[str, Any]:
    """What must be equal for two runs to be compared at a step."""
    assert call.barrier.memory is not None
    return {
        "barrier": call.barrier.name,
        "version": call.barrier.memory.version,
        "parameters": dict(call.barrier.memory.parameters(call.config)),
    }


def _apart(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, str]:
    """The first thing in which two descriptions differ, in both."""
    for name in ("barrier", "version"):
        if wanted[name] != found[name]:
            return f"{name} {wanted[name]}", f"{name} {found[name]}"
    names = [n for n in wanted["parameters"] if found["parameters"].get(n) != wanted["parameters"][n]]
    return tuple(", ".join(f"{n} {side['parameters'].get(n)}" for n in names) for side in (wanted, found))  # type: ignore[return-value]


def manifest_of(index: Store, run: str) -> Mapping[str, Any]:
    """What a run's segment says of itself, without its digest. DedupIndexError where that is not what was written."""
    try:
        manifest = index.read_json(f"{run}/{MANIFEST}")
        if manifest["format"] != FORMAT:
            raise DedupIndexError(
                f"index {index.root}/{run}/{MANIFEST}: expected format {FORMAT}, got {manifest['format']}; run {run} again with this version"
            )
        if manifest.pop("digest") != digest_of_json(manifest):
            raise ValueError("its digest is another")
    except (ValueError, KeyError, TypeError) as error:
        raise _no_manifest(index, run, error) from error
    return dict(manifest)


def _no_manifest(index: Store, run: str, error: Exception) -> DedupIndexError:
    return DedupIndexError(
        f"index {index.root}/{run}/{MANIFEST}: expected the manifest of a run, got {type(error).__name__}: {error}; "
        f"run {run} again, or take its folder out of the index"
    )


def _file(run: str, entry: Mapping[str, Any]) -> File:
    return File(**{**entry, "path": f"{run}/{entry['path']}"})


def digest_of_json(value: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON: of a step, its parameters and the content of its files; of a manifest, all it says."""
    plain = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()
