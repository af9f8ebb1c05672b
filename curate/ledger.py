"""The ledger: one line a task, and the law that its rows, ids and bytes balance.

While a run goes on the ledger is a journal of small objects, `ledger/<task>.json`, each put once, of one line or of some. At the end it is
compacted into `ledger.jsonl`, in the order of the plan. Lines hold facts only: no time, host or attempt, so two runs of one recipe write the same
ledger. Times are in `times.jsonl`.
"""

import json
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from curate.errors import LedgerError, StoreError
from curate.schema import ID_MODULUS
from curate.store import File, Store, failpoint

JOURNAL = "ledger"
LEDGER = "ledger.jsonl"
ARCHIVE = "work/tasks.jsonl"
PUT_SHARE = 0.02
"""Of the time that passes, what putting lines of the ledger may take, …"""
PUT_SECONDS = 5.0
"""… unless a line would wait longer than this."""


@dataclass
class Balance:
    """What came into a task and what went out. Ids are sums mod 2^128, bytes are UTF-8 bytes of text."""

    records: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    read_errors: int = 0
    documents: int = 0
    """Documents that came in."""
    kept: int = 0
    removed: Counter[str] = field(default_factory=Counter)
    """Rows that left, by `step:reason`."""
    removed_bytes: Counter[str] = field(default_factory=Counter)
    ids_in: int = 0
    ids_kept: int = 0
    ids_removed: int = 0
    bytes_in: int = 0
    bytes_kept: int = 0
    bytes_removed: int = 0
    added: Counter[str] = field(default_factory=Counter)
    """Bytes of text that a step added, by step."""
    cut: Counter[str] = field(default_factory=Counter)
    entered: Counter[str] = field(default_factory=Counter)
    """Documents that a step measured, by step."""
    born: Counter[str] = field(default_factory=Counter)
    """Segments of documents that a step cut, by step."""
    split: Counter[str] = field(default_factory=Counter)
    """Documents that a step cut into segments, which went on in their place, by step."""
    ids_born: int = 0
    ids_split: int = 0

    def add(self, other: "Balance") -> None:
        """Add another task's."""
        mine, theirs = vars(self), vars(other)
        for name in COUNTERS:
            if value := theirs[name]:
                counter = mine[name]
                for key, count in value.items():  # a Counter's own update looks at each key twice, and there may be 10^5 tasks
                    counter[key] += count
        for name in PLAIN:
            mine[name] += theirs[name]
        for name in IDS:
            mine[name] += theirs[name]

    def check(self, task: str) -> None:
        """Raise LedgerError unless records, rows, ids and bytes all balance."""
        sides = {
            "records = documents + skipped + read errors": (
                self.records,
                self.documents + sum(self.skipped.values()) + self.read_errors if self.records else self.records,
            ),
            "documents + born by splitting = kept + removed + split": (
                self.documents + sum(self.born.values()),
                self.kept + sum(self.removed.values()) - self.read_errors + sum(self.split.values()),
            ),
            "ids in + ids born = ids kept + ids removed + ids split (mod 2^128)": (
                (self.ids_in + self.ids_born) % ID_MODULUS,
                (self.ids_kept + self.ids_removed + self.ids_split) % ID_MODULUS,
            ),
            "bytes in + added = bytes kept + removed + cut": (
                self.bytes_in + sum(self.added.values()),
                self.bytes_kept + self.bytes_removed + sum(self.cut.values()),
            ),
        }
        for law, (left, right) in sides.items():
            if left != right:
                raise LedgerError(f"task {task}: expected {law}, got {left} and {right}; this is a bug, its output is not committed")


COUNTERS = frozenset(one.name for one in fields(Balance) if one.default_factory is Counter)
IDS = frozenset(one.name for one in fields(Balance) if one.name.startswith("ids_"))
PLAIN = frozenset(one.name for one in fields(Balance)) - COUNTERS - IDS


