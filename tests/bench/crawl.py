"""WARC files of real pages for benchmarks of whole runs: those of the labelled sets of extraction where they are there, else the sample's.

Pages that are asked for beyond what there is come again under other URLs with their words' order changed paragraph by paragraph, so that they cost what
pages cost and are no duplicates.
"""

import gzip
import random
import re
import uuid
from pathlib import Path

from tests.bench import markup_sets

MAX_PAGE = 100_000
"""Larger pages are left out: those of the labelled sets are larger than a crawl's on the average."""
WORDS = re.compile(rb"(?<=>)([^<>]{40,})(?=<)")


def pages():
    """HTML bytes of every page at hand, in an order that mixes the sets."""
    if (markup_sets.HERE / "extract-aeb").is_dir():
        found = [page["raw"] for name in markup_sets.SETS for page in markup_sets.pages(name)]
    else:
        from curate.read import sample

        found = [html for file in sample.files() for html in _sampled(file)]
    found = [html for html in found if len(html) <= MAX_PAGE]
    random.Random(1).shuffle(found)
    return found


def _sampled(file):
    """HTML of the records of one file of the sample."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    with open(file.uri, "rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
            yield record.reader.read()


def changed(html, seed):
    """The page with the words of its longer texts in another order: the same size, markup and words, another text."""
    rng = random.Random(seed)

    def shuffled(match):
        words = match.group(1).split(b" ")
        rng.shuffle(words)
        return b" ".join(words)

    return WORDS.sub(shuffled, html)


def record(url, body):
    """A response record as a gzip member of its own."""
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
    head = (
        f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, url)}>\r\nWARC-Target-URI: {url}\r\n"
        f"WARC-Date: 2026-01-01T00:00:00Z\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n", 4, mtime=0)


def write(folder, num_bytes, files=8):
    """Write about `num_bytes` of HTML as `files` WARC.gz files; (pages, bytes of HTML) that were written."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    streams = [open(folder / f"crawl-{number}.warc.gz", "wb") for number in range(files)]  # noqa: SIM115
    count = written = again = 0
    at_hand = pages()
    while written < num_bytes:
        for html in at_hand:
            body = changed(html, count) if again else html
            streams[count % files].write(record(f"https://site{count % 997}.example/{again}/{count}", body))
            count, written = count + 1, written + len(body)
            if written >= num_bytes:
                break
        again += 1
    for stream in streams:
        stream.close()
    return count, written
