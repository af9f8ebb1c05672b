"""Shared fixtures: where labelled data lies, and no network."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)  # a slow machine is no failing test
settings.load_profile("house")

SHARED = Path(__file__).parents[1] / ".." / "shared" / "data"


@pytest.fixture
def shared():
    """A function from the name of a labelled data set to its folder; the test is skipped where the set is absent."""

    def folder(name: str) -> Path:
        path = SHARED / name
        if not path.is_dir():
            pytest.skip(f"labelled data set {name} is not beside this checkout")
        return path

    return folder
