"""The facts against counts made from the input itself, their sameness, and what they refuse."""

import json
import re
import shutil
from collections import Counter

import card_runs
import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from curate import api
from curate.card import content, facts, manifest
from curate.errors import LedgerError, ShardError, StoreError
from curate.shards.reader import open_shards
from curate.store import Store


@pytest.fixture(scope="module")
def found(finished):
    return facts.compute(finished)


@pytest.fixture(scope="module")
def expected():
    """What the recipe must make of the input: the lines that stay, and the firsts of equal texts."""
    lines = card_runs.lines()
    groups = Counter(line.text for line in lines)
    return lines, groups


def kept_texts(groups):
    return [text for text in groups if not text.startswith(card_runs.NOISE)]


def test_records_documents_and_errors_are_those_of_the_input(found, expected):
    lines, _ = expected
    assert found["read"] == {
        "records": len(lines) + 1 + 3,
        "documents": len(lines) + 1,
        "skipped": {},
        "errors": 3,
        "text_bytes": sum(len(line.text.encode()) for line in [*lines, lines[0]]),
    }


def test_every_reason_has_its_documents_and_bytes(found, expected):
    lines, groups = expected
    copies = [line for line in lines if line.repeats is not None]
    noise = [text for text in groups if text.startswith(card_runs.NOISE)]
    by_step = {step["step"]: step for step in found["steps"]}
    assert [step["step"] for step in found["steps"]] == ["unicode", "license", "read", "exact_dedup", "tongue"]
    assert by_step["read"]["removed"] == {"same_record": {"documents": 1, "text_bytes": len(lines[0].text.encode())}}
    duplicate = {"documents": len(copies), "text_bytes": sum(len(line.text.encode()) for line in copies)}
    assert by_step["exact_dedup"]["removed"] == {"duplicate": duplicate}
    assert sum(reason["documents"] for reason in by_step["tongue"]["removed"].values()) == len(noise)
    assert sum(reason["text_bytes"] for reason in by_step["tongue"]["removed"].values()) == sum(len(text.encode()) for text in noise)
    assert by_step["tongue"]["uses"] == "language"
    assert by_step["tongue"]["rules"]["wrong_language"] == "label not in [en, de]"


def test_the_flow_runs_from_what_was_read_to_what_was_kept(found, expected):
    _, groups = expected
    for before, after in zip(found["steps"], found["steps"][1:], strict=False):
        assert (before["documents_out"], before["text_bytes_out"]) == (after["documents_in"], after["text_bytes_in"])
    assert found["steps"][0]["documents_in"] == found["read"]["documents"]
    assert found["steps"][-1]["documents_out"] == found["kept"]["documents"] == len(kept_texts(groups))
    assert found["kept"]["text_bytes"] == sum(len(text.encode()) for text in kept_texts(groups))
    assert found["removed"]["documents"] == found["read"]["documents"] - found["kept"]["documents"]
    assert found["removed"]["by_source"] == {card_runs.SOURCE: found["removed"]["documents"]}


