"""The shipped recipes load, and come back from their own YAML."""

from pathlib import Path

import pytest

from curate import recipe

PIPELINES = sorted((Path(__file__).parents[1] / "pipelines").glob("*.yaml"))


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_right(path, tmp_path):
    if path.stem == "fineweb":
        pytest.importorskip("trafilatura", reason="the recipe's extractor is an extra")
    r = recipe.load(path)
    assert r.name == path.stem
    again = tmp_path / path.name
    again.write_text(recipe.to_yaml(r))
    assert recipe.load(again) == r


def test_the_shipped_recipes_are_there():
    assert {"web", "fineweb", "open"} <= {path.stem for path in PIPELINES}
