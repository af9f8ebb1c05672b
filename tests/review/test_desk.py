"""A run that is none, goes on, was killed or is damaged: said on the page, and all that can be shown is."""

import json
import os
import shutil
import socket

import pytest
import review_run
from desk_client import client, desk_of, send

from curate import api
from curate.card.folder import open_folder
from curate.review.build import build
from curate.review.desk import Desk, NotReadyError
from curate.store import Store


def opened(root):
    """The overview of a desk as page and twin."""
    desk = desk_of(root)
    ada = client(desk)
    return ada.get("/overview"), ada.get("/overview.json").json()


def test_no_run(tmp_path):
    page, told = opened(tmp_path / "nothing")
    assert page.status_code == 503
    assert told["state"] == "none"
    assert "expected the folder of a run, got none" in page.text


def unfinished(mine, going):
    """A run as it lies there while tasks are done."""
    (mine / "ledger").mkdir()
    lines = (mine / "ledger.jsonl").read_text().splitlines()
    for number in range(0, len(lines), 2):  # as the ledger writes them, some lines an object
        (mine / "ledger" / f"{number}.json").write_text("\n".join(lines[number : number + 2]) + "\n")
    (mine / "ledger.jsonl").unlink()
    lease = {"host": socket.gethostname(), "pid": os.getppid() if going else 2**22 + 1, "token": "x", "renewed": 0}
    (mine / "lease.json").write_text(json.dumps(lease))


def test_a_run_in_progress_is_followed(mine):
    unfinished(mine, going=True)
    page, told = opened(mine)
    assert page.status_code == 503
    assert told["state"] == "running"
    assert told["removed"]["gopher_quality:short_doc"] == 13
    assert 'http-equiv="refresh"' in page.text
    assert f"process {os.getppid()}" in page.text


def test_a_run_that_was_killed_says_how_to_go_on(mine):
    unfinished(mine, going=False)
    page, told = opened(mine)
    assert told["state"] == "killed"
    assert "run the same command again" in page.text
    assert 'http-equiv="refresh"' not in page.text


def test_a_damaged_ledger_is_told(mine):
    (mine / "ledger.jsonl").write_text("{broken\n")
    page, told = opened(mine)
    assert told["state"] == "damaged"
    assert "ledger.jsonl:1" in page.text


