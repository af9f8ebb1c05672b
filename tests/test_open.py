"""pipelines/open.yaml keeps only what can be answered for: every kept row is audited, on made pages of every kind and on a crawl."""

import hashlib

import curate
from curate import steward
from tests.open_audit import audited

BY, ARR = "https://creativecommons.org/licenses/by/4.0/", "All rights reserved"
NO_TOKENS = ["tokenizer=null", "shards=null"]


def record(url, body, mime="text/html", extra=""):
    payload = f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\n{extra}\r\n{body}".encode()
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-06-01T00:00:00Z\r\n"
    head += f"WARC-Record-ID: <urn:uuid:{hashlib.md5(url.encode()).hexdigest()}>\r\nContent-Type: application/http;msgtype=response\r\n"
    return head.encode() + f"Content-Length: {len(payload)}\r\n\r\n".encode() + payload + b"\r\n\r\n"


def page(topic, foot, head=""):
    words = f"{topic} is what this page speaks of, in a few sentences that nobody else wrote about {topic}. "
    text = "".join(f"<p>{words} Part {n} of {topic} goes on with more words about it.</p>" for n in range(6))
    return f"<html><head><title>{topic}</title>{head}</head><body><article>{text}</article><footer><p>{foot}</p></footer></body></html>"


GRANT = f'Text licensed under <a rel="license" href="{BY}">CC BY 4.0</a>'
PAGES = {
    "https://open.example/good": page("weaving", GRANT),
    "https://mit.example/docs": page("lathes", 'Licensed under <a rel="license" href="https://opensource.org/licenses/MIT">MIT</a>'),
    "https://none.example/bare": page("gardens", "Home | Contact"),
    "https://nc.example/a": page("bridges", f'Licensed under <a rel="license" href="{BY.replace("/by/", "/by-nc/")}">CC</a>'),
    "https://both.example/a": page("rivers", f"{GRANT}. <span>Copyright 2020 Ann. {ARR}.</span>"),
    "https://photo.example/a": page("clouds", f'Photo: Ann, <a href="{BY}">CC BY</a>'),
    "https://meta.example/no": page("stars", GRANT, '<meta name="robots" content="noai">'),
    "https://shut.example/a": page("wolves", GRANT),
    "https://unasked.example/a": page("herons", GRANT),
    "https://approved.example/a": page("otters", GRANT),
    "https://approved.example/no": page("badgers", GRANT, '<meta name="robots" content="noai">'),
    "https://agreed.example/no": page("martens", GRANT, '<meta name="robots" content="noai">'),
    "https://copy.example/a": page("tides", GRANT),
    "https://owner.example/a": page("tides", f"Copyright 2019 Ben. {ARR}", f'<meta name="copyright" content="{ARR}">'),
}
UNASKED = ("unasked", "approved", "agreed")
KEPT = {"https://open.example/good", "https://mit.example/docs", "https://approved.example/a", "https://agreed.example/no"}
LEFT = {
    "https://none.example/bare": "open:not_allowed",
    "https://nc.example/a": "open:not_allowed",
    "https://both.example/a": "license:held_license",
    "https://photo.example/a": "open:not_allowed",
    "https://meta.example/no": "consent:opted_out",
    "https://shut.example/a": "host_consent:opted_out",
    "https://unasked.example/a": "host_consent:held_consent",
    "https://approved.example/no": "consent:opted_out",
    "https://copy.example/a": "exact_dedup:held_laundering",
    "https://owner.example/a": "exact_dedup:held_laundering",
}


def approvals(folder, hosts):
    """A steward's file that approves hosts with these scopes, as an override of the recipe."""
    who = {"decision": "approve", "reason": "asked", "note": "letter of 2026-11-02", "by": "Ada", "date": "2026-11-27"}
    made = steward.Decisions(domains=tuple(steward.DomainDecision(host=host, scope=scope, **who) for host, scope in hosts.items()))
    (folder / "decisions.json").write_bytes(made.encode())
    return f"steward={folder / 'decisions.json'}"


def test_of_pages_of_every_kind_only_the_open_ones_stay(tmp_path):
    (tmp_path / "pages.warc").write_bytes(b"".join(record(url, body) for url, body in PAGES.items()))
    hosts = {
        url.split("/")[2]: "User-agent: *\nDisallow:\n" for url in PAGES if not url.startswith(tuple(f"https://{one}." for one in UNASKED))
    }
    hosts["shut.example"] = "User-agent: CCBot\nDisallow: /\n"
    files = [record(f"https://{host}/robots.txt", text, "text/plain") for host, text in hosts.items()]
    (tmp_path / "hosts.warc").write_bytes(b"".join(files))
    decided = approvals(tmp_path, {"approved.example": "consent", "agreed.example": "agreement"})
    kept, left = audited(tmp_path / "run", [str(tmp_path / "*.warc")], [*NO_TOKENS, decided])
    assert (kept, left) == (len(KEPT), len(LEFT))
    run = curate.open(tmp_path / "run")
    assert set(run.documents().to_table(columns=["url"])["url"].to_pylist()) == KEPT
    rows = run.documents().to_table(columns=["url", "overridden", "steward__scope"]).to_pylist()
    assert {row["url"]: (row["overridden"], row["steward__scope"]) for row in rows if row["overridden"]} == {
        "https://approved.example/a": ("host_consent:held_consent", "consent"),
        "https://agreed.example/no": ("consent:opted_out, host_consent:opted_out", "agreement"),
    }
    gone = run.removed().to_table(columns=["url", "removed_by", "value"]).to_pylist()
    assert {row["url"]: row["removed_by"] for row in gone} == LEFT
    assert all(row["value"] for row in gone)


def test_what_it_keeps_of_a_crawl_whose_hosts_a_steward_asked(shared, tmp_path):
    """The archive holds no robots.txt: what is not approved waits, whatever its licence."""
    overrides = [*NO_TOKENS, approvals(tmp_path, {"com": "consent", "net": "consent"})]
    kept, left = audited(tmp_path / "run", [str(shared("warc") / "dolma__sample-0000.warc.gz")], overrides)
    gone = curate.open(tmp_path / "run").removed().to_table(columns=["url", "removed_by"]).to_pylist()
    held = {row["url"].split("/")[2].rpartition(".")[2] for row in gone if row["removed_by"] == "host_consent:held_consent"}
    assert held
    assert not held & {"com", "net"}
    assert kept >= 1
    assert left >= 10
