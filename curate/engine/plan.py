"""The plan: a recipe's steps cut into segments, and what each segment reads and carries.

A segment begins with the verdicts of the barriers that stand before it, runs its stages in memory, and ends in `settle`. Segments are cut at barriers, at
`cut`, after a stage that splits documents, and where the resources that a stage needs change.
Barriers that follow one another share a segment: the second sketches only what the first left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from curate import barrier as barriers
from curate import stage as stages
from curate.engine.steps import READ, BarrierCall, StageCall
from curate.engine.tasks import Bounds
from curate.errors import RecipeError
from curate.recipe import Recipe, Step, TokenizerFile


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Steps that run over a part in one task."""

    index: int
    barriers: tuple[BarrierCall, ...] = ()
    steps: tuple[StageCall, ...] = ()
    carry_raw: bool = False
    """Whether `raw` is needed at the segment's start."""

    @property
    def label(self) -> str:
        """How progress and tables call it."""
        inner = [*(call.label for call in self.barriers), *(call.step for call in self.steps)]
        return " → ".join([READ, *inner] if self.index == 0 else inner or ["settle"])


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All segments of a run, and the tokenizer's training if the run trains one."""

    segments: tuple[Segment, ...]
    tokenizer: BarrierCall | None
    bounds: Bounds

    @property
    def steps(self) -> list[str]:
        """Names of all steps in order, reading first."""
        calls: list[BarrierCall | StageCall] = []
        for segment in self.segments:
            calls += [*segment.barriers, *segment.steps]
        return [READ] + [call.step for call in calls if call.step != READ]


def plan(recipe: Recipe) -> Plan:
    """Cut a checked recipe into segments."""
    segments = _cut(recipe.steps)
    if len(segments) == 1:
        segments.append(Segment(index=1))
    same_record = BarrierCall(step=READ, barrier=barriers.load("same_record"), config=barriers.load("same_record").config())
    segments[1] = replace(segments[1], barriers=(same_record, *segments[1].barriers))
    limits = recipe.limits
    bounds = Bounds(
        file_rows=limits.file_rows,
        file_bytes=limits.file_bytes,
        row_group_rows=limits.row_group_rows,
        range_bytes=limits.range_bytes,
        document_bytes=limits.document_bytes,
    )
    return Plan(segments=tuple(_with_raw(segments, recipe.keep_raw)), tokenizer=_tokenizer(recipe), bounds=bounds)


def _tokenizer(recipe: Recipe) -> BarrierCall | None:
    if recipe.tokenizer is None or isinstance(recipe.tokenizer, TokenizerFile):
        return None
    return BarrierCall(step="tokenizer", barrier=barriers.load("train_tokenizer"), config=recipe.tokenizer)


def _cut(steps: Sequence[Step]) -> list[Segment]:
    """Segments without the `read` barrier and without raw."""
    segments = [Segment(index=0)]
    for step in steps:
        current = segments[-1]
        if step.kind == "cut":
            if current.steps or current.index == 0:
                segments.append(Segment(index=len(segments)))
        elif step.kind == "barrier":
            if step.only is not None:
                raise RecipeError(
                    f"step {step.name}: expected no `only` on a barrier, got {list(step.only)}; a barrier compares all documents"
                )
            if current.steps or current.index == 0:
                segments.append(Segment(index=len(segments)))
            call = BarrierCall(step=step.name, barrier=barriers.load(step.uses), config=_config(step))
            segments[-1] = replace(segments[-1], barriers=(*segments[-1].barriers, call))
        else:
            stage = StageCall(
                step=step.name, stage=stages.load(step.uses), config=_config(step), only=step.only, thresholds=step.thresholds
            )
            if current.steps and (current.steps[-1].stage.splits or dict(current.steps[-1].stage.resources) != dict(stage.stage.resources)):
                segments.append(Segment(index=len(segments)))
            segments[-1] = replace(segments[-1], steps=(*segments[-1].steps, stage))
    if len(segments) > 1 and not segments[-1].steps and not segments[-1].barriers:
        segments.pop()  # a trailing `cut` starts nothing
    return segments


def _config(step: Step) -> stages.Config:
    assert step.config is not None
    return step.config


def _with_raw(segments: Sequence[Segment], keep_raw: bool) -> list[Segment]:
    """Note where `raw` is carried, and which step is the last that reads it."""
    readers = [(s, i) for s, segment in enumerate(segments) for i, call in enumerate(segment.steps) if "raw" in call.stage.reads]
    last = readers[-1] if readers else (-1, -1)
    noted = []
    for s, segment in enumerate(segments):
        steps = tuple(replace(call, last_of_raw=not keep_raw and (s, i) == last) for i, call in enumerate(segment.steps))
        noted.append(replace(segment, steps=steps, carry_raw=keep_raw or s <= last[0]))
    return noted