def corrupt(root, folder="removed"):
    """Overwrite the middle of one part; returns its path."""
    path = sorted((root / folder).glob("*.parquet"))[0]
    data = bytearray(path.read_bytes())
    data[4 : len(data) // 2] = b"\xff" * (len(data) // 2 - 4)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_corrupt_removed_part_is_told_and_the_rest_works(mine, when):
    """Before the index was made, or after."""
    if when == "before":
        shutil.rmtree(mine / "review" / "index")
    path = corrupt(mine)
    ada = client(desk_of(mine))
    for page in (
        "/overview",
        "/samples?rule=kept",
        "/rules/gopher_quality/short_doc?at=70",
        "/duplicates",
        "/domains",
        "/search?q=harbour",
        "/personal",
    ):
        assert ada.get(page).status_code == 200
    kept = ada.get("/samples.json?rule=kept").json()["documents_shown"]
    assert all(ada.get(f"/document/{one['id']}").status_code == 200 for one in kept)
    for reason in [one["reason"] for one in ada.get("/overview.json").json()["reasons"]]:
        shown = ada.get("/samples.json", params={"rule": reason}).json()["documents_shown"]
        answers = [ada.get(f"/document/{one['id']}") for one in shown]
        assert {one.status_code for one in answers} <= {200, 404}
    if when == "after":
        flips = ada.get("/rules/gopher_quality/short_doc/flips.csv?at=10").text
        assert flips.startswith("id,url,now,value")
    told = ada.get("/overview.json").json()
    assert list(told["damage"]) == [f"removed/{path.name}"]
    assert "expected Parquet with" in ada.get("/overview").text


def test_a_part_that_is_cut_off_or_gone(mine):
    shutil.rmtree(mine / "review" / "index")
    first, *others = sorted((mine / "removed").glob("*.parquet"))
    first.write_bytes(first.read_bytes()[:-7])
    for one in others:
        one.unlink()
    ada = client(desk_of(mine))
    told = ada.get("/overview.json").json()
    assert len(told["damage"]) == 1 + len(others)
    assert told["kept"] > 0
    assert ada.get("/samples?rule=kept").status_code == 200
    assert {one["reason"] for one in told["reasons"]} == {"unreadable"}


def test_a_run_that_was_made_again_is_looked_through_again(few, few_pages):
    desk = desk_of(few)
    ada = client(desk)
    before = ada.get("/overview.json").json()
    changed = review_run.recipe(few_pages)
    changed["steps"][2]["gopher_quality"]["min_words"] = 150
    api.run(changed, output=few, workers=1)
    desk._looked = 0.0  # instead of waiting for two seconds
    first = ada.get("/overview")
    assert first.status_code == 503
    assert "looks through the run" in first.text
    desk.wait()
    after = ada.get("/overview.json").json()
    assert after["kept"] < before["kept"]


def test_an_index_that_was_interrupted_leaves_nothing(mine, monkeypatch):
    shutil.rmtree(mine / "review" / "index")

    def broken(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("curate.review.build._texts", broken)
    page, told = opened(mine)
    assert told["state"] == "damaged"
    assert "No space left" in page.text
    assert [one.name for one in (mine / "review").iterdir() if one.name.startswith("index")] == ["index.lock"]


def test_a_run_that_kept_nothing(tmp_path, few_pages):
    changed = review_run.recipe(few_pages, steps=[{"gopher_quality": {"min_words": 10**9, "max_words": None}}])
    api.run(changed, output=tmp_path / "none", workers=1)
    ada = client(desk_of(tmp_path / "none"))
    assert "kept no document" in ada.get("/overview").text
    for page in (
        "/samples",
        "/samples?rule=kept",
        "/rules/gopher_quality/short_doc?at=10",
        "/duplicates",
        "/rights",
        "/domains",
        "/personal",
        "/search?q=the",
    ):
        assert ada.get(page).status_code == 200, page


def test_without_texts_nothing_is_searched_and_that_is_said(mine):
    ada = client(desk_of(mine, texts=False))
    assert "texts were not put into the index" in ada.get("/search?q=harbour").text
    assert ada.get("/search?q=boats.example").status_code == 200


def test_two_desks_make_one_index(mine):
    shutil.rmtree(mine / "review" / "index")
    desks = [Desk(Store(str(mine)), mine / "review") for _ in range(2)]
    for desk in desks:
        with pytest.raises(NotReadyError):
            desk.index  # noqa: B018
    for desk in desks:
        desk.wait()
        assert desk.index.meta["rows"] == len(review_run.documents())


def test_the_index_is_the_same_for_the_same_run(made, tmp_path):
    build(open_folder(Store(str(made))), tmp_path / "index", lambda what, share: None)
    for path in sorted((made / "review" / "index").rglob("*.np?")):
        assert (tmp_path / "index" / path.relative_to(made / "review" / "index")).read_bytes() == path.read_bytes()


def test_decisions_of_another_run_are_told_and_kept(mine, review_pages, tmp_path):
    """A desk whose decisions were begun elsewhere: the documents are not here, the domains may be."""
    first = desk_of(mine)
    ada = client(first)
    one = ada.get("/samples.json?rule=gopher_quality:short_doc&n=1").json()["documents_shown"][0]
    send(ada, f"/document/{one['id']}", id=one["id"], decision="keep")
    assert ada.get("/overview.json").json()["strangers"] == {"recipes": [], "documents": 0}
    other = tmp_path / "other"
    shutil.copytree(mine / "review", other / "review", ignore=shutil.ignore_patterns("index*"))
    (tmp_path / "few.jsonl").write_text(json.dumps({"id": "a", "url": "https://a.example/", "text": "few words"}) + "\n")
    few = {"name": "few", "input": [{"uri": str(tmp_path / "few.jsonl"), "source": "few"}], "steps": [{"license": {}}]}
    api.run(few, output=other, workers=1)
    page = client(desk_of(other)).get("/overview").text
    assert "begun on a run of another recipe (harbour)" in page
    assert "1 decided documents are not in this run" in page
    assert desk_of(other).decisions.document_decision(one["id"]).decision == "keep"
    assert desk_of(other).decisions.verify() is None


def test_a_run_that_lies_elsewhere(few, tmp_path):
    """In any store that fsspec reaches: the index and the decisions are here, what is signed and exported goes there."""
    import fsspec

    there = fsspec.filesystem("memory")
    there.put(str(few), "/far/harbour", recursive=True)
    desk = Desk(Store("memory://far/harbour"), tmp_path / "state")
    desk.wait()
    ada = client(desk)
    for page in (
        "/overview",
        "/samples",
        "/rules/gopher_quality/short_doc?at=70",
        "/duplicates/0",
        "/domains",
        "/search?q=harbour",
        "/signoff",
    ):
        assert ada.get(page).status_code == 200, page
    one = ada.get("/samples.json?rule=kept&n=1").json()["documents_shown"][0]
    assert ada.get(f"/document/{one['id']}").status_code == 200
    send(ada, "/domains", host="spam.example", decision="deny", back="/domains")
    send(ada, "/decisions", publish="yes")
    assert there.exists("/far/harbour/review/decisions.json")
    card = ada.get("/signoff.json").json()["card"]
    assert "signed" in send(ada, "/signoff", card=card, name="Ada", role="steward", date="2026-11-27", statement="seen").text
    assert there.exists("/far/harbour/review/signoff.jsonl")
    there.rm("/far", recursive=True)


def test_a_damaged_index_is_made_anew(mine):
    desk = desk_of(mine)
    ada = client(desk)
    path = mine / "review" / "index" / "index.sqlite"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert ada.get("/samples").status_code in (200, 503)
    desk.wait()
    assert ada.get("/samples").status_code == 200
    assert ada.get("/search?q=harbour").status_code == 200
    assert desk.index.meta["rows"] == len(review_run.documents())
