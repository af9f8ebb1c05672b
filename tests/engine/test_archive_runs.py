"""A recipe over every archive of the labelled set, damaged ones too: what came in left again, and the counts are those of other readers."""

import json
from collections import Counter

import pytest
import warcio
from fastwarc.warc import ArchiveIterator, WarcRecordType

import curate

# Archives whose records another reader counts otherwise: its count, ours, why. fastwarc counts, warcio where that reads no ARC; warcio's counts
# of all are compared in tests/read/test_warc.py.
RECORDS = {
    "warcio__example-trunc.warc": (
        3,
        5,
        "two bytes follow a record's content: fastwarc stops before them, here they are an error and one more is read",
    ),
}
# HTML pages as SOURCE.md counts them, documents here, and what makes the difference.
PAGES = {
    "aut__example.warc.gz": (140, 97, "40 of them answer 404, 6 redirect; 3 documents are plain text"),
    "dolma__sample-0000.warc.gz": (22, 24, "2 resource records of wget's own: its arguments and its log"),
    "dolma__sample-0001.warc.gz": (15, 17, "2 resource records of wget's own: its arguments and its log"),
    "ia-web-commons__IAH-urls-wget.warc": (11, 5, "9 of them redirect; 3 resource records of wget's own"),
    "chatnoir-resiliparse__clueweb-quirk.warc.gz": (29, 29, ""),
    "chatnoir-resiliparse__warcfile.warc": (16, 16, ""),
    "chatnoir-resiliparse__warcfile.warc.gz": (16, 16, ""),
    "chatnoir-resiliparse__warcfile.warc.lz4": (16, 16, ""),
    "whirlwind-python__whirlwind.warc.gz": (1, 1, ""),
}
DAMAGED = {"chatnoir-resiliparse__clipped.warc.gz", "warcio__example-trunc.warc"}


@pytest.fixture
def files(shared):
    """The archives of the set, in order of their names."""
    return sorted(path for path in shared("warc").iterdir() if path.suffix != ".md")


def _named(path, folder):
    """The path under a name that tells what it is."""
    link = folder / path.name.removesuffix(".bad")
    link.symlink_to(path.resolve())
    return str(link)


def _other(path):
    """(records, HTML responses of any status) by fastwarc; of ARC by warcio, whose records are all that is counted."""
    with path.open("rb") as file:
        if ".arc" in path.name:
            return sum(1 for _ in warcio.ArchiveIterator(file, arc2warc=True)), None
        records = pages = 0
        try:
            for record in ArchiveIterator(file, parse_http=True):
                records += 1
                mime = (record.http_content_type or "") if record.record_type == WarcRecordType.response else ""
                pages += mime in ("text/html", "application/xhtml+xml")
        except OSError:
            assert path.name in RECORDS
        return records, pages


def test_a_recipe_over_every_archive_balances_and_counts_as_others_do(files, tmp_path):
    inputs = [{"uri": _named(path, tmp_path), "source": path.name} for path in files]
    recipe = {"name": "archives", "input": inputs, "steps": [{"markup": {}}, {"unicode": {}}, {"exact_dedup": {}}]}
    curate.run(recipe, output=tmp_path / "run", workers=1)
    lines = [json.loads(line) for line in (tmp_path / "run" / "ledger.jsonl").read_text().splitlines()]
    parts = [line for line in lines if line["kind"] == "segment"][: len(files)]  # a part holds one source, and a source is a file here
    out = curate.open(tmp_path / "run")
    kept, left = (Counter(table["source"].to_pylist()) for table in (out.documents().to_table(), out.removed().to_table()))
    total = 0
    for path, part in zip(files, parts, strict=True):
        skipped, errors = sum(part["skipped"].values()), part["read_errors"]
        assert kept[path.name] + left[path.name] + skipped == part["records"], path.name
        assert part["documents"] == kept[path.name] + left[path.name] - errors, path.name
        assert errors == (path.name in DAMAGED), path.name
        records, pages = _other(path)
        assert (records, part["records"]) == RECORDS.get(path.name, (records, records))[:2], path.name
        if path.name in PAGES:
            said, documents, _why = PAGES[path.name]
            assert part["documents"] == documents, path.name
            assert pages == said or "clueweb" in path.name, path.name  # its responses declare no type: they are sniffed here
        total += part["records"]
    assert total == 1529
