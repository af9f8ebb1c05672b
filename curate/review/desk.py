"""The desk of one run: opened when it can be, told why when it cannot, and opened anew when the run has changed."""

import fcntl
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
from blake3 import blake3

from curate.card.folder import LEDGER, RECIPE, Folder, open_folder
from curate.errors import CurateError, StoreError
from curate.ledger import JOURNAL, journal
from curate.review import estimates, layout
from curate.review.build import build
from curate.review.decisions import DecisionStore
from curate.review.guard import Person
from curate.review.index import Index
from curate.review.labels import KEPT, Labels, outcomes
from curate.review.layout import MANIFESTS
from curate.review.pairs import Pair, Pairs
from curate.store import LEASE, Store, alive

LOCK = "index.lock"
LOOK_SECONDS = 2.0
"""A run that changes under the desk is noticed after so long."""


class NotReadyError(Exception):
    """The run cannot be shown yet; `state` says why."""

    def __init__(self, state: dict[str, Any]):
        super().__init__(state["said"])
        self.state = state


def reviewed(store: Store, recipe: str) -> dict[str, str]:
    """Which run decisions are about: its recipe's name and the digest of what it kept."""
    return {"recipe": recipe, "manifest": f"blake3:{blake3(store.read(MANIFESTS[0])).hexdigest()}"}


