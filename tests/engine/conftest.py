"""Fixtures of the engine's laws: the input corpus, and the run that all others are compared with."""

import law_corpus
import pytest

from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.recipe import from_dict
from curate.shards.digest import tree_digest
from curate.store import Store


@pytest.fixture(scope="session")
def laws(tmp_path_factory):
    """The folder of the input corpus."""
    return law_corpus.write(tmp_path_factory.mktemp("laws"))


@pytest.fixture(scope="session")
def reference(laws, tmp_path_factory):
    """One uninterrupted run in this process: its folder and the digests of what it made."""
    root = tmp_path_factory.mktemp("reference")
    make(from_dict(law_corpus.recipe(laws)), Store(str(root)), LocalEngine(1))
    return root, tree_digest(Store(str(root)), law_corpus.FOLDERS)
