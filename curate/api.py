"""The Python API: `curate.run(recipe)` makes a corpus, `curate.open(run)` reads one.

import curate
summary = curate.run("pipelines/web.yaml", inputs=["crawl/*.warc.gz"], output="runs/mine", workers=8)
corpus = curate.open("runs/mine")
corpus.documents().head(3).to_pylist()
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pyarrow.dataset as ds

from curate.engine import rehearsal
from curate.engine.corpus import Summary, make
from curate.engine.local import Engine, LocalEngine
from curate.engine.run import Watcher
from curate.engine.worker import STALL_SECONDS, Allowance
from curate.errors import StoreError
from curate.recipe import Recipe, from_dict, load
from curate.store import Store


def engine(
    kind: Literal["local", "ray"] = "local",
    workers: int | None = None,
    ray_address: str | None = None,
    allowance: Allowance = Allowance(),
) -> Engine:
    """An engine; `workers` defaults to the cores of this machine, or of the cluster at `ray_address`."""
    if kind == "ray":
        from curate.engine.ray import RayEngine

        return RayEngine(workers if ray_address else workers or cores(), ray_address, allowance)
    return LocalEngine(workers or cores(), allowance)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    recipe: Recipe | str | Path | Mapping[str, Any],
    *,
    inputs: Sequence[str] = (),
    output: str | Path | None = None,
    overrides: Sequence[str] = (),
    engine_kind: Literal["local", "ray"] = "local",
    workers: int | None = None,
    ray_address: str | None = None,
    stall_seconds: float | None = STALL_SECONDS,
    watcher: Watcher | None = None,
) -> Summary:
    """Run a recipe (a path, a mapping, or a loaded one) into `output` (default `runs/<name>`), resuming what is there.

    A step of a worker (of several) that is at one document for `stall_seconds` is ended, and the document leaves as an error; None: never.
    Raises CurateError: RecipeError before anything is read, SourceError, StoreError, LedgerError while it runs.
    """
    if isinstance(recipe, str | Path):
        recipe = load(recipe, overrides, inputs)
    elif not isinstance(recipe, Recipe):
        recipe = from_dict(recipe)
    chosen = engine(engine_kind, workers, ray_address, Allowance(recipe.limits.worker_bytes, stall_seconds))
    try:
        with rehearsal.beside(recipe, chosen.workers if engine_kind == "local" else 1):
            return make(recipe, Store(str(output or f"runs/{recipe.name}")), chosen, watcher)
    finally:
        chosen.close()


@dataclass(frozen=True)
class Run:
    """A finished run, read through its manifests."""

    store: Store

    def documents(self) -> ds.Dataset:
        """The kept documents as a pyarrow dataset."""
        return self._dataset("documents")

    def removed(self) -> ds.Dataset:
        """Removed documents and errors, with `removed_by`, `value` and `threshold`."""
        return self._dataset("removed")

    def _dataset(self, folder: str) -> ds.Dataset:
        entries = self.manifest(folder)["files"]
        return ds.dataset([self.store.full(f"{folder}/{entry['path']}") for entry in entries], filesystem=self.store.fs, format="parquet")

    def manifest(self, folder: Literal["documents", "removed", "shards"] | str) -> dict[str, Any]:
        """The manifest of one of the run's folders."""
        path = f"{folder}/manifest.json"
        if not self.store.exists(path):
            raise StoreError(f"run {self.store.root}: expected {path}, got nothing there; finish the run with `curate run`")
        return dict(self.store.read_json(path))

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The card's facts."""
        return dict(self.store.read_json("card/facts.json"))


def open(run: str | Path) -> Run:
    """A finished run's folder or location."""
    store = Store(str(run))
    if not store.exists("ledger.jsonl"):
        raise StoreError(f"run {run}: expected the folder of a finished run with a ledger.jsonl, got none; run a recipe into it first")
    return Run(store)
