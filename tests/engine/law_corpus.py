"""A small corpus for the engine's laws: JSONL files with good documents, exact and near duplicates, short ones, broken lines."""

import json
import multiprocessing
import os
import random
from pathlib import Path

from curate import ledger
from curate.engine.corpus import make
from curate.engine.local import LocalEngine
from curate.recipe import from_dict
from curate.store import Store

FOLDERS = ("documents", "removed", "tokenizer", "shards", "card", "ledger.jsonl", "recipe.yaml")
"""What must be the same byte for byte."""

WORDS = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "he",
    "his",
    "but",
    "at",
    "are",
    "this",
    "have",
    "from",
    "or",
    "had",
    "an",
    "they",
    "which",
    "one",
    "you",
    "were",
    "all",
    "her",
    "she",
    "there",
    "would",
    "their",
    "we",
    "him",
    "been",
    "has",
    "when",
    "who",
    "will",
    "no",
    "more",
    "if",
    "out",
    "so",
    "up",
    "said",
    "what",
    "its",
    "about",
    "than",
    "into",
    "them",
    "can",
    "only",
    "other",
    "time",
    "new",
    "some",
    "could",
    "these",
    "two",
    "may",
    "first",
    "then",
    "do",
    "any",
    "like",
    "my",
    "now",
    "over",
    "such",
    "our",
    "man",
    "me",
    "even",
    "most",
    "made",
    "after",
    "also",
    "did",
    "many",
    "before",
    "must",
    "through",
]


def sentence(rng: random.Random) -> str:
    """A capitalised sentence of 6–14 words."""
    words = [rng.choice(WORDS) for _ in range(rng.randint(6, 14))]
    return " ".join(words).capitalize() + "."


def document(rng: random.Random, sentences: int) -> str:
    """Paragraphs of three sentences."""
    made = [sentence(rng) for _ in range(sentences)]
    return "\n\n".join(" ".join(made[i : i + 3]) for i in range(0, len(made), 3))


def texts(count: int, seed: int = 7) -> list[str]:
    """`count` documents: of every ten one repeats an earlier one, one differs from an earlier one in a word, one is very short."""
    rng = random.Random(seed)
    made: list[str] = []
    for number in range(count):
        kind = number % 10
        if kind == 7 and made:
            made.append(rng.choice(made))
        elif kind == 8 and made:
            words = rng.choice(made).split(" ")
            words[len(words) // 2] = "changed"
            made.append(" ".join(words))
        elif kind == 9:
            made.append("Too short.")
        else:
            made.append(document(rng, rng.randint(6, 30)))
    return made


def write(folder: Path, count: int = 240, files: int = 4, seed: int = 7) -> Path:
    """JSONL files in `folder`, each with one broken line and one line without a text."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"id": f"doc-{n}", "url": f"https://host{n % 5}.example/{n}", "text": text} for n, text in enumerate(texts(count, seed))]
    for number in range(files):
        lines = [json.dumps(row, ensure_ascii=False) for row in rows[number::files]]
        lines.insert(3, '{"id": "broken')
        lines.insert(5, json.dumps({"id": "no-text", "body": "x"}))
        (folder / f"part-{number}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def recipe(folder: Path, **changes: object) -> dict[str, object]:
    """A recipe over the corpus that uses stages, a cut, both dedup barriers, a tokenizer and shards."""
    base: dict[str, object] = {
        "name": "laws",
        "input": [{"uri": f"{folder}/*.jsonl", "source": "laws"}],
        "steps": [
            {"unicode": {}},
            {"cut": {}},
            {"gopher_quality": {"min_words": 20, "max_hashes": None}},
            {"exact_dedup": {}},
            {"near_dedup": {}},
        ],
        "tokenizer": {"vocab_size": 400},
        "shards": {"tokens_per_shard": 5000},
        "limits": {"part_bytes": 20_000},
    }
    return base | changes


def run_child(folder, output, failpoint=""):
    """Start a run in a child process (forked, so that compiled kernels are there already)."""

    def target():
        os.environ["CURATE_FAILPOINT"] = failpoint
        if failpoint:
            ledger.PUT_SHARE = float("inf")  # an edge is counted: each line is written by itself
        make(from_dict(recipe(folder)), Store(str(output)), LocalEngine(1))

    child = multiprocessing.get_context("fork").Process(target=target)
    child.start()
    return child
