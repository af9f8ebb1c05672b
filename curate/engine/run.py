"""The driver: walks the plan phase by phase, asks the ledger what is done, lets an engine run the rest, publishes what is whole.

No data passes through it: only task descriptions, ledger lines and manifests.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from curate.collector import uncollected
from curate.engine import plan as plans
from curate.engine.index import check_steps, opened
from curate.engine.local import Engine, Task
from curate.engine.plan import Plan, plan
from curate.engine.rounds import Rounds
from curate.engine.tasks import DocumentsPart, InputPart, Mark, SegmentTask, name_of, within
from curate.engine.tasks_removed import RemovedTask, removed_schema
from curate.ledger import Ledger, Outcome, Segment, files_of
from curate.read.chunk import Source
from curate.read.dialogue import OWN
from curate.read.fields import CARRIED
from curate.read.files import Input, spans
from curate.recipe import Recipe
from curate.schema import DOCUMENT, ID_MODULUS
from curate.store import File, Store, failpoint
from curate.turns import ROLES, TEXT

TIMES = "times.jsonl"


class Watcher(Protocol):
    """Who is told how a run goes."""

    def phase(self, label: str, num_tasks: int, num_done: int) -> None: ...
    def task(self, outcome: Outcome) -> None: ...


class Silent:
    """Nobody watches."""

    def phase(self, label: str, num_tasks: int, num_done: int) -> None:
        """A phase begins; `num_done` of its tasks are finished already."""

    def task(self, outcome: Outcome) -> None:
        """A task was committed."""


@dataclass
class Driver:
    """One run of a recipe into one folder."""

    recipe: Recipe
    store: Store
    engine: Engine
    watcher: Watcher = field(default_factory=Silent)
    alive: Callable[[], None] = lambda: None
    """Called as tasks end: the driver is alive and keeps its folder."""
    min_ranges: int = 1
    """At least so many key ranges in every exchange; the outcome does not depend on it (tests turn it)."""

    def __post_init__(self) -> None:
        self.plan: Plan = plan(self.recipe)
        self.index = opened(self.recipe, self.store)
        check_steps(self.index, [call for segment in self.plan.segments for call in segment.barriers])
        self.ledger = Ledger(self.store)
        self.rounds = Rounds(self)
        self.carried = tuple(sorted(carried(self.recipe)))
        self.tasks: list[str] = []
        """Names of all tasks of this run, in plan order."""
        self.findings: dict[str, bytes] = {}
        """Files by which barriers judged, under their public names."""
        self.host_files: list[File] = []
        """The host table: files of whole hosts that reading found."""

    # ---------------------------------------------------------------- phases

    def phase(self, label: str, tasks: Sequence[Task], take: Callable[[Outcome], Outcome] = lambda outcome: outcome) -> list[Outcome]:
        """What `take` leaves of the outcomes of all tasks, in order; those that the ledger knows are not repeated."""
        with uncollected():  # a third of the time of 10^5 outcomes
            outcomes = {task.name: take(outcome) for task in tasks if (outcome := self.ledger.done(task.name)) is not None}
        self.tasks += [task.name for task in tasks]
        todo = list({task.name: task for task in tasks if task.name not in outcomes}.values())
        self.watcher.phase(label, len(tasks), len(tasks) - len(todo))
        for outcome in self.engine.run(todo):
            self.ledger.commit(outcome)
            self.alive()
            self._time(outcome)
            self.watcher.task(outcome)
            outcomes[outcome.task] = take(outcome)
        self.ledger.flush()
        return [outcomes[task.name] for task in tasks]

    def _time(self, outcome: Outcome) -> None:
        """Note seconds by step. Times are beside the ledger, never in it."""
        if self.store.is_local:
            with open(self.store.full(TIMES), "a", encoding="utf-8") as file:
                file.write(json.dumps({"task": outcome.task, "kind": outcome.kind, "seconds": outcome.seconds}) + "\n")

    def seconds(self) -> Counter[str]:
        """Seconds of work by step over all tasks of this run, those of earlier attempts included."""
        wanted, spent = set(self.tasks), Counter[str]()
        if not self.store.exists(TIMES):
            return spent
        latest = {}
        for line in self.store.read(TIMES).decode().splitlines():
            entry = json.loads(line)
            latest[entry["task"]] = entry["seconds"]
        for task, seconds in latest.items():
            if task in wanted:
                spent.update(seconds)
        return spent

    def segment(self, segment: plans.Segment, parts: Sequence[InputPart | DocumentsPart], marks: Sequence[Mark]) -> Segment:
        """All parts through one segment."""
        measure_all = self.recipe.after_verdict == "measure"
        common = SegmentTask.identity(marks, segment.steps, self.plan.bounds, segment.carry_raw, measure_all, self.carried)
        same, label = name_of("steps", common), segment.label
        tasks = []
        for part in parts:
            tasks.append(
                SegmentTask(
                    store=self.store,
                    name=name_of(f"segment{segment.index}", [same, part.identity()]),
                    part=part,
                    marks=within(marks, part),
                    steps=segment.steps,
                    bounds=self.plan.bounds,
                    carry_raw=segment.carry_raw,
                    measure_all=measure_all,
                    carried=self.carried,
                    phase=label,
                )
            )
        made = Segment()
        made.keep(self.phase(segment.label, tasks, made.taken))
        return made

    # ---------------------------------------------------------------- documents

    def documents(self, parts: Sequence[InputPart]) -> list[Segment]:
        """All segments, and what they came to."""
        outcomes = [self.segment(self.plan.segments[0], parts, [])]
        self.host_files = outcomes[0].files("hosts")
        for segment in self.plan.segments[1:]:
            formed = form_parts(outcomes[-1].files("documents"), self.recipe.limits.part_bytes)
            outcomes[-1].forget("documents")
            marks: list[Mark] = []
            for planned in segment.barriers:
                call = self.index.with_earlier(planned) if self.index else planned
                mark = self.rounds.mark(call, formed, marks)
                marks.append(mark)
                self.findings |= {f"{call.step}-{name}": data for name, data in mark.call.found}
                if self.index and self.index.config.write and self.index.takes_part(call):
                    self.index.remember(call, self.rounds.remember(call, formed, marks))
            outcomes.append(self.segment(segment, formed, marks))
        return outcomes

    def publish_documents(self, segment: Segment) -> list[File]:
        """`documents/`: the files of the last segment under their public names, and their manifest."""
        files = nonempty(segment.files("documents"))
        ids = segment.balance.ids_kept % ID_MODULUS
        return self._publish("documents", files, {"ids": f"{ids:032x}"})

    def publish_removed(self, segments: Sequence[Segment]) -> list[File]:
        """`removed/`: what left in any segment, with the columns of all."""
        all_files = [file for segment in segments for file in segment.files("removed")]
        schema = removed_schema([self._schema(segment.files("removed")[0]) for segment in segments])
        groups = group(nonempty(all_files), self.plan.bounds.file_rows, self.recipe.limits.part_bytes)
        tasks = [
            RemovedTask(
                store=self.store,
                name=name_of("removed", [[file.digest for file in files], str(schema), self.plan.bounds.file_rows]),
                files=tuple(files),
                schema=schema,
                bounds=self.plan.bounds,
            )
            for files in groups
        ]
        return self._publish("removed", nonempty(files_of(self.phase("removed", tasks), "removed")), {})

    def publish_hosts(self, segment: Segment) -> list[File]:
        """`hosts/`: robots.txt and its kin, as they were found; a manifest of no files where there are none."""
        return self._publish("hosts", segment.files("hosts"), {})

    def publish_findings(self) -> None:
        """`findings/`: thresholds and the like, for a look and for later runs; no folder where there are none."""
        for name, data in self.findings.items():
            self.store.write(f"findings/{name}", data)
        self.sweep("findings", [f"findings/{name}" for name in self.findings])

    def _schema(self, file: File) -> pa.Schema:
        with self.store.open(file.path) as source:
            return pq.read_schema(source)

    def _publish(self, folder: str, files: Sequence[File], facts: Mapping[str, Any]) -> list[File]:
        """Give files their public names, then write the manifest that makes them count, then drop what it does not list."""
        published = []
        for number, file in enumerate(files):
            published.append(replace(file, path=f"{folder}/part-{number:05}.parquet"))
        self.store.copy_all([(file.path, public.path) for file, public in zip(files, published, strict=True)])
        failpoint(f"before_manifest_{folder}")
        entries = [asdict(file) | {"path": file.path.removeprefix(f"{folder}/")} for file in published]
        totals = {"rows": sum(file.rows for file in published), "text_bytes": sum(file.text_bytes for file in published)}
        self.store.write_json(f"{folder}/manifest.json", {"format": f"curate/{folder}/1", "files": entries, **totals, **facts})
        failpoint(f"after_manifest_{folder}")
        keep = {file.path for file in published} | {f"{folder}/manifest.json"}
        self.sweep(folder, keep)
        return published

    def sweep(self, folder: str, keep: Iterable[str]) -> None:
        """Remove files of a folder that no manifest lists: what an earlier recipe or a killed run left."""
        kept = set(keep)
        for name in self.store.list(folder):
            if f"{folder}/{name}" not in kept:
                self.store.remove(f"{folder}/{name}")


def input_parts(recipe: Recipe) -> list[InputPart]:
    """The parts of the first segment."""
    inputs = [
        Input(
            uri=given.uri,
            source=Source(
                name=given.source,
                fields=dict(given.fields),
                template=given.template,
                query=given.query,
                kind=recipe.kind,
                turns=tuple((turn.role, turn.text) for turn in given.turns),
                markers=dict(given.markers),
                roles=tuple(recipe.chat.roles) if recipe.chat else (),
            ),
            kind="query" if given.query else None,
        )
        for given in recipe.inputs
    ]
    parts = spans(inputs, recipe.limits.part_bytes)
    return [InputPart(index=index, source=part.source, spans=part.spans) for index, part in enumerate(parts)]


def carried(recipe: Recipe) -> set[str]:
    """Columns beyond the document's own that the inputs bring."""
    mapped = {name for given in recipe.inputs for name in given.fields}
    own = OWN if recipe.kind != TEXT else ()
    return (mapped | set(CARRIED)) - set(DOCUMENT.names) - set(own) | ({ROLES} if recipe.kind != TEXT else set())


def nonempty(files: Sequence[File]) -> list[File]:
    """Files with rows; the first file if none has any, so that a schema is always there."""
    return [file for file in files if file.rows] or list(files[:1])


def form_parts(files: Sequence[File], part_bytes: int) -> list[DocumentsPart]:
    """Parts of about `part_bytes` of text from files in order; a file is never cut, so that skew of the inputs does not last."""
    parts: list[list[File]] = []
    held = part_bytes
    for file in nonempty(files):
        if held >= part_bytes:
            parts.append([])
            held = 0
        parts[-1].append(file)
        held += file.text_bytes
    return [DocumentsPart(index=index, files=tuple(files)) for index, files in enumerate(parts)]


def group(files: Sequence[File], rows: int, num_bytes: int) -> list[list[File]]:
    """Consecutive files in groups of about `rows` rows or `num_bytes` of text, whichever is reached first."""
    groups: list[list[File]] = []
    held_rows, held_bytes = rows, num_bytes
    for file in files:
        if held_rows >= rows or held_bytes >= num_bytes:
            groups.append([])
            held_rows = held_bytes = 0
        groups[-1].append(file)
        held_rows += file.rows
        held_bytes += file.text_bytes
    return groups
