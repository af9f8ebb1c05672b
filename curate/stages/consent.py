"""Consent of the page: does it ask machines to leave it out of training? From its response headers and from its `<meta>` elements.

Mechanisms (governance notes §2.1): `noai` and its kin in robots meta and X-Robots-Tag, TDMRep's `tdm-reservation`, AIPREF's
Content-Usage, Cloudflare's Content-Signal, RSL licences that stand in the page or that it points to. Each is resolved by its own precedence
(TDMRep: the meta supersedes the header), then any denial denies. What a policy counts as denial is in `curate/consent/policy.py`;
`noimageai` speaks of images and never of text. A field that cannot be read is `unclear` under `strict`, and held. Signals are kept raw with the verdict.
A page that says nothing is `unknown` and stays under every policy: whether anybody reserved it is for its host to say, so a recipe that has to
answer for it has `host_consent` behind this step.
Misses: robots.txt, ai.txt, tdmrep.json, which lie in other records (`host_consent` reads them), and terms of use: silence here is no consent,
only `unknown`; assertions in images (C2PA, IPTC), which speak of these alone (`media_consent` reads them); a C2PA manifest of the page
itself (`<link rel="c2pa-manifest">`), which lies elsewhere.
Price: a few microseconds a document.

column   type          meaning
verdict  string        deny, unclear, allow, or unknown where the page says nothing
basis    string        policy and version, then mechanism and carrier that decided, or `silent`
signals  list<struct>  what was found: mechanism, carrier (header, meta or page), value, says (deny, allow, unclear or none), observed (null here)
"""

import re
from collections.abc import Iterator
from typing import Any, Literal, Self, get_args

import pyarrow as pa
from pydantic import Field, model_validator

from curate import arrow
from curate.consent import rsl, words
from curate.consent.policy import POLICIES, TRAINERS, Signal, basis, kept, resolved
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base
from curate.web.columns import of_pages

SIGNALS = pa.list_(pa.struct([(name, pa.string()) for name in Signal._fields]))
Verdict = Literal["deny", "unclear", "allow", "unknown"]
_DENY: list[Verdict] = ["deny"]


class Config(Base):
    """Which signals bind."""

    policy: Literal["strict", "eu_tdm", "crawl_time", "record_only"] = "strict"
    """strict: every signal against training, earlier drafts and Bing's noarchive among them; eu_tdm: those with standing in the EU's
    text-and-data-mining exception; crawl_time: only robots.txt, which is `host_consent`'s; record_only: nothing is denied, all is recorded."""
    deny: list[Verdict] | None = Field(default=_DENY)
    """Verdicts that leave, as `opted_out`; add `unknown` to keep only pages that allow it."""
    hold: list[Verdict] | Literal["by_policy"] | None = "by_policy"
    """Verdicts that wait for a steward, as `held_consent`. by_policy: under strict what the page says and nobody can read."""

    @model_validator(mode="after")
    def _by_policy(self) -> Self:
        if self.hold == "by_policy":
            object.__setattr__(self, "hold", sorted(POLICIES[self.policy].waits & set(get_args(Verdict))))
        return self


@stage(
    version=5,
    reads=("headers",),
    adds={"verdict": pa.string(), "basis": pa.string(), "signals": SIGNALS},
    rules=(Rule("opted_out", "verdict", "in", "deny"), Rule("held_consent", "verdict", "in", "hold")),
)
def consent(batch: pa.RecordBatch, config: Config) -> Columns:
    policy = POLICIES[config.policy]
    known = arrow.valid(batch["text"]) if "text" in batch.schema.names else [True] * batch.num_rows
    carried = {name: batch[name].to_pylist() for name in ("headers", "url") if name in batch.schema.names}
    if (wishes := of_pages(batch, "wishes")) is not None:
        carried["wishes"] = wishes.to_pylist()
    silent = ("unknown", basis(policy, None, "silent"), list[Any]())
    rows: list[tuple[str | None, str | None, list[Any] | None]] = []
    for row in range(batch.num_rows):
        if not known[row]:
            rows.append((None, None, None))
            continue
        found = list(_signals({name: values[row] for name, values in carried.items()}))
        if not found:
            rows.append(silent)
            continue
        verdict, decided = resolved(found, policy)
        rows.append((verdict, basis(policy, decided, "silent"), kept(found)))
    verdicts, bases, signals = zip(*rows, strict=True) if rows else ((), (), ())
    return {"verdict": pa.array(verdicts, pa.string()), "basis": pa.array(bases, pa.string()), "signals": pa.array(signals, SIGNALS)}


_PROSE = re.compile(
    r"(?:(?:og|twitter|article|dc|dcterms|citation|parsely|sailthru)[.:_]"
    r"|(?:news_)?keywords|description|title|subject|abstract|author|generator|application-name)\b"
)
"""Names of <meta> that tell people what a page is about; that may be the word `noai`."""
_ROBOTS = re.compile(r"\bno(?:image)?ai\b|\bnoml\b", re.IGNORECASE)


def _signals(given: dict[str, Any]) -> Iterator[Signal]:
    """Signals of the response headers, then of the `<meta>` elements."""
    url = given.get("url") or ""
    for carrier, pairs in (("header", given.get("headers")), ("meta", given.get("wishes"))):
        for pair in pairs or ():
            name, value = (pair["name"] or "").lower(), (pair["value"] or "").strip()
            if name == "tdm-reservation":
                yield words.reservation(value, carrier)
            elif name == "content-usage":
                yield from words.usage(value, carrier)
            elif name == "content-signal":
                yield from words.content_signal(value, carrier)
            elif name == "rsl":
                yield rsl.signal(value, url, "page") if value.startswith("<") else rsl.unobtainable(value, "page")
            elif name == "link" and "application/rsl+xml" in value.lower():
                yield from (rsl.unobtainable(address, carrier) for address in _RSL.findall(value[: words.MAX_FIELD]))
            elif name == "x-robots-tag" or (
                carrier == "meta" and (name == "robots" or name in TRAINERS or (_ROBOTS.search(value) and not _PROSE.match(name)))
            ):
                yield from words.robots_tokens(value, carrier)


_RSL = re.compile(r"<([^<>]*)>(?=[^<]*application/rsl\+xml)", re.IGNORECASE)
