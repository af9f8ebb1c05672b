"""Reading speed: records/s and MB/s of payload, this reader's documents against fastwarc's bare iteration over the same file.

`python tests/bench/bench_read.py [FILE.warc.gz …]`; without files, two of the sample's. fastwarc inflates and frames only, with every
payload read; this reader also undoes codings, judges types, makes ids and digests, and fills record batches. CPU seconds of one
process, rounds interleaved, best of 15 each.
"""

import sys
import time
from pathlib import Path

from fastwarc.warc import ArchiveIterator

from curate.read import open_span, sample
from curate.read.chunk import Limits, Source, Span

ROUNDS = 15


def ours(path: Path) -> tuple[int, int]:
    """(records, payload bytes of documents)."""
    size = path.stat().st_size
    span = Span(uri=str(path), container=path.name, start=0, end=size, size=size, etag="", kind="warc")
    records = payload = 0
    for chunk in open_span(span, Source(name="bench"), Limits()):
        records += chunk.documents.num_rows + sum(chunk.skipped.values()) + len(chunk.errors)
        payload += chunk.documents["raw"].nbytes + chunk.documents["text"].nbytes
    return records, payload


def bare(path: Path) -> tuple[int, int]:
    """(records, content bytes of all records)."""
    records = payload = 0
    with path.open("rb") as file:
        for record in ArchiveIterator(file, parse_http=True):
            records += 1
            payload += len(record.reader.read())
    return records, payload


def main() -> None:
    """Print a line for each file and reader."""
    paths = [Path(name) for name in sys.argv[1:]] or [Path(file.uri) for file in sample.files()][:2]
    for path in paths:
        best = dict.fromkeys((ours, bare), float("inf"))
        counts = {}
        for _ in range(ROUNDS):
            for run in best:
                start = time.process_time()
                counts[run] = run(path)
                best[run] = min(best[run], time.process_time() - start)
        content = counts[bare][1] / 1e6
        for run, name in ((ours, "curate.read.warc"), (bare, "fastwarc, bare")):
            records, payload = counts[run]
            print(
                f"{path.name:30} {name:18} {records:7,} records {records / best[run]:9,.0f}/s  content {content / best[run]:7.1f} MB/s"
                f"  taken {payload / 1e6:6.1f} MB in {best[run]:.4f} s"
            )


if __name__ == "__main__":
    main()
