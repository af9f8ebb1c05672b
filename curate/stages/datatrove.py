"""Datatrove: any filter or formatter of datatrove as a step, in a process of its own, so that a pipeline can move over step by step.

    - datatrove: {step: datatrove.pipeline.filters.GopherQualityFilter, args: {min_doc_words: 30}, python: dt/bin/python}

`python` is an interpreter with datatrove and pyarrow (datatrove 0.10 wants `xxhash<4` and another fastText than ours, hence an environment of its own);
each worker keeps one process of it for all such steps. Steps of your own go as well, with their folder in `path`. Removed is what the filter removes, with
its reason; a text that it changes is taken where the document stays; metadata that it adds becomes columns. Documents are judged one by one (`filter_batch`
gets lists of one), and chance is drawn from the document's id and the argument `seed`, so verdicts do not depend on batches, order or workers. A document
on which the step raises, or dies twice, is an error of this step. The version of datatrove, those of all packages that it requires and the arguments are
part of the task's name.
Misses: steps that see more than one document (dedup, writers); arguments that YAML cannot say (LambdaFilter); memory of the process does not count in
`limits.worker_bytes`; models that a step downloads are not in the task's name.
Price: what datatrove takes (its Gopher filters about 0.3 MB of text a second and core), and 0.4 ms a document.

column                  type    meaning
edits                   int32   1 where the text was changed, else 0
metadata                string  JSON of the metadata that it added or changed and `columns` does not name; null where there is none
drop, value, threshold  string  datatrove's reason (`filtered` where it gives none), the same in full, and the filter's class
"""

import json
from functools import lru_cache
from hashlib import sha256
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from curate import datatrove as peers
from curate.datatrove import Answer
from curate.errors import SourceError, StageError
from curate.stage import DROP, THRESHOLD, VALUE, VERDICT, Columns, stage
from curate.stage import Config as Base

REASON_CHARS, VALUE_CHARS = 80, 300
TYPES = {"text": pa.string(), "number": pa.float64(), "whole": pa.int64(), "truth": pa.bool_()}
PYTHON: dict[str, tuple[type, ...]] = {"text": (str,), "number": (int, float), "whole": (int,), "truth": (bool,)}
TAKEN = ("edits", "metadata", *VERDICT)


class Config(Base):
    """Which step, with which arguments, under which interpreter."""

    step: str | None = None
    """Dotted name of the class, such as datatrove.pipeline.filters.GopherQualityFilter."""
    args: dict[str, Any] = Field(default_factory=dict)
    """Its arguments by name."""
    python: str | None = None
    """Interpreter that has datatrove and pyarrow, from the current directory; null: the one that runs this."""
    path: tuple[str, ...] = ()
    """Folders with modules of your own that the interpreter shall find."""
    given: dict[str, str] = Field(default_factory=lambda: {"url": "url"})
    """Key of the metadata that the step shall see → column of the document, such as {language: language__label}; nulls are left out."""
    columns: dict[str, Literal["text", "number", "whole", "truth"]] = Field(default_factory=dict)
    """Key of the metadata that it adds → type: these become columns of their own, the rest stays JSON."""

    @field_validator("columns")
    @classmethod
    def _names(cls, columns: dict[str, str]) -> dict[str, str]:
        for name in columns:
            plain = name.replace("_", "a").isalnum() and name == name.lower() and name[:1].isalpha() and "__" not in name
            if not plain or name in TAKEN:
                raise ValueError(
                    f"expected keys of lower case words joined by single underscores, not {TAKEN}, got {name!r}; leave it in `metadata`"
                )
        return columns

    def lacks(self) -> list[str]:
        """Without a step nothing is asked."""
        return [] if self.step else ["step: expected the dotted name of a datatrove filter, got none; datatrove.pipeline.filters has many"]

    def also_reads(self) -> tuple[str, ...]:
        """The columns that become metadata."""
        return tuple(dict.fromkeys(self.given.values())) if self.step else ()

    def removes(self) -> bool:
        """Formatters only change the text, but which it is only datatrove knows."""
        return self.step is not None and ".formatters." not in self.step


class DatatroveError(Exception):
    """The step did not answer for a document."""


def models(config: Config) -> dict[str, str]:
    """What the answers depend on beside the arguments: versions of datatrove and of what it requires, and the source of a step of the user's.

    SourceError where the interpreter, the step or its arguments are wrong.
    """
    if config.step is None:
        return {}
    try:
        about = peers.peer(config.python, config.path).about(_call(config))
    except StageError as error:  # nothing is read yet: the recipe's writer has to act
        raise SourceError(str(error)) from None
    told = json.dumps({key: about[key] for key in ("step", "python", "packages", "source")}, sort_keys=True)
    return {f"datatrove {about['packages']['datatrove']}": "sha256:" + sha256(told.encode()).hexdigest()}


