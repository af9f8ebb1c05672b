"""What a run makes of `tokenizer:` in its recipe."""

import json

import pytest

import curate
from curate.errors import RecipeError
from curate.shards.reader import open_shards
from tests.tokenizer import reference
from tests.tokenizer.test_imports import tiktoken_file
from tests.tokenizer.texts import docstrings

TEXTS = [text for text in docstrings(100_000) if "<|" not in text][:60]


def recipe(folder, tokenizer):
    rows = [{"id": str(i), "url": f"https://a.example/{i}", "text": text} for i, text in enumerate(TEXTS)]
    (folder / "in.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    inputs = [{"uri": str(folder / "in.jsonl"), "source": "docs"}]
    return {"name": "r", "input": inputs, "steps": [{"cut": {}}], "tokenizer": tokenizer, "shards": {"tokens_per_shard": 10_000}}


def test_a_tiktoken_file_with_an_end_of_ones_own(tmp_path):
    transformers = pytest.importorskip("transformers")
    (tmp_path / "ours.tiktoken").write_bytes(tiktoken_file(reference.tokenizer_json(docstrings(100_000), "gpt4")))
    said = {"file": str(tmp_path / "ours.tiktoken"), "pattern": "gpt4", "special_tokens": {"<a>": 5000, "<stop>": 5001}, "end": "<stop>"}
    curate.run(recipe(tmp_path, said), output=tmp_path / "run", workers=1)
    loaded = transformers.AutoTokenizer.from_pretrained(str(tmp_path / "run" / "tokenizer"))
    assert (loaded.eos_token, loaded.eos_token_id) == ("<stop>", 5001)
    corpus = open_shards(tmp_path / "run" / "shards")
    assert corpus.meta.eos_id == 5001
    decoded = []
    for row in range(corpus.num_rows):
        tokens = corpus.row_tokens(row).tolist()
        assert tokens[0] == 5001
        decoded.append(loaded.decode(tokens[1:], clean_up_tokenization_spaces=False))
    assert sorted(decoded) == sorted(TEXTS)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(RecipeError, match=r"tokenizer.file: expected an existing file"):
        curate.run(recipe(tmp_path, {"file": str(tmp_path / "none.json")}), output=tmp_path / "run", workers=1)


def test_a_weight_of_a_column_that_is_not_there(tmp_path):
    with pytest.raises(RecipeError, match=r"tokenizer.weights.column: expected a column of documents, got tongue; there are"):
        curate.run(recipe(tmp_path, {"weights": {"column": "tongue", "values": {}}}), output=tmp_path / "run", workers=1)


def test_the_report_is_a_file_of_the_run_and_a_section_of_the_card(tmp_path):
    (tmp_path / "other.json").write_bytes(reference.tokenizer_json(docstrings(100_000), vocab_size=300))
    said = {"vocab_size": 700, "compare": [str(tmp_path / "other.json")], "compare_share": 0.5}
    curate.run(recipe(tmp_path, said) | {"limits": {"part_bytes": 8000}}, output=tmp_path / "run", workers=1)
    usage = json.loads((tmp_path / "run" / "tokenizer" / "usage.json").read_text())
    corpus = open_shards(tmp_path / "run" / "shards")
    assert usage["all"]["documents"] == len(TEXTS)
    assert usage["all"]["text_bytes"] == sum(len(text.encode()) for text in TEXTS)
    assert usage["all"]["tokens"] == corpus.num_tokens - len(TEXTS)
    assert usage["by_source"] == {"docs": usage["all"]}
    own, other = usage["compared"]
    assert 0 < own["documents"] == other["documents"] < len(TEXTS)
    assert own["tokens"] < other["tokens"]
    card = (tmp_path / "run" / "card" / "README.md").read_text()
    assert "## How the tokenizer falls on the text" in card
    assert f"| Latin | {usage['by_script']['Latin']['documents']} |" in card
    assert f"{own['documents']} documents" in card
