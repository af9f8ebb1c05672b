"""ARC: records, odd lines, and a real crawl that is there as WARC too."""

from collections import Counter

from read.reading import arc, members, page, read

HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nLink: <https://l.org/>; rel=license\r\n\r\n"


def test_a_page_of_version_1_and_one_of_version_2(tmp_path):
    second = HTTP + page("two")
    two = f"http://b.org/x y 1.2.3.4 20080430204826 text/html 200 checksum - 1234 a.arc.gz {len(second)}\n".encode() + second + b"\n"
    path = tmp_path / "a.arc"
    path.write_bytes(arc("filedesc://a.arc", b"2 0 x\n\n", "text/plain") + arc("http://a.org/", HTTP + page("one")) + two)
    outcome = read(path)
    assert [(row["url"], row["raw"]) for row in outcome.rows] == [("http://a.org/", page("one")), ("http://b.org/x y", page("two"))]
    assert [row["fetched_at"].isoformat() for row in outcome.rows] == ["2008-04-30T20:48:25+00:00", "2008-04-30T20:48:26+00:00"]
    assert outcome.rows[0]["headers"][1] == {"name": "Link", "value": "<https://l.org/>; rel=license"}
    assert outcome.skipped == Counter(warcinfo=1)


def test_bytes_that_open_no_record_are_one_error(tmp_path):
    path = tmp_path / "a.arc"
    first = arc("http://a.org/", HTTP + page("one"))
    path.write_bytes(first + b"no record line here\n" + arc("http://b.org/", HTTP + page("two")))
    outcome = read(path)
    assert [row["url"] for row in outcome.rows] == ["http://a.org/", "http://b.org/"]
    assert [(e.offset, e.message) for e in outcome.errors] == [
        (len(first), "expected an ARC record line, got b'no record line here\\nhttp'")
    ]


def test_a_cut_off_record_is_an_error_with_its_url(tmp_path):
    path = tmp_path / "a.arc.gz"
    path.write_bytes(members(arc("http://a.org/", HTTP + page("one")), arc("http://b.org/", HTTP + page("two"))[:-50]))
    outcome = read(path)
    assert len(outcome.rows) == 1
    assert outcome.errors[0].url == "http://b.org/"
    assert outcome.errors[0].message.startswith("expected ")


def test_a_real_crawl_is_the_same_as_arc_and_as_warc(shared):
    old, new = (read(shared("warc") / f"aut__example.{kind}.gz") for kind in ("arc", "warc"))
    assert [(row["url"], row["payload_digest"]) for row in old.rows] == [(row["url"], row["payload_digest"]) for row in new.rows]
    assert len(old.rows) == 97
    assert [(row["host"], row["text"]) for row in old.hosts] == [(row["host"], row["text"]) for row in new.hosts]
    assert len(old.hosts) == old.skipped["response_robots"] == 38
    words = [word for word in old.skipped if word.startswith(("response_", "dns"))]
    assert {word: old.skipped[word] for word in words} == {word: new.skipped[word] for word in words}