@dataclass(slots=True)
class Outcome:
    """What a task leaves behind: its line in the ledger, and times that are kept elsewhere."""

    task: str
    kind: str
    files: dict[str, list[File]] = field(default_factory=dict)
    """Written files by role: documents, removed, rows, again, finding, shard, …"""
    balance: Balance | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    """Small countable facts: rows by role, tokens, …"""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds by step; not part of the ledger."""
    memory: int = 0
    """Bytes that the worker held when the task was done; not part of the ledger."""

    def line(self) -> dict[str, Any]:
        """The ledger line as plain data; counters sorted, ids in hex."""
        line: dict[str, Any] = {"task": self.task, "kind": self.kind}
        if self.balance:
            plain = dict(vars(self.balance))  # asdict would count a Counter's items
            for name in [name for name in plain if name.startswith("ids_")]:
                plain[name] = f"{plain[name] % ID_MODULUS:032x}"
            line |= {name: dict(sorted(value.items())) if isinstance(value, dict) else value for name, value in plain.items()}
        return line | {"facts": self.facts, "files": {role: [asdict(file) for file in files] for role, files in self.files.items()}}

    @staticmethod
    def of(line: dict[str, Any]) -> "Outcome":
        """The outcome that a ledger line records."""
        balance = _balance(line) if "records" in line else None
        files = {role: [File(**file) for file in files] for role, files in line["files"].items()}
        return Outcome(task=line["task"], kind=line["kind"], files=files, balance=balance, facts=line["facts"])


def files_of(outcomes: Iterable[Outcome], role: str) -> list[File]:
    """Files of a role, in task order."""
    return [file for outcome in outcomes for file in outcome.files.get(role, [])]


@dataclass
class Segment:
    """What the tasks of a segment came to: sums, and the files of each. Single balances are in the ledger only: there may be 10^5 of them."""

    balance: Balance = field(default_factory=Balance)
    raw_bytes: int = 0
    """Payload bytes of markup that were read."""
    by_role: dict[str, list[File]] = field(default_factory=dict)
    """Files by role, in task order."""

    def taken(self, outcome: Outcome) -> Outcome:
        """Add a task's balance, which must be there; what is left of the outcome."""
        assert outcome.balance is not None
        self.balance.add(outcome.balance)
        self.raw_bytes += outcome.facts.get("raw_bytes", 0)
        return Outcome(task=outcome.task, kind=outcome.kind, files=outcome.files)

    def files(self, role: str) -> list[File]:
        """Files of a role, in task order."""
        return self.by_role.get(role, [])

    def keep(self, outcomes: Iterable[Outcome]) -> None:
        """The files of all tasks, given in order; nothing else of the outcomes is held."""
        for outcome in outcomes:
            for role, files in outcome.files.items():
                self.by_role.setdefault(role, []).extend(files)

    def forget(self, role: str) -> None:
        """Files of a role are asked for no more."""
        self.by_role.pop(role, None)


def journal(store: Store) -> Iterator[dict[str, Any]]:
    """The lines of tasks that a run which goes on, or was stopped, has finished so far; what cannot be read is passed over."""
    names = [f"{JOURNAL}/{name}" for name in store.list(JOURNAL) if name.endswith(".json")]
    with suppress(OSError, StoreError):  # a run that ends meanwhile takes its journal away
        for data in store.read_all(names):
            for raw in data.splitlines():
                with suppress(ValueError):
                    yield json.loads(raw)


