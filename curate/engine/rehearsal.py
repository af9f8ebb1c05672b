"""The first run on a machine: while the workers compile what the first phase needs, a process of its own compiles what the later ones need.

The first worker at a phase compiles alone and the others wait for it (`curate.kernels.locator`), so their cores have nothing to do. A rehearsal runs the
recipe's later steps over a few made-up texts into a folder that is thrown away; all that is left of it are compiled kernels in the machine's cache. A
rehearsal that fails, or is cut short, costs time and nothing else: what it did not compile, the workers do.
"""

import json
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from curate.engine import tokens
from curate.engine.local import LocalEngine, main_unseen
from curate.engine.plan import Segment
from curate.engine.run import Driver, form_parts, input_parts
from curate.kernels import locator
from curate.recipe import Input, Recipe
from curate.stage import load
from curate.store import Store

TEXTS = 12
SENTENCES = (
    "The keeper of the light counted %d ships before noon.",
    "Nobody asked %s why the %d lamps were lit so early, and he did not say.",
)


@contextmanager
def beside(recipe: Recipe, workers: int) -> Iterator[None]:
    """A rehearsal of the recipe while the block runs, if this machine has compiled nothing yet and there are cores to wait for each other."""
    if workers < 2 or locator.any_compiled():
        yield
        return
    with TemporaryDirectory(prefix="curate-rehearsal-", ignore_cleanup_errors=True) as folder:  # removed here: the process may be cut short
        process = multiprocessing.get_context("spawn").Process(target=_quietly, args=(recipe, folder), daemon=True)
        with main_unseen():
            process.start()
        try:
            yield
        finally:
            process.kill()
            process.join()


def _quietly(recipe: Recipe, folder: str) -> None:
    """A rehearsal of which nobody hears."""
    os.nice(5)  # the workers come first
    with suppress(Exception, KeyboardInterrupt):
        rehearse(recipe, folder)


def rehearse(recipe: Recipe, folder: str) -> None:
    """Run what stands behind the steps that read markup, without its rules, over made-up texts, in an empty folder."""
    source = Path(folder) / "texts.jsonl"
    source.write_text("".join(json.dumps({"url": f"https://example.org/{n}", "text": _text(n)}) + "\n" for n in range(TEXTS)))
    steps = tuple(replace(step, only=None) for step in recipe.steps if step.kind != "stage" or "raw" not in load(step.uses).reads)
    small = replace(recipe, inputs=(Input(uri=str(source), source="rehearsal"),), steps=steps, index=None, mix=None)
    driver = Driver(recipe=small, store=Store(f"{folder}/run"), engine=LocalEngine(1))
    driver.plan = replace(driver.plan, segments=tuple(_without_rules(segment) for segment in driver.plan.segments))
    parts = form_parts(driver.documents(input_parts(small))[-1].files("documents"), small.limits.part_bytes)
    if made := tokens.tokenizer(driver, parts):
        tokens.shards(driver, parts, made, None)


def _without_rules(segment: Segment) -> Segment:
    """The segment with stages that measure and judge nothing, so that later ones are called too."""
    return replace(segment, steps=tuple(replace(call, stage=replace(call.stage, rules=())) for call in segment.steps))


def _text(number: int) -> str:
    """A text of its own for each number but for 0 and 1, which are near-duplicates."""
    name = max(number, 1)
    lines = [" ".join(sentence % values for sentence, values in _pairs(name, line)) for line in range(12)]
    return "\n".join([*lines, f"Written by no. {number}."])


def _pairs(name: int, line: int) -> Iterator[tuple[str, tuple[object, ...]]]:
    return zip(SENTENCES, ((name * 37 + line,), (f"keeper{name}", name * 11 + line)), strict=True)
