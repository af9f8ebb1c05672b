"""The first run on a machine: later steps are compiled beside the first, or by whoever comes to them."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import law_corpus
import pytest

from curate.engine import rehearsal
from curate.recipe import from_dict, load

ROOT = Path(__file__).parents[2]
ALONE = """
from curate.engine.rehearsal import rehearse
from curate.kernels import locator
from curate.recipe import from_dict
assert not locator.any_compiled()
rehearse(from_dict({"name": "r", "input": [{"uri": "pages"}], "steps": [{"markup": {}}, {"cut": {}}, {"length": {"min_words": 10**6}}]}), "tmp")
print(*sorted({path.parent.name.rpartition("-")[0] for path in locator.cache_folder().glob("*/*.nbi")}))
"""


def test_what_it_leaves_are_the_kernels_of_later_steps(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CURATE_CACHE": str(tmp_path / "cache")}
    for folder in ("pages", "tmp"):
        (tmp_path / folder).mkdir()
    done = subprocess.run([sys.executable, "-c", ALONE], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    compiled = done.stdout.split()
    assert "lines" in compiled
    assert not [name for name in compiled if name.startswith("html")]


@pytest.mark.slow
def test_the_shipped_recipe_can_be_rehearsed(tmp_path):
    rehearsal.rehearse(load(ROOT / "pipelines" / "web.yaml"), str(tmp_path))


def test_the_pages_of_the_shipped_recipe_can_be_rehearsed(tmp_path):
    came_to = rehearsal.rehearse_pages(load(ROOT / "pipelines" / "web.yaml"), str(tmp_path))
    assert came_to.balance.documents == rehearsal.TEXTS
    assert came_to.balance.kept == rehearsal.TEXTS, "no rule removes a page, so that every step reads it"
    assert came_to.balance.cut["unicode"], "a broken line is repaired"


def test_nothing_is_rehearsed_for_one_worker_or_where_kernels_are_compiled(laws, monkeypatch):
    monkeypatch.setattr(rehearsal.multiprocessing, "get_context", lambda _: pytest.fail("a process was started"))
    recipe = from_dict(law_corpus.recipe(laws))
    monkeypatch.setattr(rehearsal.locator, "any_compiled", lambda: False)
    with rehearsal.beside(recipe, 1):
        pass
    monkeypatch.setattr(rehearsal.locator, "any_compiled", lambda: True)
    with rehearsal.beside(recipe, 2):
        pass


def test_a_rehearsal_is_cut_short_when_the_run_ends_and_leaves_nothing(laws, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(rehearsal.locator, "any_compiled", lambda: False)
    with rehearsal.beside(from_dict(law_corpus.recipe(laws)), 2):
        (folder,) = tmp_path.iterdir()
    assert not folder.exists()


def test_a_rehearsal_that_fails_is_not_heard(laws, monkeypatch, tmp_path):
    monkeypatch.setattr(rehearsal, "rehearse", lambda recipe, folder: 1 / 0)
    monkeypatch.setattr(rehearsal.os, "nice", lambda _: 0)
    rehearsal._quietly(rehearsal.rehearse, from_dict(law_corpus.recipe(laws)), str(tmp_path / "act"))
