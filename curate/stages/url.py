"""URL: addresses on block lists, and words in addresses. After the filter of FineWeb (Penedo et al. 2024, §3.1), with lists that the
recipe gives.

In this order: the registered domain is listed; the host name is; the whole URL is; one hard word; enough soft words; a listed string
anywhere in the URL without its punctuation. Words are runs of letters and digits; unlike datatrove, which lower-cases its lists but not
the URL, case is ignored. No list is shipped: FineWeb's are those of UT1 (Université Toulouse 1) and word lists of datatrove. A row
without a URL passes.
Misses: redirects and mirrors; one word decides about a page that it may only mention.
Price: about 300,000 URLs a second and core.

column     type    meaning
drop       string  listed_domain, listed_host, listed_url, hard_word, soft_words, listed_part; null where nothing is listed
value      string  what was found in the URL
threshold  string  the rule that it met
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa
from pydantic import Field, field_validator

from curate import listed
from curate.errors import SourceError
from curate.schema import registered_domain
from curate.stage import VERDICT, Columns, stage
from curate.stage import Config as Base

_WORD = re.compile(r"[a-z0-9]+")
_NOT_WORD = re.compile(r"[^a-z0-9]+")


class Config(Base):
    """Lists of addresses and words. Each is given here, or as files with one entry a line (`#` begins a comment), or both."""

    domains: list[str] = Field(default_factory=list)
    """Registered domains or host names; a domain stands for all its hosts."""
    domain_files: list[str] = Field(default_factory=list)
    """Files of such domains."""
    urls: list[str] = Field(default_factory=list)
    """Whole URLs; scheme, `www.` and a final slash do not matter."""
    url_files: list[str] = Field(default_factory=list)
    """Files of such URLs."""
    hard_words: list[str] = Field(default_factory=list)
    """Words of which one is enough."""
    hard_word_files: list[str] = Field(default_factory=list)
    """Files of such words."""
    soft_words: list[str] = Field(default_factory=list)
    """Words that only count together."""
    soft_word_files: list[str] = Field(default_factory=list)
    """Files of such words."""
    max_soft_words: int = Field(default=1, ge=0)
    """More different soft words in one URL: `soft_words`; FineWeb removes from two on."""
    parts: list[str] = Field(default_factory=list)
    """Strings that may stand anywhere in the URL once everything but letters and digits is taken out."""
    part_files: list[str] = Field(default_factory=list)
    """Files of such strings."""

    _there = field_validator("domain_files", "url_files", "hard_word_files", "soft_word_files", "part_files")(listed.there)


class Lists(NamedTuple):
    """The lists of one config, ready to be looked up in."""

    domains: frozenset[str]
    urls: frozenset[str]
    hard: frozenset[str]
    soft: frozenset[str]
    parts: re.Pattern[str] | None


def models(config: Config) -> dict[str, str]:
    """sha256 of every list file."""
    return listed.digests(config.domain_files + config.url_files + config.hard_word_files + config.soft_word_files + config.part_files)


@stage(version=1, reads=("url",), adds=VERDICT, models=models)
def url(batch: pa.RecordBatch, config: Config) -> Columns:
    lists = _lists(config.model_dump_json(), tuple(models(config).items()))
    rows = [_judged(address, lists, config.max_soft_words) if address else None for address in batch["url"].to_pylist()]
    names = list(VERDICT)
    return {name: pa.array([row[i] if row else None for row in rows], pa.string()) for i, name in enumerate(names)}


def _judged(address: str, lists: Lists, max_soft: int) -> tuple[str, str, str] | None:
    """(reason, what was found, the rule) for one URL, or None."""
    lower = address.strip().lower()
    host = _host(lower)
    domain = registered_domain(host) if lists.domains and host else None
    if domain in lists.domains and domain:
        return "listed_domain", domain, "in domains"
    if host in lists.domains:
        return "listed_host", host, "in domains"
    if lists.urls and (bare := _bare(lower)) in lists.urls:
        return "listed_url", bare, "in urls"
    if lists.hard or lists.soft:
        words = sorted(set(_WORD.findall(lower)))
        if hard := [word for word in words if word in lists.hard]:
            return "hard_word", hard[0], "in hard_words"
        if len(soft := [word for word in words if word in lists.soft]) > max_soft:
            return "soft_words", str(len(soft)), f"> {max_soft}"
    if lists.parts and (part := lists.parts.search(_NOT_WORD.sub("", lower))):
        return "listed_part", part.group(), "in parts"
    return None


def _host(lower: str) -> str:
    try:
        host = urlsplit(lower if "//" in lower else f"//{lower}").hostname or ""
    except ValueError:  # brackets that are no IPv6 address
        return ""
    return host.removeprefix("www.").rstrip(".")


def _bare(lower: str) -> str:
    return re.sub(r"^(?:[a-z][a-z0-9+.-]*:)?//", "", lower).removeprefix("www.").rstrip("/")


@lru_cache(maxsize=8)
def _lists(config_json: str, _digests: tuple[tuple[str, str], ...]) -> Lists:
    config = Config.model_validate_json(config_json)

    def read(given: list[str], files: list[str]) -> frozenset[str]:
        return frozenset(entry.strip().lower() for entry in [*given, *_entries(files)] if entry.strip())

    parts = sorted(_NOT_WORD.sub("", p) for p in read(config.parts, config.part_files))
    return Lists(
        frozenset(d.removeprefix("www.").rstrip(".") for d in read(config.domains, config.domain_files)),
        frozenset(_bare(u) for u in read(config.urls, config.url_files)),
        read(config.hard_words, config.hard_word_files),
        read(config.soft_words, config.soft_word_files),
        re.compile("|".join(re.escape(p) for p in parts if p)) if any(parts) else None,
    )


def _entries(files: list[str]) -> list[str]:
    found: list[str] = []
    for path in files:
        try:
            lines = Path(path).read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError as error:
            raise SourceError(f"url: expected a readable list, got {path}: {error}; give a path that exists") from error
        found += [line.split("#")[0] for line in lines]
    return found
