"""What images, PDFs and EPUBs say of themselves: the forms of the specifications, and files that are none."""

import json
import time
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.consent.media import licence, signals
from curate.kernels import warc_records
from curate.read import jumbf, media
from read.reading import members, read, response
from tests.media_files import CC, PLUS, TDM, box, cbor, data_mining, epub, jpeg, manifest, mining, packet, pdf, png, superbox

WORDS = warc_records.words([])
RIGHTS = {"xmpRights": "http://ns.adobe.com/xap/1.0/rights/", "dc": "http://purl.org/dc/elements/1.1/", "cc": CC}


def evidence(body):
    """What a file says; whatever says something, the kernel of plain records hands over."""
    found, data = media.evidence(body), np.frombuffer(bytes(body) + bytes(80), dtype=np.uint8)
    for size in (len(body), len(data)):  # the last bytes are read one by one
        assert not found or warc_records.speaks(data[:size], 0, len(body), *WORDS)
    return found


def says(body):
    """(mechanism, says) of a file."""
    return [(one.mechanism, one.says) for one in signals(json.dumps(evidence(body)))]


@pytest.mark.parametrize(
    ("use", "said"), [("notAllowed", "deny"), ("constrained", "deny"), ("allowed", "allow"), ("perhaps", "unclear"), ("", "unclear")]
)
@pytest.mark.parametrize("made", [jpeg, png], ids=["jpeg", "png"])
def test_training_mining_assertions(made, use, said):
    assert says(made(manifest(mining(use)))) == [("c2pa", said)]
    assert says(made(manifest(mining(use, "c2pa.training-mining", "c2pa.data_mining")))) == [("c2pa", said)]


def test_the_strictest_use_of_training_counts_and_inference_says_nothing():
    entries = {"cawg.ai_inference": {"use": "notAllowed"}, "cawg.ai_training": {"use": "allowed"}}
    both = superbox("cawg.training-mining", box(b"cbor", cbor({"entries": entries})))
    assert says(jpeg(manifest(both))) == [("c2pa", "allow")]
    assert says(jpeg(manifest(mining("notAllowed", name="cawg.ai_inference")))) == [("c2pa", "none")]
    mixed = superbox("c2pa.training-mining", box(b"json", json.dumps({"entries": {"c2pa.ai_training": {"use": "notAllowed"}}}).encode()))
    assert says(jpeg(manifest(mining("allowed"), mixed))) == [("c2pa", "allow"), ("c2pa", "deny")]


def test_a_store_in_several_segments_and_a_second_assertion_of_one_label():
    store = manifest(mining("allowed"), mining("notAllowed", "cawg.training-mining__1"))
    assert says(jpeg(store, pieces=5)) == says(jpeg(store)) == [("c2pa", "allow"), ("c2pa", "deny")]


def test_an_assertion_that_cannot_be_read_is_no_silence():
    broken = superbox("cawg.training-mining", box(b"cbor", b"\xbf\xff\xff"[1:]))
    assert says(jpeg(manifest(broken))) == [("c2pa", "unclear")]
    assert says(jpeg(manifest(superbox("cawg.training-mining")))) == [("c2pa", "unclear")]


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("UNSPECIFIED", "none"),
        ("ALLOWED", "allow"),
        ("PROHIBITED-AIMLTRAINING", "deny"),
        ("PROHIBITED-GENAIMLTRAINING", "deny"),
        ("PROHIBITED-EXCEPTSEARCHENGINEINDEXING", "deny"),
        ("PROHIBITED", "deny"),
        ("PROHIBITED-SEECONSTRAINT", "deny"),
        ("PROHIBITED-SEEEMBEDDEDRIGHTSEXPR", "deny"),
        ("PROHIBITED-SEELINKEDRIGHTSEXPR", "deny"),
        ("OTHER", "unclear"),
    ],
)
def test_every_term_of_data_mining(term, said):
    assert says(jpeg(xmp=data_mining(term))) == [("iptc", said)]


@pytest.mark.parametrize(
    "xmp",
    [
        packet("", '<p:DataMining rdf:resource="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"/>', p=PLUS),
        packet("", "<plus:DataMining>http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED</plus:DataMining>", plus=PLUS),
        packet("plus:DataMining = 'http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED'", plus=PLUS),
    ],
)
def test_the_property_in_all_its_forms(xmp):
    for body in (jpeg(xmp=xmp), png(xmp=xmp), png(xmp=xmp, deflated=True), b"RIFF....WEBP" + xmp, pdf(xmp), pdf(xmp, deflated=True)):
        assert says(body) == [("iptc", "deny")]


def test_a_name_of_another_namespace_is_another_name():
    assert says(jpeg(xmp=packet('plus:DataMining="DMI-PROHIBITED"', plus="http://other.example/"))) == []


