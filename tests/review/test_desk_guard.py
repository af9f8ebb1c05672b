"""Who may speak to the desk: keys, hosts, forms of other sites, headers."""

import pytest
from desk_client import HOST, client, send, token

from curate.review.guard import MAX_BODY, POLICY


@pytest.fixture
def ada(served):
    return client(served)


def test_nobody_without_a_key(served):
    nobody = client(served, key="guess")
    for path in ("/overview", "/overview.json", "/document/00", "/decisions/export.json", "/nothing"):
        answer = nobody.get(path)
        assert answer.status_code == 403
        assert "expected the address that `curate review` printed" in answer.text
        assert "harbour" not in answer.text


def test_the_key_moves_from_the_address_into_a_cookie(served):
    guest = client(served, key="")
    answer = guest.get("/?key=bo-key")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/overview"
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    assert guest.get("/?key=other").status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:9999", "localhost", ""])
def test_a_strange_host_is_refused_whatever_its_key(ada, host):
    answer = ada.get("/overview", headers={"host": host})
    assert answer.status_code == 421
    assert "host: expected one of" in answer.text


def test_every_answer_forbids_scripts_frames_and_caching(ada):
    for path in ("/overview", "/overview.json", "/assets/desk.js", "/nothing"):
        headers = ada.get(path).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in POLICY
    assert ada.get("/overview").headers["cache-control"] == "no-store"


def test_a_form_needs_its_token(ada, served):
    before = served.decisions.head()
    assert ada.post("/domains", data={"host": "a.example", "decision": "deny"}).status_code == 403
    other = token(client(served, "bo-key").get("/domains/harbour.example").text)
    assert ada.post("/domains", data={"host": "a.example", "decision": "deny", "token": other}).status_code == 403
    assert served.decisions.head() == before


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}])
def test_a_form_of_another_site_is_refused_with_the_right_token(ada, headers):
    right = token(ada.get("/domains/harbour.example").text)
    answer = ada.post("/domains", data={"host": "a.example", "decision": "deny", "token": right}, headers=headers)
    assert answer.status_code == 403
    assert "origin: expected a form of this desk" in answer.text


def test_a_form_of_this_desk_is_taken(mine_served):
    ada = client(mine_served, origin=f"http://{HOST}")
    assert "deny" in send(ada, "/domains/harbour.example", host="harbour.example", decision="deny", seen="···").text
    assert mine_served.decisions.domain_decision("https://harbour.example/x").decision == "deny"


def test_a_body_that_is_too_large_is_refused(ada):
    assert ada.post("/domains", content=b"x" * (MAX_BODY + 1)).status_code == 413


def test_no_path_of_the_client_is_opened(ada):
    for path in ("/assets/../app.py", "/assets/%2e%2e%2fapp.py", "/assets/passwd", "/document/..%2f..%2frecipe.yaml"):
        assert ada.get(path).status_code == 404


def test_a_form_leads_back_to_this_desk_only(mine_served):
    ada = client(mine_served)
    answer = send(
        ada, "/domains/harbour.example", follow=False, kind="domain", key="harbour.example", comment="x", back="https://evil.example/"
    )
    assert answer.headers["location"] == "/overview"
    answer = send(ada, "/domains/harbour.example", follow=False, kind="domain", key="harbour.example", comment="x", back="//evil.example/")
    assert answer.headers["location"] == "/overview"
