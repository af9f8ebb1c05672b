"""Checks of the walk as a whole: which columns are there when a step runs, and what may stand after deduplication.

They need the declarations and configs only, no byte of data. What they miss: columns that a source happens to carry without being named in
`fields`, and the kinds of files in a folder (a folder may hold HTML, so text is taken to be absent before the markup is read).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from curate import barrier, stage
from curate.barrier import Barrier
from curate.recipe.fields import Problems
from curate.recipe.model import Input, RecipeFile
from curate.recipe.parse import CUT, Draft
from curate.recipe.yaml import Document, listed, nearest, unknown
from curate.schema import DOCUMENT, column
from curate.stage import VERDICT, Stage
from curate.turns import TEXT


def check(drafts: Sequence[Draft], inputs: Sequence[Input], top: RecipeFile, document: Document, problems: Problems) -> None:
    """Note everything that is wrong with the order of the steps."""
    _sources(drafts, inputs, document, problems)
    _columns(drafts, inputs, top, document, problems)
    _segments(drafts, top, document, problems)
    if not top.accept_orphans:
        _orphans(drafts, document, problems)


def _sources(drafts: Sequence[Draft], inputs: Sequence[Input], document: Document, problems: Problems) -> None:
    sources = sorted({one.source for one in inputs})
    for draft in drafts:
        for name in draft.only or ():
            if name not in sources:
                place = document.place((*draft.key, "only"))
                problems.add(place, f"steps.{draft.name}.only.source: {unknown(name, sources)}")


@dataclass
class _Walk:
    """What is there before a step."""

    columns: set[str]
    textless: set[str]
    """Sources whose documents may still lack a text."""
    unknown: bool = False
    """Whether a step before could not be understood: what it would have brought is not missed, since that error is told already."""


def _columns(drafts: Sequence[Draft], inputs: Sequence[Input], top: RecipeFile, document: Document, problems: Problems) -> None:
    carried = {name for one in inputs for name in one.fields}
    walk = _Walk({*DOCUMENT.names, *carried}, {one.source for one in inputs if one.can_be_markup})
    text_told = False
    for i, draft in enumerate(drafts):
        place = document.place(draft.key)
        for name in () if walk.unknown else _reads(draft):
            seen = walk.textless & set(draft.only or walk.textless)
            if name not in walk.columns:
                problems.add(place, f"steps.{draft.name}: " + _missing(name, draft, drafts[i + 1 :], walk))
            elif name == "text" and seen and "raw" not in _reads(draft) and not text_told:
                text_told = True  # one step put right puts all right
                advice = "put `- markup:` before it, or name files of text in the input (*.jsonl, *.csv, *.parquet, *.txt)"
                problems.add(place, f"steps.{draft.name}: expected text, got markup from {listed(sorted(seen))}; {advice}")
        _advance(walk, draft)
    weights = (document.data.get("tokenizer") or {}).get("weights") if isinstance(document.data.get("tokenizer"), dict) else None
    column = weights.get("column", "source") if isinstance(weights, dict) else "source"
    if column not in walk.columns and not walk.unknown:
        problems.add(
            document.place(("tokenizer", "weights", "column")),
            f"tokenizer.weights.column: expected a column of documents, got {column}; there are {listed(sorted(walk.columns))}",
        )
    if top.mix is not None and top.mix.by not in walk.columns and not walk.unknown:
        near = nearest(top.mix.by, sorted(walk.columns))
        advice = f"did you mean {near}?" if near else "name a column of the documents"
        problems.add(document.place(("mix", "by")), f"mix.by: expected a column of the documents, got {top.mix.by}; {advice}")
    if walk.textless and document.data.get("tokenizer") is not None and not (text_told or walk.unknown):
        sources = listed(sorted(walk.textless))
        problems.add(
            document.place(("tokenizer",)), f"tokenizer: expected text, got markup from {sources}; put `- markup:` among the steps"
        )


def _reads(draft: Draft) -> tuple[str, ...]:
    if isinstance(draft.declaration, Stage):
        also = draft.config.also_reads() if draft.config is not None else ()
        return (*draft.declaration.reads, *also, *((draft.thresholds.by,) if draft.thresholds and draft.thresholds.by else ()))
    if isinstance(draft.declaration, Barrier) and draft.config is not None:
        return tuple(draft.declaration.reads(draft.config))
    return ()


def _advance(walk: _Walk, draft: Draft) -> None:
    """Add what a step leaves behind."""
    declared = draft.declaration
    if declared is None:
        walk.unknown = walk.unknown or draft.uses != CUT
        return
    adds = set(declared.added(draft.config)) if isinstance(declared, Stage) and draft.config is not None else set(declared.adds)
    if isinstance(declared, Stage):
        adds = adds - {declared.splits} | (set(VERDICT) if declared.rules else set())
        if "raw" in declared.reads and "text" in declared.replaces:
            walk.textless -= set(draft.only) if draft.only else walk.textless.copy()
    walk.columns |= {column(draft.name, name) for name in adds}


def _missing(name: str, draft: Draft, later: Sequence[Draft], walk: _Walk) -> str:
    """Why a column is not there, and what would bring it."""
    step, _, measure = name.partition("__")
    text = f"expected column {name}, got none of that name before it; "
    if step in {one.name for one in later}:
        return text + f"put {step} before {draft.name}"
    same = sorted(c for c in walk.columns if measure and c.endswith(f"__{measure}"))
    if measure and step in (*stage.names(), *barrier.names()) and not any(c.startswith(f"{step}__") for c in walk.columns):
        return text + (f"did you mean {same[0]}?" if same else f"add `- {step}:` before it")
    near = nearest(name, sorted(walk.columns))
    return text + (f"did you mean {near}?" if near else "add a step that makes it, or name it in an input's `fields`")


def _segments(drafts: Sequence[Draft], top: RecipeFile, document: Document, problems: Problems) -> None:
    """Dialogues are not cut, and segments have no payload that a step could read."""
    splitting = ""
    for draft in drafts:
        if splitting and "raw" in _reads(draft):
            text = f"expected documents as they were read, got segments of {splitting}, which have no raw; put it before {splitting}"
            problems.add(document.place(draft.key), f"steps.{draft.name}: {text}")
        if isinstance(draft.declaration, Stage) and draft.declaration.splits:
            splitting = draft.name
            if top.kind != TEXT:
                text = f"expected kind text, got {top.kind}; a dialogue cannot be cut into segments"
                problems.add(document.place(draft.key), f"steps.{draft.name}: {text}")


def _orphans(drafts: Sequence[Draft], document: Document, problems: Problems) -> None:
    """A keeper that leaves after its copies have left takes the last copy along."""
    dedup = ""
    for draft in drafts:
        declared = draft.declaration
        if isinstance(declared, Barrier) and declared.judge is None:
            dedup = draft.name if declared.judges else dedup
        elif dedup and (isinstance(declared, Barrier) or (isinstance(declared, Stage) and _removes(declared, draft))):
            advice = f"put it before {dedup}, set its limits to null, or say accept_orphans: true"
            text = f"expected no removal after {dedup}, got a step that removes documents whose copies {dedup} removed"
            problems.add(document.place(draft.key), f"steps.{draft.name}: {text}; {advice}")


def _removes(declared: Stage, draft: Draft) -> bool:
    """Whether the stage can remove anything with this config: a rule whose limit is null is off."""
    configs = [draft.config, *(config for _, config in (draft.thresholds.configs if draft.thresholds else ()))]
    limits = [getattr(config, rule.limit, 0) for rule in declared.rules for config in configs]
    return ("drop" in declared.adds and (draft.config is None or draft.config.removes())) or any(limit is not None for limit in limits)
