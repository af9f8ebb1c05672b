"""The cards of shipped recipes: written from a run, and told when recipe or generator have moved on."""

import json
import shutil

import card_runs
import pytest

from curate import recipe
from curate.card import facts
from curate.cli import shipped
from curate.errors import StoreError
from curate.store import Store


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A folder with a small recipe, its card, and its run."""
    folder = tmp_path_factory.mktemp("shipped")
    pages = card_runs.write_input(folder / "pages")
    path = folder / "harbour.yaml"
    path.write_text(recipe.to_yaml(recipe.from_dict(card_runs.recipe(pages))))
    shipped.make(path, folder / "run", folder / "cards", workers=1)
    return folder


@pytest.fixture
def made(once, tmp_path):
    """Recipe and card, to be changed, and the run."""
    shutil.copytree(once / "cards", tmp_path / "cards")
    shutil.copy(once / "harbour.yaml", tmp_path)
    return tmp_path / "harbour.yaml", tmp_path / "cards", Store(str(once / "run"))


def test_a_fresh_card_is_right(made):
    path, cards, run = made
    shipped.check(path, None, cards)
    shipped.check(path, run, cards)
    assert (cards / "harbour.md").read_bytes() == run.read("card/README.md")
    told = json.loads((cards / "harbour.json").read_text())
    assert told["recipe"]["digest"] == facts.load(run)["recipe"]["digest"]
    assert [one["step"] for one in told["steps"]] == ["unicode", "license", "read", "exact_dedup", "tongue"]


def test_no_count_of_this_machine_is_in_it(made):
    _, cards, run = made
    told = (cards / "harbour.json").read_text()
    assert "documents_in" not in told
    assert facts.load(run)["kept"]["ids"] not in told


def test_a_changed_recipe_is_told(made):
    path, cards, _ = made
    path.write_text(path.read_text().replace("min_score: 0.5", "min_score: 0.6"))
    with pytest.raises(
        StoreError, match=r"harbour\.json: expected the recipe blake3:.*, got blake3:.*; write the card anew with `python -m"
    ):
        shipped.check(path, None, cards)


def test_a_changed_form_is_told(made):
    path, cards, run = made
    told = json.loads((cards / "harbour.json").read_text())
    told["forms"]["ab2013"].pop()
    (cards / "harbour.json").write_text(json.dumps(told))
    with pytest.raises(StoreError, match=r"harbour\.json: expected forms as in .*, got another; write the card anew"):
        shipped.check(path, run, cards)


def test_a_recipe_without_a_card_is_told(made, tmp_path):
    path, _, _ = made
    with pytest.raises(StoreError, match="expected the card of a shipped recipe, got none; write it with"):
        shipped.check(path, None, tmp_path / "elsewhere")
