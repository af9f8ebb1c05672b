"""Consent: each mechanism, their precedence, and the policies."""

import pyarrow as pa
import pytest

from curate import schema
from curate.stages.consent import Config, consent
from curate.stages.markup import WISHES


def one(headers=(), meta=(), **options):
    config = Config(**options)
    columns = {
        "text": pa.array(["text"], pa.large_string()),
        "headers": pa.array([[{"name": n, "value": v} for n, v in headers]], schema.HEADERS),
        "markup__wishes": pa.array([[{"name": n, "value": v} for n, v in meta]], WISHES),
    }
    measured = consent.measure(pa.record_batch(columns), config, "consent")
    return {n.removeprefix("consent__"): c[0].as_py() for n, c in (measured | consent.judge(measured, config, "consent")).items()}


def test_the_step_that_read_the_markup_may_have_any_name():
    columns = {
        "text": pa.array(["text"], pa.large_string()),
        "headers": pa.nulls(1, schema.HEADERS),
        "pages__wishes": pa.array([[{"name": "robots", "value": "noai"}]], WISHES),
    }
    assert consent.measure(pa.record_batch(columns), Config(), "consent")["consent__verdict"].to_pylist() == ["deny"]


@pytest.mark.parametrize(
    ("headers", "meta", "verdict"),
    [
        ([], [], "unknown"),
        ([("X-Robots-Tag", "noai")], [], "deny"),
        ([("X-Robots-Tag", "otherbot: noai, noindex")], [], "deny"),
        ([("X-Robots-Tag", "noindex, nofollow")], [], "unknown"),
        ([], [("robots", "noai, noimageai")], "deny"),
        ([], [("robots", "noimageai")], "unknown"),
        ([], [("robots", "NOML")], "deny"),
        ([], [("googlebot", "noarchive")], "unknown"),
        ([], [("robots", "noarchive")], "deny"),
        ([("tdm-reservation", "1")], [], "deny"),
        ([("tdm-reservation", "0")], [], "allow"),
        ([("tdm-reservation", "1")], [("tdm-reservation", "0")], "allow"),
        ([("tdm-reservation", "0")], [("tdm-reservation", "1")], "deny"),
        ([("tdm-reservation", "1")], [("tdm-reservation", "yes")], "deny"),
        ([("tdm-reservation", "yes")], [], "unclear"),
        ([("Content-Usage", "train-ai=n")], [], "deny"),
        ([("Content-Usage", "train-ai=y;note=1, search=n")], [], "allow"),
        ([("Content-Usage", "train-ai=n, train-ai=y")], [], "allow"),
        ([("Content-Usage", "Train-AI=n")], [], "unclear"),
        ([("Content-Usage", "search=n")], [], "unknown"),
        ([("Content-Usage", "train-ai")], [], "unknown"),
        ([("Content-Usage", "train-ai=maybe")], [], "unknown"),
        ([("Content-Usage", 'train-ai=n;why="a, b", search=y')], [], "deny"),
        ([("Content-Usage", "train-ai=y," + " x=1," * 2000 + "train-ai=n")], [], "unclear"),
        ([("Content-Usage", '"' * 100_000)], [], "unclear"),
        ([("Content-Signal", "ai-train=yes, ai-train=no")], [], "deny"),
        ([("Content-Signal", "ai-train=perhaps")], [], "unclear"),
        ([("Content-Signal", "search=yes, ai-train: no")], [], "unclear"),
        ([("Content-Signal", "search=yes, ai-input=no")], [], "unknown"),
        ([("X-Robots-Tag", "noai, " * 100_000)], [], "deny"),
        ([("Link", '</l.xml>; rel="license"; type="application/rsl+xml"')], [], "deny"),
        ([("Link", '<https://creativecommons.org/licenses/by/4.0/>; rel="license"')], [], "unknown"),
        ([], [("rsl", "/license.xml")], "deny"),
        ([], [("rsl", "<rsl><content url='/'><license><permits type='usage'>ai-train</permits></license></content></rsl>")], "allow"),
        ([], [("rsl", "<rsl><content url='/'><license><permits type='usage'>search</permits></license></content></rsl>")], "deny"),
        ([], [("rsl", "<rsl><content")], "deny"),
        ([], [("description", "What noai means, and noimageai")], "unknown"),
        ([], [("ai-robots", "noai")], "deny"),
        ([("Content-Usage", "genai=n")], [], "deny"),
        ([("Content-Signal", "search=yes, ai-train=no")], [], "deny"),
        ([("Content-Signal", "ai-train=yes")], [], "allow"),
        ([("Content-Signal", "ai-train=yes"), ("tdm-reservation", "1")], [], "deny"),
    ],
)
def test_mechanisms(headers, meta, verdict):
    row = one(headers, meta)
    assert row["verdict"] == verdict
    assert row["drop"] == {"deny": "opted_out", "unclear": "held_consent"}.get(verdict)
    assert row["basis"].startswith("strict/2 ")


def test_signals_are_kept():
    row = one([("tdm-reservation", "1")], [("robots", "noai")])
    assert row["signals"] == [
        {"mechanism": "tdm", "carrier": "header", "value": "1", "says": "deny", "observed": None},
        {"mechanism": "noai", "carrier": "meta", "value": "noai", "says": "deny", "observed": None},
    ]


def test_policies():
    assert one([("X-Robots-Tag", "noarchive")], policy="eu_tdm")["verdict"] == "unknown"
    assert one([("tdm-reservation", "1")], policy="eu_tdm")["verdict"] == "deny"
    assert one([("tdm-reservation", "yes")], policy="eu_tdm")["verdict"] == "unknown"
    assert one([("tdm-reservation", "1")], policy="crawl_time")["basis"] == "crawl_time/2 silent"
    assert one([("tdm-reservation", "1")])["basis"] == "strict/2 tdm header"
    recorded = one([("tdm-reservation", "1")], policy="record_only")
    assert recorded["drop"] is None
    assert len(recorded["signals"]) == 1


def test_silence_can_be_refused():
    row = one(deny=["deny", "unknown"])
    assert (row["drop"], row["value"], row["threshold"]) == ("opted_out", "unknown", "in [deny, unknown]")


def test_a_silent_page_stays_and_says_so_under_every_policy():
    for policy, label in (("strict", "strict/2"), ("eu_tdm", "eu_tdm/2"), ("crawl_time", "crawl_time/2"), ("record_only", "record_only/1")):
        row = one(policy=policy)
        assert (row["verdict"], row["basis"], row["drop"]) == ("unknown", f"{label} silent", None)
    assert (Config().hold, Config(policy="eu_tdm").hold) == (["unclear"], [])


def test_bad_config():
    with pytest.raises(ValueError, match="'strict', 'eu_tdm', 'crawl_time' or 'record_only'"):
        Config(policy="lax")
