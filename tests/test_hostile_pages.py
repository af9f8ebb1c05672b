"""Pages that lie and pages that attack, through a whole run: a licence is nobody else's, and what they say is shown as text wherever it is shown."""

import gzip
import re
import sys
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from read.reading import response
from rich.console import Console

from curate import api
from curate.store import Store
from curate.why import render, story

sys.path.insert(0, str(Path(__file__).parent / "review"))
from desk_client import client, desk_of

WORDS = "The words of an article that anybody could read in the morning, with a comma and a full stop. " * 6
VICTIM, FORGER, HOSTILE = "https://victim.example/page", "https://forger.example/", "https://hostile.example/"
CC0, BY = "https://creativecommons.org/publicdomain/zero/1.0/", "https://creativecommons.org/licenses/by/4.0/"
FORGED = f"""<head><link rel=canonical href={VICTIM}><base href=https://victim.example/><meta property=og:url content={VICTIM}>
<script type=application/ld+json>{{"@type": "WebPage", "@id": "{VICTIM}", "url": "{VICTIM}", "license": "{CC0}"}}</script></head>
<p>{WORDS}<p>All pages of victim.example are under CC0. <a rel=license about={VICTIM} href={BY}>CC BY</a>"""
ATTACK = "\x1b]0;taken\x07\x1b[2J\u202e<script>alert(1)</script><img src=x onerror=alert(2)> [link=file:///x]y[/link] [bold]"
ESCAPED = ATTACK.replace("<", "&lt;").replace('"', "&quot;")
ATTACKS = f"""<title>{ESCAPED}</title><meta name=robots content="noai {ESCAPED}"><p>{WORDS}</p><p>{ESCAPED} under <a rel=license href={BY}>CC BY</a>"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    link = ("Link", f'<{BY}>; rel=license; anchor="{VICTIM}"')
    robots = f"User-agent: *\nHost: victim.example\nContent-Signal: ai-train=yes\nSitemap: {VICTIM}\n"
    records = [
        response(FORGED.encode(), FORGER, headers=[link]),
        response(robots.encode(), FORGER + "robots.txt", mime="text/plain"),
        response(f"<p>{WORDS}".encode(), VICTIM),
        response(ATTACKS.encode(), HOSTILE, headers=[("X-Robots-Tag", f"noai {ATTACK}")]),
    ]
    (folder / "pages.warc.gz").write_bytes(b"".join(map(gzip.compress, records)))
    steps = [{"markup": {}}, {"license": {}}, {"consent": {"policy": "record_only"}}]
    recipe = {"name": "hostile", "input": [{"uri": str(folder / "pages.warc.gz"), "source": "crawl"}], "steps": steps}
    api.run(recipe, output=folder / "run", workers=1)
    return folder / "run"


@pytest.fixture(scope="module")
def rows(run):
    """By URL."""
    folders = [ds.dataset(run / name, format="parquet", exclude_invalid_files=True).to_table() for name in ("documents", "removed")]
    return {row["url"]: row for row in pa.concat_tables(folders, promote_options="default").to_pylist()}


def test_a_page_speaks_of_itself_alone(rows):
    victim, forger = rows[VICTIM], rows[FORGER]
    assert (victim["license__spdx"], victim["license__evidence"], victim["consent__signals"]) == ("NOASSERTION", [], [])
    assert (forger["license__spdx"], forger["license__scope"]) == (
        "NOASSERTION",
        None,
    )  # what it says of another page is no claim on its own
    (header,) = [one for one in forger["license__evidence"] if one["kind"] == "header"]
    assert VICTIM in header["snippet"]


def test_a_host_speaks_of_itself_alone(run):
    hosts = ds.dataset(run / "hosts", format="parquet", exclude_invalid_files=True).to_table().to_pylist()
    assert {row["host"] for row in hosts} == {"forger.example"}


def test_why_shows_headers_claims_and_signals_as_text(run):
    console = Console(width=400, record=True, soft_wrap=True, file=StringIO())
    console.print(render(story(Store(str(run)), HOSTILE)))
    text = console.export_text()
    assert re.search(r"header X-Robots-Tag +noai .*<script>alert\(1\)", text)
    assert re.search(r"claims +kind=rel, value=https://creativecommons.org/licenses/by/4.0/, .*snippet=.*<img src=x .*\[bold\]", text)
    assert re.search(r"wishes +name=robots, value=noai .*<script>alert\(1\)", text)
    assert "mechanism=noai, carrier=header" in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)


def test_the_desk_and_the_card_show_it_as_text(run, rows):
    who, shown = client(desk_of(run)), f"/document/{rows[HOSTILE]['id'].hex()}"
    pages = {path: who.get(path).text for path in (shown, "/overview", "/rights", "/samples", "/search?q=alert", "/card")}
    pages |= {path.name: path.read_text() for path in (run / "card").glob("*.html")}
    for path, page in pages.items():
        assert not re.search("<script>alert|<img src=x|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page), path
    assert pages[shown].count("&lt;script&gt;alert(1)") >= 3
