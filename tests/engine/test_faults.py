"""Documents that kill, hang or bloat their worker are set aside one by one, with what they did; all others go through, on every engine."""

import law_corpus
import pyarrow as pa
import pytest
from deadly import Nothing, deadly

from curate.engine.local import LocalEngine
from curate.engine.run import Driver, input_parts
from curate.engine.steps import StageCall
from curate.engine.tasks import SegmentTask
from curate.engine.worker import Allowance
from curate.errors import StoreError
from curate.recipe import from_dict
from curate.shards.settle import read_documents
from curate.store import Store

ALLOWANCE = Allowance(memory_bytes=900 << 20, stall_seconds=2.0)
WHY = {
    "SEGV": "expected the step to return, got the death of its worker",
    "HANG": "expected the step to return within 2 s, got nothing",
    "EAT": f"expected the step to stay within limits.worker_bytes = {900 << 20}, got more",
}


def task_over(folder, deeds):
    """A segment over twenty documents, some of which do a deed."""
    texts = [f"document {n} {deeds.get(n, '')}" for n in range(20)]
    (folder / "in.jsonl").write_text("".join(f'{{"id": "{n}", "text": "{text}"}}\n' for n, text in enumerate(texts)))
    recipe = from_dict(law_corpus.recipe(folder, tokenizer=None, shards=None, steps=[{"unicode": {}}]))
    driver = Driver(recipe=recipe, store=Store(str(folder / "out")), engine=None)
    (part,) = input_parts(recipe)
    return SegmentTask(
        store=driver.store,
        name="t",
        part=part,
        marks=(),
        steps=(StageCall(step="deadly", stage=deadly, config=Nothing()),),
        bounds=driver.plan.bounds,
        carry_raw=False,
        measure_all=False,
    )


def check(task, outcome, expected):
    """All but the guilty are kept; the guilty say what they did."""
    outcome.balance.check("t")
    kept, removed = (
        pa.Table.from_batches(list(read_documents(task.store, outcome.files[role], None, 100))) for role in ("documents", "removed")
    )
    assert kept.num_rows == 20 - len(expected)
    assert removed["removed_by"].to_pylist() == ["deadly:error"] * len(expected)
    assert removed["value"].to_pylist() == expected
    assert not task.store.list("work/notes")


def set_aside(folder, deeds, allowance):
    """Run a segment on two workers; the outcome."""
    engine = LocalEngine(2, allowance)
    task = task_over(folder, deeds)
    try:
        (outcome,) = engine.run([task])
    finally:
        engine.close()
    check(task, outcome, [WHY[deed] for deed in deeds.values()])
    assert [step for step, _ in outcome.facts["set_aside"]] == ["deadly"] * len(deeds)


def test_a_crash_and_a_hang_are_set_aside(tmp_path):
    set_aside(tmp_path, {3: "SEGV", 9: "HANG"}, ALLOWANCE)


def test_a_hoard_is_set_aside(tmp_path):
    set_aside(tmp_path, {14: "EAT"}, Allowance(memory_bytes=ALLOWANCE.memory_bytes, stall_seconds=120))  # a busy machine is slow to hoard


@pytest.mark.slow
def test_on_ray_too(tmp_path, monkeypatch):
    import os
    import sys

    from curate.engine.ray import RayEngine

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    engine = RayEngine(2, allowance=ALLOWANCE)
    task = task_over(tmp_path, {7: "HANG"})
    try:
        (outcome,) = engine.run([task])
    finally:
        engine.close()
    check(task, outcome, [WHY["HANG"]])


def test_a_worker_that_swells_is_replaced(tmp_path):
    engine = LocalEngine(2, Allowance(memory_bytes=100 << 20, stall_seconds=None))  # more than half of it is held by the libraries alone
    pools = []
    discard = engine._discard_pool
    engine._discard_pool = lambda: (pools.append(engine._pool is not None), discard())[1]
    tasks = []
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        tasks.append(task_over(tmp_path / str(number), {}))
    try:
        assert len(list(engine.run(tasks[:1]))) == 1
        assert len(list(engine.run(tasks[1:]))) == 2
    finally:
        engine.close()
    assert sum(pools) >= 2


def test_a_worker_that_dies_of_nothing_in_particular_ends_the_run_with_a_reason(tmp_path):
    engine = LocalEngine(2, Allowance(memory_bytes=1 << 20))  # no task can start
    with pytest.raises(StoreError, match=r"task t \(\): expected its worker to live, got it dead 3 times; look for memory limits"):
        list(engine.run([task_over(tmp_path, {})]))
    engine.close()


def test_no_cluster_at_an_address_is_told_at_once():
    from curate.engine.ray import RayEngine

    with pytest.raises(StoreError, match=r"ray: expected a cluster at 127.0.0.1:1, got '.*refused'; start one with `ray start --head`"):
        RayEngine(address="127.0.0.1:1")
