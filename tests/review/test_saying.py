"""What people say through pages: labels, decisions, proposals, comments; who may, what a second one sees, that nothing is lost."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import review_run
from desk_client import client, desk_of, send, token

from curate import api, signoff
from curate.steward import decode
from curate.store import Store


@pytest.fixture
def desk(mine_served):
    return mine_served


@pytest.fixture
def ada(desk):
    return client(desk)


@pytest.fixture
def bo(desk):
    return client(desk, "bo-key")


@pytest.fixture
def cy(desk):
    return client(desk, "cy-key")


def some(who, rule="gopher_quality:short_doc"):
    return who.get("/samples.json", params={"rule": rule, "n": 1}).json()["documents_shown"][0]


def test_a_steward_decides_about_a_document_and_takes_it_back(ada, desk):
    one = some(ada)
    path = f"/document/{one['id']}"
    page = send(ada, path, id=one["id"], rule=one["removed_by"], decision="keep", back=path)
    assert "shall keep it" in page.text
    told = ada.get(path + ".json").json()["said"]["decision"]
    assert (told["decision"], told["by"], told["reason"]) == ("keep", "Ada", "wrongly_removed")
    assert decode(ada.get("/decisions/export.json").content, "export").documents[0].id == one["id"]
    assert "taken back" in send(ada, path, id=one["id"], decision="", back=path).text
    assert desk.decisions.document_decision(one["id"]) is None
    assert [entry.action for entry in desk.decisions.audit("Ada")][-2:] == ["document", "document"]
    assert desk.decisions.verify() is None


def test_a_reviewer_may_not_decide_but_label(bo, desk):
    one = some(bo)
    path = f"/document/{one['id']}"
    assert "A re-run shall" not in bo.get(path).text
    refused = send(bo, path, id=one["id"], decision="keep", back=path)
    assert refused.status_code == 403
    assert "expected a steward, got a reviewer" in refused.text
    assert "labelled wrong" in send(bo, path, id=one["id"], rule=one["removed_by"], label="wrong", back=path).text
    assert 'aria-pressed="true"' in bo.get(path).text
    for page, fields in (("/decisions", {"publish": "yes"}), ("/labels", {"fill": "yes", "per_rule": "1", "seed": "1", "raters": "1"})):
        held = bo.get(path)
        assert bo.post(page, data={"token": token(held.text)} | fields).status_code == 403


def test_two_stewards_who_decide_at_once(ada, desk):
    """The second one is told, and what was decided meanwhile stays."""
    page = "/domains/boats.example"
    seen = ada.get(page).text
    held = seen.split('name="seen" value="')[1].split('"')[0]
    send(ada, page, host="boats.example", decision="approve", seen=held)
    late = ada.post(page, data={"token": token(seen), "host": "boats.example", "decision": "deny", "note": "my note", "seen": held})
    assert late.status_code == 409
    assert "got a decision that Ada made meanwhile: approve" in late.text
    assert "my note" in late.text
    assert desk.decisions.domain_decision("https://boats.example/").decision == "approve"


def test_domains_are_decided_in_the_table_and_counted(ada, bo):
    assert "boats.example: quarantine" in send(ada, "/domains", host="boats.example", decision="quarantine", back="/domains").text
    told = ada.get("/domains.json?state=quarantine").json()
    assert [one["name"] for one in told["domains"]] == ["boats.example"]
    assert told["covered"]["decided"]["quarantine"] == told["domains"][0]["bytes"]
    assert "boats.example" not in [one["name"] for one in ada.get("/domains.json?state=open").json()["domains"]]
    assert 'name="decision"' not in bo.get("/domains").text


def test_a_path_of_a_domain(ada, desk):
    said = {"host": "blog.fish.example", "path": "/prose/", "decision": "deny", "reason": "owner_objects", "until": "2030-01-31"}
    send(ada, "/domains/fish.example", **said)
    found = desk.decisions.domain_decision("https://blog.fish.example/prose/3")
    assert (found.decision, found.reason, found.until) == ("deny", "owner_objects", "2030-01-31")
    assert desk.decisions.domain_decision("https://blog.fish.example/short/3") is None


def test_what_is_wrong_with_a_decision_is_said_and_what_was_written_stays(ada):
    page = send(ada, "/domains/fish.example", host="fish.example", decision="deny", reason="Not Snake", note="a long thought")
    assert page.status_code == 409
    assert "expected" in page.text
    assert "a long thought" in page.text
    assert 'value="Not Snake"' in page.text


def test_a_threshold_is_proposed_and_accepted(ada, bo, desk):
    page = "/rules/gopher_quality/short_doc"
    send(bo, f"{page}?at=35", f"{page}?at=35", at="35", note="stubs are fine")
    assert "1 thresholds are proposed" in ada.get("/overview").text
    proposal = desk.decisions.thresholds()[0]
    assert (proposal.step, proposal.field, proposal.before, proposal.value, proposal.state) == (
        "gopher_quality",
        "min_words",
        50,
        35,
        "open",
    )
    assert proposal.effect["released"] > 0
    assert "accepted" in send(ada, "/decisions", number=str(proposal.number), settle="accept").text
    assert decode(ada.get("/decisions/export.json").content, "x").thresholds[0].value == 35


def test_blind_double_review(ada, bo, cy, desk):
    """Two people see a text and nothing of its fate or of each other; what they say becomes right or wrong, and an estimate."""
    send(ada, "/labels", rule="gopher_quality:short_doc", per_rule="4", raters="2", seed="7", fill="yes")
    told = bo.get("/labels/next.json").json()
    assert told["item"]["ask"] == "belongs"
    assert "short_doc" not in json.dumps(told)
    assert "short_doc" not in bo.get("/labels/next").text
    assert "short_doc" not in bo.get("/labels/next").text
    answers = {"bo": ["no", "no", "no", "yes"], "cy": ["no", "no", "no", "no"]}
    for who, name in ((bo, "bo"), (cy, "cy")):
        for answer in answers[name]:
            item = who.get("/labels/next.json").json()["item"]["document"]
            if name == "cy":
                seen = cy.get(f"/document/{item}.json").json()["said"]
                assert (seen["labels"], seen["hidden"]) == ([], 1)
            send(who, "/labels/next", id=item, answer=answer)
        assert "nothing is left for you" in who.get("/labels/next").text
    told = ada.get("/labels.json").json()
    assert told["rules"][0]["outcomes"] == {"right": 3, "wrong": 0, "unsure": 0, "disputed": 1}
    assert len(told["disputed"]) == 1
    send(ada, "/labels", id=told["disputed"][0]["id"], rule="gopher_quality:short_doc", resolve="wrong")
    assert ada.get("/labels.json").json()["rules"][0]["outcomes"]["wrong"] == 1


def test_a_duplicate_is_labelled_beside_its_keeper(ada, bo, desk):
    send(ada, "/labels", rule="near_dedup:near_duplicate", per_rule="1", raters="1", seed="1", fill="yes")
    told = bo.get("/labels/next.json").json()
    assert told["item"]["ask"] == "copy"
    assert told["other"]["id"] != told["shown"]["id"]
    send(bo, "/labels/next", id=told["item"]["document"], answer="yes")
    assert desk.labels.progress()[0].outcomes["right"] == 1


def test_a_label_for_another_document_than_the_one_taken_is_refused(ada, bo):
    send(ada, "/labels", rule="kept", per_rule="2", raters="1", seed="1", fill="yes")
    item = bo.get("/labels/next.json").json()["item"]["document"]
    refused = send(bo, "/labels/next", id="0" * 32, answer="yes")
    assert refused.status_code == 409
    assert "expected the document that you have taken" in refused.text
    assert send(bo, "/labels/next", id=item, answer="release").status_code == 200
    assert bo.get("/labels/next.json").json()["item"]["document"] == item


def test_the_file_is_written_beside_the_run(ada, mine):
    send(ada, "/domains", host="spam.example", decision="deny", back="/domains")
    send(ada, "/decisions", publish="yes")
    made = decode((mine / "review" / "decisions.json").read_bytes(), "decisions.json")
    assert [(one.host, one.decision) for one in made.domains] == [("spam.example", "deny")]
    assert made.run["recipe"] == "harbour"
    assert (mine / "review" / "audit.jsonl").read_text().count("\n") == made.log["entries"]


def test_the_log_shows_everything_and_says_when_it_was_changed(ada, desk):
    send(ada, "/domains", host="spam.example", decision="deny", back="/domains")
    assert "all of them hold" in ada.get("/log").text
    with desk.decisions.writing() as db:
        db.execute("UPDATE domains SET decision = 'approve'")
    assert "the log does not hold" in ada.get("/log").text


SIGN = {"name": "Ada Lovelace", "role": "data steward", "date": "2026-11-27", "statement": "I <b>looked</b> at it."}


def test_a_sign_off_is_chained_and_stands_in_the_card(ada, mine, desk):
    card = ada.get("/signoff.json").json()["card"]
    page = send(ada, "/signoff", card=card, **SIGN)
    assert "signed; the card shows it" in page.text
    assert "I &lt;b&gt;looked&lt;/b&gt; at it." in page.text
    second = send(ada, "/signoff", card=card, **SIGN | {"statement": "And again."})
    assert "The chain of sign-offs holds" in second.text
    signed = signoff.read(Store(str(mine)))
    assert [one.previous for one in signed] == [None, signed[0].hash]
    assert {one.card_digest for one in signed} == {card}
    for text in ((mine / "card" / "card.html").read_text(), ada.get("/card").text):
        assert "I &lt;b&gt;looked&lt;/b&gt; at it." in text
        assert "this card" in text
    assert signed[0].hash in json.dumps([entry.said for entry in desk.decisions.audit("Ada")])
    assert ada.get("/card").headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")


def test_a_card_that_changed_is_not_signed(ada, mine):
    card = ada.get("/signoff.json").json()["card"]
    path = mine / "card" / "facts.json"
    path.write_text(path.read_text() + "\n")
    refused = send(ada, "/signoff", card=card, **SIGN)
    assert refused.status_code == 409
    assert "expected the card that you read, got another one" in refused.text
    assert "Ada Lovelace" in refused.text
    assert signoff.read(Store(str(mine))) == ()


@pytest.mark.parametrize(("field", "value"), [("name", " "), ("statement", ""), ("date", "yesterday"), ("role", "x" * 2001)])
def test_a_sign_off_that_lacks_something_is_refused_and_nothing_is_written(ada, mine, field, value):
    refused = send(ada, "/signoff", card=ada.get("/signoff.json").json()["card"], **SIGN | {field: value})
    assert refused.status_code == 409
    assert "expected" in refused.text
    assert not (mine / "review" / "signoff.jsonl").exists()


def test_a_reviewer_cannot_sign(bo, mine):
    assert "A steward signs" in bo.get("/signoff").text
    held = bo.get("/domains/boats.example")
    assert bo.post("/signoff", data={"token": token(held.text)} | SIGN).status_code == 403
    assert not (mine / "review" / "signoff.jsonl").exists()


def test_a_broken_chain_is_told_and_not_signed_over(ada, mine):
    card = ada.get("/signoff.json").json()["card"]
    send(ada, "/signoff", card=card, **SIGN)
    path = mine / "review" / "signoff.jsonl"
    path.write_text(path.read_text().replace("Lovelace", "Other"))
    assert "the sign-offs do not hold" in ada.get("/signoff").text
    assert send(ada, "/signoff", card=card, **SIGN).status_code == 409


def test_a_damaged_run_is_not_signed(ada, desk):
    desk.index.parts.damage["removed/part-0.parquet"] = "expected Parquet, got noise"
    refused = send(ada, "/signoff", card=ada.get("/signoff.json").json()["card"], **SIGN)
    assert "expected a run that can be read" in refused.text


def test_people_who_write_at_once_lose_nothing(desk):
    rows = desk.index.sample("reason", "kept", 1)[:12]
    ids = [desk.index.hex(row) for row in rows]

    def work(key):
        who = client(desk, key)
        page = f"/document/{ids[0]}"
        return [send(who, f"/document/{one}", page, id=one, rule="kept", label="right").status_code for one in ids]

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(work, ("ada-key", "bo-key", "cy-key")))
    assert answers == [[200] * 12] * 3
    assert all(len(desk.labels.seen(one, "kept", "Ada").labels) == 3 for one in ids)
    assert desk.decisions.verify() is None


def test_what_is_held_can_be_kept_or_removed(few_pages, tmp_path):
    held = review_run.recipe(few_pages, steps=[{"license": {"quarantine": ["all-rights-reserved"]}}])
    api.run(held, output=tmp_path / "held", workers=1)
    ada = client(desk_of(tmp_path / "held"))
    assert "documents are held for a steward: license:held_license" in ada.get("/overview").text
    page = ada.get("/samples?rule=license:held_license&n=1").text
    assert set(re.findall(r'name="decision" value="(\w+)"', page)) == {"keep", "remove"}
