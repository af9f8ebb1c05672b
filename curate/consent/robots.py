"""robots.txt (RFC 9309), with the lines that were added for training: Content-Usage (AIPREF), Content-Signal, License (RSL), DisallowAITraining.

One tokenizer reads all lines; a group holds for an agent if its name is the line's leading word, in any case; groups of one agent are one; an agent
without a group has that of `*`. Lines before any group speak to everyone. Forgiven, as crawlers do: a byte-order mark, any line end, a colon left out,
`useragent`, `dissallow`. `ai.txt` has the same grammar and is read by the same code.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from curate.consent import words
from curate.consent.paths import Paths
from curate.consent.policy import ALLOW, DENY, NONE, UNCLEAR, Signal

_LINE = re.compile(r"\s*([A-Za-z][A-Za-z _-]*?)\s*:\s*(.*?)\s*$|\s*([A-Za-z-]+)\s+(\S.*?)\s*$")
_BREAK = re.compile(r"\r\n|\r|\n")
_NAMES = {
    "useragent": "agent",
    "allow": "allow",
    "disallow": "disallow",
    "dissallow": "disallow",
    "disalow": "disallow",
    "diasllow": "disallow",
    "contentusage": "usage",
    "contentsignal": "signal",
    "contentsignals": "signal",
    "license": "license",
    "disallowaitraining": "no-training",
    "allowaitraining": "training",
    "sitemap": "other",
    "crawldelay": "other",
    "host": "other",
}
_PLAIN = {"user-agent": "agent", "allow": "allow", "disallow": "disallow", "sitemap": "other", "crawl-delay": "other", "license": "license"}
"""How nearly all lines begin."""
EVERYONE = "*"
MAX_LICENSES = 4


@dataclass
class Group:
    """What the lines for one agent say."""

    crawl: Paths[tuple[bool, str]] = field(default_factory=Paths)
    """(allowed, the line)."""
    usage: Paths[str] = field(default_factory=Paths)
    signal: Paths[str] = field(default_factory=Paths)
    training: Paths[tuple[bool, str]] = field(default_factory=Paths)
    licenses: list[str] = field(default_factory=list)

    def refused(self, path: str) -> str | None:
        """The line that keeps an agent out; None where it may go."""
        return _refusal(self.crawl.longest(path))

    @property
    def excess(self) -> bool:
        """Whether it has more rules than are looked at."""
        return any(one.excess for one in (self.crawl, self.usage, self.signal, self.training))


def _refusal(said: list[tuple[bool, str]]) -> str | None:
    """Of the longest rules: one that allows wins over one that does not (RFC 9309 §2.2.2)."""
    return None if not said or any(allowed for allowed, _ in said) else said[0][1]


class Robots:
    """A parsed file."""

    def __init__(self, text: str):
        self.groups: dict[str, Group] = {}
        self.licenses: list[str] = []
        """Of the file as a whole; a group's own replace them."""
        self.known = 0
        """Lines that were understood."""
        self.size = len(text.encode("utf-8", "replace"))
        """Bytes of the file."""
        self.is_page = text.lstrip("\ufeff \r\n\t")[:1] == "<"
        """Whether it begins as HTML does."""
        self._of_all: dict[frozenset[str], list[tuple[str, Group]]] = {}
        open_names: list[str] = []
        open_group = False
        for line in _BREAK.split(text.lstrip("\ufeff")):
            name, value = _read(line)
            if name is None:
                continue
            self.known += 1
            if name == "agent":
                open_names = [*open_names, _agent(value)] if open_group else [_agent(value)]
                open_group = True
            elif name == "license" and not open_names:
                self.licenses = [*self.licenses, value][:MAX_LICENSES]
            elif name != "other":
                open_group = False
                for agent in dict.fromkeys(open_names or [EVERYONE]):
                    self._add(self.groups.setdefault(agent, Group()), name, value)
            if name == "agent":
                self.groups.setdefault(open_names[-1], Group())

    @staticmethod
    def _add(group: Group, name: str, value: str) -> None:
        if name in ("allow", "disallow"):
            if value:  # an empty rule rules nothing
                group.crawl.add(value.split()[0], (name == "allow", f"{name.capitalize()}: {value}"))
        elif name in ("usage", "signal"):
            path, rest = _path(value)
            (group.usage if name == "usage" else group.signal).add(path, rest)
        elif name in ("training", "no-training"):
            group.training.add(value or "/", (name == "training", value))
        elif len(group.licenses) < MAX_LICENSES:
            group.licenses.append(value)

    def of(self, agent: str) -> Group | None:
        """The group that holds for an agent."""
        return self.groups.get(agent.lower(), self.groups.get(EVERYONE))

    def of_all(self, agents: Iterable[str]) -> list[tuple[str, Group]]:
        """(an agent, its group), each group once; agents without one stand under `*`."""
        wanted = frozenset(agents)
        if wanted in self._of_all:
            return self._of_all[wanted]
        found: dict[int, tuple[str, Group]] = {}
        for agent in sorted(wanted):
            group = self.of(agent)
            if group is not None:
                found.setdefault(id(group), (agent if agent in self.groups else EVERYONE, group))
        self._of_all[wanted] = list(found.values())
        return self._of_all[wanted]

    def licenses_of(self, group: Group) -> list[str]:
        """Addresses of RSL licences: the group's own, else the file's."""
        return group.licenses or self.licenses


