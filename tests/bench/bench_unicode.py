"""MB of text a second and core: `unicode` against ftfy on the same texts, with the share of bytes that still goes through ftfy.

`python tests/bench/bench_unicode.py [FOLDER]`; FOLDER holds labelled sets: page texts of extract-wcxb-dev, sentences in 75 languages of
lid-lingua-a. CPU seconds of one process, rounds interleaved, best of five; ftfy reads every 16th text.
"""

import json
import sys
import time
from pathlib import Path

import ftfy
import numpy as np
import pyarrow as pa
import zstandard

from curate import arrow
from curate.stages import unicode as stage
from curate.stages.unicode import Config, Texts


def texts(folder):
    """(name, texts) of each set."""
    with zstandard.open(folder / "extract-wcxb-dev" / "truth.jsonl.zst", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    yield "pages' text", [v for row in rows for v in row.values() if isinstance(v, str) and len(v) > 200]
    with zstandard.open(folder / "lid-lingua-a" / "lid.tsv.zst", "rt", encoding="utf-8") as file:
        lines = [line.split("\t")[-1] for line in file]
    yield "75 languages", ["".join(lines[at : at + 50]) for at in range(0, len(lines), 50)]


def seen_by_ftfy(view):
    """Bytes that reach ftfy."""
    total = 0
    real = stage._ftfy

    def counting(form, uncurl):
        fix, longest = real(form, uncurl)

        def counted(line, unescape):
            nonlocal total
            total += len(line.encode())
            return fix(line, unescape)

        return counted, longest

    stage._ftfy = counting
    try:
        stage.repaired_texts(view, Config())
    finally:
        stage._ftfy = real
    return total


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[3] / "shared" / "data"
    for name, column in texts(folder):
        view = arrow.utf8(pa.array([text.encode("utf-8", "replace").decode() for text in column], pa.large_string()))
        view = Texts(view.offsets, view.data)
        few = column[::16]
        size, small = int(view.offsets[-1]), sum(len(text.encode("utf-8", "replace")) for text in few)
        runs = {
            "unicode": (size, lambda view=view: stage.repaired_texts(view, Config())),
            "ftfy": (small, lambda few=few: [ftfy.fix_text(text, uncurl_quotes=False) for text in few]),
        }
        best = dict.fromkeys(runs, np.inf)
        for turn in range(6):
            for run, (_, work) in runs.items():
                started = time.process_time()
                work()
                best[run] = min(best[run], time.process_time() - started) if turn else best[run]
        for run, (amount, _) in runs.items():
            print(f"{name:14} {run:8} {amount / best[run] / 1e6:8.1f} MB/s", flush=True)
        print(f"{name:14} {seen_by_ftfy(view) / size:8.3%} of {size / 1e6:.1f} MB goes through ftfy", flush=True)


if __name__ == "__main__":
    main()
