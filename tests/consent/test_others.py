"""TDMRep, RSL, Content-Usage and the policies: the cases of their specifications, told anew."""

import pytest

from curate.consent import rsl, tdmrep, words
from curate.consent.policy import POLICIES, Signal, kept, resolved

RULES = '[{"location": "/in/a.jpg", "tdm-reservation": 0}, {"location": "/in/*", "tdm-reservation": 1, "tdm-policy": "https://x/p.json"}]'


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        (RULES, "/in/a.jpg", "allow"),
        (RULES, "/in/b.jpg", "deny"),
        (RULES, "/out", "none"),
        (RULES, "/IN/b.jpg", "none"),
        ('[{"location": "/", "tdm-reservation": 1}]', "/any", "deny"),
        ('[{"location": "/*.pdf$", "tdm-reservation": 1}]', "/a.pdf", "deny"),
        ('[{"location": "/*.pdf$", "tdm-reservation": 1}]', "/a.pdf.html", "none"),
        ('[{"location": "/", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}]', "/", "allow"),
        ('[{"location": "/", "tdm-reservation": 2}]', "/", "unclear"),
        ('[{"location": "/", "tdm-reservation": true}]', "/", "unclear"),
        ('{"location": "/", "tdm-reservation": 1}', "/", "unclear"),
        ("<html>", "/", "unclear"),
        ("[" * 100_000, "/", "unclear"),
        ("[]", "/", "none"),
    ],
)
def test_tdmrep_files(text, path, says):
    assert tdmrep.signal(text, path).says == says


def document(content, url="/"):
    return f'<rsl xmlns="https://rslstandard.org/rsl"><content url="{url}">{content}</content></rsl>'


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('<license><permits type="usage">all</permits></license>', "allow"),
        ('<license><permits type="usage">ai-all</permits><payment type="free"/></license>', "allow"),
        ('<license><permits type="usage">search ai-train</permits><payment type="attribution"/></license>', "allow"),
        ('<license><permits type="usage">search ai-input</permits></license>', "deny"),
        ('<license><prohibits type="usage">ai-train</prohibits></license>', "deny"),
        ('<license><permits type="usage">ai-train</permits><prohibits type="usage">ai-all</prohibits></license>', "deny"),
        ('<license><prohibits type="usage">search</prohibits></license>', "allow"),
        (
            '<license><permits type="usage">ai-train</permits><payment type="training"><amount currency="USD">1</amount></payment></license>',
            "deny",
        ),
        ('<license><permits type="usage">ai-train</permits><permits type="user">non-commercial</permits></license>', "deny"),
        ('<license><permits type="usage">ai-train</permits><prohibits type="geo">EU</prohibits></license>', "deny"),
        ('<license><permits type="usage">search</permits></license><license><permits type="usage">ai-train</permits></license>', "allow"),
        ("", "deny"),
        ('<license><permits type="usage">train-ai,search</permits></license>', "allow"),
        ('<license><permits type="usage"/></license>', "allow"),
    ],
)
def test_rsl(content, says):
    assert rsl.signal(document(content), "https://example.org/page", "rsl").says == says


def test_the_most_exact_content_of_rsl_holds():
    free, closed = '<license><permits type="usage">all</permits></license>', '<license><prohibits type="usage">all</prohibits></license>'
    text = f'<rsl><content url="/">{free}</content><content url="https://x/art/*">{closed}</content><content url="/b" server="https://s">{free}</content></rsl>'
    assert [rsl.signal(text, f"https://x{path}", "rsl").says for path in ("/a", "/art/1", "/b/c")] == ["allow", "deny", "deny"]
    assert rsl.signal('<rsl><content url="/art">x</content></rsl>', "https://x/other", "rsl").says == "none"


@pytest.mark.parametrize(
    "text",
    ["", "<rsl><content", "<html><body>Not found</body></html>", '<!DOCTYPE a [<!ENTITY b "c">]><rsl/>', "<rsl>" * 50_000, "x" * 300_000],
)
def test_an_rsl_document_that_cannot_be_read_licenses_nothing(text):
    assert rsl.signal(text, "https://x/", "rsl").says == "deny"


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("train-ai=n", "deny"),
        ("train-ai=y", "allow"),
        ("search=y, train-ai=n", "deny"),
        ("train-ai=n, train-ai=y", "allow"),
        ("train-ai=y;exceptions=(a b)", "allow"),
        ("train-ai=?0", "none"),
        ("train-ai=N", "none"),
        ("Train-AI=n", "unclear"),
        ("train ai=n", "unclear"),
        ("train-ai=", "unclear"),
        ("train-ai= n", "unclear"),
        ("train-ai=n search=y", "unclear"),
        ('search="a, b", train-ai=n', "deny"),
    ],
)
def test_content_usage(field, says):
    assert [one.says for one in words.usage(field, "header")] == [says]
    assert list(words.usage("search=n", "header")) == []


def test_policies_and_precedence():
    file, header, meta = Signal("tdm", "tdmrep.json", "", "deny"), Signal("tdm", "header", "", "allow"), Signal("tdm", "meta", "", "deny")
    strict, eu = POLICIES["strict"], POLICIES["eu_tdm"]
    assert resolved([file], strict)[0] == "deny"
    assert resolved([file, header], strict) == ("allow", header)
    assert resolved([meta, file, header], strict) == ("deny", meta)
    assert resolved([file, Signal("tdm", "meta", "x", "unclear")], strict)[0] == "deny"
    unclear, ai = Signal("train-ai", "header", "", "unclear"), Signal("ai-train", "header", "", "allow")
    assert resolved([ai, unclear], strict)[0] == "unclear"
    assert resolved([ai, unclear], eu)[0] == "allow"
    assert resolved([Signal("ai.txt", "ai.txt", "", "deny")], eu)[0] == "unknown"
    assert resolved([meta], POLICIES["record_only"]) == ("unknown", None)
    assert {one.label for one in POLICIES.values()} == {"strict/2", "eu_tdm/2", "crawl_time/2", "record_only/1"}


def test_many_signals_are_cut_behind_the_denials():
    many = [Signal("robots", "robots.txt", "x" * 1000, "none")] * 50 + [Signal("noai", "meta", "noai", "deny")]
    assert [one["says"] for one in kept(many)] == ["deny"] + ["none"] * 23
    assert len(kept(many)[1]["value"]) == 300
