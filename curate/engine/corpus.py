"""A run from end to end: the order in which a recipe becomes documents, removed, tokenizer, shards and card."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from curate import suppress
from curate.card import publish, questions
from curate.engine import tokens
from curate.engine.local import Engine
from curate.engine.run import Driver, Silent, Watcher, form_parts, input_parts
from curate.errors import RecipeError, StoreError
from curate.ledger import LEDGER, Balance, Segment
from curate.recipe import Recipe, suppressing, to_yaml
from curate.store import Lease, Store, failpoint

RECIPE = "recipe.yaml"


@dataclass
class Summary:
    """What a run did, from its ledger."""

    name: str
    root: str
    segments: list[Segment] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    num_tokens: int | None = None
    num_shards: int | None = None
    seconds: Counter[str] = field(default_factory=Counter)
    """Seconds of work by step, summed over workers; of this and of earlier attempts."""

    @property
    def first(self) -> Balance:
        """The sums of the first segment: records, skipped, read errors, documents."""
        return self.segments[0].balance

    @property
    def last(self) -> Balance:
        """The sums of the last segment: kept rows and bytes."""
        return self.segments[-1].balance

    @property
    def raw_bytes(self) -> int:
        """Payload bytes of markup that were read."""
        return self.segments[0].raw_bytes

    def removed(self) -> Counter[str]:
        """Documents and errors that left, by `step:reason`."""
        counts: Counter[str] = Counter()
        for segment in self.segments:
            counts.update(segment.balance.removed)
        return counts


def make(recipe: Recipe, store: Store, engine: Engine, watcher: Watcher | None = None, min_ranges: int = 1) -> Summary:
    """Run a recipe into a folder, or finish what an earlier run began there."""
    said = _answers(recipe)
    recipe = with_own_list(recipe, store)
    with Lease(store) as lease:
        _claim(store, recipe)
        questions.answers(store, {})  # a slip in the run's own card.yaml is told now, not when all is done
        store.remove_half_written()
        driver = Driver(recipe=recipe, store=store, engine=engine, watcher=watcher or Silent(), min_ranges=min_ranges, alive=lease.renew)
        if driver.index:
            driver.index.claim()
        segments = driver.documents(input_parts(recipe))
        failpoint("before_publish")
        store.write(RECIPE, to_yaml(recipe).encode())  # from here on the folder shows this recipe's corpus
        driver.publish_documents(segments[-1])
        driver.publish_removed(segments)
        driver.publish_hosts(segments[0])
        driver.publish_findings()
        if driver.index and driver.index.config.write:
            driver.index.publish(store)
        manifest = _tokens(driver, segments[-1])
        _check_run(segments)
        summary = Summary(name=recipe.name, root=store.root, segments=segments, steps=driver.plan.steps)
        if manifest:
            summary.num_tokens, summary.num_shards = manifest["totals"]["tokens"], manifest["totals"]["shards"]
        driver.ledger.compact(driver.tasks)
        _copy_answers(store, said)
        publish.publish(store)
        summary.seconds = driver.seconds()
        return summary


def with_own_list(recipe: Recipe, store: Store) -> Recipe:
    """The recipe with the suppression list that the folder itself has, if documents of an earlier run into it were forgotten."""
    return suppressing(recipe, f"{store.root.rstrip('/')}/{suppress.LIST}") if store.exists(suppress.LIST) else recipe


def _answers(recipe: Recipe) -> bytes | None:
    """The file of answers that the recipe names, checked before anything is read."""
    if recipe.card.file is None:
        return None
    try:
        data = Path(recipe.card.file).read_bytes()
    except OSError as error:
        raise RecipeError(f"card: expected a file of answers, got {recipe.card.file} ({error.strerror}); check the path") from None
    questions.parse(data, recipe.card.file)
    return data


def _copy_answers(store: Store, said: bytes | None) -> None:
    """The answers go along with the run; those of an earlier recipe do not stay."""
    if said is not None:
        store.write(questions.COPIED, said)
    else:
        store.remove(questions.COPIED)


def _claim(store: Store, recipe: Recipe) -> None:
    """Refuse a folder that belongs to another recipe; a fresh one gets this recipe's file at once."""
    if store.exists(RECIPE):
        name = recipe_name(store.read(RECIPE).decode())
        if name != recipe.name:
            raise StoreError(
                f"output {store.root}: expected a folder of recipe {recipe.name}, got one of recipe {name}; choose another --output"
            )
    elif store.exists(LEDGER):
        raise StoreError(f"output {store.root}: expected {RECIPE} beside {LEDGER}, got a ledger alone; choose another --output")
    else:
        store.write(RECIPE, to_yaml(recipe).encode())


def recipe_name(text: str) -> str:
    """The `name` in a recipe as run."""
    from ruamel.yaml import YAML

    return str(YAML(typ="safe").load(text).get("name"))


def _tokens(driver: Driver, segment: Segment) -> dict[str, Any] | None:
    parts = form_parts(segment.files("documents"), driver.recipe.limits.part_bytes)
    made = tokens.tokenizer(driver, parts)
    if made is None:
        return None
    return tokens.shards(driver, parts, made, license_column(driver))


def license_column(driver: Driver) -> str | None:
    """The column with the SPDX expression, if a step determines it; files of repositories have theirs from the licence file beside them."""
    for segment in driver.plan.segments:
        for found in segment.barriers:
            if found.barrier.name == "repository_license":
                return f"{found.step}__spdx"
    for segment in driver.plan.segments:
        for call in segment.steps:
            if call.stage.name == "license":
                return f"{call.step}__spdx"
    return None


def _check_run(segments: Sequence[Segment]) -> None:
    """Over the whole run too: what one segment keeps is what the next one reads, and everything read is kept or removed."""
    from curate.errors import LedgerError

    sums = [segment.balance for segment in segments]
    for before, after in pairwise(sums):
        for what in (("kept", "documents"), ("ids_kept", "ids_in"), ("bytes_kept", "bytes_in")):
            left, right = getattr(before, what[0]), getattr(after, what[1])
            if what[0] == "ids_kept":
                left, right = left % (1 << 128), right % (1 << 128)
            if left != right:
                raise LedgerError(f"run: expected {what[0]} of one segment = {what[1]} of the next, got {left} and {right}; this is a bug")
