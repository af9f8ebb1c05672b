"""Every page: opens, has its JSON twin, shows text of strangers as text, says what is wrong."""

import json
import re

import pytest
import review_run
from desk_client import client, send

from curate.review.app import PAGES

PATHS = (
    "/overview",
    "/samples",
    "/samples?rule=kept&order=spread",
    "/samples?rule=gopher_quality:short_doc&order=near",
    "/rules",
    "/rules/gopher_quality/short_doc",
    "/rules/gopher_quality/short_doc?at=80",
    "/duplicates",
    "/duplicates/0",
    "/rights",
    "/rights?kind=licence&key=CC-BY-4.0",
    "/domains",
    "/domains?state=open&order=removed",
    "/domains?q=boats",
    "/domains/boats.example",
    "/personal",
    "/search",
    "/search?q=harbour",
    "/search?q=boats.example",
    "/labels",
    "/decisions",
    "/signoff",
    "/log",
)


@pytest.fixture(scope="session")
def ada(served):
    return client(served)


def twin(path):
    head, mark, query = path.partition("?")
    return f"{head}.json{mark}{query}"


@pytest.mark.parametrize("path", PATHS)
def test_a_page_and_its_twin(ada, path):
    page = ada.get(path)
    assert page.status_code == 200, page.text
    assert page.text.count("<h1") == 1
    assert ada.get(twin(path)).json() is not None
    ids = re.findall(r' id="([^"]+)"', page.text)
    assert len(ids) == len(set(ids)), "an id stands twice"
    for name in re.findall(r'<label for="([^"]+)"', page.text):
        assert name in ids, f"label for {name} has no field"
    assert not re.search(r"<script(?! src=\"/assets/)", page.text)
    assert not re.search(r"\s(?:on\w+|style)=", re.sub(r">[^<]*<", "><", page.text))


def test_every_page_is_opened_above():
    shapes = {re.sub(r"\{\w+\}", "X", page.path) for page in PAGES} - {"/document/X", "/labels/next"}
    opened = {path.partition("?")[0] for path in PATHS}
    shapes = {shape for shape in shapes if not any(re.fullmatch(shape.replace("X", "[^/]+"), path) for path in opened)}
    assert shapes <= {"/pairs", "/signoff"}


def test_overview_counts_what_the_run_counted(ada, index):
    told = ada.get("/overview.json").json()
    reasons = {one["reason"]: one["documents"] for one in told["reasons"]}
    assert told["read"] == len(review_run.documents())
    assert sum(reasons.values()) == told["removed"] == told["read"] - told["kept"]
    assert reasons["gopher_quality:short_doc"] == 13


