"""Signals, and the named policies that make a verdict of them.

policy       what binds                                                              unclear  unseen  unknown
strict       every signal against training                                           waits    waits   stays
eu_tdm       signals with standing under the EU's text-and-data-mining exception:    –        waits   stays
             robots.txt for agents that train, TDMRep, AIPREF, Content Signals,
             RSL, noai
crawl_time   robots.txt for the crawler's own agent, as it was at the fetch          –        stays   stays
record_only  nothing; all is recorded                                                –        stays   stays

`unclear`: a binding signal cannot be read. `unseen`: nothing binding was said, and no robots.txt of the host was ever seen, not even that it has
none. `unknown`: it was seen, and says nothing. Only the last is an answer to the question that strict and eu_tdm ask, whether somebody reserved the
page (Directive (EU) 2019/790, Art. 4(3), leaves to mining what is not reserved); who never looked cannot say so, and the page waits. `crawl_time` asks
what the crawler knew: that it fetched the page at all is its word that its agent was not refused. An ai.txt or tdmrep.json is hardly ever archived;
its absence holds nothing. What a recipe lists under `deny` and `hold` comes before what the policy says.

A policy has a version, which goes up when what it says changes; `strict/2` stands in the `basis` of every row.
"""

from collections.abc import Iterable
from typing import NamedTuple

DENY, ALLOW, NONE, UNCLEAR, UNKNOWN, UNSEEN = "deny", "allow", "none", "unclear", "unknown", "unseen"
MAX_RAW = 300
"""Characters of a raw signal that are kept."""
MAX_SIGNALS = 24
"""Signals kept of one document; denials first."""

_NAMES = """gptbot google-extended claudebot anthropic-ai claude-web ccbot applebot-extended bytespider meta-externalagent facebookbot amazonbot cohere-ai
    cohere-training-data-crawler ai2bot ai2bot-dolma diffbot omgili omgilibot webzio-extended imagesiftbot img2dataset pangubot deepseekbot
    chatglm-spider timpibot velenpublicwebcrawler icc-crawler cotoyogi friendlycrawler laiondownloader laion-huggingface-processor tiktokspider
    yandexadditional cloudvertexbot"""
TRAINERS = frozenset([*_NAMES.split(), "kangaroo bot"])
"""Agents that collect for training, in lower case, as ai.robots.txt lists their purpose; assistants and search engines are not among them."""


class Signal(NamedTuple):
    """One thing that a page or its host says."""

    mechanism: str
    carrier: str
    """header, meta, page, robots.txt, tdmrep.json, ai.txt or rsl; of media c2pa, xmp or opf."""
    value: str
    """As it was written, cut to MAX_RAW characters."""
    says: str
    """deny, allow, none (nothing about training) or unclear (cannot be read)."""
    observed: str | None = None
    """When a host's file was seen: `at_fetch:<day>` or `snapshot:<day>`."""


class Policy(NamedTuple):
    """What binds, by a name and a version."""

    name: str
    version: int
    binds: frozenset[str]
    """Mechanisms."""
    unclear: bool = False
    """Whether a binding signal that cannot be read makes the verdict `unclear`."""
    later: bool = True
    """Whether what a host says after the fetch counts too; it only ever tightens."""
    waits: frozenset[str] = frozenset()
    """Verdicts that wait for a steward."""
    media: frozenset[str] = frozenset()
    """Mechanisms that bind for an image or a file that speaks of itself."""

    @property
    def label(self) -> str:
        """As it stands in `basis`."""
        return f"{self.name}/{self.version}"


_EU = frozenset(["noai", "tdm", "train-ai", "ai-train", "robots", "rsl"])
_STRICT = _EU | {"noml", "legacy", "noarchive", "ai.txt", "disallow-ai-training"}
_MEDIA = frozenset(["c2pa", "iptc", "tdm", "noimageai"])
POLICIES = {
    one.name: one
    for one in (
        Policy("strict", 2, _STRICT, unclear=True, waits=frozenset([UNCLEAR, UNSEEN]), media=_MEDIA),
        Policy("eu_tdm", 2, _EU, waits=frozenset([UNSEEN]), media=_MEDIA),
        Policy("crawl_time", 2, frozenset(["robots"]), later=False),
        Policy("record_only", 1, frozenset()),
    )
}


def resolved(signals: Iterable[Signal], policy: Policy) -> tuple[str, Signal | None]:
    """(verdict, the signal that decided): any binding denial denies; else what cannot be read is unclear; else any permission allows; else unknown."""
    binding = [one for one in superseded(signals) if one.mechanism in policy.binds]
    for says in (DENY, UNCLEAR, ALLOW):
        if says == UNCLEAR and not policy.unclear:
            continue
        for one in binding:
            if one.says == says:
                return says, one
    return UNKNOWN, None


_TDM_ORDER = ("tdmrep.json", "header", "meta", "opf", "xmp")


def superseded(signals: Iterable[Signal]) -> list[Signal]:
    """The signals without what a later carrier of TDMRep supersedes: file, then header, then meta, then EPUB or PDF; one that says nothing resets nothing."""
    held = list(signals)
    tdm = [one for one in held if one.mechanism == "tdm" and one.says in (DENY, ALLOW)]
    if not tdm:
        return held
    last = max(_TDM_ORDER.index(one.carrier) for one in tdm)
    return [one for one in held if one.mechanism != "tdm" or _TDM_ORDER.index(one.carrier) == last]


def basis(policy: Policy, decided: Signal | None, silent: str) -> str:
    """On what a verdict rests: policy, mechanism, carrier, day; or why there is nothing to rest on."""
    if decided is None:
        return f"{policy.label} {silent}"
    return " ".join(filter(None, [policy.label, decided.mechanism, decided.carrier, decided.observed]))


def kept(signals: Iterable[Signal]) -> list[dict[str, str | None]]:
    """Signals as rows, denials first where there are too many to keep."""
    held = list(signals)
    if len(held) > MAX_SIGNALS:
        held = sorted(held, key=lambda one: (DENY, UNCLEAR, ALLOW, NONE).index(one.says))[:MAX_SIGNALS]
    return [one._replace(value=one.value[:MAX_RAW])._asdict() for one in held]
