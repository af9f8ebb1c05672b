"""A document that kills its worker: found by notes, set aside after two deaths, a recorded fact; the others go on."""

import multiprocessing

import law_corpus
import pyarrow as pa
import pytest
from deadly import Nothing, deadly

from curate.engine.guard import DEATH, Guard, Suspicion, suspect
from curate.engine.run import Driver, input_parts
from curate.engine.steps import StageCall
from curate.engine.tasks import SegmentTask
from curate.recipe import from_dict
from curate.shards.settle import read_documents
from curate.store import Store


@pytest.fixture
def task(tmp_path):
    """A segment over thirty documents, of which two kill."""
    texts = [f"document {n} {'KILL' if n in (7, 19) else ''}" for n in range(30)]
    (tmp_path / "in.jsonl").write_text("".join(f'{{"id": "{n}", "text": "{text}"}}\n' for n, text in enumerate(texts)))
    recipe = from_dict(law_corpus.recipe(tmp_path, tokenizer=None, shards=None, steps=[{"unicode": {}}]))
    store = Store(str(tmp_path / "out"))
    driver = Driver(recipe=recipe, store=store, engine=None)
    (part,) = input_parts(recipe)
    call = StageCall(step="deadly", stage=deadly, config=Nothing())
    return SegmentTask(
        store=store, name="t", part=part, marks=(), steps=(call,), bounds=driver.plan.bounds, carry_raw=False, measure_all=False
    )


def test_killers_are_set_aside_and_nothing_else_is_lost(task):
    def attempt():
        outcome = task.suspecting().run()
        outcome.balance.check("t")

    deaths = 0
    while True:
        child = multiprocessing.get_context("fork").Process(target=attempt)
        child.start()
        child.join()
        if child.exitcode == 0:
            break
        assert child.exitcode == 139
        deaths += 1
        assert deaths < 10
    assert deaths == 5, "one death to find the batch, two for each killer"
    assert not task.store.exists("work/notes/t.json"), "a finished task leaves no note"
    kept = pa.Table.from_batches(list(read_documents(task.store, [_file("documents")], None, 100)))
    removed = pa.Table.from_batches(list(read_documents(task.store, [_file("removed")], None, 100)))
    assert kept.num_rows == 28
    assert removed.select(["removed_by", "value"]).to_pylist() == [{"removed_by": "deadly:error", "value": DEATH}] * 2


def _file(role):
    from curate.store import File

    return File(path=f"work/t/{role}-000.parquet", bytes=0, digest="", rows=1)


def test_a_row_needs_two_deaths():
    note = {"step": "s", "batch": 3, "row": "aa"}
    once = Suspicion().after({"step": "s", "batch": 3, "row": None}).after(note)
    assert once.careful == ((3, "s"),)
    assert once.aside == {}
    assert once.after(note).aside == {("s", "aa"): DEATH}


def test_notes_outlive_the_process_and_a_torn_note_accuses_nobody(tmp_path):
    store = Store(str(tmp_path))
    guard = Guard(store, "t")
    guard.batch = 4
    guard.note("a_long_step_name")
    guard.note("s")
    assert suspect(store, "t") == Suspicion(careful=((4, "s"),), deaths=1)
    store.write("work/notes/t.json", b'{"step": "s", "ba')
    assert suspect(store, "t") == Suspicion()
    guard.close(finished=True)
    assert suspect(store, "t") == Suspicion()


def test_a_death_without_a_note_of_its_own_accuses_nobody(tmp_path):
    store = Store(str(tmp_path))
    Guard(store, "t").note("s")
    first = suspect(store, "t", Suspicion())
    assert first == Suspicion(careful=((0 - 1, "s"),), deaths=1)
    assert suspect(store, "t", first) == Suspicion(careful=first.careful, deaths=2), "the note that is there is the first death's"


def test_notes_on_an_object_store_are_put_after_the_first_death():
    store = Store("memory://notes")
    Guard(store, "t").note("s")
    assert not store.exists("work/notes/t.json")
    died = suspect(store, "t", Suspicion())
    assert died == Suspicion(deaths=1)
    guard = Guard(store, "t", died)
    guard.note("s", "aa")
    assert suspect(store, "t", died).strikes == (("s", "aa", 1, DEATH),)
    guard.close(finished=True)
    assert not store.exists("work/notes/t.json")
