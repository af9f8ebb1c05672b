"""Licence and consent evidence: microseconds a page, and a page of 60 kB, against parsing a DOM and asking it (lexbor, by resiliparse).

`python tests/bench/bench_claims.py [FOLDER]`; FOLDER holds labelled sets with `html.tar.zst`. CPU seconds of one process, rounds interleaved,
best of five; the DOM's time is given with and without its parse.
"""

import io
import sys
import tarfile
import time
from pathlib import Path

import zstandard
from resiliparse.parse.html import HTMLTree

sys.path.insert(0, str(Path(__file__).parents[1]))
from naive_claims import claims_of, wishes_of

from curate.web.charset import decode
from curate.web.claims import evidence_of


def pages(folder, most=200):
    stream = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader((folder / "html.tar.zst").open("rb"))
    found = []
    with tarfile.open(fileobj=io.BufferedReader(stream), mode="r|") as archive:
        for member in archive:
            if member.isfile() and len(found) < most:
                found.append(decode(archive.extractfile(member).read(), None).text)
    return found


def main():
    here = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[3] / "shared" / "data"
    for name in ("extract-aeb", "extract-wcxb-dev"):
        texts = pages(here / name)
        html = [text.encode("utf-8", "replace") for text in texts]
        trees = [HTMLTree.parse(text) for text in texts]
        lower = [page.lower() for page in html]
        runs = {
            "evidence_of": lambda html=html: [evidence_of(page) for page in html],
            "DOM, parsed": lambda trees=trees, lower=lower: [(claims_of(t, p), wishes_of(t, p)) for t, p in zip(trees, lower, strict=True)],
            "DOM": lambda texts=texts, lower=lower: [
                (claims_of(tree, page), wishes_of(tree, page))
                for tree, page in ((HTMLTree.parse(text), page) for text, page in zip(texts, lower, strict=True))
            ],
        }
        best = dict.fromkeys(runs, float("inf"))
        for _ in range(5):
            for run, work in runs.items():
                started = time.process_time()
                work()
                best[run] = min(best[run], time.process_time() - started)
        size = sum(map(len, html))
        for run, seconds in best.items():
            print(f"{name:17} {run:12} {seconds / len(html) * 1e6:8.0f} us a page of {size / len(html) / 1e3:.0f} kB", end="")
            print(f"  {seconds / size * 60_000 * 1e6:7.0f} us a page of 60 kB", flush=True)


if __name__ == "__main__":
    main()
