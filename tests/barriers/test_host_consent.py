"""Consent of hosts: files and pages meet, policies, times, and what the page itself said."""

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from barrier_runner import Cut, run

from curate.barrier import load
from curate.barriers.host_consent import SIGNALS
from curate.consent import table
from curate.consent.hosts import FULL, Seen, of_page, place
from curate.consent.policy import TRAINERS
from curate.errors import RecipeError

BARRIER = load("host_consent")
FILES = str(Path(__file__).parents[1] / "golden" / "host_files.jsonl")
WHEN = datetime(2024, 6, 1, tzinfo=UTC)


def documents(urls, when=WHEN, **columns):
    ids = [hashlib.sha256(f"{n}".encode()).digest()[:16] for n in range(len(urls))]
    times = pa.array([when] * len(urls), pa.timestamp("us", tz="UTC"))
    text = pa.array(["text"] * len(urls), pa.large_string())
    return pa.table({"id": pa.array(ids, pa.binary(16)), "url": pa.array(urls, pa.string()), "fetched_at": times, "text": text, **columns})


def law_case():
    """Pages of hosts with files of all kinds, and of hosts without."""
    hosts = [json.loads(line)["url"].split("/")[2] for line in Path(FILES).read_text().splitlines()]
    urls = [
        f"https://{host}/{path}" for host in ["none.example", "other.example", *hosts] for path in ("", "private/a", "free/b", "c.html")
    ]
    return BARRIER.config(observed=FILES), documents([*urls, None, "no address", "http://[bad/"])


def marked(urls, when=WHEN, documents_=None, **options):
    config = BARRIER.config(**{"observed": FILES} | options)
    rows = run(BARRIER, config, documents_ or documents(urls, when), Cut(parts=2)).to_pylist()
    return [{name.removeprefix("host_consent__"): value for name, value in row.items()} for row in rows]


@pytest.mark.parametrize(
    ("url", "verdict", "drop", "basis"),
    [
        ("https://closed.example/a", "deny", "opted_out", "strict/2 robots robots.txt at_fetch:2024-01-01"),
        ("https://partly.example/private/x", "deny", "opted_out", "strict/2 robots robots.txt at_fetch:2024-01-01"),
        ("https://partly.example/a", "allow", None, "strict/2 ai-train robots.txt at_fetch:2024-01-01"),
        ("https://later.example/a", "deny", "opted_out", "strict/2 train-ai robots.txt snapshot:2026-01-01"),
        ("https://down.example/a", "deny", "opted_out", "strict/2 robots robots.txt at_fetch:2024-01-01"),
        ("https://none.example/a", "unknown", None, "strict/2 no signal robots.txt at_fetch:2024-01-01"),
        ("https://page.example/a", "unclear", "held_consent", "strict/2 robots robots.txt at_fetch:2024-01-01"),
        ("https://tdm.example/a", "deny", "opted_out", "strict/2 tdm tdmrep.json at_fetch:undated"),
        ("https://tdm.example/free/a", "allow", None, "strict/2 tdm tdmrep.json at_fetch:undated"),
        ("https://art.example/a", "deny", "opted_out", "strict/2 ai.txt ai.txt at_fetch:undated"),
        ("https://rsl.example/a", "allow", None, "strict/2 rsl rsl at_fetch:undated"),
        ("https://lost.example/a", "deny", "opted_out", "strict/2 rsl robots.txt at_fetch:undated"),
        ("http://CLOSED.example:80/a", "deny", "opted_out", "strict/2 robots robots.txt at_fetch:2024-01-01"),
        ("https://tdm.example/out", "deny", "opted_out", "strict/2 tdm tdmrep.json at_fetch:undated"),
        ("https://sub.closed.example/a", "unseen", "held_consent", "strict/2 no host file"),
        (None, "unseen", "held_consent", "strict/2 no host"),
    ],
)
def test_what_a_host_says(url, verdict, drop, basis):
    row = marked([url])[0]
    assert (row["verdict"], row["drop"], row["basis"]) == (verdict, drop, basis)


def test_raw_signals_stand_beside_the_verdict():
    row = marked(["https://closed.example/a"])[0]
    signal = {
        "mechanism": "robots",
        "carrier": "robots.txt",
        "value": "gptbot: Disallow: /",
        "says": "deny",
        "observed": "at_fetch:2024-01-01",
    }
    assert row["signals"] == [signal]
    assert (row["value"], row["threshold"]) == ("robots: gptbot: Disallow: /", "strict/2")


