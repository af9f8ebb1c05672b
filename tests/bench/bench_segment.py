"""MB of text a second and core: `segment` against the splitters that people use, on the same long documents.

`python -m tests.bench.bench_segment [--megabytes 8] [FOLDER]`; FOLDER holds extract-wcxb-dev, whose page texts are joined to documents of about 200 kB;
without it documents are made. Peers where they are installed (pip install semantic-text-splitter langchain-text-splitters): RecursiveCharacterTextSplitter
of langchain, TextSplitter and MarkdownSplitter of semantic-text-splitter. CPU seconds of one process, rounds interleaved, best of three; peers read
a sixteenth of the documents.
"""

import argparse
import json
import random
import time
from pathlib import Path

import pyarrow as pa
import zstandard

from curate.stages.segment import Config, segment

DOCUMENT = 200_000


def texts(folder):
    """Texts of pages, or made ones: 2 to 12 sentences a paragraph, 30 to 200 characters a sentence."""
    path = folder / "extract-wcxb-dev" / "truth.jsonl.zst"
    if path.is_file():
        with zstandard.open(path, "rt", encoding="utf-8") as file:
            yield from (row["text"] for row in map(json.loads, file) if row.get("text"))
        return
    draw = random.Random(0)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randrange(1, 11))) for _ in range(5000)]
    for _ in range(2000):
        sentences = (" ".join(draw.choices(words, k=draw.randrange(5, 30))).capitalize() + "." for _ in range(draw.randrange(20, 80)))
        yield "".join(sentence + ("\n\n" if draw.random() < 0.2 else " ") for sentence in sentences)


def documents(folder, size):
    """Long documents in Markdown of about `size` characters in all."""
    made, open_, total = [], "", 0
    while total < size:
        for number, text in enumerate(texts(folder)):
            open_ += f"# Part {number}\n\n{text}\n\n"
            if len(open_) >= DOCUMENT:
                made.append(open_)
                total, open_ = total + len(open_), ""
            if total >= size:
                break
    return made


def peers(max_chars, at):
    """(name, function of a text) of the splitters that are installed."""
    try:
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        signs = ["\n# ", "\n\n", "\n", ". ", " ", ""] if at == "heading" else ["\n\n", "\n", ". ", " ", ""]
        yield "langchain", RecursiveCharacterTextSplitter(signs, chunk_size=max_chars, chunk_overlap=0).split_text
    except ImportError:
        pass
    try:
        import semantic_text_splitter as rust

        kind = rust.MarkdownSplitter if at == "heading" else rust.TextSplitter
        yield "semantic-text-splitter", kind(max_chars).chunk_indices
    except ImportError:
        pass


def timed(run):
    start = time.process_time()
    run()
    return time.process_time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parents[3] / "shared" / "data")
    options = parser.parse_args()
    made = documents(options.folder, options.megabytes * 1e6)
    column = pa.record_batch({"text": pa.array(made, pa.large_string())})
    size, few = sum(len(text.encode()) for text in made), made[::16]
    share = sum(len(text.encode()) for text in few)
    print(f"{len(made)} documents, {size / 1e6:.1f} MB")
    for max_chars in (20_000, 2_000, 200):
        for at in ("paragraph", "heading"):
            config, best = Config(max_chars=max_chars, at=at), {}
            counts = segment.measure(column, config, "segment")["segment__spans"]
            for _ in range(3):
                spent = {"segment": size / timed(lambda config=config: segment.measure(column, config, "segment"))}
                for name, split in peers(max_chars, at):
                    spent[name] = share / timed(lambda split=split: [split(text) for text in few])
                best = {name: max(rate, best.get(name, 0)) for name, rate in spent.items()}
            told = ", ".join(f"{name} {rate / 1e6:,.1f}" for name, rate in best.items())
            print(f"{max_chars:6} characters at: {at:9}  MB/s: {told}; {len(counts.flatten()) // 2:,} segments", flush=True)


if __name__ == "__main__":
    main()