def test_contents_are_those_of_the_kept_rows(found, finished):
    rows = api.open(finished.root).documents().to_table().to_pylist()
    wanted = {
        "languages": Counter(row["tongue__label"] for row in rows),
        "licenses": Counter(row["license__spdx"] for row in rows),
        "license_classes": Counter(row["license__class"] for row in rows),
        "domains": Counter(row["domain"] for row in rows),
        "sources": Counter(row["source"] for row in rows),
        "years": Counter(row["fetched_at"].year for row in rows),
    }
    for name, counts in wanted.items():
        assert {entry["value"]: entry["documents"] for entry in found["content"][name]["top"]} == counts, name
        assert (found["content"][name]["distinct"], found["content"][name]["missing"]) == (len(counts), 0), name
    lengths = sorted(len(row["text"].encode()) for row in rows)
    spread = found["content"]["text_bytes_per_document"]
    assert (spread["min"], spread["max"]) == (lengths[0], lengths[-1])
    assert spread["p50"] == lengths[-(-len(lengths) // 2) - 1]
    assert set(wanted["languages"]) == {"en", "de"}
    assert wanted["license_classes"]["attribution"] > 0


def test_labels_are_text_measures_with_few_values(found, finished, monkeypatch):
    rows = api.open(finished.root).documents().to_table().to_pylist()
    labels = {(one["step"], one["measure"]): one for one in found["content"]["labels"]}
    judged = Counter(row["license__judged"] for row in rows)
    assert {one["value"]: one["documents"] for one in labels["license", "judged"]["top"]} == {
        k: n for k, n in judged.items() if k is not None
    }
    assert ("license", "spdx") not in labels  # has a table of its own
    monkeypatch.setattr(content, "MAX_LABELS", len(judged) - 1)
    assert ("license", "judged") not in {(one["step"], one["measure"]) for one in facts.compute(finished)["content"]["labels"]}


def test_copies_and_orphans(found, expected):
    lines, groups = expected
    copies = [line for line in lines if line.repeats is not None]
    groups_of_copies = Counter(line.text for line in copies)
    assert found["duplicates"] == [
        {
            "step": "exact_dedup",
            "removed": len(copies),
            "clusters": len(groups_of_copies),
            "largest_cluster": max(groups.values()),
        }
    ]
    orphans = sum(line.text.startswith(card_runs.NOISE) for line in copies)
    assert orphans > 0
    assert found["orphans"] == orphans


def test_tokens_and_lengths_are_those_of_the_shards(tokenized, found):
    made = facts.compute(tokenized)
    corpus = open_shards(f"{tokenized.root}/shards")
    tokens = made["tokens"]
    texts = api.open(tokenized.root).documents().to_table(columns=["text"])["text"].to_pylist()
    lengths = sorted(1 + len(text.encode()) for text in texts)
    assert corpus.num_rows > len(texts)  # some documents are cut into pieces
    assert tokens["tokens"] == corpus.num_tokens == sum(lengths)
    assert (tokens["shards"], tokens["documents"]) == (2, len(texts))
    assert tokens["corpus_id"] == corpus.corpus_id
    assert sum(tokens["by_license"].values()) == sum(tokens["by_source"].values()) == tokens["tokens"]
    assert set(tokens["by_license"]) == {entry["value"] for entry in made["content"]["licenses"]["top"]}
    assert tokens["bytes_per_token"] == round(made["kept"]["text_bytes"] / tokens["tokens"], 4)
    assert tokens["tokenizer"]["trained_here"] is True
    assert made["content"]["tokens_per_document"]["max"] == lengths[-1]
    assert made["content"]["tokens_per_document"]["p25"] == lengths[-(-len(lengths) // 4) - 1]
    # numbers in the shards and texts in the tables must tell the same
    assert made["content"]["text_bytes_per_document"] == found["content"]["text_bytes_per_document"]
    assert {k: without_tokens(v) for k, v in made["content"].items() if k != "tokens_per_document"} == found["content"]
    for name in ("sources", "licenses", "domains", "years", "mimes"):
        counted = made["content"][name]
        if not counted["missing"]:
            assert sum(one["tokens"] for one in counted["top"]) == tokens["tokens"], name
            assert sum(one["text_bytes"] for one in counted["top"]) == made["kept"]["text_bytes"], name
    assert {one["value"]: one["tokens"] for one in made["content"]["licenses"]["top"]} == tokens["by_license"]


def without_tokens(fact):
    """A table of values as a run without shards has it."""
    if not isinstance(fact, dict) or "top" not in fact:
        return fact
    lists = {name: [{k: v for k, v in one.items() if k != "tokens"} for one in fact[name]] for name in ("top", "largest") if name in fact}
    return fact | lists


def test_the_facts_have_the_form_of_the_manifest(found):
    schema = manifest.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found | {"kept": found["kept"] | {"documents": -1}}, schema)
    with pytest.raises(ValidationError):
        manifest.checked(found | {"more": 1})


def test_text_of_values_is_that_of_their_rows(found, finished):
    rows = api.open(finished.root).documents().to_table().to_pylist()
    bytes_by_domain = Counter()
    for row in rows:
        bytes_by_domain[row["domain"]] += len(row["text"].encode())
    domains = found["content"]["domains"]
    assert {one["value"]: one["text_bytes"] for one in domains["top"]} == bytes_by_domain
    assert [one["text_bytes"] for one in domains["largest"]] == sorted(bytes_by_domain.values(), reverse=True)
    days = sorted(row["fetched_at"].date().isoformat() for row in rows)
    assert found["content"]["fetched"] == [days[0], days[-1]]
    assert found["content"]["over_http"] == 0
    assert found["columns"][0] == {"name": "id", "type": "fixed_size_binary[16]"}


def test_the_same_run_gives_the_same_bytes(finished, found):
    def dumped(value):
        return json.dumps(value, sort_keys=True)

    assert dumped(facts.compute(finished)) == dumped(found)
    assert facts.load(finished) == found


@pytest.mark.parametrize(("part_bytes", "group_rows"), [(2_000, 3), (1 << 20, 1000)])
def test_other_parts_give_the_same_facts(part_bytes, group_rows, pages, found, tmp_path):
    limits = {"part_bytes": part_bytes, "row_group_rows": group_rows, "file_rows": 40}
    other = facts.compute(Store(str(card_runs.run(tmp_path, card_runs.recipe(pages, limits=limits)))))
    assert {k: v for k, v in other.items() if k != "files"} == {k: v for k, v in found.items() if k != "files"}


def test_another_order_of_inputs_gives_the_same_facts(pages, tmp_path):
    uris = [str(file) for file in sorted(pages.glob("*.jsonl"))]
    made = []
    for number, order in enumerate((uris, uris[::-1])):
        recipe = card_runs.recipe(pages, input=[{"uri": uri, "source": card_runs.SOURCE} for uri in order])
        made.append(facts.compute(Store(str(card_runs.run(tmp_path / str(number), recipe)))))
    assert {k: v for k, v in made[0].items() if k != "files"} == {k: v for k, v in made[1].items() if k != "files"}


def test_a_threshold_changes_the_recipe_s_digest_and_a_title_does_not(pages, found, tmp_path):
    titled = card_runs.recipe(pages, card={"title": "Harbour", "license": "ODC-By-1.0"})
    same = facts.compute(Store(str(card_runs.run(tmp_path, titled))))
    assert same["recipe"]["digest"] == found["recipe"]["digest"]
    assert same["people"]["said"] == {"title": "Harbour", "license": "ODC-By-1.0"}
    titled["steps"][-1]["language"]["min_score"] = 0.6
    other = facts.compute(Store(str(card_runs.run(tmp_path, titled))))
    assert other["recipe"]["digest"] != found["recipe"]["digest"]


def test_no_path_time_or_host_enters(pages, tmp_path, monkeypatch):
    import socket

    monkeypatch.chdir(pages)
    recipe = card_runs.recipe(pages, input=[{"uri": "*.jsonl", "source": "s"}])
    text = json.dumps(facts.compute(Store(str(card_runs.run(tmp_path / "out", recipe)))))
    assert str(tmp_path) not in text
    assert str(pages) not in text
    assert socket.gethostname() not in text
    assert not re.search(r"\d\d:\d\d:\d\d", text)


@pytest.mark.parametrize("steps", [[{"language": {"keep": ["fi"]}}], [{"exact_dedup": {}}, {"language": {"keep": ["fi"]}}]])
def test_a_run_that_kept_nothing_has_facts(steps, pages, tmp_path):
    made = facts.compute(Store(str(card_runs.run(tmp_path, card_runs.recipe(pages, steps=steps)))))
    assert made["kept"]["documents"] == 0
    assert made["content"]["languages"] == {"distinct": 0, "missing": 0, "top": []}
    assert made["content"]["text_bytes_per_document"] == {}
    assert made["removed"]["documents"] == made["read"]["documents"]
    assert made["orphans"] == sum(one["removed"] for one in made["duplicates"])


def test_a_folder_that_is_no_run_is_refused(tmp_path, finished, copy):
    with pytest.raises(StoreError, match=r"expected the folder of a finished run, got no recipe\.yaml; make or finish it"):
        facts.compute(Store(str(tmp_path / "nothing")))
    going = copy(finished)
    going.write("ledger/segment0-abc.json", b"{}")
    with pytest.raises(StoreError, match="got a journal of 1 tasks in ledger/; make or finish it with `curate run`"):
        facts.compute(going)


def test_a_removed_row_that_is_gone_is_told(finished, copy):
    damaged = copy(finished)
    manifest = damaged.read_json("removed/manifest.json")
    path = f"{damaged.root}/removed/{manifest['files'][0]['path']}"
    table = pq.read_table(path)
    reasons = table["removed_by"].to_pylist()
    row = reasons.index("exact_dedup:duplicate")
    at = table.schema.get_field_index("removed_by")
    reasons[row] = "tongue:low_score"
    pq.write_table(table.set_column(at, table.schema.field(at), pa.array(reasons, pa.string())), path)
    with pytest.raises(LedgerError, match=r"expected \d+ rows of exact_dedup:duplicate as in ledger.jsonl, got \d+; run the recipe again"):
        facts.compute(damaged)


@pytest.mark.parametrize("folder", ["documents", "removed"])
@pytest.mark.parametrize("cut", [1000, 0])
def test_a_part_that_was_cut_short_is_told(cut, folder, finished, copy):
    damaged = copy(finished)
    path = f"{folder}/{damaged.read_json(f'{folder}/manifest.json')['files'][0]['path']}"
    damaged.write(path, damaged.read(path)[:cut])
    with pytest.raises(StoreError, match=rf"{path}: expected Parquet with \d+ rows as in its manifest, got .*; delete it"):
        facts.compute(damaged)


def test_a_part_of_another_run_is_told(finished, copy):
    damaged = copy(finished)
    path = f"{damaged.root}/documents/{damaged.read_json('documents/manifest.json')['files'][0]['path']}"
    pq.write_table(pq.read_table(path).slice(1), path)
    with pytest.raises(StoreError, match=r"expected Parquet with (\d+) rows as in its manifest, got \d+ rows"):
        facts.compute(damaged)


def test_books_that_do_not_fit_are_told(finished, copy):
    damaged = copy(finished)
    ledger = damaged.read("ledger.jsonl").decode().splitlines()
    damaged.write("ledger.jsonl", ("\n".join(ledger[1:]) + "\n").encode())
    with pytest.raises(LedgerError, match="expected one segment to keep what the next reads"):
        facts.compute(damaged)
    damaged.write("ledger.jsonl", b'{"task": "segment0-\n')
    with pytest.raises(LedgerError, match=r"ledger\.jsonl:1: expected a ledger line, got"):
        facts.compute(damaged)
    damaged.write("ledger.jsonl", b"")
    with pytest.raises(StoreError, match=r"got no line of a segment in ledger\.jsonl"):
        facts.compute(damaged)


def test_a_recipe_of_another_run_is_told(finished, copy):
    damaged = copy(finished)
    damaged.write("recipe.yaml", damaged.read("recipe.yaml").replace(b"as: tongue", b"as: speech"))
    with pytest.raises(LedgerError, match=r"expected the steps of ledger\.jsonl, got none called tongue"):
        facts.compute(damaged)
    damaged.write("recipe.yaml", b"- 1\n")
    with pytest.raises(StoreError, match=r"recipe\.yaml: expected a recipe as run, got \[1\]"):
        facts.compute(damaged)


def test_shards_that_do_not_fit_are_told(tokenized, finished, copy):
    damaged = copy(tokenized)
    manifest = damaged.read_json("shards/manifest.json")
    manifest["totals"]["tokens"] += 1
    damaged.write_json("shards/manifest.json", manifest)
    with pytest.raises(ShardError, match="expected corpus_id sha256:"):
        facts.compute(damaged)
    shutil.copyfile(f"{finished.root}/documents/manifest.json", f"{damaged.root}/documents/manifest.json")
    damaged.write("shards/manifest.json", tokenized.read("shards/manifest.json"))
    path = f"shards/{manifest['shards'][0]['path']}"
    damaged.write(path, damaged.read(path)[:100])
    with pytest.raises(ShardError, match=r"shard-00000\.arrow: expected an Arrow IPC file, got"):
        facts.compute(damaged)


def test_the_api_reads_the_same_facts(finished, found):
    assert api.open(finished.root).facts == found