def test_tdmrep_in_pdf_and_in_both_epubs():
    """The examples of TDMRep: XMP in a PDF, `meta property` in EPUB 3, `meta name` in EPUB 2."""
    assert says(pdf(packet('tdm:reservation="1" tdm:policy="https://provider.example/policy.json"', tdm=TDM))) == [("tdm", "deny")]
    assert says(epub('<meta property="tdm:reservation">1</meta><meta property="tdm:policy">https://p.example/</meta>')) == [("tdm", "deny")]
    assert says(epub('<meta name="tdm:reservation" content="0"/>')) == [("tdm", "allow")]
    assert says(epub("<dc:title>A book</dc:title>")) == []


def test_licences_of_files():
    def found(body):
        return licence(json.dumps(evidence(body)))

    by = "https://creativecommons.org/licenses/by/4.0/"
    alt = "<dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>All rights &amp; more reserved</rdf:li></rdf:Alt></dc:rights>"
    assert found(pdf(packet(f'xmpRights:WebStatement="{by}" xmpRights:Marked="True"', alt, **RIGHTS))) == ("xmpRights:WebStatement", by)
    assert found(jpeg(xmp=packet("", alt, **RIGHTS))) == ("dc:rights", "All rights & more reserved")
    assert found(pdf(packet("", f'<cc:license rdf:resource="{by}"/>', **RIGHTS), deflated=True)) == ("cc:license", by)
    assert found(epub(f'<dc:rights>All rights reserved</dc:rights><link rel="cc:license" href="{by}"/>')) == ("cc:license", by)


def test_made_by_an_algorithm_is_told():
    kind = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    actions = superbox("c2pa.actions.v2", box(b"cbor", cbor({"actions": [{"action": "c2pa.created", "digitalSourceType": kind}]})))
    assert says(png(manifest(actions))) == [("synthetic", "none")]
    ext = {"Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"}
    assert says(jpeg(xmp=packet(f'Iptc4xmpExt:DigitalSourceType="{kind}"', **ext))) == [("synthetic", "none")]


@given(st.binary(max_size=400), st.integers(0, 300), st.integers(0, 300))
def test_no_damage_raises(noise, at, cut):
    for body in (
        jpeg(manifest(mining("notAllowed")), data_mining("ALLOWED")),
        png(manifest(mining("allowed"))),
        epub("<dc:rights>x</dc:rights>"),
    ):
        evidence(body[:at] + noise + body[at:])
        evidence(body[: len(body) - cut])
    list(jumbf.assertions(noise))


@pytest.mark.parametrize(
    "body",
    [
        png(box(b"jumb", b"") * 100_000),
        png(superbox("a", *[superbox("b")] * 5000)),
        png(manifest(superbox("cawg.training-mining", box(b"cbor", b"\x81" * 50_000)))),
        png(manifest(superbox("cawg.training-mining", box(b"cbor", b"\x9f" + b"\x01" * 60_000)))),
        jpeg(xmp=packet("", "<plus:DataMining>" * 3000, plus=PLUS)),
        b"%PDF" + packet("plus:DataMining=" * 4000, plus=PLUS) * 20,
        b"%PDF" + b"/Type /Metadata" * 60_000,
        epub('<meta property="tdm:policy" ' * 20_000),
        pdf(zlib.compress(bytes(50_000_000)), deflated=True),
        b"\xff\xd8" + b"\xff\xe0\0\x02" * 250_000,
    ],
    ids=range(10),
)
def test_hostile_files_are_bounded(body):
    started = time.process_time()
    evidence(body)
    assert time.process_time() - started < 5  # of work; each takes some milliseconds


def test_records_of_an_archive(tmp_path):
    url = "https://a.example/i.jpg"
    records = [
        response(jpeg(manifest(mining("notAllowed"))), url, mime="image/jpeg"),
        response(jpeg(), "https://a.example/plain.jpg", mime="image/jpeg"),
        response(epub('<meta property="tdm:reservation">1</meta>'), "https://a.example/b.epub", mime="application/epub+zip"),
        response(jpeg(manifest(mining("notAllowed"))), "https://a.example/gone.jpg", status="404 Not Found", mime="image/jpeg"),
        response(b"body { }", "https://a.example/s.css", mime="text/css"),
    ]
    (tmp_path / "a.warc.gz").write_bytes(members(*records))
    outcome = read(tmp_path / "a.warc.gz")
    assert [(row["kind"], row["url"], row["origin"]["mime"]) for row in outcome.hosts] == [
        ("media", url, "image/jpeg"),
        ("media", "https://a.example/b.epub", "application/epub+zip"),
    ]
    assert outcome.skipped == {"response_media": 2, "response_mime": 2, "response_status": 1}
    assert outcome.records == len(records)
    assert outcome.hosts[0]["payload_digest"].startswith("blake3:")
