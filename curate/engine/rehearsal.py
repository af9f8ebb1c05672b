"""The first run on a machine: while the driver lists its input, processes of their own compile what the phases need.

The first worker at a phase compiles alone and the others wait for it (`curate.kernels.locator`), so their cores have nothing to do. A rehearsal runs the
recipe's steps over a few made-up documents into a folder that is thrown away; all that is left of it are compiled kernels in the machine's cache. There
are two acts: the first segment over pages of a small archive, where it reads markup; and what stands behind it over texts. Each is at its phases as a
worker is, so that workers who come to one wait instead of compiling the same. A rehearsal that fails, or is cut short, costs time and nothing else:
what it did not compile, the workers do.
"""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from curate.engine import tokens, worker
from curate.engine.local import LocalEngine, Task, main_unseen
from curate.engine.plan import Plan, Segment, plan
from curate.engine.run import Driver, form_parts, input_parts
from curate.kernels import locator
from curate.ledger import Outcome
from curate.ledger import Segment as Outcomes
from curate.read import sample
from curate.read.sample_texts import Section, Text, Work
from curate.recipe import Input, Recipe
from curate.store import Store

TEXTS = 12
SENTENCES = (
    "The keeper of the light counted %d ships before noon.",
    "Nobody asked %s why the %d lamps were lit so early, and he did not say.",
)
BROKEN = "The caf\u00c3\u00a9 on the pier \u00e2\u20ac\u201cclosed&mdash;it was said\u00e2\u20ac\u201d since May."
"""A line that `unicode` repairs."""


class Alone(LocalEngine):
    """Tasks in this process, as a worker runs them: others wait while it is the first at a phase."""

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Outcomes as they come."""
        return map(worker.run, tasks)


@contextmanager
def beside(recipe: Recipe, workers: int) -> Iterator[None]:
    """A rehearsal of the recipe while the block runs, if this machine has compiled nothing yet and there are cores to wait for each other."""
    if workers < 2 or locator.any_compiled():
        yield
        return
    acts: list[Callable[[Recipe, str], object]] = [rehearse_pages, rehearse] if _reads_markup(plan(recipe)) else [rehearse]
    with TemporaryDirectory(prefix="curate-rehearsal-", ignore_cleanup_errors=True) as folder:  # removed here: they may be cut short
        spawn = multiprocessing.get_context("spawn")
        processes = [spawn.Process(target=_quietly, args=(act, recipe, f"{folder}/{act.__name__}"), daemon=True) for act in acts]
        with main_unseen():
            for process in processes:
                process.start()
        try:
            yield
        finally:
            for process in processes:
                process.kill()
                process.join()


def _quietly(act: Callable[[Recipe, str], object], recipe: Recipe, folder: str) -> None:
    """An act of which nobody hears."""
    os.nice(5)  # the workers come first
    with suppress(Exception, KeyboardInterrupt):
        os.mkdir(folder)
        act(recipe, folder)


def _reads_markup(made: Plan) -> bool:
    return any("raw" in call.stage.reads for call in made.segments[0].steps)


def rehearse_pages(recipe: Recipe, folder: str) -> Outcomes:
    """Run the first segment, without its rules, over the pages of a made-up archive, in an empty folder; what it came to."""
    sample.build(Path(folder), map(_page, range(TEXTS)))
    driver = _driver(replace(recipe, inputs=(Input(uri=f"{folder}/*.warc.gz", source="rehearsal"),)), folder)
    return driver.segment(driver.plan.segments[0], input_parts(driver.recipe), [])


def rehearse(recipe: Recipe, folder: str) -> None:
    """Run what stands behind the first segment, or all where that reads no markup, without rules, over made-up texts, in an empty folder."""
    source = Path(folder) / "texts.jsonl"
    source.write_text("".join(json.dumps({"url": f"https://example.org/{n}", "text": _text(n)}) + "\n" for n in range(TEXTS)))
    made = plan(recipe)
    pages = {call.step for call in made.segments[0].steps} if _reads_markup(made) else set()
    steps = tuple(replace(step, only=None) for step in recipe.steps if step.name not in pages)
    driver = _driver(replace(recipe, inputs=(Input(uri=str(source), source="rehearsal"),), steps=steps), folder)
    parts = form_parts(driver.documents(input_parts(driver.recipe))[-1].files("documents"), recipe.limits.part_bytes)
    if tokenizer := tokens.tokenizer(driver, parts):
        tokens.shards(driver, parts, tokenizer, None)


def _driver(recipe: Recipe, folder: str) -> Driver:
    """The driver of a small run, of stages that measure and judge nothing, so that later ones are called too."""
    driver = Driver(recipe=replace(recipe, index=None, mix=None), store=Store(f"{folder}/run"), engine=Alone(1))
    driver.plan = replace(driver.plan, segments=tuple(_without_rules(segment) for segment in driver.plan.segments))
    return driver


def _without_rules(segment: Segment) -> Segment:
    return replace(segment, steps=tuple(replace(call, stage=replace(call.stage, rules=())) for call in segment.steps))


def _page(number: int) -> Text:
    """A page of a host of its own: each licence is told in another way."""
    work = Work(name=f"light-{number}", version="1", license="MIT", summary=SENTENCES[0] % number)
    sections = (Section(heading="Lamps", text=_text(number)), Section(heading="light(lamps)", text=f"- one\n- two\n\n{BROKEN}", code=True))
    return Text(work=work, path=f"{number}.html", title=f"Lamps {number}", kind="module", sections=sections)


def _text(number: int) -> str:
    """A text of its own for each number but for 0 and 1, which are near-duplicates."""
    name = max(number, 1)
    lines = [" ".join(sentence % values for sentence, values in _pairs(name, line)) for line in range(12)]
    return "\n".join([*lines, f"Written by no. {number}."])


def _pairs(name: int, line: int) -> Iterator[tuple[str, tuple[object, ...]]]:
    return zip(SENTENCES, ((name * 37 + line,), (f"keeper{name}", name * 11 + line)), strict=True)
