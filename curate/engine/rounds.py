"""A barrier's rounds, task by task: sketch every part, exchange, resolve every range, until there are verdicts or a finding."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from curate.engine.exchange import KEY_SPACE, Runs, ranges, run_bytes
from curate.engine.fan_in import gathered
from curate.engine.recall import recalled_bytes, slots
from curate.engine.steps import BarrierCall
from curate.engine.tasks import PART_SHIFT, DocumentsPart, Mark, addresses, name_of, within
from curate.engine.tasks_barrier import AGAIN, WAITS, FindingTask, ResolveTask, SketchTask, digest_of
from curate.engine.tasks_hosts import HostsTask
from curate.engine.tasks_index import RecallTask, RememberTask
from curate.ledger import Outcome, files_of
from curate.store import File

if TYPE_CHECKING:
    from curate.engine.run import Driver

MAX_ITERATIONS = 10_000


class Rounds:
    """The barriers of one run."""

    def __init__(self, driver: "Driver"):
        self.driver = driver

    def mark(self, call: BarrierCall, parts: Sequence[DocumentsPart], marks: Sequence[Mark]) -> Mark:
        """All rounds of a barrier that ends in verdicts, or in a finding by which it judges."""
        runs, digest = self._barrier(call, parts, marks)
        if call.barrier.judge is not None:
            files = self._finding(call, runs, digest).files
            found = tuple((name, self.driver.store.read(file.path)) for name, (file,) in sorted(files.items()))
            return Mark(call=replace(call, found=found), runs=self._by_address(call, [], parts), digest=digest)
        return Mark(call=call, runs=self._by_address(call, runs, parts), digest=digest)

    def _gathered(self, call: BarrierCall, runs: Sequence[File], space: int = KEY_SPACE) -> Runs:
        """The runs, in so few files that a task can open those of its range."""
        driver = self.driver
        bytes_at_once = driver.plan.bounds.range_bytes
        return gathered(runs, store=driver.store, spill_bytes=bytes_at_once, step=call.label, phase=driver.phase, space=space)

    def _by_address(self, call: BarrierCall, runs: Sequence[File], parts: Sequence[DocumentsPart]) -> Runs:
        return self._gathered(call, runs, max(1, len(parts)) << PART_SHIFT)

    def _barrier(self, call: BarrierCall, parts: Sequence[DocumentsPart], marks: Sequence[Mark]) -> tuple[list[File], str]:
        """The runs of the last resolve, and a digest that stands for all of the barrier."""
        runs: list[File] | None = None
        for number, this in enumerate(call.rounds):
            if this.sketch is not None:
                runs = self._sketch(call, number, parts, marks, runs)
            runs = self._resolve(call, number, runs or [])
        runs = runs or []
        return runs, name_of("barrier", [call.identity(), digest_of(runs)])

    def _sketch(
        self, call: BarrierCall, number: int, parts: Sequence[DocumentsPart], marks: Sequence[Mark], previous: list[File] | None
    ) -> list[File]:
        this = call.rounds[number]
        before = None if previous is None else name_of("runs", digest_of(previous))
        past = [[mark.call.identity(), mark.digest] for mark in marks]
        same = name_of("sketching", [call.identity(first_sketch=number == 0), number, past, before])
        if previous is not None and not any(file.rows for file in previous):
            return []  # the round before asked for nothing
        asked = None if previous is None else self._by_address(call, previous, parts)
        tasks = [
            SketchTask(
                store=self.driver.store,
                name=name_of("sketch", [same, part.identity()]),
                part=part,
                marks=within(marks, part),
                call=call,
                round=number,
                previous=None if asked is None else asked.within(*addresses(part)),
                spill_bytes=self.driver.plan.bounds.range_bytes,
                phase=f"{call.label}: {this.name}",
            )
            for part in parts
        ]
        others = self._hosts(call) if asked is None else self._recalls(call, number, asked, before)
        return files_of(self.driver.phase(f"{call.label}: sketch {this.name}", [*tasks, *others]), "rows")

    def _hosts(self, call: BarrierCall) -> list[HostsTask]:
        """What files of whole hosts have to say in the first round, if the barrier asks for them."""
        if call.barrier.hosts is None:
            return []
        return [
            HostsTask(
                store=self.driver.store,
                name=name_of("hosts", [call.identity(), file.digest]),
                call=call,
                file=file,
                spill_bytes=self.driver.plan.bounds.range_bytes,
                phase=f"{call.label}: hosts",
            )
            for file in self.driver.host_files
            if file.rows
        ]

    def _recalls(self, call: BarrierCall, number: int, asked: Runs, before: str | None) -> list[RecallTask]:
        """What documents of earlier runs have to say in a later round."""
        return [
            RecallTask(
                store=self.driver.store,
                name=name_of("recall", [call.identity(), number, part, before]),
                call=call,
                segment=segment,
                slot=slot,
                number=part,
                previous=asked.within(part << PART_SHIFT, (part + 1) << PART_SHIFT),
                spill_bytes=self.driver.plan.bounds.range_bytes,
                phase=f"{call.label}: {call.rounds[number].name}",
            )
            for part, segment, slot in slots(call)
            if slot.entries is not None
        ]

    def remember(self, call: BarrierCall, parts: Sequence[DocumentsPart], marks: Sequence[Mark]) -> list[Outcome]:
        """What the documents that stay at a barrier leave in the index."""
        past = [[mark.call.identity(), mark.digest] for mark in marks]
        assert call.barrier.memory is not None
        tasks = [
            RememberTask(
                store=self.driver.store,
                name=name_of("remember", [call.identity(), call.barrier.memory.version, part.identity(), past]),
                part=part,
                marks=within(marks, part),
                call=call,
                spill_bytes=self.driver.plan.bounds.range_bytes,
                phase=f"{call.label}: index",
            )
            for part in parts
        ]
        return self.driver.phase(f"{call.label}: index", tasks)

    def _resolve(self, call: BarrierCall, number: int, runs: list[File]) -> list[File]:
        """One round's resolve, repeated while it says so."""
        this = call.rounds[number]
        resolved: list[File] = []
        for iteration in range(MAX_ITERATIONS):
            if not any(file.rows for file in runs):
                break
            num_bytes = run_bytes(runs) + (recalled_bytes(call) if number == 0 else 0)
            cut = ranges(num_bytes, self.driver.plan.bounds.range_bytes, self.driver.min_ranges)
            source = name_of("resolving", [call.identity(), number, digest_of(runs)])
            read = self._gathered(call, runs)
            tasks = [
                ResolveTask(
                    store=self.driver.store,
                    name=name_of("resolve", [source, low, high]),
                    call=call,
                    round=number,
                    runs=read.within(low, high),
                    low=low,
                    high=high,
                    whole=len(cut) == 1,
                    spill_bytes=self.driver.plan.bounds.range_bytes,
                    phase=f"{call.label}: {this.name}",
                )
                for low, high in cut
            ]
            again = f", again {iteration}" if iteration else ""
            outcomes = self.driver.phase(f"{call.label}: resolve {this.name}{again}", tasks)
            resolved += files_of(outcomes, "rows")
            runs, waiting = files_of(outcomes, AGAIN), files_of(outcomes, WAITS)
            if any(file.rows for file in runs):
                runs += waiting
            else:
                resolved += waiting
        return resolved

    def finding(self, call: BarrierCall, parts: Sequence[DocumentsPart]) -> Outcome:
        """A barrier that ends in files."""
        return self._finding(call, *self._barrier(call, parts, []))

    def _finding(self, call: BarrierCall, runs: Sequence[File], digest: str) -> Outcome:
        name = name_of("finding", [call.identity(), digest])
        task = FindingTask(store=self.driver.store, name=name, call=call, runs=tuple(runs), phase=f"{call.label}: finding")
        return self.driver.phase(f"{call.label}: finding", [task])[0]