def test_policies():
    urls = [f"https://{host}.example/a" for host in ("closed", "partly", "later", "art", "page", "tdm")]
    assert [row["verdict"] for row in marked(urls, policy="eu_tdm")] == ["deny", "allow", "deny", "unseen", "unknown", "deny"]
    crawled = ["unknown"] * 3 + ["unseen", "unknown", "unseen"]
    assert [row["verdict"] for row in marked(urls, policy="crawl_time")] == crawled
    assert [row["verdict"] for row in marked(urls, policy="crawl_time", agent="GPTBot")] == ["deny", *crawled[1:]]
    assert [row["drop"] for row in marked(urls, policy="record_only")] == [None] * 6
    assert [row["drop"] for row in marked(urls, deny=["deny", "unknown"])][1] is None
    assert marked(["https://none.example/"], deny=["deny", "unknown"])[0]["value"] == "unknown: no signal robots.txt at_fetch:2024-01-01"
    assert marked(["https://partly.example/"], policy="strict", agents=["OwnBot"])[0]["verdict"] == "allow"


@pytest.mark.parametrize(
    ("policy", "unseen", "unknown", "unreadable"),
    [
        ("strict", "held_consent", None, "held_consent"),
        ("eu_tdm", "held_consent", None, None),
        ("crawl_time", None, None, None),
        ("record_only", None, None, None),
    ],
)
def test_what_no_evidence_means_under_each_policy(policy, unseen, unknown, unreadable):
    """A host that nobody asked, one that was asked and says nothing, one whose answer cannot be read; the row says which it is."""
    rows = marked(["https://other.example/", "https://none.example/", "https://page.example/"], policy=policy)
    assert [row["drop"] for row in rows] == [unseen, unknown, unreadable]
    assert [row["verdict"] for row in rows[:2]] == ["unseen", "unknown"]
    assert [row["basis"].split(" ", 1)[1] for row in rows[:2]] == ["no host file", "no signal robots.txt at_fetch:2024-01-01"]
    assert all(row["basis"].startswith(f"{policy}/") for row in rows)
    if unseen:
        assert (rows[0]["value"], rows[0]["threshold"]) == ("unseen: no host file", rows[0]["basis"].split(" ")[0])


def test_the_recipe_comes_before_the_policy():
    page = ["https://other.example/"]
    assert marked(page, hold=None)[0]["drop"] is None
    assert marked(page, hold=["unclear"])[0]["drop"] is None
    assert marked(page, policy="crawl_time", hold=["unseen"])[0]["drop"] == "held_consent"
    assert marked(page, deny=["deny", "unseen"])[0]["drop"] == "opted_out"
    assert BARRIER.config().hold == ["unclear", "unseen"]
    assert BARRIER.config(policy="eu_tdm").hold == ["unseen"]
    again = BARRIER.config(**BARRIER.config(policy="eu_tdm").model_dump())
    assert again == BARRIER.config(policy="eu_tdm")


def test_a_permission_of_the_page_speaks_for_a_host_that_nobody_asked():
    said = {"consent__verdict": pa.array(["allow", "unknown"], pa.string()), "consent__signals": pa.array([[], []], SIGNALS)}
    rows = marked([], documents_=documents(["https://other.example/"] * 2, **said), page="consent")
    assert [(row["verdict"], row["drop"]) for row in rows] == [("allow", None), ("unseen", "held_consent")]


def test_a_later_permission_does_not_loosen():
    seen = [
        Seen("robots", datetime(2023, 1, 1, tzinfo=UTC), "https", None, 200, "User-agent: *\nDisallow: /\n"),
        Seen("robots", datetime(2025, 1, 1, tzinfo=UTC), "https", None, 200, "User-agent: *\nContent-Signal: ai-train=yes\n"),
    ]
    said = of_page(seen, place("https://x/a", WHEN), TRAINERS, later=True)
    assert [(one.mechanism, one.says, one.observed) for one in said] == [
        ("robots", "deny", "at_fetch:2023-01-01"),
        ("ai-train", "allow", "snapshot:2025-01-01"),
    ]
    assert len(of_page(seen, place("https://x/a", WHEN), TRAINERS, later=False)) == 1
    early = of_page(seen, place("https://x/a", datetime(2020, 1, 1, tzinfo=UTC)), TRAINERS, later=False)
    assert early[0].observed == "at_fetch:2023-01-01"


