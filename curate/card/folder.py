"""A finished run's folder: its recipe, its books and its tables, opened and checked against each other.

The recipe as run is read as a record, not validated again: a run stays readable when a step is renamed or not installed any more. Only
where a step's rules are asked for is its module loaded, and a step that cannot be loaded then has none.

Misses: damage inside a file that keeps its size; row counts in the tables' footers are compared with the manifests, bytes are not.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from curate import barrier, stage
from curate.errors import CurateError, LedgerError, StoreError
from curate.ledger import JOURNAL, LEDGER, Balance, Outcome
from curate.recipe import yaml
from curate.store import File, Store

RECIPE = "recipe.yaml"
READ = "read"
CUT = "cut"
FORGET = "forget"
"""The step under which documents stand that somebody asked to be forgotten after the run (`curate forget`)."""
READ_ERROR = f"{READ}:error"
"""Records that could not be read: they lie in removed/, but were never documents."""
BATCH_ROWS = 8192


@dataclass(frozen=True, kw_only=True)
class StepSaid:
    """A step as the recipe says it, defaults filled in."""

    name: str
    uses: str
    only: tuple[str, ...] | None
    """Sources whose documents it sees; None: all."""
    fields: Mapping[str, Any]
    """Its config as plain values."""
    thresholds: str | None = None
    """The file of thresholds by language that it names; then a rule's limit is only that of documents of which the file does not speak."""

    @cached_property
    def declared(self) -> stage.Stage | barrier.Barrier | None:
        """The installed stage or barrier; None where there is none of that name."""
        if self.uses in stage.names():
            return stage.load(self.uses)
        return barrier.load(self.uses) if self.uses in barrier.names() else None

    @cached_property
    def rules(self) -> tuple["RuleSaid", ...]:
        """The step's rules with their limits in this recipe; none for barriers, stages that judge themselves and unfit fields."""
        if not isinstance(self.declared, stage.Stage) or not self.declared.rules:
            return ()
        try:
            config = self.declared.config.model_validate(dict(self.fields))
        except ValidationError:
            return ()
        return tuple(
            RuleSaid(
                reason=rule.reason,
                measure=rule.measure,
                operator=rule.operator,
                limit=_plain(getattr(config, rule.limit)),
                others=self.thresholds,
            )
            for rule in self.declared.rules
        )


@dataclass(frozen=True, kw_only=True)
class RuleSaid:
    """One rule with its limit; a limit of None means that the recipe switches it off."""

    reason: str
    measure: str
    operator: str
    limit: Any
    others: str | None = None
    """The file with other limits by language."""

    @property
    def text(self) -> str:
        """`num_words < 50`, or `num_words: off`; and where the limits of languages stand."""
        return self._text + (f"; by language in {self.others}" if self.others else "")

    @property
    def _text(self) -> str:
        return f"{self.measure} {self.operator} {written(self.limit)}" if self.limit is not None else f"{self.measure}: off"


