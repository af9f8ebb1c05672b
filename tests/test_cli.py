"""The command line as a user meets it: help, exit codes, and what bad input is told."""

import gzip
import json
import re
import sys

import pytest

from curate.__main__ import app, main

VERBS = {"run", "plan", "review", "why", "list", "schema", "card", "clean", "diff", "export", "forget"}


@pytest.fixture
def curate(monkeypatch, capsys):
    """Call the command: (exit code, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["curate", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return call


def write_recipe(folder, uri, steps="[{unicode: {}}, {exact_dedup: {}}]", more=""):
    path = folder / "recipe.yaml"
    path.write_text(f"name: small\ninput:\n  - {{uri: '{uri}', source: s}}\nsteps: {steps}\n{more}", encoding="utf-8")
    return path


def write_jsonl(path, rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def small(tmp_path, curate):
    """A finished small run: its folder."""
    write_jsonl(tmp_path / "in.jsonl", [{"url": f"https://x.example/{n % 5}", "text": f"text {n % 5}"} for n in range(8)])
    recipe = write_recipe(tmp_path, tmp_path / "in.jsonl")
    code, _, err = curate("run", recipe, "--output", tmp_path / "out", "--workers", 1)
    assert code == 0, err
    return tmp_path / "out"


def test_the_verbs_are_these_and_each_has_help_with_an_example(curate):
    assert {command.name or command.callback.__name__ for command in app.registered_commands} == VERBS
    for verb in VERBS:
        code, out, _ = curate(verb, "--help")
        assert code == 0
        assert f"Example: curate {verb}" in out


def test_a_run_ends_with_its_books(tmp_path, curate):
    write_jsonl(tmp_path / "in.jsonl", [{"id": "1", "text": "a b c"}, {"id": "2", "text": "a b c"}, '{"text"', {"body": "x"}])
    code, out, err = curate("run", write_recipe(tmp_path, tmp_path / "in.jsonl"), "--output", tmp_path / "out", "--workers", 1)
    assert code == 0, err
    assert "4 records = 2 documents + 0 skipped (none) + 2 read errors" in out
    assert "kept 1 of 2 documents (50.0%)" in out
    assert "duplicate 1" in out, out


def test_a_run_that_keeps_nothing_is_valid_and_says_so(tmp_path, curate):
    write_jsonl(tmp_path / "in.jsonl", [])
    recipe = write_recipe(tmp_path, tmp_path / "in.jsonl", more="tokenizer: {vocab_size: 300}\nshards: {}\n")
    code, out, err = curate("run", recipe, "--output", tmp_path / "out", "--workers", 1)
    assert code == 3, err
    assert "this run kept no document: see removed/ for the reasons" in err
    assert "0 records = 0 documents" in out
    import curate as api

    run = api.open(tmp_path / "out")
    assert run.documents().count_rows() == 0
    assert "unicode__edits" in run.documents().schema.names
    assert "removed_by" in run.removed().schema.names
    from curate.shards.reader import open_shards

    assert open_shards(tmp_path / "out" / "shards").num_tokens == 0
    assert "no document" in (tmp_path / "out" / "card" / "README.md").read_text().lower()


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("nowhere.jsonl", "source error: input .*nowhere.jsonl: expected a file"),
        ("nowhere/*.jsonl", "source error: input .*: expected"),
    ],
)
def test_an_input_that_is_not_there(tmp_path, curate, uri, said):
    code, _, err = curate("run", write_recipe(tmp_path, tmp_path / uri), "--output", tmp_path / "out", "--workers", 1)
    assert code == 2
    assert re.search(said, err), err


def test_a_recipe_error_names_file_line_field_and_the_nearest_name(tmp_path, curate):
    write_jsonl(tmp_path / "in.jsonl", [{"text": "x"}])
    code, _, err = curate("run", write_recipe(tmp_path, tmp_path / "in.jsonl", steps="[{unicod: {}}]"), "--output", tmp_path / "out")
    assert code == 2
    assert "recipe.yaml:4" in err
    assert "did you mean unicode?" in err
    assert not (tmp_path / "out").exists(), "nothing is written before the recipe is sound"


def test_invalid_utf8_and_awkward_lines_lose_nothing(tmp_path, curate):
    (tmp_path / "in.jsonl").write_bytes(b'{"text": "caf\xe9"}\n\n{"text": ""}\n{"text": "ok"}\n[1]\n{"text": 5}\nnull\n')
    code, _, err = curate("run", write_recipe(tmp_path, tmp_path / "in.jsonl"), "--output", tmp_path / "out", "--workers", 1)
    assert code == 0, err
    import curate as api

    run = api.open(tmp_path / "out")
    ledger = [json.loads(line) for line in (tmp_path / "out" / "ledger.jsonl").read_text().splitlines()]
    first = next(line for line in ledger if line["task"].startswith("segment0"))
    assert first["records"] == first["documents"] + sum(first["skipped"].values()) + first["read_errors"]
    assert first["read_errors"] >= 3
    errors = run.removed().to_table().to_pylist()
    assert all(row["origin"]["container"] == "in.jsonl" and row["value"] for row in errors)


def test_a_truncated_gzip_gives_its_good_part_and_one_error(tmp_path, curate):
    lines = "".join(json.dumps({"text": f"document {n} " + "x" * 500}) + "\n" for n in range(2000))
    packed = gzip.compress(lines.encode(), mtime=0)
    (tmp_path / "in.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    code, out, err = curate("run", write_recipe(tmp_path, tmp_path / "in.jsonl.gz"), "--output", tmp_path / "out", "--workers", 1)
    assert code == 0, err
    assert "+ 1 read errors" in out


@pytest.mark.slow
def test_a_document_of_100_megabytes(tmp_path, curate):
    sentence = "The quick brown fox jumps over the lazy dog and goes on. "
    write_jsonl(tmp_path / "in.jsonl", [{"text": "small"}, {"text": sentence * (100_000_000 // len(sentence))}, {"text": "also small"}])
    recipe = write_recipe(tmp_path, tmp_path / "in.jsonl", steps="[{unicode: {}}, {exact_dedup: {}}]")
    code, out, err = curate("run", recipe, "--output", tmp_path / "out", "--workers", 1)
    assert code == 0, err
    assert "kept 3 of 3 documents" in out
    code, out, err = curate("run", recipe, "--output", tmp_path / "out", "--workers", 1, "--set", "limits.document_bytes=50_000_000")
    assert code == 0, err
    assert "+ 1 read errors" in out, "a limit makes it a counted error"


def test_the_folder_of_another_recipe_is_refused(small, tmp_path, curate):
    recipe = write_recipe(tmp_path, tmp_path / "in.jsonl")
    recipe.write_text(recipe.read_text().replace("name: small", "name: other"))
    code, _, err = curate("run", recipe, "--output", small, "--workers", 1)
    assert code == 2
    assert "expected a folder of recipe other, got one of recipe small; choose another --output" in err


def test_an_output_that_cannot_be_written(small, tmp_path, curate):
    code, _, err = curate("run", tmp_path / "recipe.yaml", "--output", tmp_path / "in.jsonl" / "x", "--workers", 1)
    assert code == 2
    assert "expected a writable location" in err


def test_a_tokenizer_that_is_none(tmp_path, curate):
    write_jsonl(tmp_path / "in.jsonl", [{"text": "x"}])
    (tmp_path / "tokenizer.json").write_text('{"no": "tokenizer"}')
    recipe = write_recipe(tmp_path, tmp_path / "in.jsonl", more=f"tokenizer: {{file: '{tmp_path}/tokenizer.json'}}\nshards: {{}}\n")
    code, _, err = curate("run", recipe, "--output", tmp_path / "out", "--workers", 1)
    assert code == 2
    assert "tokenizer" in err
    assert "expected" in err


def test_plan_says_what_is_done_and_what_is_not(small, tmp_path, curate):
    code, out, _ = curate("plan", tmp_path / "recipe.yaml", "--output", tmp_path / "fresh")
    assert code == 0
    assert "read → unicode: 1 tasks, to run" in out
    assert not (tmp_path / "fresh").exists(), "a plan writes nothing"
    code, out, _ = curate("plan", tmp_path / "recipe.yaml", "--output", small)
    assert "read → unicode: 1 tasks, done" in out
    assert "all documents are settled" in out


def test_why_tells_of_kept_and_removed(small, curate):
    code, out, _ = curate("why", small, "https://x.example/1")
    assert code == 0
    assert "exact_dedup" in out
    code, out, _ = curate("why", small, "https://x.example/1", "--json")
    assert json.loads(out)["hits"]
    code, _, err = curate("why", small, "https://x.example/none")
    assert code == 2
    assert "https://x.example/none" in err


def test_clean_empties_work_and_keeps_the_corpus(small, tmp_path, curate):
    code, out, _ = curate("clean", small)
    assert code == 0
    assert "freed" in out
    assert not (small / "work").exists()
    before = (small / "documents" / "manifest.json").read_bytes()
    code, _, err = curate("run", tmp_path / "recipe.yaml", "--output", small, "--workers", 1)
    assert code == 0, err
    assert (small / "documents" / "manifest.json").read_bytes() == before
    code, _, err = curate("clean", tmp_path)
    assert code == 2
    assert "nothing was removed" in err


def test_list_and_schema(curate):
    code, out, _ = curate("list")
    assert code == 0
    assert "near_dedup" in out
    code, _, err = curate("list", "near_dedupe")
    assert code == 2
    assert "near_dedup" in err
    code, out, _ = curate("schema")
    assert json.loads(out)["$schema"]


def test_card_can_be_written_again(small, curate):
    first = (small / "card" / "README.md").read_bytes()
    (small / "card" / "README.md").unlink()
    assert curate("card", small)[0] == 0
    assert (small / "card" / "README.md").read_bytes() == first
