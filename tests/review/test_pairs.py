"""Pairs of answers: read from either form, shown without names, votes kept by content and person."""

import json
import re

import pytest
from desk_client import client, desk_of, send

from curate.errors import ReviewError, SourceError
from curate.review import pairs

MODELS = ("model-one", "model-two", "model-six")


def lines(count=12):
    for number in range(count):
        a, b = MODELS[number % 3], MODELS[(number + 1) % 3]
        yield {
            "prompt": f"Question {number}?",
            "a": {"model": a, "text": f"answer of {number} <b>x</b>"},
            "b": {"model": b, "text": f"other of {number}"},
        }


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, lines())) + "\n\n")
    return path


def test_both_forms_and_their_order_are_one_pair(tmp_path):
    one = {"prompt": "p", "a": {"model": "m", "text": "1"}, "b": {"model": "n", "text": "2"}}
    same = {"prompt": "p", "model_a": "n", "response_a": "2", "model_b": "m", "response_b": "1"}
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(one) + "\n" + json.dumps(same))
    assert len(pairs.read(path)) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "expected JSON, got '{'"),
        ("[1]", "got list"),
        ('{"prompt": "p"}', r"got \['prompt'\]"),
        ('{"a": {"model": "m", "text": 3}, "b": {"model": "n", "text": "x"}}', "name both models and texts"),
        ('{"a": {"model": "m", "text": "y"}, "b": {"model": "m", "text": "x"}}', "expected two models, got 'm' twice"),
    ],
)
def test_what_is_no_pair_names_its_line(tmp_path, line, said):
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(next(lines())) + "\n" + line)
    with pytest.raises(SourceError, match=rf"p\.jsonl:2: .*{said}"):
        pairs.read(path)


def test_no_file_and_no_pair(tmp_path):
    with pytest.raises(SourceError, match="expected a JSONL file, got"):
        pairs.read(tmp_path / "none")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(SourceError, match="expected at least one pair, got none"):
        pairs.read(tmp_path / "empty")


def test_sides_are_drawn_and_stay(file):
    sides = [pairs.order(one.id, person) for one in pairs.read(file) for person in ("Bo", "Cy", "Di", "Ed")]
    assert 12 < sum(side == (0, 1) for side in sides) < 36
    assert sides == [pairs.order(one.id, person) for one in pairs.read(file) for person in ("Bo", "Cy", "Di", "Ed")]


def test_a_vote_counts_once_a_person_and_the_last_one(desk, file):
    some = pairs.Pairs(pairs.read(file), desk)
    one = some.next("Bo")
    some.vote(one.id, "left", "Bo")
    some.vote(one.id, "bad", "Bo")
    some.vote(one.id, "right", "Cy")
    assert next((vote.by, vote.winner, vote.bad) for vote in some.votes()) == ("Bo", None, True)
    assert some.votes()[1].winner == one.models[pairs.order(one.id, "Cy")[1]]
    assert len(some.games()) == 2
    with pytest.raises(ReviewError, match="expected one of"):
        some.vote(one.id, "middle", "Bo")
    with pytest.raises(ReviewError, match="expected a pair of this file"):
        some.vote("0" * 32, "left", "Bo")
    assert desk.verify() is None


def test_the_page_shows_no_names_and_goes_through_all(mine, file):
    seen = desk_of(mine)
    seen.compare(pairs.read(file))
    bo = client(seen, "bo-key")
    for number in range(12):
        page = bo.get("/pairs")
        assert f"{number} of 12 compared by you" in page.text
        assert not any(model in page.text for model in MODELS)
        assert "&lt;b&gt;x&lt;/b&gt;" in page.text
        told = bo.get("/pairs.json").json()["shown"]
        choice = "left" if told["left"].startswith("answer") else "right"
        assert send(bo, "/pairs", pair=told["pair"], choice=choice).status_code == 200
    done = bo.get("/pairs").text
    assert "nothing is left for you" in done
    assert all(model in done for model in MODELS)
    assert re.search("model-two", bo.get("/pairs.json").text)


def test_the_log_does_not_tell_what_others_prefer(mine, file):
    seen = desk_of(mine)
    seen.compare(pairs.read(file))
    bo, cy = client(seen, "bo-key"), client(seen, "cy-key")
    send(bo, "/pairs", pair=bo.get("/pairs.json").json()["shown"]["pair"], choice="left")
    assert "winner" in bo.get("/log.json").text
    assert not any(model in cy.get("/log").text + cy.get("/log.json").text for model in MODELS)


def test_without_pairs_there_is_no_page(served):
    assert client(served).get("/pairs").status_code == 404
    assert 'href="/pairs"' not in client(served).get("/overview").text