def test_the_page_supersedes_the_tdm_file_and_its_denial_counts():
    urls = ["https://tdm.example/a"] * 3 + ["https://none.example/a"] * 2
    tdm = [{"mechanism": "tdm", "carrier": "header", "value": "0", "says": "allow", "observed": None}]
    page = {
        "consent__verdict": pa.array(["allow", "unknown", None, "deny", "allow"], pa.string()),
        "consent__signals": pa.array([tdm, [], None, [], []], SIGNALS),
    }
    rows = marked([], documents_=documents(urls, **page), page="consent")
    assert [row["verdict"] for row in rows] == ["allow", "deny", "deny", "deny", "allow"]
    assert BARRIER.reads(BARRIER.config(page="consent")) == ("url", "fetched_at", "consent__verdict", "consent__signals")


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (Seen("robots", WHEN, "https", None, 200, None), "unclear"),
        (Seen("robots", WHEN, "https", None, 301, None), "unclear"),
        (Seen("robots", WHEN, "https", None, 403, None), "none"),
        (Seen("robots", WHEN, "https", None, 500, None), "deny"),
        (Seen("robots", WHEN, "https", None, 200, "# long\n" * (FULL // 7 + 1)), "unclear"),
        (Seen("tdmrep", WHEN, "https", None, 200, None), "none"),
        (Seen("tdmrep", WHEN, "https", None, 200, "{"), "unclear"),
        (Seen("ai", WHEN, "https", None, 500, None), "none"),
    ],
)
def test_files_that_are_none(seen, says):
    said = of_page([seen], place("https://x/a", WHEN), TRAINERS, later=True)
    assert [one.says for one in said][-1] == says
    assert all(one.value for one in said)


def test_a_redirect_counts_only_alone():
    moved, real = Seen("robots", WHEN, "http", None, 301, None), Seen("robots", WHEN, "https", None, 200, "User-agent: *\nDisallow: /\n")
    assert [one.says for one in of_page([moved, real], place("http://x/a", WHEN), TRAINERS, later=True)] == ["deny"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"url": "robots.txt"}', r"row 1: expected an address with a host as `url`, got 'robots.txt'; write https"),
        ('{"url": "https://x/other"}', r"row 1: expected a kind of \['robots', 'tdmrep', 'ai', 'rsl'\], got 'None'"),
        ('{"url": "https://x/robots.txt", "observed_at": "soon"}', r"expected `observed_at` in ISO 8601, got 'soon'"),
        ("[1]", r"expected a table of host files .* got a line that is no object: \[1\]; give it the columns"),
        ("{", "expected a table of host files"),
    ],
)
def test_a_table_with_a_slip_is_refused(tmp_path, line, message):
    path = tmp_path / "hosts.jsonl"
    path.write_text(line)
    with pytest.raises(RecipeError, match=message):
        table.read(str(path))
    with pytest.raises(ValueError, match="expected"):
        BARRIER.config(observed=str(path))
    with pytest.raises(ValueError, match="expected a table of host files"):
        BARRIER.config(observed=str(tmp_path / "none.parquet"))


def test_the_table_is_named_by_its_content(tmp_path):
    path = tmp_path / "hosts.jsonl"
    seen = []
    for text in ("", "User-agent: *", ""):
        path.write_text(json.dumps({"url": "https://x/robots.txt", "text": text}))
        os.utime(path, ns=(len(seen) * 10**9, len(seen) * 10**9))
        seen.append(BARRIER.models(BARRIER.config(observed=str(path)))["observed"])
    assert seen[0] == seen[2] != seen[1]
    assert BARRIER.models(BARRIER.config()) == {}


def response(url, body, extra=""):
    payload = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{extra}\r\n{body}".encode()
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-06-01T00:00:00Z\r\n"
    head += f"WARC-Record-ID: <urn:uuid:{hashlib.md5(url.encode()).hexdigest()}>\r\nContent-Type: application/http;msgtype=response\r\n"
    return head.encode() + f"Content-Length: {len(payload)}\r\n\r\n".encode() + payload + b"\r\n\r\n"


def test_files_and_pages_of_different_archives_meet_in_a_run(tmp_path):
    """robots.txt lies in one archive, the pages in another; a page of an open host stays with its basis."""
    import curate

    page = "A few words of prose that someone wrote for people to read. " * 8
    pages = [
        response(f"https://{host}.example/{n}", page.replace("few", f"few {host} {n}"))
        for host in ("open", "shut", "bare")
        for n in range(3)
    ]
    pages.append(response("https://open.example/no", page.replace("few", "no"), extra="X-Robots-Tag: noai\r\n"))
    files = [
        response("https://open.example/robots.txt", "User-agent: *\nContent-Signal: ai-train=yes\n"),
        response("https://shut.example/robots.txt", "User-agent: CCBot\nDisallow: /\n"),
    ]
    for name, records in (("a.warc", pages), ("b.warc", files)):
        (tmp_path / name).write_bytes(b"".join(records))
    recipe = {
        "name": "hosts",
        "input": [{"uri": str(tmp_path / "*.warc"), "source": "web"}],
        "steps": [{"consent": {}}, {"host_consent": {"page": "consent"}}],
    }
    curate.run(recipe, output=str(tmp_path / "run"), workers=1)
    made = curate.open(tmp_path / "run")
    kept = made.documents().to_table().to_pylist()
    assert sorted(row["url"][8:12] for row in kept) == ["open"] * 3
    assert {row["host_consent__basis"] for row in kept if "open" in row["url"]} == {"strict/2 ai-train robots.txt at_fetch:2024-06-01"}
    left = made.removed().to_table().to_pylist()
    assert {row["host_consent__basis"] for row in left if "bare" in row["url"]} == {"strict/2 no host file"}
    assert sorted(row["removed_by"] for row in left) == (
        ["consent:opted_out"] + ["host_consent:held_consent"] * 3 + ["host_consent:opted_out"] * 3
    )
    assert np.all([row["value"] for row in left])
