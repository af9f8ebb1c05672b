"""Shared fixtures: where labelled data lies, and the browser of the system."""

import shutil
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None, derandomize=True)  # neither a slow machine nor a new example is a broken change
settings.register_profile(
    "search", deadline=None, print_blob=True
)  # --hypothesis-profile=search: other examples each time, to find what is broken
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


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium without a window; the test is skipped where there is none."""
    sync = pytest.importorskip("playwright.sync_api", reason="playwright opens the browser")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    with sync.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()
