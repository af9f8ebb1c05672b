"""datatrove's four filters over texts for so many CPU seconds: run by `bench_filters` with the Python of an environment that has datatrove and spaCy.

Reads JSON lines from stdin: the seconds, then texts. Writes one JSON object: bytes_s, documents_s, of CPU time. Every text meets every filter, C4's lines cut
before FineWeb's, as in its recipe for FineWeb.
"""

import contextlib
import json
import sys
import time

from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter


def main():
    filters = [GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter(filter_no_terminal_punct=False), FineWebQualityFilter()]
    seconds = json.loads(sys.stdin.readline())
    texts = [json.loads(line) for line in sys.stdin]
    judged(filters, "A first text, so that words are ready to be split.")
    begun, size, number = time.process_time(), 0, 0
    for text in texts:
        judged(filters, text)
        size, number = size + len(text.encode()), number + 1
        if time.process_time() - begun > seconds:
            break
    spent = time.process_time() - begun
    print(json.dumps({"bytes_s": size / spent, "documents_s": number / spent}))


def judged(filters, text):
    document = Document(text=text, id="0")
    for each in filters:
        with contextlib.suppress(ZeroDivisionError):
            each.filter(document)


if __name__ == "__main__":
    main()
