"""datatrove's formatter of personal data: e-mail and public IPv4 addresses, each replaced by the next of a list."""

import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.personal.addresses import EMAIL_COMPAT, IP_COMPAT, is_public

_HINT = r"@|\d\.\d{1,3}\.\d{1,3}\.\d"
EMAILS = ("email@example.com", "firstname.lastname@example.org")
"""Addresses at names reserved for examples (RFC 2606)."""
IPS = ("22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168")
"""What datatrove puts in place of public IPv4 addresses: host names of which do not answer."""
MAX_LOCAL, MAX_HOST = 256, 320
"""Characters before and after an `@` that are looked at."""


def rows(text: pa.Array) -> list[int]:
    """Rows that may hold an address."""
    hit = np.asarray(pc.fill_null(pc.match_substring_regex(text, _HINT), False))
    return [int(row) for row in np.flatnonzero(hit)]


def redacted(text: str, emails: bool, ips: bool) -> tuple[str, list[str]]:
    """The text with addresses replaced, and the type of each replacement."""
    found: list[str] = []

    def email(match: re.Match[str]) -> str:
        found.append("email")
        return EMAILS[(found.count("email") - 1) % len(EMAILS)]

    def ip(match: re.Match[str]) -> str:
        if not is_public(match.group()):
            return match.group()
        found.append("ip")
        return IPS[(found.count("ip") - 1) % len(IPS)]

    if emails:
        text = emails_replaced(text, email)
    if ips:
        text = IP_COMPAT.sub(ip, text)
    return text, found


def emails_replaced(text: str, replacement: Callable[[re.Match[str]], str]) -> str:
    """`EMAIL_COMPAT.sub`, but looking only around each `@`, so that a long run of letters and hyphens costs no more than it is long."""
    made: list[str] = []
    done = 0
    at = text.find("@")
    while at >= 0:
        match = EMAIL_COMPAT.search(text, max(done, at - MAX_LOCAL), min(len(text), at + MAX_HOST))
        if match:
            made += (text[done : match.start()], replacement(match))
            done = match.end()
        at = text.find("@", max(at + 1, done))
    made.append(text[done:])
    return "".join(made)