class Ledger:
    """The lines of a run's folder, and the only writer of new ones."""

    def __init__(self, store: Store):
        self.store = store
        self.lines: dict[str, bytes] = {}
        """Task → its line, compressed: a run may have a million, and the driver holds them all."""
        self._like = b""
        """The first line that was compressed; others are told by how they differ from it."""
        self._unwritten: list[str] = []
        self._due = float("-inf")
        """When lines that wait are written, by a clock that does not jump."""
        for path in (ARCHIVE, LEDGER):
            if store.exists(path):
                self._load(store.read(path), path)
        names = [f"{JOURNAL}/{name}" for name in store.list(JOURNAL) if name.endswith(".json")]
        for name, data in zip(names, store.read_all(names), strict=True):
            self._load(data, name)
        # a folder answers at once for each file; an object store is asked once for all
        self._sizes = None if store.is_local or not self.lines else store.sizes("work")

    def _load(self, data: bytes, where: str) -> None:
        for number, raw in enumerate(data.splitlines(keepends=True), 1):
            try:
                line = json.loads(raw)
                self._keep(line["task"], raw)
                line["kind"], line["files"], line["facts"]
            except (ValueError, KeyError, TypeError) as error:
                shown = raw[:60].decode(errors="replace").rstrip("\n")
                raise LedgerError(
                    f"{where}:{number}: expected a ledger line, got {shown!r} ({error}); delete the line, its task will run again"
                ) from error

    def outcome(self, task: str) -> Outcome | None:
        """The outcome of a finished task; None if it has none."""
        return Outcome.of(json.loads(self._line(task))) if task in self.lines else None

    def _keep(self, task: str, line: bytes) -> None:
        self._like = self._like or line
        packer = zlib.compressobj(level=1, wbits=-15, zdict=self._like)
        self.lines[task] = packer.compress(line) + packer.flush()

    def _line(self, task: str) -> bytes:
        return zlib.decompressobj(wbits=-15, zdict=self._like).decompress(self.lines[task])

    def done(self, task: str) -> Outcome | None:
        """The outcome of a finished task whose files are still there; None if it has to run."""
        outcome = self.outcome(task)
        if outcome is None:
            return None
        if any(self._size(file) != file.bytes for files in outcome.files.values() for file in files):
            return None
        return outcome

    def _size(self, file: File) -> int | None:
        """Bytes of a file as it lies there; None where it is gone."""
        return self.store.size(file.path) if self._sizes is None else self._sizes.get(file.path)

    def commit(self, outcome: Outcome) -> None:
        """Write a task's line; from here on the task is finished. Refuses what does not balance.

        A line waits until fifty times the seconds of the last put have passed, PUT_SECONDS at most, and goes with those that came meanwhile: 10^4 workers
        end more tasks a second than objects could be put. A driver that dies before that runs those tasks again. `flush` writes what waits.
        """
        if outcome.balance:
            outcome.balance.check(outcome.task)
        self._keep(outcome.task, _dump(outcome))
        self._unwritten.append(outcome.task)
        if self._sizes is not None:
            self._sizes |= {file.path: file.bytes for files in outcome.files.values() for file in files}
        if time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        """Write the lines that wait, as one object of the journal."""
        if self._unwritten:
            failpoint("before_commit")
            started = time.monotonic()
            self.store.write(f"{JOURNAL}/{self._unwritten[0]}.json", b"".join(map(self._line, self._unwritten)))
            failpoint("after_commit")
            ended = time.monotonic()
            self._unwritten, self._due = [], ended + min((ended - started) / PUT_SHARE, PUT_SECONDS)

    def compact(self, tasks: Iterable[str]) -> None:
        """Write `ledger.jsonl` with the lines of these tasks, in this order; lines of other recipes stay usable under work/."""
        self.flush()
        chosen = list(dict.fromkeys(tasks))
        others = sorted(set(self.lines) - set(chosen))
        self._rewrite(ARCHIVE, others)
        failpoint("between_ledgers")
        self._rewrite(LEDGER, chosen)
        failpoint("before_journal_removed")
        self.store.remove(JOURNAL)

    def _rewrite(self, path: str, tasks: Iterable[str]) -> None:
        with self.store.put(path) as sink:
            for task in tasks:
                sink.write(self._line(task))


def _balance(line: dict[str, Any]) -> Balance:
    """The balance in a ledger line. A resuming run may read 10^5: each counter is made without its own, slow, look at every item."""
    balance = Balance.__new__(Balance)
    made = vars(balance)
    for name in PLAIN:
        made[name] = line.get(name, 0)
    for name in IDS:
        made[name] = int(line[name], 16) if name in line else 0
    for name in COUNTERS:
        counter = made[name] = Counter.__new__(Counter)
        if value := line.get(name):
            dict.update(counter, value)
    return balance


def _dump(outcome: Outcome) -> bytes:
    return (json.dumps(outcome.line(), sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
