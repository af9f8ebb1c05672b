"""Extraction, ours and its peers, quality and speed from one run: python -m tests.bench.bench_markup [--pages N] [--peers ours resiliparse …] [FOLDER].

F1 (precision, recall) on every labelled set (scores: markup_sets.py), and MB of HTML a second of CPU time, bytes in to text out, from the
same calls. --pages takes every k-th page so that about N remain of each set (trafilatura reads about 8 MB/s). The shipped model was
fitted on wcxb-dev, so its figure there is no measure; curate/stages/markup_model.md has the cross-validated one.
"""

import argparse
import time
from pathlib import Path

from tests.bench import markup_sets as sets


def extractors():
    """{name: raw → text}, of what is installed."""
    from resiliparse.extract.html2text import extract_plain_text

    from curate.stages.markup import Config, read_page

    config = Config()
    found = {
        "ours": lambda page: read_page(page["raw"], None, config).text,
        "ours, kernels": only_kernels(),
        "resiliparse": lambda page: extract_plain_text(page["data"].decode(), main_content=True),
    }
    try:
        import trafilatura

        found["trafilatura"] = lambda page: trafilatura.extract(page["data"].decode(), include_comments=False) or ""
        found["trafilatura fast"] = lambda page: trafilatura.extract(page["data"].decode(), include_comments=False, fast=True) or ""
    except ImportError:
        pass
    return found


def only_kernels():
    """Without charset, claims, images: what peers do as well."""
    from curate.web import main_text

    model = main_text.load()
    return lambda page: main_text.main_text(page["data"], model).text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=sets.HERE)
    parser.add_argument("--pages", type=int, default=None)
    parser.add_argument("--peers", nargs="*", default=None)
    given = parser.parse_args()
    peers = {name: do for name, do in extractors().items() if given.peers is None or name in given.peers}
    for name in sets.SETS:
        pages = list(sets.pages(name, given.folder))
        pages = pages[:: max(1, len(pages) // given.pages)] if given.pages else pages
        size = sum(len(page["raw"]) for page in pages)
        print(
            f"{name}: {len(pages)} pages, {size / 1e6:.1f} MB" + (" (the model was fitted on it)" if name == "wcxb-dev" else ""), flush=True
        )
        seconds = dict.fromkeys(peers, 0.0)
        texts = {peer: [] for peer in peers}
        for do in peers.values():
            do(pages[0])
        for page in pages:  # page by page in turn, so that all see the same load of the machine
            for peer, do in peers.items():
                started = time.process_time()
                texts[peer].append(do(page))
                seconds[peer] += time.process_time() - started
        for peer in peers:
            f1, precision, recall = sets.score(name, pages, texts[peer])
            print(f"  {peer:18} {f1:.3f} ({precision:.3f} {recall:.3f}) {size / 1e6 / seconds[peer]:8.1f} MB/s", flush=True)


if __name__ == "__main__":
    main()
