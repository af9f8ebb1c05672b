"""Path rules as robots.txt, tdmrep.json and RSL write them: a prefix, with `*` for anything and `$` for the end; the longest that fits wins.

Paths and rules are compared as RFC 9309 §2.2.2 says, octet by octet, after percent-encoding what is not ASCII and decoding what needs no encoding; the
reserved characters of a path (and `*`, `$`, `%` everywhere) stay encoded. Rules without a star are looked up by their length, so that a file of
fifty thousand costs a page no more than one of fifty; those with stars are walked, at most MAX_STARRED of one group.
"""

import re
from collections.abc import Iterable
from typing import Generic, TypeVar
from urllib.parse import quote, urlsplit

MAX_PATH = 4096
"""Characters of a path that are compared."""
MAX_STARRED = 2000
"""Rules with stars of one group that are looked at; a group with more is too many to be judged."""
_CODE = re.compile(r"%[0-9a-fA-F]{2}")
_KEEP_IN_PATH, _KEEP_IN_QUERY = frozenset("/?#%*$"), frozenset("#%*$")
T = TypeVar("T")


def of_url(url: str) -> str:
    """Path and query of an address, ready to be compared; `/` for one without."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "/"
    whole = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return normal(whole.replace("*", "%2A").replace("$", "%24"))


def normal(path: str) -> str:
    """One spelling of a path or rule."""
    if "%" not in path and path.isascii():
        return path[:MAX_PATH]
    before, mark, query = path[: 2 * MAX_PATH].partition("?")
    return (_decoded(before, _KEEP_IN_PATH) + mark + _decoded(query, _KEEP_IN_QUERY))[:MAX_PATH]


def _decoded(text: str, keep: frozenset[str]) -> str:
    ascii_only = quote(text, safe="".join(chr(n) for n in range(33, 127)), errors="surrogatepass")

    def one(code: re.Match[str]) -> str:
        char = chr(int(code[0][1:], 16))
        return code[0].upper() if char in keep or not "!" <= char <= "~" else char

    return _CODE.sub(one, ascii_only)


def fits(rule: str, path: str) -> bool:
    """Whether a rule, in its normal spelling, is a path's. Every piece between stars is sought once, from left to right."""
    anchored = rule.endswith("$")
    pieces = (rule[:-1] if anchored else rule).split("*")
    if not path.startswith(pieces[0]):
        return False
    at = len(pieces[0])
    for piece in pieces[1:-1] if anchored else pieces[1:]:
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    if not anchored:
        return True
    if len(pieces) == 1:
        return at == len(path)
    return len(path) - at >= len(pieces[-1]) and path.endswith(pieces[-1])


class Paths(Generic[T]):
    """Rules with what they say."""

    def __init__(self) -> None:
        self._plain: dict[str, list[T]] = {}
        self._starred: dict[str, list[T]] = {}
        self._lengths: tuple[int, ...] | None = None
        self._heads: dict[str, list[str]] = {}
        """Rules with stars by what stands before the first."""
        self._head_lengths: tuple[int, ...] = ()
        self.excess = False
        """Whether rules were left out, too many to be looked at."""

    def __bool__(self) -> bool:
        return bool(self._plain or self._starred)

    def add(self, rule: str, says: T) -> None:
        """Add a rule; several of one spelling are kept side by side."""
        spelled = normal(rule if rule.startswith(("/", "*")) else "/" + rule)
        spelled = spelled.rstrip("*") if spelled.endswith("*") else spelled
        starred = "*" in spelled or spelled.endswith("$")
        into = self._starred if starred else self._plain
        if starred and spelled not in into and len(into) >= MAX_STARRED:
            self.excess = True
            return
        into.setdefault(spelled, []).append(says)
        self._lengths = None

    def longest(self, path: str) -> list[T]:
        """What the longest rule that fits says; nothing where none fits."""
        if self._lengths is None:
            self._prepare()
        best, said = -1, []
        for length in self._lengths or ():
            if length <= len(path) and (found := self._plain.get(path[:length])) is not None:
                best, said = length, list(found)
                break
        for length in self._head_lengths:
            for rule in self._heads.get(path[:length], ()) if length <= len(path) else ():
                if len(rule) < best:
                    break
                if fits(rule, path):
                    said = [*said, *self._starred[rule]] if len(rule) == best else list(self._starred[rule])
                    best = len(rule)
        return said

    def _prepare(self) -> None:
        """Order what was added: plain rules by length, those with stars by their heads, longest first."""
        self._lengths = tuple(sorted({len(rule) for rule in self._plain}, reverse=True))
        self._heads = {}
        for rule in sorted(self._starred, key=len, reverse=True):
            self._heads.setdefault(rule.rstrip("$").partition("*")[0], []).append(rule)
        self._head_lengths = tuple(sorted({len(head) for head in self._heads}))


def first(rules: Iterable[tuple[str, T]], path: str) -> T | None:
    """What the first rule that fits says, in the order written."""
    return next((says for rule, says in rules if fits(normal(rule), path)), None)
