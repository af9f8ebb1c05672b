"""The small languages of headers, metas and robots.txt lines: Content-Usage, Content-Signal, robots tokens, tdm-reservation.

A field that cannot be parsed says nothing by its specification; here it is `unclear`, so that a policy may hold the page instead of taking a slip of the
pen for silence. Work is bounded by MAX_FIELD characters.
"""

import re
from collections.abc import Iterator

from curate.consent.policy import ALLOW, DENY, NONE, UNCLEAR, Signal

MAX_FIELD = 8192
"""Characters of a field that are read; a longer one is unclear unless what was read denies."""
_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")
_ITEM = re.compile(
    r"""[A-Za-z*][\w!#$%&'*+.^`|~:/-]*|-?\d{1,15}(?:\.\d{1,3})?|\?[01]|@-?\d+|:[A-Za-z0-9+/=]*:|%?"(?:[^"\\]|\\.)*"|\([^()]*\)""", re.ASCII
)
"""A value of such a dictionary: token, number, boolean, date, bytes, string, inner list."""
_MEMBER = re.compile(r"(?:[^,\"]|\"(?:[^\"\\]|\\.)*\")+")
_SLIP = re.compile(r"\s*ai[-_ ]?train(?:ing)?\b")
"""How people write `ai-train` who mean it."""
_LEGACY = frozenset(["tdm", "ai", "genai", "train-genai", "bots"])
"""Labels of earlier AIPREF drafts."""
_TOKEN = re.compile(r"[a-z-]+")


def usage(value: str, carrier: str) -> Iterator[Signal]:
    """AIPREF's Content-Usage, an RFC 9651 dictionary: `label=y` or `label=n`, the last of a label counts, parameters say nothing; a key or a value that is none
    (a capital, a space) voids the whole field."""
    members: dict[str, str] = {}
    for member in _MEMBER.findall(value[:MAX_FIELD]):
        key, equals, said = member.partition(";")[0].strip().partition("=")
        if not _KEY.fullmatch(key) or (equals and not _ITEM.fullmatch(said)):
            yield Signal("train-ai", carrier, value, UNCLEAR)
            return
        members[key] = {"y": ALLOW, "n": DENY}.get(said, NONE)
    for key, says in members.items():
        if key == "train-ai":
            yield Signal("train-ai", carrier, value, says)
        elif key in _LEGACY and says == DENY:
            yield Signal("legacy", carrier, value, says)
    yield from _too_long(value, "train-ai", carrier)


def content_signal(value: str, carrier: str) -> Iterator[Signal]:
    """Cloudflare's `search=yes, ai-input=no, ai-train=no`; a `no` anywhere wins over a `yes`, another word is unclear."""
    said = set()
    for member in value[:MAX_FIELD].lower().split(","):
        key, _, word = member.partition("=")
        if key.strip() == "ai-train":
            said.add({"no": DENY, "yes": ALLOW}.get(word.strip(), UNCLEAR))
        elif _SLIP.match(key):
            said.add(UNCLEAR)
    if said:
        yield Signal("ai-train", carrier, value, next(says for says in (DENY, UNCLEAR, ALLOW) if says in said))
    yield from _too_long(value, "ai-train", carrier)


def robots_tokens(value: str, carrier: str) -> Iterator[Signal]:
    """Tokens of a robots meta or X-Robots-Tag; `noindex` says nothing about training. `googlebot: noai` counts like `noai`."""
    tokens = set(_TOKEN.findall(value[:MAX_FIELD].lower()))
    for token in ("noai", "noml", "noarchive"):
        if token in tokens:
            yield Signal(token, carrier, value, DENY)
    if "noimageai" in tokens:
        yield Signal("noimageai", carrier, value, NONE)
    if "disallowaitraining" in tokens:
        yield Signal("disallow-ai-training", carrier, value, DENY)
    yield from _too_long(value, "noai", carrier)


def reservation(value: str, carrier: str) -> Signal:
    """TDMRep's `tdm-reservation`: 1 reserves, 0 does not, anything else is no value."""
    return Signal("tdm", carrier, value, {"1": DENY, "0": ALLOW}.get(value.strip(), UNCLEAR))


def _too_long(value: str, mechanism: str, carrier: str) -> Iterator[Signal]:
    if len(value) > MAX_FIELD:
        yield Signal(mechanism, carrier, value, UNCLEAR)
