"""Runs that the tests of the card look at; none of them may change one."""

import shutil

import card_runs
import pytest

from curate.store import Store


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """The input folder."""
    return card_runs.write_input(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="session")
def finished(pages, tmp_path_factory):
    """A finished run without tokens: its store."""
    return Store(str(card_runs.run(tmp_path_factory.mktemp("finished"), card_runs.recipe(pages))))


@pytest.fixture(scope="session")
def tokenized(finished, tmp_path_factory):
    """The same run with shards."""
    root = tmp_path_factory.mktemp("tokenized") / "run"
    shutil.copytree(finished.root, root)
    card_runs.add_shards(root)
    return Store(str(root))


@pytest.fixture
def copy(tmp_path):
    """A function that copies a run, so that a test may damage it."""

    def made(store: Store) -> Store:
        target = tmp_path / "copy"
        shutil.copytree(store.root, target)
        return Store(str(target))

    return made
