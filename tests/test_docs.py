"""What is said is so: the README's table of steps, its commands, and the promises of the shipped recipe."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from curate import catalog
from curate.__main__ import app
from curate.recipe import load
from curate.stage import HELD

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_steps_is_the_catalog():
    told = re.search(r"<!-- steps: .*? -->\n(.*?)\n<!-- /steps -->", README, re.DOTALL).group(1)
    assert told == catalog.as_table(catalog.entries())


def test_every_verb_is_in_the_readme():
    for command in app.registered_commands:
        assert f"`curate {command.name or command.callback.__name__}" in README


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_no_figure_is_left_open():
    assert "@@" not in README


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """The shipped recipe over the sample, as `curate run pipelines/web.yaml` makes it; CURATE_WEB_RUN names a folder where that was done."""
    from curate import api

    root = os.environ.get("CURATE_WEB_RUN") or tmp_path_factory.mktemp("web")
    return api.run(ROOT / "pipelines" / "web.yaml", output=root, workers=2), load(ROOT / "pipelines" / "web.yaml")


@pytest.mark.slow
def test_the_shipped_recipe_keeps_a_quarter_and_every_rule_fires(web):
    summary, recipe = web
    assert summary.first.documents >= 3_000
    assert summary.last.kept >= 0.25 * summary.first.documents
    assert summary.last.bytes_kept >= 3_000_000
    silent = Counter({f"{step.name}:{reason}": 0 for step in recipe.steps if step.kind != "cut" for reason in reasons(step)})
    silent.update(summary.removed())
    assert [reason for reason, count in silent.items() if not count] == []


def reasons(step):
    """The reasons that a step of the recipe can give: its rules that are not switched off, or its own. What would wait for a steward need not occur."""
    if step.kind == "barrier":
        return {"exact_dedup": ["duplicate"], "near_dedup": ["near_duplicate"]}[step.uses]
    rules = [rule for rule in catalog.entry(step.uses).rules if not rule.reason.startswith(HELD)]
    return [rule.reason for rule in rules if getattr(step.config, rule.limit) is not None]