def written(value: Any) -> str:
    """A limit or a measured value as a person reads it."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(written(one) for one in value) + "]"
    return str(value)


def _plain(value: Any) -> Any:
    return sorted(value, key=str) if isinstance(value, set | frozenset) else list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Rows:
    """`documents/` or `removed/`: the files that its manifest lists, and nothing else."""

    store: Store
    folder: str
    manifest: Mapping[str, Any]
    files: tuple[File, ...]

    @property
    def num_rows(self) -> int:
        return int(self.manifest["rows"])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Columns; empty where there is no file."""
        return tuple(self.schema.names)

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns with their types; empty where there is no file."""
        return self.parquet(self.files[0]).schema_arrow if self.files else pa.schema([])

    def parquet(self, file: File) -> pq.ParquetFile:
        """An open file whose footer agrees with the manifest. StoreError for one that is damaged, missing or of another run."""
        try:
            opened = pq.ParquetFile(self.store.open(file.path))
        except (pa.ArrowException, OSError) as error:
            raise self.damaged(file, error) from error
        if opened.metadata.num_rows != file.rows:
            raise self.damaged(file, f"{opened.metadata.num_rows} rows")
        return opened

    def batches(self, columns: Sequence[str], rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """All rows, file by file, with those of the columns that are there (`origin.mime`: a part of one). Memory: so many rows of them."""
        wanted = [name for name in columns if name.partition(".")[0] in self.names]
        for file in self.files:
            with self.parquet(file) as opened:
                try:
                    yield from opened.iter_batches(batch_size=rows, columns=wanted)
                except (pa.ArrowException, OSError) as error:
                    raise self.damaged(file, error) from error

    def group(self, file: File, opened: pq.ParquetFile, number: int, columns: Sequence[str]) -> pa.Table:
        """One row group of an open file."""
        try:
            return opened.read_row_group(number, columns=list(columns))
        except (pa.ArrowException, OSError) as error:
            raise self.damaged(file, error) from error

    def damaged(self, file: File, got: object) -> StoreError:
        said = " ".join(str(got).split())[:200]
        return StoreError(
            f"{self.store.root}/{file.path}: expected Parquet with {file.rows} rows as in its manifest, got {said}; "
            "delete it and run the recipe again"
        )


@dataclass(frozen=True)
class Folder:
    """Everything that the card and `why` read of a run."""

    store: Store
    recipe: Mapping[str, Any]
    """recipe.yaml as plain values."""
    steps: tuple[StepSaid, ...]
    """In order, without cuts."""
    segments: tuple[Balance, ...]
    """What the tasks of each segment came to, added up."""
    documents: Rows
    removed: Rows

    @property
    def name(self) -> str:
        return str(self.recipe.get("name"))

    @property
    def measures_all(self) -> bool:
        """Whether rows with a verdict were measured further."""
        return self.recipe.get("after_verdict") == "measure"

    @property
    def forgotten_bytes(self) -> int:
        """Text that left documents/ by `curate forget` since the run; the books of the shards still count it."""
        return sum(segment.cut[FORGET] for segment in self.segments)

    @property
    def forgotten_documents(self) -> int:
        """Documents that left so."""
        return sum(count for segment in self.segments for reason, count in segment.removed.items() if reason.startswith(f"{FORGET}:"))

    def using(self, uses: str) -> list[str]:
        """Names of the steps that use a stage or barrier."""
        return [step.name for step in self.steps if step.uses == uses]

    def json(self, path: str) -> dict[str, Any] | None:
        """A JSON file of the run; None if it is not there."""
        return read_json(self.store, path) if self.store.exists(path) else None


def open_folder(store: Store) -> Folder:
    """Open a finished run. StoreError for what is none or is still going; LedgerError where books and tables disagree."""
    for path in (RECIPE, LEDGER):
        if not store.exists(path):
            raise _unfinished(store, f"no {path}")
    if any(name.endswith(".json") for name in store.list(JOURNAL)):
        raise _unfinished(store, f"a journal of {len(store.list(JOURNAL))} tasks in {JOURNAL}/")
    recipe = _recipe(store)
    folder = Folder(store, recipe, _steps(recipe), _segments(store), _rows(store, "documents"), _rows(store, "removed"))
    _check(folder)
    return folder


def read_json(store: Store, path: str) -> dict[str, Any]:
    """A JSON object of the run; StoreError with the place where it is none."""
    try:
        value = store.read_json(path)
    except ValueError as error:
        raise StoreError(f"{store.root}/{path}: expected JSON, got {error}; delete it and run the recipe again") from None
    if not isinstance(value, dict):
        raise StoreError(f"{store.root}/{path}: expected a JSON object, got {type(value).__name__}; delete it and run the recipe again")
    return value


def _unfinished(store: Store, got: str) -> StoreError:
    return StoreError(f"run {store.root}: expected the folder of a finished run, got {got}; make or finish it with `curate run`")


@lru_cache(maxsize=2)
def _parsed(text: str, label: str) -> Any:
    """A recipe as data. Parsing one takes longer than much of a card, and a card asks for it more than once."""
    return yaml.parse(text, label).data


def steps_of(store: Store) -> tuple[StepSaid, ...]:
    """The steps of a run, from its recipe alone."""
    return _steps(_recipe(store))


def _recipe(store: Store) -> dict[str, Any]:
    data = deepcopy(_parsed(store.read(RECIPE).decode("utf-8", "replace"), f"{store.root}/{RECIPE}"))
    if not isinstance(data, dict) or not isinstance(data.get("steps"), list) or not isinstance(data.get("input"), list):
        raise StoreError(f"{store.root}/{RECIPE}: expected a recipe as run, got {yaml.shown(data)}; run the recipe again")
    return data


def _steps(recipe: Mapping[str, Any]) -> tuple[StepSaid, ...]:
    steps = []
    for said in recipe["steps"]:
        uses, fields = next(iter(said.items()))
        if uses != CUT:
            rest = dict(fields or {})
            name, only = rest.pop("as", uses), rest.pop("only", None)
            by_language = rest.pop("thresholds", None)
            only = tuple(only["source"]) if only else None
            steps.append(StepSaid(name=name, uses=uses, only=only, fields=rest, thresholds=by_language))
    return tuple(steps)


def _segments(store: Store) -> tuple[Balance, ...]:
    """The balances of segment tasks, added up by segment; the task's name begins with `segment<index>-`."""
    sums: dict[int, Balance] = {}
    for number, raw in enumerate(store.read(LEDGER).decode("utf-8", "replace").splitlines(), 1):
        try:
            outcome = Outcome.of(json.loads(raw))
            index = int(outcome.task.partition("-")[0].removeprefix("segment")) if outcome.kind == "segment" else -1
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerError(
                f"{store.root}/{LEDGER}:{number}: expected a ledger line, got {raw[:60]!r} ({error}); run the recipe again"
            ) from error
        if outcome.balance is not None and index >= 0:
            add(sums.setdefault(index, Balance()), outcome.balance)
    if not sums:
        raise _unfinished(store, f"no line of a segment in {LEDGER}")
    return tuple(sums[index] for index in sorted(sums))


