"""RSL 1.0 (Really Simple Licensing): may a page be used for training under the licence that its host points to?

The content whose `url` fits most exactly holds. A licence that lists what it permits permits nothing else; a prohibition wins over a permission; a price other
than free or attribution, a licence server, a limit to some users or countries mean that a licence must first be obtained: without it the answer is
no. A document that cannot be had or read licenses nothing. Read too: the comma lists and names of the drafts (0.9). Documents with a DOCTYPE are not
read, so that no entity can grow.
"""

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from curate.consent.paths import fits, normal, of_url
from curate.consent.policy import ALLOW, DENY, NONE, Signal

MAX_CHARS = 200_000
_TRAIN = frozenset(["all", "ai-all", "ai-train", "train-ai"])
_FREE = frozenset(["free", "attribution"])


def unobtainable(address: str, carrier: str) -> Signal:
    """A licence that is pointed to and not there."""
    return Signal("rsl", carrier, address, DENY)


def signal(text: str, url: str, carrier: str) -> Signal:
    """What an RSL document says about training on the page at `url`."""
    raw = " ".join(text[:600].split())
    if len(text) > MAX_CHARS or "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        return Signal("rsl", carrier, raw, DENY)
    try:
        root = ElementTree.fromstring(text.strip())
    except (ElementTree.ParseError, ValueError):
        return Signal("rsl", carrier, raw, DENY)
    path = of_url(url)
    held = [(len(rule), one) for one in root.iter() if _name(one) == "content" and (rule := _rule(one)) is not None and fits(rule, path)]
    if not held:
        return Signal("rsl", carrier, raw, NONE if _name(root) == "rsl" else DENY)
    most = max(length for length, _ in held)
    granted = [_grants(one) for length, one in held if length == most]
    return Signal("rsl", carrier, raw, ALLOW if all(granted) else DENY)


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def _rule(content: ElementTree.Element) -> str | None:
    """The path rule of a content; None for one of another kind of address."""
    url = (content.get("url") or "/").strip()
    if "//" in url:
        path = re.sub(r"^(?:https?:)?//[^/?#]*", "", url)
        return normal(path or "/")
    return normal(url) if url.startswith(("/", "*")) else None


def _grants(content: ElementTree.Element) -> bool:
    """Whether one of its licences lets anyone train, at no price."""
    if content.get("server"):
        return False
    return any(_is_open(one) for one in content.iter() if _name(one) == "license")


def _is_open(license_: ElementTree.Element) -> bool:
    permitted = _words(license_, "permits", "usage")
    prohibited = _words(license_, "prohibits", "usage")
    if prohibited & _TRAIN or (permitted is not None and permitted and not permitted & _TRAIN):
        return False
    for limit in ("user", "geo"):
        if _words(license_, "permits", limit) or _words(license_, "prohibits", limit):
            return False
    prices = [one for one in license_ if _name(one) == "payment"]
    return not prices or any((one.get("type") or "free").lower() in _FREE for one in prices)


def _words(license_: ElementTree.Element, name: str, kind: str) -> frozenset[str]:
    found: Iterable[ElementTree.Element] = (one for one in license_ if _name(one) == name and (one.get("type") or "usage").lower() == kind)
    return frozenset(word for one in found for word in re.split(r"[\s,]+", (one.text or "").lower()) if word)
