"""`markup` by size of page, microseconds a page and MB of HTML a second, from one run: python -m tests.bench.bench_page_sizes [FOLDER] [--rounds N].

Pages are whole, chosen by their size: of about 5 kB from the sample (the labelled sets have three), of 20, 60 and 170 kB from the labelled sets in FOLDER.
`stage` is all of it, bytes in to columns out, with the rights evidence; `kernels` the text alone, from pages that are decoded; `resiliparse` its main text
from pages that are decoded. CPU time, the least of several rounds in which they take turns.
"""

import argparse
import time
from itertools import chain
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType

from curate.read import sample
from tests.bench import bench_markup, markup_sets

SIZES = {"5 kB": (4_000, 6_000, 400), "20 kB": (15_000, 25_000, 100), "60 kB": (50_000, 70_000, 60), "170 kB": (120_000, 220_000, 24)}
"""Bounds in bytes, and how many pages are taken at most."""
SMALL = 10_000
"""Pages up to here are the sample's."""


def of_sample():
    """Pages of the sample, raw and in UTF-8."""
    for file in sample.files():
        with Path(file.uri).open("rb") as opened:
            for record in ArchiveIterator(opened, record_types=WarcRecordType.response):
                raw = record.reader.read()
                yield {"raw": raw, "data": markup_sets.utf8(raw)}


def groups(folder):
    """{size: pages}: every k-th of those within the bounds."""
    labelled = [page for name in markup_sets.SETS for page in markup_sets.pages(name, folder, SIZES["170 kB"][1])]
    small = [page for page in of_sample() if len(page["raw"]) < SMALL]
    for name, (least, most, count) in SIZES.items():
        found = [page for page in (small if most <= SMALL else labelled) if least <= len(page["raw"]) < most]
        yield name, found[:: max(1, len(found) // count)][:count]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=markup_sets.HERE)
    parser.add_argument("--rounds", type=int, default=8)
    given = parser.parse_args()
    found = bench_markup.extractors()
    runs = {"stage": found["ours"], "kernels": found["ours, kernels"], "resiliparse": found["resiliparse"]}
    print("| pages | bytes | " + " | ".join(f"{name}: µs a page | MB/s" for name in runs) + " |")
    print("|---|---:|" + "---:|---:|" * len(runs))
    for name, pages in groups(given.folder):
        best = dict.fromkeys(runs, float("inf"))
        for run, work in chain.from_iterable(runs.items() for _ in range(given.rounds + 1)):
            started = time.process_time()
            work(pages)
            best[run] = min(best[run], time.process_time() - started)
        size = sum(len(page["raw"]) for page in pages)
        told = " | ".join(f"{seconds / len(pages) * 1e6:,.0f} | {size / seconds / 1e6:,.1f}" for seconds in best.values())
        print(f"| {len(pages)} of {name} | {size // len(pages):,} | {told} |", flush=True)


if __name__ == "__main__":
    main()
