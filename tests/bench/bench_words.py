"""MB of text a second and core by each way to words, beside `regex` and, where it is installed, `uniseg`; and words against those of ICU.

`python -m tests.bench.bench_words [FOLDER]`; FOLDER holds labelled sets: page texts of extract-wcxb-dev, sentences of lid-tatoeba. CPU seconds of one
process, best of three rounds, interleaved; the peers read a part of the text. Under a minute.
"""

import json
import sys
import time
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import regex
import zstandard

from curate import words
from curate.kernels import scan as at

METHODS = ("spacy", "english", "uax29", "icu")
LANGUAGES = {
    "cmn": "Chinese",
    "yue": "Cantonese",
    "jpn": "Japanese",
    "tha": "Thai",
    "lao": "Lao",
    "khm": "Khmer",
    "mya": "Burmese",
    "eng": "English",
}
PART = {"icu": 1 << 20, "regex": 1 << 20, "uniseg": 1 << 17}
"""Bytes that the slow ones read."""


def texts(folder):
    """(name, column) of each text."""
    with zstandard.open(folder / "extract-wcxb-dev" / "truth.jsonl.zst", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    yield "English pages", [v for row in rows for v in row.values() if isinstance(v, str) and len(v) > 200]
    by_language = sentences(folder)
    for code in ("cmn", "jpn", "tha"):
        yield LANGUAGES[code], ["".join(by_language[code][i : i + 100]) for i in range(0, len(by_language[code]), 100)] * 20


def sentences(folder):
    """Sentences by language."""
    found = defaultdict(list)
    with zstandard.open(folder / "lid-tatoeba" / "lid.tsv.zst", "rt", encoding="utf-8") as file:
        for line in file:
            code, *_, text = line.rstrip("\n").split("\t")
            found[code].append(text)
    return found


def runners():
    """Name → function over a list of texts."""
    boundary = regex.compile(r"(?w)\b", regex.V1)
    out = {name: lambda rows, name=name: words.scanned(pa.array(rows, pa.large_string()), name) for name in METHODS}
    out["regex"] = lambda rows: [boundary.split(row) for row in rows]
    try:
        from uniseg.wordbreak import words as uniseg
    except ImportError:
        return out
    return out | {"uniseg": lambda rows: [list(uniseg(row)) for row in rows]}


def part_of(rows, most):
    """The first texts, of about so many bytes."""
    out, size = [], 0
    for row in rows:
        if size >= most:
            break
        out.append(row)
        size += len(row.encode())
    return out, size


def main(folder):
    functions = runners()
    print(f"{'MB/s':16}" + "".join(f"{name:>10}" for name in functions))
    for name, rows in texts(folder):
        best = dict.fromkeys(functions, 0.0)
        for _ in range(3):
            for each, function in functions.items():
                taken, size = part_of(rows, PART.get(each, 1 << 24))
                start = time.process_time()
                function(taken)
                best[each] = max(best[each], size / 1e6 / (time.process_time() - start))
        print(f"{name:16}" + "".join(f"{rate:10.1f}" for rate in best.values()))
    print(f"\n{'words of uax29':16}{'sentences':>10}{'/ of icu':>10}{'length':>10}{'of icu':>10}")
    for code, rows in sorted(sentences(folder).items()):
        if code in LANGUAGES:
            mine, dictionary = (words.scanned(pa.array(rows), method).counts.sum(axis=0) for method in ("uax29", "icu"))
            lengths = [counts[at.WORD_CHARS] / counts[at.WORDS] for counts in (mine, dictionary)]
            ratio = mine[at.WORDS] / dictionary[at.WORDS]
            print(f"{LANGUAGES[code]:16}{len(rows):10}{ratio:10.2f}" + "".join(f"{each:10.2f}" for each in lengths))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data"))
