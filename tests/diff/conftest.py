"""Two finished runs over one input: the second keeps only English, asks for more certainty, and lacks one file."""

import card_runs
import pytest

from curate.store import Store


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    return card_runs.write_input(tmp_path_factory.mktemp("diff_pages"))


@pytest.fixture(scope="session")
def before(pages, tmp_path_factory):
    return Store(str(card_runs.run(tmp_path_factory.mktemp("before"), card_runs.recipe(pages))))


@pytest.fixture(scope="session")
def after(pages, tmp_path_factory):
    changed = card_runs.recipe(pages, input=[{"uri": f"{pages}/part-[01].jsonl", "source": card_runs.SOURCE}])
    changed["steps"] = [*changed["steps"][:-1], {"language": {"as": "tongue", "keep": ["en"], "min_score": 0.5}}]
    return Store(str(card_runs.run(tmp_path_factory.mktemp("after"), changed)))
