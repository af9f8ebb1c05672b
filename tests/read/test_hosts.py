"""Files of whole hosts: which records they are, what is kept of them, and that they are no documents."""

from datetime import UTC, datetime

import pytest

from curate.read.hosts import MAX_TEXT, kind_of
from read.reading import members, page, read, response, warc

RULES = b"User-agent: GPTBot\nDisallow: /\nContent-Signal: ai-train=no\n"


def _read(tmp_path, *records):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(members(*records))
    return read(path)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://a.org/robots.txt", "robots"),
        ("http://a.org:8080/robots.txt", "robots"),
        ("HTTP://a.org/ai.txt", "ai"),
        ("https://a.org/.well-known/tdmrep.json", "tdmrep"),
        ("https://a.org/tdmrep.json", None),
        ("https://a.org/blog/robots.txt", None),
        ("https://a.org/robots.txt?x", None),
        ("https://a.org/ROBOTS.TXT", None),
        ("urn:x/robots.txt", None),
        (None, None),
    ],
)
def test_which_urls(url, kind):
    assert kind_of(url) == kind


def test_a_row_tells_all_and_the_record_is_no_document(tmp_path):
    url = "https://www.Example.co.uk:8443/robots.txt"
    record = response(RULES, url, mime="text/plain", headers=[("X-Robots-Tag", "noai"), ("Server", "x")], record_id="7")
    outcome = _read(tmp_path, record, response(page("a")))
    assert (len(outcome.rows), outcome.skipped, outcome.errors) == (1, {"response_robots": 1}, [])
    (row,) = outcome.hosts
    assert (row["kind"], row["scheme"], row["host"], row["port"], row["url"]) == ("robots", "https", "www.example.co.uk", 8443, url)
    assert row["text"].encode() == RULES
    assert row["observed_at"] == datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert row["headers"][1:] == [{"name": "X-Robots-Tag", "value": "noai"}]
    assert (row["origin"]["record_id"], row["origin"]["offset"], row["origin"]["http_status"]) == ("urn:x:7", 0, 200)
    assert row["source"] == "test"


def test_absence_and_redirects_are_evidence(tmp_path):
    gone = response(b"<h1>404</h1>", "https://a.org/robots.txt", status="404 Not Found")
    moved = response(b"", "https://b.org/ai.txt", status="301 Moved", headers=[("Location", "https://www.b.org/ai.txt")])
    outcome = _read(tmp_path, gone, moved)
    assert [(r["kind"], r["origin"]["http_status"], r["location"], r["text"]) for r in outcome.hosts] == [
        ("robots", 404, None, None),
        ("ai", 301, "https://www.b.org/ai.txt", None),
    ]
    assert outcome.skipped == {"response_robots": 1, "response_ai": 1}


def test_a_page_sent_for_everything_is_no_robots_txt(tmp_path):
    records = [response(page("soft 404"), "https://a.org/robots.txt", mime=mime) for mime in ("text/html", "text/plain", None)]
    outcome = _read(tmp_path, *records)
    assert [row["text"] for row in outcome.hosts] == [None, None, None]
    assert outcome.rows == []


def test_json_is_text_and_long_files_are_cut(tmp_path):
    rules = b'[{"location": "/", "tdm-reservation": 1}]'
    long = b"# x\n" * MAX_TEXT
    outcome = _read(
        tmp_path,
        response(rules, "https://a.org/.well-known/tdmrep.json", mime="application/json"),
        response(long, "https://a.org/robots.txt", mime="text/plain"),
    )
    assert [row["kind"] for row in outcome.hosts] == ["tdmrep", "robots"]
    assert outcome.hosts[0]["text"].encode() == rules
    assert len(outcome.hosts[1]["text"]) == MAX_TEXT


def test_a_broken_one_is_a_counted_error(tmp_path):
    outcome = _read(
        tmp_path, warc("response", b"no http", "https://a.org/robots.txt"), warc("request", b"GET /", "https://a.org/robots.txt")
    )
    assert [error.message for error in outcome.errors] == ["expected an HTTP status line, got b'no http'"]
    assert outcome.skipped == {"request": 1}
    assert outcome.hosts == []
