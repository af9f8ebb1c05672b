"""Steward: decisions by id and by domain, the more special first, and files that are no decisions."""

import json

import pyarrow as pa
import pytest

from curate import stage, steward
from curate.errors import RecipeError
from curate.recipe import from_dict
from curate.schema import HEADERS

IDS = [bytes([n]) * 16 for n in range(6)]
URLS = ["https://a.example/x", "https://sub.b.example/blog/1", "https://b.example/other", "https://c.example/", "https://d.example/", None]
WHO = {"by": "Ada", "date": "2026-11-27"}


def decisions(**changes):
    """A file's bytes."""
    made = {
        "documents": [
            steward.DocumentDecision(id=IDS[0].hex(), decision="remove", reason="spam", note="a shop", **WHO),
            steward.DocumentDecision(id=IDS[2].hex(), decision="keep", reason="good", **WHO),
        ],
        "domains": [
            steward.DomainDecision(host="b.example", decision="deny", reason="owner_objects", **WHO),
            steward.DomainDecision(host="b.example", path="/blog/", decision="quarantine", reason="unclear", **WHO),
            steward.DomainDecision(host="c.example", decision="approve", reason="asked", scope="consent", **WHO),
            steward.DomainDecision(host="d.example", decision="approve", reason="asked", **WHO),
        ],
    }
    return steward.Decisions(**{key: tuple(value) for key, value in (made | changes).items()}).encode()


@pytest.fixture
def judged(tmp_path):
    """What the stage says of five documents."""
    file = tmp_path / "decisions.json"
    file.write_bytes(decisions())
    declared = stage.load("steward")
    batch = pa.RecordBatch.from_pydict({"id": pa.array(IDS, pa.binary(16)), "url": pa.array(URLS, pa.string())})
    return {name: array.to_pylist() for name, array in declared.measure(batch, declared.config(file=str(file)), "steward").items()}


def test_a_document_before_its_domain_and_a_path_before_its_host(judged):
    assert judged["steward__decision"] == ["remove", "quarantine", "keep", "approve", "approve", None]
    assert judged["steward__scope"] == [None, None, None, "consent", "licence", None]
    assert judged["steward__drop"] == ["spam", "held_unclear", None, None, None, None]
    assert judged["steward__value"] == ["a shop", "", None, None, None, None]
    assert judged["steward__threshold"] == ["remove", "quarantine b.example/blog/", None, None, None, None]
    assert judged["steward__by"][0] == "Ada, 2026-11-27"


def test_other_decisions_are_another_task(tmp_path):
    file = tmp_path / "decisions.json"
    declared = stage.load("steward")
    found = []
    for data in (decisions(), decisions(domains=())):
        file.write_bytes(data)
        found.append(declared.models(declared.config(file=str(file))))
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"decision": "approve", "scope": "all"}, r"scope: expected one of \['licence', 'consent', 'agreement'\], got 'all'"),
        ({"decision": "deny", "scope": "consent"}, r"scope: expected none with deny, which has no scope, got 'consent'"),
        (
            {"decision": "deny", "licence": "MIT"},
            r"licence: expected a licence only with an approval of scope licence or agreement, got 'MIT'",
        ),
        ({"decision": "approve", "scope": "consent", "licence": "MIT"}, r"licence: expected a licence only with an approval"),
        ({"decision": "approve", "scope": "agreement"}, r"note: expected where the owner's agreement is written, got ''"),
    ],
)
def test_a_scope_that_says_nothing_is_refused(said, message):
    data = decisions(domains=[steward.DomainDecision(host="a.example", reason="asked", **said, **WHO)])
    with pytest.raises(RecipeError, match=message):
        steward.decode(data, "d.json")


def test_a_licence_that_spdx_does_not_know_is_refused(tmp_path):
    file = tmp_path / "decisions.json"
    file.write_bytes(
        decisions(domains=[steward.DomainDecision(host="a.example", decision="approve", reason="asked", licence="mine", **WHO)])
    )
    with pytest.raises(
        RecipeError, match=r"domains: a.example: licence: expected an SPDX expression, got 'mine'; see https://spdx.org/licenses"
    ):
        from_dict(recipe(file))


