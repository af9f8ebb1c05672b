"""What a host's files said, and when: rows of the host table in, signals about one page out.

Of each kind of file two observations count: the one that held when the page was fetched (the last before it, else the first after it), and the newest;
what was said later only ever tightens. Files of the page's own scheme and port come before those of others; a redirect counts only where nothing
else was seen. A status of 4xx means no rules, 5xx no access (RFC 9309 §2.3.1); a page in place of the file, or more bytes than are read, is unclear.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from curate.consent import rsl, tdmrep
from curate.consent.paths import of_url
from curate.consent.policy import DENY, NONE, UNCLEAR, Signal
from curate.consent.robots import Robots, ai_txt, signals

FILES = {"robots": "robots.txt", "tdmrep": "tdmrep.json", "ai": "ai.txt", "rsl": "rsl"}
"""Kinds of files, and the carriers that their signals have."""
FULL = 511_990
"""Bytes of a file that was perhaps cut by the reader, which keeps 512,000."""


class Seen(NamedTuple):
    """One observation of a host's file."""

    kind: str
    when: datetime | None
    scheme: str | None
    port: int | None
    status: int | None
    text: str | None
    url: str | None = None

    @property
    def day(self) -> str:
        return self.when.date().isoformat() if self.when else "undated"


class Place(NamedTuple):
    """Where and when a page was fetched."""

    url: str
    path: str
    scheme: str
    host: str
    port: int | None
    when: datetime | None


def place(url: str | None, when: datetime | None) -> Place | None:
    """A page's place; None for an address without a host."""
    try:
        parts = urlsplit(url or "")
        host, port = (parts.hostname or "").rstrip(".").lower(), parts.port
    except ValueError:
        return None
    return Place(url or "", of_url(url or ""), parts.scheme.lower(), host, port, when) if host else None


@lru_cache(maxsize=256)
def _parsed(text: str) -> Robots:
    return Robots(text)


def of_page(seen: Sequence[Seen], page: Place, agents: frozenset[str], later: bool) -> list[Signal]:
    """All signals of a host's files about one page. `later`: what was seen after the fetch counts too."""
    found: list[Signal] = []
    for kind in ("robots", "tdmrep", "ai"):
        for one, label in _chosen([one for one in seen if one.kind == kind], page, later):
            found += [signal._replace(observed=f"{label}:{one.day}") for signal in _said(one, page, agents, seen)]
    return found


def _chosen(seen: Sequence[Seen], page: Place, later: bool) -> list[tuple[Seen, str]]:
    """The observations that count, each once, and how they are called."""
    real = [one for one in seen if one.status is None or not 300 <= one.status <= 399] or list(seen)
    own = [one for one in real if (one.scheme, one.port) in ((page.scheme, page.port), (None, None))] or real
    if not own:
        return []
    own = sorted(own, key=lambda one: (one.when is not None, str(one.when), one.text or "", str(one.status)))
    before = [one for one in own if one.when is None or page.when is None or one.when <= page.when]
    at_fetch = before[-1] if before else own[0]
    chosen = [(at_fetch, "at_fetch")]
    if later and own[-1] is not at_fetch:
        chosen.append((own[-1], "snapshot"))
    return chosen


def _said(one: Seen, page: Place, agents: frozenset[str], seen: Sequence[Seen]) -> Iterable[Signal]:
    """What one observation says."""
    carrier = FILES[one.kind]
    mechanism = {"robots": "robots", "tdmrep": "tdm", "ai": "ai.txt"}[one.kind]
    status = one.status if one.status is not None else 200
    if one.text is None or not 200 <= status <= 299:
        if 400 <= status <= 499:
            says = NONE
        elif one.kind == "robots":
            says = DENY if status >= 500 else UNCLEAR
        else:  # a page for every address is what servers send that know no such file
            says = NONE
        yield Signal(mechanism, carrier, f"status {status}" + (", no text file" if 200 <= status <= 299 else ""), says)
        return
    if one.kind == "tdmrep":
        yield tdmrep.signal(one.text, page.path)
    elif one.kind == "ai":
        yield ai_txt(one.text, page.path, agents)
    else:
        robots = _parsed(one.text)
        said = signals(robots, page.path, agents)
        yield from said
        if robots.is_page or (robots.size >= FULL and not any(signal.says == DENY for signal in said)):
            yield Signal(mechanism, carrier, "a page" if robots.is_page else "longer than is read", UNCLEAR)
        yield from _licensed(robots, page, agents, seen)


def _licensed(robots: Robots, page: Place, agents: frozenset[str], seen: Sequence[Seen]) -> Iterable[Signal]:
    """RSL licences that the file points to, from what was seen of them."""
    groups = robots.of_all(agents)
    named = [robots.licenses_of(group) for _, group in groups] or [robots.licenses]
    addresses = dict.fromkeys(address for each in named for address in each)
    for address in addresses:
        whole = urljoin(page.url, address)
        documents = [one for one in seen if one.kind == "rsl" and one.url == whole and one.text]
        if documents:
            newest = max(documents, key=lambda one: (str(one.when), one.text or ""))
            yield rsl.signal(newest.text or "", page.url, "rsl")
        else:
            yield rsl.unobtainable(address, "robots.txt")
