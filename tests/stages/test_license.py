"""Licence: evidence to identifier, class, scope and confidence; conflicts, media, lists."""

import json

import pyarrow as pa
import pytest

from curate import schema
from curate.stages.license import Config, license
from curate.stages.markup import CLAIMS, markup
from curate.stages.markup import Config as MarkupConfig

BY, BY_SA, BY_NC_ND, CC0 = (
    f"https://creativecommons.org/{path}/"
    for path in ("licenses/by/4.0", "licenses/by-sa/3.0", "licenses/by-nc-nd/4.0", "publicdomain/zero/1.0")
)


def claim(kind, value, locator="footer a"):
    return {"kind": kind, "value": value, "locator": locator, "snippet": ""}


def one(claims=(), header=None, carried=None, config=None):
    config = config or Config()
    columns = {
        "text": pa.array(["text"], pa.large_string()),
        "headers": pa.array([[{"name": "Link", "value": header}] if header else []], schema.HEADERS),
        "markup__claims": pa.array([list(claims)], CLAIMS),
        "license": pa.array([carried], pa.string()),
    }
    measured = license.measure(pa.record_batch(columns), config, "license")
    return {n.removeprefix("license__"): c[0].as_py() for n, c in (measured | license.judge(measured, config, "license")).items()}


def test_no_evidence_is_unknown_and_no_permission():
    row = one()
    assert (row["spdx"], row["class"], row["scope"], row["confidence"], row["evidence"]) == ("NOASSERTION", "unknown", None, 0.0, [])
    assert row["drop"] is None
    refused = one(config=Config(allow=["permissive", "attribution"]))
    assert (refused["drop"], refused["value"]) == ("not_allowed", "unknown")
    assert one(config=Config(allow=["unknown"]))["drop"] is None


@pytest.mark.parametrize(
    ("kind", "locator", "scope", "confidence"),
    [
        ("link", "head link", "page", 0.85),
        ("rel", "footer a", "page", 0.8),
        ("rel", "article a", "page", 0.55),
        ("href", "footer a", "page", 0.7),
        ("icon", "footer img", "page", 0.4),
        ("json-ld", "head json-ld Article", "page", 0.9),
        ("meta", "head meta dc.rights", "page", 0.8),
        ("rdfa", "body span", "page", 0.85),
    ],
)
def test_kinds(kind, locator, scope, confidence):
    row = one([claim(kind, BY, locator)])
    assert (row["spdx"], row["class"], row["scope"], row["confidence"]) == ("CC-BY-4.0", "attribution", scope, confidence)
    assert row["evidence"] == [{"kind": kind, "value": BY, "spdx": "CC-BY-4.0", "locator": locator, "snippet": ""}]


@pytest.mark.parametrize(
    ("kind", "locator"), [("rel", "figure a"), ("href", "li a"), ("href", "aside a"), ("json-ld", "head json-ld ImageObject")]
)
def test_a_claim_on_a_part_has_no_say_on_the_page(kind, locator):
    row = one([claim(kind, BY, locator)])
    assert (row["spdx"], row["class"]) == ("NOASSERTION", "unknown")
    assert row["evidence"][0]["spdx"] == "CC-BY-4.0"


def test_headers():
    assert one(header=f'<{BY}>; rel="license", </style>; rel=stylesheet')["spdx"] == "CC-BY-4.0"
    assert one(header=f'<{BY}>; rel="next license"')["spdx"] == "CC-BY-4.0"
    assert one(header=f"<{BY}>; rel=next")["class"] == "unknown"
    assert one(header='</rsl.xml>; rel="license"; type="application/rsl+xml"')["class"] == "unknown"


@pytest.mark.parametrize(
    ("carried", "spdx", "name"),
    [
        ("MIT", "MIT", "permissive"),
        ("Apache-2.0 OR GPL-3.0-only", "Apache-2.0 OR GPL-3.0-only", "permissive"),
        ("MIT AND GPL-3.0-only", "MIT AND GPL-3.0-only", "copyleft"),
        ("License :: OSI Approved :: BSD License", "LicenseRef-BSD-unversioned", "permissive"),
        ("MIT\nLicense :: OSI Approved :: MIT License", "MIT", "permissive"),
        ("Copyright 2020 Somebody. All rights reserved.", "LicenseRef-all-rights-reserved", "all-rights-reserved"),
        ("see the file", "NOASSERTION", "custom"),
    ],
)
def test_package_metadata(carried, spdx, name):
    row = one(carried=carried)
    assert (row["spdx"], row["class"], row["scope"]) == (spdx, name, "document")


