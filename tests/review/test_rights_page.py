"""What hosts, repositories and images say, in the card's facts and on the desk's page of rights."""

import json
from pathlib import Path

import pytest
from desk_client import client, desk_of

import curate

FILES = str(Path(__file__).parents[1] / "golden" / "host_files.jsonl")
WORDS = "A text of some words that nobody else wrote, about {}, long enough to be looked at and kept by every step that follows here."


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("rights")
    rows = [
        {"id": str(n), "url": f"https://{host}.example/{path}", "path": path, "text": text}
        for n, (host, path, text) in enumerate(
            [
                ("none", "LICENSE", "SPDX-License-Identifier: MIT\n" + WORDS.format("a licence")),
                ("none", "a.py", "# SPDX-License-Identifier: Apache-2.0\n" + WORDS.format("herons")),
                ("partly", "b.py", WORDS.format("otters")),
                ("closed", "c.py", WORDS.format("wolves")),
                ("other", "d.py", WORDS.format("badgers")),
            ]
        )
    ]
    (root / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = {
        "name": "rights",
        "input": [{"uri": str(root / "a.jsonl"), "source": "code", "fields": {"path": "path"}}],
        "accept_orphans": True,
        "steps": [
            {"license": {}},
            {"repository_license": {"path": "path", "license": "license"}},
            {"consent": {}},
            {"host_consent": {"page": "consent", "observed": FILES}},
        ],
    }
    curate.run(recipe, output=str(root / "run"), workers=1)
    return root / "run"


def test_the_card_counts_what_hosts_and_repositories_say(run):
    facts = json.loads((run / "card" / "facts.json").read_text())["content"]
    told = {
        name: {one["value"]: one["documents"] for one in facts[name]["top"]} for name in facts if name.startswith(("host_", "repository_"))
    }
    assert told["host_verdicts"] == {"unknown": 2, "allow": 1}
    assert told["host_bases"] == {
        "strict/2 no signal robots.txt at_fetch:2024-01-01": 2,
        "strict/2 ai-train robots.txt at_fetch:2024-01-01": 1,
    }
    assert told["repository_licenses"]["Apache-2.0"] == 1
    assert "permissive" in told["repository_classes"]
    assert "Wishes of hosts" in (run / "card" / "README.md").read_text()
    assert "Licence classes by repository" in (run / "card" / "card.html").read_text()


def test_the_desk_lists_documents_by_the_last_word_of_a_step(run):
    ada = client(desk_of(run))
    keys = ada.get("/rights.json").json()["kinds"]
    assert {one["key"]: one["rows"] for one in keys["consent"]} == {"unknown": 2, "allow": 1, "deny": 1, "unseen": 1}
    page = ada.get("/rights?kind=consent&key=unseen").text
    assert "host_consent: unseen, strict/2 no host file" in page
    apache = ada.get("/rights?kind=licence&key=Apache-2.0").text
    assert "repository_license: Apache-2.0, permissive, file" in apache