class Desk:
    """A run, its index and what people said about it."""

    def __init__(self, store: Store, local: Path, *, texts: bool = True, told: Callable[[str, float], None] = lambda what, share: None):
        self.store, self.local, self.texts, self._told = store, local, texts, told
        self._lock = threading.Lock()
        self._index: Index | None = None
        self._digest = ""
        self._looked = 0.0
        self._building: threading.Thread | None = None
        self._progress = ("", 0.0)
        self._failed: str | None = None
        self._said: dict[str, str] = {}
        self.pairs: Pairs | None = None
        self.decisions = DecisionStore.of(store, local)
        self.labels = Labels(self.decisions)

    def welcome(self, people: Sequence[Person]) -> None:
        """Put everybody who has a key into the list of reviewers."""
        known = {one.name: one.role for one in self.decisions.reviewers()}
        for one in people:
            if known.get(one.name) != one.role:
                self.decisions.join(one.name, one.role)

    def compare(self, pairs: Sequence[Pair]) -> None:
        """Show pairs of answers as well."""
        self.pairs = Pairs(pairs, self.decisions)

    def reviewed(self) -> dict[str, str]:
        """Which run is looked at, as the exported decisions say it."""
        return reviewed(self.store, self.index.folder.name)

    def strangers(self) -> dict[str, Any]:
        """What the decisions are about that this run is not: `recipes` of other names that the desk was used on, `documents` decided but not in it."""
        index, now = self.index, self.reviewed()
        with self.decisions.connection() as db:
            said = [json.loads(row[0]).get("run") for row in db.execute("SELECT said FROM audit WHERE action = 'note' ORDER BY number")]
        runs = [one for one in said if isinstance(one, dict)]
        if not runs or runs[-1] != now:
            with self.decisions.writing() as db:
                self.decisions.record(db, None, "note", {"run": now})
        others = sorted({str(one.get("recipe")) for one in runs} - {now["recipe"]})
        gone = sum(not index.by_id(one.id) for one in self.decisions.document_decisions())
        return {"recipes": others, "documents": gone}

    def precisions(self) -> dict[str, dict[str, Any]]:
        """Rule → share of right ones among those that people labelled blind, with its interval; unsure and disputed ones count for neither."""
        found = {}
        for rule, right, wrong in outcomes(self.labels.progress()):
            if right + wrong:
                share = {"estimate": right / (right + wrong), "interval": estimates.wilson(right, right + wrong)}
                found[rule] = share | {"right": right, "labelled": right + wrong}
        return found

    def overall(self) -> dict[str, Any] | None:
        """Of all removed documents the share that left rightly, each rule weighted by its removals; None where nothing is labelled."""
        sizes = {one["name"]: one["rows"] for one in self.index.reasons}
        labelled = {rule: one for rule, one in self.precisions().items() if rule != KEPT}
        found = estimates.stratified((sizes.get(rule, 0), one["right"], one["labelled"]) for rule, one in labelled.items())
        if found is None:
            return None
        covered = sum(sizes.get(rule, 0) for rule in labelled) / max(1, self.index.folder.removed.num_rows)
        return {"estimate": found[0], "interval": found[1:], "covered": covered}

    def agreement(self) -> dict[str, Any] | None:
        """Krippendorff's alpha over all blind labels; None without two labels of one document."""
        return estimates.alpha((f"{rule} {document}", verdict) for rule, document, _, verdict in self.labels.ratings())

    def scores(self) -> list[dict[str, Any]]:
        """Scores of the models whose answers are compared."""
        return estimates.bradley_terry(self.pairs.games()) if self.pairs is not None else []

    @property
    def name(self) -> str:
        """What the run is called on every page: the last part of where it lies."""
        return self.store.root.rstrip("/").rpartition("/")[2] or self.store.root

    def say(self, person: Person, said: str) -> None:
        """A sentence for the next page that this person sees."""
        self._said[person.key] = said

    def flash(self, person: Person) -> str | None:
        """That sentence, once."""
        return self._said.pop(person.key, None)

    @property
    def index(self) -> Index:
        """The index of the run as it lies there. NotReadyError while it is being made, and where there is no finished run."""
        with self._lock:
            if time.monotonic() - self._looked > LOOK_SECONDS or self._index is None:
                self._look()
                self._looked = time.monotonic()
            if self._building is not None:
                what, share = self._progress
                raise NotReadyError({"state": "building", "said": "the desk looks through the run", "what": what, "share": round(share, 3)})
            if self._index is None:
                raise NotReadyError(self._unready())
            return self._index

    def begin(self) -> None:
        """Begin to look through the run, if that is still to be done, before anybody asks."""
        pa.scalar(
            0, pa.timestamp("us", "UTC")
        ).as_py()  # pyarrow loads pandas, where there is one, at the first time it reads: not on a page
        with suppress(NotReadyError):
            self.index  # noqa: B018

    def doubt(self) -> bool:
        """Whether the index is damaged; it is then thrown away and made anew, since nothing in it was said by people."""
        with self._lock:
            if self._index is None or layout.whole(self._index.path / layout.DATABASE):
                return False
            shutil.rmtree(self._index.path, ignore_errors=True)
            self._index, self._digest = None, ""
            return True

    def wait(self) -> None:
        """Until an index that is being made is there."""
        while True:
            try:
                self.index  # noqa: B018
                return
            except NotReadyError as error:
                if error.state["state"] != "building":
                    return
            if self._building is not None:
                self._building.join()

    def _look(self) -> None:
        if self._building is not None:
            if self._building.is_alive():
                return
            self._building = None
        try:
            digest = layout.digest(self.store, self.texts)
            if self._index is not None and digest == self._digest and not self._journal():
                return
            folder = open_folder(self.store)
        except (CurateError, OSError) as error:
            self._index, self._failed = None, str(error)
            return
        path = self.local / "index"
        if _made(path) == digest:
            self._index, self._digest, self._failed = Index(folder, path), digest, None
        elif self._failed is None or digest != self._digest:
            self._index, self._digest, self._failed = None, digest, None
            self._building = threading.Thread(target=self._build, args=(folder, path), daemon=True)
            self._building.start()

    def _build(self, folder: Folder, path: Path) -> None:
        def told(what: str, share: float) -> None:
            self._progress = (what, share)
            self._told(what, share)

        try:
            with _alone(path.with_name(LOCK)):
                for left in path.parent.glob("index.*.tmp"):
                    shutil.rmtree(left, ignore_errors=True)
                if _made(path) != self._digest:
                    build(folder, path, told, self.texts)
        except Exception as error:
            self._failed = f"{type(error).__name__}: {error}"

    def _journal(self) -> list[str]:
        return [name for name in self.store.list(JOURNAL) if name.endswith(".json")]

    def _unready(self) -> dict[str, Any]:
        """Why there is nothing to show, and what to do: a run that goes on, one that was killed, none at all, or a damaged one."""
        lease = _read(self.store, LEASE)
        going = lease is not None and alive(lease)
        tasks = list(journal(self.store))
        if going and lease is not None:
            state, said = "running", f"the run is in progress: process {lease.get('pid')} on {lease.get('host')}; this page follows it"
        elif lease is not None or tasks:
            state, said = "killed", "the run was stopped before its end; finished tasks are kept, run the same command again to go on"
        elif not self.store.exists(RECIPE) and not self.store.exists(LEDGER):
            state, said = "none", f"run {self.store.root}: expected the folder of a run, got none; make one with `curate run`"
        else:
            state, said = "damaged", self._failed or "the run cannot be read"
        return {"state": state, "said": said, "error": self._failed, "tasks": len(tasks), "removed": _so_far(tasks)}


def _read(store: Store, path: str) -> dict[str, Any] | None:
    """A JSON object; None if it is not there, or only half."""
    try:
        value = store.read_json(path)
    except (OSError, ValueError, StoreError):
        return None
    return value if isinstance(value, dict) else None


def _so_far(tasks: list[dict[str, Any]]) -> dict[str, int]:
    """Documents that left so far, by reason, from the lines of finished tasks."""
    counts: dict[str, int] = {}
    for task in tasks:
        for reason, count in (task.get("removed") or {}).items():
            counts[reason] = counts.get(reason, 0) + int(count)
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one process at a time; the others wait. Ends with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _made(path: Path) -> str | None:
    """The digest of an index that lies there whole."""
    try:
        return str(json.loads((path / layout.META).read_text())["digest"])
    except (OSError, ValueError, KeyError):
        return None
