"""The walk of a steward, as README.md beside the desk tells it: from the overview to a card that is signed, in a browser where there is one.

overview → a wrong removal is found → a threshold is changed → a domain is denied → the run is made again → diff → sign-off → card
"""

import copy

import review_run
from test_desk_browser import Visitor, serving

from curate import api, signoff
from curate.card import publish
from curate.diff import report
from curate.steward import decode
from curate.store import Store

LIMIT = 30


def test_a_steward_walks_from_the_overview_to_a_signed_card(browser, few, few_pages, tmp_path):
    with serving(few) as (home, desk):
        visitor = Visitor(browser, home)
        page = visitor.page
        page.wait_for_url("**/overview")

        # a reason is looked at, and a document that should not have left is found
        page.get_by_role("link", name="look at samples of gopher_quality:short_doc").click()
        page.wait_for_url("**/samples?rule=gopher_quality*")
        page.keyboard.press("j")
        wrong = page.evaluate("document.querySelector('.chosen').id.slice(1)")
        page.keyboard.press("2")
        page.wait_for_selector(".toast.on")
        page.locator(f"#d{wrong} button", has_text="keep").click()
        page.wait_for_selector(".box.said >> text=shall keep it")

        # a lower limit would have kept more of its kind
        visitor.go("/rules/gopher_quality/short_doc")
        page.fill("#at", str(LIMIT))
        page.wait_for_selector("text=Apply it")
        told = page.request.get(f"{home}/rules/gopher_quality/short_doc.json?at={LIMIT}").json()["flips"]
        page.fill("#flips [name=note]", "stubs explain things too")
        page.get_by_role("button", name="Decide: steps.gopher_quality.min_words=30").click()
        page.wait_for_selector(".box.said >> text=decided")

        # a domain is denied by the third letter of three keys
        visitor.go("/domains?q=spam")
        page.keyboard.press("j")
        page.keyboard.press("2")
        page.wait_for_selector(".box.said >> text=spam.example: deny")
        visitor.go("/decisions")
        page.get_by_role("button", name="Write review/decisions.json beside the run").click()
        page.wait_for_selector(".box.said >> text=is written")
        assert desk.decisions.verify() is None
        visitor.quiet()

    # the run is made again with all of it
    made_file = few / "review" / "decisions.json"
    decided = decode(made_file.read_bytes(), "decisions.json")
    assert [one.id for one in decided.documents] == [wrong]
    assert [(one.field, one.value) for one in decided.thresholds] == [("min_words", LIMIT)]
    again = tmp_path / "again"
    changed = copy.deepcopy(review_run.recipe(few_pages, steward=str(made_file)))
    changed["steps"][2]["gopher_quality"]["min_words"] = LIMIT
    api.run(changed, output=again, workers=1)

    # and does what was decided, and nothing else
    seen = report.compare(Store(str(few)), Store(str(again)), 5)
    flips = {(one["before"], one["after"]): one["documents"] for one in seen["flips"]}
    back = sum(count for (before, after), count in flips.items() if before == "gopher_quality:short_doc" and after == "kept")
    assert back == told["released"] - told["caught"] + (1 if not _released(few, wrong) else 0)
    kept = api.open(again).documents().to_table(columns=["id", "domain"]).to_pylist()
    assert wrong in {one["id"].hex() for one in kept}
    assert "spam.example" not in {one["domain"] for one in kept}

    # the desk of the new run tells that a steward keeps it, and no limit moves it
    with serving(again) as (home, _):
        visitor = Visitor(browser, home)
        if not _released(few, wrong):
            assert "a steward keeps it, else gopher_quality:short_doc" in visitor.go(f"/document/{wrong}").locator("main").inner_text()
        told = visitor.page.request.get(f"{home}/rules/gopher_quality/short_doc.json?at=100000").json()["flips"]
        assert told["leave"] == len(kept) - 1
        visitor.quiet()

    # what came of it is signed, and the card says so
    with serving(again) as (home, _):
        visitor = Visitor(browser, home)
        page = visitor.go("/signoff")
        page.fill("[name=name]", "Ada Lovelace")
        page.get_by_role("button", name="Sign this card").click()
        page.wait_for_selector(".box.said")
        visitor.go("/card")
        assert "Ada Lovelace" in page.locator("main").inner_text()
        visitor.quiet()
    store = Store(str(again))
    assert signoff.read(store)[0].card_digest == signoff.card_digest(store)
    assert "Ada Lovelace" in (again / publish.README).read_text()


def _released(root, wrong):
    """Whether the lower limit alone would have kept the document."""
    rows = api.open(root).removed().to_table(columns=["id", "gopher_quality__num_words"]).to_pylist()
    return next(one["gopher_quality__num_words"] for one in rows if one["id"].hex() == wrong) >= LIMIT
