"""Consent: does the page itself ask machines to leave it out of training? From its response headers and from its `<meta>` elements.

Mechanisms (governance notes §2.1): `noai` and its kin in robots meta and X-Robots-Tag, TDMRep's `tdm-reservation`, AIPREF's
Content-Usage, Cloudflare's Content-Signal. Each is resolved by its own precedence (TDMRep: the meta supersedes the header), then any
denial denies. What a policy counts as denial is in `POLICIES`; `noimageai` speaks of images and never of text. Signals are kept raw with
the verdict.
Misses: robots.txt, ai.txt, tdmrep.json and terms of use, which lie in other records: silence here is no consent, only `unknown`.
Price: a few microseconds a document.

column   type          meaning
verdict  string        deny, allow, or unknown where the page says nothing
signals  list<struct>  what was found: mechanism, carrier (header or meta), value, says (deny, allow or none)
"""

import re
from collections.abc import Iterator
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field

from curate import arrow
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base

SIGNALS = pa.list_(pa.struct([(name, pa.string()) for name in ("mechanism", "carrier", "value", "says")]))
POLICIES = {
    "strict": frozenset(["noai", "noml", "tdm", "train-ai", "ai-train", "legacy", "noarchive"]),
    "eu_tdm": frozenset(["noai", "tdm", "train-ai", "ai-train"]),
    "record_only": frozenset[str](),
}
"""Which mechanisms bind under which policy."""
_LEGACY = frozenset(["tdm", "ai", "genai", "train-genai", "bots"])
"""Labels of earlier AIPREF drafts."""
_TRAINERS = frozenset(
    (
        "gptbot",
        "google-extended",
        "claudebot",
        "anthropic-ai",
        "ccbot",
        "applebot-extended",
        "bytespider",
        "amazonbot",
        "cohere-ai",
        "ai2bot",
    )
)
"""Agents that collect for training (ai.robots.txt names them so); their own robots meta counts as one for all."""
Verdict = Literal["deny", "allow", "unknown"]
_DENY: list[Verdict] = ["deny"]


class Config(Base):
    """Which signals bind."""

    policy: Literal["strict", "eu_tdm", "record_only"] = "strict"
    """strict: every signal against training, earlier drafts and Bing's noarchive among them; eu_tdm: those with standing in the EU's
    text-and-data-mining
    exception; record_only: nothing is denied, all is recorded."""
    deny: list[Verdict] | None = Field(default=_DENY)
    """Verdicts that leave, as `opted_out`; add `unknown` to keep only pages that allow it."""


@stage(
    version=1,
    reads=("headers",),
    adds={"verdict": pa.string(), "signals": SIGNALS},
    rules=(Rule("opted_out", "verdict", "in", "deny"),),
)
def consent(batch: pa.RecordBatch, config: Config) -> Columns:
    known = arrow.valid(batch["text"]) if "text" in batch.schema.names else [True] * batch.num_rows
    wishes = batch["markup__wishes"] if "markup__wishes" in batch.schema.names else None
    verdicts: list[str | None] = []
    signals: list[list[dict[str, str]] | None] = []
    for row in range(batch.num_rows):
        if not known[row]:
            verdicts.append(None)
            signals.append(None)
            continue
        found = list(_signals(batch["headers"][row].as_py(), wishes[row].as_py() if wishes is not None else None))
        verdicts.append(_verdict(found, POLICIES[config.policy]))
        signals.append([dict(zip(("mechanism", "carrier", "value", "says"), signal, strict=True)) for signal in found])
    return {"verdict": pa.array(verdicts, pa.string()), "signals": pa.array(signals, SIGNALS)}


Signal = tuple[str, str, str, str]


def _verdict(found: list[Signal], binding: frozenset[str]) -> str:
    """Any binding denial denies; else any permission allows; else unknown. A later TDMRep carrier supersedes an earlier one."""
    tdm = [says for mechanism, _, _, says in found if mechanism == "tdm" and says != "none"]
    says = {s for mechanism, _, _, s in found if mechanism in binding and mechanism != "tdm"}
    if tdm and "tdm" in binding:
        says.add(tdm[-1])
    return "deny" if "deny" in says else "allow" if "allow" in says else "unknown"


def _signals(headers: Any, wishes: Any) -> Iterator[Signal]:
    """Signals of the response headers, then of the `<meta>` elements."""
    for carrier, pairs in (("header", headers or ()), ("meta", wishes or ())):
        for pair in pairs:
            name, value = (pair["name"] or "").lower(), (pair["value"] or "").strip()
            if name == "tdm-reservation":
                yield "tdm", carrier, value, {"1": "deny", "0": "allow"}.get(value, "none")
            elif name == "content-usage":
                yield from _usage(value, carrier)
            elif name == "content-signal":
                yield from _content_signal(value, carrier)
            elif name == "x-robots-tag" or (carrier == "meta" and (name == "robots" or name in _TRAINERS or _ROBOTS.search(value))):
                yield from _robots(value, carrier)


_ROBOTS = re.compile(r"\bno(?:image)?ai\b|\bnoml\b", re.IGNORECASE)
_TOKEN = re.compile(r"[a-z-]+")


def _robots(value: str, carrier: str) -> Iterator[Signal]:
    """Tokens of a robots meta or X-Robots-Tag; `noindex` says nothing about training. `googlebot: noai` counts like `noai`."""
    tokens = set(_TOKEN.findall(value.lower()))
    for token in ("noai", "noml", "noarchive"):
        if token in tokens:
            yield token, carrier, value, "deny"
    if "noimageai" in tokens:
        yield "noimageai", carrier, value, "none"


def _usage(value: str, carrier: str) -> Iterator[Signal]:
    """AIPREF: a dictionary of `label=y` and `label=n`; the last of a label counts; a capital in a key voids the field (RFC 9651)."""
    members = {}
    for member in value.split(","):
        key, _, said = member.split(";")[0].strip().partition("=")
        if key != key.lower() or not re.fullmatch(r"[a-z*][a-z0-9_.*-]*", key):
            yield "train-ai", carrier, value, "none"
            return
        members[key] = {"y": "allow", "n": "deny"}.get(said.strip(), "none")
    for key, says in members.items():
        if key == "train-ai":
            yield "train-ai", carrier, value, says
        elif key in _LEGACY and says == "deny":
            yield "legacy", carrier, value, says


def _content_signal(value: str, carrier: str) -> Iterator[Signal]:
    """Cloudflare: `search=yes, ai-train=no`; a `yes` may be the default of a network and is weak, a `no` is not."""
    for member in value.lower().split(","):
        key, _, said = member.strip().partition("=")
        if key.strip() == "ai-train":
            yield "ai-train", carrier, value, {"no": "deny", "yes": "allow"}.get(said.strip(), "none")
