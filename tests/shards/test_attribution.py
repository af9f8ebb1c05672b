"""Which licences ask to be named, and where they can be read."""

import pytest

from curate.rights import expression
from curate.shards.attribution import asks, license_url, works


@pytest.mark.parametrize(
    ("spdx", "asked"),
    [
        ("CC-BY-4.0", True),
        ("CC-BY-NC-ND-3.0", True),
        ("MIT", True),
        ("Apache-2.0 AND CC0-1.0", True),
        ("CC0-1.0", False),
        ("MIT-0", False),
        ("0BSD", False),
        ("Unlicense", False),
        ("LicenseRef-all-rights-reserved", False),
    ],
)
def test_which_licences_ask(spdx, asked):
    assert asks(spdx, expression(spdx).bits if expression(spdx) else ()) is asked


@pytest.mark.parametrize(
    ("spdx", "url"),
    [
        ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
        ("CC-BY-NC-SA-2.5", "https://creativecommons.org/licenses/by-nc-sa/2.5/"),
        ("CC-BY-3.0-DE", "https://creativecommons.org/licenses/by/3.0/de/"),
        ("MIT", "https://spdx.org/licenses/MIT.html"),
        ("LicenseRef-CC-BY", ""),
        ("MIT AND CC0-1.0", ""),
    ],
)
def test_where_they_can_be_read(spdx, url):
    assert license_url(spdx) == url


def test_a_work_without_title_author_or_url_is_listed_all_the_same():
    rows = [{"id": b"\1" * 16, "source": "s", "spdx": "MIT"}, {"id": b"\2" * 16, "source": "s", "spdx": None}]
    (work,) = works(rows, "spdx", None, lambda spdx: ["permissive"])
    assert (work.id, work.title, work.author, work.url, work.source) == ("01" * 16, None, None, None, "s")
