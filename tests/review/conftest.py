import itertools

import pytest

from curate.review.decisions import DecisionStore
from curate.review.labels import Labels


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