def add(total: Balance, one: Balance) -> None:
    """Add a balance to a total."""
    for name, value in vars(one).items():
        if isinstance(value, Counter):
            getattr(total, name).update(value)
        else:
            setattr(total, name, getattr(total, name) + value)


def _rows(store: Store, folder: str) -> Rows:
    path = f"{folder}/manifest.json"
    if not store.exists(path):
        raise _unfinished(store, f"no {path}")
    manifest = read_json(store, path)
    files = tuple(File(**entry | {"path": f"{folder}/{entry['path']}"}) for entry in manifest["files"])
    return Rows(store, folder, manifest, files)


def _check(folder: Folder) -> None:
    """What one segment keeps the next one reads, the tables hold what the ledger counts, and the ledger's steps are the recipe's."""
    for before, after in zip(folder.segments, folder.segments[1:], strict=False):
        if (before.kept, before.bytes_kept) != (after.documents, after.bytes_in):
            pairs = f"{before.kept} rows, {before.bytes_kept} bytes and {after.documents} rows, {after.bytes_in} bytes"
            raise LedgerError(
                f"{folder.store.root}/{LEDGER}: expected one segment to keep what the next reads, got {pairs}; run the recipe again"
            )
    left = sum(sum(segment.removed.values()) for segment in folder.segments)
    for rows, count in ((folder.documents, folder.segments[-1].kept), (folder.removed, left)):
        held = sum(file.rows for file in rows.files)
        if not rows.num_rows == held == count:
            raise LedgerError(
                f"{folder.store.root}/{rows.folder}/manifest.json: expected {count} rows as in {LEDGER}, got {rows.num_rows}; "
                "run the recipe again"
            )
    known = {READ, FORGET, *(step.name for step in folder.steps)}
    strange = sorted({name for segment in folder.segments for name in segment.entered} - known)
    if strange:
        raise LedgerError(
            f"{folder.store.root}/{RECIPE}: expected the steps of {LEDGER}, got none called {', '.join(strange)}; run the recipe again"
        )


def about(step: StepSaid) -> str:
    """The documentation of a step's module; empty where it is not installed or cannot be loaded."""
    import importlib
    import inspect

    try:
        declared = step.declared
    except (CurateError, ImportError):
        return ""
    return inspect.getdoc(importlib.import_module(declared.module)) or "" if declared is not None else ""
