"""Personal data: e-mail addresses and public IPv4 addresses are replaced in the text. After datatrove's formatter, which FineWeb used.

The same address is replaced by the same thing wherever it stands, so that the result does not depend on the order of documents
(datatrove's does). Each address is taken as its patterns have it; the patterns `compat` finds are datatrove's, without boundaries around
numbers, so that version numbers such as 1.2.3.4.5 are rewritten as well. Only counts are kept, never what was found.
Misses: names, telephone numbers, IPv6, bank and identity numbers.
Price: about 50 MB of text a second and core.

column      type   meaning
edits       int32  replacements in all
num_emails  int64  e-mail addresses replaced
num_ips     int64  public IPv4 addresses replaced
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate import arrow
from curate.stage import Columns, Rule, stage
from curate.stage import Config as Base

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)"
_EMAIL = re.compile(rf"\b{_ATOM}(?:\.{_ATOM})*@(?:(?:{_LABEL}\.)+{_LABEL}|\[(?:{_OCTET}\.){{3}}(?:{_OCTET}|[A-Za-z0-9-]*[A-Za-z0-9]:)\])")
_QUAD = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_IP_COMPAT = re.compile(_QUAD)
_IP = re.compile(rf"(?<![\d.]){_QUAD}(?![\d]|\.\d)")
_HINT = r"@|\d\.\d{1,3}\.\d{1,3}\.\d"
EMAILS = ("email@example.com", "firstname.lastname@example.org")
"""Addresses at names reserved for examples (RFC 2606)."""
_RESERVED = tuple(address[address.index("@") :] for address in EMAILS)
IPS = ("22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168")
"""What datatrove puts in place of public IPv4 addresses: host names of which do not answer."""
MAX_LOCAL, MAX_HOST = 256, 320
"""Characters before and after an `@` that can belong to an address; RFC 5321 allows 64 and 255."""
TAGS = ("<EMAIL>", "<IP_ADDRESS>")


class Config(Base):
    """What is replaced, and by what."""

    replace: Literal["tag", "example", "compat"] = "tag"
    """tag: <EMAIL>, <IP_ADDRESS>; example: one fixed address each; compat: datatrove's patterns and its lists of addresses in turn, begun
    anew in
    each document."""
    emails: bool = True
    """Replace e-mail addresses."""
    ips: bool = True
    """Replace IPv4 addresses that are public; private and reserved ones stay."""
    max_found: int | None = Field(default=None, ge=0)
    """A document with more replacements leaves as `much_personal_data`; Dolma removed from six on."""


@stage(
    version=1,
    reads=("text",),
    adds={"edits": pa.int32(), "num_emails": pa.int64(), "num_ips": pa.int64()},
    rules=(Rule("much_personal_data", "edits", ">", "max_found"),),
    replaces=("text",),
)
def pii(batch: pa.RecordBatch, config: Config) -> Columns:
    text = batch["text"]
    known = arrow.valid(text)
    hit = np.asarray(pc.fill_null(pc.match_substring_regex(text, _HINT), False))
    emails, ips = np.zeros(len(text), dtype=np.int64), np.zeros(len(text), dtype=np.int64)
    changed = np.zeros(len(text), dtype=np.bool_)
    fresh: list[str] = []
    for row in np.flatnonzero(hit):
        old = text[int(row)].as_py()
        new, emails[row], ips[row] = redacted(old, config)
        if new != old:
            changed[row] = True
            fresh.append(new)
    if fresh:
        text = pc.replace_with_mask(text, pa.array(changed), pa.array(fresh, text.type))
    return {
        "text": text,
        "edits": pa.array((emails + ips).astype(np.int32), mask=~known),
        "num_emails": pa.array(emails, mask=~known),
        "num_ips": pa.array(ips, mask=~known),
    }


def redacted(text: str, config: Config) -> tuple[str, int, int]:
    """The text without addresses, and how many e-mail and IP addresses were replaced."""
    num_emails = num_ips = 0

    def email(match: re.Match[str]) -> str:
        nonlocal num_emails
        if config.replace == "example" and match.group().endswith(_RESERVED):
            return match.group()
        num_emails += 1
        if config.replace == "tag":
            return TAGS[0]
        return EMAILS[(num_emails - 1) % len(EMAILS) if config.replace == "compat" else 0]

    def ip(match: re.Match[str]) -> str:
        nonlocal num_ips
        if not _is_public(match.group()) or (config.replace == "example" and match.group() in IPS):
            return match.group()
        num_ips += 1
        if config.replace == "tag":
            return TAGS[1]
        return IPS[(num_ips - 1) % len(IPS) if config.replace == "compat" else 0]

    if config.emails:
        text = _emails_replaced(text, email)
    if config.ips:
        text = (_IP_COMPAT if config.replace == "compat" else _IP).sub(ip, text)
    return text, num_emails, num_ips


def _emails_replaced(text: str, replacement: Callable[[re.Match[str]], str]) -> str:
    """`_EMAIL.sub`, but looking only around each `@`, so that a long run of letters and hyphens costs no more than it is long."""
    made: list[str] = []
    done = 0
    at = text.find("@")
    while at >= 0:
        match = _EMAIL.search(text, max(done, at - MAX_LOCAL), min(len(text), at + MAX_HOST))
        if match:
            made += (text[done : match.start()], replacement(match))
            done = match.end()
        at = text.find("@", max(at + 1, done))
    made.append(text[done:])
    return "".join(made)


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:  # a leading zero
        return False
