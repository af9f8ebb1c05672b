"""Front matter of the Hub: its bands, licence ids and language codes, and only what is known."""

import pytest

from curate.card import facts as counting
from curate.card.forms import hub


@pytest.mark.parametrize(
    ("count", "band"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (9_999, "1K<n<10K"), (10**6, "1M<n<10M"), (10**12 - 1, "100B<n<1T"), (10**12, "n>1T")],
)
def test_size_categories(count, band):
    assert hub.size_category(count) == band


@pytest.mark.parametrize(
    ("said", "matter"),
    [
        ("CC-BY-4.0", {"license": "cc-by-4.0"}),
        ("ODbL-1.0", {"license": "odbl"}),
        ("House rules, 2nd ed.", {"license": "other", "license_name": "house-rules-2nd-ed."}),
        ("§", {"license": "other", "license_name": "other"}),
    ],
)
def test_licences_of_the_hub(said, matter):
    assert hub.hub_license(said) == matter


def test_languages_below_one_percent_are_not_named(finished):
    facts = counting.load(finished) | {"kept": {"documents": 1000}}
    counts = {"en": 900, "zh_Hans": 50, "NOTE": 31, "ceb": 10, "fi": 9}
    facts["content"] = {"languages": {"top": [{"value": value, "documents": count} for value, count in counts.items()]}}
    assert hub.hub_languages(facts) == ["en", "zh", "ceb"]


def test_keys_that_nobody_knows_are_not_there(finished):
    book, matter = hub.fill(counting.load(finished))
    assert {"license", "language_creators", "source_datasets"}.isdisjoint(matter)  # nobody said, and no document came from a web server
    assert {one.name for one in book.fields if one.origin == "open"} == {"pretty_name", "license"}
    facts = counting.load(finished)
    facts["content"]["over_http"] = facts["kept"]["documents"]
    assert hub.fill(facts)[1]["language_creators"] == ["found"]


def test_the_hub_takes_the_values(finished):
    pytest.importorskip("huggingface_hub")
    from huggingface_hub import DatasetCardData

    matter = hub.fill(counting.load(finished))[1]
    assert DatasetCardData(**matter).to_dict()["size_categories"] == ["n<1K"]
