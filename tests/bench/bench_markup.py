"""Extraction, ours and its peers, quality and speed from one run: python -m tests.bench.bench_markup [--pages N] [--largest BYTES] [--peers ours …].

F1 (precision, recall) on every labelled set (scores: markup_sets.py), and MB of HTML a second of CPU time, bytes in to text out, from the
same calls. --pages takes every k-th page so that about N remain of each set (trafilatura reads about 8 MB/s); --largest leaves larger pages out, and
repeats the rest: with 12000 it shows what a page costs beside its bytes. The shipped model was fitted on wcxb-dev, so its figure there is no measure;
curate/stages/markup_model.md has the cross-validated one.
"""

import argparse
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.bench import markup_sets as sets

AT_ONCE = 64
"""Pages in a batch."""


def extractors():
    """{name: pages → texts}, of what is installed."""
    from resiliparse.extract.html2text import extract_plain_text

    found = {
        "ours": whole_stage,
        "ours, standfirst": partial(whole_stage, standfirst=True),
        "ours, kernels": only_kernels,
        "resiliparse": lambda pages: [extract_plain_text(page["data"].decode(), main_content=True) for page in pages],
    }
    try:
        from trafilatura import extract
    except ImportError:
        return found
    for name, fast in (("trafilatura", False), ("trafilatura fast", True)):
        found[name] = lambda pages, fast=fast: [extract(page["data"].decode(), include_comments=False, fast=fast) or "" for page in pages]
    return found


def whole_stage(pages, **options):
    """The stage on a batch: charset, text, title, images, claims, columns."""
    from curate import schema
    from curate.stages.markup import Config, markup

    raw = pa.array([page["raw"] for page in pages], pa.large_binary())
    batch = {"raw": raw, "headers": pa.array([[]] * len(pages), schema.HEADERS), "text": pa.nulls(len(pages), pa.large_string())}
    return markup.measure(pa.record_batch(batch), Config(**options), "markup")["text"].to_pylist()


def only_kernels(pages):
    """Without charset, claims, columns: what peers do as well."""
    from curate.web import main_text

    data = [page["data"] for page in pages]
    ends = np.cumsum([0] + [len(page) for page in data])
    found = main_text.main_texts(np.frombuffer(b"".join(data), np.uint8), np.stack([ends[:-1], ends[1:]], axis=1), main_text.load())
    texts, ends = found.text.tobytes(), [0, *found.told[:, 0].tolist()]
    return [texts[start:end].decode() for start, end in pairwise(ends)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=sets.HERE)
    parser.add_argument("--pages", type=int, default=None)
    parser.add_argument("--largest", type=int, default=1 << 30)
    parser.add_argument("--peers", nargs="*", default=None)
    given = parser.parse_args()
    peers = {name: do for name, do in extractors().items() if given.peers is None or name in given.peers}
    for name in sets.SETS:
        pages = list(sets.pages(name, given.folder, given.largest))
        pages = pages[:: max(1, len(pages) // given.pages)] if given.pages else pages
        if not pages:
            continue
        if given.largest < 1 << 30:
            pages *= 1 + 256 // len(pages)
        size = sum(len(page["raw"]) for page in pages)
        print(
            f"{name}: {len(pages)} pages, {size / 1e6:.1f} MB" + (" (the model was fitted on it)" if name == "wcxb-dev" else ""), flush=True
        )
        seconds = dict.fromkeys(peers, 0.0)
        texts = {peer: [] for peer in peers}
        for do in peers.values():
            do(pages[:1])
        for first in range(0, len(pages), AT_ONCE):  # a few pages in turn, so that all see the same load of the machine
            for peer, do in peers.items():
                started = time.process_time()
                texts[peer] += do(pages[first : first + AT_ONCE])
                seconds[peer] += time.process_time() - started
        for peer in peers:
            f1, precision, recall = sets.score(name, pages, texts[peer])
            print(f"  {peer:18} {f1:.3f} ({precision:.3f} {recall:.3f}) {size / 1e6 / seconds[peer]:8.1f} MB/s", flush=True)


if __name__ == "__main__":
    main()
