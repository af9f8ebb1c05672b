"""A finished small run with licences, a trained tokenizer and several shards, for tests of what is done with shards afterwards."""

import json
import random

from engine.law_corpus import document

from curate.api import run

LICENSES = ("CC-BY-4.0", "CC0-1.0", "MIT", None)
NUM = 60


def write(folder, **changes):
    """Run it in `folder`; returns the run's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(3)
    for source in ("one", "two"):
        rows = [
            {
                "id": f"{source}-{n}",
                "url": f"https://www.host{n % 5}.example/{source}/{n}",
                "text": document(rng, rng.randint(3, 12)) + " ✓ ü <|endoftext|>",
                "license": LICENSES[n % 4],
                "title": f"Title {n} | of {source}",
                "author": f"Author {n}",
            }
            for n in range(NUM // 2)
        ]
        (folder / f"{source}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields = {"title": "title", "author": "author"}
    recipe = {
        "name": "small",
        "input": [{"uri": str(folder / f"{source}.jsonl"), "source": source, "fields": fields} for source in ("one", "two")],
        "steps": [{"license": {}}],
        "tokenizer": {"vocab_size": 320},
        "shards": {"tokens_per_shard": 4000},
        "limits": {"part_bytes": 20_000},
    }
    run(recipe | changes, output=folder / "run", workers=1)
    return folder / "run"


def again(folder, **changes):
    """Run the recipe again into the same folder."""
    return write(folder, **changes)