def test_a_sample_is_the_same_for_the_same_seed_and_another_for_another(ada):
    drawn = [[one["id"] for one in ada.get(f"/samples.json?rule=kept&seed={seed}&n=8").json()["documents_shown"]] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 8


def test_spread_takes_sources_alike(ada):
    found = ada.get("/samples.json?rule=kept&order=spread&n=10").json()["documents_shown"]
    assert [one["source"] for one in found].count("news") == 5


def test_near_begins_at_the_threshold(ada):
    found = ada.get("/samples.json?rule=gopher_quality:short_doc&order=near&n=20").json()["documents_shown"]
    apart = [abs(float(one["value"]) - 50) for one in found]
    assert apart == sorted(apart)


def test_evidence_is_marked_where_it_stands(ada):
    found = ada.get("/samples.json?rule=gopher_repetition:dup_lines").json()["documents_shown"]
    for one in found:
        assert one["marks"]
        if one["text_start"]:
            continue  # the first copy may stand before what is shown
        texts = {one["text"][start:end] for start, end, _ in one["marks"]}
        assert all(one["text"].count(text) > 1 for text in texts)


def test_text_of_strangers_stays_text(ada):
    found = ada.get("/search.json?q=title+taken").json()["documents"]
    assert len(found) == 1
    page = ada.get(f"/document/{found[0]['id']}").text
    assert "&lt;script&gt;document.title" in page
    assert "<img" not in page
    assert "&amp;lt;b&amp;gt;" in page


def test_a_domain_that_is_markup_is_a_name(ada):
    page = ada.get("/search?q=odd&in=url").text
    assert "&lt;script&gt;alert(1)&lt;" in page
    assert "<script>alert" not in page
    odd = [one["name"] for one in ada.get("/domains.json").json()["domains"] if "script" in one["name"]]
    link = re.search(r'href="(/domains/[^"]*script[^"]*)"', ada.get("/domains").text).group(1)
    assert ada.get(link + ".json").json()["name"] == odd[0]


def test_hidden_characters_are_written_out_and_right_to_left_has_its_direction(ada):
    found = ada.get("/search.json?q=def+ghi").json()["documents"] or ada.get("/search.json?q=turned&in=url").json()["documents"]
    page = ada.get(f"/document/{found[0]['id']}").text
    assert "abc\\u202edef\\u2066ghi" in page
    arabic = ada.get("/search.json?q=القوارب").json()["documents"]
    assert 'class="text" dir="auto"' in ada.get(f"/document/{arabic[0]['id']}").text


def test_five_megabytes_come_in_pages(ada):
    found = ada.get("/search.json?q=large&in=url").json()["documents"][0]
    assert found["bytes"] > 5_000_000
    first = ada.get(f"/document/{found['id']}")
    assert len(first.content) < 200_000
    told = ada.get(f"/document/{found['id']}.json").json()
    later = ada.get(f"/document/{found['id']}.json?from=4000000").json()
    assert told["text_chars"] == later["text_chars"] > 4_900_000
    assert later["text_start"] == 4_000_000
    assert re.search(r"from=20000", first.text)
    end = ada.get(f"/document/{found['id']}?from=99999999")
    assert end.status_code == 200


def test_a_document_without_text_is_shown(ada):
    found = ada.get("/search.json?q=empty&in=url").json()["documents"]
    found = found or [
        one for one in ada.get("/samples.json?rule=gopher_quality:short_doc&n=50").json()["documents_shown"] if not one["bytes"]
    ]
    assert "(empty)" in ada.get(f"/document/{found[0]['id']}").text


def test_a_duplicate_stands_beside_its_keeper_with_what_differs(ada):
    clusters = ada.get("/duplicates.json?step=near_dedup").json()["clusters"]
    assert len(clusters) == 6
    told = ada.get(f"/duplicates/{clusters[0]['no']}.json").json()
    apart = [(left, right) for kind, left, right in told["passages"] if kind == "only"]
    assert len(apart) == 1
    assert "changed" in apart[0]
    assert told["keeper"]["reason"] == "kept"
    assert 0.8 <= told["members"][0]["similarity"] < 1


def test_copies_of_equal_text_say_so(ada):
    clusters = ada.get("/duplicates.json?step=exact_dedup").json()["clusters"]
    assert "The words of both are the same" in ada.get(f"/duplicates/{clusters[0]['no']}").text


def test_claims_come_with_the_place_that_says_so(ada):
    told = ada.get("/rights.json?kind=licence&key=CC0-1.0").json()
    assert told["documents"] == len(review_run.documents()[1::4])
    assert all(one["evidence"][0]["spdx"] == "CC0-1.0" for one in told["claims"])


def test_personal_data_by_type(ada):
    told = ada.get("/personal.json?type=emails").json()
    assert {one["key"]: one["rows"] for one in told["types"]} == {"emails": 5, "ips": 5}
    assert all(place[1] in ("<EMAIL>", "<IP_ADDRESS>") for one in told["documents_shown"] for place in one["places"])
    assert "harbour.example.net" not in ada.get("/personal?type=emails").text


def test_search_finds_ids_addresses_domains_and_words(ada, index):
    some = ada.get("/samples.json?rule=kept&n=1").json()["documents_shown"][0]
    for asked, exact in (
        (some["id"], "id"),
        (some["url"], "url"),
        (some["url"].removeprefix("https://"), "url"),
        (some["id"].upper(), "id"),
    ):
        told = ada.get("/search.json", params={"q": asked}).json()
        assert told["exact"] == exact
        assert [one["id"] for one in told["documents"]] == [some["id"]]
    assert [one["name"] for one in ada.get("/search.json?q=oats").json()["domains"]] == ["boats.example"]
    assert ada.get("/search.json?q=nosuchword").json()["hits"] == 0
    hits = ada.get("/search.json?q=keeper1+write").json()
    assert hits["hits"] == len(hits["documents"]) == 0 or all(one["bytes"] for one in hits["documents"])


@pytest.mark.parametrize("asked", ['"', "a AND", "NEAR(", "%", "_x_", "\x00", "' or 1=1 --", "*", "ü", "{text} : x", "𝔘" * 300])
def test_any_question_has_an_answer(ada, asked):
    assert ada.get("/search", params={"q": asked}).status_code == 200
    assert ada.get("/domains", params={"q": asked}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/document/" + "0" * 32, "/document/x", "/duplicates/999999", "/duplicates/x", "/domains/no.example", "/rules/a/b"]
)
def test_what_is_not_there_is_said(ada, path):
    for one in (path, path + ".json"):
        answer = ada.get(one)
        assert answer.status_code == 404
        assert re.search("expected .*, got ", answer.text)


@pytest.mark.parametrize(
    "query", ["seed=x&n=-3&start=1e9&order=%00", "rule=nosuch:rule", "at=nan", "at=inf", "from=-5", "start=99999999999999999999"]
)
def test_a_query_that_makes_no_sense_is_taken_kindly(ada, query):
    for path in ("/samples", "/rules/gopher_quality/short_doc", "/domains", "/duplicates", "/rights", "/log"):
        assert ada.get(f"{path}?{query}").status_code == 200


def test_a_lead_shows_the_words_that_were_searched_for(ada):
    found = ada.get("/search.json?q=keeper").json()["documents"]
    some = ada.get("/search.json?q=EMAIL").json()["documents"][0]
    assert "EMAIL" in ada.get(f"/document/{some['id']}/lead?q=EMAIL").json()["lead"]
    assert ada.get("/document/00/lead").status_code == 404
    assert found == []


def test_the_story_of_a_removed_document(ada):
    one = ada.get("/samples.json?rule=gopher_quality:short_doc&n=1").json()["documents_shown"][0]
    told = ada.get(f"/document/{one['id']}.json").json()["story"]
    assert {step["step"]: step["state"] for step in told["steps"]}["gopher_quality"] == "removed it"
    assert told["origin"]["container"].endswith(".jsonl")
    assert json.dumps(told)


def test_a_comment_is_kept_as_it_was_typed(mine_served):
    bo = client(mine_served, "bo-key")
    one = bo.get("/samples.json?rule=kept&n=1").json()["documents_shown"][0]
    path = f"/document/{one['id']}"
    page = send(bo, path, kind="document", key=one["id"], comment="<b>see</b> \u202e here")
    assert "&lt;b&gt;see&lt;/b&gt; \\u202e here" in page.text
    assert mine_served.decisions.comments("document", one["id"], "Ada")[0].by == "Bo"
