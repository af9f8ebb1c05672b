"""The labelled sets of extraction, and how each is scored: shared by bench_markup.py and train_markup.py.

aeb: 4-gram shingles of words, means of precision and recall over pages (as its own benchmark scores). trafilatura-a: precision and
recall over all snippets that must and must not appear. The others: F1 of the multisets of words, CJK by character, mean over pages.
"""

import io
import json
import re
import tarfile
from collections import Counter
from pathlib import Path

import zstandard

from curate import schema
from curate.web.charset import decode

SETS = ("aeb", "wcxb-dev", "trafilatura-a", "readability-a", "zh")
HERE = Path(__file__).parents[3] / "shared" / "data"
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
ADDRESS = re.compile(
    rb"""(?:rel=["']?canonical["']?[^>]{0,80}href|property=["']?og:url["']?[^>]{0,80}content)=["']?(https?://[^"'\s>]+)""", re.IGNORECASE
)


def words(text):
    """Words in lower case; each CJK character is one."""
    return WORD.findall(text.lower())


def unpacked(path):
    return zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(path.open("rb")).read()


def pages(name, folder=HERE, largest=1 << 30):
    """Pages of a set that have a truth, of at most `largest` bytes: its fields, and raw, data (valid UTF-8) and site (registered domain, else the
    page's id)."""
    base = folder / f"extract-{name}"
    truths = [json.loads(line) for line in unpacked(base / "truth.jsonl.zst").split(b"\n") if line]
    with tarfile.open(fileobj=io.BytesIO(unpacked(base / "html.tar.zst"))) as archive:
        for truth in truths:
            if truth.get("with" if name == "trafilatura-a" else "text"):
                raw = archive.extractfile(truth["file"]).read()
                if len(raw) > largest:
                    continue
                yield {**truth, "raw": raw, "data": utf8(raw), "site": site(truth.get("url"), raw) or truth["id"]}


def utf8(raw):
    html = decode(raw)
    return raw if html.basis == "utf-8" else html.text.encode("utf-8", "replace")


def site(url, raw):
    """Registered domain of the URL, or of the address that the page gives as its own."""
    if not url:
        own = ADDRESS.search(raw)
        url = own.group(1).decode("latin-1") if own else None
    return schema.registered_domain(url) if url else None


def f1(found, truth):
    """(F1, precision, recall) of two multisets."""
    common = sum((found & truth).values())
    if not common:
        return (0.0, 0.0, 0.0)
    precision, recall = common / sum(found.values()), common / sum(truth.values())
    return 2 * precision * recall / (precision + recall), precision, recall


def shingles(text, n=4):
    tokens = re.findall(r"\w+", text)
    return Counter(tuple(tokens[i : i + n]) for i in range(max(1, len(tokens) - n + 1)))


def score(name, truths, texts):
    """(F1, precision, recall) of the texts of a set, one a page of `truths`."""
    if name == "trafilatura-a":
        return snippets(truths, texts)
    if name == "aeb":
        each = [f1(shingles(text), shingles(page["text"])) for page, text in zip(truths, texts, strict=True)]
    else:
        each = [f1(Counter(words(text)), Counter(words(page["text"]))) for page, text in zip(truths, texts, strict=True)]
    mean, precision, recall = (sum(one[at] for one in each) / len(each) for at in range(3))
    return (2 * precision * recall / (precision + recall) if name == "aeb" else mean), precision, recall


def snippets(truths, texts):
    hits = wanted = false = 0
    for page, text in zip(truths, texts, strict=True):
        squeezed = " ".join(text.split())
        wanted += len(page.get("with") or ())
        hits += sum(" ".join(snippet.split()) in squeezed for snippet in page.get("with") or ())
        false += sum(" ".join(snippet.split()) in squeezed for snippet in page.get("without") or ())
    precision, recall = hits / (hits + false), hits / wanted
    return 2 * precision * recall / (precision + recall), precision, recall