def brings(config: Config) -> dict[str, pa.DataType]:
    """The metadata that has columns of its own."""
    return {name: TYPES[kind] for name, kind in config.columns.items()}


def _call(config: Config) -> str:
    return peers.calls(config.step or "", config.args)


@stage(
    version=1,
    reads=("id", "text"),
    adds={"edits": pa.int32(), "metadata": pa.string(), **VERDICT},
    replaces=("text",),
    models=models,
    brings=brings,
)
def datatrove(batch: pa.RecordBatch, config: Config) -> Columns:
    if config.step is None or batch.num_rows == 0:
        return _columns(batch, np.full(batch.num_rows, None, dtype=object), config)
    rows = np.flatnonzero(np.asarray(batch["text"].is_valid()))
    answers = np.full(batch.num_rows, None, dtype=object)
    given = _asked(batch, rows, config)
    for row, answer in zip(rows.tolist(), _answers(given, config), strict=True):
        answers[row] = answer
    return _columns(batch, answers, config)


def _asked(batch: pa.RecordBatch, rows: np.ndarray, config: Config) -> pa.Table:
    """The documents as the step gets them."""
    view = batch.take(pa.array(rows))
    known = {key: view[column].to_pylist() for key, column in config.given.items()}
    told = [{key: values[i] for key, values in known.items() if values[i] is not None} for i in range(len(rows))]
    columns = {
        "id": pa.array(["" if one is None else one.hex() for one in view["id"].to_pylist()], pa.string()),
        "text": view["text"].cast(pa.large_string()),
        "metadata": pa.array([json.dumps(one, default=_said) for one in told], pa.string()),
    }
    return pa.table(columns, schema=peers.REQUEST)


def _said(value: Any) -> str:
    """What JSON has no form for: times as in ISO 8601, bytes as hex digits."""
    return value.isoformat() if hasattr(value, "isoformat") else value.hex() if isinstance(value, bytes) else str(value)


@lru_cache(maxsize=8)
def _held(process: int, call: str) -> dict[bytes, Answer]:
    """Answers of the last batch in which a document failed, by what was asked: the engine halves such a batch, and nothing is asked twice."""
    return {}


def _answers(rows: pa.Table, config: Config) -> list[Answer]:
    """The step's answers. DatatroveError where it failed on one of the documents."""
    one, call = peers.peer(config.python, config.path), _call(config)
    held = _held(id(one), call)
    keys = [sha256("\0".join(row.values()).encode()).digest() for row in rows.to_pylist()]
    if all(key in held for key in keys):
        answers = [held[key] for key in keys]
    else:
        answers = [_fitting(answer, config) for answer in one.judge(call, rows)]
        held.clear()
        if any(answer.error for answer in answers):
            held.update(zip(keys, answers, strict=True))
    for answer in answers:
        if answer.error:
            raise DatatroveError(answer.error)
    return answers


def _fitting(answer: Answer, config: Config) -> Answer:
    """The answer, or an error where metadata does not have the type that the recipe declares."""
    added = json.loads(answer.metadata) if answer.metadata and config.columns else {}
    for name, kind in config.columns.items():
        value = added.get(name)
        if value is not None and (not isinstance(value, PYTHON[kind]) or (isinstance(value, bool) and kind != "truth")):
            return answer._replace(error=f"columns.{name}: expected {kind}, got {value!r}; declare what the step adds")
    return answer


def _columns(batch: pa.RecordBatch, answers: np.ndarray, config: Config) -> Columns:
    """Columns of answers: Answer[n], None where nothing was asked."""
    out: dict[str, list[Any]] = {name: [None] * len(answers) for name in (*TAKEN, *config.columns)}
    texts: list[str | None] = [None] * len(answers)
    for row, answer in enumerate(answers):
        if answer is None:
            continue
        texts[row] = answer.text if answer.kept else None
        out["edits"][row] = int(texts[row] is not None)
        if not answer.kept:
            reason = " ".join((answer.reason or "").split())
            out[DROP][row], out[VALUE][row] = reason[:REASON_CHARS], reason[:VALUE_CHARS]
            out[THRESHOLD][row] = (config.step or "").rpartition(".")[2]
        added = json.loads(answer.metadata) if answer.metadata else {}
        for name in config.columns:
            out[name][row] = added.pop(name, None)
        out["metadata"][row] = json.dumps(added, ensure_ascii=False) if added else None
    types = {"edits": pa.int32(), "metadata": pa.string(), **VERDICT, **brings(config)}
    columns = {name: pa.array(values, types[name]) for name, values in out.items()}
    text = batch["text"]
    changed = pa.array(texts, text.type)
    return columns | {"text": pc.if_else(changed.is_valid(), changed, text)}
