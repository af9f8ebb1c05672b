"""Licences by name: the URL grammar of Creative Commons, other URLs, words of package metadata, expressions."""

import pytest

from curate.rights import CLASSES, expression, of_url, of_words, spdx_ids


@pytest.mark.parametrize(
    ("url", "spdx", "strictest", "port"),
    [
        ("http://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0", "attribution", None),
        ("//creativecommons.org/licenses/by-sa/3.0/de/deed.de", "CC-BY-SA-3.0-DE", "share-alike", "de"),
        ("https://www.creativecommons.org/licenses/by-nd-nc/1.0", "CC-BY-NC-ND-1.0", "no-derivatives", None),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0", "public-domain", None),
        ("https://creativecommons.org/publicdomain/mark/1.0/deed.en", "CC-PDM-1.0", "public-domain", None),
        ("http://creativecommons.org/licenses/publicdomain/", "CC-PDDC", "public-domain", None),
        ("https://i.creativecommons.org/l/by-nc-sa/4.0/88x31.png", "CC-BY-NC-SA-4.0", "non-commercial", None),
        ("https://licensebuttons.net/p/zero/1.0/88x31.png", "CC0-1.0", "public-domain", None),
        ("https://creativecommons.org/licenses/by/2.0/deed.fr", "CC-BY-2.0", "attribution", None),
        ("https://creativecommons.org/licenses/by/2.0/fr/", "CC-BY-2.0", "attribution", "fr"),
        ("https://creativecommons.org/licences/by/2.0/", "CC-BY-2.0", "attribution", None),
        ("https://creativecommons.org/licenses/by", "LicenseRef-CC-BY-unversioned", "attribution", None),
        ("https://creativecommons.org/licenses/by-nc-nd/4.0/de/", "CC-BY-NC-ND-4.0", "no-derivatives", None),
        ("http://creativecommons.org/licenses/by%2Dsa/2.5/", "CC-BY-SA-2.5", "share-alike", None),
        ("HTTP://CREATIVECOMMONS.ORG/LICENSES/BY-SA/4.0?lang=de", "CC-BY-SA-4.0", "share-alike", None),
        ("https://creativecommons.org/licenses/sampling+/1.0/", "LicenseRef-CC-SAMPLING-Plus-1.0", "custom", None),
        ("https://creativecommons.org/licenses/by/9.9/", "LicenseRef-CC-BY-unversioned", "attribution", None),
        ("https://creativecommons.org/licenses/by/2.1/jp/", "LicenseRef-CC-BY-2.1", "attribution", "jp"),
        ("https://www.gnu.org/licenses/fdl-1.3.html", "GFDL-1.3-only", "share-alike", None),
        ("https://www.gnu.org/licenses/gpl-3.0.html", "GPL-3.0-only", "copyleft", None),
        ("https://opensource.org/licenses/MIT", "MIT", "permissive", None),
        ("https://opensource.org/license/bsd-3-clause", "BSD-3-Clause", "permissive", None),
        ("http://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0", "permissive", None),
        ("https://spdx.org/licenses/ISC.html", "ISC", "permissive", None),
        ("https://opendatacommons.org/licenses/odbl/1-0/", "ODbL-1.0", "share-alike", None),
        ("http://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/", "OGL-UK-3.0", "attribution", None),
        ("http://rightsstatements.org/vocab/InC/1.0/", "LicenseRef-all-rights-reserved", "all-rights-reserved", None),
    ],
)
def test_urls(url, spdx, strictest, port):
    licence = of_url(url)
    assert (licence.spdx, licence.strictest, licence.jurisdiction) == (spdx, strictest, port)


@pytest.mark.parametrize(
    ("url", "spdx", "port"),
    [
        ("https://creativecommons.org/licenses/by/4.0/de/", "CC-BY-4.0", None),
        ("https://creativecommons.org/licenses/by/2.5/igo/", "CC-BY-2.5", None),
        ("https://creativecommons.org/licenses/by/3.0/xx/", "CC-BY-3.0", None),
        ("https://creativecommons.org/licenses/by/5.0/", "LicenseRef-CC-BY-unversioned", None),
        ("https://creativecommons.org/licenses/by/12.0/", "LicenseRef-CC-BY-unversioned", None),
        ("https://creativecommons.org/licenses/sampling/3.0/", "LicenseRef-CC-SAMPLING-unversioned", None),
        ("https://creativecommons.org/publicdomain/zero/4.0/", "CC0-1.0", None),
    ],
)
def test_what_never_existed_is_not_taken_over(url, spdx, port):
    licence = of_url(url)
    assert (licence.spdx, licence.jurisdiction, licence.odd) == (spdx, port, True)


