"""MB of text a second and core, language labels by our kernel and by fastText: python -m tests.bench.bench_language [FOLDER].

Texts: the main text of the pages of FOLDER's extract-aeb (the data set beside the checkout by default), and the labelled sentences of lid-lingua-a,
seventy to a text, in 75 languages, where few words come twice. `first`: a process that has seen no word; `then`: the same texts once more. CPU seconds,
least of five rounds in turns.
"""

import sys
import time
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
import zstandard

from curate import stage as stages
from curate.models.fasttext import FastText, load
from curate.stages.language import Config, model_path
from tests.bench.bench_stages import batch, pages


def sentences(folder):
    raw = zstandard.ZstdDecompressor().stream_reader((folder / "lid-lingua-a" / "lid.tsv.zst").read_bytes()).read().decode()
    lines = [line.split("\t")[-1] for line in raw.splitlines()[1:]]
    return [" ".join(lines[i : i + 70]) for i in range(0, len(lines), 70)]


def web(folder):
    raw = pages(folder)
    markup = stages.load("markup")
    made = markup.measure(batch([None] * len(raw), raw), markup.config(), "markup")["text"]
    return [text for text in made.to_pylist() if text]


def timed(work):
    started = time.process_time()
    work()
    return time.process_time() - started


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[3] / "shared" / "data"
    path = model_path(Config())
    theirs, model = fasttext.load_model(str(path)).f, load(path, "language")
    stage = stages.load("language")
    print(f"{'text':10} {'MB':>5} {'fastText':>9} {'first':>7} {'then':>7} {'stage':>7} {'paragraphs':>11}   MB/s")
    for name, texts in (("pages", web(folder)), ("sentences", sentences(folder))):
        data = [text.encode() for text in texts]
        ends = np.cumsum([len(d) for d in data]).astype(np.int64)
        starts, flat = np.r_[0, ends[:-1]].astype(np.int64), np.frombuffer(b"".join(data), dtype=np.uint8)
        given = pa.record_batch({"text": pa.array(texts, pa.large_string())})
        works = {
            "fastText": lambda texts=texts: [theirs.predict(t.replace("\n", " ") + "\n", 1, 0.0, "replace") for t in texts],
            "first": lambda at=(starts, ends, flat): FastText(model.labels, model._model).best(*at),
            "then": lambda at=(starts, ends, flat): model.best(*at),
            "stage": lambda given=given: stage.measure(given, Config(), "language"),
            "paragraphs": lambda given=given: stage.measure(given, Config(paragraphs=True), "language"),
        }
        best = {kind: min(timed(work) for _ in range(5)) for kind, work in works.items() if not timed(work) < 0}
        rates = {kind: len(flat) / 1e6 / seconds for kind, seconds in best.items()}
        print(
            f"{name:10} {len(flat) / 1e6:5.1f} {rates['fastText']:9.1f} {rates['first']:7.1f} {rates['then']:7.1f}"
            f" {rates['stage']:7.1f} {rates['paragraphs']:11.1f}"
        )


if __name__ == "__main__":
    main()
