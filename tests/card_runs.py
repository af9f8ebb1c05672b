"""A small input whose counts are known without a run, and the runs that the tests of card and `why` look at.

Of the documents some are German, some are noise that no language fits, some repeat an earlier text, one line stands twice, and lines are
broken. Names of the source, licences and URLs hold what a crawl may hold.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = "shop|<b>window</b>"
ENGLISH = "the harbour was quiet in the early morning and the boats came back with nets full of fish while people waited along the wall"
GERMAN = "der hafen war am frühen morgen still und die boote kamen mit vollen netzen zurück während die leute an der mauer warteten"
LICENSES = ("CC-BY-4.0", "CC0-1.0", None, "All rights reserved, ask <us> | first")
HOSTS = ("a.example", "b.example.org", "shop.co.uk", "<script>alert(1)</script>.test")
NOISE = "qzx"


@dataclass(frozen=True)
class Line:
    """One document of the input."""

    number: int
    text: str
    language: str
    url: str
    license: str | None
    year: int
    repeats: int | None
    """Number of the line whose text it repeats."""


def lines(count: int = 120, seed: int = 3) -> list[Line]:
    """Every sixth repeats an earlier text, every fifth is German, every twentieth is noise."""
    rng = random.Random(seed)
    made: list[Line] = []
    for number in range(count):
        language = "noise" if number % 20 == 19 else "de" if number % 5 == 2 else "en"
        repeats = None
        if number % 6 == 5 and language == "en":
            wanted = "noise" if number % 30 == 29 else "en"  # so that some copies are of a text that a later step removes
            first = rng.choice([line for line in made if line.language == wanted])
            text, language = first.text, first.language
            repeats = first.number if first.repeats is None else first.repeats
        elif language == "noise":
            text = " ".join(f"{NOISE}{rng.randint(0, 9)}" for _ in range(rng.randint(1, 40)))
        else:
            words = (GERMAN if language == "de" else ENGLISH).split()
            text = " ".join(rng.choice(words) for _ in range(rng.randint(30, 120))) + "."
        url = f"https://{HOSTS[number % len(HOSTS)]}/page/{number}"
        made.append(Line(number, text, language, url, LICENSES[number % len(LICENSES)], 2015 + number % 4, repeats))
    return made


def write_input(folder: Path, files: int = 3) -> Path:
    """`files` JSONL files; the first line stands in the first file twice, and each file has one broken line."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "id": f"doc-{line.number}",
            "url": line.url,
            "text": line.text,
            "license": line.license,
            "fetched_at": f"{line.year}-05-04T03:02:01Z",
        }
        for line in lines()
    ]
    for number in range(files):
        written = [json.dumps(row, ensure_ascii=False) for row in rows[number::files]]
        if number == 0:
            written.append(written[0])
        written.insert(2, '{"id": "broken')
        (folder / f"part-{number}.jsonl").write_text("\n".join(written) + "\n", encoding="utf-8")
    return folder


def recipe(folder: Path | str, **changes: Any) -> dict[str, Any]:
    """Duplicates leave first, then languages, so that copies of noise are orphans; no tokens."""
    base: dict[str, Any] = {
        "name": "harbour",
        "input": [{"uri": f"{folder}/*.jsonl", "source": SOURCE}],
        "steps": [
            {"unicode": {}},
            {"license": {}},
            {"exact_dedup": {}},
            {"language": {"as": "tongue", "keep": ["en", "de"], "min_score": 0.5}},
        ],
        "accept_orphans": True,
        "limits": {"part_bytes": 8000, "row_group_rows": 16},
    }
    return base | changes


BOUNDARY = 256
ROW_TOKENS = 300
"""So few that some documents are several rows."""


def add_shards(root: Path, num_shards: int = 2) -> None:
    """`shards/` for a finished run whose tokens are the bytes of the texts after a boundary token; nothing has to be trained for it."""
    import curate
    from curate.shards import format as layout
    from curate.shards.index import write_doc_index
    from curate.shards.manifest import build_manifest, write_manifest

    documents = curate.open(root).documents().to_table(columns=["id", "source", "text", "license__spdx"]).to_pylist()
    documents.sort(key=lambda row: row["id"])
    meta = layout.ShardMeta(
        vocab_size=BOUNDARY + 1,
        eos_id=BOUNDARY,
        tokenizer_fingerprint="sha256:" + "0" * 64,
        tokenizer_probe_hash="none",
        sources=tuple(sorted({row["source"] for row in documents})),
        licenses=tuple(sorted({row["license__spdx"] for row in documents})),
        containers=("c",),
    )
    folder = root / "shards"
    folder.mkdir()
    stats, ids = [], []
    for number in range(num_shards):
        table = _shard(documents[number::num_shards], meta)
        ids.append(table["doc_id"].combine_chunks())
        with (folder / layout.shard_name(number)).open("wb") as sink:
            stats.append(layout.write_shard(sink, table, meta))
    with (folder / layout.INDEX).open("wb") as sink:
        index = write_doc_index(sink, ids)
    with (folder / layout.MANIFEST).open("wb") as sink:
        write_manifest(sink, build_manifest(meta, stats, index))


def _shard(documents: Sequence[dict[str, Any]], meta: Any) -> Any:
    """The rows of one shard, long documents in pieces."""
    import numpy as np
    import pyarrow as pa

    from curate.shards import format as layout

    encoded = [[BOUNDARY, *row["text"].encode()] for row in documents]
    offsets = np.cumsum([0, *map(len, encoded)])
    document, piece, pieces, ends = layout.split_rows(offsets, ROW_TOKENS)
    rows = [documents[i] for i in document]
    tokens = pa.array([token for one in encoded for token in one], meta.token_type)
    columns = {
        "tokens": pa.LargeListArray.from_arrays(pa.array(ends), tokens),
        "doc_id": pa.array([row["id"] for row in rows], pa.binary(16)),
        "n_bytes": [len(row["text"].encode()) if at == 0 else 0 for row, at in zip(rows, piece, strict=True)],
        "source": [meta.sources.index(row["source"]) for row in rows],
        "license": [meta.licenses.index(row["license__spdx"]) for row in rows],
        "src_container": [0] * len(rows),
        "src_offset": [0] * len(rows),
        "piece": piece,
        "pieces": pieces,
        "repeats": [1] * len(piece),
        "split": [0] * len(piece),
    }
    schema = layout.shard_schema(meta)
    arrays = [columns[f.name] if isinstance(columns[f.name], pa.Array) else pa.array(columns[f.name], f.type) for f in schema]
    return pa.Table.from_arrays([array.cast(f.type) for array, f in zip(arrays, schema, strict=True)], names=schema.names)


def run(folder: Path, made_recipe: dict[str, Any]) -> Path:
    """Run it into a folder, in this process."""
    from curate import api

    api.run(made_recipe, output=folder, workers=1)
    return folder