def _read(line: str) -> tuple[str | None, str]:
    """(what a line is, its value); None for a comment, an empty line, or what no one knows."""
    line = line.partition("#")[0][:8192]
    before, colon, value = line.partition(":")
    if colon and (name := _PLAIN.get(before.strip().lower())):
        return name, value.strip()
    found = _LINE.match(line)
    if found is None:
        return None, ""
    key = re.sub(r"[ _-]", "", (found[1] or found[3]).lower())
    return _NAMES.get(key), found[2] if found[1] else found[4]


def _agent(value: str) -> str:
    """The product token: without version and comment, in lower case."""
    return value.split("/")[0].strip().lower()[:100] or EVERYONE


def _path(value: str) -> tuple[str, str]:
    """A rule's path, if it begins with one, and the rest."""
    if value.startswith("/"):
        path, *rest = value.split(None, 1)
        return path, rest[0] if rest else ""
    return "/", value


def signals(robots: Robots, path: str, agents: Iterable[str], carrier: str = "robots.txt") -> list[Signal]:
    """What a file says about a path to agents that train."""
    found: list[Signal] = []
    for agent, group in robots.of_all(agents):
        if line := group.refused(path):
            found.append(Signal("robots", carrier, f"{agent}: {line}", DENY))
        for rules, read in ((group.usage, words.usage), (group.signal, words.content_signal)):
            said = [one for value in rules.longest(path) for one in read(value, carrier)]
            found += _strictest([one._replace(value=f"{agent}: {one.value}") for one in said])
        said_of_training = group.training.longest(path)
        if said_of_training and any(not allowed for allowed, _ in said_of_training):
            found.append(Signal("disallow-ai-training", carrier, f"{agent}: {said_of_training[0][1]}", DENY))
        if group.excess:
            found.append(Signal("robots", carrier, f"{agent}: more rules than are looked at", UNCLEAR))
    if not found:
        found.append(Signal("robots", carrier, "no rule against it", NONE))
    return found


def _strictest(said: list[Signal]) -> list[Signal]:
    """Of lines with one path, the most restrictive of each mechanism."""
    order = (DENY, UNCLEAR, ALLOW, NONE)
    best: dict[str, Signal] = {}
    for one in said:
        if one.mechanism not in best or order.index(one.says) < order.index(best[one.mechanism].says):
            best[one.mechanism] = one
    return list(best.values())


def ai_txt(text: str, path: str, agents: Iterable[str]) -> Signal:
    """Spawning's ai.txt: robots' grammar over endings of files. A page is text, whatever its address ends in: rules for
    `.html` and `.txt` are its own."""
    robots = Robots(text)
    groups = robots.of_all(agents)
    if not robots.known or not groups:
        return Signal("ai.txt", "ai.txt", text.strip()[:80], UNCLEAR if text.strip() else NONE)
    for agent, group in groups:
        for one in (path, "/page.html", "/page.txt"):
            if line := group.refused(one):
                return Signal("ai.txt", "ai.txt", f"{agent}: {line}", DENY)
    allowed = [line for _, group in groups for one in (path, "/page.html", "/page.txt") for ok, line in group.crawl.longest(one) if ok]
    return Signal("ai.txt", "ai.txt", allowed[0] if allowed else "no rule against it", ALLOW if allowed else NONE)
