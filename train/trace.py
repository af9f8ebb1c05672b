"""Who was in which step: from a run's plan back to documents, and from a document to the steps that saw it.

`train trace RUN --step N` lists the pieces of documents in a batch, with where they come from; `train exposure RUN DOC_ID` the steps that a
document was in; `train remove RUN … --output NEW` goes on from a checkpoint with a plan in which documents no longer stand. All of it is
computed from run.json and the shards: nothing was logged for it.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from curate.shards.reader import Corpus, open_shards
from train import beside
from train.config import Config, Removal, TrainError
from train.plan import Plan, Span
from train.record import read_config, write_config


@dataclass(frozen=True)
class Opened:
    """A run's folder with its plan."""

    output: Path
    config: Config
    corpus: Corpus
    plan: Plan
    shards: Path
    steps: int
    """Steps that its record has."""


def open_run(output: Path, shards: Path | None = None) -> Opened:
    """The run in `output`; its shards lie where it found them, or in `shards`. TrainError where there is no run."""
    try:
        said = json.loads((output / "run.json").read_bytes())
    except FileNotFoundError:
        raise TrainError(f"{output}: expected a run of `train`, got no run.json; give the folder that --output named") from None
    where = shards or (output / said["shards"] if "shards" in said else None)
    if where is None:
        raise TrainError(f"{output}: expected to know where its shards lie, got no word of it in run.json; give --shards")
    corpus = open_shards(where.resolve())
    config = read_config(output, corpus)
    record = output / "metrics.jsonl"
    steps = sum(1 for line in record.read_text().splitlines() if line.endswith("}")) if record.exists() else 0
    return Opened(output, config, corpus, Plan.of(corpus, config), where.resolve(), steps)


def trace(run: Opened, step: int) -> list[dict[str, Any]]:
    """The pieces in the batch of a step, in order: document, span, source, licence, container and offset, URL where it can be looked up."""
    if not 1 <= step <= max(run.steps, 1):
        raise TrainError(f"--step: expected 1 to {run.steps}, the steps of {run.output}, got {step}; choose one of them")
    spans = run.plan.trace((step - 1) * run.config.rows, run.config.rows)
    return list(_described(run, spans))


def exposure(run: Opened, doc_id: str) -> list[dict[str, Any]]:
    """The steps that saw a document, and which of its tokens."""
    docs = run.plan.numbers([checked(doc_id)])
    if len(docs) == 0:
        raise TrainError(f"exposure: expected a document of corpus {run.corpus.corpus_id}, got {doc_id}; `curate shards find` has the ids")
    spans = run.plan.exposure(int(docs[0]), run.steps * run.config.rows)
    return list(_described(run, spans))


def remove(run: Opened, ids: Sequence[str], output: Path, step: int | None, steps: int | None = None) -> tuple[int, int]:
    """Write a new run that goes on from the checkpoint of `step` (default: the newest) to `steps` (default: as many) without these documents.

    Returns (the step it goes on from, documents that will no longer be read). What the model learned from them before stays in it.
    """
    from train import checkpoint

    if (output / "run.json").exists():
        raise TrainError(f"{output}: expected no run in the output folder, got one; choose another --output")
    found = _checkpoint(run, step)
    gone = sorted({checked(one) for one in ids})
    docs = run.plan.numbers(gone)
    if len(docs) == 0:
        raise TrainError(
            f"remove: expected documents of corpus {run.corpus.corpus_id}, got {len(gone)} ids that it does not have; check them"
        )
    at = int(found.state["step"])
    removals = (*run.config.removals, Removal(at * run.config.rows, tuple(gone)))
    config = replace(run.config, removals=removals, steps=steps or run.config.steps)
    plan = Plan.of(run.corpus, config)
    target = output / "checkpoints" / found.path.name
    shutil.copytree(found.path, target)
    state = found.state | {"plan_id": plan.plan_id, "config": config.to_json(), "parent_plan_id": found.state["plan_id"]}
    (target / checkpoint.STATE).write_text(json.dumps(state, indent=1) + "\n")
    lines = (run.output / "metrics.jsonl").read_text().splitlines()
    (output / "metrics.jsonl").write_text("".join(line + "\n" for line in lines if json.loads(line)["step"] <= at))
    write_config(output, config, run.corpus)
    return at, len(docs)


def _checkpoint(run: Opened, step: int | None) -> Any:
    from train import checkpoint

    if step is None:
        found, _ = checkpoint.newest(run.output / "checkpoints")
    else:
        found = checkpoint.at(run.output / "checkpoints", step)
    if found is None:
        raise TrainError(f"{run.output}: expected a whole checkpoint{f' of step {step}' if step else ''}, got none; choose another --step")
    return found


def checked(doc_id: str) -> str:
    """32 hex digits in small letters; TrainError otherwise."""
    text = doc_id.strip().lower()
    if len(text) != 32 or any(c not in "0123456789abcdef" for c in text):
        raise TrainError(f"document id: expected 32 hex digits, got {doc_id.strip()}; `curate why` prints them")
    return text


def _described(run: Opened, spans: Sequence[Span]) -> Iterator[dict[str, Any]]:
    ids = [run.plan.doc_id(span.doc) for span in spans]
    urls = beside.values(beside.folder(run.corpus), ids, "url")
    columns = {name: run.corpus.column(name) for name in ("source", "license", "src_container", "src_offset")}
    meta = run.corpus.meta
    for span, doc_id in zip(spans, ids, strict=True):
        first = int(run.plan.docs.first[span.doc])
        yield {
            "step": span.row // run.config.rows + 1,
            "row": span.row % run.config.rows,
            "doc_id": doc_id,
            "start": span.start,
            "length": span.length,
            "source": meta.sources[columns["source"][first]],
            "license": meta.licenses[columns["license"][first]],
            "container": meta.containers[columns["src_container"][first]],
            "offset": int(columns["src_offset"][first]),
            "url": urls.get(doc_id),
        }