def test_a_stated_licence_comes_before_what_is_detected(tmp_path):
    import pyarrow.compute as pc

    file = tmp_path / "decisions.json"
    made = [
        steward.DomainDecision(host="a.example", decision="approve", reason="letter", licence="cc-by-4.0", **WHO),
        steward.DomainDecision(host="c.example", decision="approve", reason="letter", **WHO),
    ]
    file.write_bytes(decisions(domains=made, documents=[]))
    declared, rights = stage.load("steward"), stage.load("license")
    texts = pa.array(["This work is licensed under CC BY-NC 4.0."] * 6, pa.large_string())
    columns = {"id": pa.array(IDS, pa.binary(16)), "url": pa.array(URLS, pa.string()), "text": texts, "headers": pa.nulls(6, HEADERS)}
    batch = pa.RecordBatch.from_pydict(columns)
    said = declared.measure(batch, declared.config(file=str(file)), "steward")
    batch = pa.RecordBatch.from_pydict(columns | said)
    config = rights.config(allow=["attribution"], min_confidence=0.5)
    measured = rights.measure(batch, config, "license")
    assert measured["license__spdx"].to_pylist() == ["CC-BY-4.0"] + ["CC-BY-NC-4.0"] * 5
    assert rights.judge(measured, config, "license")["license__drop"].to_pylist() == [None] + ["not_allowed"] * 5
    evidence = measured["license__evidence"][0].as_py()
    assert (evidence[0]["kind"], evidence[0]["spdx"], evidence[0]["locator"]) == ("steward", "CC-BY-4.0", "decision Ada, 2026-11-27")
    assert evidence[1]["kind"] == "prose"
    assert pc.sum(pc.equal(measured["license__confidence"], 1.0)).as_py() == 1


def test_a_file_without_scopes_is_read_as_before():
    plain = json.loads(decisions())
    for one in plain["domains"]:
        del one["scope"], one["licence"]
    assert [one.scope for one in steward.decode(json.dumps(plain).encode(), "d.json").domains] == [None] * 4


def recipe(file, name="web"):
    return {"name": name, "input": [{"uri": "x.jsonl"}], "steps": [{"length": {}}], "steward": str(file)}


def test_the_recipe_puts_it_first(tmp_path):
    file = tmp_path / "decisions.json"
    file.write_bytes(decisions())
    made = from_dict(recipe(file))
    assert [step.name for step in made.steps] == ["steward", "length"]
    from curate.recipe import to_yaml, yaml

    path = tmp_path / "recipe.yaml"
    path.write_text(to_yaml(made))
    from curate.recipe import load

    assert load(path) == made
    assert yaml.read(path).data["steps"][0] == {"steward": {"file": str(file)}}


def test_it_stands_under_its_own_name(tmp_path):
    file = tmp_path / "decisions.json"
    file.write_bytes(decisions())
    data = recipe(file) | {"steward": None, "steps": [{"steward": {"as": "desk", "file": str(file)}}]}
    with pytest.raises(
        RecipeError, match=r"steps\.desk: expected steward under its own name, got as: desk; later steps look for its columns"
    ):
        from_dict(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, r"steward\.file: expected a file of decisions, got .* \(.*No such file.*\); check the path"),
        (b"{}", r"steward\.file: .*expected decisions in format curate/decisions/1, got 'None'"),
        (
            decisions(run=(("recipe", "other"), ("manifest", "blake3:0"))),
            r"steward: expected decisions on a run of recipe web, got .*decisions.json on one of other; review this recipe's run",
        ),
    ],
)
def test_a_file_that_is_none_of_this_recipe_is_told(data, message, tmp_path):
    file = tmp_path / "decisions.json"
    if data is not None:
        plain = data.decode().replace('"run": [', '"run": [')
        if '"run": [' in plain:  # a mapping, written as such
            made = json.loads(plain)
            made["run"] = dict(made["run"])
            plain = json.dumps(made)
        file.write_text(plain)
    with pytest.raises(RecipeError, match=message):
        from_dict(recipe(file))
