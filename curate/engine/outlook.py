"""What a run would do: the plan with its tasks, and which of them the ledger knows as done; and emptying the work folder."""

from collections.abc import Iterator, Sequence

from curate.engine.corpus import with_own_list
from curate.engine.local import Task
from curate.engine.run import Driver, input_parts
from curate.errors import StoreError
from curate.ledger import LEDGER, Outcome
from curate.recipe import Recipe, TokenizerFile
from curate.store import Store


class _UnfinishedError(Exception):
    """Tasks would have to run."""


class _Nobody:
    """An engine that runs nothing."""

    workers = 0

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        if tasks:
            raise _UnfinishedError
        return iter(())

    def close(self) -> None:
        """Nothing to close."""


class _Notes:
    """Collects the phases that are reached."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def phase(self, label: str, num_tasks: int, num_done: int) -> None:
        state = "done" if num_tasks == num_done else f"{num_done} of {num_tasks} done" if num_done else "to run"
        self.lines.append(f"  {label}: {num_tasks} tasks, {state}")

    def task(self, outcome: Outcome) -> None:
        """No task runs."""


def outlook(recipe: Recipe, store: Store) -> str:
    """The plan as text. Tasks of later phases are known only when the earlier ones are done: their parts are formed from what those wrote."""
    notes = _Notes()
    recipe = with_own_list(recipe, store)
    driver = Driver(recipe=recipe, store=store, engine=_Nobody(), watcher=notes)
    parts = input_parts(recipe)
    spans = [span for part in parts for span in part.spans]
    stored = sum(min(span.end, span.size) - span.start for span in spans)
    lines = [
        f"recipe {recipe.name} → {store.root}",
        f"input: {len({s.uri for s in spans})} files, {stored:,} bytes stored, {len(parts)} parts",
        *(driver.index.notes() if driver.index else ()),
        "",
    ]
    for segment in driver.plan.segments:
        lines.append(f"segment {segment.index}: {segment.label}")
        for call in segment.barriers:
            rounds = ", ".join(this.name for this in call.rounds)
            lines.append(f"    barrier {call.step} ({call.barrier.name} v{call.barrier.version}): rounds {rounds}")
            lines += [f"        {note}" for note in getattr(call.config, "notes", list)()]
        lines += [f"    stage {call.step} ({call.stage.name} v{call.stage.version})" for call in segment.steps]
    lines += ["then: documents/, removed/" + _after(recipe), "", "tasks:"]
    try:
        driver.documents(parts)
        notes.lines.append("  all documents are settled")
    except _UnfinishedError:
        notes.lines.append("  … tasks after this one depend on what it writes")
    return "\n".join(lines + notes.lines)


def _after(recipe: Recipe) -> str:
    after = ""
    if recipe.tokenizer is not None:
        after += f", tokenizer/ (from {recipe.tokenizer.file})" if isinstance(recipe.tokenizer, TokenizerFile) else ", tokenizer/ (trained)"
    return after + (", shards/" if recipe.shards else "") + ", card/"


def clean(store: Store) -> int:
    """Remove `work/`; the bytes that it held. StoreError if this is no run."""
    if not store.exists(LEDGER):
        raise StoreError(f"run {store.root}: expected the folder of a finished run with {LEDGER}, got none; nothing was removed")
    held = int(store.fs.du(store.full("work"), total=True)) if store.exists("work") else 0
    store.remove("work")
    return held
