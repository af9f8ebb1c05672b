"""Consent of media: references and files meet by address, wherever they lie; no page leaves for its pictures."""

import hashlib
import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from barrier_runner import Cut, run

import curate
from curate.barrier import load
from curate.barriers.host_consent import SIGNALS
from curate.barriers.media_consent import _files, _gather, _meet, _references
from curate.read import media
from curate.read.hosts import HOSTS
from curate.stages.markup import MEDIA
from tests.media_files import CC, data_mining, jpeg, manifest, mining, packet

BARRIER = load("media_consent")
URLS = ["https://p.example/a/", "https://p.example/b", "https://q.example/", None]
SHOWN = [
    ["/i.jpg", "https://cdn.example/x.png", "data:image/png;base64,aa"],
    ["https://p.example/i.jpg#top", "i.jpg"],
    None,
    ["http://[bad/", ""],
]


def documents(shown=SHOWN, **columns):
    ids = [hashlib.sha256(f"{n}".encode()).digest()[:16] for n in range(len(shown))]
    held = [None if one is None else [{"url": url, "alt": "", "at": 0} for url in one] for one in shown]
    return pa.table(
        {"id": pa.array(ids, pa.binary(16)), "url": pa.array(URLS[: len(shown)]), "markup__media": pa.array(held, MEDIA), **columns}
    )


def law_case():
    return BARRIER.config(), documents()


def host_rows(files, when=datetime(2024, 6, 1, tzinfo=UTC)):
    made = []
    for number, (url, body) in enumerate(files):
        row = dict.fromkeys(HOSTS.names) | {
            "kind": "media",
            "url": url,
            "observed_at": when,
            "source": "s",
            "text": json.dumps(media.evidence(body)),
        }
        made.append(row | {"id": bytes([number]) * 16, "origin": dict.fromkeys(("container",), "a")})
    return pa.RecordBatch.from_pylist(made, HOSTS)


FILES = [
    ("https://p.example/i.jpg", jpeg(manifest(mining("notAllowed")))),
    ("https://cdn.example/x.png", jpeg(xmp=packet("", '<cc:license rdf:resource="https://creativecommons.org/licenses/by/4.0/"/>', cc=CC))),
]


def judged(docs, files=FILES, config=None, table_rows=1000):
    """The verdict rows, by number of the document, with the host table's rows in the first round."""
    config = config or BARRIER.config()
    batch = docs.append_column("at", pa.array(range(docs.num_rows), pa.uint64())).combine_chunks().to_batches()[0]
    rows = pa.concat_tables([_references(batch, None, config), _files(host_rows(files), config)]).sort_by(
        [("key", "ascending"), ("sub", "ascending")]
    )
    pieces = (rows.slice(at, table_rows) for at in range(0, rows.num_rows, table_rows))
    met = pa.concat_tables(_meet(pieces, config, True)).sort_by([("key", "ascending"), ("sub", "ascending")])
    told = pa.concat_tables(_gather((met.slice(at, table_rows) for at in range(0, met.num_rows, table_rows)), config, True))
    return {row["key"]: row for row in told.to_pylist()}


def test_references_meet_their_files_by_address():
    told = judged(documents())
    first = told[0]["media"]
    assert [(one["url"], one["verdict"], one["basis"]) for one in first] == [
        ("https://p.example/i.jpg", "deny", "strict/2 c2pa c2pa seen:2024-06-01"),
        ("https://cdn.example/x.png", "unknown", "strict/2 nothing about training"),
    ]
    assert (first[1]["license"], first[1]["license_in"]) == ("https://creativecommons.org/licenses/by/4.0/", "cc:license")
    assert first[0]["signals"][0]["mechanism"] == "c2pa"
    assert [(key, row["num_denied"], row["num_unseen"]) for key, row in sorted(told.items())] == [(0, 1, 0), (1, 1, 0)]
    assert judged(documents(), table_rows=1) == told
    assert judged(documents(), files=FILES[::-1]) == told


def test_policies():
    assert [
        judged(documents(), config=BARRIER.config(policy=one))[0]["media"][0]["verdict"] for one in ("eu_tdm", "crawl_time", "record_only")
    ] == [
        "deny",
        "unknown",
        "unknown",
    ]
    odd = [("https://p.example/i.jpg", jpeg(xmp=data_mining("WHATEVER")))]
    assert judged(documents(), odd)[0]["media"][0]["verdict"] == "unclear"
    assert judged(documents(), odd)[0]["num_unseen"] == 1
    assert judged(documents(), odd, BARRIER.config(policy="eu_tdm"))[0]["media"][0]["verdict"] == "unknown"
    both = [*odd, ("https://p.example/i.jpg", jpeg(xmp=data_mining("ALLOWED")))]
    assert judged(documents(), both, BARRIER.config(policy="eu_tdm"))[0]["media"][0]["verdict"] == "allow"


def test_noimageai_of_a_page_denies_its_images():
    said = [{"mechanism": "noimageai", "carrier": "meta", "value": "noai, noimageai", "says": "none", "observed": None}]
    docs = documents(consent__signals=pa.array([said, [], None, None], SIGNALS))
    told = judged(docs, [], BARRIER.config(page="consent"))
    assert [(one["verdict"], one["basis"]) for one in told[0]["media"]] == [("deny", "strict/2 noimageai page")] * 2
    assert told[1]["media"] == []
    assert BARRIER.reads(BARRIER.config(page="consent")) == ("url", "markup__media", "consent__signals")


def test_how_it_is_cut_changes_nothing_and_no_document_leaves():
    rows = run(BARRIER, *law_case()).to_pylist()
    assert [row["media_consent__num_unseen"] for row in rows] == [2, 1, None, None]
    assert run(BARRIER, *law_case(), Cut(parts=3, ranges=5, table_rows=1)).to_pylist() == rows
    assert not BARRIER.judges


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    """A run over an archive with a page and its picture."""
    from read.reading import page, response

    root = tmp_path_factory.mktemp("media")
    shown = page("herons", 2000).replace(b"</p>", b'</p><p>More of herons in a picture.<img src="/i.jpg" alt="A heron"></p>')
    records = [
        response(shown, "https://p.example/"),
        response(jpeg(manifest(mining("notAllowed"))), "https://p.example/i.jpg", mime="image/jpeg"),
    ]
    (root / "a.warc").write_bytes(b"".join(records))
    steps = [{"markup": {}}, {"consent": {}}, {"host_consent": {"policy": "record_only"}}, {"media_consent": {"page": "consent"}}]
    recipe = {"name": "media", "input": [{"uri": str(root / "a.warc"), "source": "web"}], "steps": steps}
    curate.run(recipe, output=str(root / "run"), workers=1)
    return curate.open(root / "run")


def test_a_page_keeps_its_text_and_knows_of_its_picture(crawl):
    row = crawl.documents().to_table().to_pylist()[0]
    assert row["markup__media"][0]["url"] == "/i.jpg"
    assert [(one["url"], one["verdict"]) for one in row["media_consent__media"]] == [("https://p.example/i.jpg", "deny")]
    assert (row["media_consent__num_denied"], row["media_consent__num_unseen"]) == (1, 0)
    assert row["host_consent__verdict"] == "unseen"