def test_claims_that_ask_for_different_things_are_a_conflict():
    row = one([claim("link", BY, "head link"), claim("href", BY_NC_ND)])
    assert (row["spdx"], row["class"], row["judged"]) == ("CC-BY-NC-ND-4.0", "conflict", "conflict")
    assert row["confidence"] == 0.35
    assert len(row["evidence"]) == 2
    assert one([claim("link", BY, "head link"), claim("href", BY_NC_ND)], config=Config(allow=["attribution"]))["drop"] == "not_allowed"


def test_the_same_licence_twice_is_no_conflict():
    row = one([claim("href", BY), claim("link", "http://creativecommons.org/licenses/by/2.0/fr/", "head link")])
    assert (row["spdx"], row["class"], row["jurisdiction"]) == ("CC-BY-2.0", "attribution", "fr")


def test_terms_that_cannot_be_read_are_custom():
    row = one([claim("link", "/terms", "head link")])
    assert (row["spdx"], row["class"], row["confidence"]) == ("NOASSERTION", "custom", 0.85)
    assert one([claim("meta", "© 2020 Somebody", "head meta copyright")])["class"] == "unknown"


def test_every_obligation_must_be_allowed():
    def drop(**lists):
        row = one([claim("link", BY_NC_ND, "head link")], config=Config(**lists))
        return row["drop"], row["value"]

    assert drop(allow=["non-commercial"]) == ("not_allowed", "no-derivatives")
    assert drop(allow=["no-derivatives"]) == ("not_allowed", "non-commercial")
    assert drop(allow=["no-derivatives", "non-commercial"]) == (None, None)
    assert drop(deny=["non-commercial"]) == ("denied", "non-commercial")
    assert drop(hold=["no-derivatives"]) == ("held_license", "no-derivatives")


def test_weak_evidence():
    row = one([claim("icon", "https://i.creativecommons.org/l/by/4.0/88x31.png", "footer img")], config=Config(min_confidence=0.5))
    assert (row["drop"], row["value"], row["threshold"]) == ("weak_evidence", "0.4", "< 0.5")


def test_from_the_page_to_the_class():
    page = f"<html><body><article><p>A text.</p></article><footer><a rel='license' href='{BY_SA}'>CC</a></footer></body></html>".encode()
    batch = pa.record_batch(
        {
            "raw": pa.array([page], pa.large_binary()),
            "headers": pa.array([[]], schema.HEADERS),
            "text": pa.nulls(1, pa.large_string()),
        }
    )
    made = markup.measure(batch, MarkupConfig(), "markup")
    row = one(made["markup__claims"][0].as_py())
    assert (row["spdx"], row["class"], row["evidence"][0]["locator"]) == ("CC-BY-SA-3.0", "share-alike", "footer a")


def test_bad_config():
    with pytest.raises(ValueError, match="Input should be 'public-domain', 'permissive'"):
        Config(allow=["free"])


def test_licences_that_people_saw(shared):
    """Pages whose licence an annotator wrote down: what we call a licence is the one that they saw."""
    import tarfile
    from io import BytesIO

    import zstandard

    folder = shared("extract-trafilatura-a")

    def text(name):
        return zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader((folder / name).open("rb")).read()

    truth = [json.loads(line) for line in text("truth.jsonl.zst").split(b"\n") if line]
    wanted = {t["file"]: t["license"] for t in truth if t.get("license")}
    if not wanted:
        pytest.skip("this copy of extract-trafilatura-a has no licences")
    with tarfile.open(fileobj=BytesIO(text("html.tar.zst"))) as archive:
        pages = {name: archive.extractfile(name).read() for name in wanted}
    found = 0
    for name, licence in wanted.items():
        batch = pa.record_batch(
            {
                "raw": pa.array([pages[name]], pa.large_binary()),
                "headers": pa.array([[]], schema.HEADERS),
                "text": pa.nulls(1, pa.large_string()),
            }
        )
        evidence = one(markup.measure(batch, MarkupConfig(), "markup")["markup__claims"][0].as_py())["evidence"]
        unit = licence.upper().replace("CC ", "").split(" ")[0]
        found += any(unit in (e["spdx"] or "") for e in evidence)
    assert found >= 0.6 * len(wanted), f"{found} of {len(wanted)}"
