"""Names of persons by lists, without a model: a given name and a family name side by side, both in the lists of one country that the package Faker carries.

An option, for it is neither complete nor sure: `python -m tests.bench.bench_pii` prints its precision and recall on made-up people (whose names come from
lists like these, so that both flatter it) and every find in web pages, to be judged by eye. Misses: given or family names alone, names that no list has,
scripts other than Latin, names in capitals. Taken for names: streets, schools, firms and characters that are called after somebody.
"""

import pkgutil
import re
from collections import defaultdict
from functools import lru_cache
from importlib import import_module, metadata
from typing import Any

from curate.errors import SourceError

PACKAGE = "Faker"
_LETTER = rb"(?:[a-z]|\xc3[\x9f-\xbf]|\xc5[\x80-\xbf]|\xc4[\x80-\xbf])"
_NAME = rb"(?:[A-Z]|\xc3[\x80-\x9e]|\xc5[\x80-\xbd])" + _LETTER + rb"{1,20}(?:[-'](?:[A-Z])?" + _LETTER + rb"{1,20})?"
WORDS = re.compile(
    rb"(?<![\w\x80-\xff.@/-])("
    + _NAME
    + rb")(?: (?:[A-Z]\.|"
    + _NAME
    + rb"))?(?: (?:van|von|de|da|del|der|den))* ("
    + _NAME
    + rb")(?![\w\x80-\xff@])"
)
"""Two or three words with capitals in one line, in UTF-8; groups: the first and the last."""
_ORDINARY = """april may june august summer autumn winter dawn sky rose lily daisy ivy grace hope faith joy will mark bill art frank drew chase grant rich sandy
    virginia carolina georgia dakota montana paris london austin houston dallas madison jackson lincoln washington columbia victoria charlotte florence
    jordan israel chad kenya india china brittany san santa saint king prince duke texas florida north south east west captain rock roll marina fort"""
ORDINARY = frozenset(_ORDINARY.split())
"""Given names that are words or places: they need an initial between the two, or are no name."""


@lru_cache(maxsize=1)
def lists() -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    """(given name → countries, family name → countries), in lower case. SourceError without the package."""
    try:
        person = import_module("faker.providers.person")
    except ImportError:
        raise SourceError("pii: names: expected the package Faker with its lists of names, got none; pip install 'curate[names]'") from None
    given: dict[str, set[str]] = defaultdict(set)
    family: dict[str, set[str]] = defaultdict(set)
    for found in pkgutil.iter_modules(person.__path__):
        provider = getattr(import_module(f"faker.providers.person.{found.name}"), "Provider", None)
        country = found.name.partition("_")[0]
        for attribute in dir(provider):
            for start, into in (("first_names", given), ("last_names", family)):
                for name in _names(getattr(provider, attribute)) if attribute.startswith(start) else ():
                    into[name.lower()].add(country)
    return {name: frozenset(of) for name, of in given.items()}, {name: frozenset(of) for name, of in family.items()}


def _names(held: Any) -> list[str]:
    """Single words of Latin letters of three letters or more."""
    listed = list(held) if isinstance(held, dict | list | tuple) else []
    return [one for one in listed if isinstance(one, str) and len(one) >= 3 and " " not in one and all(char < "\u0250" for char in one)]


def find(text: bytes) -> list[tuple[int, int]]:
    """(first byte, end) of the names in a text in UTF-8."""
    found = []
    for match in WORDS.finditer(text):
        first, last = match[1].decode("utf-8", "replace"), match[2].decode("utf-8", "replace")
        if is_name(first, last, match.start(2) - match.end(1) > 1):
            found.append(match.span())
    return found


def version() -> str:
    """Of the lists: they enter the step's fingerprint."""
    lists()
    return f"{PACKAGE} {metadata.version(PACKAGE)}"


def is_name(first: str, last: str, between: bool) -> bool:
    """Whether two words are a given and a family name of one country."""
    given, family = lists()
    here, there = given.get(first.lower()), family.get(last.lower())
    if here is None or there is None or not here & there:
        return False
    return between or first.lower() not in ORDINARY