@pytest.mark.parametrize(
    "url",
    [
        "http://creativecommons.org/licenses/\n  by/4.0/",
        "https://i0.wp.com/i.creativecommons.org/l/by/4.0/88x31.png",
        "https://web.archive.org/web/2016/https://creativecommons.org/licenses/by/4.0/",
        "https://creativecommons.org/licenses/by/4.0/legalcode.de",
        "https://creativecommons.org/licenses/by/4.0/deed.en_US",
        "https://creativecommons.org:443/licenses//by/4.0#top",
    ],
)
def test_forms_found_in_the_wild(url):
    licence = of_url(url)
    assert (licence.spdx, licence.odd) == ("CC-BY-4.0", False)


@pytest.mark.parametrize(
    "url",
    [
        "https://creativecommons.org/licenses/",
        "https://creativecommons.org/choose/",
        "https://creativecommons.org/about/cclicenses/",
        "https://creativecommons.org/licenses/by-xx/4.0/",
        "https://creativecommons.org/publicdomain/",
        "https://opensource.org/licenses/alphabetical",
        "https://example.com/license",
        "",
    ],
)
def test_what_is_no_licence(url):
    assert of_url(url) is None


@pytest.mark.parametrize(
    ("words", "spdx", "strictest"),
    [
        ("MIT", "MIT", "permissive"),
        ("The MIT License", "MIT", "permissive"),
        ("Apache License, Version 2.0", "Apache-2.0", "permissive"),
        ("License :: OSI Approved :: Apache Software License", "LicenseRef-Apache-unversioned", "permissive"),
        ("BSD License", "LicenseRef-BSD-unversioned", "permissive"),
        ("3-Clause BSD License", "BSD-3-Clause", "permissive"),
        ("GPLv3+", "GPL-3.0-or-later", "copyleft"),
        ("LGPLv2.1", "LGPL-2.1-only", "copyleft"),
        ("GNU General Public License v3 (GPLv3)", "GPL-3.0-only", "copyleft"),
        ("License :: OSI Approved :: GNU Lesser General Public License v3 or later (LGPLv3+)", "LGPL-3.0-or-later", "copyleft"),
        ("PSF", "PSF-2.0", "permissive"),
        ("Public Domain", "LicenseRef-public-domain", "public-domain"),
        ("CC BY-SA 4.0", "CC-BY-SA-4.0", "share-alike"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International", "CC-BY-NC-SA-4.0", "non-commercial"),
        ("Creative Commons Attribution-NoDerivatives 4.0", "CC-BY-ND-4.0", "no-derivatives"),
        ("CC BY", "LicenseRef-CC-BY-unversioned", "attribution"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0", "copyleft"),
        ("// SPDX-License-Identifier: Apache-2.0 OR MIT */", "Apache-2.0 OR MIT", "permissive"),
        ("under https://opensource.org/licenses/MIT", "MIT", "permissive"),
        ("Copyright (c) 2020 A. All rights reserved.", "LicenseRef-all-rights-reserved", "all-rights-reserved"),
    ],
)
def test_words(words, spdx, strictest):
    licence = of_words(words)
    assert (licence.spdx, licence.strictest) == (spdx, strictest)


@pytest.mark.parametrize("words", ["", "UNKNOWN", "Dual License", "LICENSE.txt", "© 2020 Foo Inc", "see below", "MIT " * 100])
def test_words_that_name_nothing(words):
    assert of_words(words) is None


def test_expressions():
    assert expression("mit and (gpl-3.0 or apache-2.0)").spdx == "MIT AND (GPL-3.0-only OR Apache-2.0)"
    assert expression("MIT AND GPL-3.0-only").bits == {"permissive", "copyleft"}
    assert expression("MIT OR GPL-3.0-only").bits == {"permissive"}
    assert expression("Apache-2.0 WITH LLVM-exception").strictest == "permissive"
    for text in ("MIT AND", "No-Such-1.0", "((", "and"):
        assert expression(text) is None


def test_every_spdx_licence_has_a_class():
    for spdx in spdx_ids():
        licence = expression(spdx)
        assert licence is None or licence.strictest in CLASSES
    assert sum(expression(spdx) is not None for spdx in spdx_ids()) > 0.9 * len(spdx_ids())
    assert expression("CC-BY-NC-4.0").bits == {"non-commercial"}
    assert expression("CC-BY-SA-4.0").strictest == "share-alike"


def test_creative_commons_legal_texts(shared):
    """File names of the legal code say licence, version and port; the URL made of them says the same."""
    import json

    import zstandard

    path = shared("license-cc-legalcode-a") / "truth.jsonl.zst"
    lines = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(path.open("rb")).read().split(b"\n")
    files = [json.loads(line)["file"] for line in lines if line]
    seen = 0
    for name in files:
        parts = name.rsplit("/", 1)[-1].removesuffix(".html").split("_")
        if len(parts) < 2 or not parts[1][:1].isdigit():
            continue
        url = "https://creativecommons.org/licenses/" + "/".join(parts[:2]) + "/" + (parts[2] + "/" if len(parts) > 2 else "")
        licence = of_url(url)
        if licence is not None:
            seen += 1
            assert parts[1] in licence.spdx or "1.0" in licence.spdx, (name, licence)
    assert seen > 200
