import itertools
import shutil

import pytest
import review_run
from desk_client import desk_of

from curate import api
from curate.card.folder import open_folder
from curate.review.build import build
from curate.review.decisions import DecisionStore
from curate.review.desk import Desk
from curate.review.index import Index
from curate.review.labels import Labels
from curate.store import Store


def hex_id(number):
    return f"{number:032x}"


@pytest.fixture
def desk(tmp_path):
    """A decision store with a steward and three reviewers, whose clock counts seconds."""
    ticks = itertools.count()
    store = DecisionStore(tmp_path / "review" / "decisions.sqlite", clock=lambda: f"2026-11-27T10:00:{next(ticks) % 60:02}Z")
    store.join("Ada", "steward", "ada@example.org")
    for name in ("Bo", "Cy", "Di"):
        store.join(name, by="Ada")
    return store


@pytest.fixture
def labels(desk):
    return Labels(desk)


@pytest.fixture(scope="session")
def review_pages(tmp_path_factory):
    """The input folder of the run that desks of the tests are of."""
    return review_run.write_input(tmp_path_factory.mktemp("review") / "pages")


@pytest.fixture(scope="session")
def few_pages(tmp_path_factory):
    """The same without the large page, for tests that run it again."""
    return review_run.write_input(tmp_path_factory.mktemp("few") / "pages", large=False)


@pytest.fixture
def few(few_pages, tmp_path):
    """A finished run over them."""
    api.run(review_run.recipe(few_pages), output=tmp_path / "few", workers=1)
    return tmp_path / "few"


@pytest.fixture(scope="session")
def made(review_pages, tmp_path_factory):
    """A finished run with its index; nobody may change it."""
    root = tmp_path_factory.mktemp("reviewed") / "harbour"
    api.run(review_run.recipe(review_pages), output=root, workers=1)
    build(open_folder(Store(str(root))), root / "review" / "index", lambda what, share: None)
    return root


@pytest.fixture(scope="session")
def index(made):
    """Its index."""
    return Index(open_folder(Store(str(made))), made / "review" / "index")


@pytest.fixture
def mine(made, tmp_path):
    """A copy of the run, to decide about or to damage."""
    return shutil.copytree(made, tmp_path / "harbour")


@pytest.fixture(scope="session")
def served(made, tmp_path_factory):
    """The desk of the run, to be looked at: nobody may decide there."""
    state = tmp_path_factory.mktemp("served") / "review"
    shutil.copytree(made / "review", state)
    desk = Desk(Store(str(made)), state)
    desk.wait()
    return desk


@pytest.fixture
def mine_served(mine):
    """The desk of a copy."""
    return desk_of(mine)
